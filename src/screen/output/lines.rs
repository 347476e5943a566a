//! Rows joined to the lines they are pieces of.
//!
//! A program that knows the pane's width breaks its own lines: in the middle of a word where the
//! row is full, or before a word that had no room left. Both can be told from the two rows, so a
//! row is judged alone and together with those it continues. JSON that was broken over rows is
//! judged when it is whole.

use super::cells::{MAX_ROW, characters};

/// The most ways in which the rows so far may be joined.
const MAX_WAYS: usize = 4;

/// How a row goes on in the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    /// The row was full: in the middle of a word, or between two.
    Full,
    /// The next word had no room.
    Word,
}

/// Whether `row` may be the continuation of `previous` in a pane of this width.
pub(super) fn wraps(previous: &[u8], row: &[u8], width: usize) -> Option<Wrap> {
    let word = row.trim_ascii_start();
    let word = word
        .split(u8::is_ascii_whitespace)
        .next()
        .unwrap_or_default();
    if previous.trim_ascii().is_empty()
        || word.is_empty()
        || previous.len() + 1 + word.len() <= width
    {
        return None;
    }
    let columns = characters(previous);
    if columns == width {
        Some(Wrap::Full)
    } else {
        let trimmed = characters(previous.trim_ascii_end());
        (trimmed <= width && trimmed + 1 + characters(word) > width).then_some(Wrap::Word)
    }
}

/// A line put together from rows, and where its newest row begins in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) text: Vec<u8>,
    pub(super) seam: usize,
}

/// The rows so far in each way in which they may belong together, and `row` after them.
pub(super) fn join(so_far: Vec<Joined>, row: &[u8], wrap: Wrap) -> Vec<Joined> {
    let mut ways = Vec::new();
    for Joined { text, .. } in so_far {
        if text.len() + row.len() >= MAX_ROW {
            continue;
        }
        if wrap == Wrap::Full {
            let mut broken = text.clone();
            broken.extend_from_slice(row);
            ways.push(Joined {
                text: broken,
                seam: text.len(),
            });
        }
        let mut parted = text.trim_ascii_end().to_vec();
        parted.push(b' ');
        let seam = parted.len();
        parted.extend_from_slice(row.trim_ascii_start());
        ways.push(Joined { text: parted, seam });
    }
    ways.truncate(MAX_WAYS);
    ways
}

/// JSON that was broken over full rows, until it is whole or goes on no longer.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    text: Vec<u8>,
    braces: Braces,
}

impl Broken {
    /// Begins with a full row that opens an object and does not close it.
    pub(super) fn begin(row: &[u8], width: usize) -> Option<Self> {
        let open = row.trim_ascii_start().first() == Some(&b'{')
            && row.len() >= width
            && characters(row) == width;
        let is_begun = open && !is_object(row);
        is_begun.then(|| Self {
            text: row.to_vec(),
            braces: Braces::default().after(row),
        })
    }

    /// Adds a row. True when it was the last.
    pub(super) fn add(&mut self, row: &[u8], width: usize) -> bool {
        if self.text.len() + row.len() >= MAX_ROW {
            return true;
        }
        self.text.extend_from_slice(row);
        let was_open = !self.braces.closed;
        self.braces = self.braces.after(row);
        // All of it is read as JSON once, when its first brace is closed: for each row anew it
        // would take too long.
        let closes = was_open && self.braces.closed;
        characters(row) != width || closes && is_object(&self.text)
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }
}

/// Where in the braces and strings of JSON a text has come to.
#[derive(Debug, Clone, Copy, Default)]
struct Braces {
    depth: usize,
    /// The first brace has been closed.
    closed: bool,
    in_string: bool,
    escaped: bool,
}

impl Braces {
    fn after(mut self, text: &[u8]) -> Self {
        for byte in text {
            let escaped = std::mem::take(&mut self.escaped);
            match byte {
                b'\\' if self.in_string => self.escaped = !escaped,
                b'"' if !escaped => self.in_string = !self.in_string,
                b'{' if !self.in_string => self.depth += 1,
                b'}' if !self.in_string => {
                    self.depth = self.depth.saturating_sub(1);
                    self.closed |= self.depth == 0;
                }
                _ => {}
            }
        }
        self
    }
}

pub(super) fn is_object(text: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_breaking_are_known() {
        assert_eq!(wraps(b"0123456789", b"next", 10), Some(Wrap::Full));
        assert_eq!(
            wraps("0123é56789".as_bytes(), b"next", 10),
            Some(Wrap::Full)
        );
        assert_eq!(wraps(b"012345", b"next one", 10), Some(Wrap::Word));
        assert_eq!(wraps(b"01234", b"next one", 10), None, "it had room");
        assert_eq!(
            wraps(b"0123456789a", b"next", 10),
            None,
            "not broken at this width"
        );
        assert_eq!(wraps(b"0123456789", b"  ", 10), None);
    }

    #[test]
    fn all_ways_are_kept() {
        let first = vec![Joined {
            text: b"Claude ex".to_vec(),
            seam: 0,
        }];
        let joined = join(first, b"it code", Wrap::Full);
        let texts: Vec<_> = joined
            .iter()
            .map(|j| String::from_utf8(j.text.clone()).unwrap())
            .collect();
        assert_eq!(texts, ["Claude exit code", "Claude ex it code"]);
    }

    #[test]
    fn json_is_followed_to_its_end() {
        let mut broken = Broken::begin(b"{\"a\":\"0123", 10).unwrap();
        assert!(!broken.add(b"4567890123", 10));
        assert!(broken.add(b"\"}", 10));
        assert_eq!(broken.text(), b"{\"a\":\"01234567890123\"}");
        let mut quoting = Broken::begin(b"{\"a\":\"}\\\"}", 10).unwrap();
        assert!(!quoting.add(b"{\\\\\",\"b\": ", 10));
        assert!(!quoting.add(b"{\"c\":  12}", 10));
        assert!(quoting.add(b"         }", 10));
        assert!(Broken::begin(b"{\"a\":12.0}", 10).is_none(), "whole");
        assert!(Broken::begin(b"{\"a\"", 10).is_none(), "not full");
    }
}
