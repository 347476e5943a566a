//! The fields of a session, which `[defaults]`, `[roles.x]` and `[[session]]` share.
//!
//! A macro writes the fields into both types. serde's `flatten` would be shorter, but its errors do
//! not say in which field they are.

use super::env_files::EnvFiles;
use super::groups::{After, HostValue, RigList};
use super::times::{Hours, ZoneName};
use super::tokens::{ContextShare, TokenLimit};
use super::values::{Limit, MarkerValue, MemoryLimit, Positive, Share, Size, Wait};
use super::words::{
    Launcher, OnDrift, OnHostLoss, OnIdle, OnLimitEnd, OnUpgrade, Restart, Resume, WhenAttached,
};
use crate::model::SortedMap;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU32;

macro_rules! session_table {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[cfg_attr(test, derive(JsonSchema))]
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
            /// Whether it runs. With `false` it stays declared, but gtctl stops it as soon as it is
            /// idle, after `drain` at the latest, and does not start it. Sessions that wait for it
            /// wait on. Default: true.
            pub enabled: Option<bool>,
            /// The hours in which it runs, such as `Mon-Fri 08:00-18:00`, `Mon-Fri 08:00-12:00,
            /// 13:00-18:00` or `22:00-06:00`; `always` for no such limit. Outside of them gtctl stops
            /// it as soon as it is idle, after `drain` at the latest, and does not start it.
            /// Default: `always`.
            pub schedule: Option<Hours>,
            /// The time zone of `schedule`, such as `Europe/Berlin`. Default: the zone of the
            /// machine that gtctl runs on.
            pub timezone: Option<ZoneName>,
            /// The host that it runs on, one of `[hosts.x]`. Required, here or in its role or in
            /// `[defaults]`, in a town with `[hosts]` and without `[store]`. With `[store]` it can
            /// also be `"any"` for each host, or `{ label = "gpu" }` for each with that label.
            /// Default: `"any"` with `[store]`, else the host that gtctl runs on.
            pub host: Option<HostValue>,
            /// What happens when its host is lost. `move` starts it on another host, so it also
            /// ends where it is when that host has lost the store. `stay` never moves it. It needs
            /// `[store]`. Default: `move` if it has a `prepare` and no fixed host, else `stay`,
            /// because its directory may not be on other hosts.
            pub on_host_loss: Option<OnHostLoss>,
            /// The program and its arguments, run without a shell, that make its directory ready
            /// before its first start on a host. It must succeed. It needs `[store]`. Templates.
            /// Default: none.
            pub prepare: Option<Vec<String>>,
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
            pub env: Option<SortedMap<String, String>>,
            /// A file of `KEY=VALUE` lines, read at each start, for secrets; or a list of at most
            /// 16, where a later file wins, and `env` over all. `{ path = "local.env", optional = true }`
            /// may be missing. The form is that of Docker Compose's `.env`. `${NAME}` and
            /// `${NAME:-text}` stand for variables of earlier lines, earlier files and `env`, never
            /// for those of gtctl itself; single quotes and `\${` keep the text. A named pipe must
            /// answer within 2 s. Templates. Default: none.
            pub env_file: Option<EnvFiles>,
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
            /// error. `"role:db"` means all sessions of a role, and `"gt-*-witness"` all that match;
            /// a session never waits for itself by these. Names are templates. `{ session = "db", when = "started", within = "2m" }` names another condition,
            /// and after how long gtctl reports the wait. Only starts wait: gtctl never stops a
            /// session for this, and a restart after a crash or at `max_age` does not wait.
            /// Default: none.
            pub after: Option<Vec<After>>,
            /// How long its process must run to count as ready. Default: 5s.
            pub ready_after: Option<Wait>,
            /// What must have passed once, beside `ready_after`, before it counts as ready:
            /// `{ log = "listening on" }`, `{ command = ["pg_isready"] }` or `{ port = 8080 }`. Until
            /// then it is `starting`. A probe that fails ends nothing. The table of a session
            /// replaces that of its role and of `[defaults]`. Default: none.
            pub ready: Option<ReadyTable>,
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
            /// How long a planned restart, or its move to another host, waits for it to become
            /// idle. Default: 5m.
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
            /// Once one run has used so many tokens, in all its conversations together, it is
            /// restarted with a new conversation, as at `max_age`. Of a resumed conversation only
            /// the tokens of this run count. It applies to clients that tell what they use: claude
            /// and codex. Default: off.
            pub max_tokens: Option<TokenLimit>,
            /// Once so much of its context is in use, it is restarted with a new conversation, as
            /// at `max_age`: so it can hand off its work before the context is full. A percentage
            /// applies to codex, which tells how large its context is; a number of tokens to
            /// claude and codex. Default: off.
            pub max_context: Option<ContextShare>,
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
    /// The defaults of all sessions.
    DefaultsTable {
        /// The role of sessions that give none: `witness`, `refinery`, `mayor`, `deacon`, `crew`,
        /// `polecat`, `custom` or one of `[roles.x]`. Default: `custom`, for sessions with a
        /// `session` name.
        role: String,
    }
}

session_table! {
    /// A session, or several that differ in their rig, their name or their number.
    SessionTable {
        /// Its role: `witness`, `refinery`, `mayor`, `deacon`, `crew`, `polecat`, `custom` or one
        /// of `[roles.x]`. Default: `custom`, when `session` is given.
        role: String,
        /// Makes so many sessions: `{n}` is the number of each, from 1, and its own name is
        /// `{name}-{n}`, or `{n}` without a `name`. With `names` or `rigs`: so many for each of
        /// these. Default: one session, without a number.
        count: NonZeroU32,
        /// Makes one session for each of these names, in place of `name`. Default: none.
        names: Vec<String>,
        /// Its former names, for a session that you rename. gtctl gives the session of such a name
        /// its new name, and its process goes on. Logs and history follow. Without this, the session
        /// of the former name is no longer declared, and a second one is started. Nothing is done to
        /// either while sessions of both names exist. Not for sessions of a launcher. Templates.
        /// Default: none.
        moved: Vec<String>,
        /// Makes one session for each of these rigs, in place of `rig`; `"all"` for every rig in
        /// the root's `mayor/rigs.json`. Default: none.
        rigs: RigList,
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

/// How gtctl finds out that a session is ready: exactly one of `log`, `command` and `port`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { log = \"listening on\" } or { port = 8080 }"
)]
pub struct ReadyTable {
    /// A text that must be in one line of its output since its start. gtctl searches the last 4 MiB
    /// of its two newest log files.
    pub log: Option<String>,
    /// A command (argv) that must exit with 0 within 5 s. It runs without a shell, with the
    /// session's directory and environment. Templates.
    pub command: Option<Vec<String>>,
    /// A port, 1 to 65535, on which 127.0.0.1 must accept a connection within 500 ms.
    #[cfg_attr(test, schemars(range(min = 1, max = 65535)))]
    pub port: Option<u16>,
    /// The least time between two tries, at least 200ms. Default: 1s.
    pub every: Option<Positive>,
}

/// How gtctl recognises that a session has completed.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
