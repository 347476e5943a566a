//! Requests of people, written down for the cycles to carry out.

use super::cycle::{CycleFault, TURN_PATIENCE};
use super::setup::Controller;
use crate::memory::ask;
use crate::model::{Memory, Request, SessionName};
use crate::observe::Holding;

impl Controller {
    /// Writes down a request of a person. This cycle and every later one act on it.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was written then.
    pub fn ask(&mut self, sessions: &[SessionName], request: Request) -> Result<(), CycleFault> {
        self.amend(|memory| {
            sessions
                .iter()
                .fold(memory, |memory, session| ask(memory, session, request))
        })
    }

    /// Pauses or resumes the town. While it is paused, controllers only look.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was written then.
    pub fn pause(&mut self, paused: bool) -> Result<(), CycleFault> {
        self.amend(|memory| Memory { paused, ..memory })
    }

    /// The sessions among these that a person has stopped.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was written.
    pub fn stopped_of(&mut self, sessions: &[SessionName]) -> Result<Vec<SessionName>, CycleFault> {
        let mut stopped = Vec::new();
        self.amend(|memory| {
            let is_stopped = |name: &&SessionName| {
                memory
                    .sessions
                    .get(*name)
                    .is_some_and(|history| history.stopped)
            };
            stopped = sessions.iter().filter(is_stopped).cloned().collect();
            memory
        })?;
        Ok(stopped)
    }

    /// Takes in that the town has left a server. Sessions that were ended only for that may start
    /// again. Sessions that a person had stopped before stay stopped. Once nothing is `left` on the
    /// server, it is forgotten.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was written then.
    pub fn leave_server(
        &mut self,
        holding: &Holding,
        left: &[SessionName],
        stopped_before: &[SessionName],
    ) -> Result<(), CycleFault> {
        let was_asked = |name: &&SessionName| !stopped_before.contains(name);
        self.amend(|memory| {
            let mut memory = memory;
            for name in holding.sessions.iter().filter(was_asked) {
                if holding.living.contains(name) && !left.contains(name) {
                    memory = ask(memory, name, Request::Start);
                } else if let Some(history) = memory.sessions.get_mut(name) {
                    // A session that had ended by itself is not run again. One that is left there
                    // must be asked again.
                    history.stopped = false;
                }
            }
            let server = memory
                .server
                .filter(|server| !left.is_empty() || *server != holding.server);
            Memory { server, ..memory }
        })
    }

    pub(super) fn amend(
        &mut self,
        change: impl FnOnce(Memory) -> Memory,
    ) -> Result<(), CycleFault> {
        let _turn = self
            .store
            .lock_turn(self.me, TURN_PATIENCE)
            .map_err(CycleFault::Lock)?;
        let memory = change(self.recall(&mut Vec::new())?);
        self.store.save(&memory).map_err(CycleFault::Store)?;
        self.kept.written(&memory);
        self.kept.turn_ends(&memory);
        Ok(())
    }
}
