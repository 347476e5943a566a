//! One started process tree of a session: when it ran, and what was learnt of it.

use super::written::is_default;
use super::{
    Content, Death, Fingerprint, Generation, Marks, Moment, NudgeText, Period, RanWith, Readiness,
    TokenUsage, UsedTokens,
};
use serde::{Deserialize, Serialize};

/// One started process tree of a session, from its start to its end, and what was learnt of it.
///
/// A new one begins with [`Incarnation::new`], which knows nothing yet. So nothing that an earlier
/// run has shown, or was sent, counts for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incarnation {
    /// Which of the session's runs it is.
    pub generation: Generation,
    /// When it was started.
    pub started: Moment,
    /// When it was first seen ready.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ready: Option<Moment>,
    /// What its readiness probe has last shown, where one is declared.
    #[serde(default, skip_serializing_if = "is_default")]
    pub readiness: Option<Readiness>,
    /// The fingerprint of what it was started with.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fingerprint: Option<Fingerprint>,
    /// The fields that it was started with, once it was seen to run with what is declared.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ran_with: Option<RanWith>,
    /// How it ended, once it has.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended: Option<Ended>,
    /// How many looks in a row have found its pane without an agent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub agentless: u32,
    /// Since when a planned end has waited until it is idle.
    #[serde(default, skip_serializing_if = "is_default")]
    pub draining: Option<Moment>,
    /// Its screen, once that was read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub content: Option<Content>,
    /// The completion markers in its output, where that is read for them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub marks: Option<Marks>,
    /// When gtctl last typed a text into it, or was about to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub nudged: Option<Moment>,
    /// The texts that gtctl typed into it, oldest first, at most [`Incarnation::MAX_TYPED`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub typed: Vec<Typed>,
    /// When gtctl last sent it an Escape because it seemed stuck. Written before the key is sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub escape_sent: Option<Moment>,
    /// The memory of its process tree, where that is limited.
    #[serde(default, skip_serializing_if = "is_default")]
    pub footprint: Option<Footprint>,
    /// The tokens that it has used, where its client tells.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tokens: UsedTokens,
    /// Whether the file of its program was replaced.
    #[serde(default, skip_serializing_if = "is_default")]
    pub program: Option<ProgramCheck>,
    /// The usage limit in its last words, once it has ended there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limited: Option<Limited>,
    /// Whether it has ended because its client could not resume the conversation.
    #[serde(default, skip_serializing_if = "is_default")]
    pub conversation_refused: bool,
}

impl Incarnation {
    /// How many typed texts are remembered.
    pub const MAX_TYPED: usize = 8;

    /// A run that has just begun. Nothing is known of it yet.
    #[must_use]
    pub fn new(generation: Generation, started: Moment, fingerprint: Option<Fingerprint>) -> Self {
        Self {
            generation,
            started,
            ready: None,
            readiness: None,
            fingerprint,
            ran_with: None,
            ended: None,
            agentless: 0,
            draining: None,
            content: None,
            marks: None,
            nudged: None,
            typed: Vec::new(),
            escape_sent: None,
            footprint: None,
            tokens: UsedTokens::default(),
            program: None,
            limited: None,
            conversation_refused: false,
        }
    }

    /// What its conversation has used by its client's own count, where that was told.
    #[must_use]
    pub fn told_usage(&self) -> Option<TokenUsage> {
        self.content.as_ref()?.reported.as_ref()?.usage
    }

    /// Whether its readiness probe has once passed.
    #[must_use]
    pub fn has_passed_probe(&self) -> bool {
        self.readiness
            .as_ref()
            .is_some_and(|readiness| readiness.fault.is_none())
    }

    /// The texts that gtctl may have left in its composer.
    #[must_use]
    pub fn left_texts(&self) -> Vec<String> {
        let left = self.typed.iter().filter(|typed| typed.left);
        left.map(|typed| typed.text.clone()).collect()
    }

    /// Takes in that a text has left the composer.
    pub fn note_submitted(&mut self, text: &NudgeText) {
        for typed in &mut self.typed {
            typed.left &= typed.text != text.as_str();
        }
    }
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// How it ended.
    pub death: Death,
    /// When it ended, or when its end was first seen.
    pub at: Moment,
}

/// A text that gtctl typed, or was about to type. A marker in it is not the agent's own word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// The text.
    pub text: String,
    /// Whether nobody has seen it leave the composer. A composer that holds exactly this text holds
    /// what gtctl left there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub left: bool,
}

/// The memory that a process tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// When it was last measured.
    pub at: Moment,
    /// The last measure in bytes. A page that several processes share counts once.
    pub bytes: u64,
    /// The measure before that, in bytes; 0 if there was none.
    pub before: u64,
}

impl Footprint {
    /// The lower of the last two measures, in bytes.
    #[must_use]
    pub fn agreed(&self) -> u64 {
        self.bytes.min(self.before)
    }
}

/// What the last look at the file of a program has shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProgramCheck {
    /// When the file was last looked at.
    pub at: Moment,
    /// Whether it was replaced after the program was started.
    pub is_replaced: bool,
}

/// A usage limit that a run has ended with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    /// When the limit ends, in wall milliseconds.
    pub until: i64,
    /// The time from the run's end to the limit's end, in milliseconds. It counts, too, because a
    /// wall clock may be set back by years.
    pub wait_ms: u64,
    /// The line that says so, unsanitised.
    pub evidence: String,
}

impl Limited {
    /// The next run begins after this time where the limit names no end.
    pub const UNNAMED: Period = Period::from_mins(30);
    /// No usage limit lasts longer.
    pub const LONGEST: Period = Period::from_hours(24 * 35);

    /// How long the limit still lasts, by whichever clock says so first. `ended` is the run's end.
    #[must_use]
    pub fn left(&self, ended: &Moment, now: Moment) -> Period {
        let by_wall =
            Period::from_millis(self.until.saturating_sub(now.wall).max(0).unsigned_abs());
        by_wall.min(Period::from_millis(self.wait_ms).minus(now.since(ended)))
    }
}
