//! Says on which host each session of a town runs, and which of them move.
//!
//! [`place`] is what the leader of the town decides from one look at the store. A placement that is
//! still valid is kept. Else the host with the fewest sessions that can take it is chosen; of
//! several, the first by name. A session moves for three causes only:
//!
//! - Its host is lost, and the session has `on_host_loss = "move"` or somebody has said that the
//!   host is lost for good.
//! - It shall leave its host, because that is drained or not allowed any more. Then the host stops
//!   it first, and says so.
//! - Somebody asks to spread the sessions anew. That is such a leave, too.
//!
//! Each change is a [`Transaction`] with all that it rests on as conditions. So a leader that is no
//! leader any more, or has seen too little, changes nothing.
//!
//! **Architecture invariant:** nothing here reads a clock or the store.

mod candidates;
mod decide;
mod lead;
mod leave;
mod lost;

pub use lead::{claim, led_by};
pub use lost::Absences;

use crate::model::SortedMap;
use crate::model::{
    FleetSession, FleetView, HostName, Moment, Period, PlaceReason, Revision, SessionName,
    Transaction,
};

/// The most sessions that are on their way from one host to another by plan. Those of a lost host
/// do not count: they all move at once.
pub const MOST_LEAVING: usize = 4;

/// What a leader knows when it places the sessions.
#[derive(Debug, Clone, Copy)]
pub struct Placing<'a> {
    /// The store, read from a quorum.
    pub view: &'a FleetView,
    /// The sessions that are declared.
    pub sessions: &'a SortedMap<SessionName, FleetSession>,
    /// Which hosts are gone, and for how long the leader has seen that.
    pub absences: &'a Absences,
    /// How long a host must be gone before its sessions start elsewhere.
    pub lock_delay: Period,
    /// The [`PROTOCOL`](crate::model::fleet::PROTOCOL) that a host must understand.
    pub protocol: u32,
    /// The revision in which the leader's key was made.
    pub leader: Revision,
    /// Whether somebody has asked to spread the sessions anew. Keep it set until no session has
    /// [`PlaceReason::OthersLeaving`] or [`PlaceReason::GapNotOver`] for that.
    pub rebalance: bool,
    /// Now.
    pub now: Moment,
}

/// Where a session is to be, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceVerdict {
    /// Its host, once [`PlaceVerdict::change`] is made. None if it has none.
    pub host: Option<HostName>,
    /// Why.
    pub reason: PlaceReason,
    /// What is to be written to the store. None if all stays as it is.
    pub change: Option<Transaction>,
}

/// Says for each session where it is to be. The changes may be written in any order, or together.
///
/// It has a verdict for each session that is declared and for each that has a place.
#[must_use]
pub fn place(placing: &Placing<'_>) -> SortedMap<SessionName, PlaceVerdict> {
    decide::all(placing)
}

#[cfg(test)]
mod tests;
