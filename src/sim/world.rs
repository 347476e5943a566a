//! The simulated machine: clocks, one tmux server, sessions, panes and the processes in them.

use super::guests::Guest;
use super::outside::Leftover;
use super::{Deed, Neglect, Random};
use crate::model::{
    Death, Given, Life, Marks, Moment, Observed, Origin, Ownership, PaneId, Period, ProcId, Screen,
    ScreenState, Seen, Server, ServerId, SessionId, SessionName, Sighting, Standing, Title, Told,
    Usage, Verdict,
};
use std::collections::BTreeMap;

/// Everything there is.
#[derive(Debug, Clone)]
pub struct World {
    /// The present.
    pub now: Moment,
    /// Whose labels count as ours.
    pub town: SessionName,
    /// The tmux server, when one runs.
    pub server: Option<TmuxServer>,
    /// Chance of the world: how processes behave.
    pub random: Random,
    /// Whether new processes behave.
    pub agentry: Agentry,
    /// What is neglected on purpose, to see that it is noticed.
    pub neglect: Option<Neglect>,
    /// What was done to it since last asked, in order.
    pub deeds: Vec<Deed>,
    /// Agents that outlived their panes.
    pub(super) leftovers: Vec<Leftover>,
    next_process: u32,
}

/// How the agents that are started from now on behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agentry {
    /// They live and end when asked to.
    Tame,
    /// They crash, exit, ignore signals.
    Wild,
}

/// A running server.
#[derive(Debug, Clone)]
pub struct TmuxServer {
    /// Which process.
    pub id: ServerId,
    /// Its sessions.
    pub sessions: BTreeMap<SessionId, Session>,
    /// The session the controller itself runs in.
    pub own: Option<SessionId>,
    next: u32,
}

/// A session with one pane.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its name now.
    pub name: String,
    /// Whose it is, by its labels.
    pub ownership: Ownership,
    /// Clients attached.
    pub attached: u32,
    /// When it was created, wall clock.
    pub created: i64,
    /// Its pane.
    pub pane: PaneId,
    /// The shell that the agent runs in, where the agent is not the pane's own process.
    pub shell: Option<ProcId>,
    /// The agent, or whatever else runs there.
    pub process: Process,
    /// Awake time of the last output.
    pub spoke: u64,
    /// What its screen shows.
    pub screen: Screen,
    /// What its processes have used, in ms.
    pub cpu_ms: u64,
    /// What its processes hold, in bytes.
    pub footprint: u64,
    /// What its agent has said of its end, and when, with nothing after it.
    pub said: Option<(Verdict, Moment)>,
    /// The moment for which something was last typed into it.
    pub nudged: Option<Moment>,
    /// The session of ours whose agent this is, where somebody has moved its pane here.
    pub moved_from: Option<SessionName>,
    /// What users run in panes of it that were the agent's. It ends only when they say so.
    pub guests: Vec<Guest>,
}

/// A process and what will become of it.
#[derive(Debug, Clone)]
pub struct Process {
    pub(super) id: ProcId,
    pub(super) matches: bool,
    pub(super) ended: Option<(Death, i64)>,
    /// Awake time at which it will end, and how.
    pub(super) fate: Option<(u64, Death)>,
    pub(super) on_term: OnTerm,
}

/// What a process makes of TERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTerm {
    /// It ends at once.
    Ends,
    /// It ends after so long.
    Slowly(Period),
    /// It does not care.
    Ignores,
}

impl Process {
    /// A shell that lives until it is told to end.
    pub(super) fn of(id: ProcId) -> Self {
        Self {
            id,
            matches: false,
            ended: None,
            fate: None,
            on_term: OnTerm::Ends,
        }
    }
}

impl Session {
    /// What a perfect ear hears.
    fn heard(&self, now: Moment) -> Option<Marks> {
        let Ownership::Ours(label) = &self.ownership else {
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
        let generation = label.generation;
        Some(Marks {
            generation,
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

    /// Whether its dead pane is kept: ours are, and some of what others start.
    fn is_kept(&self) -> bool {
        match &self.ownership {
            Ownership::Ours(label) => {
                label.origin != Origin::Policy || label.pane.0.is_multiple_of(2)
            }
            Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => false,
        }
    }

    /// Whether anything lives in the pane.
    #[must_use]
    pub fn is_pane_alive(&self) -> bool {
        self.is_alive() || self.shell.is_some()
    }
}

/// What a fresh agent's screen shows.
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
    }
}

/// What an agent's screen comes to show: mostly work and prompts, at times that it is blocked.
fn screen(shows: u64, now: Moment, random: &mut Random) -> Screen {
    let ahead = i64::try_from(random.below(4 * 3_600_000)).unwrap_or(0);
    let state = match shows {
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
        background: shows == 7,
        told: Told::default(),
        title: Title::Unread,
    }
}

impl World {
    /// An empty machine.
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
            random,
            agentry: Agentry::Wild,
            neglect: None,
            deeds: vec![],
            leftovers: vec![],
            next_process: 100,
        }
    }

    /// Lets time pass for the awake machine.
    pub fn pass(&mut self, period: Period) {
        self.now = self.now.plus(period);
        self.settle();
    }

    /// Ends what is due to have ended, and lets agents talk.
    pub fn settle(&mut self) {
        let wild = self.agentry == Agentry::Wild;
        self.settle_leftovers(self.now);
        let (now, random) = (self.now, &mut self.random);
        let Some(server) = &mut self.server else {
            return;
        };
        for session in server.sessions.values_mut() {
            let due = session.process.fate.filter(|(at, _)| *at <= now.awake);
            if let (Some((at, death)), None) = (due, session.process.ended) {
                let ago = i64::try_from(now.awake.saturating_sub(at)).unwrap_or(0);
                session.process.ended = Some((death, now.wall.saturating_sub(ago)));
            }
            if session.is_alive() && random.chance(400) {
                session.spoke = now.awake.saturating_sub(random.below(8000));
                session.said = None;
            }
            if !wild {
                session.said = None;
            } else if session.is_alive() && random.chance(40) {
                let verdict = if random.chance(700) {
                    Verdict::Completed
                } else {
                    Verdict::Failed
                };
                session.spoke = now.awake;
                session.said = Some((verdict, now));
            }
            let shows = if self.agentry == Agentry::Wild {
                random.below(40)
            } else {
                40
            };
            if session.is_alive() && shows < 12 {
                session.screen = screen(shows, now, random);
            }
            if wild && random.chance(100) {
                // It grows, and at times gives some back.
                session.footprint =
                    session.footprint / 100 * random.between(60, 100) + random.below(200 << 20);
            }
            if random.chance(100) {
                session.cpu_ms = session.cpu_ms.saturating_add(random.below(20_000));
            }
        }
        server.sessions.values_mut().for_each(Session::let_go);
        server
            .sessions
            .retain(|_, session| session.is_pane_alive() || session.is_kept());
        self.leave_when_empty();
    }

    /// tmux ends with its last session.
    pub(super) fn leave_when_empty(&mut self) {
        if self
            .server
            .as_ref()
            .is_some_and(|server| server.sessions.is_empty())
        {
            self.server = None;
        }
    }

    /// What a perfect look sees.
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
            ended: BTreeMap::new(),
            unpiped: std::collections::BTreeSet::new(),
        })
    }

    fn see(&self, id: SessionId, session: &Session) -> Seen {
        let process = &session.process;
        let ours =
            matches!(&session.ownership, Ownership::Ours(label) if label.origin != Origin::Policy);
        let life = match (process.ended, session.shell) {
            (None, shell) => Life::Alive {
                process: shell.unwrap_or(process.id),
                matches: process.matches,
                comm: if process.matches {
                    "claude".to_owned()
                } else {
                    "vim".to_owned()
                },
            },
            (Some(_), Some(shell)) if ours => Life::Dead {
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
            // Of a pane that was closed tmux keeps nothing.
            (Some((death, at)), None) => {
                let at = (death != Death::Vanished).then_some(at);
                Life::Dead {
                    death,
                    process: None,
                    at,
                    tail: vec![],
                }
            }
        };
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
            life,
            usage: Some(Usage {
                cpu_ms: session.cpu_ms,
                ..Usage::default()
            }),
            footprint: session.is_alive().then_some(session.footprint),
            commands: None,
        }
    }

    /// Creates a session with a process in it, on a new server if need be. The name must be free.
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
                sessions: BTreeMap::new(),
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
            cpu_ms: 0,
            footprint: 0,
            said: None,
            nudged: None,
            moved_from: None,
            guests: vec![],
        };
        server.sessions.insert(id, session);
        Some(id)
    }

    pub(super) fn next_id(&mut self) -> ProcId {
        self.next_process = self.next_process.saturating_add(1);
        ProcId {
            pid: self.next_process,
            start: self.now.awake / 10,
        }
    }

    /// A fresh agent process, as the world's mood has it.
    pub(super) fn agent(&mut self) -> Process {
        let id = self.next_id();
        let mut process = Process {
            id,
            matches: true,
            ended: None,
            fate: None,
            on_term: OnTerm::Ends,
        };
        if self.agentry == Agentry::Tame {
            return process;
        }
        let random = &mut self.random;
        let life = random
            .pick(&[500, 3_000, 20_000, 400_000, 4_000_000])
            .unwrap_or(0);
        let at = self.now.awake.saturating_add(random.between(1, life));
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
