//! What a controller remembers from one turn to the next, and when it writes that.

use super::cycle::CycleFault;
use super::setup::Controller;
use crate::events::{DEPARTURE_KEYS, departure_entry};
use crate::memory::idle_spared;
use crate::model::{Action, Content, Departure, Entry, Memory, Period, Plan, Rung, Step};
use crate::proc;
use crate::store::{StoreFault, WrittenIntent};
use crate::words::chain;

/// How often the state of a quiet town is written, so that its clocks are not too old.
const CALM_SAVE: Period = Period::from_mins(1);

/// The memory between two turns: as it is now, and as the state file has it.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// After the last turn here; none before the first.
    current: Option<Memory>,
    /// What the state file holds, as far as this process knows.
    saved: Option<Memory>,
    /// What the state file and the intent file beside it say together; none without an intent file.
    intended: Option<Memory>,
    /// The last save failed.
    failed: bool,
}

impl Kept {
    /// Notes that this memory was written.
    pub(super) fn written(&mut self, memory: &Memory) {
        self.saved = Some(memory.clone());
        self.intended = None;
    }

    /// What the files say.
    fn says(&self) -> Option<&Memory> {
        self.intended.as_ref().or(self.saved.as_ref())
    }

    /// Notes the memory at the end of a turn, written or not.
    pub(super) fn turn_ends(&mut self, memory: &Memory) {
        self.current = Some(memory.clone());
    }

    /// Whether the intent of this plan must survive only this process, and not a crash of the
    /// machine.
    ///
    /// That is enough where the plan only starts sessions in which nothing lives. A crash of the
    /// machine ends the tmux server with all its sessions, and the save after the cycle is durable.
    /// It is not enough where something that lives is ended, or where the last save failed.
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
            | Action::Rename { .. }
            | Action::Nudge { .. }
            | Action::SendEscape { .. }
            | Action::Answer(_) => false,
        };
        !self.failed && !plan.steps.is_empty() && plan.steps.iter().all(begins)
    }

    /// Whether the files say all of this memory that matters. The time of a look in which nothing
    /// happened does not matter. Neither do details of screens that still say the same: the next look
    /// reads them again.
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
    /// The memory: that of the last turn of this process, or what the files say where another
    /// process has had a turn since.
    pub(super) fn recall(&mut self, notices: &mut Vec<String>) -> Result<Memory, CycleFault> {
        if let Some(memory) = self
            .kept
            .current
            .take()
            .filter(|_| !self.store.changed_elsewhere())
        {
            return Ok(memory);
        }
        self.phases = None;
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

    /// Writes the memory. Returns whether that worked.
    pub(super) fn save(&mut self, memory: &Memory, notices: &mut Vec<String>) -> bool {
        let saved = self.store.save(memory).map(|_| self.kept.written(memory));
        self.has_written(saved, notices)
    }

    /// Writes down what this plan is about to do. Returns whether that worked.
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

    /// The sessions that were asked to end and have ended, and the idle time that this saves. What
    /// a killed controller has already written is left out.
    pub(super) fn take_leave(&self, memory: &Memory) -> (Vec<Departure>, Period) {
        let departures = &memory.departures;
        let entries: Vec<Entry> = departures.iter().filter_map(departure_entry).collect();
        let untold = self.store.untold(entries, &DEPARTURE_KEYS);
        let is_untold = |departure: &&Departure| {
            departure_entry(departure).is_some_and(|entry| untold.contains(&entry))
        };
        let untold: Vec<Departure> = departures.iter().filter(is_untold).cloned().collect();
        let spared = untold.iter().map(idle_spared);
        let spared = spared.fold(Period::ZERO, Period::plus);
        (untold, spared)
    }
}

/// The memory with the screens as they were saved, where they still say the same. A crash would lose
/// at most a minute of that, and the next look reads the screens again.
fn without_news_of_screens(memory: &Memory, saved: &Memory) -> Memory {
    let mut memory = memory.clone();
    for (name, history) in &mut memory.sessions {
        let Some(run) = &mut history.run else {
            continue;
        };
        let saved = saved.sessions.get(name);
        let Some(saved) = saved.and_then(|saved| saved.run_of(run.generation)) else {
            continue;
        };
        run.footprint = saved.footprint;
        if run.tokens.lists_the_same(&saved.tokens) {
            run.tokens.clone_from(&saved.tokens);
        }
        if let (Some(program), Some(saved)) = (&mut run.program, saved.program)
            && program.is_replaced == saved.is_replaced
        {
            program.at = saved.at;
        }
        if let (Some(content), Some(saved)) = (&mut run.content, &saved.content)
            && is_alike(content, saved)
        {
            content.clone_from(saved);
        }
    }
    memory
}

/// Whether what was saved gives the same state of the session, and the same idle time to the minute.
fn is_alike(content: &Content, saved: &Content) -> bool {
    content.state == saved.state
        && content.is_agreed() == saved.is_agreed()
        && content.since.since(&saved.since) < CALM_SAVE
}
