//! Finds limits on tokens that never apply, since the client of the agent does not tell what it uses.

use super::{Patient, listed};
use crate::act::runs_hooks;
use crate::model::SortedMap;
use crate::model::{Checked, Desired, Fix, TokenLimits, Town};

const CHECK: &str = "tokens";

/// One line for all sessions of an agent.
pub(super) fn check(patient: &Patient<'_>) -> Vec<Checked> {
    let mut groups: SortedMap<(&str, &str), Vec<&str>> = SortedMap::new();
    for desired in patient.town.into_iter().flat_map(Town::declared) {
        if let Some(why) = why_never(desired) {
            let group = (desired.agent.name.as_str(), why);
            groups.entry(group).or_default().push(desired.name.as_str());
        }
    }
    let line = |((agent, why), names): ((&str, &str), Vec<&str>)| {
        let message = format!(
            "max_tokens and max_context do nothing for {}: {agent} {why}",
            listed(&names)
        );
        let first = names.first().copied().unwrap_or_default();
        let fix = Fix::run(["gtctl", "config", "show", first]);
        Checked::ailing(CHECK, message, fix)
    };
    groups.into_iter().map(line).collect()
}

/// Why no limit on tokens of this session ever applies. None where one does, or none is set.
fn why_never(desired: &Desired) -> Option<&'static str> {
    let agent = &desired.agent;
    // A limit in `[defaults]` is not meant for a plain command.
    let is_agent = agent.client.is_some() || !agent.ready.is_empty() || !agent.busy.is_empty();
    if desired.tokens == TokenLimits::default() || !is_agent {
        return None;
    }
    if !agent.tells_tokens() {
        return Some("does not tell gtctl how many tokens it uses");
    }
    (!runs_hooks(desired))
        .then_some("tells by its hooks, and gtctl cannot add them to this command")
}
