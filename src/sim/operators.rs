//! What people and other programs do to a server without telling the controller.

use super::world::{Session, World};
use super::{Agentry, Random};
use crate::model::{
    Content, Death, Flaw, Generation, Label, Origin, Ownership, Period, ScreenState, SessionId,
    SessionName, Unproved,
};

/// One thing that somebody does to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interference {
    /// Attaches a client.
    Attach,
    /// Detaches all clients of a session.
    Detach,
    /// Kills a session.
    KillSession,
    /// Kills an agent.
    KillAgent,
    /// Closes the pane of an agent.
    ClosePane,
    /// Gives the pane of an agent another process.
    TakePane,
    /// Moves the pane of an agent to another session.
    MoveOut,
    /// Kills the server.
    KillServer,
    /// Removes the label of a session.
    Strip,
    /// Sets the label of another town, or of an older generation.
    Relabel,
    /// Sets a label that proves nothing.
    Mislabel,
    /// Sets a label as a global option, so that every session inherits it.
    WidenLabel,
    /// Renames a session.
    Rename,
    /// Starts a session that is not gtctl's.
    Stranger,
    /// Runs the controller itself in a session.
    MoveIn,
}

impl Interference {
    /// Every kind of interference.
    pub const ALL: [Self; 15] = [
        Self::Attach,
        Self::Detach,
        Self::KillSession,
        Self::KillAgent,
        Self::ClosePane,
        Self::TakePane,
        Self::MoveOut,
        Self::KillServer,
        Self::Strip,
        Self::Relabel,
        Self::Mislabel,
        Self::WidenLabel,
        Self::Rename,
        Self::Stranger,
        Self::MoveIn,
    ];
}

impl World {
    /// Somebody does one thing. Whoever starts a session may take a name from `declared`.
    pub fn interfere(&mut self, what: Interference, declared: &[SessionName], random: &mut Random) {
        match what {
            Interference::KillServer => self.hang_up_all(random),
            Interference::Stranger => self.stranger(declared, random),
            Interference::WidenLabel => self.widen_label(),
            Interference::Attach
            | Interference::Detach
            | Interference::KillSession
            | Interference::KillAgent
            | Interference::ClosePane
            | Interference::TakePane
            | Interference::MoveOut
            | Interference::Strip
            | Interference::Relabel
            | Interference::Mislabel
            | Interference::Rename
            | Interference::MoveIn => self.interfere_with_session(what, random),
        }
        self.settle();
    }

    /// Does one thing to a session drawn at random.
    fn interfere_with_session(&mut self, what: Interference, random: &mut Random) {
        let now = self.now;
        let Some(server) = &mut self.server else {
            return;
        };
        let ids: Vec<SessionId> = server.sessions.keys().copied().collect();
        let Some(id) = random.pick(&ids) else { return };
        let Some(session) = server.sessions.get_mut(&id) else {
            return;
        };
        match what {
            Interference::Attach => session.attached = session.attached.saturating_add(1),
            Interference::Detach => session.attached = 0,
            Interference::KillAgent if session.is_alive() => {
                session.process.ended = Some((Death::Signal(9), now.wall));
            }
            Interference::ClosePane => self.close_pane(id, random),
            Interference::TakePane => self.take_pane(id, random),
            Interference::MoveOut => self.move_out(id, random),
            Interference::KillSession => {
                if let Some(session) = server.sessions.remove(&id) {
                    self.hang_up(&session, random);
                }
                self.leave_when_empty();
            }
            Interference::Strip => session.ownership = Ownership::Unlabelled,
            Interference::Relabel => relabel(session, random),
            Interference::Mislabel => mislabel(session, random),
            Interference::Rename => session.name = format!("renamed-{}", id.0),
            Interference::MoveIn => server.own = Some(id),
            Interference::KillAgent
            | Interference::KillServer
            | Interference::Stranger
            | Interference::WidenLabel => {}
        }
    }

    /// Somebody sets a label as a global option: each session without one of its own inherits it.
    fn widen_label(&mut self) {
        for session in self
            .server
            .iter_mut()
            .flat_map(|server| server.sessions.values_mut())
        {
            if session.ownership == Ownership::Unlabelled {
                session.ownership = unproved(Flaw::Copied);
            }
        }
    }

    /// Somebody starts a session: with a name of its own, with a declared name, or for another town.
    fn stranger(&mut self, declared: &[SessionName], random: &mut Random) {
        let takes_declared = random.below(2) == 0;
        let name = match declared.get(usize::try_from(random.below(12)).unwrap_or(0)) {
            Some(name) if takes_declared => name.to_string(),
            Some(_) | None if random.chance(600) => format!("task-{}", random.below(20)),
            Some(_) | None => format!("gt-x-1{}", random.below(20)),
        };
        let exists = self
            .server
            .iter()
            .flat_map(|server| server.sessions.values())
            .any(|session| session.name == name);
        if exists {
            return;
        }
        let ownership = if random.chance(200) {
            Ownership::Foreign("elsewhere".to_owned())
        } else {
            Ownership::Unlabelled
        };
        let mut process = self.agent();
        process.matches = random.chance(500);
        let id = self.create(&name, ownership, process);
        let shell = random.chance(600).then(|| self.next_id());
        if let Some(session) = self
            .server
            .as_mut()
            .zip(id)
            .and_then(|(server, id)| server.sessions.get_mut(&id))
        {
            session.shell = shell;
        }
    }

    /// The machine restarts: all processes are gone, and only the wall clock goes on.
    pub fn reboot(&mut self) {
        self.server = None;
        self.leftovers.clear();
        self.now.boot = self.now.boot.saturating_add(1);
        self.now.awake = 30_000;
    }

    /// From now on all is as a forecast takes for granted. See [`Agentry::Steady`].
    pub fn steady(&mut self) {
        self.agentry = Agentry::Steady;
        let now = self.now.awake;
        let sessions = self
            .server
            .iter_mut()
            .flat_map(|server| server.sessions.values_mut());
        for session in sessions {
            if session.process.ended.is_none() {
                session.process.fate = None;
            }
            session.process.on_term = super::OnTerm::Ends;
            // A forecast keeps what was reported last. So nothing more comes here, either.
            session.hooks = super::reports::ReportSpool::default();
            let Ownership::Ours(label) = &session.ownership else {
                continue;
            };
            let quiet = Period::from_millis(now.saturating_sub(session.spoke));
            let prints = quiet < Content::IDLE_AFTER;
            let state = session.screen.state;
            session.works = state.is_at_work() || (state == ScreenState::Unclear && prints);
            let next = if session.works {
                state
            } else {
                ScreenState::Ready
            };
            self.steady.insert(label.session.clone(), next);
        }
    }

    /// The storm ends: clients detach, sessions of others leave, and agents behave from now on.
    pub fn calm(&mut self) {
        self.agentry = Agentry::Tame;
        let now = self.now;
        let Some(server) = &mut self.server else {
            return;
        };
        server.own = None;
        for session in server.sessions.values_mut() {
            session.attached = 0;
            session.process.fate = session
                .process
                .fate
                .filter(|_| session.process.ended.is_some());
            session.process.on_term = super::OnTerm::Ends;
            session.screen = super::world::prompt();
            session.report_calm(now);
        }
        let is_started_by_others = |label: &Label| label.origin == Origin::Policy;
        server
            .sessions
            .retain(|_, session| match &session.ownership {
                Ownership::Ours(label) => {
                    !is_started_by_others(label) || label.session.as_str().starts_with("task-")
                }
                Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => false,
            });
        self.leave_when_empty();
    }
}

/// What a test does to the session of a name. Without such a session, nothing happens.
impl World {
    /// Kills the agent.
    pub fn kill_agent(&mut self, name: &str) {
        let now = self.now.wall;
        self.with(name, |session| {
            session.process.ended = Some((Death::Signal(9), now));
        });
    }

    /// Sets the number of attached clients.
    pub fn attach(&mut self, name: &str, clients: u32) {
        self.with(name, |session| session.attached = clients);
    }

    /// Starts a session without a label. `runs_agent` says whether the declared agent runs in it.
    pub fn move_in(&mut self, name: &str, runs_agent: bool) {
        let mut process = self.agent();
        process.matches = runs_agent;
        self.create(name, Ownership::Unlabelled, process);
    }

    fn with(&mut self, name: &str, change: impl FnOnce(&mut super::Session)) {
        let sessions = self
            .server
            .iter_mut()
            .flat_map(|server| server.sessions.values_mut());
        if let Some(session) = sessions.into_iter().find(|session| session.name == name) {
            change(session);
        }
    }
}

/// Changes a label of ours: to an old generation, or to another town.
fn relabel(session: &mut Session, random: &mut Random) {
    match &mut session.ownership {
        Ownership::Ours(label) if random.chance(500) => {
            label.generation = Generation(
                label
                    .generation
                    .0
                    .saturating_sub(random.between(1, 100_000)),
            );
        }
        Ownership::Ours(_) => session.ownership = Ownership::Foreign("elsewhere".to_owned()),
        Ownership::Foreign(_) | Ownership::Unproved(_) | Ownership::Unlabelled => {}
    }
}

/// Sets a label that proves nothing: garbled, copied from another session, or of another process.
fn mislabel(session: &mut Session, random: &mut Random) {
    let flaw = random.pick(&[Flaw::Garbled, Flaw::Copied, Flaw::Replaced]);
    session.ownership = flaw.map_or(Ownership::Unlabelled, unproved);
}

fn unproved(flaw: Flaw) -> Ownership {
    Ownership::Unproved(Unproved {
        text: "gt-x-1".to_owned(),
        flaw,
    })
}
