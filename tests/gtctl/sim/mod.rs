//! The controller's loop in a simulated town, judged after every plan and every deed.
//!
//! [`Driver`] runs the steps of [`reconcile`](gtctl::reconcile), as the controller does, on a
//! [`World`](gtctl::sim::World) instead of tmux, and has everything go wrong that the seed says.
//! [`Ledger`] knows the invariants. The world is judged by what truly is in it, never by what the
//! planner believes.

mod driver;
mod fault;
mod fault_schedule;
mod judge;
mod judge_screens;
mod ledger;
mod seeded_bugs;
mod seeds;
mod settled;

pub(crate) use driver::{Driver, Report};
pub(crate) use ledger::{Ledger, Look};
pub(crate) use settled::Violation;
