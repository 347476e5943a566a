//! The fourth step: what must be written before anything is touched.

use super::decide::Decided;
use crate::memory::{begin_chores, begin_launcher_jobs};
use crate::model::{Durability, Memory, Orders, Plan, ProcId};

/// What a process can do beside its cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// It runs chores, and the commands of launchers.
    ChoresAndLaunchers,
    /// It runs the commands of launchers alone.
    Launchers,
}

/// A plan, and the memory that says what is about to be done.
#[derive(Debug, Clone)]
pub struct Intended<'t> {
    decided: Decided<'t>,
    me: ProcId,
    beside: Beside,
    memory: Memory,
}

impl<'t> Decided<'t> {
    /// Takes in what is about to be done. `me` is the process that does it.
    #[must_use]
    pub fn intend(self, me: ProcId, beside: Beside) -> Intended<'t> {
        let before = self.memory().clone();
        self.intend_from(before, me, beside)
    }

    /// As [`Decided::intend`], for a caller whose steps all succeed and who asks for nothing of
    /// before: it keeps no copy of the memory.
    #[must_use]
    pub fn intend_surely(mut self, me: ProcId, beside: Beside) -> Intended<'t> {
        let before = std::mem::take(&mut self.learned.memory);
        self.intend_from(before, me, beside)
    }

    fn intend_from(self, before: Memory, me: ProcId, beside: Beside) -> Intended<'t> {
        let (plan, now) = (self.plan(), self.now());
        let memory = begin_launcher_jobs(before, plan, me, now);
        let memory = self.learned.logic.intend(memory, plan, now);
        let memory = match beside {
            Beside::ChoresAndLaunchers => begin_chores(memory, self.town(), plan, now),
            Beside::Launchers => memory,
        };
        Intended {
            decided: self,
            me,
            beside,
            memory,
        }
    }
}

impl<'t> Intended<'t> {
    /// The look, and what was decided.
    #[must_use]
    pub fn decided(&self) -> &Decided<'t> {
        &self.decided
    }

    /// What is about to be done.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        self.decided.plan()
    }

    /// The memory to be written before it is done.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The memory could not be written. Decides again: only what is safe without it is done.
    #[must_use]
    pub fn not_durable(self) -> Self {
        let Self {
            mut decided,
            me,
            beside,
            memory: _,
        } = self;
        decided.orders = Orders {
            durability: Durability::Failing,
            ..decided.orders
        };
        decided.planned_anew().intend(me, beside)
    }

    pub(super) fn into_parts(self) -> (Decided<'t>, Memory) {
        (self.decided, self.memory)
    }
}
