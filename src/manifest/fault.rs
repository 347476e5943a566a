//! Faults: what is wrong with a manifest, and where.
//!
//! A fault can be printed as it is. Text from a file or a variable enters it only through
//! [`shown`], which cuts long text and escapes what could disturb a terminal.

use memchr::memchr_iter;

/// All faults of one reading, and the texts in which their places are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// The faults, sorted by file and place. Those without a place in a file come last.
    pub list: Vec<Fault>,
    /// The files that were read. If there is a user file, it is the first.
    pub files: Vec<SourceFile>,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file's path as messages show it, without characters that could disturb a terminal.
    pub name: String,
    /// The file's text, as it was read. Escape it before you print it.
    pub text: String,
}

/// One error in a manifest, or one piece of advice about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Error or advice.
    pub severity: Severity,
    /// The kind of fault in kebab case, such as `unknown-key`. Never changes between versions.
    pub code: &'static str,
    /// What is wrong, as a fragment in lower case.
    pub message: String,
    /// The place of the fault.
    pub origin: ValueOrigin,
    /// A few words to print at the place. Empty for none.
    pub label: String,
    /// What to do, such as a line to type.
    pub help: Option<String>,
    /// Other places that have to do with it, such as the first of two equal names.
    pub related: Vec<Related>,
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// gtctl does not use the manifest.
    Error,
    /// gtctl uses the manifest all the same.
    Advice,
}

/// Where a value or a fault comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueOrigin {
    /// A place in a file.
    File {
        /// Index into [`Faults::files`].
        file: usize,
        /// The piece of its text. May be empty.
        span: Span,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// A flag on the command line, as typed.
    Flag(String),
    /// Compiled into gtctl: `built-in`, or a profile such as `profile standard`.
    BuiltIn(String),
}

/// A byte offset into a file's text.
pub type Offset = usize;

/// A piece of a file's text: the bytes from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: Offset,
    /// The byte after the last one.
    pub end: Offset,
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

/// Another place that has to do with a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The place.
    pub origin: ValueOrigin,
    /// A few words to print at the place.
    pub label: String,
}

impl Fault {
    /// An error without label, help and related places.
    pub(crate) fn new(code: &'static str, origin: ValueOrigin, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            origin,
            label: String::new(),
            help: None,
            related: Vec::new(),
        }
    }

    /// Sets the words that are printed at the place.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets the help.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Sets the help: the candidate most similar to `word`, or `otherwise` if none is similar.
    pub(crate) fn did_you_mean<'a>(
        self,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
        otherwise: impl FnOnce() -> String,
    ) -> Self {
        match nearest(word, candidates) {
            Some(candidate) => self.help(format!("did you mean `{}`?", shown(candidate))),
            None => self.help(otherwise()),
        }
    }

    /// Adds a related place.
    pub(crate) fn relate(mut self, origin: ValueOrigin, label: impl Into<String>) -> Self {
        self.related.push(Related {
            origin,
            label: label.into(),
        });
        self
    }
}

impl Faults {
    /// Whether at least one fault is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list
            .iter()
            .any(|fault| fault.severity == Severity::Error)
    }

    /// Sorts the faults, and drops those with the same place, code and message as another.
    pub(crate) fn settle(&mut self) {
        self.list
            .sort_by(|a, b| (&a.origin, a.code, &a.message).cmp(&(&b.origin, b.code, &b.message)));
        self.list
            .dedup_by(|a, b| a.code == b.code && a.origin == b.origin && a.message == b.message);
    }
}

impl SourceFile {
    /// Line and column of a byte offset, both from 1. The column counts characters.
    #[must_use]
    pub fn position(&self, offset: Offset) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = memchr_iter(b'\n', before.as_bytes()).count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// The most characters of the user's text that a message shows.
const SHOWN: usize = 64;

/// The user's text for a message: at most 64 characters, with unsafe ones escaped.
///
/// Example: `a␛[2J` becomes `a\u{1b}[2J`.
pub(crate) fn shown(text: &str) -> String {
    escaped(text, SHOWN)
}

/// The text with unsafe characters escaped, cut after `limit` characters.
pub(crate) fn escaped(text: &str, limit: usize) -> String {
    let mut escaped = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            escaped.push('…');
            break;
        }
        if is_unsafe(c) {
            escaped.extend(c.escape_unicode());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Whether a character is a command to the terminal, or makes text look different from what it is.
///
/// Such are control characters, characters of no width, and those that turn the direction of text.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The candidate most similar to `word`, if one is so similar that it may have been meant.
///
/// One typing error is allowed, and one more for each four characters.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // The cost grows with the product of both lengths; no word of gtctl is that long.
    if word.len() > 4 * SHOWN {
        return None;
    }
    let allowed = 1 + word.chars().count() / 4;
    let word_lower = word.to_lowercase();
    let distance_to =
        |candidate: &str| strsim::damerau_levenshtein(&word_lower, &candidate.to_lowercase());
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= 3)
        .map(|candidate| (distance_to(candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(shown("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(shown("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(shown(&"a".repeat(10_000)).chars().count(), SHOWN + 1);
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("max_agee", ["max_age", "name"]), Some("max_age"));
        assert_eq!(nearest("wittness", ["witness", "mayor"]), Some("witness"));
        assert_eq!(nearest("xyz", ["witness", "mayor"]), None);
    }

    #[test]
    fn positions_count_from_one() {
        let file = SourceFile {
            name: "t".into(),
            text: "a\nbä\nc".into(),
        };
        assert_eq!(file.position(0), (1, 1));
        assert_eq!(file.position(5), (2, 3));
        assert_eq!(file.position(6), (3, 1));
    }
}
