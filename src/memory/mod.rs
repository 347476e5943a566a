//! How memory changes: what a look teaches, what a plan intends, what its outcomes leave behind.
//!
//! ```text
//! learn(memory, look) ──► plan ──► intend(memory, plan) ──► [written to disk] ──► act ──► settle(memory, outcomes)
//! ```
//!
//! All three are pure. `diff` runs only [`learn`] and writes nothing; a controller writes what
//! [`intend`] returns before it touches anything, so that one killed at any point leaves behind at
//! least what it was about to do. What others are told of a cycle is made in
//! [`events`](crate::events).
//!
//! **Architecture invariant:** nothing here chooses an action. A fact goes in (a death, an intent,
//! an outcome), and a memory comes out.

mod answers;
mod ask;
mod chores;
mod content;
mod conversation;
mod depart;
mod ends;
mod forget;
mod intend;
mod launcher;
mod learn;
mod probe;
mod ready;
mod rename;
mod reports;
mod run;
mod saved;
mod settle;
mod texts;

pub use answers::answer_entry;
pub use ask::ask;
pub use chores::{
    Taking, ask_chore, begin_chores, end_chore, lose_chores, proposed_text, take_proposals,
};
pub use conversation::hear_last_reports;
pub use depart::{departed, idle_spared};
pub use intend::intend;
pub use launcher::{begin_launcher_jobs, hold_launcher_jobs, lose_launcher_jobs, stands_alone};
pub use learn::learn;
pub use probe::{answer, answers};
pub use ready::learn_readiness;
pub use saved::{handoffs, idle_saved};
pub use settle::{settle, take_back};
pub use texts::{ask_text, begin_text, settle_text};
