//! A tmux that does as it is told, with agents that change nothing by themselves.
//!
//! It begins with what a look has shown and keeps all of it that no step changes: what processes
//! are called, what agents have reported and printed.

use super::AgentsDo;
use crate::model::{
    Action, Content, Death, Desired, Done, Effect, Generation, Label, Life, Memory, Moment,
    Observed, Origin, Outcome, Ownership, PaneId, Period, ProcId, Rung, Screen, ScreenState, Seen,
    Server, ServerId, SessionId, SessionName, Step, Target, Title, Told, Usage,
};
use crate::model::{SortedMap, SortedSet};

/// Processes begin with this number, so that none has that of a real one.
const FIRST_PROCESS: u32 = 1 << 30;

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Its screen changes all the time, and shows this state.
    Works(ScreenState),
    /// Nothing of it changes.
    Rests,
}

/// An agent, and since when it does what it does.
#[derive(Debug, Clone)]
struct Habit {
    way: Way,
    since: Moment,
    /// What it shows while it rests.
    rest: Screen,
    /// So many of the next looks read its screen although it rests: until they agree.
    unread: u32,
}

impl Habit {
    /// An agent that begins something now.
    fn new(way: Way, since: Moment) -> Self {
        Self {
            way,
            since,
            rest: screen(ScreenState::Ready, 0),
            unread: Content::AGREEING,
        }
    }

    /// An agent that was there before. What this look has read, the next one reads again.
    fn found(way: Way, since: Moment, shown: Option<&Screen>) -> Self {
        let known = Self::new(way, since);
        match shown {
            Some(screen) => Self {
                rest: screen.clone(),
                ..known
            },
            None => Self { unread: 0, ..known },
        }
    }
}

/// The machine.
pub(super) struct Machine {
    now: Moment,
    observed: Observed,
    agents: AgentsDo,
    habits: SortedMap<SessionName, Habit>,
    next_process: u32,
    next_session: u32,
    /// Counts the changes of screens.
    frame: u64,
}

impl Machine {
    pub(super) fn new(observed: Observed, memory: &Memory, agents: AgentsDo, now: Moment) -> Self {
        let mut habits = SortedMap::new();
        let mut next_session = 0;
        if let Observed::Up(server) = &observed {
            for seen in server.sessions.values() {
                next_session = next_session.max(seen.id.0);
                if let Some(label) = label(seen) {
                    let content = memory
                        .sessions
                        .get(&label.session)
                        .and_then(|history| history.run_of(label.generation))
                        .and_then(|run| run.content.as_ref());
                    let way = way_of(seen, content);
                    let habit = Habit::found(way, now, seen.screen.as_ref());
                    habits.insert(label.session.clone(), habit);
                }
            }
        }
        Self {
            now,
            observed,
            agents,
            habits,
            next_process: FIRST_PROCESS,
            next_session,
            frame: 0,
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.now
    }

    /// What a look shows. It is given back before anything is changed.
    pub(super) fn take_look(&mut self) -> Observed {
        std::mem::replace(&mut self.observed, Observed::Down)
    }

    pub(super) fn give_back(&mut self, observed: Observed) {
        self.observed = observed;
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, period: Period) {
        self.now = self.now.plus(period);
        self.frame = self.frame.saturating_add(1);
        let Observed::Up(server) = &mut self.observed else {
            return;
        };
        for seen in server.sessions.values_mut() {
            let habit = match &seen.ownership {
                Ownership::Ours(label) => self.habits.get_mut(&label.session),
                Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
            };
            let is_alive = matches!(seen.life, Life::Alive { .. });
            seen.screen = None;
            let Some(habit) = habit.filter(|_| is_alive) else {
                seen.quiet = seen.quiet.plus(period);
                continue;
            };
            habit.tire(self.agents, self.now);
            habit.show(seen, period, self.frame, self.now);
        }
    }

    /// What comes of a step, and the process that it starts.
    pub(super) fn outcome_of(&mut self, step: &Step) -> (Done, ProcId) {
        self.next_process = self.next_process.saturating_add(1);
        let process = ProcId {
            pid: self.next_process,
            start: self.now.awake / 10,
        };
        let by_commands = step.action.commands().is_some();
        let started = |generation: Generation| Effect::Started {
            generation,
            process: Some(process),
        };
        let effect = match &step.action {
            Action::Start { generation, .. }
            | Action::Restart {
                generation,
                rung: Rung::Finish,
                ..
            } => started(*generation),
            Action::Restart { generation, .. } if by_commands => started(*generation),
            Action::Expire {
                rung: Rung::Finish, ..
            } => Effect::Removed,
            Action::Expire { .. } if by_commands => Effect::Removed,
            Action::Restart { target, .. } | Action::Expire { target, .. } => Effect::Signalled {
                tree: target.process.into_iter().collect(),
            },
            Action::Adopt { generation, .. } => Effect::Adopted {
                generation: *generation,
            },
            Action::Rename { .. } => Effect::Renamed,
            Action::Nudge(_) => Effect::Nudged,
            Action::SendEscape { .. } => Effect::EscapeSent,
            Action::Answer(_) => Effect::Answered,
        };
        let done = Done {
            session: step.session.clone(),
            verb: step.action.verb(),
            outcome: Outcome::Done(effect),
        };
        (done, process)
    }

    /// Has a step its effect.
    pub(super) fn apply(&mut self, step: &Step, process: ProcId) {
        let by_commands = step.action.commands().is_some();
        match &step.action {
            Action::Start {
                desired,
                generation,
                handoff,
                ..
            } => self.start(desired, (*generation, *handoff), process),
            Action::Restart {
                desired,
                target,
                rung,
                generation,
                handoff,
                ..
            } if *rung == Rung::Finish || by_commands => {
                let former = self.seen(target).map(|seen| (seen.id, seen.attached));
                self.remove(target);
                self.start(desired, (*generation, *handoff), process);
                if let Some(former) = former.filter(|_| !by_commands) {
                    self.keep_session(&desired.name, former);
                }
            }
            Action::Restart {
                target,
                rung,
                handoff,
                ..
            } => self.end(target, *rung, *handoff),
            Action::Expire { target, rung, .. } if *rung == Rung::Finish || by_commands => {
                self.remove(target);
                self.leave_when_empty();
            }
            Action::Expire { target, rung, .. } => self.end(target, *rung, None),
            Action::Adopt { .. } => self.adopt(step),
            Action::Rename { target, .. } => self.rename(target, &step.session),
            Action::Nudge(_) => {}
            Action::SendEscape { .. } => self.change(&step.session, Way::Rests),
            Action::Answer(_) => self.change(&step.session, Way::Works(ScreenState::Busy)),
        }
    }

    fn server(&mut self) -> Option<&mut Server> {
        match &mut self.observed {
            Observed::Up(server) => Some(server),
            Observed::Down | Observed::Unknown(_) => None,
        }
    }

    fn seen(&mut self, target: &Target) -> Option<&mut Seen> {
        let name = self.name_of(target)?;
        self.server()?.sessions.get_mut(&name)
    }

    /// The name that the session has now. Most have the one in their label.
    fn name_of(&mut self, target: &Target) -> Option<String> {
        let sessions = &self.server()?.sessions;
        let is_meant = |seen: &Seen| seen.id == target.session;
        let declared = target.whose.as_ref().map(|whose| &whose.session);
        let by_label = declared.and_then(|name| sessions.get_key_value(name.as_str()));
        let by_label = by_label.filter(|(_, seen)| is_meant(seen));
        let by_id = || sessions.iter().find(|(_, seen)| is_meant(seen));
        let (name, _) = by_label.or_else(by_id)?;
        Some(name.clone())
    }

    fn start(
        &mut self,
        desired: &Desired,
        (generation, handoff): (Generation, Option<Moment>),
        process: ProcId,
    ) {
        let former = self.habits.get(&desired.name).map(|habit| habit.way);
        let way = former.unwrap_or(Way::Works(ScreenState::Busy));
        let habit = Habit::new(way, self.now);
        self.habits.insert(desired.name.clone(), habit);
        self.next_session = self.next_session.saturating_add(1);
        let (id, now) = (self.next_session, self.now);
        let origin = if desired.commands().is_some() {
            Origin::Launcher
        } else {
            Origin::Started
        };
        let label = Label {
            session: desired.name.clone(),
            started_as: None,
            generation,
            started: now,
            pane: PaneId(id),
            fingerprint: Some(desired.fingerprint()),
            handoff,
            origin,
            conversation: None,
        };
        if !matches!(self.observed, Observed::Up(_)) {
            self.observed = Observed::Up(Server {
                id: ServerId(process),
                version: String::new(),
                sessions: SortedMap::new(),
                moved: SortedMap::new(),
                own: None,
                ended: SortedMap::new(),
                unpiped: SortedSet::new(),
            });
        }
        let comm = desired.agent.process_names.first().cloned();
        let seen = fresh(label, process, comm.unwrap_or_default(), now);
        if let Some(server) = self.server() {
            server.sessions.insert(desired.name.to_string(), seen);
        }
    }

    /// A fresh agent got the pane of the one before: its session is the same as before, and who
    /// looks at it stays attached.
    fn keep_session(&mut self, name: &SessionName, (id, attached): (SessionId, u32)) {
        let seen = self
            .server()
            .and_then(|server| server.sessions.get_mut(name.as_str()));
        if let Some(seen) = seen {
            (seen.id, seen.attached) = (id, attached);
        }
    }

    /// Ends an agent. tmux keeps its pane, unless others started it.
    fn end(&mut self, target: &Target, rung: Rung, handoff: Option<Moment>) {
        let now = self.now;
        let death = match rung {
            Rung::Ask => Death::Exit(0),
            Rung::Term => Death::Signal(15),
            Rung::Kill | Rung::Finish => Death::Signal(9),
        };
        let Some(seen) = self.seen(target) else {
            return;
        };
        let is_kept = match &mut seen.ownership {
            Ownership::Ours(label) => {
                label.handoff = handoff.or(label.handoff);
                label.origin != Origin::Policy
            }
            Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => false,
        };
        seen.life = Life::Dead {
            death,
            process: None,
            at: Some(now.wall),
            tail: Vec::new(),
        };
        if !is_kept {
            self.remove(target);
            self.leave_when_empty();
        }
    }

    fn remove(&mut self, target: &Target) {
        let name = self.name_of(target);
        if let (Some(name), Some(server)) = (name, self.server()) {
            server.sessions.remove(&name);
        }
    }

    /// The server ends with its last session.
    fn leave_when_empty(&mut self) {
        let is_empty = self
            .server()
            .is_some_and(|server| server.sessions.is_empty());
        if is_empty {
            self.observed = Observed::Down;
        }
    }

    fn rename(&mut self, target: &Target, name: &SessionName) {
        let Some(key) = self.name_of(target) else {
            return;
        };
        let Some(server) = self.server() else { return };
        let Some(mut seen) = server.sessions.remove(&key) else {
            return;
        };
        if let Ownership::Ours(label) = &mut seen.ownership {
            let former = std::mem::replace(&mut label.session, name.clone());
            label.started_as.get_or_insert_with(|| former.clone());
            server.sessions.insert(name.to_string(), seen);
            if let Some(habit) = self.habits.remove(&former) {
                self.habits.insert(name.clone(), habit);
            }
        } else {
            server.sessions.insert(key, seen);
        }
    }

    fn adopt(&mut self, step: &Step) {
        let Action::Adopt {
            target,
            fingerprint,
            generation,
            started,
            handoff,
            origin,
            ..
        } = &step.action
        else {
            return;
        };
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
        let now = self.now;
        let Some(seen) = self.seen(target) else {
            return;
        };
        let habit = Habit::new(way_of(seen, None), now);
        seen.ownership = Ownership::Ours(label);
        self.habits.insert(step.session.clone(), habit);
    }

    fn change(&mut self, session: &SessionName, way: Way) {
        if let Some(habit) = self.habits.get_mut(session) {
            *habit = Habit::new(way, self.now);
        }
    }
}

impl Habit {
    /// Falls idle if it is time.
    fn tire(&mut self, agents: AgentsDo, now: Moment) {
        let AgentsDo::FallIdleAfter(period) = agents else {
            return;
        };
        if self.way != Way::Rests && now.since(&self.since) >= period {
            *self = Self::new(Way::Rests, now);
        }
    }

    /// What a look sees of it after `period`.
    fn show(&mut self, seen: &mut Seen, period: Period, frame: u64, now: Moment) {
        match self.way {
            Way::Works(state) => {
                seen.quiet = Period::ZERO;
                seen.activity = now.wall.div_euclid(1000);
                seen.screen = Some(screen(state, frame));
                if let Some(heard) = &mut seen.heard {
                    heard.last_output = now;
                    // What is printed after a marker takes its meaning from it.
                    heard.standing = None;
                }
            }
            Way::Rests => {
                seen.quiet = seen.quiet.plus(period);
                if self.unread > 0 {
                    seen.quiet = seen.quiet.min(now.since(&self.since));
                    seen.screen = Some(self.rest.clone());
                }
            }
        }
        self.unread = self.unread.saturating_sub(1);
    }
}

/// What an agent does, by what it does now.
fn way_of(seen: &Seen, content: Option<&Content>) -> Way {
    let shown = seen
        .screen
        .as_ref()
        .map(|screen| screen.state)
        .or(content.map(|content| content.state));
    let is_printing = seen.quiet < Content::IDLE_AFTER;
    match shown {
        Some(state) if state.is_at_work() => Way::Works(state),
        // Nobody knows its screens: that something comes is its work.
        Some(ScreenState::Unclear) if is_printing => Way::Works(ScreenState::Unclear),
        Some(_) | None => Way::Rests,
    }
}

fn screen(state: ScreenState, frame: u64) -> Screen {
    Screen {
        state,
        evidence: String::new(),
        digest: frame,
        turn: 0,
        progress: frame,
        background: false,
        told: Told::default(),
        title: Title::Unread,
        dialog: None,
    }
}

/// A session that has just been started.
fn fresh(label: Label, process: ProcId, comm: String, now: Moment) -> Seen {
    Seen {
        id: SessionId(label.pane.0),
        attached: 0,
        created: now.wall.div_euclid(1000) * 1000,
        quiet: Period::ZERO,
        activity: now.wall.div_euclid(1000),
        title: String::new(),
        screen: None,
        heard: None,
        reported: None,
        pane: label.pane,
        ownership: Ownership::Ours(label),
        life: Life::Alive {
            process,
            matches: true,
            comm,
        },
        usage: Some(Usage::default()),
        footprint: None,
        is_replaced: None,
        commands: None,
    }
}

fn label(seen: &Seen) -> Option<&Label> {
    match &seen.ownership {
        Ownership::Ours(label) => Some(label),
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
    }
}
