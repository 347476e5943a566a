//! What runs over the entries of a [`SortedMap`], from either end.

use std::{slice, vec};

use super::SortedMap;

type Part<K, V> = Vec<(K, V)>;

/// Makes an iterator over parts: `$parts` gives parts, `$part` gives the entries of one.
///
/// `Flatten` of the standard library would do, but it does not know how many entries are left.
macro_rules! entries {
    (
        $(#[$doc:meta])*
        $name:ident<$($life:lifetime)?>, $given:ty, $parts:ty, $part:ty, $item:ty, $entry:pat => $shown:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<$($life,)? K, V> {
            front: Option<$part>,
            parts: $parts,
            back: Option<$part>,
            left: usize,
        }

        impl<$($life,)? K, V> $name<$($life,)? K, V> {
            pub(super) fn new(parts: $given, left: usize) -> Self {
                Self {
                    front: None,
                    parts: parts.into_iter(),
                    back: None,
                    left,
                }
            }
        }

        impl<$($life,)? K, V> Iterator for $name<$($life,)? K, V> {
            type Item = $item;

            fn next(&mut self) -> Option<$item> {
                loop {
                    if let Some($entry) = self.front.as_mut().and_then(Iterator::next) {
                        self.left -= 1;
                        return Some($shown);
                    }
                    match self.parts.next() {
                        Some(part) => self.front = Some(part.into_iter()),
                        None if self.back.is_some() => self.front = self.back.take(),
                        None => return None,
                    }
                }
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                (self.left, Some(self.left))
            }
        }

        impl<$($life,)? K, V> DoubleEndedIterator for $name<$($life,)? K, V> {
            fn next_back(&mut self) -> Option<$item> {
                loop {
                    if let Some($entry) = self.back.as_mut().and_then(DoubleEndedIterator::next_back) {
                        self.left -= 1;
                        return Some($shown);
                    }
                    match self.parts.next_back() {
                        Some(part) => self.back = Some(part.into_iter()),
                        None if self.front.is_some() => self.back = self.front.take(),
                        None => return None,
                    }
                }
            }
        }

        impl<$($life,)? K, V> ExactSizeIterator for $name<$($life,)? K, V> {}
    };
}

entries! {
    /// All entries, in order.
    Entries<'m>, &'m [Part<K, V>], slice::Iter<'m, Part<K, V>>, slice::Iter<'m, (K, V)>,
    (&'m K, &'m V), (key, value) => (key, value)
}

entries! {
    /// All entries, in order, whose values may be changed.
    EntriesMut<'m>, &'m mut [Part<K, V>], slice::IterMut<'m, Part<K, V>>, slice::IterMut<'m, (K, V)>,
    (&'m K, &'m mut V), (key, value) => (&*key, value)
}

entries! {
    /// All entries, in order, out of the map.
    IntoEntries<>, Vec<Part<K, V>>, vec::IntoIter<Part<K, V>>, vec::IntoIter<(K, V)>,
    (K, V), entry => entry
}

impl<K, V> Clone for Entries<'_, K, V> {
    fn clone(&self) -> Self {
        Self {
            front: self.front.clone(),
            parts: self.parts.clone(),
            back: self.back.clone(),
            left: self.left,
        }
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoEntries<K, V>;

    fn into_iter(self) -> IntoEntries<K, V> {
        IntoEntries::new(self.parts, self.len)
    }
}

impl<'m, K, V> IntoIterator for &'m SortedMap<K, V> {
    type Item = (&'m K, &'m V);
    type IntoIter = Entries<'m, K, V>;

    fn into_iter(self) -> Entries<'m, K, V> {
        self.iter()
    }
}

impl<'m, K, V> IntoIterator for &'m mut SortedMap<K, V> {
    type Item = (&'m K, &'m mut V);
    type IntoIter = EntriesMut<'m, K, V>;

    fn into_iter(self) -> EntriesMut<'m, K, V> {
        self.iter_mut()
    }
}
