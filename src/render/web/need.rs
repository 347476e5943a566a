//! How much a session needs somebody: the order of the page.

use crate::model::Phase;
use crate::render::view::{Event, Row};

/// How much a session needs a person, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// It waits for an answer.
    Waiting,
    /// It cannot go on by itself.
    Blocked,
    /// Its agent has ended, but should not have.
    Dead,
    /// A step waits for a person.
    Held,
    /// Nobody knows what it is.
    Unknown,
    /// It needs nobody.
    Nobody,
}

impl Need {
    pub(super) fn of(row: &Row<'_>) -> Self {
        match (row.phase, &row.event) {
            (Phase::Waiting(_), _) => Self::Waiting,
            (Phase::Blocked(_), _) => Self::Blocked,
            (Phase::Dead(_), _) => Self::Dead,
            (_, Event::Held(held)) if held.hold.needs_somebody() => Self::Held,
            (Phase::Unknown, _) => Self::Unknown,
            (_, _) => Self::Nobody,
        }
    }
}

/// The class of a row, and the mark that tells it without colour.
pub(super) fn look_of(row: &Row<'_>) -> (&'static str, &'static str) {
    if Need::of(row) == Need::Held {
        return ("blocked", "!");
    }
    match row.phase {
        Phase::Working | Phase::Background => ("working", "●"),
        Phase::Starting => ("starting", "◐"),
        Phase::Idle => ("idle", "○"),
        Phase::Waiting(_) => ("waiting", "?"),
        Phase::Blocked(_) => ("blocked", "!"),
        Phase::Dead(_) => ("dead", "✖"),
        Phase::Absent => ("off", "–"),
        Phase::Completed(_) => ("off", "✔"),
        Phase::Stopping => ("off", "◌"),
        Phase::Stopped => ("off", "■"),
        Phase::Unknown => ("unknown", "¿"),
        Phase::Foreign => ("off", "·"),
    }
}
