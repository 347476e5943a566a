//! Carries out steps on the simulated server, with the same fences as `act` has on real tmux.
//!
//! - A step changes only the server, the session and the generation that it names.
//! - It changes no session with an attached client, unless it may proceed or the pane is dead.
//! - It creates a session only if the name is free.

use super::guests::Guest;
use super::world::{OnTerm, Process, Session};
use super::{Agentry, World};
use crate::model::{
    Action, Death, Desired, Effect, Generation, Label, Moment, Origin, Outcome, Ownership, ProcId,
    Rung, ScreenState, ServerId, SessionId, Step, Target, WhenAttached,
};

/// A fence or a duty that is left out on purpose. A test must notice each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neglect {
    /// A step checks only the session's id, which means nothing on another server.
    ServerFence,
    /// A step does not check the generation.
    GenerationFence,
    /// A step does not check for attached clients.
    AttachedFence,
    /// A start does not check that the name is free.
    NameFence,
    /// A restart does not check that the old process has ended.
    DeathFence,
    /// Intents are not written down before the steps.
    Intent,
    /// A planned restart does not note its time on the session.
    HandoffLabel,
    /// A text that was typed before is typed again.
    NudgeStamp,
    /// A start does not end what earlier runs have left behind.
    Leftovers,
    /// A start does not look for its agent in other sessions.
    MovedFence,
    /// A restart does not check what runs in the pane.
    PaneFence,
    /// A new name comes with a fresh process.
    RenameSpares,
    /// A look believes the reports of other processes and of other incarnations.
    ReportFence,
    /// A look takes the report that was written last for the latest, whenever its hook began.
    ReportOrder,
}

/// A step that was carried out, and what was true just before it.
#[derive(Debug, Clone)]
pub struct Deed {
    /// The step.
    pub step: Step,
    /// The moment of the plan that had the step.
    pub planned: Moment,
    /// The session that the step changed. For a start: a living session of the same name, which
    /// should not exist.
    pub before: Option<Before>,
    /// An agent of the step's session that lives outside the session.
    pub outside: Option<ProcId>,
    /// A user's process that the step ended.
    pub ends: Option<Guest>,
}

/// A session as it was before a deed.
#[derive(Debug, Clone)]
pub struct Before {
    /// The server of the session.
    pub server: ServerId,
    /// The session.
    pub session: Session,
}

impl World {
    /// Carries out one step of the plan that was made at `planned`.
    ///
    /// A step that a fence stops has the outcome [`Outcome::Stale`] and no effect.
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
            Action::Rename { target, .. } => self.rename(step, planned, target),
            Action::Nudge(text) => self.nudge(step, planned, &text.target),
            Action::SendEscape { target, .. } => self.send_escape(step, planned, target),
            // No simulated agent asks what a manifest could answer.
            Action::Answer(_) => Outcome::Stale("it asks nothing".to_owned()),
        }
    }

    fn neglects(&self, neglect: Neglect) -> bool {
        self.neglect == Some(neglect)
    }

    fn label(&self, desired: &Desired, generation: Generation, handoff: Option<Moment>) -> Label {
        let handoff = handoff.filter(|_| !self.neglects(Neglect::HandoffLabel));
        Label {
            session: desired.name.clone(),
            started_as: None,
            generation,
            started: self.now,
            pane: crate::model::PaneId(0),
            fingerprint: Some(desired.fingerprint()),
            handoff,
            origin: Origin::Started,
            conversation: None,
        }
    }

    /// The fences for a step on a session. Gives the session if it is the one that is meant.
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
        let spares_attached = target.attached == WhenAttached::Hold && target.generation.is_some();
        let is_spared = spares_attached && session.attached > 0 && session.is_pane_alive();
        if is_spared && !self.neglects(Neglect::AttachedFence) {
            return stale("attached");
        }
        Ok(target.session)
    }

    pub(super) fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        self.server.as_mut()?.sessions.get_mut(&id)
    }

    /// Notes a deed just before its effect.
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
        if let Some(created) = self.create(name, Ownership::Ours(label), process) {
            self.show_first_screen(created, &desired.name);
        }
        Outcome::Done(Effect::Started {
            generation,
            process: Some(id),
        })
    }

    /// A living session with a label of the same declared name.
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
        if self.is_protected_alive(id) {
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
        let (pid, name) = (process.id, label.session.clone());
        if let Some(session) = self.session(id) {
            session.ownership = Ownership::Ours(label);
            session.process = process;
            session.cpu_ms = 0;
            session.footprint = 0;
            session.tokens = 0;
            session.shell = None;
            session.spoke = now.awake;
            session.said = None;
        }
        self.show_first_screen(id, &name);
        Outcome::Done(Effect::Started {
            generation,
            process: Some(pid),
        })
    }

    /// Whether an agent lives that the fence against two processes protects.
    fn is_protected_alive(&mut self, id: SessionId) -> bool {
        let is_alive = self.session(id).is_some_and(|session| session.is_alive());
        is_alive && !self.neglects(Neglect::DeathFence)
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
        let stubborn = self.random.chance(30) && self.agentry != Agentry::Steady;
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
        if self.is_protected_alive(id) {
            return Outcome::Stale("its agent lives".to_owned());
        }
        self.note(step, planned, Some(id));
        // A session with users' processes stays, without a label. After the storm there are no
        // users any more.
        let users_are_gone = self.agentry != Agentry::Wild;
        if let Some(session) = self
            .session(id)
            .filter(|session| !users_are_gone && !session.guests.is_empty())
        {
            session.ownership = Ownership::Unlabelled;
            session.let_go();
        } else if let Some(server) = &mut self.server {
            server.sessions.remove(&id);
        }
        self.leave_when_empty();
        Outcome::Done(Effect::Removed)
    }

    /// Types a text at a prompt, also while a client is attached. One plan types it only once.
    ///
    /// Most agents begin to work then.
    fn nudge(&mut self, step: &Step, planned: Moment, target: &Target) -> Outcome {
        let id = match self.admit(&Target {
            attached: WhenAttached::Proceed,
            ..target.clone()
        }) {
            Ok(id) => id,
            Err(outcome) => return outcome,
        };
        let types_twice = self.neglects(Neglect::NudgeStamp);
        let begins_to_work = self.random.chance(700) && self.agentry != Agentry::Steady;
        let (digest, now) = (self.random.next_number(), self.now.awake);
        let Some(session) = self.session(id).filter(|session| session.is_alive()) else {
            return Outcome::Stale("it has ended".to_owned());
        };
        let was_typed = session.nudged == Some(planned) && !types_twice;
        if session.screen.state != ScreenState::Ready || was_typed {
            return Outcome::Stale("not at its prompt, or typed before".to_owned());
        }
        self.note(step, planned, Some(id));
        if let Some(session) = self.session(id) {
            session.nudged = Some(planned);
            if begins_to_work {
                session.screen.digest = digest;
                session.spoke = now;
            }
        }
        Outcome::Done(Effect::Nudged)
    }

    /// Presses Escape in an agent that shows work. Half of the agents go back to their prompt.
    fn send_escape(&mut self, step: &Step, planned: Moment, target: &Target) -> Outcome {
        let id = match self.admit(target) {
            Ok(id) => id,
            Err(outcome) => return outcome,
        };
        let shows_work =
            |session: &mut Session| session.is_alive() && session.screen.state == ScreenState::Busy;
        if !self.session(id).is_some_and(shows_work) {
            return Outcome::Stale("it shows no work".to_owned());
        }
        self.note(step, planned, Some(id));
        let frees = self.random.chance(500) || self.agentry == Agentry::Steady;
        if frees {
            self.steady.insert(step.session.clone(), ScreenState::Ready);
        }
        if let Some(session) = self.session(id).filter(|_| frees) {
            session.screen = super::world::prompt();
            session.works = false;
        }
        Outcome::Done(Effect::EscapeSent)
    }

    /// Gives a session its declared name. Its processes keep the name under which they were started.
    fn rename(&mut self, step: &Step, planned: Moment, target: &Target) -> Outcome {
        let disturbs_nobody = Target {
            attached: WhenAttached::Proceed,
            ..target.clone()
        };
        let id = match self.admit(&disturbs_nobody) {
            Ok(id) => id,
            Err(outcome) => return outcome,
        };
        let name = step.session.as_str();
        let mut others = self.server.iter().flat_map(|server| &server.sessions);
        if others.any(|(other, session)| *other != id && session.name == name) {
            return Outcome::Stale("a session of that name is there already".to_owned());
        }
        let former = target.whose.as_ref().map(|whose| &whose.session);
        let is_it = |session: &mut Session| matches!(&session.ownership, Ownership::Ours(label) if Some(&label.session) == former);
        if !self.session(id).is_some_and(is_it) {
            return Outcome::Stale("its label names another session".to_owned());
        }
        self.note(step, planned, Some(id));
        let ends_it = self.neglects(Neglect::RenameSpares);
        if let Some(session) = self.session(id) {
            name.clone_into(&mut session.name);
            if let Ownership::Ours(label) = &mut session.ownership {
                let former = std::mem::replace(&mut label.session, step.session.clone());
                label.started_as.get_or_insert(former);
            }
        }
        if ends_it {
            let process = self.agent();
            if let Some(session) = self.session(id) {
                session.process = process;
            }
        }
        Outcome::Done(Effect::Renamed)
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
            started_as: None,
            generation: *generation,
            started: *started,
            pane: target.pane,
            fingerprint: Some(*fingerprint),
            handoff: *handoff,
            origin: *origin,
            conversation: None,
        };
        if let Some(session) = self.session(id) {
            session.ownership = Ownership::Ours(label);
            // A policy covers what lives in the pane, not the agent that it had before.
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
