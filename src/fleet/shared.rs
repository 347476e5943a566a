//! What the thread of the fleet and the controller both see.

use super::forgive::FenceEnd;
use super::handle::SessionReport;
use crate::fence::{FenceState, Permits};
use crate::model::{
    BootTime, Fleet, FleetAsk, FleetView, HostName, LossPolicy, Revision, SessionName, Stored,
};
use crate::model::{SortedMap, SortedSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What is known of the fleet at a moment.
#[derive(Debug, Clone, Default)]
pub struct FleetLook {
    /// What the store has. None before it was first read.
    pub view: Option<Arc<FleetView>>,
    /// The right of this host to run sessions.
    pub fence: FenceState,
    /// What is asked of sessions and has no answer yet.
    pub asks: SortedMap<String, Stored<FleetAsk>>,
    /// The manifest in the store.
    pub manifest: Option<Arc<str>>,
    /// Whether this host leads.
    pub leads: bool,
    /// Why the store or the guard cannot be used now.
    pub trouble: Option<String>,
    /// When all that can move was last ended here. None if it never was.
    pub ended: Option<FenceEnd>,
}

impl FleetLook {
    /// The revision of the store that this look has.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.view.as_ref().map_or(Revision(0), |view| view.revision)
    }
}

/// Behind the lock.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) look: FleetLook,
    pub(super) fleet: Fleet,
    /// The sessions of the fleet that can move.
    movable: Arc<SortedSet<SessionName>>,
    pub(super) permits: Permits,
    /// The deadline at which what can move was ended, because beats had failed.
    pub(super) ended_at: Option<BootTime>,
    /// The revision of the manifest by which the controller acts.
    pub(super) manifest: String,
    /// The agents that are signed out here, as the store was told. None where it was not.
    pub(super) signed_out: Option<SortedSet<String>>,
    /// The report after which the store had all that it says, with the revision of that store.
    pub(super) settled: Option<(Revision, SortedMap<SessionName, SessionReport>)>,
}

impl Inner {
    /// Whether what can move was ended, and no beat was confirmed since. Then nothing that can move
    /// may start, although the deadline is still to come: nobody would end it any more.
    pub(super) fn is_ended(&self) -> bool {
        self.ended_at.is_some() && self.ended_at == self.look.fence.deadline()
    }

    /// The sessions that can move.
    pub(super) fn movable(&self) -> Arc<SortedSet<SessionName>> {
        Arc::clone(&self.movable)
    }

    /// Takes in what the manifest says of the fleet.
    pub(super) fn declare(&mut self, fleet: Fleet) {
        self.movable = Arc::new(movable(&fleet));
        self.fleet = fleet;
    }
}

fn movable(fleet: &Fleet) -> SortedSet<SessionName> {
    let sessions = fleet.sessions.iter();
    sessions
        .filter(|(_, session)| session.on_host_loss == LossPolicy::Move)
        .map(|(name, _)| name.clone())
        .collect()
}

/// What both sides see.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) here: HostName,
    inner: Mutex<Inner>,
    /// Wakes the controller.
    pub(super) changed: Notify,
    /// Wakes the leader.
    pub(super) to_place: Notify,
    /// Wakes who waits for a revision.
    pub(super) moved: Notify,
}

impl Shared {
    pub(super) fn new(here: HostName, fleet: Fleet) -> Self {
        Self {
            here,
            inner: Mutex::new(Inner {
                look: FleetLook::default(),
                movable: Arc::new(movable(&fleet)),
                fleet,
                permits: Permits::default(),
                ended_at: None,
                manifest: String::new(),
                signed_out: Some(SortedSet::new()),
                settled: None,
            }),
            changed: Notify::new(),
            to_place: Notify::new(),
            moved: Notify::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes why the fleet cannot be used now, or that it can.
    pub(super) fn trouble(&self, why: Option<String>) {
        let mut inner = self.lock();
        if inner.look.trouble != why {
            if let Some(why) = &why {
                tracing::warn!(why, "fleet");
            }
            inner.look.trouble = why;
            drop(inner);
            self.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StoreSettings;

    #[test]
    fn what_was_ended_does_not_start_again_before_the_next_good_beat() {
        let fleet = Fleet {
            settings: StoreSettings::default(),
            sessions: SortedMap::new(),
        };
        let shared = Shared::new(HostName::new("a").unwrap(), fleet);
        let mut inner = shared.lock();
        assert!(!inner.is_ended(), "it has no deadline yet");
        inner.look.fence = FenceState::taken_over(Some(BootTime(9)));
        assert!(!inner.is_ended());
        inner.ended_at = Some(BootTime(9));
        assert!(inner.is_ended());
        inner.look.fence = FenceState::taken_over(Some(BootTime(10)));
        assert!(!inner.is_ended(), "a beat was confirmed meanwhile");
    }
}
