//! The store: keys with revisions, leases, transactions. Without any network.

use gtctl::model::SortedMap;
use gtctl::model::{Compare, FleetKey, Revision, Transaction, Write};

/// A value, as the store has it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) created: Revision,
    pub(super) modified: Revision,
    lease: Option<u64>,
}

/// A key that was written or removed.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) key: FleetKey,
    /// What it is now. None if it is gone.
    pub(super) now: Option<Entry>,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) revision: Revision,
    pub(super) entries: SortedMap<FleetKey, Entry>,
    /// All changes, oldest first.
    pub(super) log: Vec<Change>,
    /// When each lease ends, in ms of the true time.
    leases: SortedMap<u64, u64>,
    last_lease: u64,
}

impl Store {
    pub(super) fn grant(&mut self, ends: u64) -> u64 {
        self.last_lease += 1;
        self.leases.insert(self.last_lease, ends);
        self.last_lease
    }

    /// Moves the end of a lease. False if there is no such lease.
    pub(super) fn keep_alive(&mut self, lease: u64, ends: u64) -> bool {
        let known = self.leases.get_mut(&lease);
        let is_known = known.is_some();
        if let Some(known) = known {
            *known = ends.max(*known);
        }
        is_known
    }

    /// What a new leader of the store does: no lease ends before this time.
    pub(super) fn extend_all(&mut self, ends: u64) {
        for lease in self.leases.values_mut() {
            *lease = ends.max(*lease);
        }
    }

    /// Ends the leases whose time has come.
    pub(super) fn expire(&mut self, now: u64) {
        let over = |(lease, ends): (&u64, &u64)| (*ends <= now).then_some(*lease);
        let over: Vec<u64> = self.leases.iter().filter_map(over).collect();
        for lease in over {
            self.revoke(lease);
        }
    }

    /// Ends a lease, with its keys.
    pub(super) fn revoke(&mut self, lease: u64) {
        self.leases.remove(&lease);
        let is_its = |entry: &Entry| entry.lease == Some(lease);
        let keys = self.entries.iter().filter(|(_, entry)| is_its(entry));
        let keys: Vec<FleetKey> = keys.map(|(key, _)| key.clone()).collect();
        if keys.is_empty() {
            return;
        }
        self.revision.0 += 1;
        for key in keys {
            self.write(key, None);
        }
    }

    pub(super) fn lease_of(&self, key: &FleetKey) -> Option<u64> {
        self.entries.get(key)?.lease
    }

    /// Carries out a transaction, if its conditions hold. Says in which revision.
    pub(super) fn commit(
        &mut self,
        transaction: &Transaction,
        lease: Option<u64>,
    ) -> Option<Revision> {
        let holds = transaction
            .compares
            .iter()
            .all(|compare| self.holds(compare));
        let leases_live = transaction.writes.iter().all(|write| match write {
            Write::PutLeased(..) => lease.is_some_and(|lease| self.leases.contains_key(&lease)),
            Write::Put(..) | Write::Delete(_) => true,
        });
        if !holds || !leases_live {
            return None;
        }
        self.revision.0 += 1;
        for write in &transaction.writes {
            match write {
                Write::Put(key, text) => self.put(key, text, None),
                Write::PutLeased(key, text) => self.put(key, text, lease),
                Write::Delete(key) => self.write(key.clone(), None),
            }
        }
        Some(self.revision)
    }

    fn holds(&self, compare: &Compare) -> bool {
        let entry = |key| self.entries.get(key);
        match compare {
            Compare::Absent(key) => entry(key).is_none(),
            Compare::Created(key, made) => entry(key).is_some_and(|e| e.created == *made),
            Compare::Modified(key, last) => {
                entry(key).map(|e| e.modified).unwrap_or_default() == *last
            }
        }
    }

    fn put(&mut self, key: &FleetKey, text: &str, lease: Option<u64>) {
        let created = self.entries.get(key).map(|entry| entry.created);
        let entry = Entry {
            text: text.to_owned(),
            created: created.unwrap_or(self.revision),
            modified: self.revision,
            lease,
        };
        self.write(key.clone(), Some(entry));
    }

    fn write(&mut self, key: FleetKey, now: Option<Entry>) {
        match &now {
            Some(entry) => drop(self.entries.insert(key.clone(), entry.clone())),
            None => drop(self.entries.remove(&key)),
        }
        self.log.push(Change { key, now });
    }
}
