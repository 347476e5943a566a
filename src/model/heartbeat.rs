//! The sign of life of the controller that watches a town: written after each of its cycles, read
//! by everybody else.

use super::written::{is_default, millis};
use super::{Announced, Moment, Period, ProcId, Topic};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// What a watching controller tells of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Its process.
    pub controller: ProcId,
    /// The manifest file that it reads, absolute.
    pub file: PathBuf,
    /// When it began.
    pub began: Moment,
    /// The end of its last cycle.
    pub cycled: Moment,
    /// How long that took.
    #[serde(rename = "took_ms", with = "millis")]
    pub took: Period,
    /// How long it sleeps at most between two cycles.
    #[serde(rename = "resync_ms", with = "millis")]
    pub resync: Period,
    /// Why its last cycle could not run, unsanitised; none when it did.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trouble: Option<String>,
    /// Which manifest it goes by.
    #[serde(
        rename = "manifest_broken",
        default,
        skip_serializing_if = "is_default"
    )]
    pub manifest: InForce,
    /// What it has counted since it began.
    pub counts: Counts,
    /// What it has told people and has not ended, for the next controller not to tell it again.
    #[serde(default, deserialize_with = "topics_of_this_version")]
    pub announced: Announced,
}

/// Which manifest a controller goes by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Option<(Moment, String)>", into = "Option<(Moment, String)>")]
pub enum InForce {
    /// The one on disk.
    #[default]
    OnDisk,
    /// The last good one: that on disk is broken.
    LastGood {
        /// When that was found.
        since: Moment,
        /// What is wrong with it, unsanitised.
        why: String,
    },
}

impl From<Option<(Moment, String)>> for InForce {
    fn from(broken: Option<(Moment, String)>) -> Self {
        broken.map_or(Self::OnDisk, |(since, why)| Self::LastGood { since, why })
    }
}

impl From<InForce> for Option<(Moment, String)> {
    fn from(manifest: InForce) -> Self {
        match manifest {
            InForce::OnDisk => None,
            InForce::LastGood { since, why } => Some((since, why)),
        }
    }
}

/// Passes over the topics that only another version knows.
fn topics_of_this_version<'de, D: Deserializer<'de>>(d: D) -> Result<Announced, D::Error> {
    let written: Vec<(String, String)> = Vec::deserialize(d)?;
    let known = written
        .into_iter()
        .filter_map(|(word, subject)| Some((Topic::of(&word)?, subject)));
    Ok(known.collect())
}

/// What a controller counts, since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Cycles that ran.
    pub cycles: u64,
    /// Processes started: starts and restarts.
    pub starts: u64,
    /// Restarts of what had crashed.
    pub crashes: u64,
    /// Sessions expired.
    pub expired: u64,
    /// Steps that failed.
    pub failures: u64,
}

/// Who keeps a town at present.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Keeper {
    /// No controller runs.
    #[default]
    Nobody,
    /// A controller holds the town, and has not told of a cycle.
    Silent {
        /// Its process.
        process: ProcId,
        /// How long ago it began.
        age: Period,
    },
    /// A controller that tells of its cycles.
    Beating(Box<Heartbeat>),
}

impl Keeper {
    /// Whether a controller holds the town but should have had another cycle by now: it is stopped
    /// or hangs. `resync` is what the manifest says, for one that has told nothing.
    #[must_use]
    pub fn is_overdue(&self, resync: Period, now: Moment) -> bool {
        match self {
            Self::Nobody => false,
            Self::Silent { process: _, age } => *age > Heartbeat::patience(resync),
            Self::Beating(heartbeat) => heartbeat.is_overdue(now),
        }
    }
}

impl Heartbeat {
    /// The longest complaint that is kept, in characters.
    pub const MAX_COMPLAINT: usize = 500;
    /// However short its sleep: a cycle may wait for its turn and for tmux for so long.
    const LEAST_PATIENCE: Period = Period::from_secs(30);

    /// How long after its last cycle it counts as stopped, in awake time: far longer than it ever
    /// sleeps.
    #[must_use]
    pub fn patience(resync: Period) -> Period {
        resync.plus(resync).plus(resync).max(Self::LEAST_PATIENCE)
    }

    /// Whether it should have had another cycle by now.
    #[must_use]
    pub fn is_overdue(&self, now: Moment) -> bool {
        now.since(&self.cycled) > Self::patience(self.resync)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_is_overdue_far_after_its_sleep() {
        let at = |awake| Moment {
            wall: 0,
            awake,
            boot: 1,
        };
        let beat = |resync| Heartbeat {
            controller: ProcId { pid: 1, start: 1 },
            file: PathBuf::new(),
            began: at(0),
            cycled: at(1_000),
            took: Period::ZERO,
            resync: Period::from_secs(resync),
            trouble: None,
            manifest: InForce::OnDisk,
            counts: Counts::default(),
            announced: Announced::new(),
        };
        for (resync, patience) in [(1, 30_000), (10, 30_000), (15, 45_000), (600, 1_800_000)] {
            assert!(!beat(resync).is_overdue(at(1_000 + patience)), "{resync}");
            assert!(beat(resync).is_overdue(at(1_001 + patience)), "{resync}");
        }
    }
}
