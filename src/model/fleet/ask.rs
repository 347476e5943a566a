//! What somebody asks of a session whose host is another one.

use super::UnknownFields;
use crate::model::SessionName;
use crate::model::written::is_default;
use serde::{Deserialize, Serialize};

/// A wish for one session. Anybody may write it; the session's host answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetAsk {
    /// Its id, which is also the end of its key. Random; it has the alphabet of a session's name.
    pub id: String,
    /// What to do.
    pub verb: AskVerb,
    /// The session that is meant.
    pub session: SessionName,
    /// Who asks: `USER@HOST`, for people to read.
    pub actor: String,
    /// The text to type, for [`AskVerb::Nudge`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: Option<String>,
    /// Whether the text is a command of the agent's client, such as `/compact`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_command: bool,
    /// How long the text may wait for a free prompt: milliseconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub patience: u64,
    /// When it was asked: milliseconds since the Unix epoch, by the clock of who asks.
    pub asked: i64,
    /// What came of it, once its host has dealt with it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answer: Option<AskAnswer>,
    /// Fields of a newer gtctl.
    #[serde(flatten)]
    pub rest: UnknownFields,
}

/// What can be asked of a session on another host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskVerb {
    /// `gtctl start`.
    Start,
    /// `gtctl stop`.
    Stop,
    /// `gtctl down`.
    Down,
    /// `gtctl restart`.
    Restart,
    /// `gtctl restart --resume`.
    RestartResuming,
    /// `gtctl restart --fresh`.
    RestartFresh,
    /// `gtctl reset`.
    Reset,
    /// `gtctl nudge`.
    Nudge,
}

/// What came of a [`FleetAsk`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskAnswer {
    /// The exit code that the verb would have had on the session's host.
    pub exit: u8,
    /// What the verb would have printed there.
    pub message: String,
}
