//! What is written down for people and programs to read later: one [`Entry`] per event.

use super::Evidence;

/// One line of the journal. Its time is given when it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// How much it matters.
    pub level: Level,
    /// Which part of gtctl says so, such as `plan` or `act`.
    pub component: &'static str,
    /// What happened, for people; unsanitised.
    pub message: String,
    /// The same for programs: `session`, `verb`, `outcome` and so on; never `ts`, `level`,
    /// `component` or `message`.
    pub fields: Evidence,
}

/// How much an entry matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Info,
    /// Somebody should know.
    Warn,
    /// Somebody should act.
    Error,
}

impl Level {
    /// The word in the journal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}
