//! Makes random situations for the laws of `plan`: plausible ones and hostile ones.

use gtctl::model::{
    Activity, Answer, Answered, Content, Cpu, Death, Definition, Desired, Ended, Fingerprint,
    Finished, Footprint, Generation, History, Incarnation, Label, Life, Marks, Mass, Memory,
    Moment, Observed, Orders, Origin, Orphans, Ownership, PaneId, Period, Probed, ProcId,
    ProgramCheck, Purpose, Refused, Replacing, Reported, Rung, Screen, ScreenState, Seen, Server,
    ServerId, SessionId, SessionName, Sighting, Source, Standing, Stopping, Title, TokenUsage,
    Told, Town, Usage, UsedTokens, Verdict,
};
use gtctl::sim::{Random, random_town, rename_session};

/// A situation with everything owned.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) town: Town,
    pub(crate) observed: Observed,
    pub(crate) memory: Memory,
    pub(crate) orders: Orders,
    pub(crate) now: Moment,
}

/// Whether values stay within what can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    Plausible,
    Hostile,
}

struct Maker {
    random: Random,
    manners: Manners,
    now: Moment,
}

pub(crate) fn case(seed: u64, manners: Manners) -> Case {
    let mut random = Random::new(seed ^ 0xface);
    let name = SessionName::new("town").expect("valid");
    let town = random_town(name, &mut random);
    let now = Moment {
        wall: 1_790_000_000_000,
        awake: 500_000_000,
        boot: 7,
    };
    let mut maker = Maker {
        random,
        manners,
        now,
    };
    let observed = maker.observed(&town);
    let town = edited(town, seed, &maker.random);
    let town = gtctl::model::covered(&town, &observed).into_owned();
    let memory = maker.memory(&town, &observed);
    let orders = Orders {
        orphans: if maker.random.chance(300) {
            Orphans::Prune
        } else {
            Orphans::Report
        },
        mass: maker
            .random
            .pick(&[Mass::SecondLook, Mass::SecondLook, Mass::Allow, Mass::Hold])
            .unwrap_or_default(),
        durability: gtctl::model::Durability::Durable,
        definition: if seed.is_multiple_of(20) {
            Definition::Changing
        } else {
            Definition::Current
        },
    };
    Case {
        town,
        observed,
        memory,
        orders,
        now,
    }
}

/// The town after an edit: sometimes a session has a new name, or a former name that another session
/// of ours has.
fn edited(mut town: Town, seed: u64, random: &Random) -> Town {
    let mut aside = random.clone();
    if seed.is_multiple_of(4) {
        rename_session(&mut town, &mut aside);
    }
    if seed.is_multiple_of(7)
        && let Some(desired) = town.sessions.values_mut().next()
    {
        desired.moved.extend(SessionName::new("stray"));
    }
    town
}

impl Maker {
    fn is_hostile(&mut self) -> bool {
        self.manners == Manners::Hostile && self.random.chance(200)
    }

    /// Some time ago; hostile: any moment at all.
    fn moment(&mut self) -> Moment {
        if self.is_hostile() {
            let far = [0, 1, u64::MAX, self.now.awake, self.random.next_number()];
            let wall = self
                .random
                .pick(&[i64::MIN, i64::MAX, 0, self.now.wall, -1])
                .unwrap_or(0);
            let boot = self.random.below(2) * 7;
            return Moment {
                wall,
                awake: self.random.pick(&far).unwrap_or(0),
                boot,
            };
        }
        let most = self
            .random
            .pick(&[1_000, 10_000, 60_000, 600_000, 4_000_000, 90_000_000])
            .unwrap_or(1);
        self.now.minus(Period::from_millis(self.random.below(most)))
    }

    fn generation(&mut self) -> Generation {
        let low = self.random.between(1, 5);
        Generation(if self.is_hostile() {
            self.random.pick(&[0, u64::MAX, u64::MAX - 1]).unwrap_or(0)
        } else {
            low
        })
    }

    fn death(&mut self) -> Death {
        let deaths = [
            Death::Exit(0),
            Death::Exit(1),
            Death::Signal(9),
            Death::StatusLost,
            Death::Vanished,
            Death::NoAgent,
        ];
        self.random.pick(&deaths).unwrap_or(Death::StatusLost)
    }

    fn observed(&mut self, town: &Town) -> Observed {
        match self.random.below(20) {
            0 => return Observed::Unknown("blind".to_owned()),
            1 => return Observed::Down,
            _ => {}
        }
        let mut server = Server {
            id: ServerId(ProcId { pid: 10, start: 10 }),
            version: String::new(),
            sessions: gtctl::model::SortedMap::new(),
            moved: gtctl::model::SortedMap::new(),
            own: self.random.chance(200).then_some(SessionId(1)),
            ended: gtctl::model::SortedMap::new(),
            unpiped: gtctl::model::SortedSet::new(),
        };
        let mut id = 0;
        for desired in town.sessions.values() {
            if self.random.chance(800) {
                id += 1;
                let seen = self.seen(desired, SessionId(id));
                let name = if self.random.chance(50) {
                    format!("moved-{id}")
                } else {
                    desired.name.to_string()
                };
                server.sessions.insert(name, seen);
            }
        }
        for text in ["gt-x-1", "gt-x-100", "stray", "$odd: name"] {
            if self.random.chance(150) && !server.sessions.contains_key(text) {
                id += 1;
                let stray = SessionName::new("stray").expect("valid");
                let seen = self.seen(&gtctl::sim::session(stray), SessionId(id));
                server.sessions.insert(text.to_owned(), seen);
            }
        }
        for text in ["task-1", "task-2", "task-12"] {
            if self.random.chance(400) {
                id += 1;
                let session = SessionName::new(text).expect("valid");
                let mut seen = self.seen(&gtctl::sim::session(session), SessionId(id));
                if let Ownership::Ours(label) = &mut seen.ownership {
                    label.origin = if self.random.chance(900) {
                        Origin::Policy
                    } else {
                        Origin::Adopted
                    };
                    label.pane = PaneId(if self.random.chance(950) {
                        id
                    } else {
                        id + 100
                    });
                }
                if self.random.chance(200) {
                    seen.ownership = Ownership::Unlabelled;
                }
                let name = if self.random.chance(100) {
                    format!("task-1{id}")
                } else {
                    text.to_owned()
                };
                server.sessions.insert(name, seen);
            }
        }
        Observed::Up(server)
    }

    fn seen(&mut self, desired: &Desired, id: SessionId) -> Seen {
        let started = self.moment();
        let fingerprint = match self.random.below(8) {
            0 => None,
            1 => Some(Fingerprint {
                command: 1,
                dir: 2,
                env: 3,
            }),
            _ => Some(desired.fingerprint()),
        };
        let label = Label {
            session: desired.name.clone(),
            started_as: None,
            generation: self.generation(),
            started,
            pane: PaneId(id.0),
            fingerprint,
            handoff: self.random.chance(400).then(|| self.moment()),
            origin: if self.random.chance(100) {
                Origin::Adopted
            } else {
                Origin::Started
            },
            conversation: None,
        };
        let process = ProcId {
            pid: 100 + id.0,
            start: 1,
        };
        let life = match self.random.below(12) {
            0 => Life::Unknown("vanished while looking".to_owned()),
            1 | 2 => {
                let at = if self.is_hostile() {
                    Some(i64::MIN)
                } else {
                    Some(self.now.wall - 1000)
                };
                Life::Dead {
                    death: self.death(),
                    process: None,
                    at,
                    tail: vec![],
                }
            }
            n => Life::Alive {
                process,
                matches: n != 3,
                comm: "claude".to_owned(),
            },
        };
        let screen = self.random.chance(700).then(|| self.screen());
        Seen {
            id,
            attached: u32::from(self.random.chance(200)),
            created: if self.is_hostile() {
                i64::MIN
            } else {
                started.wall
            },
            quiet: Period::from_millis(
                self.random
                    .pick(&[0, 2000, 4999, 5000, 9_000_000])
                    .unwrap_or(0),
            ),
            heard: Some(self.marks()),
            ownership: match self.random.below(20) {
                0 => Ownership::Unlabelled,
                1 => Ownership::Foreign("elsewhere".to_owned()),
                _ => Ownership::Ours(label),
            },
            activity: self.now.wall / 1000 - 60,
            title: String::new(),
            // Processes are looked at wherever a screen may be too quiet.
            usage: Some(Usage::default()),
            footprint: desired.max_memory.map(|_| self.random.below(600 << 20)),
            commands: None,
            is_replaced: None,
            reported: None,
            screen,
            pane: PaneId(id.0),
            life,
        }
    }

    fn marks(&mut self) -> Marks {
        let (seen, last_output) = (self.moment(), self.moment());
        let verdict = if self.random.chance(700) {
            Verdict::Completed
        } else {
            Verdict::Failed
        };
        let sighting = Sighting {
            marker: "DONE".to_owned(),
            verdict,
            line: "DONE".to_owned(),
            at_byte: 0,
        };
        let standing = Standing {
            sighting,
            seen,
            quiet_since: last_output,
            trailer: 0,
            key: 0,
        };
        let standing = self.random.chance(400).then_some(standing);
        Marks {
            position: None,
            beyond: 0,
            standing,
            unfinished: false,
            last_output,
            given: gtctl::model::Given::default(),
        }
    }

    fn memory(&mut self, town: &Town, observed: &Observed) -> Memory {
        let mut memory = Memory::default();
        if self.random.chance(200) {
            return memory;
        }
        for (name, desired) in &town.sessions {
            if self.random.chance(850) {
                let label = label_of(observed, name);
                memory
                    .sessions
                    .insert(name.clone(), self.history(desired, label));
            }
        }
        memory.paused = self.random.chance(30);
        memory.settling = u32::from(self.random.chance(60));
        memory.starts = self.moments();
        if self.random.chance(200) {
            memory.server_losses = self.moments();
        }
        memory.failed_start = self.random.chance(300).then(|| self.moment());
        for (name, desired) in &town.sessions {
            if self.random.chance(60) {
                memory
                    .auth_deaths
                    .insert(desired.agent.name.clone(), self.moments());
                memory.sessions.entry(name.clone()).or_default();
            }
        }
        for agent in ["claude", "kimi"] {
            if self.random.chance(300) {
                memory.probes.insert(agent.to_owned(), self.probed());
            }
        }
        memory.last_look = Some(self.now.minus(Period::from_secs(1)));
        memory.server = Some(ServerId(ProcId { pid: 10, start: 10 }));
        memory
    }

    fn probed(&mut self) -> Probed {
        let asked = self.moment();
        let answers = [
            Answer::Passed,
            Answer::Failed("no".to_owned()),
            Answer::Unasked("no".to_owned()),
        ];
        let answer = usize::try_from(self.random.below(4))
            .ok()
            .and_then(|at| answers.get(at).cloned());
        let answered = answer.map(|answer| Answered { asked, answer });
        let failed = self.random.pick(&[0, 1, 2, u32::MAX]).unwrap_or(0);
        Probed {
            asked,
            failed,
            answered,
        }
    }

    fn moments(&mut self) -> Vec<Moment> {
        let count = self.random.below(6);
        let mut moments: Vec<Moment> = (0..count).map(|_| self.moment()).collect();
        moments.sort_by_key(|at| at.awake);
        moments
    }

    fn history(&mut self, desired: &Desired, label: Option<Label>) -> History {
        let generation = label
            .as_ref()
            .map_or_else(|| self.generation(), |label| label.generation);
        let started = label
            .as_ref()
            .map_or_else(|| self.moment(), |label| label.started);
        let ended = self.random.chance(150).then(|| Ended {
            death: self.death(),
            at: self.moment(),
        });
        let fingerprint = label.map_or(Some(desired.fingerprint()), |label| label.fingerprint);
        let run = Incarnation {
            ended,
            ..Incarnation::new(generation, started, fingerprint)
        };
        let stopping = self.random.chance(150).then(|| self.stopping(generation));
        let finished = (desired.is_task() && self.random.chance(200)).then(|| Finished {
            fingerprint: desired.fingerprint(),
            death: Some(Death::Exit(0)),
            well: true,
            at: self.moment(),
        });
        let (replacing, refused) = rolled(desired, generation, started, stopping.as_ref());
        let mut history = History {
            // What goes on by commands ends by itself, which no situation shows.
            launcher_job: None,
            complaint: None,
            last_end: None,
            restart_asked: self.random.chance(50),
            generation,
            run: self.random.chance(900).then(|| run.clone()),
            crashes: if self.random.chance(400) {
                self.moments()
            } else {
                vec![]
            },
            restarts: 0,
            handoff: self.random.chance(300).then(|| self.moment()),
            stopped: self.random.chance(60),
            went_down: self.random.clone().chance(500),
            finished,
            replacing,
            refused,
            stopping,
            waiting: None,
            prune: false,
            answers: Vec::new(),
            refuted: None,
            conversation: None,
            conversation_asked: None,
        };
        let draining = self.random.chance(200).then(|| self.moment());
        history.waiting = self.random.clone().chance(200).then_some(started);
        history.prune = self.random.chance(300);
        let learnt = Incarnation {
            draining,
            ..self.learnt(run)
        };
        history.run = history.run.map(|_| learnt);
        history
    }

    /// The run, and what may have been learnt of it.
    fn learnt(&mut self, run: Incarnation) -> Incarnation {
        let started = run.started;
        Incarnation {
            content: self.random.chance(700).then(|| self.content()).flatten(),
            marks: self.random.chance(300).then(|| self.marks()),
            nudged: self.random.chance(400).then(|| self.moment()),
            escape_sent: self.random.chance(300).then(|| self.moment()),
            footprint: self.random.chance(300).then(|| Footprint {
                at: self.moment(),
                bytes: self.random.below(600 << 20),
                before: self.random.below(600 << 20),
            }),
            tokens: used_tokens(self.random.clone().below(1_000_000)),
            program: self.random.clone().chance(300).then_some(ProgramCheck {
                at: started,
                is_replaced: started.awake.is_multiple_of(2),
            }),
            ..run
        }
    }

    fn screen(&mut self) -> Screen {
        let (state, digest) = (self.state(), self.random.below(3));
        Screen {
            state,
            evidence: "it says so".to_owned(),
            digest,
            turn: 0,
            progress: 0,
            background: digest == 2,
            told: Told::default(),
            title: Title::Unread,
            dialog: None,
        }
    }

    fn state(&mut self) -> ScreenState {
        let ahead = i64::try_from(self.random.below(20_000_000)).unwrap_or(0) - 2_000_000;
        let resets = self.random.chance(700).then_some(self.now.wall + ahead);
        let resets = if self.is_hostile() {
            Some(i64::MIN)
        } else {
            resets
        };
        let states = [
            ScreenState::Ready,
            ScreenState::Ready,
            ScreenState::Unclear,
            ScreenState::Busy,
            ScreenState::Busy,
            ScreenState::Retrying,
            ScreenState::AsksPermission,
            ScreenState::AsksTrust,
            ScreenState::Auth,
            ScreenState::Limit { resets },
            ScreenState::Context,
        ];
        self.random.pick(&states).unwrap_or(ScreenState::Unclear)
    }

    /// What former looks have left: whatever they did not agree on is read again.
    fn content(&mut self) -> Option<Content> {
        let is_of_run = self.random.chance(900);
        if !is_of_run {
            self.generation();
        }
        let digest = self.random.below(3);
        let reported = self.reported();
        let content = Content {
            digest,
            turn: 0,
            progress: 0,
            since: self.moment(),
            activity: self.now.wall / 1000 - 60,
            state: self.state(),
            state_since: self.moment(),
            looks: Content::AGREEING,
            evidence: String::new(),
            cpu: self.random.chance(500).then(|| Cpu {
                used_ms: 0,
                client_ms: 0,
                at: self.moment(),
                resting: self.random.chance(500),
            }),
            background: digest == 2,
            commands: digest == 1 && self.now.awake.is_multiple_of(2),
            told: Told {
                by: if self.now.awake.is_multiple_of(3) {
                    Source::Hook
                } else {
                    Source::Text
                },
                against: None,
            },
            title: Title::Unread,
            reported,
            by_screen: None,
            has_begun_turn: digest == 0,
            dialog: None,
        };
        is_of_run.then_some(content)
    }

    /// What its client has told last. The draws come from a clone: they change no later one.
    fn reported(&self) -> Option<Reported> {
        let mut aside = Self {
            random: self.random.clone(),
            ..*self
        };
        let activity = aside
            .random
            .pick(&[Activity::Idle, Activity::Idle, Activity::Working])?;
        let at = aside.moment();
        aside.random.chance(700).then(|| Reported {
            activity,
            by: Source::Hook,
            event: "Stop".to_owned(),
            at,
            conversation: None,
            text: String::new(),
            transcript: None,
            resets: None,
            has_begun_turn: true,
            usage: aside.random.chance(500).then(|| TokenUsage {
                context: aside.random.below(200_000),
                window: Some(200_000),
                ..TokenUsage::default()
            }),
        })
    }

    fn stopping(&mut self, generation: Generation) -> Stopping {
        let since = self.moment();
        Stopping {
            generation,
            since,
            rung: self
                .random
                .pick(&[Rung::Ask, Rung::Term, Rung::Kill])
                .unwrap_or(Rung::Ask),
            rung_at: since,
            purpose: if self.random.chance(500) {
                Purpose::Restart
            } else {
                Purpose::Expire
            },
            reason: "too-old".into(),
            begun_for: since.awake.is_multiple_of(5).then_some(Fingerprint {
                command: 1,
                dir: 2,
                env: 3,
            }),
            tree: if self.random.chance(700) {
                vec![ProcId { pid: 100, start: 1 }]
            } else {
                vec![]
            },
        }
    }
}

/// A planned restart that was begun, always where one is being stopped for it; and a step that
/// failed.
fn rolled(
    desired: &Desired,
    generation: Generation,
    started: Moment,
    stopping: Option<&Stopping>,
) -> (Option<Replacing>, Option<Refused>) {
    let mut random = Random::new(started.awake ^ 0x726f_6c6c);
    let since = stopping.map_or(started, |stopping| stopping.since);
    let stops = stopping.is_some_and(|stopping| stopping.purpose == Purpose::Restart);
    let older = Generation(generation.0.saturating_sub(1));
    let replacing = Replacing {
        generation: if stops { generation } else { older },
        since,
        reason: "drifted".into(),
        fingerprint: desired.fingerprint(),
        failed: !stops && random.chance(300),
    };
    let refused = Refused {
        at: since,
        times: random.pick(&[1, 2, u32::MAX]).unwrap_or(1),
        said: "no".to_owned(),
        fingerprint: random.chance(700).then(|| desired.fingerprint()),
    };
    let is_replaced = stops || random.chance(100);
    (
        is_replaced.then_some(replacing),
        random.chance(100).then_some(refused),
    )
}

fn label_of(observed: &Observed, name: &SessionName) -> Option<Label> {
    let Observed::Up(server) = observed else {
        return None;
    };
    server
        .sessions
        .values()
        .find_map(|seen| match &seen.ownership {
            Ownership::Ours(label) if label.session == *name => Some(label.clone()),
            Ownership::Ours(_)
            | Ownership::Unlabelled
            | Ownership::Unproved(_)
            | Ownership::Foreign(_) => None,
        })
}

/// What a run has used, in one conversation.
fn used_tokens(total: u64) -> UsedTokens {
    let mut used = UsedTokens {
        begun_fresh: true,
        ..UsedTokens::default()
    };
    used.count(&"a-1".parse().unwrap(), total);
    used
}
