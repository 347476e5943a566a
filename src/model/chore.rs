//! Timed work beside the sessions: what is remembered of it, when it is due, and what it may
//! propose.

use super::written::is_default;
use super::{Hold, Moment, NudgeText, Period, Phase, SessionName};
use serde::{Deserialize, Serialize};
use std::mem::discriminant;
use std::path::PathBuf;
use strum::IntoStaticStr;

/// Chores: work that gtctl does at its own times, beside the sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chore {
    /// What to call it; unique.
    pub name: String,
    /// What it does.
    pub kind: ChoreKind,
    /// How often.
    pub every: Period,
    /// How long it may take.
    pub timeout: Period,
    /// How many of its logs are kept.
    pub keep: u32,
    /// Where its command is run, absolute.
    pub dir: PathBuf,
}

/// Whether proposals are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accept {
    /// Only when somebody says so.
    #[default]
    Ask,
    /// Without being asked, as far as the planner allows.
    Auto,
}

/// The kinds of chore.
#[derive(Debug, Clone, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum ChoreKind {
    /// Compare the installed gt with the newest release of a repository.
    Upstream {
        /// `owner/name`.
        repo: String,
    },
    /// Type a text into a session.
    Nudge {
        /// Which.
        session: SessionName,
        /// What.
        text: NudgeText,
    },
    /// Hand the town's state to a command.
    Analysis {
        /// Its argv.
        command: Vec<String>,
        /// Whether its answer may hold proposals, and what becomes of them then.
        propose: Option<Accept>,
    },
    /// Run a command.
    Command {
        /// Its argv.
        command: Vec<String>,
    },
}

impl ChoreKind {
    /// The word of the kind.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.into()
    }
}

/// What is remembered of one chore that has ever been begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChoreHistory {
    /// When its last run was begun.
    pub started: Moment,
    /// How that ended; none while it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended: Option<ChoreEnd>,
    /// The other side asked not to be bothered again before this.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_before: Option<Moment>,
    /// Somebody asked for a run now.
    #[serde(default, skip_serializing_if = "is_default")]
    pub asked: bool,
    /// What its last run proposes, at most [`Proposal::MAX`]. They go with its next run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub proposals: Vec<Proposal>,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoreEnd {
    /// When.
    pub at: Moment,
    /// How.
    pub result: ChoreResult,
    /// The same for people, at most [`ChoreEnd::MAX_SAID`] characters, unsanitised.
    pub said: String,
}

impl ChoreEnd {
    /// The longest text, in characters.
    pub const MAX_SAID: usize = 300;
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ChoreResult {
    /// It did what it is for.
    Done,
    /// There was a reason not to do it this time.
    Skipped,
    /// It did not do it.
    Failed,
    /// It took too long and was ended.
    TimedOut,
    /// Its controller ended first.
    Lost,
}

impl ChoreResult {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// Whether somebody should know.
    #[must_use]
    pub fn is_trouble(self) -> bool {
        match self {
            Self::Done | Self::Skipped => false,
            Self::Failed | Self::TimedOut | Self::Lost => true,
        }
    }
}

/// One chore in a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// Its name.
    pub chore: String,
    /// When it is run.
    pub when: ChoreTime,
}

/// When a chore is run.
#[derive(Debug, Clone, PartialEq)]
pub enum ChoreTime {
    /// Now.
    Now,
    /// It would be now, but there is nothing it could be done to; says why. That counts as a run.
    Skip(String),
    /// It runs already.
    Running {
        /// Since when.
        since: Moment,
    },
    /// Then.
    At(Moment),
    /// It waits until this is lifted.
    Held(Hold),
}

/// What an analysis would have done to one session. Nothing of it is believed: the planner judges
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What.
    pub advice: Advice,
    /// To which session, as it was written.
    pub session: String,
    /// Why, as it was written.
    pub why: String,
    /// It was carried out.
    pub taken: bool,
}

impl Proposal {
    /// So many of one run are looked at.
    pub const MAX: usize = 10;
    /// The longest text, in characters.
    pub const MAX_TEXT: usize = 500;
}

/// What may be proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Advice {
    /// A fresh process.
    Restart,
    /// To forget its crashes.
    Reset,
    /// To type this into it.
    Nudge(String),
}

impl Advice {
    /// The word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.into()
    }
}

/// A proposal as judged now.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The chore that made it.
    pub chore: String,
    /// Which of its proposals.
    pub nth: usize,
    /// The proposal.
    pub proposal: Proposal,
    /// What is to be done with it.
    pub standing: ProposalStanding,
}

/// What is to be done with a proposal.
#[derive(Debug, Clone, PartialEq)]
pub enum ProposalStanding {
    /// It may be carried out, once somebody accepts it.
    Asks(SessionName),
    /// It is carried out now: the manifest accepts what is proposed.
    Accepted(SessionName),
    /// It was carried out.
    Taken,
    /// It is not carried out.
    Refused(Refusal),
}

/// Why a proposal is not carried out.
#[derive(Debug, Clone, PartialEq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Refusal {
    /// No such session is declared.
    UnknownSession,
    /// The same was proposed before for this session, or would be done in any case.
    Needless,
    /// What it is now does not allow it.
    Phase(Phase),
    /// What would hold the planner's own step.
    #[strum(transparent)]
    Held(Hold),
    /// So many restarts of one run are carried out at most.
    TooMany {
        /// How many.
        allowed: u32,
    },
}

impl ProposalStanding {
    /// Whether the other is the same, whatever its evidence.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Refused(one), Self::Refused(other)) => one.is_like(other),
            (one, other) => discriminant(one) == discriminant(other),
        }
    }
}

impl Refusal {
    /// Whether the other has the same code, whatever its evidence.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Held(one), Self::Held(other)) => one.is_like(other),
            (one, other) => discriminant(one) == discriminant(other),
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}
