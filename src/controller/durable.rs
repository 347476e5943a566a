//! What a controller remembers from one turn to the next, and when that is worth a write.

use super::cycle::{Controller, CycleFault, chain};
use crate::memory::{DEPARTURE_KEYS, departure_entry, idle_spared};
use crate::model::{Action, Content, Entry, Memory, Period, Plan, Rung, Step};
use crate::proc;
use crate::store::{StoreFault, WrittenIntent};

/// A quiet town's state is written this often, for the clocks' sake.
const CALM_SAVE: Period = Period::from_mins(1);

/// The memory between two turns: as it is now, and as the state file has it.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// After the last turn here; none before the first.
    current: Option<Memory>,
    /// What the state file holds, as far as known here.
    saved: Option<Memory>,
    /// What it says with the intent that stands beside it, where there is one.
    intended: Option<Memory>,
    /// The last save failed.
    failed: bool,
}

impl Kept {
    /// Takes note of a memory that was written.
    pub(super) fn written(&mut self, memory: &Memory) {
        self.saved = Some(memory.clone());
        self.intended = None;
    }

    /// What the state says.
    fn says(&self) -> Option<&Memory> {
        self.intended.as_ref().or(self.saved.as_ref())
    }

    /// Takes note of what is remembered at the end of a turn, written or not.
    pub(super) fn turn_ends(&mut self, memory: &Memory) {
        self.current = Some(memory.clone());
    }

    /// Whether the intent of this plan need only outlive ourselves, not the machine, before
    /// anything is touched: what begins where nothing lives, for whatever ends the machine ends the
    /// town's server with all its sessions, and the save after it is waited for. Not so where
    /// something that lives is to be ended, or the last save failed.
    pub(super) fn is_for_ourselves(&self, plan: &Plan) -> bool {
        let begins = |step: &Step| match &step.action {
            Action::Start { .. } => true,
            Action::Restart {
                rung: Rung::Finish,
                target,
                ..
            } => target.process.is_none(),
            Action::Restart { .. }
            | Action::Expire { .. }
            | Action::Adopt { .. }
            | Action::Nudge { .. }
            | Action::SendEscape { .. } => false,
        };
        !self.failed && !plan.steps.is_empty() && plan.steps.iter().all(begins)
    }

    /// Whether the state says all that matters of this memory: all but the time of a calm look, and
    /// what screens show while they say the same, which a look at them tells again.
    pub(super) fn holds(&self, memory: &Memory) -> bool {
        let Some(saved) = self.says() else {
            return false;
        };
        let looked = memory.last_look.zip(saved.last_look);
        let aged = looked.is_none_or(|(now, then)| now.since(&then) >= CALM_SAVE);
        !aged
            && Memory {
                last_look: saved.last_look,
                ..without_news_of_screens(memory, saved)
            } == *saved
    }
}

impl Controller {
    /// The memory: as the last turn here has left it, unless another process has had its turn
    /// since.
    pub(super) fn recall(&mut self, notices: &mut Vec<String>) -> Result<Memory, CycleFault> {
        if let Some(memory) = self
            .kept
            .current
            .take()
            .filter(|_| !self.store.changed_elsewhere())
        {
            return Ok(memory);
        }
        self.kept = Kept {
            failed: self.kept.failed,
            ..Kept::default()
        };
        let loaded = self
            .store
            .load(proc::clock::now())
            .map_err(CycleFault::Store)?;
        notices.extend(loaded.notices);
        let (memory, notice) = self.as_of_town(loaded.memory);
        notices.extend(notice);
        Ok(memory)
    }

    /// Writes the memory; tells whether that could be done.
    pub(super) fn save(&mut self, memory: &Memory, notices: &mut Vec<String>) -> bool {
        let saved = self.store.save(memory).map(|_| self.kept.written(memory));
        self.has_written(saved, notices)
    }

    /// Writes down what is about to be done by this plan; tells whether that could be done.
    pub(super) fn save_intent(
        &mut self,
        memory: &Memory,
        plan: &Plan,
        notices: &mut Vec<String>,
    ) -> bool {
        let Some(saved) = self
            .kept
            .saved
            .as_ref()
            .filter(|_| self.kept.is_for_ourselves(plan))
        else {
            return self.save(memory, notices);
        };
        let intended = self.store.intend(memory, saved).map(|how| match how {
            WrittenIntent::Beside => self.kept.intended = Some(memory.clone()),
            WrittenIntent::Saved => self.kept.written(memory),
        });
        self.has_written(intended, notices)
    }

    fn has_written(&mut self, written: Result<(), StoreFault>, notices: &mut Vec<String>) -> bool {
        self.kept.failed = written.is_err();
        if let Err(fault) = written {
            let notice = format!("the state was not written: {}", chain(&fault));
            if !notices.contains(&notice) {
                notices.push(notice);
            }
            return false;
        }
        true
    }

    /// What is to be told of the ends that were asked for and have come, and the idling that they
    /// spare. What a controller that was killed has told is not told again.
    pub(super) fn take_leave(&self, memory: &Memory) -> (Vec<Entry>, Period) {
        let told = memory
            .departures
            .iter()
            .map(|departure| (departure_entry(departure), idle_spared(departure)));
        let (entries, spared): (Vec<Entry>, Vec<Period>) = told.unzip();
        let untold = self.store.untold(entries.clone(), &DEPARTURE_KEYS);
        let spared = entries
            .iter()
            .zip(spared)
            .filter(|(entry, _)| untold.contains(entry))
            .map(|(_, spared)| spared);
        let spared = spared.fold(Period::ZERO, Period::plus);
        (untold, spared)
    }
}

/// The memory as if screens were still as saved, where they say the same and have not begun to
/// change again: losing a minute of that only makes them be read again.
fn without_news_of_screens(memory: &Memory, saved: &Memory) -> Memory {
    let mut memory = memory.clone();
    for (name, history) in &mut memory.sessions {
        let Some(saved) = saved.sessions.get(name) else {
            continue;
        };
        history.footprint = saved.footprint;
        if let (Some(content), Some(saved)) = (&mut history.content, &saved.content)
            && is_alike(content, saved)
        {
            content.clone_from(saved);
        }
    }
    memory
}

/// Whether somebody who reads only what was saved takes the session for what it is, and to be idle
/// for as long as it is, to the minute.
fn is_alike(content: &Content, saved: &Content) -> bool {
    let same = content.generation == saved.generation && content.state == saved.state;
    same && content.is_agreed() == saved.is_agreed()
        && content.since.since(&saved.since) < CALM_SAVE
}
