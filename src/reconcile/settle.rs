//! The last step: what the outcomes leave behind.

use super::decide::Decided;
use super::intend::Intended;
use crate::memory::take_back;
use crate::model::{Departure, Done, Memory};

/// The memory at the end of a cycle.
#[derive(Debug, Clone)]
pub struct Settled<'t> {
    decided: Decided<'t>,
    memory: Memory,
}

impl<'t> Intended<'t> {
    /// Takes in what came of the plan.
    #[must_use]
    pub fn settle(self, outcomes: &[Done]) -> Settled<'t> {
        let (decided, intended) = self.into_parts();
        let (plan, now) = (decided.plan(), decided.now());
        let recorded = decided.learned.logic.settle(intended, plan, outcomes, now);
        let memory = take_back(recorded, decided.memory(), plan, outcomes);
        Settled { decided, memory }
    }
}

impl<'t> Settled<'t> {
    /// The look, what was decided, and the memory of before.
    #[must_use]
    pub fn decided(&self) -> &Decided<'t> {
        &self.decided
    }

    /// What is remembered now.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Forgets the ends that were asked for and have come, once the journal has them.
    #[must_use]
    pub fn forget_departures(mut self) -> (Self, Vec<Departure>) {
        let departures = std::mem::take(&mut self.memory.departures);
        (self, departures)
    }

    /// The decision and the memory.
    #[must_use]
    pub fn into_parts(self) -> (Decided<'t>, Memory) {
        (self.decided, self.memory)
    }
}
