//! A map and a set that keep their keys in order, and that compile to little code.
//!
//! [`SortedMap`] does what the standard library's `BTreeMap` does. A `BTreeMap` is compiled anew for
//! each pair of types, and gtctl has some 200 pairs: they were more than a quarter of all that the
//! compiler had to translate, and so of the program. This map takes a tenth of that. The decision
//! record `docs/adr/0015-a-map-that-compiles-to-little.md` has the figures.
//!
//! The entries stand in parts of at most 64 ([`PART`]). Looking up costs two binary searches.
//! Inserting and removing move the entries of one part, so a map of 100,000 entries is as good to
//! edit as one of 1,000. Entries that come in order, as those of a sorted map do, are only appended.

mod entries;
mod entry;
mod set;
#[cfg(test)]
mod tests;
mod written;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Index;

pub use entries::{Entries, EntriesMut, IntoEntries};
pub use entry::{MapEntry, Occupied, Vacant};
pub use set::{IntoMembers, Members, SortedSet};

/// The most entries of a part. With more of them an insertion moves more; with fewer there are more
/// parts to allocate.
const PART: usize = 64;

/// A map whose entries are in the order of their keys.
///
/// # Examples
///
/// ```
/// use gtctl::model::SortedMap;
///
/// let ages = SortedMap::from([("witness", 7), ("deacon", 3)]);
///
/// assert_eq!(ages.get("deacon"), Some(&3));
/// assert_eq!(ages.keys().copied().collect::<Vec<_>>(), ["deacon", "witness"]);
/// ```
#[derive(Clone)]
pub struct SortedMap<K, V> {
    /// None is empty. All keys of a part are less than those of the next one.
    parts: Vec<Vec<(K, V)>>,
    len: usize,
}

/// Where an entry stands: its part, and its place in there.
#[derive(Debug, Clone, Copy)]
struct At {
    part: usize,
    place: usize,
}

impl<K, V> SortedMap<K, V> {
    /// No entry. Allocates nothing.
    pub const fn new() -> Self {
        Self {
            parts: Vec::new(),
            len: 0,
        }
    }

    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// All entries, the least key first.
    pub fn iter(&self) -> Entries<'_, K, V> {
        Entries::new(&self.parts, self.len)
    }

    /// All entries, the least key first, whose values may be changed.
    pub fn iter_mut(&mut self) -> EntriesMut<'_, K, V> {
        EntriesMut::new(&mut self.parts, self.len)
    }

    /// All keys, the least first.
    pub fn keys(
        &self,
    ) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone + use<'_, K, V> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(
        &self,
    ) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone + use<'_, K, V> {
        self.iter().map(|(_, value)| value)
    }

    /// All values, in the order of their keys, to be changed.
    pub fn values_mut(
        &mut self,
    ) -> impl DoubleEndedIterator<Item = &mut V> + ExactSizeIterator + use<'_, K, V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// All values, in the order of their keys, without the keys.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> + ExactSizeIterator + use<K, V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// Keeps the entries for which `keep` answers yes.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        for part in &mut self.parts {
            part.retain_mut(|(key, value)| keep(key, value));
        }
        self.parts.retain(|part| !part.is_empty());
        self.len = self.parts.iter().map(Vec::len).sum();
    }

    /// Removes the entry with the least key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        if self.is_empty() {
            return None;
        }
        Some(self.take(At { part: 0, place: 0 }))
    }

    /// Puts an entry to where it belongs: `at` comes from [`SortedMap::find`].
    #[expect(clippy::indexing_slicing, reason = "`find` has seen the part")]
    fn put(&mut self, at: At, key: K, value: V) -> &mut V {
        let At {
            mut part,
            mut place,
        } = at;
        self.len += 1;
        if self.parts.is_empty() {
            self.parts.push(Vec::new());
        }
        if self.parts[part].len() == PART {
            // Entries that come in order leave full parts behind them, all others half full ones.
            let kept = if place == PART { PART } else { PART / 2 };
            let rest = self.parts[part].split_off(kept);
            self.parts.insert(part + 1, rest);
            if place > PART / 2 {
                part += 1;
                place -= kept;
            }
        }
        let entries = &mut self.parts[part];
        entries.insert(place, (key, value));
        &mut entries[place].1
    }

    /// Removes an entry that is there.
    #[expect(clippy::indexing_slicing, reason = "`find` has seen the part")]
    fn take(&mut self, at: At) -> (K, V) {
        self.len -= 1;
        let part = &mut self.parts[at.part];
        let entry = part.remove(at.place);
        if part.is_empty() {
            self.parts.remove(at.part);
        }
        entry
    }

    /// An entry that is there.
    #[expect(clippy::indexing_slicing, reason = "`find` has seen the entry")]
    fn entry_at(&self, at: At) -> &(K, V) {
        &self.parts[at.part][at.place]
    }

    /// An entry that is there, to be changed.
    #[expect(clippy::indexing_slicing, reason = "`find` has seen the entry")]
    fn entry_at_mut(&mut self, at: At) -> &mut (K, V) {
        &mut self.parts[at.part][at.place]
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Where a key stands, or would stand.
    fn find<Q>(&self, key: &Q) -> Result<At, At>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let is_less = |(other, _): &(K, V)| other.borrow() < key;
        let part = self
            .parts
            .partition_point(|part| part.last().is_some_and(is_less));
        let Some(entries) = self.parts.get(part) else {
            // Greater than all: behind the last one.
            let last = self.parts.len().saturating_sub(1);
            let place = self.parts.last().map_or(0, Vec::len);
            return Err(At { part: last, place });
        };
        entries
            .binary_search_by(|(other, _)| other.borrow().cmp(key))
            .map(|place| At { part, place })
            .map_err(|place| At { part, place })
    }

    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The key as it stands here, and its value.
    pub fn get_key_value<Q>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let at = self.find(key).ok()?;
        let (key, value) = self.entry_at(at);
        Some((key, value))
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let at = self.find(key).ok()?;
        Some(&mut self.entry_at_mut(at).1)
    }

    /// Whether there is such a key.
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.find(key).is_ok()
    }

    /// Sets the value of a key, and gives the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.entry(key) {
            MapEntry::Occupied(mut entry) => Some(entry.insert(value)),
            MapEntry::Vacant(entry) => {
                entry.insert(value);
                None
            }
        }
    }

    /// Removes the entry of a key, and gives its value.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Removes the entry of a key, and gives it.
    pub fn remove_entry<Q>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let at = self.find(key).ok()?;
        Some(self.take(at))
    }

    /// The place of a key, filled or not.
    pub fn entry(&mut self, key: K) -> MapEntry<'_, K, V> {
        match self.find(&key) {
            Ok(at) => MapEntry::Occupied(Occupied { map: self, at }),
            Err(at) => MapEntry::Vacant(Vacant { map: self, at, key }),
        }
    }

    /// The entries whose keys are at least `from`.
    pub fn range_from<Q>(&self, from: &Q) -> impl Iterator<Item = (&K, &V)>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let at = self.find(from).unwrap_or_else(|at| at);
        let first = self
            .parts
            .get(at.part)
            .and_then(|part| part.get(at.place..));
        let others = self.parts.get(at.part + 1..).unwrap_or_default();
        first
            .unwrap_or_default()
            .iter()
            .chain(others.iter().flatten())
            .map(|(key, value)| (key, value))
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V, Q> Index<&Q> for SortedMap<K, V>
where
    K: Borrow<Q> + Ord,
    Q: Ord + ?Sized,
{
    type Output = V;

    #[expect(
        clippy::expect_used,
        reason = "an index that is not there is the caller's fault"
    )]
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key is in the map")
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SortedMap<K, V> {}

impl<K: PartialOrd, V: PartialOrd> PartialOrd for SortedMap<K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.iter().partial_cmp(other.iter())
    }
}

impl<K: Ord, V: Ord> Ord for SortedMap<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl<K: Hash, V: Hash> Hash for SortedMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len);
        for entry in self {
            entry.hash(state);
        }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
