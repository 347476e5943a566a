//! A town that can be lived through in a moment: a seeded tmux server, clock, people and faults,
//! around the same planner and memory that the controller uses.
//!
//! [`Driver`] runs the steps of [`reconcile`](crate::reconcile), as the controller does, on a
//! [`World`] instead of tmux. Everything that happens is drawn from one seed, so a seed replays
//! exactly. [`Ledger`] knows the invariants and is asked after every plan and every deed.
//!
//! **Architecture invariant:** pure and seeded. No clock, no files, no threads. The world is judged
//! by what truly is in it, never by what the planner believes.

mod driver;
mod fake_tmux;
mod fault;
mod fault_schedule;
mod guests;
mod judge;
mod judge_screens;
mod ledger;
mod operators;
mod outside;
mod random;
mod settled;
mod town;
mod world;

pub use driver::{Driver, Report};
pub use fake_tmux::{Deed, Neglect};
pub use guests::Guest;
pub use ledger::{Breach, Ledger, Look};
pub use random::Random;
pub use settled::Violation;
pub use town::{edit_town, random_town, session};
pub use world::{Agentry, OnTerm, Session, TmuxServer, World};
