//! Readiness probes: how gtctl finds out that a session which comes up can serve others.

use super::written::is_default;
use super::{Desired, Generation, Moment, Period, SessionName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How gtctl finds out that a session is ready, beside its age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyProbe {
    /// What is asked.
    pub question: ReadyQuestion,
    /// The least time between two questions, at least [`ReadyProbe::LEAST`].
    pub every: Period,
}

/// What a readiness probe asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadyQuestion {
    /// Whether the output of this run has this text, within one line.
    Log(String),
    /// Whether this argv exits with 0. It runs without a shell.
    Command(Vec<String>),
    /// Whether 127.0.0.1 accepts a TCP connection on this port.
    Port(u16),
}

impl ReadyProbe {
    /// The time between two questions where the manifest gives none.
    pub const EVERY: Period = Period::from_secs(1);
    /// The shortest time between two questions.
    pub const LEAST: Period = Period::from_millis(200);
}

impl fmt::Display for ReadyQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(text) => write!(f, "log `{text}`"),
            Self::Command(argv) => write!(f, "command `{}`", argv.join(" ")),
            Self::Port(port) => write!(f, "port {port}"),
        }
    }
}

/// A question to one run of a session that comes up.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadyCheck {
    /// The session.
    pub session: SessionName,
    /// The run that is asked about.
    pub generation: Generation,
    /// What is asked.
    pub question: ReadyQuestion,
    /// When to ask.
    pub at: Moment,
    /// The session as declared. A command runs with its environment, in its directory.
    pub desired: Box<Desired>,
}

impl ReadyCheck {
    /// Whether it is time to ask.
    #[must_use]
    pub fn is_due(&self, now: Moment) -> bool {
        now.reached(&self.at)
    }
}

/// What the last question to one run has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// When it was asked.
    pub asked: Moment,
    /// Why the probe did not pass, unsanitised. None if it has passed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fault: Option<String>,
}

impl Readiness {
    /// The longest fault that is kept, in characters.
    pub const MAX_FAULT: usize = 200;
}

/// What came of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyAnswer {
    /// The session.
    pub session: SessionName,
    /// The run that was asked about.
    pub generation: Generation,
    /// What was shown.
    pub readiness: Readiness,
}
