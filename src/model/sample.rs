//! What is kept of the past for pictures: what sessions used, and the phases that they were in.

use super::{Death, Generation, PhaseKind, SessionName, Source};
use serde::{Deserialize, Serialize};

/// What a session's process tree used in a minute or in an hour.
///
/// A series is kept only where it changes: **a sample counts until the next one of its session.** A
/// session in which nothing lives has a sample with zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When the minute or the hour began, in wall-clock milliseconds since the epoch.
    pub at: i64,
    /// How long it is.
    pub grain: Grain,
    /// The processor time as percent of one core, on average. A tree that keeps two cores busy has
    /// 200.
    pub cpu_percent: u32,
    /// The most of it in a minute. In a minute: the same.
    pub cpu_peak: u32,
    /// The resident memory in bytes, on average. It is kept in steps of 256 KiB.
    pub memory_bytes: u64,
    /// The most of it in a minute. In a minute: the same.
    pub memory_peak: u64,
    /// The output of the pane in this minute or hour, in bytes. It is kept in steps of 16 bytes,
    /// and is zero where the session's output is not recorded.
    pub output_bytes: u64,
}

/// The time that a sample stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// A minute: kept for a day.
    Minute,
    /// An hour: kept for a month.
    Hour,
}

impl Grain {
    /// How long it is, in milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
        }
    }
}

/// What was measured of a session once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// The processor time as percent of one core since the reading before.
    pub cpu_percent: u32,
    /// The resident memory in bytes.
    pub memory_bytes: u64,
    /// The output of the pane since the reading before, in bytes.
    pub output_bytes: u64,
}

/// That a session came into another phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseChange {
    /// The session.
    pub session: SessionName,
    /// The phase that began.
    pub phase: PhaseKind,
    /// Since when, in wall-clock milliseconds since the epoch. It may be before the look that
    /// found it.
    #[serde(rename = "since_ms")]
    pub since: i64,
    /// Why, as a code: what a session waits for (`permission`), what blocks it (`limit`), or the
    /// reason of the step that began or ends its run (`died`, `asked`, `too-old`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// The process of its pane; the last one where none lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How it ended, with its exit status or its signal. Only where it is dead or completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub death: Option<Death>,
    /// Who told the state of its screen, where that was the agent's client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}
