//! Guests: processes that a user has put into the pane of an agent.
//!
//! `respawn-pane -k` does that on real tmux. The agent is gone, and gtctl must not end the guest.

use super::Random;
use super::fake_tmux::Neglect;
use super::world::{Session, World};
use crate::model::{Death, Outcome, Ownership, PaneId, ProcId, SessionId, Target};

/// A process of a user in a pane that was an agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guest {
    /// The user's process.
    pub process: ProcId,
    /// The pane in which it runs.
    pub pane: PaneId,
}

impl Session {
    /// The guest in the agent's present pane.
    fn guest(&self) -> Option<Guest> {
        self.guests
            .iter()
            .copied()
            .find(|guest| guest.pane == self.pane)
    }

    /// The agent's pane as a look shows it: nowhere if a guest has it.
    pub(super) fn pane_seen(&self) -> PaneId {
        if self.guest().is_some() {
            PaneId::NOWHERE
        } else {
            self.pane
        }
    }

    /// Makes a guest the process of its pane, once the session is not gtctl's any more.
    pub(super) fn let_go(&mut self) {
        if matches!(self.ownership, Ownership::Ours(_)) || self.is_pane_alive() {
            return;
        }
        let guest = self.guests.drain(..).next();
        self.shell = guest.map(|guest| guest.process);
    }
}

impl World {
    /// Somebody gives the pane of a living agent another process.
    pub(super) fn take_pane(&mut self, id: SessionId, random: &mut Random) {
        let (now, process) = (self.now.wall, self.next_id());
        let Some(session) = self
            .session(id)
            .filter(|session| session.is_own_panes_process())
        else {
            return;
        };
        let before = session.clone();
        session.process.ended = Some((Death::Vanished, now));
        session.guests.push(Guest {
            process,
            pane: session.pane,
        });
        self.hang_up(&before, random);
    }

    /// Makes sure that the agent has a pane to start in: a new one, if a guest has its own.
    ///
    /// Gives the guest that is ended by this, which is only so with [`Neglect::PaneFence`].
    ///
    /// # Errors
    /// If the target names the pane of a guest.
    pub(super) fn find_pane(
        &mut self,
        id: SessionId,
        target: &Target,
    ) -> Result<Option<Guest>, Outcome> {
        let skips_fence = self.neglect == Some(Neglect::PaneFence);
        let new = self.next_id();
        let Some(session) = self.session(id) else {
            return Ok(None);
        };
        let Some(guest) = session.guest() else {
            return Ok(None);
        };
        if target.pane != guest.pane {
            session.pane = PaneId(new.pid.saturating_add(1_000_000));
            return Ok(None);
        }
        if !skips_fence {
            return Err(Outcome::Stale("its pane runs another process".to_owned()));
        }
        session.guests.retain(|other| *other != guest);
        Ok(Some(guest))
    }
}
