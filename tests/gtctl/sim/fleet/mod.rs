//! Simulates a town whose hosts share a store, and judges each step.
//!
//! What is simulated is what ships: `place` and `fence` decide, and their transactions are carried
//! out as they are. Around them are models:
//!
//! - [`store`]: revisions, leases by a clock of its own, transactions, and a leader that can be
//!   lost, stuck or changed.
//! - [`host`]: a controller that beats, signs in, asks for permits, places; a guard; a tmux that
//!   starts late.
//! - [`world`]: the one clock of the truth, messages that are late or lost, and what goes wrong.
//! - [`judge`]: the invariants, by what is true in the world.
//!
//! A seed decides everything. `CONTRIBUTING.md` says how to replay one.

mod faults;
mod host;
mod judge;
mod logic;
mod rounds;
mod seeded_bugs;
mod seeds;
mod store;
mod world;
