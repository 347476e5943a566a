//! What gtctl remembers of a session's screen: its content, since when, and what follows for the
//! session.

use super::written::is_default;
use super::{
    Activity, Asks, Block, Dialog, Moment, Period, Phase, Reported, ScreenState, SessionName,
    Source, Title, Told,
};
use serde::{Deserialize, Serialize};

/// What the looks at the screen of one run have learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The digest of the content that was last read.
    pub digest: u64,
    /// The digest of what was above the composer then.
    #[serde(default)]
    pub turn: u64,
    /// The digest of the counts of tokens then.
    #[serde(default)]
    pub progress: u64,
    /// When this content was first seen, or when a process last worked in the background.
    pub since: Moment,
    /// The window's last output that was read, in whole seconds since the epoch.
    pub activity: i64,
    /// The state of the screen. While a limit shows, the first answer about its end is kept.
    pub state: ScreenState,
    /// When the screen began to show this state.
    pub state_since: Moment,
    /// How many looks in a row agree on the state, at most [`Content::AGREEING`].
    pub looks: u32,
    /// The line that shows the state, not sanitised, at most [`Content::MAX_EVIDENCE`] characters.
    #[serde(default, skip_serializing_if = "is_default")]
    pub evidence: String,
    /// The processor time of its processes, once it was measured.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cpu: Option<Cpu>,
    /// Whether the footer counts commands or agents in the background.
    #[serde(default, skip_serializing_if = "is_default")]
    pub background: bool,
    /// Whether a command of the agent ran in the background when its processes were last looked at.
    #[serde(default, skip_serializing_if = "is_default")]
    pub commands: bool,
    /// Whether the text or the title decided the state.
    #[serde(default, skip_serializing_if = "is_default")]
    pub told: Told,
    /// What was learnt about the title of its pane.
    #[serde(default, skip_serializing_if = "is_default")]
    pub title: Title,
    /// What its client has reported last.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reported: Option<Reported>,
    /// What its screen alone says, where a report says another thing or more.
    #[serde(default, skip_serializing_if = "is_default")]
    pub by_screen: Option<Shown>,
    /// Whether its client has told of a turn of this run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub has_begun_turn: bool,
    /// The dialog that its screen shows.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dialog: Option<SeenDialog>,
}

/// A dialog, and when it was first seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenDialog {
    /// The dialog as it was last read.
    pub dialog: Dialog,
    /// When this very dialog was first seen.
    pub since: Moment,
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

/// The processor time of a session's process tree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// The processor time at the first reading, in ms.
    pub used_ms: u64,
    /// The client's own share of it, in ms.
    #[serde(default)]
    pub client_ms: u64,
    /// When the first reading was taken.
    pub at: Moment,
    /// Whether a later reading has shown that nothing worked in between.
    pub resting: bool,
}

impl Content {
    /// A screen that is unchanged for this long counts as idle.
    pub const IDLE_AFTER: Period = Period::from_secs(5);
    /// So many looks must agree before gtctl acts on a state that blocks or asks.
    pub const AGREEING: u32 = 2;
    /// The longest evidence, in characters.
    pub const MAX_EVIDENCE: usize = 200;
    /// After this time a limit without a named end counts as over. It is the longest of the usual
    /// windows.
    pub const UNNAMED_LIMIT: Period = Period::from_hours(5);
    /// For so long a hook is believed against what the screen shows, which may lag behind. Real
    /// clients drew what a hook had told within half a second.
    pub const HOOK_BELIEVED: Period = Period::from_secs(3);
    /// The least time between two readings of the processor time.
    pub const CPU_SPAN: Period = Period::from_secs(3);
    /// The most that is added to the end of a limit, so that not all sessions go on at once.
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

    /// How long the session has been idle. It is zero while the agent works or something works in
    /// the background.
    #[must_use]
    pub fn idle(&self, now: Moment) -> Period {
        if self.state.is_at_work() || self.works_behind() {
            Period::ZERO
        } else {
            now.since(&self.since)
        }
    }

    /// Whether the agent is at its prompt while something that it has started still works. That
    /// work would end with the agent.
    #[must_use]
    pub fn works_behind(&self) -> bool {
        self.state == ScreenState::Ready && (self.background || self.commands)
    }

    /// When its last turn has ended by its client's own word, its screen shows its prompt, and
    /// nothing works behind that: the moment since which nothing has changed. None while any of
    /// this is not so, and before the first turn.
    #[must_use]
    pub fn turn_ended(&self) -> Option<(Moment, &Reported)> {
        let reported = self.reported.as_ref()?;
        let by_screen = self
            .by_screen
            .as_ref()
            .map_or(self.state, |shown| shown.state);
        let is_over = self.has_begun_turn
            && reported.activity == Activity::Idle
            && self.state == ScreenState::Ready
            && by_screen == ScreenState::Ready
            && !self.works_behind();
        is_over.then(|| (Moment::later_of(self.since, reported.at), reported))
    }

    /// When a hook is no longer believed against what the screen shows. None where no hook is, and
    /// once that moment has come.
    #[must_use]
    pub fn belief_ends(&self, now: Moment) -> Option<Moment> {
        let is_against = self.told.by == Source::Hook && self.told.against.is_some();
        let reported = self.reported.as_ref().filter(|_| is_against)?;
        let at = reported.at.plus(Self::HOOK_BELIEVED);
        (!now.reached(&at)).then_some(at)
    }

    /// Whether enough looks agree on the state.
    #[must_use]
    pub fn is_agreed(&self) -> bool {
        self.looks >= Self::AGREEING
    }

    /// What blocks the agent, if enough looks agree.
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

    /// Whether the screen shows a limit that has ended.
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

    /// When the limit ends, by what the screen says, in wall-clock ms since the epoch.
    ///
    /// Each session gets its own extra time of at most one minute, by its name.
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

    /// The end of the limit as a moment. A limit without a named end has one after
    /// [`Content::UNNAMED_LIMIT`].
    #[must_use]
    pub fn free(&self, session: &SessionName, now: Moment) -> Option<Moment> {
        if self.state == (ScreenState::Limit { resets: None }) {
            return Some(self.state_since.plus(Self::UNNAMED_LIMIT));
        }
        let ahead = self.free_at(session)?.saturating_sub(now.wall).max(0);
        Some(now.plus(Period::from_millis(ahead.unsigned_abs())))
    }

    /// The phase of a living session with this screen.
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

    /// Working or idle, by whether the content has changed lately.
    #[must_use]
    pub fn pace(&self, now: Moment) -> Phase {
        if self.idle(now) < Self::IDLE_AFTER {
            Phase::Working
        } else {
            Phase::Idle
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment {
        wall: 1_700_000_000_000,
        awake: 50_000_000,
        boot: 1,
    };

    #[test]
    fn a_hook_against_the_screen_is_believed_for_three_seconds() {
        let written = serde_json::json!({
            "digest": 1, "since": NOW, "activity": 1, "state": "busy",
            "state_since": NOW, "looks": 2, "told": { "by": "hook", "against": "ready" },
            "reported": { "activity": "working", "by": "hook", "event": "PreToolUse", "at": NOW },
        });
        let content: Content = serde_json::from_value(written).unwrap();
        let end = NOW.plus(Period::from_secs(3));
        assert_eq!(content.belief_ends(NOW), Some(end));
        assert_eq!(content.belief_ends(end), None);
        let agreed = Content {
            told: Told {
                against: None,
                ..content.told
            },
            ..content
        };
        assert_eq!(agreed.belief_ends(NOW), None);
    }
}
