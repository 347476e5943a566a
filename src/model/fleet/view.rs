//! What a town's part of the store has in one revision.

use super::{
    Epoch, FleetKey, Hist, HostMark, HostRecord, LeaderRecord, Placement, Revision, SessionStatus,
};
use crate::model::{HostName, SessionName};
use crate::model::{SortedMap, SortedSet};
use serde::de::DeserializeOwned;

/// A value of the store, with its revisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// The value.
    pub value: T,
    /// The revision in which its key was made.
    pub created: Revision,
    /// The revision in which it was last written.
    pub modified: Revision,
}

impl Stored<Placement> {
    /// The epoch of the placement.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.value.since.unwrap_or_else(|| self.modified.into())
    }
}

/// The town's part of the store, in one revision.
///
/// A value that cannot be read is in [`FleetView::unreadable`]. Its key is there all the same: a
/// host whose record cannot be read is not lost, and a session whose placement cannot be read has a
/// place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FleetView {
    /// The revision.
    pub revision: Revision,
    /// Who leads.
    pub leader: Option<Stored<LeaderRecord>>,
    /// The hosts that show that they live.
    pub hosts: SortedMap<HostName, Stored<HostRecord>>,
    /// All hosts that ever signed in.
    pub known: SortedMap<HostName, Stored<HostRecord>>,
    /// What people have said of hosts.
    pub marks: SortedMap<HostName, Stored<HostMark>>,
    /// Where the sessions are.
    pub places: SortedMap<SessionName, Stored<Placement>>,
    /// What is remembered of the sessions.
    pub hists: SortedMap<SessionName, Stored<Hist>>,
    /// How the sessions are.
    pub statuses: SortedMap<SessionName, Stored<SessionStatus>>,
    /// The keys whose values cannot be read.
    pub unreadable: SortedSet<FleetKey>,
}

impl FleetView {
    /// Takes in a value that the store has. Keys of no interest here, such as asks, change nothing.
    pub fn put(&mut self, key: &FleetKey, text: &str, created: Revision, modified: Revision) {
        self.remove(key);
        let is_readable = match key {
            FleetKey::Leader => {
                self.leader = read(text, created, modified);
                self.leader.is_some()
            }
            FleetKey::Host(host) => keep(&mut self.hosts, host, read(text, created, modified)),
            FleetKey::Known(host) => keep(&mut self.known, host, read(text, created, modified)),
            FleetKey::Mark(host) => keep(&mut self.marks, host, read(text, created, modified)),
            FleetKey::Place(name) => keep(&mut self.places, name, read(text, created, modified)),
            FleetKey::Hist(name) => keep(&mut self.hists, name, read(text, created, modified)),
            FleetKey::Status(name) => keep(&mut self.statuses, name, read(text, created, modified)),
            FleetKey::Manifest | FleetKey::Plan(_) | FleetKey::Ask(_) => true,
        };
        if !is_readable {
            self.unreadable.insert(key.clone());
        }
    }

    /// Takes in that the store has no such key any more.
    pub fn remove(&mut self, key: &FleetKey) {
        self.unreadable.remove(key);
        match key {
            FleetKey::Leader => self.leader = None,
            FleetKey::Host(host) => drop(self.hosts.remove(host)),
            FleetKey::Known(host) => drop(self.known.remove(host)),
            FleetKey::Mark(host) => drop(self.marks.remove(host)),
            FleetKey::Place(name) => drop(self.places.remove(name)),
            FleetKey::Hist(name) => drop(self.hists.remove(name)),
            FleetKey::Status(name) => drop(self.statuses.remove(name)),
            FleetKey::Manifest | FleetKey::Plan(_) | FleetKey::Ask(_) => {}
        }
    }

    /// Whether the store has a key of the host, readable or not.
    #[must_use]
    pub fn is_present(&self, host: &HostName) -> bool {
        let is_unreadable = || self.unreadable.contains(&FleetKey::Host(host.clone()));
        self.hosts.contains_key(host) || is_unreadable()
    }
}

fn read<T: DeserializeOwned>(
    text: &str,
    created: Revision,
    modified: Revision,
) -> Option<Stored<T>> {
    let value = serde_json::from_str(text).ok()?;
    Some(Stored {
        value,
        created,
        modified,
    })
}

/// Keeps a value, if there is one. Says whether there is.
fn keep<K: Ord + Clone, T>(
    map: &mut SortedMap<K, Stored<T>>,
    key: &K,
    value: Option<Stored<T>>,
) -> bool {
    let is_there = value.is_some();
    map.extend(value.map(|value| (key.clone(), value)));
    is_there
}
