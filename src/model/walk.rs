//! Looks up names in an ordered collection, in one walk.

use std::cmp::Ordering;
use std::iter::Peekable;

/// Looks up ascending names in an ascending sequence.
///
/// One walk is cheaper than many separate look-ups: a town may have a thousand names that begin
/// alike.
pub struct Walk<I: Iterator>(Peekable<I>);

impl<K: AsRef<str>, V, I: Iterator<Item = (K, V)>> Walk<I> {
    /// Begins a walk at the first item.
    pub fn new(items: impl IntoIterator<IntoIter = I>) -> Self {
        Self(items.into_iter().peekable())
    }

    /// The value of this name, the first time. Each name must come after all names that were looked
    /// up before.
    pub fn find(&mut self, name: &str) -> Option<V> {
        loop {
            let (key, _) = self.0.peek()?;
            match key.as_ref().cmp(name) {
                Ordering::Less => {
                    self.0.next();
                }
                Ordering::Equal => return self.0.next().map(|(_, value)| value),
                Ordering::Greater => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SortedMap;

    #[test]
    fn what_is_there_is_found_and_what_is_not_is_passed_over() {
        let map: SortedMap<String, u32> = [("a", 1), ("b", 2), ("d", 4)]
            .map(|(k, v)| (k.to_owned(), v))
            .into();
        let mut walk = Walk::new(&map);
        assert_eq!(
            ["", "a", "a", "c", "d", "e"].map(|name| walk.find(name)),
            [None, Some(&1), None, None, Some(&4), None]
        );
    }
}
