//! The counters of a fleet: the revision of the store, the epoch of a placement, the fence's clock.

use crate::model::Period;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A revision of the store. Each write of the store raises it by one, so it orders all writes.
///
/// 0 stands for a key that does not exist, as in etcd.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub i64);

/// The revision in which a session came to its host. Over the whole town it only grows.
///
/// A run of an older epoch than the session has now must not live.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl From<Revision> for Epoch {
    fn from(revision: Revision) -> Self {
        Self(u64::try_from(revision.0).unwrap_or(0))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A point in time on `CLOCK_BOOTTIME` of one host, in milliseconds. Unlike awake time it goes on
/// while the host is suspended. It means nothing on another host, or after a reboot.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BootTime(pub u64);

impl BootTime {
    /// The time that is later by `period`.
    #[must_use]
    pub fn plus(self, period: Period) -> Self {
        Self(self.0.saturating_add(period.millis()))
    }

    /// The time that has passed since `earlier`, at least zero.
    #[must_use]
    pub fn since(self, earlier: Self) -> Period {
        Period::from_millis(self.0.saturating_sub(earlier.0))
    }
}
