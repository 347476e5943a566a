//! The place of one key in a [`SortedMap`], filled or not.

use super::{At, SortedMap};

/// The place of one key.
#[derive(Debug)]
pub enum MapEntry<'m, K, V> {
    /// The key is there.
    Occupied(Occupied<'m, K, V>),
    /// The key is not there.
    Vacant(Vacant<'m, K, V>),
}

/// The place of a key that is there.
#[derive(Debug)]
pub struct Occupied<'m, K, V> {
    pub(super) map: &'m mut SortedMap<K, V>,
    pub(super) at: At,
}

/// The place of a key that is not there.
#[derive(Debug)]
pub struct Vacant<'m, K, V> {
    pub(super) map: &'m mut SortedMap<K, V>,
    pub(super) at: At,
    pub(super) key: K,
}

impl<'m, K, V> MapEntry<'m, K, V> {
    /// The value, and `value` where there is none yet.
    pub fn or_insert(self, value: V) -> &'m mut V {
        self.or_insert_with(|| value)
    }

    /// The value, and what `make` gives where there is none yet.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'m mut V {
        match self {
            MapEntry::Occupied(entry) => entry.into_mut(),
            MapEntry::Vacant(entry) => entry.insert(make()),
        }
    }

    /// The value, and the type's default where there is none yet.
    pub fn or_default(self) -> &'m mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Changes the value, where there is one.
    #[must_use]
    pub fn and_modify(mut self, change: impl FnOnce(&mut V)) -> Self {
        if let MapEntry::Occupied(entry) = &mut self {
            change(entry.get_mut());
        }
        self
    }
}

impl<'m, K, V> Occupied<'m, K, V> {
    /// The key as it stands in the map.
    pub fn key(&self) -> &K {
        &self.map.entry_at(self.at).0
    }

    /// The value.
    pub fn get(&self) -> &V {
        &self.map.entry_at(self.at).1
    }

    /// The value, to be changed.
    pub fn get_mut(&mut self) -> &mut V {
        &mut self.map.entry_at_mut(self.at).1
    }

    /// Sets the value, and gives the one before.
    pub fn insert(&mut self, value: V) -> V {
        std::mem::replace(self.get_mut(), value)
    }

    /// The value, for as long as the map is borrowed.
    pub fn into_mut(self) -> &'m mut V {
        &mut self.map.entry_at_mut(self.at).1
    }
}

impl<'m, K, V> Vacant<'m, K, V> {
    /// Fills the place.
    pub fn insert(self, value: V) -> &'m mut V {
        self.map.put(self.at, self.key, value)
    }
}
