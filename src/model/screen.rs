//! What the screen of a pane says about its agent.

use super::Dialog;
use super::written::is_default;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// One reading of a screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// The state that the screen shows.
    pub state: ScreenState,
    /// The line that shows the state, at most 200 characters. It is an agent's output, so it is not
    /// sanitised. Empty if no state was recognised.
    pub evidence: String,
    /// A digest of the content. Spinners, timers, counters and footers do not change it.
    pub digest: u64,
    /// A digest of what is above the composer. Text that is typed and not submitted does not change
    /// it.
    pub turn: u64,
    /// A digest of the counts of tokens. They change while an answer comes that is not shown yet.
    pub progress: u64,
    /// Whether the footer counts commands or agents in the background.
    pub background: bool,
    /// Whether the text or the title decided the state.
    pub told: Told,
    /// What was learnt about the title of the pane.
    pub title: Title,
    /// The dialog that it shows, where somebody can answer that.
    pub dialog: Option<Dialog>,
}

/// Which source decided a state, and what the other source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Told {
    /// The source that decided.
    pub by: Source,
    /// What the other source says, if it contradicts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub against: Option<ScreenState>,
}

/// A source for an agent's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Source {
    /// The text on its screen.
    #[default]
    Text,
    /// The title of its pane.
    Title,
    /// A hook that its client has run.
    Hook,
    /// The registry that its client keeps.
    Registry,
}

impl Source {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// Whether it is the agent's client itself.
    #[must_use]
    pub fn is_client(self) -> bool {
        match self {
            Self::Hook | Self::Registry => true,
            Self::Text | Self::Title => false,
        }
    }
}

/// What the looks at one run have learnt about the title of its pane.
///
/// A pane keeps the title that an earlier program has set. So a title counts only after it has
/// changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Title {
    /// No title was read.
    #[default]
    Unread,
    /// The title with this digest, unchanged since the first look. An earlier program may have set
    /// it.
    Found(u64),
    /// The title with this digest. It has changed in this run, so the agent has set it.
    Own(u64),
}

impl Title {
    /// What is learnt from a look that sees the title with this digest.
    #[must_use]
    pub fn then(self, digest: u64) -> Self {
        match self {
            Self::Unread => Self::Found(digest),
            Self::Found(before) if before == digest => self,
            Self::Found(_) | Self::Own(_) => Self::Own(digest),
        }
    }

    /// The digest of the last title.
    #[must_use]
    pub fn digest(self) -> Option<u64> {
        match self {
            Self::Unread => None,
            Self::Found(digest) | Self::Own(digest) => Some(digest),
        }
    }
}

/// The state of an agent by its screen. One look proves little: act when two looks agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ScreenState {
    /// It shows its prompt, and nothing says that it works or waits for something else.
    Ready,
    /// It works.
    Busy,
    /// A request has failed, and the agent tries again by itself. It is alive and not blocked.
    Retrying,
    /// It asks for a permission, or another question with a list of answers.
    AsksPermission,
    /// It asks whether to trust this folder, or another question of a first start.
    AsksTrust,
    /// It is signed out, or shows its menu for that. Enter would start a login there.
    Auth,
    /// A usage limit is reached, or the account has no money left.
    Limit {
        /// When the limit ends by the screen, in wall-clock milliseconds since the epoch.
        ///
        /// A text such as `resets 7pm` is read as of the screen's last output. If it stays until
        /// tomorrow, it does not mean tomorrow. So the first answer counts until the transcript
        /// grows.
        resets: Option<i64>,
    },
    /// Its context is full. It answers nothing until the context is compacted or cleared.
    Context,
    /// The screen shows no known state.
    Unclear,
}

impl ScreenState {
    /// Whether the agent is in the middle of a turn: it works or tries again.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        match self {
            Self::Busy | Self::Retrying => true,
            Self::Ready
            | Self::AsksPermission
            | Self::AsksTrust
            | Self::Auth
            | Self::Limit { .. }
            | Self::Context
            | Self::Unclear => false,
        }
    }

    /// When the limit that it says ends, in wall milliseconds since the epoch. None where it names no
    /// end, or says no limit.
    #[must_use]
    pub fn limit_end(&self) -> Option<i64> {
        match self {
            Self::Limit { resets } => *resets,
            Self::Ready
            | Self::Busy
            | Self::Retrying
            | Self::AsksPermission
            | Self::AsksTrust
            | Self::Auth
            | Self::Context
            | Self::Unclear => None,
        }
    }

    /// Whether both are the same state. The ends of two limits may differ.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// The stable code, in events, JSON and the names of the corpus.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

/// What an agent asks a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Asks {
    /// Whether it may do something.
    Permission,
    /// Whether to trust its folder.
    Trust,
}

impl Asks {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// What blocks an agent, so that it cannot go on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Block {
    /// It is signed out.
    Auth,
    /// Its usage limit is reached.
    Limit,
    /// Its context is full.
    Context,
}

impl Block {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}
