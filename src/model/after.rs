//! `after`: what a session waits for before it starts.

use super::{Death, Hold, Period};

/// How far another session must be before a session starts that names it in `after`.
///
/// Only a start waits: the first start, a start after `gtctl stop`, and a start after the tmux
/// server was lost. A session that runs is never stopped because another one has gone. A restart
/// after a crash or for age waits for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// The milestone that it must have reached.
    pub milestone: Milestone,
    /// After this time a person is told. It is more than zero, in awake time from when the wait
    /// began. The wait goes on: gtctl never starts in a wrong order.
    pub within: Option<Period>,
}

/// How far a session must be before another one starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milestone {
    /// It runs, or it is a task that has run.
    Started,
    /// It runs and is ready, or it is a task that has ended well.
    Ready,
    /// It is a task that has ended well.
    Completed,
}

/// Why a session has not reached the milestone that others wait for.
#[derive(Debug, Clone, PartialEq)]
pub enum NotReady {
    /// It is about to start, or it has started and is not ready.
    Coming,
    /// It is a task that runs and has not completed.
    Runs,
    /// It is a task that has ended without success.
    Failed {
        /// How it ended. None if gtctl or a person has ended it, for its age, for idleness or by
        /// hand.
        death: Option<Death>,
    },
    /// It was stopped by hand.
    Stopped,
    /// The manifest has `enabled = false` for it.
    Disabled,
    /// It is outside of the hours in its `schedule`.
    OffSchedule,
    /// This look could not determine its state.
    Unknown,
    /// It is not declared.
    Undeclared,
    /// Its own start is held. In a chain of sessions that wait for each other, this is the first
    /// hold.
    Held(Box<Hold>),
    /// It has not reached the milestone in time.
    Late {
        /// The milestone that it should have reached.
        milestone: Milestone,
        /// The time that it had.
        within: Period,
        /// Why it has not.
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
            Self::Disabled => "disabled",
            Self::OffSchedule => "off-schedule",
            Self::Unknown => "unknown",
            Self::Undeclared => "undeclared",
            Self::Held(hold) => hold.code(),
            Self::Late { .. } => "late",
        }
    }

    /// Whether a person must act: it will not get there by itself, or it should be there by now.
    #[must_use]
    pub fn needs_somebody(&self) -> bool {
        match self {
            Self::Failed { .. }
            | Self::Stopped
            | Self::Disabled
            | Self::Undeclared
            | Self::Late { .. } => true,
            Self::Held(hold) => hold.needs_somebody(),
            Self::Coming | Self::Runs | Self::OffSchedule | Self::Unknown => false,
        }
    }

    /// Whether it will be ready soon if all goes well. Then waiting makes sense.
    #[must_use]
    pub fn is_on_its_way(&self) -> bool {
        match self {
            Self::Coming | Self::Runs => true,
            Self::Failed { .. }
            | Self::Stopped
            | Self::Disabled
            | Self::OffSchedule
            | Self::Unknown
            | Self::Undeclared
            | Self::Held(_)
            | Self::Late { .. } => false,
        }
    }
}
