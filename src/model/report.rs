//! What an agent's client says of itself: by its hooks, and by the registry that it keeps.

use super::written::is_default;
use super::{Generation, Moment, Period, ProcId, SessionName, Source, TokenUsage};
use crate::model::SortedMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use strum::{EnumString, IntoStaticStr};

/// A program that runs an agent and can report on it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    EnumString,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ReportingClient {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// Kimi CLI, the one in Python.
    Kimi,
    /// Kimi Code, the one in TypeScript.
    KimiCode,
    /// opencode.
    Opencode,
}

impl ReportingClient {
    /// Its name in the manifest and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// The id of a conversation, as its client writes it: letters, digits, `-` and `_`, at most
/// [`ConversationId::MAX`] bytes. It never begins with `-`, so that no client takes it for a flag.
///
/// ```
/// use gtctl::model::ConversationId;
/// assert!("4f1c9a2e-0000-4000-8000-00000000beef".parse::<ConversationId>().is_ok());
/// assert!("--dangerous".parse::<ConversationId>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConversationId(String);

impl ConversationId {
    /// The longest id, in bytes.
    pub const MAX: usize = 128;
    /// So many characters of an id are shown to people.
    const SHORT: usize = 8;

    /// The id as its client writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its beginning, for people.
    ///
    /// ```
    /// # use gtctl::model::ConversationId;
    /// let id: ConversationId = "4f1c9a2e-0000-4000-8000-00000000beef".parse().unwrap();
    /// assert_eq!(id.short(), "4f1c9a2e…");
    /// ```
    #[must_use]
    pub fn short(&self) -> String {
        if self.0.len() <= Self::SHORT {
            return self.0.clone();
        }
        let beginning: String = self.0.chars().take(Self::SHORT).collect();
        format!("{beginning}…")
    }
}

/// A text that is not a [`ConversationId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a conversation")]
pub struct ConversationIdFault;

impl FromStr for ConversationId {
    type Err = ConversationIdFault;

    fn from_str(text: &str) -> Result<Self, ConversationIdFault> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_id = !text.is_empty()
            && text.len() <= Self::MAX
            && !text.starts_with('-')
            && text.chars().all(is_plain);
        is_id
            .then(|| Self(text.to_owned()))
            .ok_or(ConversationIdFault)
    }
}

impl TryFrom<String> for ConversationId {
    type Error = ConversationIdFault;

    fn try_from(text: String) -> Result<Self, ConversationIdFault> {
        text.parse()
    }
}

impl From<ConversationId> for String {
    fn from(id: ConversationId) -> Self {
        id.0
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ConversationId {
    /// The id that gtctl gives to the conversation of one incarnation of a session, in the form of
    /// a random UUID. The same session never gets the same one again, for its generations grow.
    #[must_use]
    pub fn of(town: &SessionName, session: &SessionName, generation: Generation) -> Self {
        let text = format!("{town}\n{session}\n{generation}");
        let digest = Sha256::digest(text.as_bytes());
        let mut bytes = [0u8; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, d)| *byte = d);
        // RFC 9562: version 4, variant 10.
        let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62);
        let number = number | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{number:032x}");
        let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
        let groups: Vec<&str> = parts
            .iter()
            .filter_map(|(from, to)| hex.get(*from..*to))
            .collect();
        Self(groups.join("-"))
    }
}

/// With which conversation an agent is started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conversation {
    /// With one that its client begins as it likes.
    #[default]
    Unnamed,
    /// As `Unnamed`, and the command runs exactly as declared, without hooks: its client may be a
    /// version that does not know the arguments that gtctl adds.
    AsDeclared,
    /// With a new one of this id.
    Begin(ConversationId),
    /// With a former one.
    Resume(ConversationId),
}

impl Conversation {
    /// Whether it is one that was held before.
    #[must_use]
    pub fn is_former(&self) -> bool {
        matches!(self, Self::Resume(_))
    }

    /// Its id, where gtctl gives one.
    #[must_use]
    pub fn id(&self) -> Option<&ConversationId> {
        match self {
            Self::Unnamed | Self::AsDeclared => None,
            Self::Begin(id) | Self::Resume(id) => Some(id),
        }
    }
}

/// What a client says that its agent does.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Activity {
    /// Its conversation has begun: it waits for a text.
    Ready,
    /// It works on a turn.
    Working,
    /// It asks somebody something.
    Asks,
    /// Its turn has ended: it waits for a text.
    Idle,
    /// Its turn has ended, and what it has started still works.
    Background,
    /// Its turn has failed: it is signed out.
    Auth,
    /// Its turn has failed: its usage limit is reached.
    Limit,
    /// Its turn has failed: its context is full.
    Context,
    /// Its turn has failed for another reason, such as a server that is overloaded. It waits for a
    /// text.
    Failed,
    /// Its client ends.
    Ended,
    /// Nothing of what it does.
    Unsaid,
}

impl Activity {
    /// Its stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Whether a hook that says so tells of a turn: one that goes on, or one that is over.
    #[must_use]
    pub fn tells_of_turn(self) -> bool {
        match self {
            Self::Working
            | Self::Asks
            | Self::Idle
            | Self::Background
            | Self::Auth
            | Self::Limit
            | Self::Context
            | Self::Failed => true,
            Self::Ready | Self::Ended | Self::Unsaid => false,
        }
    }

    /// Whether it says that a turn is over, for whatever reason.
    #[must_use]
    pub fn ends_turn(self) -> bool {
        match self {
            Self::Idle
            | Self::Background
            | Self::Auth
            | Self::Limit
            | Self::Context
            | Self::Failed => true,
            Self::Ready | Self::Working | Self::Asks | Self::Ended | Self::Unsaid => false,
        }
    }
}

/// One report: what a hook of a client has told about one incarnation of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentReport {
    /// When the hook began.
    pub at: Moment,
    /// Of which incarnation: the one that the hook's environment names.
    pub generation: Generation,
    /// Which client.
    pub client: ReportingClient,
    /// The client's own name for the event, at most [`AgentReport::MAX_EVENT`] bytes.
    pub event: String,
    /// What that means.
    pub activity: Activity,
    /// The conversation that it is of.
    #[serde(default, skip_serializing_if = "is_default")]
    pub conversation: Option<ConversationId>,
    /// A question or an error in the client's words, unsanitised, at most [`AgentReport::MAX_TEXT`]
    /// characters.
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: String,
    /// Where the client writes this conversation down, at most [`AgentReport::MAX_PATH`] bytes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub transcript: Option<String>,
    /// The processes above the hook, the nearest first, at most [`AgentReport::MAX_ANCESTORS`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub ancestors: Vec<ProcId>,
}

impl AgentReport {
    /// The longest name of an event, in bytes.
    pub const MAX_EVENT: usize = 64;
    /// The longest question or error, in characters.
    pub const MAX_TEXT: usize = 200;
    /// The longest path of a transcript, in bytes.
    pub const MAX_PATH: usize = 1024;
    /// So many processes above a hook are noted.
    pub const MAX_ANCESTORS: usize = 12;
    /// A client starts its hooks one beside the other. So the order of two reports is only known
    /// where they lie this far apart.
    pub const DISORDER: Period = Period::from_millis(500);
}

/// What the clients of agents that do not live any more have reported last, by session, with the
/// incarnation that each report is of.
pub type LastReports = SortedMap<SessionName, (Generation, Reported)>;

/// What the reports of one incarnation come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// What its agent does, by its client's own word.
    pub activity: Activity,
    /// Who told that.
    pub by: Source,
    /// The client's name for what told it, such as `UserPromptSubmit` or `busy`.
    pub event: String,
    /// When that was told.
    pub at: Moment,
    /// The conversation.
    #[serde(default, skip_serializing_if = "is_default")]
    pub conversation: Option<ConversationId>,
    /// The question or the error, unsanitised.
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: String,
    /// Where the client writes the conversation down.
    #[serde(default, skip_serializing_if = "is_default")]
    pub transcript: Option<String>,
    /// When the usage limit ends by the words of the error, in wall milliseconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resets: Option<i64>,
    /// Whether any report of this incarnation tells of a turn.
    #[serde(default, skip_serializing_if = "is_default")]
    pub has_begun_turn: bool,
    /// What the conversation has used by its transcript, where the client tells.
    #[serde(default, skip_serializing_if = "is_default")]
    pub usage: Option<TokenUsage>,
}
