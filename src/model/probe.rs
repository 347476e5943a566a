//! Probes: gtctl asks an agent's program whether it is signed in, while its sessions are blocked.

use super::written::is_default;
use super::{Block, Desired, Moment};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// A probe to run. The exit code of [`Agent::probe`](super::Agent::probe) answers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The agent.
    pub agent: String,
    /// What blocks its sessions.
    pub kind: Block,
    /// Since when they are blocked.
    pub since: Moment,
    /// When to run it.
    pub at: Moment,
    /// How many probes in a row did not pass.
    pub failed: u32,
    /// A blocked session. The probe runs with its environment, in its directory.
    pub desired: Box<Desired>,
}

impl Probe {
    /// Whether it is time to run it.
    #[must_use]
    pub fn is_due(&self, now: Moment) -> bool {
        now.reached(&self.at)
    }
}

/// What gtctl remembers of the probes of one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    /// When the last probe started.
    pub asked: Moment,
    /// How many probes in a row did not pass, or have no answer yet.
    pub failed: u32,
    /// The last answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answered: Option<Answered>,
}

/// An answer, and the probe that it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// When that probe started. It says nothing about what a screen began to show later.
    pub asked: Moment,
    /// The answer.
    pub answer: Answer,
}

/// The answer of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Answer {
    /// The agent is signed in.
    Passed,
    /// The agent is not signed in, or did not answer. It carries what the probe showed.
    Failed(String),
    /// The probe could not run. It carries the reason. Then the screen alone decides.
    Unasked(String),
}

impl Answer {
    /// The longest text that is kept over a restart of gtctl, in bytes.
    pub const MAX_WHY: usize = 2 << 10;

    /// Its stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

impl Probed {
    /// When the last probe started, if it has passed.
    #[must_use]
    pub fn passed(&self) -> Option<Moment> {
        let answered = self.answered.as_ref()?;
        (answered.answer == Answer::Passed).then_some(answered.asked)
    }
}
