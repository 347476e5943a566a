//! Panes of ours that somebody has given another process: the agent is gone, and what runs there is
//! theirs.

use super::Random;
use super::fake_tmux::Neglect;
use super::world::{Session, World};
use crate::model::{Death, Outcome, Ownership, PaneId, ProcId, SessionId, Target};

/// A user's process in a pane that was the agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guest {
    /// The process.
    pub process: ProcId,
    /// Its pane.
    pub pane: PaneId,
}

impl Session {
    /// Who runs in the pane that was the agent's, where that is somebody else's.
    fn guest(&self) -> Option<Guest> {
        self.guests
            .iter()
            .copied()
            .find(|guest| guest.pane == self.pane)
    }

    /// The agent's pane as a perfect look finds it.
    pub(super) fn pane_seen(&self) -> PaneId {
        if self.guest().is_some() {
            PaneId::NOWHERE
        } else {
            self.pane
        }
    }

    /// What is nobody's any more is a session like others: whatever runs there is its pane's
    /// process.
    pub(super) fn let_go(&mut self) {
        if matches!(self.ownership, Ownership::Ours(_)) || self.is_pane_alive() {
            return;
        }
        let guest = self.guests.drain(..).next();
        self.shell = guest.map(|guest| guest.process);
    }
}

impl World {
    /// Somebody gives the pane of a living agent another process, as `respawn-pane -k` does.
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

    /// Finds the agent its pane: its own one, or another where that was given to somebody.
    ///
    /// # Errors
    /// Where the one that is meant runs somebody's process.
    pub(super) fn find_pane(
        &mut self,
        id: SessionId,
        target: &Target,
    ) -> Result<Option<Guest>, Outcome> {
        let careless = self.neglect == Some(Neglect::PaneFence);
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
        if !careless {
            return Err(Outcome::Stale("its pane runs another process".to_owned()));
        }
        session.guests.retain(|other| *other != guest);
        Ok(Some(guest))
    }
}
