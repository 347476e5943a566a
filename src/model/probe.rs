//! Asking an agent's own program whether it is signed in, while its sessions cannot go on.

use super::written::is_default;
use super::{Block, Desired, Moment};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// A question to be asked, by the exit code of [`Agent::probe`](super::Agent::probe).
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Which agent.
    pub agent: String,
    /// What keeps its sessions from going on.
    pub kind: Block,
    /// Since when.
    pub since: Moment,
    /// When to ask. It is due once that has come.
    pub at: Moment,
    /// Questions in a row that did not end well.
    pub failed: u32,
    /// A session that cannot go on: the question is asked with its environment, in its directory.
    pub desired: Box<Desired>,
}

impl Probe {
    /// Whether its moment has come.
    #[must_use]
    pub fn is_due(&self, now: Moment) -> bool {
        now.reached(&self.at)
    }
}

/// What is remembered of the questions to one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    /// When it was last asked.
    pub asked: Moment,
    /// Questions in a row that did not end well, or have no answer yet.
    pub failed: u32,
    /// The last answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answered: Option<Answered>,
}

/// An answer, and to which question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// When that was asked: what a screen began to say later is not answered by it.
    pub asked: Moment,
    /// The answer.
    pub answer: Answer,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Answer {
    /// The agent is signed in.
    Passed,
    /// It is not, or did not answer; says how that was told.
    Failed(String),
    /// The question could not be asked; says why. Then the screen alone decides.
    Unasked(String),
}

impl Answer {
    /// The longest text kept over a restart of gtctl, in bytes.
    pub const MAX_WHY: usize = 2 << 10;

    /// Its stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

impl Probed {
    /// When the question was asked that was last answered well; none when a later one was not.
    #[must_use]
    pub fn passed(&self) -> Option<Moment> {
        let answered = self.answered.as_ref()?;
        (answered.answer == Answer::Passed).then_some(answered.asked)
    }
}
