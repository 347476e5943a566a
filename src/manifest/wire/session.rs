//! The fields of a session, as `[defaults]`, `[roles.x]` and `[[session]]` have them.
//!
//! One macro writes them three times: serde's `flatten` would save that, and lose the place of
//! every fault.

use super::values::{After, Limit, Marker, Memory, Positive, Share, Size, Wait};
use super::words::{Launcher, OnDrift, OnIdle, OnLimitEnd, Restart, WhenAttached};
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
            /// How it is started and stopped. In `[defaults]`, `gt` is not meant for roles without
            /// a `start`. Default: `tmux`; the role's own commands where a manifest gives the role
            /// a `start`.
            pub launcher: Option<Launcher>,
            /// How long its launcher's `start` and `restart_command` may take; what they run is
            /// ended then. Default: 5m; for polecats 8m.
            pub start_timeout: Option<Positive>,
            /// Its working directory; a relative one is relative to the manifest. A template.
            /// Default: Gas Town's directory for the role when `town.root` is set, else the
            /// manifest's directory.
            pub dir: Option<String>,
            /// Environment variables. Tables of `[defaults]`, role and session are united. Values
            /// are templates.
            pub env: Option<BTreeMap<String, String>>,
            /// A file of `KEY=VALUE` lines read at each start, for secrets, in the form of Docker
            /// Compose's `.env`; a `$` stays as it is. A named pipe is waited for at most 2 s. A
            /// template.
            pub env_file: Option<String>,
            /// Names of variables that it takes over from gtctl's own environment at each start,
            /// such as `ANTHROPIC_API_KEY`; of that it gets nothing else but the user's name,
            /// folders, PATH, locale, terminal and desktop. Lists of `[defaults]`, role and session
            /// are united. Default: none.
            pub pass_env: Option<Vec<String>>,
            /// What happens when its process ends. Default: `always`; for polecats `never`.
            pub restart: Option<Restart>,
            /// Start order, lower first; stopping goes the other way. Default: the role's, else 1.
            pub wave: Option<u32>,
            /// Sessions that must be ready before it is started, tasks completed well;
            /// `{ session = "db", when = "started", within = "2m" }` says it otherwise, and after
            /// how long the wait is told of. What runs is never stopped for it, and what comes back
            /// after a crash or for its age waits for nobody. Default: none.
            pub after: Option<Vec<After>>,
            /// How long its process must live to count as ready. Default: 5s.
            pub ready_after: Option<Wait>,
            /// Age at which it is restarted (a task: expired). Default: the profile's, 1h in
            /// `standard`; `off` for a command without an agent (role `custom`), which has no
            /// context to be refreshed.
            pub max_age: Option<Limit>,
            /// Up to this much is added to `max_age`, fixed for each session by its name. Default:
            /// 5m.
            pub max_age_jitter: Option<Wait>,
            /// Notice typed at its prompt before it is ended for its age or its fields, so that it
            /// can hand off: it then has until it is idle again, and at most `drain`. A template.
            /// Default: none.
            pub handoff: Option<String>,
            /// Least time between two planned restarts. Default: 1h.
            pub handoff_gap: Option<Wait>,
            /// How long a planned restart waits for it to fall idle. Default: 5m.
            pub drain: Option<Wait>,
            /// Quiet for this long is too quiet. Default: 30m.
            pub idle_limit: Option<Limit>,
            /// What happens to a service that is too quiet. Default: `report`.
            pub on_idle: Option<OnIdle>,
            /// What is typed into it with `on_idle = "nudge"`, at most once in `idle_limit`. A
            /// template. Default: `Continue with your work, or say what blocks you.`
            pub idle_nudge: Option<String>,
            /// What happens once its usage limit has ended while the screen still shows it.
            /// Default: `nothing`.
            pub on_limit_end: Option<OnLimitEnd>,
            /// What is typed into it with `on_limit_end = "nudge"`. A template. Default:
            /// `Your usage limit has ended. Go on where you left off.`
            pub limit_nudge: Option<String>,
            /// A busy screen frozen for this long is stuck. Default: 10m.
            pub stuck_after: Option<Limit>,
            /// Resident memory of its whole process tree above which it is restarted. Default: off.
            pub max_memory: Option<Memory>,
            /// What happens when it runs with other fields than declared. Default:
            /// `restart-when-idle`.
            pub on_drift: Option<OnDrift>,
            /// What an attached client means for it. Default: `hold`.
            pub when_attached: Option<WhenAttached>,
            /// How long it may take to end after TERM, and its launcher's `stop` to end it.
            /// Default: 30s.
            pub stop_grace: Option<Wait>,
            /// A file of instructions, written for its agent into its directory at each start, as
            /// `CLAUDE.md` (for gemini `GEMINI.md`, for all others `AGENTS.md`). What was edited
            /// there stays, and they are written beside it. A changed one restarts nothing. A
            /// template. Default: none.
            pub instructions: Option<String>,
            /// Whether it is expired without `--prune` once it is no longer declared. Default:
            /// false.
            pub prune: Option<bool>,
            /// How its completion is recognised.
            pub completion: Option<Completion>,
            /// Pacing of restarts after crashes.
            pub backoff: Option<Backoff>,
            /// Bounds on its kept output.
            pub logs: Option<Logs>,
        }
    };
}

session_table! {
    /// A session, or what all sessions have unless their role or they themselves say otherwise.
    SessionTable {
        /// Its role: `witness`, `refinery`, `mayor`, `deacon`, `crew`, `polecat`, `custom` or one
        /// of `[roles.x]`. Default: `custom`, when `session` is given.
        role: String,
    }
}

session_table! {
    /// A role: what its sessions have unless they themselves say otherwise.
    RoleTable {
        /// Argv that starts a session of this role; run in the town's root, without a shell. An
        /// element with `{agent}` is only given where the manifest names an agent. Templates.
        /// Default: that of `gt`, for roles it knows.
        start: Vec<String>,
        /// Argv that stops a session of this role. Templates. Default: that of `gt`, for roles it
        /// knows; `[]`, or none beside a `start` of one's own: gtctl ends its processes.
        stop: Vec<String>,
        /// Argv that restarts a session of this role. Templates. Not used where the manifest names
        /// an agent that `start` is told and it is not. Default: that of `gt` for the mayor, the
        /// deacon and crews; else `stop`, then `start`.
        restart_command: Vec<String>,
        /// Argv that hands a text over to a session of this role; the text is its last argument.
        /// Templates. Default: that of `gt`, for roles it knows; else gtctl types it.
        nudge: Vec<String>,
        /// Whether its `stop` leaves processes behind, so that gtctl ends them first. Default:
        /// `true` for refineries.
        leaves_orphans: bool,
    }
}

/// How completion is recognised.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { markers = [\"done\"], grace = \"5m\" }"
)]
pub struct Completion {
    /// What in the output says so. Default for tasks: `Claude exit code: 0`,
    /// `Agent completed successfully` and `"subtype":"success"`; for services none.
    pub markers: Option<Vec<Marker>>,
    /// How long a completed session stays, to be looked at, before it is expired. Default: 5m.
    pub grace: Option<Wait>,
    /// A log to watch instead of the pane's own output. A template. Default: none.
    pub log: Option<String>,
}

/// Pacing of restarts after crashes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { first = \"10s\", max = \"5m\" }"
)]
pub struct Backoff {
    /// Delay before the second restart in a row; the first is at once. `0s`: no delay ever.
    /// Default: 10s.
    pub first: Option<Wait>,
    /// The longest delay. Default: 5m.
    pub max: Option<Positive>,
    /// Up to this share of the delay is added, fixed per session and crash. Default: 0.25.
    pub jitter: Option<Share>,
    /// A run this long ends the row of crashes. Default: 10m.
    pub reset_after: Option<Positive>,
    /// This many crashes within `window` are a crash loop. Default: 5.
    pub burst: Option<NonZeroU32>,
    /// See `burst`. Default: 15m.
    pub window: Option<Positive>,
}

/// Bounds on a session's kept output.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { size = \"10MiB\", files = 5, keep = 20 }"
)]
pub struct Logs {
    /// Bytes per file. Default: 10MiB.
    pub size: Option<Size>,
    /// Files per generation. Default: 5.
    pub files: Option<NonZeroU32>,
    /// Generations kept. Default: 20.
    pub keep: Option<NonZeroU32>,
}
