//! `town.toml` as it is written: one type per table, every field optional, doc comments as the
//! schema's descriptions.
//!
//! Nothing here means anything yet; [`super::load`] turns it into [`crate::model::Town`]. Every
//! field is optional, so that a missing one is found with the other faults instead of ending the
//! reading; what is required says so in the schema.

pub mod session;
pub mod values;
pub mod words;

pub use session::{Backoff, Completion, Logs, RoleTable, SessionTable};

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use values::{Limit, Memory, Positive, Share, Starts, Unavailable, Wait};
use words::{Accept, Kind, Naming, Profile, Topic, WhenAttached};

/// The AI agent sessions wanted in tmux, declared for gtctl.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a manifest")]
#[schemars(title = "town.toml")]
pub struct Manifest {
    /// The town itself.
    #[schemars(required)]
    pub town: Option<TownTable>,
    /// What all sessions have unless their role or they themselves say otherwise.
    pub defaults: Option<SessionTable>,
    /// Roles by name: changes to the built-in ones, and new ones.
    pub roles: Option<BTreeMap<String, RoleTable>>,
    /// Agents by name: changes to the built-in ones, and new ones.
    pub agents: Option<BTreeMap<String, AgentTable>>,
    /// The controller that keeps the town.
    pub controller: Option<ControllerTable>,
    /// Bounds on what may happen at once.
    pub limits: Option<LimitsTable>,
    /// Whom the watching controller tells.
    pub notify: Option<NotifyTable>,
    /// The sessions wanted; at most 5,000.
    pub session: Option<Vec<SessionTable>>,
    /// Rules for sessions that others start: gtctl only ever expires these.
    pub policy: Option<Vec<PolicyTable>>,
    /// Timed work beside the sessions.
    pub chore: Option<Vec<ChoreTable>>,
}

/// The town itself.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table with the town's fields")]
pub struct TownTable {
    /// Labels every session of the town and names its state directory: letters, digits, `_` and
    /// `-`, at most 64.
    #[schemars(required)]
    pub name: Option<String>,
    /// The Gas Town root: where `mayor/rigs.json` is read. Default: none.
    pub root: Option<String>,
    /// Which tmux server: `default`, a name (`tmux -L`), an absolute path (`tmux -S`), or
    /// `gastown`: the one on which gt has the town at `root`. Default: `default`.
    pub socket: Option<String>,
    /// How Gas Town's sessions are named. Default: `rig`.
    pub naming: Option<Naming>,
    /// A named set of defaults. Default: `standard`.
    pub profile: Option<Profile>,
}

/// An agent program: how to start it, how to know it, what its screen says, and how it leaves.
///
/// The lists of phrases (`ready` to `title_ready`) are added to the built-in ones of that agent,
/// all others replace them; `!` before a phrase takes a built-in one out. A phrase stands at the
/// start of a line, borders and marks aside, and ends a clause; `*` stands for any text, so one
/// that begins with it stands anywhere.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table of agent fields")]
pub struct AgentTable {
    /// The agent whose tables it takes: every field that is not given here is that one's, and
    /// phrases given here are added to that one's. Default: the built-in agent whose program the
    /// command starts, also by `env`, `npx` or the like.
    pub like: Option<String>,
    /// The program and its arguments, run without a shell.
    pub command: Option<Vec<String>>,
    /// Names by which its process is known. The name of an interpreter, such as `node`, tells
    /// nothing: its script must have one of the other names, or be the command's. Default: those of
    /// the agent that it is like, and the last part of the command's first word.
    pub process_names: Option<Vec<String>>,
    /// Phrases on the screen that mean its prompt is there; added to the built-in ones. Default:
    /// none.
    pub ready: Option<Vec<String>>,
    /// Phrases that mean it works; they outrank all others. Added to the built-in ones. Default:
    /// none.
    pub busy: Option<Vec<String>>,
    /// Phrases that mean it asks whether it may do something; added to the built-in ones. Default:
    /// none.
    pub asks_permission: Option<Vec<String>>,
    /// Phrases that mean it asks whether it may work in this folder, or another question of a first
    /// start; added to the built-in ones. Default: none.
    pub asks_trust: Option<Vec<String>>,
    /// Phrases that mean it is signed out; added to the built-in ones. Default: none.
    pub auth: Option<Vec<String>>,
    /// Phrases that mean a usage limit is reached; added to the built-in ones. Default: none.
    pub limit: Option<Vec<String>>,
    /// Phrases that mean its context is full; added to the built-in ones. Default: none.
    pub context: Option<Vec<String>>,
    /// Phrases that mean it tries a failed request again by itself; added to the built-in ones.
    /// Default: none.
    pub retrying: Option<Vec<String>>,
    /// Phrases in the title of its pane that mean it works, whatever prompt its screen shows; added
    /// to the built-in ones. A title counts once it has changed since the agent was first seen:
    /// before, it may be of an earlier one. Default: none.
    pub title_busy: Option<Vec<String>>,
    /// Phrases in the title of its pane that mean it asks something; added to the built-in ones.
    /// Default: none.
    pub title_asks: Option<Vec<String>>,
    /// Phrases in the title of its pane that mean it waits for a text, where its screen says
    /// nothing else; added to the built-in ones. Default: none.
    pub title_ready: Option<Vec<String>>,
    /// What a person types to sign it in again, such as `kimi login`; shown in notices, never run.
    /// Default: none.
    pub fix: Option<String>,
    /// tmux keys by which it leaves of itself. Default: none.
    pub quit: Option<Vec<String>>,
    /// tmux keys that submit a typed text. Default: `Enter`.
    pub submit: Option<Vec<String>>,
    /// tmux keys that clear its composer, pressed only on a text that gtctl itself has typed there
    /// and that could not be submitted; pressed again while some of it is left. Empty: it is left
    /// there. Default: `C-u`.
    pub clear: Option<Vec<String>>,
    /// Argv that tells by its exit code whether the agent is signed in. Default: none.
    pub probe: Option<Vec<String>>,
    /// Arguments that resume a former conversation. Default: none.
    pub resume: Option<Vec<String>>,
}

/// The controller that keeps the town.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table of controller fields")]
pub struct ControllerTable {
    /// How long it sleeps at most between two looks. Default: the profile's; 15s in `standard`.
    pub resync: Option<Positive>,
    /// Where it offers metrics: a file that ends in `.prom`, for the textfile collector of
    /// Prometheus' node exporter; or an address of this host alone, such as `127.0.0.1:9464`.
    /// Default: nowhere.
    pub metrics: Option<String>,
}

/// Bounds on what may happen at once.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table of limits")]
pub struct LimitsTable {
    /// Sessions starting at once, before any has come up healthy. Default: 2.
    pub concurrent_starts: Option<NonZeroU32>,
    /// Starts per ten minutes in the whole town. Default: `auto`.
    pub starts: Option<Starts>,
    /// Sessions that may be down at once for planned restarts, as a number or a percentage of the
    /// declared sessions. A percentage is rounded down; one is always allowed. Default: 10%.
    pub unavailable: Option<Unavailable>,
    /// Share of the town that may be down at once by gtctl's own doing without a second look.
    /// Default: 30%.
    pub mass: Option<Share>,
    /// Losses of the tmux server within ten minutes after which the town is held. Default: 3.
    pub server_losses: Option<NonZeroU32>,
}

/// Whom the watching controller tells of what. Each event of a session is told once, until it has
/// ended.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table with `command` and `on`")]
pub struct NotifyTable {
    /// Argv that gets JSON on its standard input, one event at a time; it is run without a shell
    /// and has 10 s.
    #[schemars(required)]
    pub command: Option<Vec<String>>,
    /// The events it is run for. Default: all.
    pub on: Option<Vec<Topic>>,
}

/// A rule for sessions that others start: one without a label whose name matches is adopted by a
/// label, whatever runs in it, and ended when a limit says so. It is never started or restarted.
/// The first policy that matches counts; declared sessions and those of other towns are no policy's
/// business.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table of policy fields")]
pub struct PolicyTable {
    /// Pattern on the session's name: `*` and `?`.
    #[schemars(required)]
    pub r#match: Option<String>,
    /// Expire at this age. Default: off.
    pub max_age: Option<Limit>,
    /// Expire when quiet for this long. Default: off.
    pub idle_limit: Option<Limit>,
    /// Expire when completed. Its `log` may hold `{session}`. What a log said before the session
    /// was made does not count, nor does what an older log said before the adoption. Default:
    /// never.
    pub completion: Option<Completion>,
    /// Expire above this much resident memory. Default: off.
    pub max_memory: Option<Memory>,
    /// What an attached client means. Default: `hold`.
    pub when_attached: Option<WhenAttached>,
    /// How long it may take to end after TERM. Default: 30s.
    pub stop_grace: Option<Wait>,
}

/// Timed work beside the sessions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table of chore fields")]
pub struct ChoreTable {
    /// What it does.
    #[schemars(required)]
    pub kind: Option<Kind>,
    /// What to call it: letters, digits, `_` and `-`; unique. Default: its kind, and for a nudge
    /// its session.
    pub name: Option<String>,
    /// How often; `off` leaves it out. Default: the profile's for its kind; for `command` it must
    /// be given.
    pub every: Option<Limit>,
    /// How long it may take; what it runs is ended then. Default: 5m.
    pub timeout: Option<Positive>,
    /// How many of its logs are kept. Default: 50.
    pub keep: Option<NonZeroU32>,
    /// `analysis`, `command`: the argv to run, without a shell. An analysis gets the town's state
    /// on its standard input, or in place of `{state}` where an argument has that.
    pub command: Option<Vec<String>>,
    /// `nudge`: the session to type into.
    pub session: Option<String>,
    /// `nudge`: the text to type. One that begins with `!`, `/` or `#` gets a space before it, so
    /// that the agent's client does not take it for a command.
    pub text: Option<String>,
    /// `nudge`: whether such a text is meant as a command of the client's, such as `/compact`.
    /// Default: false.
    pub as_command: Option<bool>,
    /// `upstream`: the repository, as `owner/name`.
    pub repo: Option<String>,
    /// `analysis`: whether its answer may hold proposals. Default: false.
    pub propose: Option<bool>,
    /// `analysis`: what becomes of its proposals. Default: `ask`.
    pub accept: Option<Accept>,
}
