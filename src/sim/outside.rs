//! Agents that live outside their session.
//!
//! An agent gets there in two ways: its pane was closed and it ignored the hangup, or somebody moved
//! its pane into another session.

use super::Random;
use super::fake_tmux::Neglect;
use super::world::{Process, Session, World};
use crate::model::SortedMap;
use crate::model::{
    Death, Life, Moment, MovedOut, Origin, Outcome, Ownership, ProcId, Seen, SessionId, SessionName,
};

/// An agent without a pane: it ignored the hangup when its pane was closed.
#[derive(Debug, Clone)]
pub(super) struct Leftover {
    /// The declared session whose agent it was.
    pub(super) session: SessionName,
    pub(super) process: Process,
}

/// The declared session of a living agent, as the tag in the agent's environment names it.
///
/// Only an agent that gtctl has started has that tag.
fn tagged(session: &Session) -> Option<SessionName> {
    let Ownership::Ours(label) = &session.ownership else {
        return None;
    };
    let is_tagged =
        session.is_alive() && session.shell.is_none() && label.origin == Origin::Started;
    is_tagged.then(|| label.tag().clone())
}

impl Session {
    /// Whether an agent that gtctl has started is the living process of its pane.
    pub(super) fn is_own_panes_process(&self) -> bool {
        tagged(self).is_some()
    }
}

/// What stays of the session's agent if it ignores the hangup.
fn left_by(session: &Session) -> Option<Leftover> {
    let name =
        tagged(session).or_else(|| session.moved_from.clone().filter(|_| session.is_alive()))?;
    Some(Leftover {
        session: name,
        process: session.process.clone(),
    })
}

impl World {
    /// The agent's pane is closed. Half of the agents ignore the hangup.
    pub(super) fn hang_up(&mut self, session: &Session, random: &mut Random) {
        self.leftovers
            .extend(left_by(session).filter(|_| random.chance(500)));
    }

    /// The server is killed, and all its panes with it.
    pub(super) fn hang_up_all(&mut self, random: &mut Random) {
        let sessions = self
            .server
            .take()
            .into_iter()
            .flat_map(|server| server.sessions.into_values());
        sessions.for_each(|session| self.hang_up(&session, random));
    }

    /// Somebody closes the agent's pane. The session has another pane, so tmux keeps it.
    pub(super) fn close_pane(&mut self, id: SessionId, random: &mut Random) {
        let now = self.now.wall;
        let Some(session) = self
            .session(id)
            .filter(|s| s.is_alive() && s.shell.is_none())
        else {
            return;
        };
        let before = session.clone();
        session.process.ended = Some((Death::Vanished, now));
        self.hang_up(&before, random);
    }

    /// Somebody moves the agent's pane into a new session. Its old session stays if it has another
    /// pane.
    pub(super) fn move_out(&mut self, id: SessionId, random: &mut Random) {
        let now = self.now.wall;
        let moves_all = random.chance(500);
        let Some(session) = self.session(id) else {
            return;
        };
        let has_another_pane = !moves_all || !session.guests.is_empty();
        let Some(name) = tagged(session) else { return };
        let process = session.process.clone();
        session.process.ended = Some((Death::Vanished, now));
        let host = format!("host-{}", process.id.pid);
        let new = self.create(&host, Ownership::Unlabelled, process);
        if let Some(session) = new.and_then(|id| self.session(id)) {
            session.moved_from = Some(name);
        }
        if let Some(server) = self.server.as_mut().filter(|_| !has_another_pane) {
            server.sessions.remove(&id);
        }
    }

    /// Removes the leftovers whose time to end has come.
    pub(super) fn settle_leftovers(&mut self, now: Moment) {
        self.leftovers
            .retain(|leftover| leftover.process.fate.is_none_or(|(at, _)| at > now.awake));
    }

    /// Whether a process that was started under the name `tag` belongs to this session.
    fn owns(&self, name: &SessionName, tag: &SessionName) -> bool {
        self.former_names.get(tag).unwrap_or(tag) == name
    }

    fn is_moved_from(&self, session: &Session, name: &SessionName) -> bool {
        let tag = session.moved_from.as_ref();
        tag.is_some_and(|tag| self.owns(name, tag))
    }

    /// The agent of this declared session, if it lives in a pane of another session.
    fn moved_agent(&self, name: &SessionName) -> Option<ProcId> {
        let mut sessions = self
            .server
            .iter()
            .flat_map(|server| server.sessions.values());
        let moved =
            sessions.find(|session| self.is_moved_from(session, name) && session.is_alive());
        moved.map(|session| session.process.id)
    }

    /// The agent of this declared session, if it lives outside the session.
    pub(super) fn agent_outside(&self, name: &SessionName) -> Option<ProcId> {
        let leftover = self
            .leftovers
            .iter()
            .find(|leftover| self.owns(name, &leftover.session))
            .map(|leftover| leftover.process.id);
        leftover.or_else(|| self.moved_agent(name))
    }

    /// Ends what earlier runs of a session have left behind. gtctl does that before every start.
    ///
    /// # Errors
    /// The outcome of the start, if an agent of the session lives on.
    pub(super) fn clear_outside(&mut self, name: &SessionName) -> Result<(), Outcome> {
        if self.moved_agent(name).is_some() && self.neglect != Some(Neglect::MovedFence) {
            return Err(Outcome::Failed(
                "its agent still runs in a pane that was moved out of the session".to_owned(),
            ));
        }
        if self.neglect == Some(Neglect::Leftovers) {
            return Ok(());
        }
        let has_leftover = self
            .leftovers
            .iter()
            .any(|leftover| self.owns(name, &leftover.session));
        let survives =
            has_leftover && self.random.chance(30) && self.agentry != super::Agentry::Steady;
        if survives {
            return Err(Outcome::Failed(
                "a process of its last life survives KILL".to_owned(),
            ));
        }
        let mut leftovers = std::mem::take(&mut self.leftovers);
        leftovers.retain(|leftover| !self.owns(name, &leftover.session));
        self.leftovers = leftovers;
        Ok(())
    }

    /// The moved agents that a look shows: those whose session is gone or has lost its pane.
    ///
    /// In `seen` the life of such a session becomes unknown.
    pub(super) fn moved(
        &self,
        seen: &mut SortedMap<String, Seen>,
    ) -> SortedMap<SessionName, MovedOut> {
        let mut moved = SortedMap::new();
        for session in self
            .server
            .iter()
            .flat_map(|server| server.sessions.values())
            .filter(|s| s.is_alive())
        {
            let Some(tag) = &session.moved_from else {
                continue;
            };
            let name = self.former_names.get(tag).unwrap_or(tag);
            let mut own = seen
                .values_mut()
                .filter(|seen| is_of(seen, name))
                .peekable();
            let is_shown = match own.peek() {
                Some(seen) => is_without_pane(seen),
                None => !self.has_session(name),
            };
            if !is_shown {
                continue;
            }
            let why = format!("its pane is in session {} now", session.name);
            own.filter(|seen| is_without_pane(seen))
                .for_each(|seen| seen.life = Life::Unknown(why.clone()));
            moved.insert(
                name.clone(),
                MovedOut {
                    process: session.process.id,
                    session: session.name.clone(),
                },
            );
        }
        moved
    }

    fn has_session(&self, name: &SessionName) -> bool {
        self.server
            .iter()
            .flat_map(|server| server.sessions.values())
            .any(|session| session.name == name.as_str())
    }
}

fn is_of(seen: &Seen, name: &SessionName) -> bool {
    matches!(&seen.ownership, Ownership::Ours(label) if label.session == *name)
}

fn is_without_pane(seen: &Seen) -> bool {
    matches!(
        seen.life,
        Life::Dead {
            death: Death::Vanished,
            ..
        }
    )
}
