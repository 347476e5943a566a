//! The simulated machine: its clocks, one tmux server, and its sessions, panes and processes.

use super::guests::Guest;
use super::outside::Leftover;
use super::reports::ReportSpool;
use super::{Deed, Neglect, Random};
use crate::model::SortedMap;
use crate::model::{
    Activity, Death, Given, Life, Marks, Moment, Observed, Origin, Ownership, PaneId, Period,
    ProcId, Reported, Screen, ScreenState, Seen, Server, ServerId, SessionId, SessionName,
    Sighting, Source, Standing, Title, TokenUsage, Told, Usage, Verdict,
};

/// The whole simulated machine.
#[derive(Debug, Clone)]
pub struct World {
    /// The present moment.
    pub now: Moment,
    /// The town whose labels are ours.
    pub town: SessionName,
    /// The tmux server. `None` if none runs.
    pub server: Option<TmuxServer>,
    /// Decides how processes behave.
    pub random: Random,
    /// How agents behave that are started from now on.
    pub agentry: Agentry,
    /// The present name of each declared session, by its former names.
    pub former_names: SortedMap<SessionName, SessionName>,
    /// A fence that is left out on purpose, to see that a test notices it.
    pub neglect: Option<Neglect>,
    /// What was done to the world, in order. Whoever reads it empties it.
    pub deeds: Vec<Deed>,
    /// Agents that outlived their panes.
    pub(super) leftovers: Vec<Leftover>,
    /// Decides what becomes of reports. It is apart from the other chances, so that those stay as
    /// they are.
    reporting: Random,
    /// What the next steady agent of each session shows. Of a session that is not listed: work.
    pub(super) steady: SortedMap<SessionName, ScreenState>,
    next_process: u32,
}

/// How agents behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agentry {
    /// They run until they are asked to end, and then end.
    Tame,
    /// As a forecast takes for granted: as [`Agentry::Tame`], and who is at work goes on working,
    /// who rests goes on resting, and the next agent of a session does as the one before.
    Steady,
    /// They crash, exit, and ignore signals.
    Wild,
}

/// A running tmux server.
#[derive(Debug, Clone)]
pub struct TmuxServer {
    /// The server's process.
    pub id: ServerId,
    /// The sessions by id.
    pub sessions: SortedMap<SessionId, Session>,
    /// The session in which the controller itself runs.
    pub own: Option<SessionId>,
    next: u32,
}

/// A session with one pane for the agent.
#[derive(Debug, Clone)]
pub struct Session {
    /// The present name.
    pub name: String,
    /// Whose session it is, by its labels.
    pub ownership: Ownership,
    /// The number of attached clients.
    pub attached: u32,
    /// When it was created: wall clock, in ms.
    pub created: i64,
    /// The agent's pane.
    pub pane: PaneId,
    /// The pane's own process, if the agent runs in it as a child.
    pub shell: Option<ProcId>,
    /// The agent, or what else runs in its place.
    pub process: Process,
    /// When it last printed something: awake time, in ms.
    pub spoke: u64,
    /// What its screen shows.
    pub screen: Screen,
    /// Whether it works all the time, if it is [`Agentry::Steady`].
    pub(super) works: bool,
    /// The CPU time that its processes have used, in ms.
    pub cpu_ms: u64,
    /// The memory that its processes hold, in bytes.
    pub footprint: u64,
    /// The tokens that the agent has used.
    pub tokens: u64,
    /// The completion marker at the end of its output, and when it was printed.
    pub said: Option<(Verdict, Moment)>,
    /// The moment of the plan that last typed something into it.
    pub nudged: Option<Moment>,
    /// The declared session whose agent runs here, after somebody moved its pane.
    pub moved_from: Option<SessionName>,
    /// The users' processes in panes that were the agent's. Only the users may end them.
    pub guests: Vec<Guest>,
    /// What its clients report.
    pub hooks: ReportSpool,
}

/// A process, and how it will end.
#[derive(Debug, Clone)]
pub struct Process {
    pub(super) id: ProcId,
    /// Whether it is the declared agent.
    pub(super) matches: bool,
    /// How it ended, and when: wall clock, in ms.
    pub(super) ended: Option<(Death, i64)>,
    /// When it will end (awake time, in ms), and how.
    pub(super) fate: Option<(u64, Death)>,
    pub(super) on_term: OnTerm,
}

/// What a process does after the signal TERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTerm {
    /// It ends at once.
    Ends,
    /// It ends after this time.
    Slowly(Period),
    /// It goes on.
    Ignores,
}

impl Process {
    /// A process that is no agent and runs until it is asked to end.
    pub(super) fn of(id: ProcId) -> Self {
        Self {
            id,
            matches: false,
            ended: None,
            fate: None,
            on_term: OnTerm::Ends,
        }
    }

    /// Ends the process if its time has come.
    fn end_if_due(&mut self, now: Moment) {
        let due = self.fate.filter(|(at, _)| *at <= now.awake);
        if let (Some((at, death)), None) = (due, self.ended) {
            let ago = i64::try_from(now.awake.saturating_sub(at)).unwrap_or(0);
            self.ended = Some((death, now.wall.saturating_sub(ago)));
        }
    }
}

impl Session {
    /// What the session's sink has read of its output. `None` for a session that is not ours.
    fn heard(&self, now: Moment) -> Option<Marks> {
        let Ownership::Ours(_) = &self.ownership else {
            return None;
        };
        let standing = self
            .said
            .filter(|_| self.is_alive())
            .map(|(verdict, at)| Standing {
                sighting: Sighting {
                    marker: "DONE".to_owned(),
                    verdict,
                    line: "DONE".to_owned(),
                    at_byte: 0,
                },
                seen: at,
                quiet_since: at,
                trailer: 0,
                key: 0,
            });
        let last_output = standing
            .as_ref()
            .map_or(now, |standing| standing.quiet_since);
        Some(Marks {
            position: None,
            beyond: 0,
            standing,
            unfinished: false,
            last_output,
            given: Given::default(),
        })
    }

    /// Whether the agent lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.process.ended.is_none()
    }

    /// Whether tmux keeps its pane when the process ends. It does for sessions that gtctl started,
    /// and for half of those that a policy covers.
    fn is_kept(&self) -> bool {
        match &self.ownership {
            Ownership::Ours(label) => {
                label.origin != Origin::Policy || label.pane.0.is_multiple_of(2)
            }
            Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => false,
        }
    }

    /// Whether the same process is in the same pane, and has ended no more than before.
    #[must_use]
    pub fn is_same_run(&self, before: &Self) -> bool {
        let process = |session: &Self| (session.process.id, session.process.ended);
        (self.pane, self.shell, process(self)) == (before.pane, before.shell, process(before))
    }

    /// Whether a process lives in the pane.
    #[must_use]
    pub fn is_pane_alive(&self) -> bool {
        self.is_alive() || self.shell.is_some()
    }
}

/// What happens to a session while time passes.
///
/// The order of the draws is part of every seed: do not change it.
impl Session {
    fn print_something(&mut self, now: Moment, agentry: Agentry, random: &mut Random) {
        if agentry == Agentry::Steady {
            self.go_on(now);
            return;
        }
        if self.is_alive() && random.chance(400) {
            self.spoke = now.awake.saturating_sub(random.below(8000));
            self.said = None;
        }
        match agentry {
            Agentry::Tame => self.said = None,
            Agentry::Wild if self.is_alive() && random.chance(40) => {
                let verdict = if random.chance(700) {
                    Verdict::Completed
                } else {
                    Verdict::Failed
                };
                self.spoke = now.awake;
                self.said = Some((verdict, now));
            }
            Agentry::Wild | Agentry::Steady => {}
        }
    }

    /// Goes on as before: who works prints and shows new counts, all others do nothing.
    fn go_on(&mut self, now: Moment) {
        if self.is_alive() && self.works {
            self.spoke = now.awake;
            self.said = None;
            self.screen.digest = self.screen.digest.wrapping_add(1);
            self.screen.progress = self.screen.progress.wrapping_add(1);
        }
    }

    fn show_something(&mut self, now: Moment, agentry: Agentry, random: &mut Random) {
        if agentry != Agentry::Wild {
            return;
        }
        // Most of the time the screen stays as it is.
        let number = random.below(40);
        if self.is_alive() && number < 12 {
            self.screen = screen(number, now, random);
        }
    }

    /// What its client tells: what its hooks have said, and its tokens. Of its context, at most
    /// 200,000 tokens, what is in use falls again when the client compacts it.
    fn reported(&self, now: Moment, neglect: Option<Neglect>) -> Reported {
        let unsaid = || Reported {
            activity: Activity::Unsaid,
            by: Source::Hook,
            event: String::new(),
            at: now,
            conversation: None,
            text: String::new(),
            transcript: None,
            resets: None,
            has_begun_turn: true,
            usage: None,
        };
        Reported {
            conversation: format!("c-{}", self.process.id.pid).parse().ok(),
            usage: Some(TokenUsage {
                input: self.tokens,
                context: self.tokens % 190_000,
                window: Some(200_000),
                ..TokenUsage::default()
            }),
            ..self.hooks_say(neglect).unwrap_or_else(unsaid)
        }
    }

    fn use_resources(&mut self, agentry: Agentry, random: &mut Random) {
        if agentry == Agentry::Steady {
            return;
        }
        if agentry == Agentry::Wild && random.chance(100) {
            // Up to 40 % of the memory is given back, and up to 200 MiB more is taken.
            let kept = self.footprint / 100 * random.between(60, 100);
            self.footprint = kept + random.below(200 << 20);
        }
        // A clone draws, so that earlier seeds go on as they were.
        self.tokens = self.tokens.saturating_add(random.clone().below(4_000));
        if random.chance(100) {
            self.cpu_ms = self.cpu_ms.saturating_add(random.below(20_000));
        }
    }

    /// Whether the session lives, as a look shows it.
    fn life(&self) -> Life {
        let process = &self.process;
        let is_started_by_us =
            matches!(&self.ownership, Ownership::Ours(label) if label.origin != Origin::Policy);
        match (process.ended, self.shell) {
            (None, shell) => Life::Alive {
                process: shell.unwrap_or(process.id),
                matches: process.matches,
                comm: if process.matches {
                    "claude".to_owned()
                } else {
                    "vim".to_owned()
                },
            },
            (Some(_), Some(shell)) if is_started_by_us => Life::Dead {
                death: Death::NoAgent,
                process: Some(shell),
                at: None,
                tail: vec![],
            },
            (Some(_), Some(shell)) => Life::Alive {
                process: shell,
                matches: false,
                comm: "bash".to_owned(),
            },
            // tmux keeps nothing of a pane that was closed, so its end has no time.
            (Some((death, at)), None) => Life::Dead {
                death,
                process: None,
                at: (death != Death::Vanished).then_some(at),
                tail: vec![],
            },
        }
    }
}

/// The screen of a fresh agent: its prompt.
pub(super) fn prompt() -> Screen {
    Screen {
        state: ScreenState::Ready,
        evidence: String::new(),
        digest: 0,
        turn: 0,
        progress: 0,
        background: false,
        told: Told::default(),
        title: Title::Unread,
        dialog: None,
    }
}

/// A screen by number: 0 to 3 need a person, 4 to 6 are busy, all others are prompts.
fn screen(number: u64, now: Moment, random: &mut Random) -> Screen {
    let ahead = i64::try_from(random.below(4 * 3_600_000)).unwrap_or(0);
    let state = match number {
        0 => ScreenState::Auth,
        1 => ScreenState::Limit {
            resets: random.chance(800).then(|| now.wall.saturating_add(ahead)),
        },
        2 => ScreenState::AsksPermission,
        3 => ScreenState::Unclear,
        4..=6 => ScreenState::Busy,
        _ => ScreenState::Ready,
    };
    Screen {
        state,
        evidence: state.code().to_owned(),
        digest: random.below(1000),
        turn: random.below(1000),
        progress: 0,
        background: number == 7,
        told: Told::default(),
        title: Title::Unread,
        dialog: None,
    }
}

impl World {
    /// A machine without a tmux server.
    #[must_use]
    pub fn new(town: SessionName, random: Random) -> Self {
        Self {
            now: Moment {
                wall: 1_790_000_000_000,
                awake: 1_000_000,
                boot: 1,
            },
            town,
            server: None,
            reporting: random.clone().fork(),
            random,
            agentry: Agentry::Wild,
            former_names: SortedMap::new(),
            neglect: None,
            deeds: vec![],
            leftovers: vec![],
            steady: SortedMap::new(),
            next_process: 100,
        }
    }

    /// Lets time pass while the machine is awake.
    pub fn pass(&mut self, period: Period) {
        self.now = self.now.plus(period);
        self.settle();
    }

    /// Brings the world up to the present: processes end whose time has come, and agents print, work
    /// and change their screens.
    pub fn settle(&mut self) {
        self.settle_leftovers(self.now);
        let (now, agentry, random) = (self.now, self.agentry, &mut self.random);
        let reporting = &mut self.reporting;
        let Some(server) = &mut self.server else {
            return;
        };
        for session in server.sessions.values_mut() {
            session.process.end_if_due(now);
            session.print_something(now, agentry, random);
            let before = session.screen.clone();
            session.show_something(now, agentry, random);
            if agentry != Agentry::Steady {
                session.report(&before, now, agentry, reporting);
            }
            session.use_resources(agentry, random);
        }
        server.sessions.values_mut().for_each(Session::let_go);
        server
            .sessions
            .retain(|_, session| session.is_pane_alive() || session.is_kept());
        self.leave_when_empty();
    }

    /// Ends the server without sessions, as tmux does.
    pub(super) fn leave_when_empty(&mut self) {
        if self
            .server
            .as_ref()
            .is_some_and(|server| server.sessions.is_empty())
        {
            self.server = None;
        }
    }

    /// What a look shows that misses nothing.
    #[must_use]
    pub fn observe(&self) -> Observed {
        let Some(server) = &self.server else {
            return Observed::Down;
        };
        let see =
            |(id, session): (&SessionId, &Session)| (session.name.clone(), self.see(*id, session));
        let mut sessions = server.sessions.iter().map(see).collect();
        let moved = self.moved(&mut sessions);
        Observed::Up(Server {
            id: server.id,
            version: String::new(),
            sessions,
            moved,
            own: server.own,
            ended: SortedMap::new(),
            unpiped: crate::model::SortedSet::new(),
        })
    }

    fn see(&self, id: SessionId, session: &Session) -> Seen {
        Seen {
            id,
            attached: session.attached,
            created: session.created / 1000 * 1000,
            quiet: Period::from_millis(self.now.awake.saturating_sub(session.spoke)),
            activity: self.now.wall / 1000,
            title: String::new(),
            screen: Some(session.screen.clone()),
            heard: session.heard(self.now),
            ownership: session.ownership.clone(),
            pane: session.pane_seen(),
            life: session.life(),
            usage: Some(Usage {
                cpu_ms: session.cpu_ms,
                ..Usage::default()
            }),
            footprint: session.is_alive().then_some(session.footprint),
            commands: None,
            is_replaced: None,
            reported: session
                .is_alive()
                .then(|| session.reported(self.now, self.neglect)),
        }
    }

    /// Creates a session with a process in it, and a server if there is none.
    ///
    /// The caller makes sure that the name is free. `None` never happens.
    pub fn create(
        &mut self,
        name: &str,
        ownership: Ownership,
        process: Process,
    ) -> Option<SessionId> {
        if self.server.is_none() {
            let id = ServerId(self.next_id());
            self.server = Some(TmuxServer {
                id,
                sessions: SortedMap::new(),
                own: None,
                next: 1,
            });
        }
        let now = self.now;
        let server = self.server.as_mut()?;
        let id = SessionId(server.next);
        server.next = server.next.saturating_add(1);
        let session = Session {
            name: name.to_owned(),
            ownership,
            attached: 0,
            created: now.wall,
            pane: PaneId(id.0),
            shell: None,
            process,
            spoke: now.awake,
            screen: prompt(),
            works: false,
            cpu_ms: 0,
            footprint: 0,
            tokens: 0,
            said: None,
            nudged: None,
            moved_from: None,
            guests: vec![],
            hooks: ReportSpool::default(),
        };
        server.sessions.insert(id, session);
        Some(id)
    }

    /// A fresh agent of this session shows its first screen.
    pub(super) fn show_first_screen(&mut self, id: SessionId, name: &SessionName) {
        let state = match self.agentry {
            Agentry::Steady => self.steady.get(name).copied().unwrap_or(ScreenState::Busy),
            Agentry::Tame | Agentry::Wild => ScreenState::Ready,
        };
        let works = state != ScreenState::Ready;
        if let Some(session) = self.session(id) {
            session.works = works;
            session.screen = Screen { state, ..prompt() };
        }
    }

    pub(super) fn next_id(&mut self) -> ProcId {
        self.next_process = self.next_process.saturating_add(1);
        ProcId {
            pid: self.next_process,
            start: self.now.awake / 10,
        }
    }

    /// A fresh agent, which behaves as [`Agentry`] says.
    pub(super) fn agent(&mut self) -> Process {
        let id = self.next_id();
        let mut process = Process {
            id,
            matches: true,
            ended: None,
            fate: None,
            on_term: OnTerm::Ends,
        };
        if self.agentry != Agentry::Wild {
            return process;
        }
        let random = &mut self.random;
        let longest_ms = random
            .pick(&[500, 3_000, 20_000, 400_000, 4_000_000])
            .unwrap_or(0);
        let lifetime_ms = random.between(1, longest_ms);
        let at = self.now.awake.saturating_add(lifetime_ms);
        process.fate = match random.below(10) {
            0 | 1 => Some((at, Death::Exit(1))),
            2 => Some((at, Death::Exit(0))),
            3 => Some((at, Death::Signal(9))),
            4 if random.chance(300) => Some((at, Death::StatusLost)),
            _ => None,
        };
        process.on_term = match random.below(4) {
            0 => OnTerm::Ignores,
            1 => OnTerm::Slowly(Period::from_millis(random.between(100, 50_000))),
            _ => OnTerm::Ends,
        };
        process
    }
}
