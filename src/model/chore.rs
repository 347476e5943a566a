//! Chores: work that gtctl does at its own times, beside the sessions. When is one due, how did it
//! end, and what may it propose?

use super::written::is_default;
use super::{Hold, Moment, NudgeText, Period, Phase, SessionName, Timetable};
use serde::{Deserialize, Serialize};
use std::mem::discriminant;
use std::path::PathBuf;
use strum::IntoStaticStr;

/// One chore of a town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chore {
    /// Its name. It is unique in the town.
    pub name: String,
    /// What it does.
    pub kind: ChoreKind,
    /// When it runs.
    pub times: ChoreTimes,
    /// The longest time that a run may take.
    pub timeout: Period,
    /// How many logs of runs are kept.
    pub keep: u32,
    /// The directory that its command runs in, absolute.
    pub dir: PathBuf,
}

/// When a chore runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChoreTimes {
    /// So long after the begin of the run before; the first run is at once.
    Every(Period),
    /// At these times. One run makes up for all that were missed.
    At(Box<Timetable>),
}

/// What happens to the proposals of an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accept {
    /// A person must accept each of them.
    #[default]
    Ask,
    /// gtctl carries them out if the planner allows it.
    Auto,
}

/// What a chore does.
#[derive(Debug, Clone, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum ChoreKind {
    /// Compares the installed gt with the newest release of a repository.
    Upstream {
        /// `owner/name`.
        repo: String,
    },
    /// Types a text into a session.
    Nudge {
        /// The session.
        session: SessionName,
        /// The text.
        text: NudgeText,
    },
    /// Gives the town's state to a command.
    Analysis {
        /// Its argv.
        command: Vec<String>,
        /// Whether its answer may have proposals, and what happens to them.
        propose: Option<Accept>,
    },
    /// Runs a command.
    Command {
        /// Its argv.
        command: Vec<String>,
    },
}

impl ChoreKind {
    /// The word for the kind, in the manifest and in JSON.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.into()
    }
}

/// What gtctl remembers of a chore that has run at least once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChoreHistory {
    /// When its last run started.
    pub started: Moment,
    /// How the last run ended. None while it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended: Option<ChoreEnd>,
    /// The earliest time for the next run, if the service that it asked has set one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_before: Option<Moment>,
    /// Whether a person asked for a run now.
    #[serde(default, skip_serializing_if = "is_default")]
    pub asked: bool,
    /// The proposals of its last run, at most [`Proposal::MAX`]. The next run replaces them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub proposals: Vec<Proposal>,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoreEnd {
    /// When it ended.
    pub at: Moment,
    /// The result.
    pub result: ChoreResult,
    /// The result in words, not sanitised, at most [`ChoreEnd::MAX_SAID`] characters.
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
    /// It did its work.
    Done,
    /// There was a reason not to do the work this time.
    Skipped,
    /// It did not do its work.
    Failed,
    /// It took too long and was ended.
    TimedOut,
    /// Its controller ended before it.
    Lost,
}

impl ChoreResult {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// Whether a person should know about it.
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
    /// The name of the chore.
    pub chore: String,
    /// When it runs.
    pub when: ChoreTime,
}

/// When a chore runs.
#[derive(Debug, Clone, PartialEq)]
pub enum ChoreTime {
    /// Now.
    Now,
    /// It is due, but there is nothing to do. It carries the reason. This counts as a run.
    Skip(String),
    /// It is running.
    Running {
        /// When it started.
        since: Moment,
    },
    /// At this moment.
    At(Moment),
    /// It waits until this hold ends.
    Held(Hold),
}

/// What an analysis proposes for one session. gtctl trusts nothing in it: the planner judges it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What to do.
    pub advice: Advice,
    /// The session, as the analysis wrote it.
    pub session: String,
    /// The reason, as the analysis wrote it.
    pub why: String,
    /// It was carried out already.
    pub taken: bool,
}

impl Proposal {
    /// How many proposals of one run count.
    pub const MAX: usize = 10;
    /// The longest text, in characters.
    pub const MAX_TEXT: usize = 500;
}

/// What may be proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Advice {
    /// Give the session a fresh process.
    Restart,
    /// Forget the session's crashes.
    Reset,
    /// Type this text into the session.
    Nudge(String),
}

impl Advice {
    /// The word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.into()
    }
}

/// A proposal, and the planner's judgement of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The chore that made it.
    pub chore: String,
    /// The index among the chore's proposals, from 0.
    pub nth: usize,
    /// The proposal.
    pub proposal: Proposal,
    /// What happens to it.
    pub standing: ProposalStanding,
}

/// What happens to a proposal.
#[derive(Debug, Clone, PartialEq)]
pub enum ProposalStanding {
    /// It can be carried out when a person accepts it.
    Asks(SessionName),
    /// It is carried out now, because the manifest accepts proposals.
    Accepted(SessionName),
    /// It was carried out already.
    Taken,
    /// It is not carried out.
    Refused(Refusal),
}

/// Why a proposal is not carried out.
#[derive(Debug, Clone, PartialEq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Refusal {
    /// The manifest declares no such session.
    UnknownSession,
    /// It was proposed before for this session, or gtctl would do it anyway.
    Needless,
    /// The session's phase does not allow it.
    Phase(Phase),
    /// A hold that would also hold the planner's own step.
    #[strum(transparent)]
    Held(Hold),
    /// One run has proposed more restarts than gtctl carries out.
    TooMany {
        /// How many restarts gtctl carries out.
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
