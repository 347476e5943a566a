//! Pages of one line: what is said beside a result, events, and lines of a log.

use super::VERSION;
use crate::model::SortedMap;
use crate::model::{Generation, SessionName};
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Why a verb failed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct TroublePage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `trouble`.
    pub kind: String,
    /// What went wrong, with its causes.
    pub message: String,
    /// What to type next.
    pub help: Option<String>,
    /// The exit code of the verb.
    pub exit: u8,
}

/// A note or a warning beside a result.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct RemarkPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `note` or `warning`.
    pub kind: String,
    /// What gtctl says.
    pub message: String,
}

/// An event of the journal.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct EventPage {
    /// When it happened, RFC 3339 in UTC, to the second.
    pub ts: String,
    /// `INFO`, `WARN` or `ERROR`.
    pub level: String,
    /// The part of gtctl that tells of it.
    pub component: String,
    /// A sentence for people. Its words may change.
    pub message: String,
    /// The session that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Further values, by name.
    #[serde(flatten)]
    pub fields: SortedMap<String, Value>,
}

/// A line of a session's log.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct LogPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `log`.
    pub kind: String,
    /// The session's name.
    pub session: String,
    /// The generation of the run that has printed it.
    pub generation: u64,
    /// The line, without escape sequences.
    pub line: String,
}

/// A line of a session's log. The text is clean.
#[must_use]
pub fn log(session: &SessionName, generation: Generation, line: String) -> LogPage {
    LogPage {
        version: VERSION,
        kind: "log".to_owned(),
        session: session.to_string(),
        generation: generation.0,
        line,
    }
}

/// Why a verb failed. The texts are clean.
#[must_use]
pub fn trouble(message: String, help: Option<String>, exit: u8) -> TroublePage {
    TroublePage {
        version: VERSION,
        kind: "trouble".to_owned(),
        message,
        help,
        exit,
    }
}

/// A note or a warning. The text is clean.
#[must_use]
pub fn remark(kind: &str, message: String) -> RemarkPage {
    RemarkPage {
        version: VERSION,
        kind: kind.to_owned(),
        message,
    }
}
