//! `gtctl validate`: every fault in the manifest, at its place.

use super::args::{Global, TownArg};
use super::exit::{Exit, Trouble};
use super::manifest::{ManifestFile, print_faults};
use super::output::Terminal;
use crate::manifest::{Loaded, MaxAgeOf, Origins, PLAIN_COMMAND};
use crate::model::SortedMap;
use crate::model::{Agent, Town};
use crate::render::json::{VERSION, ValidatePage};
use crate::render::words::count;

pub(super) fn run(global: &Global, args: &TownArg, terminal: &Terminal) -> Result<Exit, Trouble> {
    let file = ManifestFile::of(global, args);
    file.say_where(terminal);
    let Loaded {
        town,
        advice,
        origins,
    } = file.load(terminal)?;
    if !advice.list.is_empty() && !terminal.quiet {
        print_faults(&advice, terminal);
    }
    let (sessions, policies, chores) =
        (town.sessions.len(), town.policies.len(), town.chores.len());
    let likes: SortedMap<&str, &str> = town
        .sessions
        .values()
        .filter_map(|session| likeness(&session.agent))
        .collect();
    if terminal.is_json() {
        let owned = |(agent, like): (&str, &str)| (agent.to_owned(), like.to_owned());
        terminal.print_json(&ValidatePage {
            version: VERSION,
            kind: "validate".to_owned(),
            town: town.name.to_string(),
            file: file.path.display().to_string(),
            sessions,
            policies,
            chores,
            likes: likes.into_iter().map(owned).collect(),
        });
    } else {
        let mut parts = vec![count(sessions, "session")];
        parts.extend((policies > 0).then(|| {
            format!(
                "{policies} {}",
                if policies == 1 { "policy" } else { "policies" }
            )
        }));
        parts.extend((chores > 0).then(|| count(chores, "chore")));
        terminal.print(&format!(
            "{}: town {} is valid: {}\n",
            file.path.display(),
            town.name,
            parts.join(", ")
        ));
        for (agent, like) in likes {
            terminal.print(&format!("  agent {agent} is like {like}\n"));
        }
        if !terminal.quiet {
            terminal.print(&ages(&town, &origins));
        }
    }
    Ok(Exit::Done)
}

/// An agent, and the agent whose tables it inherits, if any.
fn likeness(agent: &Agent) -> Option<(&str, &str)> {
    agent
        .like
        .as_deref()
        .map(|like| (agent.name.as_str(), like))
}

/// The default `max_age` of the two kinds of sessions.
fn ages(town: &Town, origins: &Origins) -> String {
    let Some((usual, origin)) = origins.usual_max_age() else {
        return String::new();
    };
    let (mut usually, mut plain) = (0, 0);
    for desired in town.declared() {
        match origins.max_age_of(desired) {
            Some(MaxAgeOf::Defaults) => usually += 1,
            Some(MaxAgeOf::PlainCommand) => plain += 1,
            Some(MaxAgeOf::Itself) | None => {}
        }
    }
    let mut parts = Vec::new();
    if usually > 0 {
        parts.push(format!(
            "{} for {} ({origin})",
            usual.trim_matches('"'),
            count(usually, "session")
        ));
    }
    if plain > 0 {
        parts.push(format!(
            "off for {} ({PLAIN_COMMAND})",
            count(plain, "session")
        ));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!("max_age by default: {}\n", parts.join(", "))
    }
}
