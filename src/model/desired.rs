//! What the user wants of one session, with every default filled in.

use super::{
    Agent, Awaited, Fingerprint, Launch, NudgeText, Period, ReadyProbe, ResumePolicy, Schedule,
    SessionName, TokenLimits,
};
use crate::model::{SortedMap, SortedSet};
use std::path::PathBuf;
use std::sync::Arc;

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
    pub agent: Arc<Agent>,
    /// How it is started and stopped.
    pub launch: Launch,
    /// The argv that runs, without a shell. It has at least one element.
    pub command: Vec<String>,
    /// The working directory, absolute.
    pub dir: PathBuf,
    /// The environment that the user declares.
    pub env: SortedMap<String, String>,
    /// The environment that gtctl adds: Gas Town's identity variables. It is not part of the
    /// fingerprint.
    pub identity_env: SortedMap<String, String>,
    /// Files of `KEY=VALUE` lines, in order: a later one wins. They are read at each start. Their
    /// content never gets into a command line.
    pub env_files: Vec<EnvFile>,
    /// The names of variables that it takes from gtctl's environment. All other sources win over
    /// these.
    pub pass_env: SortedSet<String>,
    /// Its former names. A session of ours that has one of these is renamed, and its process goes
    /// on. None of these names is declared.
    pub moved: SortedSet<SessionName>,
    /// Whether it runs. A session that is not enabled is stopped and not started.
    pub enabled: bool,
    /// When it runs. Outside of these hours it is stopped and not started. `None` for always.
    pub schedule: Option<Schedule>,
    /// What happens when its process ends.
    pub restart: RestartPolicy,
    /// The wave of its start. Lower waves start first.
    pub wave: u32,
    /// The sessions that must reach a milestone before this one starts.
    pub after: SortedMap<SessionName, Awaited>,
    /// How long its process must be alive to count as ready.
    pub ready_after: Period,
    /// What must have passed once before it counts as ready. It is not part of the fingerprint.
    pub ready: Option<ReadyProbe>,
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
    /// The limits on the tokens of one run.
    pub tokens: TokenLimits,
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

    /// The digest of the fields whose change needs a restart. [`Fingerprint`] says which.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self)
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

/// A file of variables for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// Its path, absolute.
    pub path: PathBuf,
    /// Whether it may be missing.
    pub optional: bool,
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
    Json(SortedMap<String, serde_json::Value>),
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
