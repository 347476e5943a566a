//! How sessions are started and stopped: by gtctl itself, or by commands of another program such as
//! `gt`.

use super::bounds::cut_to_bytes;
use super::written::is_default;
use super::{Action, Desired, Generation, Moment, Period, ProcId, Rung, Verb};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The launcher that the manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Launcher {
    /// gtctl starts the agent itself, as the pane's own process.
    #[default]
    Tmux,
    /// Through the `gt` command line.
    Gt,
}

/// How a session is started, stopped and restarted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Launch {
    /// gtctl does it.
    #[default]
    Tmux,
    /// Commands do it. gtctl never trusts their output, only what it sees in tmux afterwards.
    Commands(Box<Commands>),
}

impl Launch {
    /// The commands, if there are any.
    #[must_use]
    pub fn commands(&self) -> Option<&Commands> {
        match self {
            Self::Tmux => None,
            Self::Commands(commands) => Some(commands),
        }
    }
}

/// How the first rung of a stop ([`Rung::Ask`]) asks a session of a launcher to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LauncherStop<'a> {
    /// This command of the launcher ends it.
    Command(StopCommand<'a>),
    /// gtctl sends TERM and gives the whole grace, because the command leaves processes behind. The
    /// command is run afterwards.
    TermThenCommand(StopCommand<'a>),
    /// gtctl sends TERM and gives the whole grace: the launcher has no command for it.
    Term,
}

/// A command of a launcher that ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopCommand<'a> {
    /// Program and arguments.
    pub argv: &'a [String],
    /// How long it may take.
    pub limit: Period,
    /// Whether it also begins the next run.
    pub restarts: bool,
}

/// The commands of one session. Each is an argv that runs in `dir`, without a shell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commands {
    /// Starts the session. Never empty.
    pub start: Vec<String>,
    /// Ends the session. If empty, gtctl ends the process tree itself.
    pub stop: Vec<String>,
    /// Gives the session a fresh process. If empty, `stop` runs and then `start`.
    pub restart: Vec<String>,
    /// Gives the session a text, which is added as the last argument. If empty, gtctl types the
    /// text.
    pub nudge: Vec<String>,
    /// The directory that they run in, absolute: the Gas Town root, or the manifest's directory.
    pub dir: PathBuf,
    /// The agent that the manifest names. The commands are told it.
    pub agent: Option<String>,
    /// Whether `stop` leaves processes behind. If so, gtctl ends the tree itself before it runs
    /// `stop`.
    pub leaves_orphans: bool,
    /// How long `start` and `restart` may take.
    pub start_timeout: Period,
    /// How long `stop` may take. Processes that it leaves get the same time after TERM.
    pub stop_timeout: Period,
}

impl Commands {
    /// How long a nudge may take.
    pub const NUDGE_TIMEOUT: Period = Period::from_secs(30);

    /// The commands for a verb, in order.
    #[must_use]
    pub fn for_verb(&self, verb: Verb) -> Vec<&[String]> {
        let all: &[&[String]] = match verb {
            Verb::Start => &[&self.start],
            Verb::Restart if self.restart.is_empty() => &[&self.stop, &self.start],
            Verb::Restart => &[&self.restart],
            Verb::Expire => &[&self.stop],
            Verb::Adopt | Verb::Rename | Verb::Nudge | Verb::SendEscape | Verb::Answer => &[],
        };
        all.iter()
            .copied()
            .filter(|argv| !argv.is_empty())
            .collect()
    }

    /// How a stop for this verb asks the session to end.
    ///
    /// For example, with `stop` and no `restart` command a restart is asked for by `stop`.
    #[must_use]
    pub fn stop_by(&self, verb: Verb) -> LauncherStop<'_> {
        let restarts = verb == Verb::Restart && !self.restart.is_empty();
        let (argv, limit) = if restarts {
            (&self.restart, self.start_timeout)
        } else {
            (&self.stop, self.stop_timeout)
        };
        let command = StopCommand {
            argv,
            limit,
            restarts,
        };
        if argv.is_empty() {
            LauncherStop::Term
        } else if self.leaves_orphans {
            LauncherStop::TermThenCommand(command)
        } else {
            LauncherStop::Command(command)
        }
    }

    /// How long all commands for a verb may take, with the time that gtctl needs to end processes.
    #[must_use]
    pub fn limit(&self, verb: Verb) -> Period {
        let stop = self.stop_timeout.plus(self.stop_timeout);
        match verb {
            Verb::Start => self.start_timeout,
            Verb::Restart => self.start_timeout.plus(stop),
            Verb::Expire => stop,
            Verb::Adopt | Verb::Rename | Verb::Nudge | Verb::SendEscape | Verb::Answer => {
                Period::ZERO
            }
        }
    }
}

impl Desired {
    /// The commands that start and stop it. None if gtctl does that itself.
    #[must_use]
    pub fn commands(&self) -> Option<&Commands> {
        self.launch.commands()
    }
}

impl Action {
    /// The commands by which it is carried out, beside the cycles. None where gtctl carries it out
    /// itself: the signals of a stop, and the removal of what has ended.
    #[must_use]
    pub fn commands(&self) -> Option<&Commands> {
        match self {
            Self::Start { desired, .. }
            | Self::Restart {
                desired,
                rung: Rung::Ask | Rung::Finish,
                ..
            } => desired.commands(),
            Self::Expire {
                launch,
                rung: Rung::Ask,
                ..
            } => launch.commands(),
            Self::Restart {
                rung: Rung::Term | Rung::Kill,
                ..
            }
            | Self::Expire {
                rung: Rung::Term | Rung::Kill | Rung::Finish,
                ..
            }
            | Self::Adopt { .. }
            | Self::Rename { .. }
            | Self::Nudge { .. }
            | Self::SendEscape { .. }
            | Self::Answer(_) => None,
        }
    }

    /// The commands of its launcher that are still to be run, in order. What was asked to end
    /// already is only started.
    #[must_use]
    pub fn launcher_jobs(&self) -> Vec<&[String]> {
        let (commands, verb) = match self {
            Self::Restart {
                desired,
                rung: Rung::Ask,
                ..
            } => (desired.commands(), Verb::Restart),
            Self::Start { desired, .. }
            | Self::Restart {
                desired,
                rung: Rung::Term | Rung::Kill | Rung::Finish,
                ..
            } => (desired.commands(), Verb::Start),
            Self::Expire { launch, rung, .. } => {
                let asks = launch.commands().filter(|_| *rung == Rung::Ask);
                (asks, Verb::Expire)
            }
            Self::Adopt { .. }
            | Self::Rename { .. }
            | Self::Nudge { .. }
            | Self::SendEscape { .. }
            | Self::Answer(_) => return Vec::new(),
        };
        commands
            .map(|commands| commands.for_verb(verb))
            .unwrap_or_default()
    }
}

/// A start, stop or restart by commands that runs beside the cycles. It is written down before it
/// starts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LauncherJob {
    /// What it does.
    pub verb: Verb,
    /// The run that it begins or, for a stop, ends.
    pub generation: Generation,
    /// When it started.
    pub begun: Moment,
    /// The last planned restart before it. It counts again if the commands touched nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub handoff: Option<Moment>,
    /// The controller that waits for it.
    pub by: Option<ProcId>,
}

/// Why the last start, stop or restart by commands failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// When it failed.
    pub at: Moment,
    /// The reason, in the words of the command if there are any. Not sanitised, at most
    /// [`Complaint::MAX`] bytes.
    pub said: String,
}

impl Complaint {
    /// The longest reason, in bytes.
    pub const MAX: usize = 2 << 10;

    /// A complaint, cut to its bound.
    #[must_use]
    pub fn new(at: Moment, said: &str) -> Self {
        let mut said = said.to_owned();
        cut_to_bytes(&mut said, Self::MAX);
        Self { at, said }
    }
}
