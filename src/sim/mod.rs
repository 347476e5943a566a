//! Simulates a machine with tmux: its clock, its sessions, and what people do to them.
//!
//! A [`World`] can be looked at and acted on as a real tmux server can. Years pass in seconds. All
//! chance comes from one seed, so a seed always gives the same run. The tests drive the world with
//! the steps of [`reconcile`](crate::reconcile), and judge the result.
//!
//! **Architecture invariant:** pure and seeded. No clock, no files, no threads.

mod fake_tmux;
mod guests;
mod operators;
mod outside;
mod random;
mod reports;
mod town;
mod world;

pub use fake_tmux::{Before, Deed, Neglect};
pub use guests::Guest;
pub use operators::Interference;
pub use random::Random;
pub use reports::{ReportSpool, Truth};
pub use town::{edit_town, random_town, rename_session, session};
pub use world::{Agentry, OnTerm, Session, TmuxServer, World};
