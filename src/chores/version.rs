//! Versions, as programs print them and as tags of releases have them.

use std::cmp::Ordering;
use std::fmt;

/// Numbers between dots, and the suffix of what is no release: `1.2.0`, `1.2.0-rc1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    numbers: Vec<u64>,
    suffix: String,
}

impl Version {
    /// The first version in a text, such as `gt version v1.2.0 (abc)`; none where the text has no
    /// two numbers with a dot between them.
    pub(super) fn find(text: &str) -> Option<Self> {
        let begins = |c: char| !(c.is_ascii_alphanumeric() || "._-+".contains(c));
        text.split(begins).find_map(Self::parse)
    }

    fn parse(word: &str) -> Option<Self> {
        let word =
            word.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '-' || c == '_');
        let end = word
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(word.len());
        let (digits, rest) = word.split_at(end);
        let numbers: Option<Vec<u64>> = digits
            .trim_end_matches('.')
            .split('.')
            .map(|n| n.parse().ok())
            .collect();
        let numbers = numbers.filter(|numbers| numbers.len() > 1)?;
        // The part after a plus sign names the build, not the version.
        let suffix = rest
            .split('+')
            .next()
            .unwrap_or_default()
            .trim_start_matches(['-', '.']);
        Some(Self {
            numbers,
            suffix: suffix.to_owned(),
        })
    }
}

impl Version {
    /// Whether it is older than the other.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Less
    }

    fn order(&self, other: &Self) -> Ordering {
        let length = self.numbers.len().max(other.numbers.len());
        let padded = |version: &Self| {
            version
                .numbers
                .iter()
                .copied()
                .chain(std::iter::repeat(0))
                .take(length)
                .collect()
        };
        let (a, b): (Vec<u64>, Vec<u64>) = (padded(self), padded(other));
        // A version with a suffix is older than the release without one.
        a.cmp(&b)
            .then_with(|| self.suffix.is_empty().cmp(&other.suffix.is_empty()))
            .then_with(|| self.suffix.cmp(&other.suffix))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        f.write_str(&numbers.join("."))?;
        if self.suffix.is_empty() {
            Ok(())
        } else {
            write!(f, "-{}", self.suffix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_prose() {
        for (text, want) in [
            ("gt version 1.2.0", "1.2.0"),
            (
                "gt version v0.13.1 (dev: main@2aff1e, built 2026-01-02)",
                "0.13.1",
            ),
            ("v1.0", "1.0"),
            ("gt-v2.10.3-rc1+linux\n", "2.10.3-rc1"),
        ] {
            assert_eq!(
                Version::find(text).map(|v| v.to_string()).as_deref(),
                Some(want),
                "{text}"
            );
        }
        for text in [
            "",
            "gt version dev",
            "build 12",
            "...",
            "1.",
            "99999999999999999999999.1",
        ] {
            assert_eq!(Version::find(text), None, "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let of = |text| Version::find(text).unwrap();
        for (older, newer) in [
            ("v0.9.9", "v0.10.0"),
            ("1.2.0-rc1", "1.2.0"),
            ("1.2", "1.2.1"),
            ("1.2.0-rc1", "1.2.0-rc2"),
        ] {
            assert!(
                of(older).is_older_than(&of(newer)) && !of(newer).is_older_than(&of(older)),
                "{older} {newer}"
            );
        }
        assert_eq!(of("v1.2").order(&of("1.2.0")), Ordering::Equal);
    }
}
