//! What the process trees of the sessions on the screen use. Only who looks at it pays for it.

use super::look::Looked;
use crate::model::SortedMap;
use crate::model::{ProcId, SessionName};
use crate::proc::tree;
use crate::render::top::Measured;
use std::time::Instant;

/// One measure of a tree.
#[derive(Debug, Clone, Copy)]
struct Measure {
    process: ProcId,
    cpu_ms: u64,
    at: Instant,
}

/// The last measure of each session on the screen.
#[derive(Debug, Default)]
pub(super) struct UsageMeter(SortedMap<SessionName, Measure>);

impl UsageMeter {
    /// Measures these sessions, and compares with the last measure.
    pub(super) fn measure<'s>(
        &mut self,
        looked: &Looked,
        sessions: impl Iterator<Item = &'s SessionName>,
    ) -> SortedMap<SessionName, Measured> {
        let processes = looked.processes();
        let before = std::mem::take(&mut self.0);
        let mut measured = SortedMap::new();
        for session in sessions {
            let Some(process) = processes.get(session.as_str()).copied() else {
                continue;
            };
            let usage = tree::usage(&tree::tree(process));
            let now = Measure {
                process,
                cpu_ms: usage.cpu_ms,
                at: Instant::now(),
            };
            let last = before.get(session).filter(|last| last.process == process);
            let value = Measured {
                cpu_percent: last.and_then(|last| percent(last, &now)),
                rss: usage.rss,
            };
            self.0.insert(session.clone(), now);
            measured.insert(session.clone(), value);
        }
        measured
    }
}

/// Processor time between two measures in percent of one core.
fn percent(last: &Measure, now: &Measure) -> Option<u32> {
    let passed = now.at.duration_since(last.at).as_millis();
    let used = u128::from(now.cpu_ms.saturating_sub(last.cpu_ms));
    let percent = (used * 100).checked_div(passed)?;
    u32::try_from(percent).ok()
}
