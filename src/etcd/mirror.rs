//! A copy of all keys below a prefix, which follows the store.
//!
//! It lists once, then watches. Where the watch breaks off, or its revision was compacted away, it
//! lists again. A copy may be old: who needs certainty compares in a transaction.

use super::client::{EtcdClient, Freshness, Pair};
use super::fault::EtcdFault;
use super::watch::{KeyChange, KeyWatch};
use crate::model::SortedMap;

/// A copy of a prefix.
#[derive(Debug)]
pub struct Mirror {
    prefix: String,
    pairs: SortedMap<String, Pair>,
    revision: i64,
    watch: Option<KeyWatch>,
    listed: u64,
}

/// What a step of the mirror has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It has listed all keys anew.
    Listed,
    /// These keys, without the prefix, have changed or are gone. Empty: the store only said that it
    /// lives.
    Changed(Vec<String>),
}

impl Mirror {
    /// An empty copy.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            pairs: SortedMap::new(),
            revision: 0,
            watch: None,
            listed: 0,
        }
    }

    /// The pairs, by key without the prefix.
    #[must_use]
    pub fn pairs(&self) -> &SortedMap<String, Pair> {
        &self.pairs
    }

    /// One pair, by key without the prefix.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Pair> {
        self.pairs.get(key)
    }

    /// The pairs whose keys, without the prefix, begin with `folder`, each without that.
    pub fn below<'m>(&'m self, folder: &'m str) -> impl Iterator<Item = (&'m str, &'m Pair)> {
        self.pairs
            .range_from(folder)
            .map_while(move |(key, pair)| Some((key.strip_prefix(folder)?, pair)))
    }

    /// The revision that the copy has.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// How often all keys were listed.
    #[must_use]
    pub fn listed(&self) -> u64 {
        self.listed
    }

    /// Waits for the next change. May be broken off at any time without a loss.
    ///
    /// # Errors
    /// [`EtcdFault`]. The copy stays as it was, and the next call begins with a list.
    pub async fn step(&mut self, client: &EtcdClient) -> Result<Moved, EtcdFault> {
        let Some(watch) = &mut self.watch else {
            self.list(client).await?;
            return Ok(Moved::Listed);
        };
        match watch.next().await {
            Ok(changes) => {
                self.revision = self.revision.max(changes.revision);
                let mut keys = Vec::with_capacity(changes.changes.len());
                for change in changes.changes {
                    keys.extend(self.apply(change));
                }
                Ok(Moved::Changed(keys))
            }
            Err(fault) => {
                self.watch = None;
                match fault {
                    EtcdFault::Compacted(..) => {
                        self.list(client).await?;
                        Ok(Moved::Listed)
                    }
                    fault => {
                        client.channels().move_on();
                        Err(fault)
                    }
                }
            }
        }
    }

    /// Reads all keys, and watches what comes after.
    ///
    /// # Errors
    /// [`EtcdFault`]; the copy stays as it was.
    pub async fn list(&mut self, client: &EtcdClient) -> Result<(), EtcdFault> {
        self.watch = None;
        let (pairs, revision) = client.list(&self.prefix, Freshness::Quorum).await?;
        let watch = client.watch(&self.prefix, revision + 1).await?;
        let strip = |pair: Pair| Some((pair.key.strip_prefix(&self.prefix)?.to_owned(), pair));
        self.pairs = pairs.into_iter().filter_map(strip).collect();
        self.revision = revision;
        self.watch = Some(watch);
        self.listed += 1;
        Ok(())
    }

    fn apply(&mut self, change: KeyChange) -> Option<String> {
        match change {
            KeyChange::Put(pair) => {
                let key = pair.key.strip_prefix(&self.prefix)?.to_owned();
                self.pairs.insert(key.clone(), pair);
                Some(key)
            }
            KeyChange::Gone(key) => {
                let key = key.strip_prefix(&self.prefix)?.to_owned();
                self.pairs.remove(&key);
                Some(key)
            }
        }
    }
}
