//! What the user wants: a [`Town`] of [`Desired`] sessions, every default resolved.

use super::written::written_as_text;
use super::{
    Awaited, Chore, Gastown, Launch, NudgeText, Period, Policy, ReportingClient, SessionName, Topic,
};
use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use strum::IntoStaticStr;

/// A whole town as declared, ready to be compared with what tmux has.
#[derive(Debug, Clone, PartialEq)]
pub struct Town {
    /// Labels every session we own and names the state directory. Same alphabet as a session name.
    pub name: SessionName,
    /// The Gas Town root, absolute.
    pub root: Option<PathBuf>,
    /// What Gas Town's files ask, as of one look; nothing in a town as declared.
    pub gastown: Gastown,
    /// Sessions that could not be started now, as of one look; none in a town as declared.
    pub unstartable: BTreeMap<SessionName, CannotStart>,
    /// Which tmux server.
    pub socket: Socket,
    /// The sessions wanted, by name.
    pub sessions: BTreeMap<SessionName, Desired>,
    /// Sessions others start, which are only ever expired. Of those that match, the first counts.
    pub policies: Vec<Policy>,
    /// Chores: work that gtctl does at its own times, beside the sessions.
    pub chores: Vec<Chore>,
    /// Limits on what may happen at once.
    pub limits: Limits,
    /// How long the controller sleeps at most between two looks.
    pub resync: Period,
    /// Where the controller offers metrics, if anywhere.
    pub metrics: Option<Metrics>,
    /// Whom to tell.
    pub notify: Option<Notify>,
}

impl Town {
    /// The sessions that the manifest declares, without those that others start and a policy
    /// covers.
    pub fn declared(&self) -> impl Iterator<Item = &Desired> {
        self.sessions
            .values()
            .filter(|desired| desired.policy.is_none())
    }
}

/// What a session lacks to be started: its program, or its directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotStart {
    /// What is missing and what to do about it, for people.
    pub why: String,
    /// Paths at which something new may change that.
    pub awaited: BTreeSet<PathBuf>,
}

/// Which tmux server a town lives on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Socket {
    /// The user's default server.
    Default,
    /// `tmux -L NAME`.
    Name(String),
    /// `tmux -S PATH`, absolute.
    Path(PathBuf),
    /// The server Gas Town uses for this root.
    Gastown,
}

/// One session as wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// Its name in tmux.
    pub name: SessionName,
    /// Its role's name, such as `witness` or `custom`.
    pub role: String,
    /// The rig it works in, if any.
    pub rig: Option<String>,
    /// The agent that runs in it.
    pub agent: Agent,
    /// How it is started and stopped.
    pub launch: Launch,
    /// The argv that is executed, without a shell; at least one element.
    pub command: Vec<String>,
    /// Working directory, absolute.
    pub dir: PathBuf,
    /// Environment as declared by the user.
    pub env: BTreeMap<String, String>,
    /// Environment that gtctl adds of itself (Gas Town's identity variables); not part of the
    /// fingerprint.
    pub identity_env: BTreeMap<String, String>,
    /// A file of `KEY=VALUE` lines read at each start, absolute. Its content never meets a command
    /// line.
    pub env_file: Option<PathBuf>,
    /// The names of variables taken over from gtctl's own environment; the weakest of all.
    pub pass_env: BTreeSet<String>,
    /// What happens when its process ends.
    pub restart: RestartPolicy,
    /// Start order: lower waves first.
    pub wave: u32,
    /// Sessions that must be as far as said before this one is started.
    pub after: BTreeMap<SessionName, Awaited>,
    /// How long its process must live to count as ready.
    pub ready_after: Period,
    /// Age at which it is restarted (a task: expired). Its own share of `max_age_jitter` is already
    /// added.
    pub max_age: Option<Period>,
    /// Notice typed at its prompt before it is ended for its age or its fields.
    pub handoff: Option<NudgeText>,
    /// Least time between two planned restarts.
    pub handoff_gap: Period,
    /// How long a planned restart waits for the session to fall idle.
    pub drain: Period,
    /// Quiet and stuck limits.
    pub idling: Idling,
    /// Memory of its process tree in bytes, pages that several processes share counted once, above
    /// which it is restarted (a task: expired).
    pub max_memory: Option<u64>,
    /// What happens when it runs with other fields than declared.
    pub on_drift: OnDrift,
    /// What an attached client means for it.
    pub when_attached: WhenAttached,
    /// How long it may take to end after TERM.
    pub stop_grace: Period,
    /// How gtctl recognises that it has completed.
    pub completion: Completion,
    /// Delays of restarts after crashes.
    pub backoff: Backoff,
    /// Limits on its logs.
    pub logs: Logs,
    /// What is written for its agent into its directory before each start, never over edits;
    /// absolute.
    pub instructions: Option<PathBuf>,
    /// Whether it may be expired once it is no longer declared, without `--prune`.
    pub prune: bool,
    /// The pattern of the policy that covers it; none for what the manifest declares. Others start
    /// such a session: it is never started, restarted or replaced, only expired.
    pub policy: Option<String>,
}

impl Desired {
    /// Whether this is a task: something that ends by itself and is not restarted when it ended
    /// well.
    #[must_use]
    pub fn is_task(&self) -> bool {
        match self.restart {
            RestartPolicy::Always => false,
            RestartPolicy::OnFailure | RestartPolicy::Never => true,
        }
    }

    /// The file in its directory that its agent reads of itself, where there is something to write
    /// into it.
    #[must_use]
    pub fn instructed(&self) -> Option<PathBuf> {
        self.instructions
            .as_ref()
            .map(|_| self.dir.join(self.agent.reads()))
    }

    /// The digest of what a restart is needed for: command, directory and environment as declared.
    ///
    /// Limits are live and not in it; nor is what gtctl adds of itself, so that a new version
    /// restarts no town. Of what commands start only the agent is known that they are told: they
    /// choose the rest.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        if let Some(commands) = self.commands() {
            let agent = commands.agent.as_deref().unwrap_or_default();
            return Fingerprint {
                command: digest(["by commands", agent]),
                dir: 0,
                env: 0,
            };
        }
        let env: Vec<String> = self.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let env_file = self
            .env_file
            .as_ref()
            .map(|p| p.to_string_lossy().into_owned());
        // By name: a value that changed restarts nothing.
        let passed = self.pass_env.iter().map(String::as_str);
        Fingerprint {
            command: digest(&self.command),
            dir: digest([self.dir.to_string_lossy()]),
            env: digest(
                env.iter()
                    .map(String::as_str)
                    .chain(env_file.as_deref())
                    .chain(passed),
            ),
        }
    }
}

/// 32 bits of FNV-1a over the parts, each closed by a NUL. Stable over versions: it is written into
/// labels.
fn digest<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.as_ref().bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "folding to 32 bits is the point"
    )]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}

/// What a session was started with, in a form that fits a label: `command:dir:env`, each eight hex
/// digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Digest of the argv.
    pub command: u32,
    /// Digest of the working directory.
    pub dir: u32,
    /// Digest of `env`, the path of `env_file` and the names in `pass_env`.
    pub env: u32,
}

impl Fingerprint {
    /// The names of the fields in which two differ, in a fixed order.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        [
            ("command", self.command != other.command),
            ("dir", self.dir != other.dir),
            ("env", self.env != other.env),
        ]
        .into_iter()
        .filter_map(|(field, differs)| differs.then_some(field))
        .collect()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}:{:08x}:{:08x}", self.command, self.dir, self.env)
    }
}

/// A text that is not a [`Fingerprint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint (command:dir:env)")]
pub struct FingerprintFault;

impl std::str::FromStr for Fingerprint {
    type Err = FingerprintFault;
    fn from_str(text: &str) -> Result<Self, FingerprintFault> {
        let mut parts = text
            .split(':')
            .map(|p| u32::from_str_radix(p, 16).map_err(|_| FingerprintFault));
        let mut next = || parts.next().unwrap_or(Err(FingerprintFault));
        let found = Self {
            command: next()?,
            dir: next()?,
            env: next()?,
        };
        if parts.next().is_some() {
            Err(FingerprintFault)
        } else {
            Ok(found)
        }
    }
}

written_as_text!(
    Fingerprint,
    "a fingerprint such as \"0000002a:0000002b:0000002c\""
);

/// The agent program of a session: how to know it, and how it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agent {
    /// Its name in the manifest.
    pub name: String,
    /// Names by which its process is known: comm, basename of argv0, or basename of exe. Never
    /// empty.
    pub process_names: Vec<String>,
    /// Phrases on the screen that mean its prompt is there.
    pub ready: Vec<String>,
    /// Phrases that mean it works.
    pub busy: Vec<String>,
    /// Phrases that mean it asks whether it may do something.
    pub asks_permission: Vec<String>,
    /// Phrases that mean it asks whether it may work in this folder, or another question of a first
    /// start.
    pub asks_trust: Vec<String>,
    /// Phrases that mean it is signed out.
    pub auth: Vec<String>,
    /// Phrases that mean a usage limit is reached.
    pub limit: Vec<String>,
    /// Phrases that mean its context is full.
    pub context: Vec<String>,
    /// Phrases that mean it tries a failed request again by itself.
    pub retrying: Vec<String>,
    /// Phrases in its pane's title that mean it works.
    pub title_busy: Vec<String>,
    /// Phrases in its pane's title that mean it asks something.
    pub title_asks: Vec<String>,
    /// Phrases in its pane's title that mean it waits for a text.
    pub title_ready: Vec<String>,
    /// What a person types to sign it in again; shown, never run.
    pub fix: Option<String>,
    /// tmux keys by which it leaves of itself; empty when it has none.
    pub quit: Vec<String>,
    /// The agent whose tables it takes where it has none of its own: as its entry says, or because
    /// its program is that one's client.
    pub like: Option<String>,
    /// Keys that submit a typed text.
    pub submit: Vec<String>,
    /// Keys that clear the composer; empty when it has none.
    pub clear: Vec<String>,
    /// A command (argv) that exits 0 if the agent is signed in.
    pub probe: Vec<String>,
    /// Arguments that resume the conversation whose id stands for `{id}`.
    pub resume: Vec<String>,
    /// Arguments that begin a conversation of the id that stands for `{id}`.
    pub begin: Vec<String>,
    /// The client that reports on it, where it is one that can.
    pub client: Option<ReportingClient>,
    /// Whether its client's hooks are set up.
    pub hooks: Hooks,
}

/// Whether an agent's hooks report to gtctl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Hooks {
    /// They do, where that changes nothing of the user's own.
    #[default]
    Auto,
    /// They do, also where gtctl must pass a flag that trusts the user's own hooks, too.
    On,
    /// They do not. Nothing else that the client says of itself is read either.
    Off,
}

impl Agent {
    /// Whether its client is one whose hooks gtctl sets up.
    #[must_use]
    pub fn reports(&self) -> bool {
        let sets_up = match self.client {
            Some(ReportingClient::Claude | ReportingClient::Gemini) => true,
            Some(ReportingClient::Codex) => self.hooks == Hooks::On,
            // A user's own configuration would have to be replaced.
            Some(ReportingClient::Kimi | ReportingClient::KimiCode | ReportingClient::Opencode) => {
                true
            }
            None => false,
        };
        self.hooks != Hooks::Off && sets_up
    }

    /// Whether what its client says of itself is read.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.hooks != Hooks::Off
    }

    /// Whether the title of its pane tells anything of it.
    #[must_use]
    pub fn has_titles(&self) -> bool {
        [&self.title_busy, &self.title_asks, &self.title_ready]
            .into_iter()
            .any(|phrases| !phrases.is_empty())
    }

    /// The name of the file that it reads of itself in the directory it starts in.
    #[must_use]
    pub fn reads(&self) -> &'static str {
        let is =
            |agent: &str| self.name == agent || self.process_names.iter().any(|name| name == agent);
        if is("claude") {
            "CLAUDE.md"
        } else if is("gemini") {
            "GEMINI.md"
        } else {
            "AGENTS.md"
        }
    }
}

/// What happens when a session's process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// Start it again after any exit: a service.
    #[default]
    Always,
    /// Start it again when it failed; a clean exit completes it: a task.
    OnFailure,
    /// Run it once: a task.
    Never,
}

/// What happens when a session runs with other fields than declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDrift {
    /// Restart it when it is idle, at the latest after `drain`.
    #[default]
    RestartWhenIdle,
    /// Restart now.
    Restart,
    /// Only report it.
    Report,
}

/// What to do when a session should be stopped or restarted while a client is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenAttached {
    /// Wait until the client is gone.
    #[default]
    Hold,
    /// Do it anyway.
    Proceed,
}

/// What happens to a service that has been quiet for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnIdle {
    /// Only report it.
    #[default]
    Report,
    /// Type the nudge text.
    Nudge,
    /// Restart it.
    Restart,
}

/// What happens once a usage limit has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLimitEnd {
    /// Nothing: the agent goes on by itself, or somebody sets it going.
    #[default]
    Nothing,
    /// Type the text for that.
    Nudge,
}

/// Quiet and stuck limits of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Idling {
    /// Quiet for this long is too quiet.
    pub idle_limit: Option<Period>,
    /// What then happens to a service.
    pub on_idle: OnIdle,
    /// What is typed then, where something is.
    pub nudge: NudgeText,
    /// What happens once its usage limit has ended.
    pub on_limit_end: OnLimitEnd,
    /// What is typed then, where something is.
    pub limit_nudge: NudgeText,
    /// A busy screen frozen for this long is stuck.
    pub stuck_after: Option<Period>,
}

/// How gtctl recognises that a session has completed.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// What in the output says so.
    pub markers: Vec<Marker>,
    /// How long a completed session stays, to be looked at, before it is expired.
    pub grace: Period,
    /// A log to watch instead of the pane's own output, absolute; of a policy with `{session}` not
    /// yet filled in.
    pub log: Option<String>,
}

/// One completion marker.
#[derive(Debug, Clone, PartialEq)]
pub enum Marker {
    /// A line of output that holds this text.
    Text(String),
    /// A line that parses as JSON and has these fields with these values.
    Json(BTreeMap<String, serde_json::Value>),
}

/// Delays of restarts after crashes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Delay before the second restart in a row; the first is at once. Zero: no delay ever.
    pub first: Period,
    /// The longest delay.
    pub max: Period,
    /// Share of the delay that is added at most, fixed per session and crash. 0.0 to 1.0.
    pub jitter: f64,
    /// A run this long ends the row of crashes.
    pub reset_after: Period,
    /// This many crashes within `window` are a crash loop.
    pub burst: u32,
    /// See `burst`.
    pub window: Period,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Period::from_secs(10),
            max: Period::from_mins(5),
            jitter: 0.25,
            reset_after: Period::from_mins(10),
            burst: 5,
            window: Period::from_mins(15),
        }
    }
}

/// Limits on a session's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logs {
    /// Bytes per file.
    pub size: u64,
    /// Files per generation.
    pub files: u32,
    /// Generations kept.
    pub keep: u32,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            size: 10 << 20,
            files: 5,
            keep: 20,
        }
    }
}

/// Bounds on what may happen at once in a town.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Sessions starting at once, before any has come up healthy; grows by one for each that did.
    pub concurrent_starts: u32,
    /// Starts per ten minutes.
    pub starts: StartBudget,
    /// Share of the town that may be down at once by gtctl's own doing without a second look. 0.0
    /// to 1.0.
    pub mass: f64,
    /// Sessions that may be down at once for planned restarts.
    pub unavailable: Unavailable,
    /// Losses of the tmux server within ten minutes after which the town is held.
    pub server_losses: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_starts: 2,
            starts: StartBudget::Auto,
            mass: 0.3,
            unavailable: Unavailable::default(),
            server_losses: 3,
        }
    }
}

/// How many sessions may be down at once for planned restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// Exactly so many.
    Count(u32),
    /// So many per cent of the declared sessions, rounded down.
    Percent(u32),
}

impl Unavailable {
    /// How many that are of so many declared sessions: at least one.
    #[must_use]
    pub fn among(self, sessions: usize) -> u32 {
        let most = match self {
            Self::Count(count) => count,
            Self::Percent(share) => {
                let sessions = u64::try_from(sessions).unwrap_or(u64::MAX);
                u32::try_from(sessions.saturating_mul(u64::from(share)) / 100).unwrap_or(u32::MAX)
            }
        };
        most.max(1)
    }
}

impl Default for Unavailable {
    fn default() -> Self {
        Self::Percent(10)
    }
}

/// Starts per ten minutes, town-wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartBudget {
    /// As many as there are sessions, once more for each tmux server lost meanwhile, plus ten.
    Auto,
    /// Exactly so many.
    Fixed(u32),
}

/// Whom to tell of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Argv that gets JSON on its standard input.
    pub command: Vec<String>,
    /// What it is run for.
    pub on: BTreeSet<Topic>,
}

/// Where metrics are offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metrics {
    /// In this file, absolute, for a collector that reads files.
    File(PathBuf),
    /// By HTTP, on an address of this host alone.
    Listen(SocketAddr),
}
