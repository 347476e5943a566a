//! The heartbeat of a controller. It is written after each cycle, and `status` and `doctor` read
//! it.

use super::written::{is_default, millis};
use super::{Announced, Moment, Period, ProcId, Topic};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// What a watching controller reports about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The process of the controller.
    pub controller: ProcId,
    /// The manifest file that it reads, absolute.
    pub file: PathBuf,
    /// When the controller started.
    pub began: Moment,
    /// When its last cycle ended.
    pub cycled: Moment,
    /// How long its last cycle took.
    #[serde(rename = "took_ms", with = "millis")]
    pub took: Period,
    /// How long it sleeps at most between two cycles.
    #[serde(rename = "resync_ms", with = "millis")]
    pub resync: Period,
    /// Why its last cycle could not run, not sanitised. None if it did run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trouble: Option<String>,
    /// Which manifest it uses.
    #[serde(
        rename = "manifest_broken",
        default,
        skip_serializing_if = "is_default"
    )]
    pub manifest: InForce,
    /// What it has counted since it started.
    pub counts: Counts,
    /// The notifications that it has sent and whose cause has not ended. The next controller does
    /// not send them again.
    #[serde(default, deserialize_with = "topics_of_this_version")]
    pub announced: Announced,
}

/// Which manifest a controller uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Option<(Moment, String)>", into = "Option<(Moment, String)>")]
pub enum InForce {
    /// The manifest on disk.
    #[default]
    OnDisk,
    /// The last good manifest, because the one on disk has errors.
    LastGood {
        /// When the errors were noticed.
        since: Moment,
        /// The errors, not sanitised.
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

/// What a controller counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Cycles that ran.
    pub cycles: u64,
    /// Processes started: starts and restarts.
    pub starts: u64,
    /// Restarts after a crash.
    pub crashes: u64,
    /// Sessions expired.
    pub expired: u64,
    /// Steps that failed.
    pub failures: u64,
}

/// Which controller manages a town now.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Keeper {
    /// No controller runs.
    #[default]
    Nobody,
    /// A controller holds the town, but has not written a heartbeat.
    Silent {
        /// The process of the controller.
        process: ProcId,
        /// How long ago it started.
        age: Period,
    },
    /// A controller that writes heartbeats.
    Beating(Box<Heartbeat>),
}

impl Keeper {
    /// Whether a controller holds the town, but its next cycle is overdue: it is stopped or hangs.
    ///
    /// `resync` is the value in the manifest. It counts only for a controller without a heartbeat.
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
    /// The least patience. A cycle may wait so long for its turn and for tmux, however short its
    /// sleep is.
    const LEAST_PATIENCE: Period = Period::from_secs(30);

    /// How long after its last cycle a controller counts as stopped, in awake time: three times its
    /// longest sleep, and at least 30 s.
    #[must_use]
    pub fn patience(resync: Period) -> Period {
        resync.plus(resync).plus(resync).max(Self::LEAST_PATIENCE)
    }

    /// Whether the next cycle is overdue.
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
