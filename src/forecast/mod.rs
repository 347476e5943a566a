//! What a town will do if nothing interferes: the planner on the town as it is now, a clock that
//! jumps from one check to the next, and a tmux that does as it is told.
//!
//! Every check runs the steps of [`reconcile`](crate::reconcile), so a forecast decides as the
//! controller would. Its first check is the one that `gtctl diff` shows.
//!
//! **Architecture invariant:** pure. The same present gives the same forecast.

mod obedient;
mod run;

use crate::model::{
    Hold, LastReports, Memory, Moment, Observed, Period, Reason, Scope, SessionName, Town, Verb,
};

/// The town as one look shows it.
#[derive(Debug, Clone)]
pub struct Present<'a> {
    /// What is wanted, with all that the look has added.
    pub town: &'a Town,
    /// What is there.
    pub observed: Observed,
    /// What agents that do not live any more have reported last.
    pub last_reports: LastReports,
    /// The sessions that the look asked after.
    pub scope: Scope,
    /// What was remembered before the look.
    pub memory: Memory,
    /// When the look began.
    pub now: Moment,
}

/// What a forecast takes for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumptions {
    /// How far it goes, at most [`Assumptions::FURTHEST`].
    pub horizon: Period,
    /// What agents do meanwhile.
    pub agents: AgentsDo,
}

impl Assumptions {
    /// No forecast goes further.
    pub const FURTHEST: Period = Period::from_hours(24 * 366);
}

/// What agents do while nobody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentsDo {
    /// Those at work go on working. All others stay as they are.
    StayAsTheyAre,
    /// Those at work are idle after so long.
    FallIdleAfter(Period),
}

/// What will happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The moment of the look.
    pub from: Moment,
    /// How far it goes.
    pub to: Moment,
    /// What it takes for granted.
    pub assumptions: Assumptions,
    /// What happens, in order, at most [`Forecast::MAX_EVENTS`].
    pub events: Vec<Foreseen>,
    /// Whether there is more than that.
    pub is_cut: bool,
    /// By how much an event may really come earlier: where very much happens, not each moment is
    /// looked at.
    pub late: Period,
}

impl Forecast {
    /// More events are not listed.
    pub const MAX_EVENTS: usize = 100_000;
}

/// One thing that will happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreseen {
    /// When.
    pub at: Moment,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// A step is taken.
    Step {
        /// For which session.
        session: SessionName,
        /// What is done.
        verb: Verb,
        /// Why.
        reason: Reason,
        /// What it had to wait for until then.
        waited: Option<Hold>,
    },
    /// A step does not wait any more, and is not taken either.
    HoldEnds {
        /// Of which session.
        session: SessionName,
        /// What was waited for.
        hold: Hold,
    },
    /// A chore runs.
    Chore {
        /// Which.
        chore: String,
    },
}

/// Foresees what will happen.
///
/// Where the present is unknown, nothing is foreseen.
#[must_use]
pub fn foresee(present: Present<'_>, assumptions: Assumptions) -> Forecast {
    run::Run::new(present, assumptions).live()
}

#[cfg(test)]
mod tests;
