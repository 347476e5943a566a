//! What somebody asks for by hand, written down for the cycles to act on.

use super::cycle::{Controller, CycleFault, TURN_PATIENCE};
use crate::model::{Memory, Request, SessionName};
use crate::remember::ask;

impl Controller {
    /// Writes down what somebody asks for by hand, for this cycle and every later one to act on.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was written then.
    pub fn ask(&mut self, sessions: &[SessionName], request: Request) -> Result<(), CycleFault> {
        self.amend(|memory| sessions.iter().fold(memory, |memory, session| ask(memory, session, request)))
    }

    /// Pauses the town, or lets it go on: while paused, controllers only look.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was written then.
    pub fn pause(&mut self, paused: bool) -> Result<(), CycleFault> {
        self.amend(|memory| Memory { paused, ..memory })
    }

    pub(super) fn amend(&mut self, change: impl FnOnce(Memory) -> Memory) -> Result<(), CycleFault> {
        let _turn = self.store.lock_turn(self.me, TURN_PATIENCE).map_err(CycleFault::Lock)?;
        let memory = change(self.recall(&mut Vec::new())?);
        self.store.save(&memory).map_err(CycleFault::Store)?;
        self.kept.written(&memory);
        self.kept.turn_ends(&memory);
        Ok(())
    }
}
