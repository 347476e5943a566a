//! Says until when the sessions of a host may live and start.
//!
//! The store takes a host for lost some time after the host has last shown that it lives. What can
//! move then starts elsewhere, so it must be dead here by then. A host therefore has a deadline:
//!
//! - A beat is an answer to a keepalive of the host's lease **and** a read, from a quorum, of the
//!   revision in which the host's key was made. Both good: the deadline is when the beat was sent,
//!   plus `fence`. Else it stays. A keepalive alone proves nothing: a store whose leader is stuck
//!   answers it long after the key is gone.
//! - At the deadline the guard ends everything that can move ([`FenceState::must_be_dead_at`]).
//! - A start needs a [`Permit`](crate::model::Permit): a transaction that succeeds only if the
//!   host's key and the session's place are as they were. The run may begin only before the
//!   permit's end.
//! - A host that signs in, also again, first ends the runs that are not its own any more
//!   ([`stale`]). Until it is rid of them no beat moves the deadline.
//!
//! **Architecture invariant:** nothing here reads a clock or the store. Times are of one host's
//! `CLOCK_BOOTTIME`.

mod beat;
mod permit;
mod rejoin;
mod settings;
mod version;

pub use beat::{Beat, Beaten, FenceState, KeepaliveAnswer, KeyAnswer};
pub use permit::{PermitAsk, PermitRefusal, Permits, StartRefusal, comes_by_move, release};
pub use rejoin::{FleetRun, SignIn, sign_in, stale};
pub use settings::{SettingsFault, check, lock_delay};
pub use version::{StoreAlarm, StoreVersion};

#[cfg(test)]
mod tests;
