//! A renamed session keeps its history.

use super::learn::Ours;
use crate::model::{Generation, History, Memory, SessionName, Town};

/// Gives the history of each former name to the session that has a new name now, or that will be
/// started under it.
///
/// A session that still has its former name keeps its history there until it is renamed.
pub(super) fn follow_renames(memory: &mut Memory, town: &Town, ours: &Ours<'_>) {
    for (former, name) in town.former_names() {
        if ours.contains_key(&former) || !memory.sessions.contains_key(&former) {
            continue;
        }
        let runs_on = ours.get(&name).map(|(_, label)| label.generation);
        follow(memory, &former, &name, runs_on);
    }
}

/// Gives the history of a former name to the session with the new name.
///
/// If the new name has a run of its own, that history stays, unless `runs_on` is the run of the
/// former name.
pub(super) fn follow(
    memory: &mut Memory,
    former: &SessionName,
    name: &SessionName,
    runs_on: Option<Generation>,
) {
    let Some(old) = memory.sessions.get(former) else {
        return;
    };
    let is_its_run = runs_on.is_some_and(|generation| old.run_of(generation).is_some());
    let own = memory.sessions.get(name);
    let has_own_run = own.is_some_and(|own| own.run.is_some());
    if has_own_run && !is_its_run {
        return;
    }
    let is_followed = runs_on.is_some_and(|run| own.is_some_and(|own| own.run_of(run).is_some()));
    let Some(old) = memory.sessions.remove(former).filter(|_| !is_followed) else {
        return;
    };
    let own = memory.sessions.remove(name).unwrap_or_default();
    let history = History {
        generation: old.generation.max(own.generation),
        stopped: old.stopped || own.stopped,
        went_down: (old.went_down || !old.stopped)
            && (own.went_down || !own.stopped)
            && (old.went_down || own.went_down),
        restart_asked: old.restart_asked || own.restart_asked,
        prune: own.prune,
        ..old
    };
    memory.sessions.insert(name.clone(), history);
}

#[cfg(test)]
#[path = "rename_tests.rs"]
mod tests;
