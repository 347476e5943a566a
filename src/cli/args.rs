//! What can be typed.

mod begin;
mod change;
mod deferred;
mod examples;
mod host;
mod hosts;
mod look;
mod report;
mod select;
mod serve;
mod text;
mod typed;
mod wait;
mod words;

pub(super) use begin::{Doctor, Init};
pub(super) use change::{
    Adopt, Apply, Down, Expire, MoveServer, OrderArgs, Reconcile, Restart, Sessions, Waiting,
};
pub(super) use host::{Completions, GuardVerb, Install, Man, Schema, Service, Sink, Uninstall};
pub(super) use hosts::{Hosts, HostsVerb, Receive};
pub(super) use look::{
    Diff, Events, Explain, Forecast, Logs, Record, Replay, Session, Status, Top,
};
pub(super) use report::Report;
pub(super) use select::Select;
pub(super) use serve::Serve;
pub(super) use text::{Answer, Nudge};
pub(super) use wait::{For, Wait};
pub(super) use words::{Words, is_path};

use super::complete;
use crate::remote::PROTOCOL;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use deferred::Deferred;
use std::path::PathBuf;

/// Printed below the help.
const EXAMPLES: &str = "\
Examples:
  gtctl init                      write a first town.toml
  gtctl validate                  check town.toml, every error at once
  gtctl diff                      what gtctl would do, and why
  gtctl apply                     do it, and wait until everything is ready
  gtctl status --watch            what every session is and what comes next
  gtctl reconcile --watch         keep the town as declared, until stopped
  gtctl serve                     the town as a web page
  gtctl report -o html > week.html
                                  what the last week was
  gtctl service install           run it under systemd
  gtctl -f examples/quickstart.toml apply

Exit codes:
  0 as declared, 1 failed, 2 changes pending (diff), not all well (verify) or
  not in time (wait),
  3 held or failed in part (apply), 4 another controller holds the town, 64 wrong usage";

/// Keep the tmux sessions of your AI agents as you declared them.
///
/// gtctl reads town.toml, looks at what tmux really has, and starts, restarts or expires sessions
/// until both agree.
#[derive(Debug, Parser)]
#[command(
    name = "gtctl",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
#[command(after_help = EXAMPLES)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// Flags that every verb takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every verb")]
pub(super) struct Global {
    /// The manifest [default: town.toml here, or above up to the home or the repository's root]
    #[arg(
        short,
        long,
        global = true,
        value_name = "TOWN",
        env = "GTCTL_FILE",
        hide_env_values = true
    )]
    pub(super) file: Option<PathBuf>,
    /// The tmux server: "default", a name (tmux -L) or an absolute path (tmux -S); overrides the
    /// manifest [env: `GTCTL_SOCKET`]
    #[arg(long, global = true, value_name = "SOCKET", hide_short_help = true)]
    pub(super) socket: Option<String>,
    /// Which host of the manifest this machine is [default: the one with the machine's host name]
    /// [env: `GTCTL_HOST`]
    #[arg(long, global = true, value_name = "HOST")]
    pub(super) this_host: Option<String>,
    /// How this host reaches the store of the town [default: gtctl/host.toml in the user's
    /// configuration directory]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "GTCTL_HOST_FILE",
        hide_env_values = true,
        hide_short_help = true
    )]
    pub(super) host_file: Option<PathBuf>,
    /// Only these hosts of the manifest; several are separated by commas
    #[arg(long, global = true, value_name = "HOST", value_delimiter = ',')]
    pub(super) on: Vec<String>,
    #[command(flatten)]
    pub(super) asked: AskedByHost,
    /// Where gtctl keeps its state [default: a folder with the town's name in the user's state
    /// directory]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "GTCTL_STATE_DIR",
        hide_env_values = true,
        hide_short_help = true
    )]
    pub(super) state_dir: Option<PathBuf>,
    /// How to print results
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value = "text",
        hide_possible_values = false
    )]
    pub(super) output: Output,
    /// When to use colour; `NO_COLOR` turns it off
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        hide_short_help = true
    )]
    pub(super) color: ColorChoice,
    /// How to print errors [default: human; json with `-o json`]
    #[arg(long, global = true, value_enum, hide_short_help = true)]
    pub(super) message_format: Option<MessageFormat>,
    /// Print what gtctl does to standard error; -vv prints each tmux command too
    #[arg(short, long, global = true, action = clap::ArgAction::Count, hide_short_help = true)]
    pub(super) verbose: u8,
    /// Print errors only
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        hide_short_help = true
    )]
    pub(super) quiet: bool,
    /// Accept a manifest that other users can write to
    #[arg(long, global = true, hide_short_help = true)]
    pub(super) trust: bool,
    /// Take the town from another manifest or other settings that control it now; their controller
    /// exits
    #[arg(long, global = true, hide_short_help = true)]
    pub(super) take_over: bool,
}

/// Flags that the gtctl of another host gives.
#[derive(Debug, Clone, Args)]
pub(super) struct AskedByHost {
    /// The protocol that it speaks
    #[arg(long, global = true, hide = true, value_parser = protocol)]
    pub(super) host_protocol: Option<u32>,
    /// Read the manifest from standard input, as if it were in its file
    #[arg(long, global = true, hide = true)]
    pub(super) manifest_from_stdin: bool,
}

/// Takes the protocol of this version alone.
fn protocol(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(PROTOCOL) => Ok(PROTOCOL),
        Ok(_) | Err(_) => Err(format!(
            "gtctl {} speaks protocol {PROTOCOL}",
            env!("CARGO_PKG_VERSION")
        )),
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Text,
    /// For people, with all details
    Wide,
    /// For programs; the shapes are in schema/
    Json,
    /// A manifest, of `config show` alone
    Toml,
    /// One page with a picture, of `report` alone
    Html,
    /// A picture, of `report` and `forecast` alone
    Svg,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How faults are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum MessageFormat {
    /// With the place in the file drawn
    Human,
    /// One JSON document with offsets
    Json,
}

/// A shell completes the names of sessions.
fn sessions() -> ArgValueCandidates {
    ArgValueCandidates::new(complete::sessions)
}

/// A shell completes the names of chores.
fn chores() -> ArgValueCandidates {
    ArgValueCandidates::new(complete::chores)
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Start, restart and expire sessions until the town is as declared
    ///
    /// With sessions, only these and those that they wait for (`after`). Starts again what `down`
    /// has stopped.
    #[command(visible_alias = "up")]
    Apply(Deferred<Apply>),
    /// Show what apply would do and why; changes nothing
    ///
    /// Exits 0 when the town is as declared, and 2 when there is something to do or a step is
    /// waiting.
    Diff(Deferred<Diff>),
    /// Run one cycle; with --watch, run the controller
    Reconcile(Deferred<Reconcile>),
    /// Show what every session is, since when, and what comes next
    #[command(visible_aliases = ["ls", "ps"])]
    Status(Deferred<Status>),
    /// Show the town live: every session, what it needs, and keys to act on it
    ///
    /// Sessions that need somebody come first. `?` shows all keys. Needs a terminal.
    Top(Deferred<Top>),
    /// Show what will happen to the town if nothing interferes: the plan, hour by hour
    Forecast(Deferred<Forecast>),
    /// Show what a controller has recorded, or write it into a file
    ///
    /// A controller records what it sees and decides where `[controller] record` says for how long.
    Record(Deferred<Record>),
    /// Run a manifest over a record: which decisions would have differed
    ///
    /// Exits 0 if all are the same, and 2 if any differs. Each decision is made from what really
    /// was then.
    Replay(Deferred<Replay>),
    /// Explain one session: why it is so, what comes next, and what differs from the defaults
    Explain(Deferred<Explain>),
    /// Clean up now: remove only sessions that the plan expires (completed, too old, too quiet)
    Expire(Deferred<Expire>),
    /// Start sessions by hand: end a stop, run a task again, forget crashes
    Start(Deferred<Sessions>),
    /// Stop sessions; they stay stopped until `gtctl start`
    Stop(Deferred<Sessions>),
    /// Stop the whole town, or a part of it: what starts last stops first
    ///
    /// Asks at a terminal. `gtctl up` starts the same sessions again. On a shared tmux server
    /// nothing else is touched.
    Down(Deferred<Down>),
    /// Restart sessions now, ignoring `handoff_gap`
    Restart(Deferred<Restart>),
    /// Forget the crashes of sessions, so that they can start at once
    Reset(Deferred<Sessions>),
    /// Run a chore now
    Chore {
        #[command(subcommand)]
        verb: ChoreVerb,
    },
    /// Move the town to another tmux server: the one that its socket names now
    ///
    /// Prints what it will do and asks at a terminal; without a terminal it needs --yes. It stops
    /// the town's sessions on the old server; the next `apply` starts them on the new one. Nothing
    /// else on the old server is changed. Stop the controller first.
    MoveServer(Deferred<MoveServer>),
    /// Pause the town: the controller changes nothing until `resume`
    Pause(Deferred<TownArg>),
    /// Resume the town: the controller acts again
    Resume(Deferred<TownArg>),
    /// Let gtctl manage a session that already exists
    ///
    /// A session that runs its declared agent gets labels and nothing else. With --replace, gtctl
    /// removes a session that holds only an idle shell, as tmux-resurrect leaves them after a
    /// reboot, and starts the declared one. Nothing may run in the shell, nobody may be attached,
    /// and the session must have one pane.
    Adopt(Deferred<Adopt>),
    /// Type a text at a session's prompt and submit it, once
    ///
    /// Waits while the session is busy. Never types into a question, a sign-in menu or a text that
    /// somebody is writing. Exits 0 when the agent has taken the text, and 3 when the text was
    /// refused, had to wait too long, or could not be submitted.
    Nudge(Deferred<Nudge>),
    /// Answer the question that a session asks, or show it
    ///
    /// Without an answer it shows the question and its answers. `yes` chooses the plain yes, never
    /// one that also answers later questions; `no` the one that refuses. Each key is pressed only
    /// while the screen still shows that very question. Questions that take a text or several
    /// answers are for `gtctl attach`, and a sign-in is never answered. Exits 0 when the question
    /// is gone, or was shown, and 3 when it was not answered or there is none.
    Answer(Deferred<Answer>),
    /// Attach to a session of the town
    Attach(Deferred<Session>),
    /// Print recent events, oldest first
    Events(Deferred<Events>),
    /// Print the output of a session, of this run or the previous one
    ///
    /// The output is plain text, without an agent's escape sequences, unless --raw is given.
    Logs(Deferred<Logs>),
    /// Check that no session is dead: one line each; exits 2 if any is dead, missing or unknown
    Verify(Deferred<Words>),
    /// Wait until sessions are ready, idle, completed, gone or converged; for scripts
    ///
    /// Waits until all of them are so at one look. It changes nothing, and needs no controller.
    /// Exits 0 when that is reached, 1 when a session does not get there by itself (it says why and
    /// what to type), and 2 when the time is over.
    Wait(Deferred<Wait>),
    /// Write a first town.toml for this machine
    ///
    /// Asks a few questions at a terminal, and none with --yes. Without an agent on PATH the
    /// sessions are plain shells. In a Gas Town it declares the town's own sessions. Overwrites
    /// nothing without --force.
    Init(Deferred<Init>),
    /// Check this machine and the town; prints the command that fixes each problem
    ///
    /// Without a manifest it checks only the machine. Exits 1 when a check fails, else 0; warnings
    /// do not count.
    Doctor(Deferred<Doctor>),
    /// Show the hosts of the town: which can be reached, their gtctl, manifest, sessions and agents
    ///
    /// For a town on several hosts. `hosts setup HOST` prints what to do on a host first, and
    /// `hosts push HOST` writes the manifest there. Exits 1 when a host was not reached.
    Hosts(Hosts),
    /// Write a manifest for what already runs: tmux sessions, a Gas Town, an automonitor
    ///
    /// With files of other tools it writes a manifest for the programs in them, and lists what has
    /// no place in a manifest.
    ///
    /// The manifest goes to --file (default: town.toml), or with `-f -` to standard output. No
    /// session is changed. With the written manifest, `diff` only adopts sessions. Sessions that
    /// gtctl does not understand for certain are listed as comments, not declared.
    Import(Deferred<Import>),
    /// Check the manifest and print every error in it
    Validate(Deferred<TownArg>),
    /// Show the manifest as it is in force
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Print the JSON schema of the manifest, or of a verb's JSON output
    Schema(Deferred<Schema>),
    /// Serve the town as a web page, as JSON and as metrics
    ///
    /// Read-only, and for this host alone, unless asked for more. It looks only while somebody
    /// reads. A controller serves the same page where `[controller] web` says.
    Serve(Deferred<Serve>),
    /// Report what every session was over a period: availability, restarts, hours, cost
    ///
    /// `-o html` and `-o svg` draw a timeline of every session, in one file without a script.
    Report(Deferred<Report>),
    /// Print metrics of the town in Prometheus text format
    ///
    /// A controller serves the same metrics where `[controller] metrics` says.
    Metrics(Deferred<TownArg>),
    /// Run the controller under systemd (or launchd)
    #[command(subcommand)]
    Service(Service),
    /// Print the completion script for a shell
    Completions(Deferred<Completions>),
    /// Print a manual page
    Man(Deferred<Man>),
    /// Write standard input to bounded log files; tmux runs this for each pane
    #[command(hide = true)]
    Sink(Deferred<Sink>),
    /// End what can move once this host has lost the store; the controller runs this
    #[command(hide = true)]
    Guard {
        /// What to do
        #[command(subcommand)]
        verb: GuardVerb,
    },
}

/// What can be done with a chore.
#[derive(Debug, Subcommand)]
pub(super) enum ChoreVerb {
    /// Run it now. If a controller runs, the controller runs it at its next check
    Run(ChoreRun),
}

/// What can be done with the manifest.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Show every table with all values filled in, and where each value comes from
    ///
    /// Prints TOML, with the origins as comments. Each session has its own values in full, so
    /// `[defaults]` is not shown. Values of `env` are not shown, because they may be secrets.
    Show(ConfigShow),
}

/// Flags of `config show`.
#[derive(Debug, Args)]
pub(super) struct ConfigShow {
    /// Only this session
    #[arg(value_name = "SESSION")]
    pub(super) session: Option<String>,
}

/// One chore.
#[derive(Debug, Args)]
pub(super) struct ChoreRun {
    /// The chore
    #[arg(value_name = "CHORE", add = chores())]
    pub(super) chore: String,
}

/// The manifest as an argument.
#[derive(Debug, Args)]
pub(super) struct TownArg {
    /// The manifest
    #[arg(value_name = "TOWN")]
    pub(super) town: Option<PathBuf>,
}

/// Flags of `import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// Files of other tools instead: tmuxinator, tmuxp, process-compose, a Procfile, systemd units
    #[arg(value_name = "FILE", conflicts_with = "root")]
    pub(super) files: Vec<PathBuf>,
    /// The Gas Town root [default: this directory or one above it that has mayor/town.json, else
    /// ~/gt]
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
    /// The town's name [default: as in mayor/town.json, else the root's own]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Replace an existing manifest
    #[arg(long)]
    pub(super) force: bool,
}
