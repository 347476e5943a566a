//! A tmux that can be lived through in a moment: a seeded server, its clock, and what people do to
//! it.
//!
//! [`World`] shows itself and carries out steps as the real one does. Everything that happens is
//! drawn from one seed, so a seed replays exactly. The tests drive it by the steps of
//! [`reconcile`](crate::reconcile) and judge what comes of it.
//!
//! **Architecture invariant:** pure and seeded. No clock, no files, no threads.

mod fake_tmux;
mod guests;
mod operators;
mod outside;
mod random;
mod town;
mod world;

pub use fake_tmux::{Before, Deed, Neglect};
pub use guests::Guest;
pub use operators::Interference;
pub use random::Random;
pub use town::{edit_town, random_town, session};
pub use world::{Agentry, OnTerm, Session, TmuxServer, World};
