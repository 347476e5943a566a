//! The times of a town's store.

use super::FleetSession;
use crate::model::SortedMap;
use crate::model::{Period, SessionName};

/// A town whose hosts share a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// The times of the store.
    pub settings: StoreSettings,
    /// All sessions that are declared. The store says which of them are on this host.
    pub sessions: SortedMap<SessionName, FleetSession>,
}

/// How often a host shows that it lives, and after which time it counts as lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreSettings {
    /// How long the store keeps a host that does not show that it lives.
    pub lease: Period,
    /// How long the sessions that can move may live after the last beat that was confirmed.
    pub fence: Period,
    /// The time between two beats.
    pub beat: Period,
    /// How long the leader waits after it has seen that a host is gone. None for what the version
    /// of the store needs.
    pub lock_delay: Option<Period>,
}

impl StoreSettings {
    /// How long one call of the store may take.
    pub const CALL_TIMEOUT: Period = Period::from_millis(1500);
    /// How long the store may need to elect a leader of its own: etcd's default.
    pub const ELECTION: Period = Period::from_millis(1000);
    /// How long it may take to end everything on a host. 300 processes took 136 ms.
    pub const KILL: Period = Period::from_millis(500);

    /// The least fence that outlasts a failed beat and an election of the store:
    /// `beat + 2 · call timeout + election`.
    #[must_use]
    pub fn least_fence(&self) -> Period {
        let calls = Self::CALL_TIMEOUT.millis().saturating_mul(2);
        let election = Self::ELECTION.millis();
        let least = self.beat.millis().saturating_add(calls);
        Period::from_millis(least.saturating_add(election))
    }

    /// The time after a beat until which everything that can move is surely dead:
    /// `fence · 1.05 + kill`. Clocks of two hosts may differ in rate by 5 %.
    ///
    /// It is the least lease. It is also the least lock delay, where the lease is no lower bound.
    #[must_use]
    pub fn death(&self) -> Period {
        let fence = self.fence.millis();
        let slow = fence.saturating_add(fence.div_ceil(20));
        Period::from_millis(slow.saturating_add(Self::KILL.millis()))
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            lease: Period::from_millis(7000),
            fence: Period::from_millis(5500),
            beat: Period::from_millis(1000),
            lock_delay: None,
        }
    }
}
