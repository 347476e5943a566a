//! One cycle as pure steps, in the only order that there is.
//!
//! ```text
//! memory ─► take_in ─► [look] ─► learn ─► decide ─► intend ─► [write, act] ─► settle ─► memory
//! ```
//!
//! What stands in brackets is I/O and belongs to the caller. The controller, the one-shot verbs and
//! the simulation all drive these steps, so the order that is simulated is the order that ships.
//!
//! Each step takes the value of the step before and returns the value for the next one:
//!
//! | value | what it holds |
//! |---|---|
//! | [`TakenIn`] | the memory with all that ended beside the cycles |
//! | [`Observation`] | what one look has shown |
//! | [`Learned`] | the memory with this look |
//! | [`Decided`] | the plan |
//! | [`Intended`] | the plan, and the memory that must be written before anything is touched |
//! | [`Settled`] | the memory with what came of the plan |
//!
//! **Architecture invariant:** pure, and no step can be left out or run in another order: a caller
//! cannot make a value of a later step by itself. `diff` stops at [`Decided`].

mod decide;
mod intend;
mod learn;
mod logic;
mod settle;
mod take_in;

pub use decide::Decided;
pub use intend::{Beside, Intended};
pub use learn::{Learned, Observation, learn};
pub use logic::{Logic, Shipped};
pub use settle::Settled;
pub use take_in::{
    Arrivals, ChoreArrivals, EndedChore, EndedJob, LauncherArrivals, ProbeAnswer, TakenIn, take_in,
};

#[cfg(test)]
mod tests;
