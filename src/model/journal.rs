//! The journal: one [`Entry`] for each event, for people and programs to read later.

use super::Evidence;

/// One line of the journal. Its time is added when it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its importance.
    pub level: Level,
    /// The part of gtctl that writes it, such as `plan` or `act`.
    pub component: &'static str,
    /// What happened, for people. Not sanitised.
    pub message: String,
    /// The same for programs: `session`, `verb`, `outcome` and so on. Never `ts`, `level`,
    /// `component` or `message`.
    pub fields: Evidence,
}

/// The importance of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All is well.
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
