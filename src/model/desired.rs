//! What the user wants: a [`Town`] of [`Desired`] sessions, with every default filled in.

use super::written::written_as_text;
use super::{
    Awaited, Chore, DeclaredAnswer, Gastown, Launch, NudgeText, Period, Policy, ReportingClient,
    ResumePolicy, SessionName, Topic,
};
use core::net::SocketAddr;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use strum::IntoStaticStr;

/// A whole town as declared. The planner compares it with what tmux has.
#[derive(Debug, Clone, PartialEq)]
pub struct Town {
    /// The town's name. It is in the label of each of our sessions, and it names the state
    /// directory. It has the alphabet of a session name.
    pub name: SessionName,
    /// The Gas Town root, absolute.
    pub root: Option<PathBuf>,
    /// What Gas Town's files ask, by one look. Empty in a town as declared.
    pub gastown: Gastown,
    /// Sessions that cannot be started now, by one look. Empty in a town as declared.
    pub unstartable: BTreeMap<SessionName, CannotStart>,
    /// The tmux server.
    pub socket: Socket,
    /// The declared sessions, by name.
    pub sessions: BTreeMap<SessionName, Desired>,
    /// Rules for sessions that others start. Such sessions are only ever expired. If several rules
    /// match, the first counts.
    pub policies: Vec<Policy>,
    /// The chores: work that gtctl does at its own times, beside the sessions.
    pub chores: Vec<Chore>,
    /// Limits on what may happen at once.
    pub limits: Limits,
    /// The longest time from one look of the controller to the next.
    pub resync: Period,
    /// Where the controller offers metrics. None if it does not.
    pub metrics: Option<Metrics>,
    /// Where the controller serves its page. None if it does not.
    pub web: Option<WebAddress>,
    /// How long the controller keeps a record of what it sees and decides. None if it keeps none.
    pub record: Option<Period>,
    /// What to run for notifications. None if nothing.
    pub notify: Option<Notify>,
}

impl Town {
    /// The sessions that the manifest declares, without those of policies.
    pub fn declared(&self) -> impl Iterator<Item = &Desired> {
        self.sessions
            .values()
            .filter(|desired| desired.policy.is_none())
    }
}

/// Why a session cannot be started: its program or its directory is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CannotStart {
    /// What is missing and what to do, for people.
    pub why: String,
    /// Paths where a new file may change that.
    pub awaited: BTreeSet<PathBuf>,
}

/// The tmux server of a town.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Socket {
    /// The user's default server.
    Default,
    /// `tmux -L NAME`.
    Name(String),
    /// `tmux -S PATH`, absolute.
    Path(PathBuf),
    /// The server that Gas Town uses for the town's root.
    Gastown,
}

/// One session as declared.
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
    /// The argv that runs, without a shell. It has at least one element.
    pub command: Vec<String>,
    /// The working directory, absolute.
    pub dir: PathBuf,
    /// The environment that the user declares.
    pub env: BTreeMap<String, String>,
    /// The environment that gtctl adds: Gas Town's identity variables. It is not part of the
    /// fingerprint.
    pub identity_env: BTreeMap<String, String>,
    /// A file of `KEY=VALUE` lines, absolute. It is read at each start. Its content never gets into
    /// a command line.
    pub env_file: Option<PathBuf>,
    /// The names of variables that it takes from gtctl's environment. All other sources win over
    /// these.
    pub pass_env: BTreeSet<String>,
    /// What happens when its process ends.
    pub restart: RestartPolicy,
    /// The wave of its start. Lower waves start first.
    pub wave: u32,
    /// The sessions that must reach a milestone before this one starts.
    pub after: BTreeMap<SessionName, Awaited>,
    /// How long its process must be alive to count as ready.
    pub ready_after: Period,
    /// The age at which it is restarted, or expired if it is a task. Its own share of
    /// `max_age_jitter` is included.
    pub max_age: Option<Period>,
    /// The handoff message that is typed at its prompt before it is ended for its age or its
    /// fields.
    pub handoff: Option<NudgeText>,
    /// The least time between two planned restarts.
    pub handoff_gap: Period,
    /// The longest time that a planned restart waits until the session is idle.
    pub drain: Period,
    /// Its limits for being quiet or stuck.
    pub idling: Idling,
    /// The memory of its process tree, in bytes, above which it is restarted, or expired if it is a
    /// task. Pages that several processes share count once.
    pub max_memory: Option<u64>,
    /// What happens if it runs with other fields than declared.
    pub on_drift: OnDrift,
    /// What happens if the program that it runs was replaced.
    pub on_upgrade: OnUpgrade,
    /// When a fresh process resumes the conversation of the one before.
    pub resume: ResumePolicy,
    /// What an attached client means for a stop or a restart.
    pub when_attached: WhenAttached,
    /// How long it may take to end after TERM.
    pub stop_grace: Period,
    /// How gtctl recognises that its work has completed.
    pub completion: Completion,
    /// Delays of restarts after crashes.
    pub backoff: Backoff,
    /// The limits of its logs.
    pub logs: Logs,
    /// The file whose text is written into its directory before each start, for its agent,
    /// absolute. Edits there are never overwritten.
    pub instructions: Option<PathBuf>,
    /// Whether it may be expired without `--prune` when it is no longer declared.
    pub prune: bool,
    /// The pattern of the policy that covers it. None for a declared session.
    ///
    /// Others start a covered session. It is never started, restarted or replaced, only expired.
    pub policy: Option<String>,
}

impl Desired {
    /// Whether this is a task: it ends by itself, and is not restarted if it has ended well.
    #[must_use]
    pub fn is_task(&self) -> bool {
        match self.restart {
            RestartPolicy::Always => false,
            RestartPolicy::OnFailure | RestartPolicy::Never => true,
        }
    }

    /// The file in its directory that its agent reads by itself. None if nothing is written into
    /// it.
    #[must_use]
    pub fn instructed(&self) -> Option<PathBuf> {
        self.instructions
            .as_ref()
            .map(|_| self.dir.join(self.agent.reads()))
    }

    /// The digest of the fields whose change needs a restart: command, directory and environment as
    /// declared.
    ///
    /// Limits are not in it: they change without a restart. What gtctl adds is not in it either, so
    /// that a new version of gtctl restarts no town. For a session with a launcher only the agent
    /// is in it, because the launcher chooses the rest.
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
        // Only the names are digested: a changed value restarts nothing.
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

/// FNV-1a over the parts, each with a NUL after it, folded to 32 bits. It is written into labels,
/// so every version must give the same digest.
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

/// A short form of what a session was started with, for its label: `command:dir:env`, each with
/// eight hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The digest of the argv.
    pub command: u32,
    /// The digest of the working directory.
    pub dir: u32,
    /// The digest of `env`, the path of `env_file` and the names in `pass_env`.
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
        let fingerprint = Self {
            command: next()?,
            dir: next()?,
            env: next()?,
        };
        if parts.next().is_some() {
            Err(FingerprintFault)
        } else {
            Ok(fingerprint)
        }
    }
}

written_as_text!(
    Fingerprint,
    "a fingerprint such as \"0000002a:0000002b:0000002c\""
);

/// The agent program of a session: how gtctl recognises it, reads it and makes it leave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agent {
    /// Its name in the manifest.
    pub name: String,
    /// The names of its process: comm, the basename of argv0, or the basename of exe. Never empty.
    pub process_names: Vec<String>,
    /// Phrases on the screen that mean that it shows its prompt.
    pub ready: Vec<String>,
    /// Phrases that mean that it works.
    pub busy: Vec<String>,
    /// Phrases that mean that it asks for a permission.
    pub asks_permission: Vec<String>,
    /// Phrases that mean that it asks whether to trust this folder, or another question of a first
    /// start.
    pub asks_trust: Vec<String>,
    /// Phrases that mean that it is signed out.
    pub auth: Vec<String>,
    /// Phrases that mean that a usage limit is reached.
    pub limit: Vec<String>,
    /// Phrases that mean that its context is full.
    pub context: Vec<String>,
    /// Phrases that mean that it tries a failed request again by itself.
    pub retrying: Vec<String>,
    /// Phrases in the title of its pane that mean that it works.
    pub title_busy: Vec<String>,
    /// Phrases in the title that mean that it asks something.
    pub title_asks: Vec<String>,
    /// Phrases in the title that mean that it waits for a text.
    pub title_ready: Vec<String>,
    /// What a person types to sign it in again. gtctl shows it and never runs it.
    pub fix: Option<String>,
    /// The tmux keys that make it leave. Empty if there are none.
    pub quit: Vec<String>,
    /// The agent whose tables it uses if it has none of its own: as its entry says, or because its
    /// program is the client of that agent.
    pub like: Option<String>,
    /// The tmux keys that submit a typed text.
    pub submit: Vec<String>,
    /// The tmux keys that clear the composer. Empty if there are none.
    pub clear: Vec<String>,
    /// A command (argv) that exits 0 if the agent is signed in.
    pub probe: Vec<String>,
    /// Arguments that resume the conversation whose id stands for `{id}`.
    pub resume: Vec<String>,
    /// Arguments that begin a conversation of the id that stands for `{id}`.
    pub begin: Vec<String>,
    /// What an hour costs in which it lives. None if nobody says.
    pub cost_per_hour: Option<HourlyCost>,
    /// The client that reports on it, where it is one that can.
    pub client: Option<ReportingClient>,
    /// Whether its client's hooks are set up.
    pub hooks: Hooks,
    /// The answers that gtctl gives by itself, at most [`DeclaredAnswer::MAX_COUNT`].
    pub answers: Vec<DeclaredAnswer>,
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
            // A flag has to say that it may run hooks.
            Some(ReportingClient::Codex) => self.hooks == Hooks::On,
            // The hooks of the last three stand in the user's own file.
            Some(
                ReportingClient::Claude
                | ReportingClient::Gemini
                | ReportingClient::Kimi
                | ReportingClient::KimiCode
                | ReportingClient::Opencode,
            ) => true,
            None => false,
        };
        self.hooks != Hooks::Off && sets_up
    }

    /// Whether gtctl adds arguments to its command.
    #[must_use]
    pub fn gets_arguments(&self) -> bool {
        self.reports() || !self.begin.is_empty() || !self.resume.is_empty()
    }

    /// Whether what its client says of itself is read.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.hooks != Hooks::Off
    }

    /// Whether it has phrases for titles.
    #[must_use]
    pub fn has_titles(&self) -> bool {
        [&self.title_busy, &self.title_asks, &self.title_ready]
            .into_iter()
            .any(|phrases| !phrases.is_empty())
    }

    /// The name of the instructions file that it reads in its working directory.
    #[must_use]
    pub fn reads(&self) -> &'static str {
        let is_called =
            |agent: &str| self.name == agent || self.process_names.iter().any(|name| name == agent);
        if is_called("claude") {
            "CLAUDE.md"
        } else if is_called("gemini") {
            "GEMINI.md"
        } else {
            "AGENTS.md"
        }
    }
}

/// What happens if a session's process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// Start it again after any exit. It is a service.
    #[default]
    Always,
    /// Start it again if it has failed. It is a task, and a clean exit completes it.
    OnFailure,
    /// Run it once. It is a task.
    Never,
}

/// What happens if a session runs with other fields than declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDrift {
    /// Restart it when it is idle, or after `drain`.
    #[default]
    RestartWhenIdle,
    /// Restart now.
    Restart,
    /// Only report it.
    Report,
}

/// What happens if the program of a running session was replaced, by an upgrade for example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUpgrade {
    /// Only report it: the session runs on with the old program.
    #[default]
    Report,
    /// Restart it when it is idle, or after `drain`.
    RestartWhenIdle,
}

/// What to do if a session should be stopped or restarted while a client is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenAttached {
    /// Wait until the client is gone.
    #[default]
    Hold,
    /// Do it anyway.
    Proceed,
}

/// What happens to a service that is quiet for too long.
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

/// What happens when a usage limit has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLimitEnd {
    /// Nothing: the agent goes on by itself, or a person makes it go on.
    #[default]
    Nothing,
    /// Type a text that makes the agent go on.
    Nudge,
}

/// The limits of a session for being quiet or stuck.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Idling {
    /// A session that is quiet for this long is too quiet.
    pub idle_limit: Option<Period>,
    /// What happens to a service that is too quiet.
    pub on_idle: OnIdle,
    /// The text that `on_idle` types.
    pub nudge: NudgeText,
    /// What happens when its usage limit has ended.
    pub on_limit_end: OnLimitEnd,
    /// The text that `on_limit_end` types.
    pub limit_nudge: NudgeText,
    /// A session whose busy screen is unchanged for this long is stuck.
    pub stuck_after: Option<Period>,
}

/// How gtctl recognises that a session has completed.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The markers in its output.
    pub markers: Vec<Marker>,
    /// How long a completed session stays, so that people can look at it, before it is expired.
    pub grace: Period,
    /// A log to watch in place of the pane's output, absolute. In a policy it may contain
    /// `{session}`.
    pub log: Option<String>,
    /// It has also completed once its client has reported the end of a turn, and for this long
    /// nothing has come after it.
    pub turn_ended: Option<Period>,
}

/// One completion marker.
#[derive(Debug, Clone, PartialEq)]
pub enum Marker {
    /// A line of output with this text.
    Text(String),
    /// A line that is a JSON object with these fields and values.
    Json(BTreeMap<String, serde_json::Value>),
}

/// Delays of restarts after crashes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The delay before the second restart in a row. The first restart has no delay. Zero means no
    /// delay ever.
    pub first: Period,
    /// The longest delay.
    pub max: Period,
    /// The largest share of the delay that is added to it, from 0.0 to 1.0. Each session and crash
    /// has a fixed share.
    pub jitter: f64,
    /// A run of this length ends a row of crashes.
    pub reset_after: Period,
    /// This many crashes within `window` are a crash loop.
    pub burst: u32,
    /// The time in which the crashes of `burst` count.
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

/// The limits of a session's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logs {
    /// The largest file, in bytes.
    pub size: u64,
    /// How many files one run has.
    pub files: u32,
    /// How many runs are kept.
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

/// Limits on what may happen at once in a town.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// How many sessions may start at once. It grows by one for each that has become ready.
    pub concurrent_starts: u32,
    /// How many sessions may start in ten minutes.
    pub starts: StartBudget,
    /// The share of the town that gtctl may take down at once without a second look, from 0.0 to
    /// 1.0.
    pub mass: f64,
    /// How many sessions may be down at once for planned restarts.
    pub unavailable: Unavailable,
    /// After so many losses of the tmux server in ten minutes gtctl starts nothing more.
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
    /// The number for so many declared sessions. It is at least 1.
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

/// How many sessions of a town may start in ten minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartBudget {
    /// The number of sessions, once more for each tmux server that was lost meanwhile, plus ten.
    Auto,
    /// Exactly so many.
    Fixed(u32),
}

/// The command for notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Its argv. It gets JSON on its standard input.
    pub command: Vec<String>,
    /// The topics that it runs for.
    pub on: BTreeSet<Topic>,
}

/// Where metrics are offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metrics {
    /// In this file, absolute, for a collector that reads files.
    File(PathBuf),
    /// By HTTP, on an address that only this host can reach.
    Listen(SocketAddr),
}

/// What an hour costs, in a unit of the user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourlyCost {
    /// Millionths of the unit.
    pub millionths: u64,
}

impl HourlyCost {
    /// The highest that is read.
    const MOST: f64 = 1_000_000.0;

    /// Of this number. None if it is negative, no number, or above a million.
    #[must_use]
    pub fn new(number: f64) -> Option<Self> {
        if !(0.0..=Self::MOST).contains(&number) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it lies between 0 and 10^12"
        )]
        let millionths = (number * 1_000_000.0).round() as u64;
        Some(Self { millionths })
    }
}

/// Where pages are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebAddress {
    /// By TCP.
    Tcp(SocketAddr),
    /// By a unix socket, absolute, that only its owner can reach.
    Unix(PathBuf),
}

impl WebAddress {
    /// What stands before the path of a unix socket.
    pub const UNIX: &str = "unix:";

    /// Reads `127.0.0.1:7433`, `localhost:7433` or `unix:/run/user/1000/town.sock`. None if it is
    /// neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix(Self::UNIX) {
            let path = PathBuf::from(path);
            return path.is_absolute().then_some(Self::Unix(path));
        }
        let numbered = text.replacen("localhost:", "127.0.0.1:", 1);
        numbered.parse().ok().map(Self::Tcp)
    }

    /// Whether other hosts can reach it.
    #[must_use]
    pub fn is_open_to_others(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl std::fmt::Display for WebAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{}{}", Self::UNIX, path.display()),
        }
    }
}
