//! A set that keeps its members in order: a [`SortedMap`] without values.

use std::borrow::Borrow;
use std::fmt;

use super::{Entries, IntoEntries, SortedMap};

/// A set whose members are in order.
///
/// # Examples
///
/// ```
/// use gtctl::model::SortedSet;
///
/// let mut rigs = SortedSet::from(["gastown", "beads"]);
///
/// assert!(!rigs.insert("beads"));
/// assert_eq!(rigs.into_iter().collect::<Vec<_>>(), ["beads", "gastown"]);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortedSet<T>(SortedMap<T, ()>);

impl<T> SortedSet<T> {
    /// No member. Allocates nothing.
    pub const fn new() -> Self {
        Self(SortedMap::new())
    }

    /// How many members there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no member.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all members.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// All members, the least first.
    pub fn iter(&self) -> Members<'_, T> {
        Members(self.0.iter())
    }

    /// The least member.
    pub fn first(&self) -> Option<&T> {
        self.iter().next()
    }

    /// The greatest member.
    pub fn last(&self) -> Option<&T> {
        self.iter().next_back()
    }

    /// Removes the least member.
    pub fn pop_first(&mut self) -> Option<T> {
        self.0.pop_first().map(|(member, ())| member)
    }

    /// Keeps the members for which `keep` answers yes.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.0.retain(|member, ()| keep(member));
    }
}

impl<T: Ord> SortedSet<T> {
    /// Whether it has such a member.
    pub fn contains<Q>(&self, member: &Q) -> bool
    where
        T: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.0.contains_key(member)
    }

    /// The member as it stands here.
    pub fn get<Q>(&self, member: &Q) -> Option<&T>
    where
        T: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.0.get_key_value(member).map(|(member, ())| member)
    }

    /// Adds a member. Whether it was not there before.
    pub fn insert(&mut self, member: T) -> bool {
        self.0.insert(member, ()).is_none()
    }

    /// Removes a member. Whether it was there.
    pub fn remove<Q>(&mut self, member: &Q) -> bool
    where
        T: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.0.remove(member).is_some()
    }

    /// The members that `other` has not.
    pub fn difference<'s>(&'s self, other: &'s Self) -> impl Iterator<Item = &'s T> {
        self.iter().filter(|member| !other.contains(*member))
    }

    /// The members that both have.
    pub fn intersection<'s>(&'s self, other: &'s Self) -> impl Iterator<Item = &'s T> {
        self.iter().filter(|member| other.contains(*member))
    }

    /// Whether `other` has all these members.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|member| other.contains(member))
    }
}

/// All members, in order.
#[derive(Debug)]
pub struct Members<'s, T>(Entries<'s, T, ()>);

/// All members, in order, out of the set.
#[derive(Debug)]
pub struct IntoMembers<T>(IntoEntries<T, ()>);

impl<'s, T> Iterator for Members<'s, T> {
    type Item = &'s T;

    fn next(&mut self) -> Option<&'s T> {
        self.0.next().map(|(member, ())| member)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> DoubleEndedIterator for Members<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(member, ())| member)
    }
}

impl<T> ExactSizeIterator for Members<'_, T> {}

impl<T> Clone for Members<'_, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Iterator for IntoMembers<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.next().map(|(member, ())| member)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> DoubleEndedIterator for IntoMembers<T> {
    fn next_back(&mut self) -> Option<T> {
        self.0.next_back().map(|(member, ())| member)
    }
}

impl<T> ExactSizeIterator for IntoMembers<T> {}

impl<T> IntoIterator for SortedSet<T> {
    type Item = T;
    type IntoIter = IntoMembers<T>;

    fn into_iter(self) -> IntoMembers<T> {
        IntoMembers(self.0.into_iter())
    }
}

impl<'s, T> IntoIterator for &'s SortedSet<T> {
    type Item = &'s T;
    type IntoIter = Members<'s, T>;

    fn into_iter(self) -> Members<'s, T> {
        self.iter()
    }
}

impl<T: Ord> Extend<T> for SortedSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, members: I) {
        for member in members {
            self.insert(member);
        }
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        let mut set = Self::new();
        set.extend(members);
        set
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for SortedSet<T> {
    fn from(members: [T; N]) -> Self {
        members.into_iter().collect()
    }
}

impl<T> Default for SortedSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for SortedSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
