//! What is known of an agent's conversation, so that it can go on where it was.

use super::written::is_default;
use super::{ConversationId, Generation};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// When a fresh process resumes the conversation of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum ResumePolicy {
    /// After a crash, a lost server or a reboot. A planned restart begins afresh.
    #[default]
    AfterCrash,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What somebody who asks for a restart wants of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskedConversation {
    /// That it goes on.
    Resume,
    /// A new one.
    Fresh,
}

/// The last conversation of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownConversation {
    /// Its id.
    pub id: ConversationId,
    /// The incarnation in which it was held last.
    pub generation: Generation,
    /// Whether it holds a turn.
    pub turns: Turns,
    /// Whether that incarnation was started to resume it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resumed: bool,
    /// Whether gtctl has ended it as planned: it is over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub over: bool,
}

/// Whether a conversation holds a turn. Without one its client has not kept it, and cannot resume
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turns {
    /// Nobody has told.
    #[default]
    Unknown,
    /// Its client has reported, and of no turn.
    None,
    /// At least one was begun.
    Some,
}
