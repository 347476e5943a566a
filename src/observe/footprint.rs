//! Measures the memory of sessions that have a memory limit.

use super::screens::living;
use crate::model::{Desired, Label, Life, Memory, Moment, Period, Server, Town};
use crate::proc::tree::{self, Forest};

/// A tree within its limit is measured again after this time.
const MEASURE_AGAIN: Period = Period::from_secs(10);
/// A tree above its limit is measured again after this time, to confirm.
const AGREE_AFTER: Period = Period::from_millis(500);
/// Up to this many trees are read one by one. For more, one read of all processes is cheaper.
const FEW_TREES: usize = 32;

/// Measures the sessions whose measurement is due.
pub(super) fn add_footprints(town: &Town, memory: &Memory, server: &mut Server, now: Moment) {
    let sessions = server.sessions.values_mut();
    let due = sessions.filter_map(|seen| {
        let (desired, label) = living(town, seen)?;
        let limit = desired
            .max_memory
            .filter(|_| is_due(memory, desired, label, now))?;
        Some((seen, limit))
    });
    let due: Vec<_> = due.collect();
    let forest = (due.len() > FEW_TREES).then(Forest::scan);
    for (seen, limit) in due {
        let Life::Alive { process, .. } = &seen.life else {
            continue;
        };
        let members = forest
            .as_ref()
            .map_or_else(|| tree::tree(*process), |forest| forest.tree(*process));
        seen.footprint = (!members.is_empty()).then(|| tree::footprint(&members, limit));
    }
}

fn is_due(memory: &Memory, desired: &Desired, label: &Label, now: Moment) -> bool {
    let last = memory
        .sessions
        .get(&desired.name)
        .and_then(|history| history.run_of(label.generation))
        .and_then(|run| run.footprint);
    let Some(last) = last else {
        return true;
    };
    let is_large = desired.max_memory.is_some_and(|limit| last.bytes > limit);
    now.since(&last.at) >= if is_large { AGREE_AFTER } else { MEASURE_AGAIN }
}
