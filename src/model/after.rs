//! `after`: what a session waits for before it is started.

use super::{Death, Hold, Period};

/// What is asked of another session before the one that names it in `after` is started.
///
/// Only a start waits: the first one, the one after `gtctl stop`, and the one after the tmux server
/// was lost. A session that runs is never stopped because another one has gone, and one that comes
/// back (after a crash or for its age) waits for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// How far it must be.
    pub milestone: Milestone,
    /// After so long, more than zero and counted in awake time from when the wait began, somebody
    /// is told. The wait goes on: nothing is started in a wrong order.
    pub within: Option<Period>,
}

/// How far a session must be before another one is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milestone {
    /// It runs, or is a task that has run.
    Started,
    /// It runs and is ready, or is a task that has ended well.
    Ready,
    /// It is a task that has ended well.
    Completed,
}

/// Why a session that others wait for is not as far as they ask.
#[derive(Debug, Clone, PartialEq)]
pub enum NotReady {
    /// It is about to start, or has started and is not ready.
    Coming,
    /// A task that runs and has not completed.
    Runs,
    /// A task that has ended and has not done what it was for.
    Failed {
        /// How it ended; none when it was ended for its age, for its idleness or by hand.
        death: Option<Death>,
    },
    /// It was stopped by hand.
    Stopped,
    /// Nothing is known of it this time.
    Unknown,
    /// It is not declared.
    Undeclared,
    /// Its own start is held. Of a chain of sessions that wait for each other this is the first
    /// hold.
    Held(Box<Hold>),
    /// It was not as far in time.
    Late {
        /// How far it should be.
        milestone: Milestone,
        /// Within which time.
        within: Period,
        /// Why it is not.
        why: Box<NotReady>,
    },
}

impl NotReady {
    /// The stable code, for JSON and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Coming => "coming",
            Self::Runs => "runs",
            Self::Failed { .. } => "failed",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
            Self::Undeclared => "undeclared",
            Self::Held(hold) => hold.code(),
            Self::Late { .. } => "late",
        }
    }

    /// Whether somebody has to look: it does not come about by itself, or should have by now.
    #[must_use]
    pub fn needs_somebody(&self) -> bool {
        match self {
            Self::Failed { .. } | Self::Stopped | Self::Undeclared | Self::Late { .. } => true,
            Self::Held(hold) => hold.needs_somebody(),
            Self::Coming | Self::Runs | Self::Unknown => false,
        }
    }

    /// Whether it will be ready soon if all goes well, so that it is worth waiting for.
    #[must_use]
    pub fn is_on_its_way(&self) -> bool {
        match self {
            Self::Coming | Self::Runs => true,
            Self::Failed { .. }
            | Self::Stopped
            | Self::Unknown
            | Self::Undeclared
            | Self::Held(_)
            | Self::Late { .. } => false,
        }
    }
}
