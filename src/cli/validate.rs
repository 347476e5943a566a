//! `gtctl validate`: every fault in the manifest, at its place.

use super::args::{Global, TownArg};
use super::exit::{Exit, Trouble};
use super::manifest::{ManifestFile, print_faults};
use super::output::Terminal;
use crate::manifest::Loaded;
use crate::model::Agent;
use std::collections::BTreeMap;

pub(super) fn run(global: &Global, args: &TownArg, terminal: &Terminal) -> Result<Exit, Trouble> {
    let file = ManifestFile::of(global, args);
    let Loaded { town, advice, .. } = file.load(terminal)?;
    if !advice.list.is_empty() && !terminal.quiet {
        print_faults(&advice, terminal);
    }
    let (sessions, policies, chores) = (town.sessions.len(), town.policies.len(), town.chores.len());
    let likes: BTreeMap<&str, &str> = town.sessions.values().filter_map(|session| likeness(&session.agent)).collect();
    if terminal.is_json() {
        terminal.print_json(&serde_json::json!({
            "version": 1, "kind": "validate", "town": town.name.as_str(),
            "sessions": sessions, "policies": policies, "chores": chores,
            "likes": likes,
        }));
    } else {
        let count = |n: usize, noun: &str| crate::render::words::count(n, noun);
        let mut parts = vec![count(sessions, "session")];
        parts.extend(
            (policies > 0).then(|| format!("{policies} {}", if policies == 1 { "policy" } else { "policies" })),
        );
        parts.extend((chores > 0).then(|| count(chores, "chore")));
        terminal.print(&format!("{}: town {} is valid: {}\n", file.path.display(), town.name, parts.join(", ")));
        for (agent, like) in likes {
            terminal.print(&format!("  agent {agent} takes its tables from {like}\n"));
        }
    }
    Ok(Exit::Done)
}

/// An agent and the one whose tables it takes, where it takes any.
fn likeness(agent: &Agent) -> Option<(&str, &str)> {
    agent.like.as_deref().map(|like| (agent.name.as_str(), like))
}
