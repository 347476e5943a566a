//! What gtctl remembers of one session: its last run, and what outlives a run.

use super::written::is_default;
use super::{
    AnswerGiven, AskedConversation, Complaint, Content, Death, Ended, Fingerprint, Generation,
    Incarnation, KnownConversation, LauncherJob, Moment, Period, ProcId, ReasonCode,
    RecordedReason, Rung,
};
use serde::{Deserialize, Serialize};

/// What is remembered of one session. [`History::run`] has all that belongs to one run alone.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, as the state file has it"
)]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// The highest generation that was ever given out.
    #[serde(skip_serializing_if = "is_default")]
    pub generation: Generation,
    /// The last known run.
    #[serde(skip_serializing_if = "is_default")]
    pub run: Option<Incarnation>,
    /// How the run before that one ended, if that is known. Only people read it.
    #[serde(skip_serializing_if = "is_default")]
    pub last_end: Option<Ended>,
    /// Crashes in a row, oldest first, at most [`History::MAX_CRASHES`].
    #[serde(skip_serializing_if = "is_default")]
    pub crashes: Vec<Moment>,
    /// How many starts came after the first. Only people read it.
    #[serde(skip_serializing_if = "is_default")]
    pub restarts: u32,
    /// When the last planned restart began.
    #[serde(skip_serializing_if = "is_default")]
    pub handoff: Option<Moment>,
    /// Whether the user stopped it.
    #[serde(skip_serializing_if = "is_default")]
    pub stopped: bool,
    /// Whether `gtctl down` made that stop. Then the next `gtctl apply` starts the session again.
    #[serde(skip_serializing_if = "is_default")]
    pub went_down: bool,
    /// Whether the user asked for a fresh process that it has not got yet.
    #[serde(skip_serializing_if = "is_default")]
    pub restart_asked: bool,
    /// The end of a task that has ended for good.
    #[serde(skip_serializing_if = "is_default")]
    pub finished: Option<Finished>,
    /// A planned stop that goes on.
    ///
    /// It names the run that it ends, because that may be another one than [`History::run`]. For
    /// example, somebody has set an older label.
    #[serde(skip_serializing_if = "is_default")]
    pub stopping: Option<Stopping>,
    /// A planned restart that goes on, until its fresh process is ready.
    #[serde(skip_serializing_if = "is_default")]
    pub replacing: Option<Replacing>,
    /// A step that failed and will be tried again.
    #[serde(skip_serializing_if = "is_default")]
    pub refused: Option<Refused>,
    /// Since when it has waited for the sessions in its `after`.
    #[serde(skip_serializing_if = "is_default")]
    pub waiting: Option<Moment>,
    /// Whether its last entry allowed to expire it without `--prune`, once it is gone from the
    /// manifest.
    #[serde(skip_serializing_if = "is_default")]
    pub prune: bool,
    /// The declared answers that gtctl gave, oldest first, at most [`AnswerGiven::MAX`]. They count
    /// over all runs, so that a loop of restarts is no way around their limit.
    #[serde(skip_serializing_if = "is_default")]
    pub answers: Vec<AnswerGiven>,
    /// A command that starts or stops it now.
    #[serde(skip_serializing_if = "is_default")]
    pub launcher_job: Option<LauncherJob>,
    /// Why the last such command failed, until one succeeds.
    #[serde(skip_serializing_if = "is_default")]
    pub complaint: Option<Complaint>,
    /// The sign-in line for which it was last restarted, because its agent was found signed in.
    #[serde(skip_serializing_if = "is_default")]
    pub refuted: Option<Refuted>,
    /// Its last conversation, where its id is known.
    #[serde(skip_serializing_if = "is_default")]
    pub conversation: Option<KnownConversation>,
    /// Which conversation the user asked for with the restart that has not come yet.
    #[serde(skip_serializing_if = "is_default")]
    pub conversation_asked: Option<AskedConversation>,
}

impl History {
    /// How many crashes in a row are remembered.
    pub const MAX_CRASHES: usize = 32;

    /// Keeps how the last run ended, before another one takes its place. A start that came to
    /// nothing was no run.
    pub fn keep_last_end(&mut self) {
        let ended = self.run.as_ref().and_then(|run| run.ended);
        let ended = ended.filter(|ended| ended.death != Death::NeverStarted);
        self.last_end = ended.or(self.last_end);
    }

    /// The last run, if it is the one of this generation.
    #[must_use]
    pub fn run_of(&self, generation: Generation) -> Option<&Incarnation> {
        self.run.as_ref().filter(|run| run.generation == generation)
    }

    /// As [`History::run_of`], to change it.
    pub fn run_of_mut(&mut self, generation: Generation) -> Option<&mut Incarnation> {
        self.run.as_mut().filter(|run| run.generation == generation)
    }

    /// The screen of the last run.
    #[must_use]
    pub fn content(&self) -> Option<&Content> {
        self.run.as_ref()?.content.as_ref()
    }

    /// Whether a planned restart owes it a start: gtctl ended its last run for that, or is about
    /// to, and the fresh process has not begun.
    #[must_use]
    pub fn is_owed_a_start(&self) -> bool {
        let Some(replacing) = &self.replacing else {
            return false;
        };
        self.run
            .as_ref()
            .is_none_or(|run| run.generation <= replacing.generation)
    }
}

/// The end of a task that has ended for good. It holds as long as the task's entry stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The fingerprint of what it was started with.
    pub fingerprint: Fingerprint,
    /// How it ended; none if it was expired alive.
    pub death: Option<Death>,
    /// Whether its work is done: it left with status 0, or its output or its client said so.
    pub well: bool,
    /// When it ended.
    pub at: Moment,
}

/// A planned stop that goes on. It is written before the first signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopping {
    /// The run that it ends.
    pub generation: Generation,
    /// When that run was first asked to end.
    pub since: Moment,
    /// The last rung that was taken.
    pub rung: Rung,
    /// When that rung was taken.
    pub rung_at: Moment,
    /// What comes after the stop.
    pub purpose: Purpose,
    /// The reason for which it was begun.
    pub reason: RecordedReason,
    /// The definition that is started afterwards. None if nothing is, or if an older gtctl began
    /// the stop.
    #[serde(default, skip_serializing_if = "is_default")]
    pub begun_for: Option<Fingerprint>,
    /// The processes of the run when the stop began, at most [`Stopping::MAX_TREE`].
    pub tree: Vec<ProcId>,
}

impl Stopping {
    /// How many processes of one tree are remembered.
    pub const MAX_TREE: usize = 256;

    /// Whether it was begun because the work was said to be done.
    #[must_use]
    pub fn was_done(&self) -> bool {
        [
            ReasonCode::Marked,
            ReasonCode::TurnEnded,
            ReasonCode::Completed,
        ]
        .iter()
        .any(|code| self.reason.is(*code))
    }
}

/// What comes after a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A fresh process.
    Restart,
    /// Nothing.
    Expire,
}

/// A planned restart. It is written before its stop begins, and kept until the fresh process is
/// ready.
///
/// It reserves the start that follows the stop: no budget holds that start. If the fresh process
/// fails, other planned restarts wait until this session is ready, was reset, or its entry has
/// changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replacing {
    /// The run that it ends.
    pub generation: Generation,
    /// When it was begun.
    pub since: Moment,
    /// The reason for which it was begun.
    pub reason: RecordedReason,
    /// The definition of the fresh process.
    pub fingerprint: Fingerprint,
    /// Whether the fresh process ended before it was ready, or could not be started.
    pub failed: bool,
}

/// A step that failed. The same step is tried again after a delay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// When it last failed.
    pub at: Moment,
    /// How often it failed in a row.
    pub times: u32,
    /// Why it failed, unsanitised, at most [`Refused::MAX`] bytes.
    pub said: String,
    /// The definition with which it was tried. None for a session that is to be removed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fingerprint: Option<Fingerprint>,
}

impl Refused {
    /// The longest `said`, in bytes.
    pub const MAX: usize = Complaint::MAX;
}

/// A line of sign-in that a probe has spoken against. If the fresh process shows the same line, the
/// probe proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refuted {
    /// The line.
    pub line: String,
    /// When the session was restarted for it, in wall milliseconds.
    pub at: i64,
}

impl Refuted {
    /// For so long the same line is not refuted again.
    pub const LASTS: Period = Period::from_hours(24);
    /// So many letters tell a line from another. Later letters may name a request.
    const LETTERS: usize = 60;

    /// Whether a probe that passes says nothing about this line now.
    #[must_use]
    pub fn covers(&self, line: &str, now: Moment) -> bool {
        let letters = |text: &str| -> String {
            text.chars()
                .filter(|c| c.is_alphabetic())
                .take(Self::LETTERS)
                .collect()
        };
        let age = now.wall.saturating_sub(self.at);
        letters(&self.line) == letters(line)
            && age.unsigned_abs() <= Self::LASTS.millis()
            && age >= 0
    }
}
