//! Reads the situations of the goldens, `world.toml`: what is seen and what is remembered.
//!
//! Times are durations before now: `age = "20m"` means that it was started 20 minutes ago.

use gtctl::model::SortedMap;
use gtctl::model::{
    Answer, AnswerGiven, Answered, CannotStart, Complaint, Content, Cpu, Death, Definition, Dialog,
    DialogOption, Durability, Ended, Fingerprint, Finished, Flaw, Footprint, Gastown, Generation,
    History, Incarnation, KnownConversation, Label, LauncherJob, Leave, Life, Limited, Marks, Mass,
    Meaning, Memory, Moment, MovedOut, Observed, Orders, Origin, Orphans, Ownership, PaneId,
    Period, Probed, ProcId, Purpose, RanWith, Readiness, Refused, Refuted, Replacing, Reported,
    Rest, Rung, Screen, ScreenState, Seen, SeenDialog, Server, ServerId, SessionId, SessionName,
    Sighting, Source, Standing, Stopping, Takes, Title, TokenUsage, Told, Town, Turns, Unproved,
    Usage, UsedTokens, Verb, Verdict,
};
use serde::Deserialize;

/// 2026-01-02 12:00:00 UTC, a hundred hours after boot.
pub(crate) const NOW: Moment = Moment {
    wall: 1_767_355_200_000,
    awake: 360_000_000,
    boot: 1,
};

const SERVER: ServerId = ServerId(ProcId { pid: 100, start: 1 });

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct World {
    /// `up`, `down`, or `unknown: why`.
    #[serde(default = "up")]
    server: String,
    own: Option<String>,
    /// Declared sessions that are not there, and the session into which each one's pane was moved.
    #[serde(default)]
    moved: SortedMap<String, String>,
    #[serde(default)]
    orders: Vec<Order>,
    #[serde(default)]
    gastown: GastownEntry,
    /// Sessions that lack their program, and which.
    #[serde(default)]
    unstartable: SortedMap<String, String>,
    /// Sessions that leave this host, and why, as the store says.
    #[serde(default)]
    pub(crate) leaving: SortedMap<SessionName, Leave>,
    #[serde(default)]
    seen: Vec<SeenEntry>,
    #[serde(default)]
    memory: MemoryEntry,
    #[serde(default)]
    history: Vec<HistoryEntry>,
}

/// What the caller allows beyond the manifest, or cannot do.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Order {
    Prune,
    AllowMass,
    /// Somebody is at the terminal, to be asked for `--allow-mass`.
    Interactive,
    /// The state directory cannot be written.
    DiskFull,
    /// A file of the manifest has changed since it was read.
    ManifestChanging,
}

/// What Gas Town's files ask.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GastownEntry {
    estop: Option<String>,
    stopped_rigs: SortedMap<String, String>,
    /// `parked`, `docked`, `no-restart` or `untold`.
    resting: SortedMap<String, String>,
    deacon_paused: Option<String>,
    shutting_down: bool,
    daemon: bool,
}

fn rest(text: &str) -> Rest {
    match text {
        "parked" => Rest::Parked,
        "docked" => Rest::Docked,
        "no-restart" => Rest::NoRestart,
        "untold" => Rest::Untold,
        other => panic!("no such rest: {other:?}"),
    }
}

fn up() -> String {
    "up".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one word each in a file that people write"
)]
struct SeenEntry {
    name: String,
    /// The town in its labels; `""` for an unlabelled session.
    town: Option<String>,
    /// The name in its labels, where it differs.
    declared: Option<String>,
    age: Option<Period>,
    quiet: Option<Period>,
    #[serde(default)]
    attached: u32,
    /// `exit N`, `signal N`, `lost`, `vanished`, `no-agent`.
    dead: Option<String>,
    dead_for: Option<Period>,
    #[serde(default)]
    tail: Vec<String>,
    handoff: Option<Period>,
    #[serde(default)]
    adopted: bool,
    /// A policy labelled it.
    #[serde(default)]
    policy: bool,
    /// It was started with another command than declared.
    #[serde(default)]
    drifted: bool,
    /// The file of its program was replaced.
    #[serde(default)]
    replaced: bool,
    #[serde(default = "yes")]
    matches: bool,
    comm: Option<String>,
    unreadable: Option<String>,
    #[serde(default = "one")]
    generation: u64,
    /// What its screen says now: `auth`, `busy`, and so on. Its content is that of the history,
    /// where there is one.
    screen: Option<String>,
    #[serde(default)]
    evidence: String,
    /// What its client has reported last, such as `idle`, and how long ago. It has told of a turn.
    reported: Option<String>,
    reported_for: Option<Period>,
    /// Tokens of its context that are in use, and how many it may have, by its client.
    context: Option<u64>,
    window: Option<u64>,
    /// `completed` or `failed`: what its output says.
    said: Option<String>,
    said_for: Option<Period>,
    /// Processor time and resident MiB of its tree.
    cpu: Option<Period>,
    rss: Option<u64>,
    /// MiB that its tree holds, each page once.
    holds: Option<u64>,
}

fn yes() -> bool {
    true
}

fn one() -> u64 {
    1
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemoryEntry {
    #[serde(default)]
    settling: u32,
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    server_losses: Vec<Period>,
    #[serde(default)]
    starts: Vec<Period>,
    /// Ends of runs that left a sign-in screen, all of them the first declared session's agent's.
    #[serde(default)]
    auth_deaths: Vec<Period>,
    /// The server that was there before.
    other_server: Option<bool>,
    #[serde(default)]
    probes: Vec<ProbeEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProbeEntry {
    agent: String,
    asked: Period,
    #[serde(default)]
    failed: u32,
    /// `passed`, `failed` or `unasked`; none while the answer is not there.
    answer: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one word each in a file that people write"
)]
struct HistoryEntry {
    name: String,
    /// The argv of what runs, where the session seen is drifted.
    #[serde(default)]
    ran: Vec<String>,
    #[serde(default)]
    crashes: Vec<Period>,
    age: Option<Period>,
    ended: Option<String>,
    ended_ago: Option<Period>,
    #[serde(default)]
    stopped: bool,
    /// Somebody asked for a fresh process.
    #[serde(default)]
    restart_asked: bool,
    #[serde(default)]
    finished: bool,
    /// `restart` or `expire`.
    stopping: Option<String>,
    stopping_for: Option<Period>,
    /// The stop was begun for another definition than the one declared.
    #[serde(default)]
    begun_for_another: bool,
    /// `ask`, `term` or `kill`.
    rung: Option<String>,
    draining_for: Option<Period>,
    waiting_for: Option<Period>,
    /// `under-way` or `failed`: a planned restart of it that was begun.
    replacing: Option<String>,
    /// What was said when its restart last failed, two seconds ago.
    refused: Option<String>,
    handoff: Option<Period>,
    #[serde(default)]
    restarts: u32,
    /// What its screen was found to say, by two looks, for how long, and for how long nothing has
    /// changed on it.
    screen: Option<String>,
    #[serde(default)]
    evidence: String,
    screen_for: Option<Period>,
    unchanged_for: Option<Period>,
    /// When its limit ends.
    resets_in: Option<Period>,
    /// Or since when it is over.
    reset_ago: Option<Period>,
    /// The line for which it was restarted an hour ago, its agent being signed in.
    refuted: Option<String>,
    /// The id of its conversation.
    conversation: Option<String>,
    /// When the limit in the last words of its run ends.
    limited_in: Option<Period>,
    /// Its processes were seen to rest.
    #[serde(default = "yes")]
    resting: bool,
    /// One look has seen it so far.
    #[serde(default)]
    one_look: bool,
    /// The answers of the dialog that its screen shows; its question is `evidence`.
    #[serde(default)]
    answers: Vec<String>,
    /// When declared answers were given to it: the last of them to this dialog, if that is
    /// `answered`.
    #[serde(default)]
    answers_given: Vec<Period>,
    #[serde(default)]
    answered: bool,
    /// Its client has told what its screen says: a hook.
    #[serde(default)]
    by_client: bool,
    /// Its footer tells of work behind its prompt.
    #[serde(default)]
    background: bool,
    /// Its last entry allowed that it be expired.
    #[serde(default)]
    prune: bool,
    /// Its run has not been ready yet.
    #[serde(default)]
    not_ready: bool,
    /// What its readiness probe has shown half a second ago; `""` if it has passed.
    probe_said: Option<String>,
    /// When something was last typed into it.
    nudged: Option<Period>,
    /// Since it was sent an Escape.
    roused_for: Option<Period>,
    /// MiB that its tree held when that was last measured.
    held: Option<u64>,
    /// Tokens that its run has used.
    tokens: Option<u64>,
    /// `start`, `restart` or `expire`: what its launcher's commands do now.
    launcher_job: Option<String>,
    /// What they said when they last failed.
    complaint: Option<String>,
    complaint_for: Option<Period>,
}

pub(crate) fn death(text: &str) -> Death {
    let mut words = text.split(' ');
    let number = |word: Option<&str>| word.and_then(|w| w.parse().ok()).unwrap_or_default();
    match words.next() {
        Some("exit") => Death::Exit(number(words.next())),
        Some("signal") => Death::Signal(number(words.next())),
        Some("lost") => Death::StatusLost,
        Some("vanished") => Death::Vanished,
        Some("server-lost") => Death::ServerLost,
        Some("no-agent") => Death::NoAgent,
        Some("never-started") => Death::NeverStarted,
        other => panic!("no such death: {other:?}"),
    }
}

fn ago(period: Option<Period>) -> Option<Moment> {
    period.map(|p| NOW.minus(p))
}

fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

impl World {
    pub(crate) fn gastown(&self) -> Gastown {
        let GastownEntry {
            estop,
            stopped_rigs,
            resting,
            deacon_paused,
            shutting_down,
            daemon,
        } = &self.gastown;
        Gastown {
            estop: estop.clone(),
            stopped_rigs: stopped_rigs.clone(),
            resting: resting
                .iter()
                .map(|(rig, how)| (rig.clone(), rest(how)))
                .collect(),
            deacon_paused: deacon_paused.clone(),
            shutting_down: *shutting_down,
            daemon: *daemon,
        }
    }

    pub(crate) fn unstartable(&self) -> SortedMap<SessionName, CannotStart> {
        let lacking = |(session, program): (&String, &String)| {
            let why = format!(
                "`{program}` not found in PATH: install it, or give its full path in `command`"
            );
            let awaited = [std::path::Path::new("/bin").join(program)].into();
            (name(session), CannotStart { why, awaited })
        };
        self.unstartable.iter().map(lacking).collect()
    }

    pub(crate) fn orders(&self) -> Orders {
        let mut orders = Orders::default();
        for order in &self.orders {
            match order {
                Order::Prune => orders.orphans = Orphans::Prune,
                Order::AllowMass => orders.mass = Mass::Allow,
                Order::Interactive => orders.mass = Mass::Hold,
                Order::DiskFull => orders.durability = Durability::Failing,
                Order::ManifestChanging => orders.definition = Definition::Changing,
            }
        }
        orders
    }

    pub(crate) fn observed(&self, town: &Town) -> Observed {
        if self.server == "down" {
            return Observed::Down;
        }
        if let Some(why) = self.server.strip_prefix("unknown: ") {
            return Observed::Unknown(why.to_owned());
        }
        let mut sessions = SortedMap::new();
        for (entry, id) in self.seen.iter().zip(1..) {
            sessions.insert(entry.name.clone(), entry.seen(town, id));
        }
        let own = self.own.as_ref().map(|own| sessions[own].id);
        let process = ProcId {
            pid: 4242,
            start: 1,
        };
        let out = |(one, into): (&String, &String)| {
            (
                name(one),
                MovedOut {
                    process,
                    session: into.clone(),
                },
            )
        };
        let moved = self.moved.iter().map(out).collect();
        Observed::Up(Server {
            id: SERVER,
            version: "3.3a".to_owned(),
            sessions,
            moved,
            own,
            ended: SortedMap::new(),
            unpiped: gtctl::model::SortedSet::new(),
        })
    }

    pub(crate) fn memory(&self, town: &Town) -> Memory {
        let MemoryEntry {
            settling,
            paused,
            server_losses,
            starts,
            auth_deaths,
            other_server,
            probes,
        } = &self.memory;
        let other = ServerId(ProcId { pid: 99, start: 1 });
        Memory {
            server: other_server.map(|other_one| if other_one { other } else { SERVER }),
            server_losses: server_losses.iter().map(|p| NOW.minus(*p)).collect(),
            last_look: None,
            settling: if *settling > 0 { settling + 1 } else { 0 },
            paused: *paused,
            starts: starts.iter().map(|p| NOW.minus(*p)).collect(),
            auth_deaths: match town.sessions.values().next() {
                Some(first) if !auth_deaths.is_empty() => [(
                    first.agent.name.clone(),
                    auth_deaths.iter().map(|p| NOW.minus(*p)).collect(),
                )]
                .into(),
                Some(_) | None => SortedMap::new(),
            },
            probes: probes
                .iter()
                .map(|probe| (probe.agent.clone(), probe.probed()))
                .collect(),
            sessions: self
                .history
                .iter()
                .map(|h| (name(&h.name), h.history(town)))
                .collect(),
            ..Memory::default()
        }
    }
}

impl ProbeEntry {
    fn probed(&self) -> Probed {
        let asked = NOW.minus(self.asked);
        let answered = self.answer.as_deref().map(|word| match word {
            "passed" => Answer::Passed,
            "failed" => Answer::Failed("exit status: 1".to_owned()),
            "unasked" => Answer::Unasked("not found".to_owned()),
            other => panic!("no such answer: {other}"),
        });
        Probed {
            asked,
            failed: self.failed,
            answered: answered.map(|answer| Answered { asked, answer }),
        }
    }
}

fn unproved(flaw: Flaw) -> Ownership {
    Ownership::Unproved(Unproved {
        text: "town=acme".to_owned(),
        flaw,
    })
}

impl SeenEntry {
    fn seen(&self, town: &Town, id: u32) -> Seen {
        let age = self.age.unwrap_or(Period::from_mins(20));
        Seen {
            id: SessionId(id),
            attached: self.attached,
            created: NOW.minus(age).wall,
            quiet: self.quiet.unwrap_or(Period::from_mins(1)),
            activity: NOW.wall / 1000 - 60,
            title: String::new(),
            screen: self.screen.as_deref().map(|word| Screen {
                state: screen_state(word, None),
                evidence: self.evidence.clone(),
                digest: 1,
                turn: 1,
                progress: 0,
                background: false,
                told: Told::default(),
                title: Title::Unread,
                dialog: None,
            }),
            heard: self.heard(),
            ownership: self.ownership(town, id, age),
            pane: PaneId(id),
            life: self.life(id),
            usage: self.rss.map(|rss| Usage {
                cpu_ms: self.cpu.unwrap_or_default().millis(),
                client_ms: 0,
                commands: 0,
                rss: rss << 20,
                processes: 3,
            }),
            footprint: self.holds.map(|mib| mib << 20),
            commands: None,
            is_replaced: self.replaced.then_some(true),
            reported: self.reported(),
        }
    }

    fn reported(&self) -> Option<Reported> {
        let usage = self.context.map(|context| TokenUsage {
            context,
            window: self.window,
            ..TokenUsage::default()
        });
        let word = self.reported.as_deref().or(usage.map(|_| "unsaid"))?;
        let activity = word
            .parse()
            .unwrap_or_else(|_| panic!("no such activity: {word}"));
        Some(Reported {
            activity,
            by: Source::Hook,
            event: "Stop".to_owned(),
            at: NOW.minus(self.reported_for.unwrap_or_default()),
            conversation: None,
            text: String::new(),
            transcript: None,
            resets: None,
            has_begun_turn: true,
            usage,
        })
    }

    fn ownership(&self, town: &Town, id: u32, age: Period) -> Ownership {
        match self.town.as_deref() {
            Some("") => return Ownership::Unlabelled,
            Some("garbled") => return unproved(Flaw::Garbled),
            Some("copied") => return unproved(Flaw::Copied),
            Some("replaced") => return unproved(Flaw::Replaced),
            Some(other) if other != town.name.as_str() => {
                return Ownership::Foreign(other.to_owned());
            }
            Some(_) | None => {}
        }
        let session = name(self.declared.as_deref().unwrap_or(&self.name));
        let declared = town
            .sessions
            .get(&session)
            .map(gtctl::model::Desired::fingerprint);
        let fingerprint = declared.map(|print| {
            if self.drifted {
                Fingerprint {
                    command: !print.command,
                    ..print
                }
            } else {
                print
            }
        });
        Ownership::Ours(Label {
            session,
            started_as: None,
            generation: Generation(self.generation),
            started: NOW.minus(age),
            pane: PaneId(id),
            fingerprint,
            handoff: ago(self.handoff),
            origin: match (self.policy, self.adopted) {
                (true, _) => Origin::Policy,
                (false, true) => Origin::Adopted,
                (false, false) => Origin::Started,
            },
            conversation: None,
        })
    }

    fn heard(&self) -> Option<Marks> {
        let at = NOW.minus(self.said_for.unwrap_or(Period::from_mins(1)));
        let said = self.said.as_deref()?;
        let (verdict, line) = match said {
            "completed" => (Verdict::Completed, "Agent completed successfully"),
            "failed" => (
                Verdict::Failed,
                r#"{"type":"result","subtype":"success","is_error":true}"#,
            ),
            other => panic!("no such verdict: {other}"),
        };
        let marker = if said == "completed" {
            line
        } else {
            "\"subtype\":\"success\""
        };
        let sighting = Sighting {
            marker: marker.to_owned(),
            verdict,
            line: line.to_owned(),
            at_byte: 0,
        };
        Some(Marks {
            position: None,
            beyond: 0,
            standing: Some(Standing {
                sighting,
                seen: at,
                quiet_since: at,
                trailer: 0,
                key: 0,
            }),
            unfinished: false,
            last_output: at,
            given: gtctl::model::Given::default(),
        })
    }

    fn life(&self, id: u32) -> Life {
        if let Some(why) = &self.unreadable {
            return Life::Unknown(why.clone());
        }
        match &self.dead {
            Some(text) => Life::Dead {
                death: death(text),
                process: None,
                at: Some(
                    NOW.minus(self.dead_for.unwrap_or(Period::from_secs(2)))
                        .wall,
                ),
                tail: self.tail.clone(),
            },
            None => Life::Alive {
                process: ProcId {
                    pid: 1000 + id,
                    start: 7,
                },
                matches: self.matches,
                comm: self.comm.clone().unwrap_or_else(|| "claude".to_owned()),
            },
        }
    }
}

fn screen_state(word: &str, resets: Option<i64>) -> ScreenState {
    let states = [
        ScreenState::Ready,
        ScreenState::Busy,
        ScreenState::Retrying,
        ScreenState::AsksPermission,
        ScreenState::AsksTrust,
        ScreenState::Auth,
        ScreenState::Limit { resets },
        ScreenState::Context,
        ScreenState::Unclear,
    ];
    states
        .into_iter()
        .find(|state| state.code() == word)
        .unwrap_or_else(|| panic!("no such screen: {word}"))
}

impl HistoryEntry {
    fn content(&self) -> Option<Content> {
        let over = self.reset_ago.map(|period| NOW.minus(period).wall);
        let resets = self.resets_in.map(|period| NOW.plus(period).wall).or(over);
        let since = ago(self.unchanged_for).unwrap_or(NOW.minus(Period::from_mins(1)));
        Some(Content {
            digest: 1,
            turn: 1,
            progress: 0,
            since,
            activity: NOW.wall / 1000 - 60,
            state: screen_state(self.screen.as_deref()?, resets),
            state_since: ago(self.screen_for).unwrap_or(since),
            looks: if self.one_look { 1 } else { 2 },
            evidence: self.evidence.clone(),
            cpu: Some(Cpu {
                used_ms: 0,
                client_ms: 0,
                at: NOW.minus(Period::from_secs(30)),
                resting: self.resting,
            }),
            background: self.background,
            commands: false,
            told: Told {
                by: if self.by_client {
                    Source::Hook
                } else {
                    Source::Text
                },
                against: None,
            },
            title: Title::Unread,
            reported: None,
            by_screen: None,
            has_begun_turn: false,
            dialog: self.dialog(),
        })
    }

    /// What its run has used, in one conversation.
    fn used_tokens(&self) -> UsedTokens {
        let mut used = UsedTokens {
            begun_fresh: true,
            ..UsedTokens::default()
        };
        if let Some(tokens) = self.tokens {
            used.count(&"a-1".parse().unwrap(), tokens);
        }
        used
    }

    fn dialog(&self) -> Option<SeenDialog> {
        let options = self
            .answers
            .iter()
            .zip(1..)
            .map(|(text, number)| DialogOption {
                number,
                text: text.clone(),
                detail: String::new(),
                meaning: Meaning::Other,
            });
        (!self.answers.is_empty()).then(|| SeenDialog {
            dialog: Dialog {
                question: self.evidence.clone(),
                above: vec![self.evidence.clone()],
                options: options.collect(),
                selected: 0,
                takes: Takes::One,
                has_escape: true,
            },
            since: ago(self.screen_for).unwrap_or(NOW),
        })
    }

    fn answers_given(&self) -> Vec<AnswerGiven> {
        let last = self.answers_given.len().saturating_sub(1);
        let given = self.answers_given.iter().enumerate();
        let given = given.map(|(nth, period)| {
            let asked = ago(self.screen_for).filter(|_| self.answered && nth == last);
            AnswerGiven {
                asked: asked.unwrap_or(NOW.minus(*period)),
                at: NOW.minus(*period),
            }
        });
        given.collect()
    }

    fn ran_with(&self, town: &Town) -> Option<RanWith> {
        let desired = town
            .sessions
            .get(self.name.as_str())
            .filter(|_| !self.ran.is_empty())?;
        let declared = RanWith::of(desired);
        let fingerprint = Fingerprint {
            command: !declared.fingerprint.command,
            ..declared.fingerprint
        };
        Some(RanWith {
            fingerprint,
            command: self.ran.clone(),
            ..declared
        })
    }

    fn launcher_job(&self) -> Option<LauncherJob> {
        let verb = match self.launcher_job.as_deref()? {
            "start" => Verb::Start,
            "restart" => Verb::Restart,
            "expire" => Verb::Expire,
            other => panic!("no such errand: {other}"),
        };
        let begun = NOW.minus(Period::from_secs(12));
        Some(LauncherJob {
            verb,
            generation: Generation(2),
            begun,
            handoff: None,
            by: None,
        })
    }

    fn complaint(&self) -> Option<Complaint> {
        let at = NOW.minus(self.complaint_for.unwrap_or(Period::from_secs(2)));
        Some(Complaint::new(at, self.complaint.as_deref()?))
    }

    fn stopping(&self) -> Option<Stopping> {
        self.stopping.as_deref().map(|purpose| {
            let since = NOW.minus(self.stopping_for.unwrap_or(Period::from_secs(3)));
            Stopping {
                generation: Generation(1),
                since,
                rung: match self.rung.as_deref() {
                    Some("kill") => Rung::Kill,
                    Some("term") => Rung::Term,
                    Some(_) | None => Rung::Ask,
                },
                rung_at: since,
                purpose: if purpose == "restart" {
                    Purpose::Restart
                } else {
                    Purpose::Expire
                },
                reason: "too-old".into(),
                begun_for: self.begun_for_another.then_some(Fingerprint {
                    command: 1,
                    dir: 2,
                    env: 3,
                }),
                tree: vec![ProcId {
                    pid: 1001,
                    start: 7,
                }],
            }
        })
    }

    fn replacing(&self, town: &Town) -> Option<Replacing> {
        let how = self.replacing.as_deref()?;
        Some(Replacing {
            generation: Generation(u64::from(self.stopping.is_some())),
            since: NOW.minus(Period::from_secs(10)),
            reason: "drifted".into(),
            fingerprint: town.sessions[&name(&self.name)].fingerprint(),
            failed: how == "failed",
        })
    }

    fn finished(&self, town: &Town, ended: Option<Ended>) -> Option<Finished> {
        let fingerprint = town
            .sessions
            .get(self.name.as_str())
            .map(gtctl::model::Desired::fingerprint);
        let fingerprint = fingerprint.filter(|_| self.finished)?;
        Some(Finished {
            fingerprint,
            death: ended.map(|e| e.death),
            well: ended.is_some_and(|e| e.death.is_clean()),
            at: ended.map_or(NOW, |e| e.at),
        })
    }

    fn history(&self, town: &Town) -> History {
        let fingerprint = town
            .sessions
            .get(self.name.as_str())
            .map(gtctl::model::Desired::fingerprint);
        let ended = self.ended.as_deref().map(|text| Ended {
            death: death(text),
            at: ago(self.ended_ago).unwrap_or(NOW.minus(Period::from_secs(2))),
        });
        History {
            generation: Generation(1),
            run: ago(self.age).map(|started| Incarnation {
                ended,
                ..self.run(town, started, fingerprint)
            }),
            crashes: self.crashes.iter().map(|p| NOW.minus(*p)).collect(),
            stopped: self.stopped,
            restart_asked: self.restart_asked,
            finished: self.finished(town, ended),
            stopping: self.stopping(),
            replacing: self.replacing(town),
            refused: self.refused.clone().map(|said| Refused {
                at: NOW.minus(Period::from_secs(2)),
                times: 1,
                said,
                fingerprint: town
                    .sessions
                    .get(&name(&self.name))
                    .map(gtctl::model::Desired::fingerprint),
            }),
            waiting: ago(self.waiting_for),
            handoff: ago(self.handoff),
            restarts: self.restarts,
            prune: self.prune,
            answers: self.answers_given(),
            launcher_job: self.launcher_job(),
            complaint: self.complaint(),
            refuted: self.refuted.clone().map(|line| Refuted {
                line,
                at: NOW.minus(Period::from_hours(1)).wall,
            }),
            conversation: self.conversation.as_ref().map(|id| KnownConversation {
                id: id.parse().unwrap(),
                generation: Generation(1),
                turns: Turns::Some,
                resumed: false,
                over: false,
            }),
            ..History::default()
        }
    }

    /// The run that began then, without its end.
    fn run(&self, town: &Town, started: Moment, fingerprint: Option<Fingerprint>) -> Incarnation {
        Incarnation {
            ready: (!self.not_ready).then_some(started),
            readiness: self.probe_said.clone().map(|said| Readiness {
                asked: NOW.minus(Period::from_millis(500)),
                fault: (!said.is_empty()).then_some(said),
            }),
            ran_with: self.ran_with(town),
            draining: ago(self.draining_for),
            content: self.content(),
            nudged: ago(self.nudged),
            escape_sent: ago(self.roused_for),
            footprint: self.held.map(|mib| Footprint {
                at: NOW.minus(Period::from_secs(20)),
                bytes: mib << 20,
                before: 0,
            }),
            tokens: self.used_tokens(),
            limited: self.limited_in.map(|period| Limited {
                until: NOW.plus(period).wall,
                wait_ms: period.plus(self.ended_ago.unwrap_or_default()).millis(),
                evidence: self.evidence.clone(),
            }),
            ..Incarnation::new(Generation(1), started, fingerprint)
        }
    }
}
