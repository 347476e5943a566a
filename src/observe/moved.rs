//! Agents of ours whose pane somebody has moved out of their session: the session is gone, and its agent lives on in
//! another's.

use super::life::{self, Pane};
use super::reach::Found;
use crate::model::{MovedOut, Ownership, PaneId, Seen, SessionName, Town};
use crate::proc::{marker, tree};
use std::collections::{BTreeMap, BTreeSet};

/// So many panes are looked into at most: each costs the reading of an environment.
const MAX_PANES: usize = 2000;

/// Finds them, by the marker that they were started with. Costs nothing while every declared session is there.
pub(super) fn find(found: &Found, town: &Town, sessions: &BTreeMap<String, Seen>) -> BTreeMap<SessionName, MovedOut> {
    let labels = || {
        sessions.values().filter_map(|seen| match &seen.ownership {
            Ownership::Ours(label) => Some(label),
            Ownership::Unlabelled | Ownership::Foreign(_) => None,
        })
    };
    let is_missing = |name: &SessionName| !sessions.contains_key(name.as_str());
    if !town.declared().any(|desired| is_missing(&desired.name)) {
        return BTreeMap::new();
    }
    let ours: BTreeSet<&SessionName> = labels().map(|label| &label.session).collect();
    let is_absent = |name: &SessionName| is_missing(name) && !ours.contains(name);
    if !town.declared().any(|desired| is_absent(&desired.name)) {
        return BTreeMap::new();
    }
    let in_place: BTreeSet<PaneId> = labels().map(|label| label.pane).collect();
    let others = found.panes().filter(|(row, _)| !in_place.contains(&row.pane));
    let mut moved = BTreeMap::new();
    for (row, pane) in others.take(MAX_PANES) {
        let Pane::Running(process, _) = pane else { continue };
        let Some((name, _)) = marker::borne(row.pid, &town.name) else { continue };
        let declared = town.sessions.get(&name).filter(|desired| desired.policy.is_none() && is_absent(&name));
        let runs = |names: &[String]| life::runs(&life::members(pane, tree::tree), names);
        // What somebody opened from within the session bears the marker too.
        if declared.is_some_and(|desired| runs(&desired.agent.process_names)) {
            moved.entry(name).or_insert_with(|| MovedOut { process: *process, session: row.name.clone() });
        }
    }
    moved
}
