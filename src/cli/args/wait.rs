//! What can be typed for `wait`.

use super::sessions;
use crate::model::Period;
use clap::{Args, ValueEnum};

/// Flags of `wait`.
#[derive(Debug, Args)]
pub(in super::super) struct Wait {
    /// The sessions; only with `--for converged` there may be none: then the whole town
    #[arg(value_name = "SESSION", add = sessions())]
    pub(in super::super) sessions: Vec<String>,
    /// What to wait for
    #[arg(long = "for", value_enum, value_name = "CONDITION")]
    pub(in super::super) condition: For,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub(in super::super) timeout: Period,
}

/// What can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum For {
    /// Its agent runs, and has for `ready_after`; it may already be at work, or be waiting
    Ready,
    /// Its agent is at its prompt, and nothing that it has started works in the background
    Idle,
    /// The task has ended, and without an error
    Completed,
    /// The tmux server has no session of this name
    Gone,
    /// Nothing is to be done for it, and no step is waiting that would go on by itself
    Converged,
}
