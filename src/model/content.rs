//! What is remembered of a screen: its content, since when, and what that makes of the session.

use super::written::is_default;
use super::{
    Asks, Block, Generation, Moment, Period, Phase, Reported, ScreenState, SessionName, Title, Told,
};
use serde::{Deserialize, Serialize};

/// What the looks at one life's screen have taught.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Of which life.
    pub generation: Generation,
    /// The digest of what was last read.
    pub digest: u64,
    /// The digest of what stood above the composer then.
    #[serde(default)]
    pub turn: u64,
    /// The digest of the counts of tokens then.
    #[serde(default)]
    pub progress: u64,
    /// When that was first seen, or when a process last worked behind it.
    pub since: Moment,
    /// The window's last output, in whole seconds since the epoch, up to which all is read.
    pub activity: i64,
    /// What it says. Of a limit, the first answer for when it ends is kept for as long as it is
    /// shown.
    pub state: ScreenState,
    /// When it began to say so.
    pub state_since: Moment,
    /// Looks in a row that agree on it, at most [`Content::AGREEING`].
    pub looks: u32,
    /// The line that says so, unsanitised, at most [`Content::MAX_EVIDENCE`] characters.
    #[serde(default, skip_serializing_if = "is_default")]
    pub evidence: String,
    /// What its processes used, once that was asked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cpu: Option<Cpu>,
    /// Whether its footer tells of commands or agents that work behind its prompt.
    #[serde(default, skip_serializing_if = "is_default")]
    pub background: bool,
    /// Whether a command that its agent has started ran behind its prompt when its processes were
    /// last looked at.
    #[serde(default, skip_serializing_if = "is_default")]
    pub commands: bool,
    /// What says its state.
    #[serde(default, skip_serializing_if = "is_default")]
    pub told: Told,
    /// What is known of its pane's title.
    #[serde(default, skip_serializing_if = "is_default")]
    pub title: Title,
    /// What its client has reported last.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reported: Option<Reported>,
    /// What its screen alone says, where a report says another thing or more.
    #[serde(default, skip_serializing_if = "is_default")]
    pub by_screen: Option<Shown>,
}

/// A state with all that goes with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The state.
    pub state: ScreenState,
    /// When it began.
    pub since: Moment,
    /// Looks in a row that agree on it, at most [`Content::AGREEING`].
    pub looks: u32,
    /// The words that say so, unsanitised, at most [`Content::MAX_EVIDENCE`] characters.
    pub evidence: String,
    /// Whether something works behind its prompt.
    pub background: bool,
    /// What told it, and what says otherwise.
    pub told: Told,
}

/// The processor time of a session's tree over a while.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// What was used at the beginning, in ms.
    pub used_ms: u64,
    /// How much of that by the client itself.
    #[serde(default)]
    pub client_ms: u64,
    /// When that was.
    pub at: Moment,
    /// Whether a later reading found that nothing worked since.
    pub resting: bool,
}

impl Content {
    /// Unchanged for this long a screen counts as idle.
    pub const IDLE_AFTER: Period = Period::from_secs(5);
    /// So many looks must agree before anything is held for what a screen says.
    pub const AGREEING: u32 = 2;
    /// The longest evidence kept, in characters.
    pub const MAX_EVIDENCE: usize = 200;
    /// A limit that names no end is taken as over after so long: the longest of the usual windows.
    /// Then what was held is tried.
    pub const UNNAMED_LIMIT: Period = Period::from_hours(5);
    /// A processor's share is told from readings so far apart, at least.
    pub const CPU_SPAN: Period = Period::from_secs(3);
    /// By at most this much a session stays blocked for longer than its limit, so that not all go
    /// on at once.
    const JITTER_MS: i64 = 60_000;

    /// Its state, with all that goes with it.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown {
            state: self.state,
            since: self.state_since,
            looks: self.looks,
            evidence: self.evidence.clone(),
            background: self.background,
            told: self.told,
        }
    }

    /// Takes this state for its own.
    pub fn show(&mut self, shown: Shown) {
        let Shown {
            state,
            since,
            looks,
            evidence,
            background,
            told,
        } = shown;
        self.state = state;
        self.state_since = since;
        self.looks = looks;
        self.evidence = evidence;
        self.background = background;
        self.told = told;
    }

    /// For how long it has been idle: no time while it works, or something that it has started.
    #[must_use]
    pub fn idle(&self, now: Moment) -> Period {
        if self.state.is_at_work() || self.works_behind() {
            Period::ZERO
        } else {
            now.since(&self.since)
        }
    }

    /// Whether its agent is at its prompt, and something that it has started still works: it would
    /// end with its agent.
    #[must_use]
    pub fn works_behind(&self) -> bool {
        self.state == ScreenState::Ready && (self.background || self.commands)
    }

    /// Whether enough looks agree on what it says.
    #[must_use]
    pub fn is_agreed(&self) -> bool {
        self.looks >= Self::AGREEING
    }

    /// What keeps the session from going on by itself.
    #[must_use]
    pub fn block(&self, session: &SessionName, now: Moment) -> Option<Block> {
        match self.state {
            ScreenState::Auth if self.is_agreed() => Some(Block::Auth),
            ScreenState::Context if self.is_agreed() => Some(Block::Context),
            ScreenState::Limit { .. } if self.is_agreed() => {
                (!self.is_past_limit(session, now)).then_some(Block::Limit)
            }
            ScreenState::Auth
            | ScreenState::Context
            | ScreenState::Limit { .. }
            | ScreenState::Ready
            | ScreenState::Busy
            | ScreenState::Retrying
            | ScreenState::AsksPermission
            | ScreenState::AsksTrust
            | ScreenState::Unclear => None,
        }
    }

    /// Whether it still shows a limit that has ended.
    #[must_use]
    pub fn is_past_limit(&self, session: &SessionName, now: Moment) -> bool {
        match self.state {
            ScreenState::Limit { resets: Some(_) } => {
                self.free_at(session).is_some_and(|at| now.wall >= at)
            }
            ScreenState::Limit { resets: None } => {
                now.reached(&self.state_since.plus(Self::UNNAMED_LIMIT))
            }
            ScreenState::Ready
            | ScreenState::Busy
            | ScreenState::Retrying
            | ScreenState::AsksPermission
            | ScreenState::AsksTrust
            | ScreenState::Auth
            | ScreenState::Context
            | ScreenState::Unclear => false,
        }
    }

    /// When its limit ends as far as it says so, with its own jitter; wall clock in ms since the
    /// epoch.
    #[must_use]
    pub fn free_at(&self, session: &SessionName) -> Option<i64> {
        let ScreenState::Limit { resets: Some(at) } = self.state else {
            return None;
        };
        let mut hash: u32 = 0x811c_9dc5;
        for byte in session.as_str().bytes() {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
        Some(at.saturating_add(i64::from(hash >> 8) % Self::JITTER_MS))
    }

    /// The same as a moment; of a limit that names no end, when it is taken as over.
    #[must_use]
    pub fn free(&self, session: &SessionName, now: Moment) -> Option<Moment> {
        if self.state == (ScreenState::Limit { resets: None }) {
            return Some(self.state_since.plus(Self::UNNAMED_LIMIT));
        }
        let ahead = self.free_at(session)?.saturating_sub(now.wall).max(0);
        Some(now.plus(Period::from_millis(ahead.unsigned_abs())))
    }

    /// What it makes of a living session.
    #[must_use]
    pub fn phase(&self, session: &SessionName, now: Moment) -> Phase {
        if let Some(block) = self.block(session, now) {
            return Phase::Blocked(block);
        }
        if self.works_behind() {
            return Phase::Background;
        }
        match self.state {
            ScreenState::Busy | ScreenState::Retrying => Phase::Working,
            ScreenState::AsksPermission if self.is_agreed() => Phase::Waiting(Asks::Permission),
            ScreenState::AsksTrust if self.is_agreed() => Phase::Waiting(Asks::Trust),
            // A client knows that its turn has ended. A screen has to stay as it is for a while.
            ScreenState::Ready if self.told.by.is_client() => Phase::Idle,
            ScreenState::AsksPermission
            | ScreenState::AsksTrust
            | ScreenState::Ready
            | ScreenState::Auth
            | ScreenState::Limit { .. }
            | ScreenState::Context
            | ScreenState::Unclear => self.pace(now),
        }
    }

    /// Working or idle, by what has changed on the screen alone.
    #[must_use]
    pub fn pace(&self, now: Moment) -> Phase {
        if self.idle(now) < Self::IDLE_AFTER {
            Phase::Working
        } else {
            Phase::Idle
        }
    }
}
