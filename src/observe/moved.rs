//! Finds agents whose pane somebody has moved to another session, where they live on. Their own
//! session may be gone, or may stand with other panes.

use super::life::{self, Pane};
use super::locate_server::Found;
use crate::model::{
    Death, Generation, Label, Life, MovedOut, Ownership, PaneId, Seen, SessionName, Town,
};
use crate::model::{SortedMap, SortedSet};
use crate::proc::{env_tag, tree};
use crate::tmux::list::PaneRow;

/// The most panes examined. Each costs the reading of one environment.
const MAX_PANES: usize = 2000;

/// Finds moved agents, by the pane in their label or by the tag in their environment.
///
/// Costs nothing while every declared session exists with its pane.
pub(super) fn find(
    found: &Found,
    town: &Town,
    sessions: &SortedMap<String, Seen>,
) -> SortedMap<SessionName, MovedOut> {
    let displaced = displaced(sessions);
    let is_missing = |name: &SessionName| !sessions.contains_key(name.as_str());
    let is_whole =
        displaced.is_empty() && !town.declared().any(|desired| is_missing(&desired.name));
    if is_whole {
        return SortedMap::new();
    }
    let ours: SortedSet<&SessionName> = labels(sessions).map(|(_, label)| &label.session).collect();
    let is_absent = |name: &SessionName| is_missing(name) && !ours.contains(name);
    let is_wanted = |name: &SessionName| displaced.contains_key(name) || is_absent(name);
    if displaced.is_empty() && !town.declared().any(|desired| is_absent(&desired.name)) {
        return SortedMap::new();
    }
    let in_place: SortedSet<PaneId> = labels(sessions)
        .filter(|(seen, _)| !has_vanished(seen))
        .map(|(_, label)| label.pane)
        .collect();
    let others = found
        .panes()
        .filter(|(row, _)| !in_place.contains(&row.pane));
    let mut moved = SortedMap::new();
    for (row, pane) in others.take(MAX_PANES) {
        let Pane::Running(process, _) = pane else {
            continue;
        };
        let Some(name) = by_pane(row, &displaced).or_else(|| by_tag(row, town, &displaced)) else {
            continue;
        };
        let declared = town
            .sessions
            .get(&name)
            .filter(|desired| desired.policy.is_none() && is_wanted(&name));
        let runs = |names: &[String]| life::runs(&life::members(pane, tree::tree), names);
        // Processes that a user has opened from within the session have the tag too.
        if declared.is_some_and(|desired| runs(&desired.agent.process_names)) {
            moved.entry(name).or_insert_with(|| MovedOut {
                process: *process,
                session: row.name.clone(),
            });
        }
    }
    moved
}

/// Marks sessions whose agents were moved: their own panes do not show how the agents fare.
pub(super) fn mark(
    sessions: &mut SortedMap<String, Seen>,
    moved: &SortedMap<SessionName, MovedOut>,
) {
    if moved.is_empty() {
        return;
    }
    for seen in sessions.values_mut().filter(|seen| has_vanished(seen)) {
        let Ownership::Ours(label) = &seen.ownership else {
            continue;
        };
        if let Some(MovedOut { session, .. }) = moved.get(&label.session) {
            seen.life = Life::Unknown(format!("its pane is in session {session} now"));
        }
    }
}

type Displaced<'a> = SortedMap<&'a SessionName, (PaneId, Generation)>;

/// Our sessions that stand without their agent's pane.
fn displaced(sessions: &SortedMap<String, Seen>) -> Displaced<'_> {
    let without_pane = labels(sessions).filter(|(seen, _)| has_vanished(seen));
    without_pane
        .map(|(seen, label)| (&label.session, (seen.pane, label.generation)))
        .collect()
}

fn labels(sessions: &SortedMap<String, Seen>) -> impl Iterator<Item = (&Seen, &Label)> {
    sessions.values().filter_map(|seen| match &seen.ownership {
        Ownership::Ours(label) => Some((seen, label)),
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
    })
}

fn has_vanished(seen: &Seen) -> bool {
    matches!(
        seen.life,
        Life::Dead {
            death: Death::Vanished,
            ..
        }
    )
}

/// The session whose label names this pane, although the pane is in another session.
fn by_pane(row: &PaneRow, displaced: &Displaced<'_>) -> Option<SessionName> {
    displaced
        .iter()
        .find(|(_, (pane, _))| *pane == row.pane)
        .map(|(name, _)| (*name).clone())
}

/// The session in the tag of the pane's process.
///
/// If that session still stands, only its current incarnation counts. What is left of a former one
/// is not its agent.
fn by_tag(row: &PaneRow, town: &Town, displaced: &Displaced<'_>) -> Option<SessionName> {
    let (name, life) = env_tag::borne(row.pid, &town.name)?;
    let name = town
        .sessions
        .values()
        .find(|desired| desired.moved.contains(&name))
        .map_or(name, |desired| desired.name.clone());
    let is_present = displaced
        .get(&name)
        .is_none_or(|(_, generation)| *generation == life);
    is_present.then_some(name)
}
