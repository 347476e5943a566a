//! What can be typed.

mod alone;
mod begin;
mod host;

pub(super) use alone::parse as parse_alone;
pub(super) use begin::{Doctor, Init};
pub(super) use host::{Completions, Install, Man, Schema, Service, Sink};

use crate::model::Period;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Printed below the help.
const EXAMPLES: &str = "\
Examples:
  gtctl init                      write a first town.toml
  gtctl validate                  check town.toml, every fault at once
  gtctl diff                      what would be done, and why
  gtctl apply                     do it, and wait until all is ready
  gtctl status --watch            what every session is and what comes next
  gtctl reconcile --watch         keep the town as declared, for ever
  gtctl service install           have systemd do that
  gtctl -f examples/quickstart.toml apply

Exit codes:
  0 as declared, 1 failed, 2 changes pending (diff) or not all well (verify),
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
    /// The manifest [default: town.toml here]
    #[arg(short, long, global = true, value_name = "TOWN", env = "GTCTL_FILE")]
    pub(super) file: Option<PathBuf>,
    /// The tmux server: "default", a name (tmux -L) or an absolute path (tmux -S); overrides the
    /// manifest [env: `GTCTL_SOCKET`]
    #[arg(long, global = true, value_name = "SOCKET")]
    pub(super) socket: Option<String>,
    /// Where gtctl keeps what tmux forgets [default: a folder of the town's name in the user's
    /// state directory]
    #[arg(long, global = true, value_name = "DIR", env = "GTCTL_STATE_DIR")]
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
    /// When to use colour; the variable `NO_COLOR` is honoured
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(super) color: ColorChoice,
    /// How to print faults
    #[arg(long, global = true, value_enum, default_value = "human")]
    pub(super) message_format: MessageFormat,
    /// Say what is done, on standard error; twice for every call to tmux
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Print faults only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Read a manifest that others may write, too
    #[arg(long, global = true)]
    pub(super) trust: bool,
    /// Act on a town that another manifest, or other settings, keep at present; their controller
    /// then ends
    #[arg(long, global = true)]
    pub(super) take_over: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Text,
    /// For people, with everything
    Wide,
    /// For programs; the shapes are in schema/
    Json,
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

/// What can be done.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make it so: start, restart and expire until the town is as declared
    Apply(Apply),
    /// Show what apply would do and why; does nothing
    ///
    /// Exits 0 when the town is as declared and 2 when something is to be done or held.
    Diff(Diff),
    /// Run one cycle, or with --watch the controller
    Reconcile(Reconcile),
    /// Show what every session is, since when, and what comes next
    Status(Status),
    /// Show why one session is as it is: every rule's verdict, every setting and where it comes
    /// from, recent events
    Explain(Session),
    /// Clean up now: only what has completed or is too old, and only as the plan has it
    Expire(Expire),
    /// Start sessions by hand: lift a stop, run a task once more, forget crashes
    Start(Sessions),
    /// Stop sessions until they are started again
    Stop(Sessions),
    /// Give sessions a fresh process now, whatever their handoff gap says
    Restart(Sessions),
    /// Forget the crashes of sessions, so that nothing holds them on that account
    Reset(Sessions),
    /// Try out timed work
    Chore {
        #[command(subcommand)]
        verb: ChoreVerb,
    },
    /// Leave the tmux server that the town lives on for the one that its socket leads to now
    ///
    /// Says what it will do, and asks at a terminal; elsewhere it needs --yes. The town's sessions
    /// are ended on the old server, as by `stop`, and may begin on the new one at the next `apply`.
    /// Nothing else there is touched. A controller must be ended first.
    MoveServer(MoveServer),
    /// Let controllers only look, until `resume`
    Pause(TownArg),
    /// Let controllers act again
    Resume(TownArg),
    /// Make a session that is there already gtctl's, or give it the place of an idle shell with its
    /// name
    ///
    /// A session that runs its declared agent gets its labels and nothing else. With --replace a
    /// session that holds nothing but an idle shell, as savers of tmux sessions leave them after a
    /// reboot, is removed and the declared one started: nothing may run in the shell, nobody be
    /// attached, and it must have one pane.
    Adopt(Adopt),
    /// Type a text at a session's prompt and submit it, once
    ///
    /// Waits while the session works. Never types into a question, a sign-in menu or what somebody
    /// is writing. Exits 0 when the text has left the composer, and 3 when it was refused, is held
    /// up, or could not be submitted.
    Nudge(Nudge),
    /// Attach to a session of the town
    Attach(Session),
    /// Print what happened, oldest first
    Events(Events),
    /// Print what a session has printed, this life's or the one before
    ///
    /// Without --raw it is plain text: no escape sequence of an agent reaches the terminal.
    Logs(Logs),
    /// Check that no session is dead: one line each, exit 2 if any is not alive
    Verify(TownArg),
    /// Write a first town.toml, for what this machine has
    ///
    /// Asks a little at a terminal, and nothing with --yes or elsewhere. Without an agent on PATH
    /// the sessions are plain shells; where there is a Gas Town, they are its own. Overwrites
    /// nothing without --force.
    Init(Init),
    /// Check this machine and the town: what is wrong, and what to type to mend it
    ///
    /// Without a manifest only the machine is looked at. Exits 0 when nothing fails, warnings or
    /// not, and 1 when something does.
    Doctor(Doctor),
    /// Write a manifest for what already runs: sessions, Gas Town's own files, a running
    /// automonitor
    ///
    /// The manifest goes to --file (town.toml here), or with `-f -` to standard output. Nothing is
    /// touched: by what is written, `diff` has sessions to adopt and nothing else. What cannot be
    /// told for certain is listed, not declared.
    Import(Import),
    /// Check the manifest and print every fault in it
    Validate(TownArg),
    /// Print the JSON schema of the manifest, or of a verb's JSON output
    Schema(Schema),
    /// Print the town in numbers, in the text format of Prometheus
    ///
    /// A controller offers the same by itself, at the place that `[controller] metrics` names.
    Metrics(TownArg),
    /// Have the controller kept running by systemd, or by launchd
    #[command(subcommand)]
    Service(Service),
    /// Print what completes the command line in a shell
    Completions(Completions),
    /// Print a manual page
    Man(Man),
    /// Keep what comes in on standard input, within bounds: what tmux runs beside each pane
    #[command(hide = true)]
    Sink(Sink),
}

/// What can be done with a chore.
#[derive(Debug, Subcommand)]
pub(super) enum ChoreVerb {
    /// Run it now, whenever its time is; where a controller runs, that does it at its next look
    Run(ChoreRun),
}

/// One chore.
#[derive(Debug, Args)]
pub(super) struct ChoreRun {
    /// The chore
    #[arg(value_name = "CHORE")]
    pub(super) chore: String,
}

/// The manifest as an argument.
#[derive(Debug, Args)]
pub(super) struct TownArg {
    /// The manifest
    #[arg(value_name = "TOWN")]
    pub(super) town: Option<PathBuf>,
}

/// Orders beyond the manifest.
#[derive(Debug, Args)]
pub(super) struct OrderArgs {
    /// Expire sessions of this town that are no longer declared
    #[arg(long)]
    pub(super) prune: bool,
    /// Go on even if much of the town would be killed at once
    #[arg(long)]
    pub(super) allow_mass: bool,
}

/// Flags of `apply`.
#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    pub(super) town: TownArg,
    #[command(flatten)]
    pub(super) orders: OrderArgs,
    /// Carry out a plan saved by `diff --out`; refused when the world has moved since
    #[arg(long, value_name = "FILE")]
    pub(super) plan: Option<PathBuf>,
    /// Ask nothing before much of the town is restarted
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Carry out what analyses propose as well, as far as `diff` does not refuse it
    #[arg(long)]
    pub(super) accept: bool,
    /// Do not wait until what was started is ready
    #[arg(long)]
    pub(super) no_wait: bool,
    /// How long to wait in all [default: until nothing has come any further for 2m]
    #[arg(long, value_name = "DURATION")]
    pub(super) timeout: Option<Period>,
}

/// Flags of `diff`.
#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    pub(super) town: TownArg,
    #[command(flatten)]
    pub(super) orders: OrderArgs,
    /// Save the plan, for `apply --plan`
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

/// Flags of `reconcile`.
#[derive(Debug, Args)]
pub(super) struct Reconcile {
    #[command(flatten)]
    pub(super) town: TownArg,
    #[command(flatten)]
    pub(super) orders: OrderArgs,
    /// Stay, and keep the town as declared until told to end
    #[arg(long)]
    pub(super) watch: bool,
}

/// Flags of `status`.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Only these sessions
    #[arg(value_name = "SESSION")]
    pub(super) sessions: Vec<String>,
    /// Stay, and draw anew every second
    #[arg(long)]
    pub(super) watch: bool,
}

/// One session.
#[derive(Debug, Args)]
pub(super) struct Session {
    /// The session
    #[arg(value_name = "SESSION")]
    pub(super) session: String,
}

/// Some sessions.
#[derive(Debug, Args)]
pub(super) struct Sessions {
    /// The sessions
    #[arg(value_name = "SESSION", required = true)]
    pub(super) named: Vec<String>,
    /// Do not wait until it is done
    #[arg(long)]
    pub(super) no_wait: bool,
    /// How long to wait in all [default: until nothing has come any further for 2m]
    #[arg(long, value_name = "DURATION")]
    pub(super) timeout: Option<Period>,
}

/// Flags of `expire`.
#[derive(Debug, Args)]
pub(super) struct Expire {
    #[command(flatten)]
    pub(super) town: TownArg,
    #[command(flatten)]
    pub(super) orders: OrderArgs,
    /// How long to wait in all [default: until nothing has come any further for 2m]
    #[arg(long, value_name = "DURATION")]
    pub(super) timeout: Option<Period>,
}

/// A session to adopt.
#[derive(Debug, Args)]
pub(super) struct Adopt {
    /// The session
    #[arg(value_name = "SESSION")]
    pub(super) session: String,
    /// Take the place of an idle shell that has its name
    #[arg(long)]
    pub(super) replace: bool,
    /// Do not wait until it is done
    #[arg(long)]
    pub(super) no_wait: bool,
    /// How long to wait in all [default: until nothing has come any further for 2m]
    #[arg(long, value_name = "DURATION")]
    pub(super) timeout: Option<Period>,
}

/// A text for a session.
#[derive(Debug, Args)]
pub(super) struct Nudge {
    /// The session
    #[arg(value_name = "SESSION")]
    pub(super) session: String,
    /// The text; several words are joined by spaces
    #[arg(value_name = "TEXT", required = true)]
    pub(super) text: Vec<String>,
    /// How long to wait while the session works
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub(super) timeout: Period,
    /// A text that begins with `!`, `/` or `#` is a command of the agent's client; without this it
    /// is typed as a text
    #[arg(long)]
    pub(super) command: bool,
}

/// Flags of `move-server`.
#[derive(Debug, Args)]
pub(super) struct MoveServer {
    #[command(flatten)]
    pub(super) town: TownArg,
    /// End the sessions there without asking
    #[arg(short, long)]
    pub(super) yes: bool,
    /// How long the sessions may take to end
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub(super) timeout: Period,
}

/// Flags of `events`.
#[derive(Debug, Args)]
pub(super) struct Events {
    /// Only those of these sessions
    #[arg(value_name = "SESSION")]
    pub(super) sessions: Vec<String>,
    /// Stay, and print what comes
    #[arg(long)]
    pub(super) follow: bool,
    /// How many of the last to begin with
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(super) last: usize,
}

/// Flags of `import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The Gas Town root [default: this directory or one above it that has mayor/town.json, else
    /// ~/gt]
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
    /// The town's name [default: as in mayor/town.json, else the root's own]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Replace a manifest that is there already
    #[arg(long)]
    pub(super) force: bool,
}

/// Flags of `logs`.
#[derive(Debug, Args)]
pub(super) struct Logs {
    /// The session
    #[arg(value_name = "SESSION")]
    pub(super) session: String,
    /// Stay, and print what comes, over restarts too
    #[arg(long, short = 'F', conflicts_with = "previous")]
    pub(super) follow: bool,
    /// Of the life before the last
    #[arg(long)]
    pub(super) previous: bool,
    /// Only so many of the last lines to begin with
    #[arg(long, value_name = "N")]
    pub(super) last: Option<usize>,
    /// Every byte as it came; not to a terminal
    #[arg(long)]
    pub(super) raw: bool,
}
