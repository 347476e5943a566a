//! Joins rows to the lines that they are pieces of.
//!
//! A program that knows the pane's width breaks its lines itself: within a word if the row is full,
//! or before a word that has no room. Two rows show whether this may have happened. So a row is
//! judged alone, and joined with the rows that it may continue. JSON that was broken over rows is
//! judged when it is complete.

use super::cells::{MAX_ROW, characters};
use crate::model::written::from_bytes;

/// In how many ways rows may be joined at a time.
const MAX_WAYS: usize = 4;

/// How a line was broken between two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    /// The first row is full. The break may be within a word or between two.
    Full,
    /// The first word of the second row had no room in the first.
    Word,
}

/// How `row` may continue `previous` in a pane of this width, in columns. `None` if it cannot.
pub(super) fn wraps(previous: &[u8], row: &[u8], width: usize) -> Option<Wrap> {
    let first_word = row
        .trim_ascii_start()
        .split(u8::is_ascii_whitespace)
        .next()
        .unwrap_or_default();
    let is_blank = previous.trim_ascii().is_empty() || first_word.is_empty();
    // A character has at least one byte, so bytes that fit are columns that fit.
    let had_room = previous.len() + 1 + first_word.len() <= width;
    if is_blank || had_room {
        return None;
    }
    if characters(previous) == width {
        return Some(Wrap::Full);
    }
    let used = characters(previous.trim_ascii_end());
    let word_had_no_room = used <= width && used + 1 + characters(first_word) > width;
    word_had_no_room.then_some(Wrap::Word)
}

/// A line that was joined from rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) text: Vec<u8>,
    /// Where the newest row begins in the text.
    pub(super) seam: usize,
}

/// Joins `row` to the lines so far, in each way that is possible. Lines that become too long are
/// dropped.
pub(super) fn join(so_far: Vec<Joined>, row: &[u8], wrap: Wrap) -> Vec<Joined> {
    let mut ways = Vec::new();
    for Joined { text, .. } in so_far {
        if text.len() + row.len() >= MAX_ROW {
            continue;
        }
        if wrap == Wrap::Full {
            let mut within_word = text.clone();
            within_word.extend_from_slice(row);
            ways.push(Joined {
                text: within_word,
                seam: text.len(),
            });
        }
        let mut between_words = text.trim_ascii_end().to_vec();
        between_words.push(b' ');
        let seam = between_words.len();
        between_words.extend_from_slice(row.trim_ascii_start());
        ways.push(Joined {
            text: between_words,
            seam,
        });
    }
    ways.truncate(MAX_WAYS);
    ways
}

/// JSON that was broken over full rows, until it is complete or a row is not full.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    text: Vec<u8>,
    braces: Braces,
}

impl Broken {
    /// Begins with a full row that opens an object and does not close it.
    pub(super) fn begin(row: &[u8], width: usize) -> Option<Self> {
        let opens_object = row.trim_ascii_start().first() == Some(&b'{');
        let is_full = row.len() >= width && characters(row) == width;
        let is_begun = opens_object && is_full && !is_object(row);
        is_begun.then(|| Self {
            text: row.to_vec(),
            braces: Braces::default().after(row),
        })
    }

    /// Adds a row. Returns whether it was the last.
    pub(super) fn add(&mut self, row: &[u8], width: usize) -> bool {
        if self.text.len() + row.len() >= MAX_ROW {
            return true;
        }
        self.text.extend_from_slice(row);
        let was_open = !self.braces.closed;
        self.braces = self.braces.after(row);
        // The text is parsed only once, when its first brace is closed. To parse it after each row
        // would take too long.
        let closes = was_open && self.braces.closed;
        characters(row) != width || closes && is_object(&self.text)
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }
}

/// The open braces and strings at the end of a piece of JSON.
#[derive(Debug, Clone, Copy, Default)]
struct Braces {
    depth: usize,
    /// Whether the first brace was closed once.
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

/// Whether a text is one complete JSON object.
pub(super) fn is_object(text: &[u8]) -> bool {
    from_bytes::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_breaking_are_recognised() {
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
