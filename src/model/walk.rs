//! Ordered collections side by side.

use std::iter::Peekable;

/// Looks ascending names up in an ascending sequence, in one walk: among a thousand names that
/// begin alike, looking each up by itself is what a look would spend most on.
pub struct Walk<I: Iterator>(Peekable<I>);

impl<K: AsRef<str>, V, I: Iterator<Item = (K, V)>> Walk<I> {
    /// One over this sequence, from its beginning.
    pub fn new(items: impl IntoIterator<IntoIter = I>) -> Self {
        Self(items.into_iter().peekable())
    }

    /// What is under this name, once. Each name must come after all that were asked for before.
    pub fn find(&mut self, name: &str) -> Option<V> {
        while self.0.next_if(|(key, _)| key.as_ref() < name).is_some() {}
        self.0
            .next_if(|(key, _)| key.as_ref() == name)
            .map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_there_is_found_and_what_is_not_is_passed_over() {
        let map: BTreeMap<String, u32> = [("a", 1), ("b", 2), ("d", 4)]
            .map(|(k, v)| (k.to_owned(), v))
            .into();
        let mut walk = Walk::new(&map);
        assert_eq!(
            ["", "a", "a", "c", "d", "e"].map(|name| walk.find(name)),
            [None, Some(&1), None, None, Some(&4), None]
        );
    }
}
