//! The tables of `town.toml` as they are written: one type for each table.
//!
//! [`super::load`] turns them into a [`Town`](crate::model::Town). The doc comments of types and
//! fields are the descriptions in the JSON schema, so users read them in their editors.
//!
//! Every field is optional here, also one that a manifest must have. A missing field is then one
//! fault among others, and does not end the reading. The schema says which fields are required.

pub mod env_files;
pub mod groups;
pub mod session;
pub mod times;
pub mod tokens;
pub mod values;
pub mod words;

pub use session::{
    BackoffTable, CompletionTable, CoveredCompletionTable, DefaultsTable, LogsTable, ReadyTable,
    RoleTable, SessionTable,
};

use crate::model::SortedMap;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU32;
use times::{CronText, ZoneName};
use values::{Cost, Limit, MemoryLimit, Positive, Share, Starts, UnavailableValue, Wait};
use words::{Accept, Kind, Naming, Profile, Topic, WhenAttached};

/// The AI agent sessions wanted in tmux, declared for gtctl.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a manifest")]
#[cfg_attr(test, schemars(title = "town.toml"))]
pub struct Manifest {
    /// The town itself.
    #[cfg_attr(test, schemars(required))]
    pub town: Option<TownTable>,
    /// Other files that belong to the manifest: paths relative to this file. The name of the file
    /// can be a pattern with `*` and `?`. An included file is read as if its tables stood here.
    /// Where both give a value, this file wins; of two included files the later one. It cannot
    /// have `[town]`. Relative paths in it are relative to it. Default: none.
    pub include: Option<Vec<String>>,
    /// Defaults of all sessions; a role or a session can set other values.
    pub defaults: Option<DefaultsTable>,
    /// Roles by name: changes to the built-in ones, and new ones.
    pub roles: Option<SortedMap<String, RoleTable>>,
    /// Agents by name: changes to the built-in ones, and new ones.
    pub agents: Option<SortedMap<String, AgentTable>>,
    /// The hosts of the town, by name, for a town on several hosts. Every session then needs a
    /// `host`. Default: none; all sessions run where gtctl runs.
    pub hosts: Option<SortedMap<String, HostTable>>,
    /// The store that the hosts of the town share. With it sessions can move from host to host.
    /// Default: none; each session runs on the host that is named for it.
    pub store: Option<StoreTable>,
    /// The controller that keeps the town.
    pub controller: Option<ControllerTable>,
    /// Limits on what may happen at once.
    pub limits: Option<LimitsTable>,
    /// Notifications of the watching controller.
    pub notify: Option<NotifyTable>,
    /// The sessions wanted; at most 5,000.
    pub session: Option<Vec<SessionTable>>,
    /// Rules for sessions that others start: gtctl only expires these.
    pub policy: Option<Vec<PolicyTable>>,
    /// Chores: work that gtctl does at its own times, beside the sessions.
    pub chore: Option<Vec<ChoreTable>>,
}

/// The town itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a table with the town's fields")]
pub struct TownTable {
    /// Labels every session of the town and names its state directory: letters, digits, `_` and
    /// `-`, at most 64.
    #[cfg_attr(test, schemars(required))]
    pub name: Option<String>,
    /// The Gas Town root: gtctl reads `mayor/rigs.json` there. Default: none.
    pub root: Option<String>,
    /// The tmux server: `default`, a name (`tmux -L`), an absolute path (`tmux -S`), or `gastown`
    /// for the server that gt uses for the town at `root`. Default: `default`.
    pub socket: Option<String>,
    /// How Gas Town's sessions are named. Default: `rig`.
    pub naming: Option<Naming>,
    /// A named set of defaults. Default: `standard`.
    pub profile: Option<Profile>,
}

/// An agent program: how to start it, how to recognise it, what its screen shows, and how to end it.
///
/// The lists of phrases (`ready` to `title_ready`) are added to that agent's built-in ones; all other
/// lists replace them. `!` before a phrase removes a built-in one. A phrase matches at the start of a
/// line (after borders and marks) and up to the end of a clause. `*` matches any text, so a phrase
/// that begins with `*` matches anywhere.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a table of agent fields")]
pub struct AgentTable {
    /// The agent to copy: a field that is not given here has that agent's value, and phrases given
    /// here are added to that agent's. Default: the built-in agent whose program the command starts,
    /// also through `env`, `npx` or the like.
    pub like: Option<String>,
    /// The program and its arguments, run without a shell.
    pub command: Option<Vec<String>>,
    /// Names of its process. The name of an interpreter, such as `node`, is not enough: the script
    /// that it runs must have one of the other names, or be the command's script. Default: the names
    /// of the agent in `like`, and the last part of the command's first word.
    pub process_names: Option<Vec<String>>,
    /// Phrases on the screen that mean it shows its prompt; added to the built-in ones. Default:
    /// none.
    pub ready: Option<Vec<String>>,
    /// Phrases that mean it is busy; they count more than all others. Added to the built-in ones. Default:
    /// none.
    pub busy: Option<Vec<String>>,
    /// Phrases that mean it asks for permission; added to the built-in ones. Default:
    /// none.
    pub asks_permission: Option<Vec<String>>,
    /// Phrases that mean it asks whether to trust this folder, or another question of a first
    /// start; added to the built-in ones. Default: none.
    pub asks_trust: Option<Vec<String>>,
    /// Phrases that mean it is signed out; added to the built-in ones. Default: none.
    pub auth: Option<Vec<String>>,
    /// Phrases that mean a usage limit is reached; added to the built-in ones. Default: none.
    pub limit: Option<Vec<String>>,
    /// Phrases that mean its context is full; added to the built-in ones. Default: none.
    pub context: Option<Vec<String>>,
    /// Phrases that mean it retries a failed request itself; added to the built-in ones.
    /// Default: none.
    pub retrying: Option<Vec<String>>,
    /// Phrases in the title of its pane that mean it is busy, whatever prompt its screen shows;
    /// added to the built-in ones. A title counts only after it has changed, because an earlier
    /// program may have left it. Default: none.
    pub title_busy: Option<Vec<String>>,
    /// Phrases in the title of its pane that mean it asks something; added to the built-in ones.
    /// Default: none.
    pub title_asks: Option<Vec<String>>,
    /// Phrases in the title of its pane that mean it waits for a text, where its screen says
    /// nothing else; added to the built-in ones. Default: none.
    pub title_ready: Option<Vec<String>>,
    /// What a person types to sign it in again, such as `kimi login`; gtctl shows it and never runs it.
    /// Default: none.
    pub fix: Option<String>,
    /// tmux keys that make it quit. Default: none.
    pub quit: Option<Vec<String>>,
    /// tmux keys that submit a typed text. Default: `Enter`.
    pub submit: Option<Vec<String>>,
    /// tmux keys that clear its composer. gtctl presses them only on a text that it has typed itself
    /// and could not submit, until the text is gone. Empty: the text stays there. Default: `C-u`.
    pub clear: Option<Vec<String>>,
    /// A command (argv) that exits 0 if the agent is signed in. Default: none.
    pub probe: Option<Vec<String>>,
    /// Arguments that resume a conversation; `{id}` stands for its id. Default: none.
    pub resume: Option<Vec<String>>,
    /// Arguments that begin a conversation with an id that gtctl chooses; `{id}` stands for it.
    /// Default: none: gtctl learns the id from the client's reports.
    pub begin: Option<Vec<String>>,
    /// What an hour costs in which it lives, in a unit of yours, such as `0.75`. Only `gtctl report`
    /// uses it. Default: none.
    pub cost_per_hour: Option<Cost>,
    /// Whether the client reports to gtctl what the agent does. `auto`: where that changes nothing
    /// of the user's own. `on`: also for codex, where it takes a flag that trusts the user's own
    /// hooks, too. `off`: gtctl goes by screen and title alone. Default: `auto`.
    pub hooks: Option<words::HooksField>,
    /// Answers that gtctl gives to questions of its client, each once per question and at most 12 in
    /// an hour and session. Never to a sign-in, nor to a question for trust, nor while somebody is
    /// attached. `diff` shows each of them before it is given. Default: none.
    pub answer: Option<Vec<AnswerTable>>,
}

/// The answer to one question of an agent's client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a table with `when` and `choose`")]
pub struct AnswerTable {
    /// A text that the question, what stands above it, or one of its answers contains.
    #[cfg_attr(test, schemars(required))]
    pub when: Option<String>,
    /// A text that exactly one of its answers contains: that one is chosen.
    #[cfg_attr(test, schemars(required))]
    pub choose: Option<String>,
}

/// A host of the town. gtctl finds out which host it runs on by `--this-host`, by the variable
/// `GTCTL_HOST`, or by the machine's host name.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a table with `ssh`")]
pub struct HostTable {
    /// The destination for `ssh`, such as `me@build-1` or a name of your ssh configuration, which
    /// can also give the port and the key. Without it other hosts cannot reach this host. Default:
    /// none.
    pub ssh: Option<String>,
    /// The gtctl program there: a path that begins with `/` or `~/`, or a name. Default: `gtctl`,
    /// searched in the PATH there, in `~/.local/bin` and in `~/.cargo/bin`.
    pub gtctl: Option<String>,
    /// Where the manifest is there: a path that begins with `/` or `~/`. `gtctl apply` writes it.
    /// Default: `~/gtctl/TOWN/town.toml`, with the town's name.
    pub town: Option<String>,
}

/// The store that the hosts share: etcd. Where it is, and the certificate for it, stands in a file
/// of each host. These are the times by which a host counts as lost.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a table with the times of the store")]
pub struct StoreTable {
    /// How long the store keeps a host that does not show that it lives. At least
    /// `fence * 1.05 + 500ms`, so that what ran there is dead before it starts elsewhere. Default:
    /// 7s.
    pub lease: Option<Positive>,
    /// How long sessions that can move live on without a word from the store. Then the guard of
    /// their host ends them. At least `beat + 4s`, so that one lost call ends nothing. Default:
    /// 5500ms.
    pub fence: Option<Positive>,
    /// How often a host shows that it lives. Default: 1s.
    pub beat: Option<Positive>,
    /// How long a lost host's sessions wait before they start elsewhere. Default: 0s; for etcd
    /// before 3.4.31 and 3.5.13, which end leases too early, `fence * 1.05 + 500ms`.
    pub lock_delay: Option<Wait>,
}

/// The controller that keeps the town.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a table of controller fields")]
pub struct ControllerTable {
    /// Longest time between two checks. Default: the profile's; 15s in `standard`.
    pub resync: Option<Positive>,
    /// Where it writes or serves metrics: a file that ends in `.prom`, for the textfile collector of
    /// Prometheus' node exporter, or an address of this host alone, such as `127.0.0.1:9464`.
    /// Default: none.
    pub metrics: Option<String>,
    /// Where it serves the town's page: an address of this host alone, such as `127.0.0.1:7433`, or
    /// a unix socket, such as `unix:/run/user/1000/town.sock`. It only shows; `gtctl serve` can also
    /// act, show screens, and serve other hosts with a token. Default: none.
    pub web: Option<String>,
    /// For how long a running controller keeps a record of what it sees and decides, for `gtctl
    /// replay`. At most 256 MiB are kept. Default: none is kept.
    pub record: Option<Positive>,
}

/// Limits on what may happen at once.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a table of limits")]
pub struct LimitsTable {
    /// How many sessions may start at once before one has become ready. Default: 2.
    pub concurrent_starts: Option<NonZeroU32>,
    /// Starts per ten minutes in the whole town. Default: `auto`.
    pub starts: Option<Starts>,
    /// How many sessions may be down at once for planned restarts: a number, or a percentage of the
    /// declared sessions. A percentage is rounded down, but one is always allowed. Default: 10%.
    pub unavailable: Option<UnavailableValue>,
    /// Share of the town that gtctl may take down at once without a second check. Default: 30%.
    pub mass: Option<Share>,
    /// After so many losses of the tmux server within ten minutes, all steps wait. Default: 3.
    pub server_losses: Option<NonZeroU32>,
}

/// A command that gets the events of the watching controller. Each event of a session is sent once,
/// until it has ended.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a table with `command` and `on`")]
pub struct NotifyTable {
    /// A command (argv) that gets JSON on its standard input, one event at a time. It runs without a
    /// shell and has 10 s.
    #[cfg_attr(test, schemars(required))]
    pub command: Option<Vec<String>>,
    /// The events that it gets. Default: all.
    pub on: Option<Vec<Topic>>,
}

/// A rule for sessions that others start. gtctl labels each session without a label whose name
/// matches, whatever runs in it, and expires it at a limit. It never starts or restarts one. The first
/// policy that matches counts. No policy applies to declared sessions or to those of other towns.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a table of policy fields")]
pub struct PolicyTable {
    /// Pattern on the session's name: `*` and `?`.
    #[cfg_attr(test, schemars(required))]
    pub r#match: Option<String>,
    /// Expire at this age. Default: off.
    pub max_age: Option<Limit>,
    /// Expire when quiet for this long. Default: off.
    pub idle_limit: Option<Limit>,
    /// Expire when completed. Its `log` may contain `{session}`. Lines from before the session
    /// existed do not count, nor do lines that an older log had before the adoption. Default: never.
    pub completion: Option<CoveredCompletionTable>,
    /// Expire above this much resident memory. Default: off.
    pub max_memory: Option<MemoryLimit>,
    /// What to do while a client is attached. Default: `hold`.
    pub when_attached: Option<WhenAttached>,
    /// How long it may take to end after TERM. Default: 30s.
    pub stop_grace: Option<Wait>,
}

/// Chores: work that gtctl does at its own times, beside the sessions.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a table of chore fields")]
pub struct ChoreTable {
    /// What it does.
    #[cfg_attr(test, schemars(required))]
    pub kind: Option<Kind>,
    /// Its name: letters, digits, `_` and `-`; unique. Default: its kind, and for a nudge
    /// its session.
    pub name: Option<String>,
    /// How often it runs; `off` for never. Default: the profile's for its kind; required for
    /// `command`.
    pub every: Option<Limit>,
    /// The times at which it runs, in place of `every`, as five fields of cron: minute, hour, day of
    /// the month, month and day of the week, such as `0 9 * * 1-5`. After a time in which gtctl did
    /// not run, one run makes up for all that were missed. Default: none.
    pub at: Option<CronText>,
    /// The time zone of `at`, such as `Europe/Berlin`. Default: that of `[defaults]`, else the zone of
    /// the machine that gtctl runs on.
    pub timezone: Option<ZoneName>,
    /// How long it may take; then gtctl stops it. Default: 5m.
    pub timeout: Option<Positive>,
    /// How many of its logs are kept. Default: 50.
    pub keep: Option<NonZeroU32>,
    /// `analysis`, `command`: the command (argv), run without a shell. An analysis gets the town's
    /// state on its standard input, or in place of `{state}` in an argument.
    pub command: Option<Vec<String>>,
    /// The host that runs it. Default: the session's for a nudge, else that of `[defaults]`. Only
    /// for a town with `[hosts]`.
    pub host: Option<String>,
    /// `nudge`: the session to type into.
    pub session: Option<String>,
    /// `nudge`: the text to type. A text that begins with `!`, `/` or `#` gets a space before it, so
    /// that the agent's client does not take it for a command.
    pub text: Option<String>,
    /// `nudge`: whether such a text is a command of the client, such as `/compact`.
    /// Default: false.
    pub as_command: Option<bool>,
    /// `upstream`: the repository, as `owner/name`.
    pub repo: Option<String>,
    /// `analysis`: whether its answer may contain proposals. Default: false.
    pub propose: Option<bool>,
    /// `analysis`: what happens with its proposals. Default: `ask`.
    pub accept: Option<Accept>,
}
