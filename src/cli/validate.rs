//! `gtctl validate`: every fault in the manifest, at its place.

use super::args::{Global, TownArg};
use super::exit::{Exit, Trouble};
use super::manifest::{ManifestFile, print_faults};
use super::output::Terminal;
use crate::manifest::{Explained, Loaded, Origins, PLAIN_COMMAND};
use crate::model::{Agent, Town};
use crate::render::words::count;
use std::collections::BTreeMap;

pub(super) fn run(global: &Global, args: &TownArg, terminal: &Terminal) -> Result<Exit, Trouble> {
    let file = ManifestFile::of(global, args);
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
    let likes: BTreeMap<&str, &str> = town
        .sessions
        .values()
        .filter_map(|session| likeness(&session.agent))
        .collect();
    if terminal.is_json() {
        terminal.print_json(&serde_json::json!({
            "version": 1, "kind": "validate", "town": town.name.as_str(),
            "sessions": sessions, "policies": policies, "chores": chores,
            "likes": likes,
        }));
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
        terminal.print(&ages(&town, &origins));
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
    let explained = town.declared().flat_map(|desired| origins.explain(desired));
    let ages: Vec<Explained> = explained.filter(|line| line.field == "max_age").collect();
    let (plain, others): (Vec<_>, Vec<_>) =
        ages.iter().partition(|line| line.origin == PLAIN_COMMAND);
    let Some((usual, origin)) = origins.usual_max_age() else {
        return String::new();
    };
    let usually = others.iter().filter(|line| line.origin == origin).count();
    let mut parts = Vec::new();
    if usually > 0 {
        parts.push(format!(
            "{} for {} ({origin})",
            usual.trim_matches('"'),
            count(usually, "session")
        ));
    }
    if !plain.is_empty() {
        parts.push(format!(
            "off for {} ({PLAIN_COMMAND})",
            count(plain.len(), "session")
        ));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!("max_age by default: {}\n", parts.join(", "))
    }
}
