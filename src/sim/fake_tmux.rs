//! Carrying out actions on the simulated server, with the fences that `act` has on the real one.
//!
//! An operation has an effect only on the server, session and generation that it names; never on an
//! attached session unless told to proceed or its pane is dead; and creation only takes a free
//! name.

use super::guests::Guest;
use super::world::{OnTerm, Process, Session};
use super::{Agentry, World};
use crate::model::{
    Action, Death, Desired, Effect, Generation, Label, Moment, Origin, Outcome, Ownership, ProcId,
    Rung, ScreenState, ServerId, SessionId, Step, Target, WhenAttached,
};

/// A rule of conduct that can be left out on purpose, to see that its absence is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neglect {
    /// Operations go by the session's id alone, which means nothing on another server.
    ServerFence,
    /// Operations do not check the generation.
    GenerationFence,
    /// Operations do not look for attached clients.
    AttachedFence,
    /// Creation ignores that the name is taken.
    NameFence,
    /// A restart is finished though its tree lives.
    DeathFence,
    /// Intents are not written before they are carried out.
    Intent,
    /// Planned restarts leave no trace on the session.
    HandoffLabel,
    /// What was typed before is typed again.
    NudgeStamp,
    /// A start does not end what its former lives left behind.
    Leftovers,
    /// A start does not look for its agent in other sessions.
    MovedFence,
    /// A restart does not look what runs in the pane that it gives a fresh process.
    PaneFence,
}

/// Something that was done to the world, with what was there before it.
#[derive(Debug, Clone)]
pub struct Deed {
    /// The step.
    pub step: Step,
    /// The moment of the plan that it came from.
    pub planned: Moment,
    /// What it was done to; for a creation, the living session that it doubles.
    pub before: Option<Before>,
    /// An agent of the step's session that lives outside it.
    pub outside: Option<ProcId>,
    /// A user's process that it ends.
    pub ends: Option<Guest>,
}

/// A session as it was before a deed.
#[derive(Debug, Clone)]
pub struct Before {
    /// Its server.
    pub server: ServerId,
    /// The session.
    pub session: Session,
}

impl World {
    /// Carries out one step.
    pub fn carry_out(&mut self, step: &Step, planned: Moment) -> Outcome {
        match &step.action {
            Action::Start {
                desired,
                generation,
                handoff,
                ..
            } => self.start(
                step,
                planned,
                desired,
                self.label(desired, *generation, *handoff),
            ),
            Action::Restart {
                desired,
                target,
                rung: Rung::Finish,
                generation,
                handoff,
                ..
            } => self.respawn(
                step,
                planned,
                target,
                self.label(desired, *generation, *handoff),
            ),
            Action::Restart {
                target,
                rung,
                handoff,
                ..
            } => self.signal(step, planned, target, *rung, *handoff),
            Action::Expire {
                target,
                rung: Rung::Finish,
                ..
            } => self.remove(step, planned, target),
            Action::Expire { target, rung, .. } => self.signal(step, planned, target, *rung, None),
            Action::Adopt { target, .. } => self.adopt(step, planned, target),
            Action::Nudge(text) => self.nudge(step, planned, &text.target),
            Action::SendEscape { target, .. } => self.send_escape(step, planned, target),
        }
    }

    fn neglects(&self, neglect: Neglect) -> bool {
        self.neglect == Some(neglect)
    }

    fn label(&self, desired: &Desired, generation: Generation, handoff: Option<Moment>) -> Label {
        let handoff = handoff.filter(|_| !self.neglects(Neglect::HandoffLabel));
        Label {
            session: desired.name.clone(),
            generation,
            started: self.now,
            pane: crate::model::PaneId(0),
            fingerprint: Some(desired.fingerprint()),
            handoff,
            origin: Origin::Started,
        }
    }

    /// The fences. Gives the session only when it is the one that was meant.
    fn admit(&self, target: &Target) -> Result<SessionId, Outcome> {
        let stale = |why: &str| Err(Outcome::Stale(why.to_owned()));
        let Some(server) = &self.server else {
            return stale("no server");
        };
        let knows_only_ids = self.neglects(Neglect::ServerFence);
        if server.id != target.server && !knows_only_ids {
            return stale("another server");
        }
        let Some(session) = server.sessions.get(&target.session) else {
            return stale("no such session");
        };
        let generation = match &session.ownership {
            Ownership::Ours(label) => Some(label.generation),
            Ownership::Unlabelled | Ownership::Unproved(_) => None,
            Ownership::Foreign(_) => return stale("another town's"),
        };
        if generation != target.generation
            && !self.neglects(Neglect::GenerationFence)
            && !knows_only_ids
        {
            return stale("another life");
        }
        let minded = target.attached == WhenAttached::Hold && target.generation.is_some();
        let forbidden = session.attached > 0 && minded && session.is_pane_alive();
        if forbidden && !self.neglects(Neglect::AttachedFence) {
            return stale("attached");
        }
        Ok(target.session)
    }

    pub(super) fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        self.server.as_mut()?.sessions.get_mut(&id)
    }

    /// Notes a deed just before it is done.
    fn note(&mut self, step: &Step, planned: Moment, id: Option<SessionId>) {
        let before = self.server.as_ref().zip(id).and_then(|(server, id)| {
            let session = server.sessions.get(&id)?.clone();
            Some(Before {
                server: server.id,
                session,
            })
        });
        let outside = self.agent_outside(&step.session);
        self.deeds.push(Deed {
            step: step.clone(),
            planned,
            before,
            outside,
            ends: None,
        });
    }

    fn start(&mut self, step: &Step, planned: Moment, desired: &Desired, label: Label) -> Outcome {
        let name = desired.name.as_str();
        let sessions = self
            .server
            .iter()
            .flat_map(|server| server.sessions.values());
        if sessions.into_iter().any(|session| session.name == name)
            && !self.neglects(Neglect::NameFence)
        {
            return Outcome::Stale("a session of that name is there already".to_owned());
        }
        if let Err(outcome) = self.clear_outside(&desired.name) {
            return outcome;
        }
        self.note(step, planned, self.living(&label));
        let (generation, process) = (label.generation, self.agent());
        let id = process.id;
        self.create(name, Ownership::Ours(label), process);
        Outcome::Done(Effect::Started {
            generation,
            process: Some(id),
        })
    }

    /// A living session that carries the same declared name.
    fn living(&self, label: &Label) -> Option<SessionId> {
        let mut sessions = self.server.iter().flat_map(|server| &server.sessions);
        let is_same = |ownership: &Ownership| matches!(ownership, Ownership::Ours(l) if l.session == label.session);
        sessions
            .find(|(_, session)| session.is_alive() && is_same(&session.ownership))
            .map(|(id, _)| *id)
    }

    fn respawn(&mut self, step: &Step, planned: Moment, target: &Target, label: Label) -> Outcome {
        let id = match self.admit(target) {
            Ok(id) => id,
            Err(outcome) => return outcome,
        };
        let careless = self.neglects(Neglect::DeathFence);
        if self.session(id).is_some_and(|session| session.is_alive()) && !careless {
            return Outcome::Stale("its agent lives".to_owned());
        }
        if let Err(outcome) = self.clear_outside(&label.session) {
            return outcome;
        }
        let ends = match self.find_pane(id, target) {
            Ok(ends) => ends,
            Err(outcome) => return outcome,
        };
        self.note(step, planned, Some(id));
        if let Some(deed) = self.deeds.last_mut() {
            deed.ends = ends;
        }
        let (generation, process, now) = (label.generation, self.agent(), self.now);
        let pid = process.id;
        if let Some(session) = self.session(id) {
            session.ownership = Ownership::Ours(label);
            session.process = process;
            session.screen = super::world::prompt();
            session.cpu_ms = 0;
            session.footprint = 0;
            session.shell = None;
            session.spoke = now.awake;
            session.said = None;
        }
        Outcome::Done(Effect::Started {
            generation,
            process: Some(pid),
        })
    }

    fn signal(
        &mut self,
        step: &Step,
        planned: Moment,
        target: &Target,
        rung: Rung,
        handoff: Option<Moment>,
    ) -> Outcome {
        let id = match self.admit(target) {
            Ok(id) => id,
            Err(outcome) => return outcome,
        };
        if !self.session(id).is_some_and(|session| session.is_alive()) {
            return Outcome::Stale("it has ended".to_owned());
        }
        self.note(step, planned, Some(id));
        let (now, labels) = (self.now.awake, !self.neglects(Neglect::HandoffLabel));
        let stubborn = self.random.chance(30);
        let Some(session) = self.session(id) else {
            return Outcome::Failed("gone".to_owned());
        };
        if let (Ownership::Ours(label), Some(at), true) = (&mut session.ownership, handoff, labels)
        {
            label.handoff = Some(at);
        }
        let process = &mut session.process;
        let fate = match (rung, process.on_term) {
            (Rung::Kill | Rung::Finish, _) => Some((
                now.saturating_add(u64::from(stubborn) * 3000),
                Death::Signal(9),
            )),
            (Rung::Ask | Rung::Term, OnTerm::Ends) => Some((now, Death::Signal(15))),
            (Rung::Ask | Rung::Term, OnTerm::Slowly(time)) => {
                Some((now.saturating_add(time.millis()), Death::Exit(0)))
            }
            (Rung::Ask | Rung::Term, OnTerm::Ignores) => None,
        };
        if let Some((at, death)) = fate
            && process.fate.is_none_or(|(already, _)| at < already)
        {
            process.fate = Some((at, death));
        }
        let tree = vec![process.id];
        self.settle();
        Outcome::Done(Effect::Signalled { tree })
    }

    fn remove(&mut self, step: &Step, planned: Moment, target: &Target) -> Outcome {
        let id = match self.admit(target) {
            Ok(id) => id,
            Err(outcome) => return outcome,
        };
        let careless = self.neglects(Neglect::DeathFence);
        if self.session(id).is_some_and(|session| session.is_alive()) && !careless {
            return Outcome::Stale("its agent lives".to_owned());
        }
        self.note(step, planned, Some(id));
        // What users run there stays, in a session that is nobody's. In the end they go home.
        let all_are_home = self.agentry == Agentry::Tame;
        if let Some(session) = self
            .session(id)
            .filter(|session| !all_are_home && !session.guests.is_empty())
        {
            session.ownership = Ownership::Unlabelled;
            session.let_go();
        } else if let Some(server) = &mut self.server {
            server.sessions.remove(&id);
        }
        self.leave_when_empty();
        Outcome::Done(Effect::Removed)
    }

    /// Types at a prompt, whoever is attached; the same moment is typed once. The agent mostly
    /// takes it up.
    fn nudge(&mut self, step: &Step, planned: Moment, target: &Target) -> Outcome {
        let id = match self.admit(&Target {
            attached: WhenAttached::Proceed,
            ..target.clone()
        }) {
            Ok(id) => id,
            Err(outcome) => return outcome,
        };
        let (careless, lively) = (self.neglects(Neglect::NudgeStamp), self.random.chance(700));
        let (digest, now) = (self.random.next_number(), self.now.awake);
        let Some(session) = self.session(id).filter(|session| session.is_alive()) else {
            return Outcome::Stale("it has ended".to_owned());
        };
        if session.screen.state != ScreenState::Ready
            || session.nudged == Some(planned) && !careless
        {
            return Outcome::Stale("not at its prompt, or typed before".to_owned());
        }
        self.note(step, planned, Some(id));
        if let Some(session) = self.session(id) {
            session.nudged = Some(planned);
            if lively {
                session.screen.digest = digest;
                session.spoke = now;
            }
        }
        Outcome::Done(Effect::Nudged)
    }

    /// An Escape frees some of those that are frozen, and none that show anything else.
    fn send_escape(&mut self, step: &Step, planned: Moment, target: &Target) -> Outcome {
        let id = match self.admit(target) {
            Ok(id) => id,
            Err(outcome) => return outcome,
        };
        let works =
            |session: &mut Session| session.is_alive() && session.screen.state == ScreenState::Busy;
        if !self.session(id).is_some_and(works) {
            return Outcome::Stale("it shows no work".to_owned());
        }
        self.note(step, planned, Some(id));
        let frees = self.random.chance(500);
        if let Some(session) = self.session(id).filter(|_| frees) {
            session.screen = super::world::prompt();
        }
        Outcome::Done(Effect::EscapeSent)
    }

    fn adopt(&mut self, step: &Step, planned: Moment, target: &Target) -> Outcome {
        let id = match self.admit(target) {
            Ok(id) => id,
            Err(outcome) => return outcome,
        };
        let Action::Adopt {
            fingerprint,
            generation,
            started,
            handoff,
            origin,
            ..
        } = &step.action
        else {
            return Outcome::Failed("not an adoption".to_owned());
        };
        self.note(step, planned, Some(id));
        let label = Label {
            session: step.session.clone(),
            generation: *generation,
            started: *started,
            pane: target.pane,
            fingerprint: Some(*fingerprint),
            handoff: *handoff,
            origin: *origin,
        };
        if let Some(session) = self.session(id) {
            session.ownership = Ownership::Ours(label);
            // Whatever lives in the pane is meant from now on.
            let shell = session.shell.filter(|_| *origin == Origin::Policy);
            if let Some(shell) = shell {
                session.shell = None;
                if !session.is_alive() {
                    session.process = Process::of(shell);
                }
            }
        }
        Outcome::Done(Effect::Adopted {
            generation: *generation,
        })
    }
}
