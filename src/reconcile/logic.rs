//! The four transitions of a cycle.

use crate::memory;
use crate::model::{Done, Memory, Moment, Observed, Plan, Town};
use crate::plan::{self, Situation};
use std::fmt::Debug;

/// The transitions that the steps call. Each has the shipped transition as its default.
///
/// A test overrides one of them with a seeded bug, to show that the simulation finds it.
pub trait Logic: Debug {
    /// What a look teaches.
    fn learn(&self, memory: Memory, town: &Town, observed: &Observed, now: Moment) -> Memory {
        memory::learn(memory, town, observed, now)
    }

    /// What should happen.
    fn plan(&self, situation: &Situation<'_>) -> Plan {
        plan::plan(situation)
    }

    /// What is written before it happens.
    fn intend(&self, memory: Memory, plan: &Plan, now: Moment) -> Memory {
        memory::intend(memory, plan, now)
    }

    /// What the outcomes leave behind.
    fn settle(&self, memory: Memory, plan: &Plan, outcomes: &[Done], now: Moment) -> Memory {
        memory::settle(memory, plan, outcomes, now)
    }
}

/// The transitions as they ship.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shipped;

impl Logic for Shipped {}
