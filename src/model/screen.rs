//! What a pane's text says of the agent in it.

use super::written::is_default;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// One reading of a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// What it says.
    pub state: ScreenState,
    /// The line that says so, at most 200 characters and not sanitised: it is an agent's output.
    /// Empty when nothing was recognised.
    pub evidence: String,
    /// A digest of the content alone: spinners, timers, counters and footers do not move it.
    pub digest: u64,
    /// A digest of what stands above the composer: what is typed there and not submitted does not
    /// move it.
    pub turn: u64,
    /// A digest of the counts of tokens beside its sign of work: they move while an answer comes
    /// that is not shown.
    pub progress: u64,
    /// Whether its footer tells of commands or agents that work behind its prompt.
    pub background: bool,
    /// What says so.
    pub told: Told,
    /// What is known of its pane's title.
    pub title: Title,
}

/// What told a state, and what says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Told {
    /// The one that counts.
    pub by: Source,
    /// What the other one says, where that is something else.
    #[serde(default, skip_serializing_if = "is_default")]
    pub against: Option<ScreenState>,
}

/// What can tell an agent's state.
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

/// What the looks at one life have taught of its pane's title. A pane keeps the title that an
/// earlier program has given it: so one counts only once it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Title {
    /// Nothing.
    #[default]
    Unread,
    /// This one, by its digest, since the first look: whose it is is not known.
    Found(u64),
    /// It was another one before in this life: it is the agent's own.
    Own(u64),
}

impl Title {
    /// After a look that found the title of this digest.
    #[must_use]
    pub fn then(self, digest: u64) -> Self {
        match self {
            Self::Unread => Self::Found(digest),
            Self::Found(before) if before == digest => self,
            Self::Found(_) | Self::Own(_) => Self::Own(digest),
        }
    }

    /// The digest of the title that was last read.
    #[must_use]
    pub fn digest(self) -> Option<u64> {
        match self {
            Self::Unread => None,
            Self::Found(digest) | Self::Own(digest) => Some(digest),
        }
    }
}

/// What a screen says. One look proves little: act on two that agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ScreenState {
    /// Its prompt is there, and nothing says that it works or waits for something else.
    Ready,
    /// It works: a live sign of that is on the screen.
    Busy,
    /// A request failed and the agent tries again by itself: alive, not blocked.
    Retrying,
    /// It asks whether it may do something, or another question with a list of answers.
    AsksPermission,
    /// It asks whether it may work in this folder at all, or another question of a first start.
    AsksTrust,
    /// It is signed out, or shows its sign-in menu: an Enter would start a login.
    Auth,
    /// A usage limit is reached, or the account has no means left.
    Limit {
        /// When it says that this ends, in wall milliseconds since the epoch.
        ///
        /// Worked out from when the screen was last written to: a text that stays is not of
        /// tomorrow by that. Whoever holds until then keeps the first answer for as long as nothing
        /// is added to the transcript.
        resets: Option<i64>,
    },
    /// Its context is full: it answers nothing until that is compacted or cleared.
    Context,
    /// Nothing known is on the screen.
    Unclear,
}

impl ScreenState {
    /// Whether it is in the middle of a turn: it works, or waits to try a request again.
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

    /// Whether another reading says the same, whatever it says of when that ends.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Its stable name, in events, JSON and the names of the corpus.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

/// What an agent asks somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Asks {
    /// Whether it may do something.
    Permission,
    /// Whether it may work in its folder at all.
    Trust,
}

impl Asks {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// What keeps an agent from going on by itself.
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
    /// Its stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}
