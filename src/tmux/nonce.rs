//! Delimiters that no text in an answer can forge.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A new word for one call: 16 hexadecimal digits. The authors of the delimited texts cannot know
/// it.
///
/// It is a hash whose keys the standard library takes from the system's random source.
pub fn nonce() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike() {
        let some: crate::model::SortedSet<String> = (0..1000).map(|_| nonce()).collect();
        assert_eq!(some.len(), 1000);
        assert!(some.iter().all(|nonce| nonce.len() == 16));
    }
}
