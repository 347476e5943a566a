//! Runs the controller in a simulated town, and judges every plan and every deed.
//!
//! [`Driver`] runs the steps of [`reconcile`](gtctl::reconcile) as the controller does, but on a
//! [`World`](gtctl::sim::World) instead of tmux. The seed decides what goes wrong. [`Ledger`] checks
//! the invariants. It judges by what is true in the world, never by what the planner believes.

mod driver;
mod fault;
mod fault_schedule;
mod fleet;
mod forecast;
mod judge;
mod judge_reports;
mod judge_screens;
mod ledger;
mod seeded_bugs;
mod seeds;
mod settled;

pub(crate) use driver::{Driver, Report};
pub(crate) use ledger::{Ledger, Look};
pub(crate) use settled::Violation;
