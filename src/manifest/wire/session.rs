//! The fields of a session, which `[defaults]`, `[roles.x]` and `[[session]]` share.
//!
//! A macro writes the fields into both types. serde's `flatten` would be shorter, but its errors do
//! not say in which field they are.

use super::values::{After, Limit, MarkerValue, MemoryLimit, Positive, Share, Size, Wait};
use super::words::{
    Launcher, OnDrift, OnIdle, OnLimitEnd, OnUpgrade, Restart, Resume, WhenAttached,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

macro_rules! session_table {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, expecting = "a table of session fields")]
        pub struct $name {
            $($(#[$fdoc])* pub $field: Option<$type>,)*
            /// The rig it works in. Must be in the root's `mayor/rigs.json`.
            pub rig: Option<String>,
            /// Its own name within its role and rig, such as a crew member's.
            pub name: Option<String>,
            /// Its name in tmux: letters, digits, `_` and `-`, at most 64. A template. Default: the
            /// role's.
            pub session: Option<String>,
            /// The agent that runs in it, one of the built-in ones or of `[agents.x]`. Default:
            /// `claude`, unless a `command` is given.
            pub agent: Option<String>,
            /// The program and its arguments, run without a shell. Templates. Default: the agent's
            /// command.
            pub command: Option<Vec<String>>,
            /// How it is started and stopped. In `[defaults]`, `gt` does not apply to roles without
            /// a `start`. Default: `tmux`; the role's own commands where a manifest gives the role
            /// a `start`.
            pub launcher: Option<Launcher>,
            /// How long its launcher's `start` and `restart_command` may take; then gtctl stops
            /// them. Default: 5m; for polecats 8m.
            pub start_timeout: Option<Positive>,
            /// Its working directory; a relative one is relative to the manifest. A template.
            /// Default: Gas Town's directory for the role when `town.root` is set, else the
            /// manifest's directory.
            pub dir: Option<String>,
            /// Environment variables. Tables of `[defaults]`, role and session are merged. Values
            /// are templates.
            pub env: Option<BTreeMap<String, String>>,
            /// A file of `KEY=VALUE` lines, read at each start, for secrets. The form is that of
            /// Docker Compose's `.env`, but `$` has no meaning. A named pipe must answer within 2 s.
            /// A template.
            pub env_file: Option<String>,
            /// Names of variables that it gets from gtctl's own environment at each start, such as
            /// `ANTHROPIC_API_KEY`. Without this it gets only the user's name, folders, PATH,
            /// locale, terminal and desktop from there. Lists of `[defaults]`, role and session are
            /// merged. Default: none.
            pub pass_env: Option<Vec<String>>,
            /// What happens when its process ends. Default: `always`; for polecats `never`.
            pub restart: Option<Restart>,
            /// Start order, lower first; stopping goes the other way. Default: the role's, else 1.
            pub wave: Option<u32>,
            /// Sessions that must be ready before it starts; a task must have completed without an
            /// error. `{ session = "db", when = "started", within = "2m" }` names another condition,
            /// and after how long gtctl reports the wait. Only starts wait: gtctl never stops a
            /// session for this, and a restart after a crash or at `max_age` does not wait.
            /// Default: none.
            pub after: Option<Vec<After>>,
            /// How long its process must run to count as ready. Default: 5s.
            pub ready_after: Option<Wait>,
            /// Age at which it is restarted (a task: expired). Default: the profile's, 1h in
            /// `standard`; `off` for a command without an agent (role `custom`), which has no
            /// context to refresh.
            pub max_age: Option<Limit>,
            /// Up to this much is added to `max_age`, fixed for each session by its name. Default:
            /// 5m.
            pub max_age_jitter: Option<Wait>,
            /// A message that gtctl types at its prompt before it restarts the session for its age
            /// or its fields, so that the agent can hand off its work. gtctl then waits until it is
            /// idle again, at most `drain`. A template. Default: none.
            pub handoff: Option<String>,
            /// Least time between two planned restarts. Default: 1h.
            pub handoff_gap: Option<Wait>,
            /// How long a planned restart waits for it to become idle. Default: 5m.
            pub drain: Option<Wait>,
            /// After this time without output it is too quiet. Default: 30m.
            pub idle_limit: Option<Limit>,
            /// What happens to a service that is too quiet. Default: `report`.
            pub on_idle: Option<OnIdle>,
            /// What is typed into it with `on_idle = "nudge"`, at most once in `idle_limit`. A
            /// template. Default: `Continue with your work, or say what blocks you.`
            pub idle_nudge: Option<String>,
            /// What happens when its usage limit has ended but the screen still shows it. Default:
            /// `nothing`.
            pub on_limit_end: Option<OnLimitEnd>,
            /// What is typed into it with `on_limit_end = "nudge"`. A template. Default:
            /// `Your usage limit has ended. Go on where you left off.`
            pub limit_nudge: Option<String>,
            /// A busy screen without any change for this long is stuck. Default: 10m.
            pub stuck_after: Option<Limit>,
            /// It is restarted when its process tree uses more resident memory. Default: off.
            pub max_memory: Option<MemoryLimit>,
            /// What happens when it runs with other fields than declared. Default:
            /// `restart-when-idle`.
            pub on_drift: Option<OnDrift>,
            /// What happens when the file of its program was replaced while it runs, by an upgrade
            /// for example. gtctl looks once a minute. Of a client that is a script only the
            /// interpreter's file is known (`node` for `cli.js`). Tasks are only reported.
            /// Default: `report`.
            pub on_upgrade: Option<OnUpgrade>,
            /// When a fresh process resumes its agent's conversation, where the id of that is
            /// known. With `launcher = "gt"` gt decides, whatever this says. Default:
            /// `after-crash`.
            pub resume: Option<Resume>,
            /// What to do while a client is attached. Default: `hold`.
            pub when_attached: Option<WhenAttached>,
            /// How long it may take to exit after TERM, and how long its launcher's `stop` may take.
            /// Default: 30s.
            pub stop_grace: Option<Wait>,
            /// A file of instructions. gtctl writes it into the session's directory at each start, as
            /// `CLAUDE.md` (for gemini `GEMINI.md`, for all others `AGENTS.md`). If somebody edited
            /// that file, it stays, and gtctl writes another file beside it. A change of the
            /// instructions restarts nothing. A template. Default: none.
            pub instructions: Option<String>,
            /// Whether it is expired without `--prune` once it is no longer declared. Default:
            /// false.
            pub prune: Option<bool>,
            /// How gtctl recognises that it has completed.
            pub completion: Option<CompletionTable>,
            /// Delays of restarts after crashes.
            pub backoff: Option<BackoffTable>,
            /// Limits on its logs.
            pub logs: Option<LogsTable>,
        }
    };
}

session_table! {
    /// A session, or the defaults of all sessions.
    SessionTable {
        /// Its role: `witness`, `refinery`, `mayor`, `deacon`, `crew`, `polecat`, `custom` or one
        /// of `[roles.x]`. Default: `custom`, when `session` is given.
        role: String,
    }
}

session_table! {
    /// A role: defaults of its sessions.
    RoleTable {
        /// The command (argv) that starts a session of this role. It runs in the town's root,
        /// without a shell. gtctl leaves out a word with `{agent}` unless the manifest names an
        /// agent. Templates. Default: `gt`'s own, for roles that gt knows.
        start: Vec<String>,
        /// The command (argv) that stops a session of this role. Templates. Default: `gt`'s own,
        /// for roles that gt knows. With `[]`, or with `start` alone, gtctl ends the processes.
        stop: Vec<String>,
        /// The command (argv) that restarts a session of this role. Templates. gtctl does not use
        /// it if only `start` has `{agent}` and the manifest names an agent. Default: `gt`'s own for
        /// the mayor, the deacon and crews; else `stop`, then `start`.
        restart_command: Vec<String>,
        /// The command (argv) that gives a text to a session of this role; the text is its last
        /// argument. Templates. Default: `gt`'s own, for roles that gt knows; else gtctl types it.
        nudge: Vec<String>,
        /// Whether its `stop` leaves processes behind, so that gtctl ends them first. Default:
        /// `true` for refineries.
        leaves_orphans: bool,
    }
}

/// How gtctl recognises that a session has completed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { markers = [\"done\"], grace = \"5m\" }"
)]
pub struct CompletionTable {
    /// Markers in the output that mean it has completed. Default for tasks: `Claude exit code: 0`,
    /// `Agent completed successfully`, `"subtype":"success"` (claude) and
    /// `"type":"turn.completed"` (codex); for services none.
    pub markers: Option<Vec<MarkerValue>>,
    /// How long a completed session stays, so that people can look at it. Default: 5m.
    pub grace: Option<Wait>,
    /// A log to read instead of the pane's own output. A template. Default: none.
    pub log: Option<String>,
    /// It has completed when its client has reported the end of a turn, and then for this long
    /// nothing changes on its screen, which shows its prompt, and nothing works in the background.
    /// Only for agents whose client reports to gtctl, such as claude. `off`: never. Default: `off`.
    pub turn_ended: Option<Limit>,
}

/// How gtctl recognises that a session which a policy covers has completed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { markers = [\"done\"], grace = \"5m\" }"
)]
pub struct CoveredCompletionTable {
    /// Markers in the output that mean it has completed. Default: as for tasks.
    pub markers: Option<Vec<MarkerValue>>,
    /// How long a completed session stays, so that people can look at it. Default: 5m.
    pub grace: Option<Wait>,
    /// A log to read instead of the pane's own output. A template. Default: none.
    pub log: Option<String>,
}

/// Delays of restarts after crashes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { first = \"10s\", max = \"5m\" }"
)]
pub struct BackoffTable {
    /// Delay before the second restart in a row; the first has no delay. `0s`: never a delay.
    /// Default: 10s.
    pub first: Option<Wait>,
    /// The longest delay. Default: 5m.
    pub max: Option<Positive>,
    /// Share of the delay that is added at most, fixed per session and crash. Default: 0.25.
    pub jitter: Option<Share>,
    /// After a run this long, earlier crashes no longer count. Default: 10m.
    pub reset_after: Option<Positive>,
    /// This many crashes within `window` are a crash loop. Default: 5.
    pub burst: Option<NonZeroU32>,
    /// See `burst`. Default: 15m.
    pub window: Option<Positive>,
}

/// Limits on a session's logs.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { size = \"10MiB\", files = 5, keep = 20 }"
)]
pub struct LogsTable {
    /// Size of one file. Default: 10MiB.
    pub size: Option<Size>,
    /// Files per generation. Default: 5.
    pub files: Option<NonZeroU32>,
    /// Generations kept. Default: 20.
    pub keep: Option<NonZeroU32>,
}
