//! What a controller has seen and decided, check by check, in few bytes; and what another manifest
//! would have decided in its place.
//!
//! A record holds for each check all that its decision depends on beside the manifest
//! ([`Circumstances`]). Each line of it holds what has changed since the line before. So a replay
//! asks the planner at every check, about what really was.
//!
//! **Architecture invariant:** pure. The same record and the same manifest give the same decisions.

mod delta;
mod digest;
mod line;
mod replay;

use crate::model::SortedMap;
use crate::model::{
    CannotStart, Gastown, LastReports, Memory, Moment, Observed, Orders, Scope, SessionName,
};

pub use digest::{Decision, Resolve, decisions_of, digest_of};
pub use line::{Player, RecordFault, Recorded, Recorder};
pub use replay::{Difference, Replay, Replayer};

/// All that one decision depends on beside the manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Circumstances {
    /// When the look began.
    pub now: Moment,
    /// What was remembered before the look.
    pub memory: Memory,
    /// What the look has shown.
    pub observed: Observed,
    /// What agents that do not live any more have reported last.
    pub last_reports: LastReports,
    /// The sessions that the look asked after.
    pub scope: Scope,
    /// What the controller was allowed.
    pub orders: Orders,
    /// What Gas Town's files asked.
    pub gastown: Gastown,
    /// The sessions that could not be started.
    pub unstartable: SortedMap<SessionName, CannotStart>,
}

#[cfg(test)]
mod tests;
