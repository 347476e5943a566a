//! What is wrong with a manifest, and where.
//!
//! Text taken from a file or a variable enters a [`Fault`] only through [`shown`], which escapes
//! what a terminal would obey and cuts what is too long; so faults can be printed as they are.

/// Everything found in one reading, with the texts the places point into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// The findings: by file, then by place; those without a place come last.
    pub list: Vec<Fault>,
    /// The files read, user file first.
    pub files: Vec<SourceFile>,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, as it is to be shown; unsanitised.
    pub name: String,
    /// What it holds; unsanitised.
    pub text: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whether the manifest can be used all the same.
    pub severity: Severity,
    /// Its kind in kebab-case; stable over versions.
    pub code: &'static str,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// Where.
    pub origin: ValueOrigin,
    /// A few words to write at the place.
    pub label: String,
    /// What to type next.
    pub help: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<Related>,
}

/// Whether a manifest can be used in spite of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can; the writer should know.
    Advice,
}

/// Where a value, or a fault, comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueOrigin {
    /// A place in a file.
    File {
        /// Index into [`Faults::files`].
        file: usize,
        /// Byte offsets into its text; may be empty.
        span: Span,
    },
    /// An environment variable.
    Variable(String),
    /// A flag on the command line.
    Flag(String),
    /// Built in, or a profile: its name.
    BuiltIn(String),
}

/// A byte offset into a file's text.
pub type Offset = usize;

/// A piece of a file's text, in byte offsets: from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its first byte.
    pub start: Offset,
    /// The byte after its last.
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

/// Another place that belongs to a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub origin: ValueOrigin,
    /// A few words to write at the place.
    pub label: String,
}

impl Fault {
    /// An error with neither label, help nor further places.
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

    /// With these words at the place.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With this to type next.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With the nearest of `known` suggested, else `otherwise` as help.
    pub(crate) fn did_you_mean<'a>(
        self,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
        otherwise: impl FnOnce() -> String,
    ) -> Self {
        match nearest(word, known) {
            Some(near) => self.help(format!("did you mean `{}`?", shown(near))),
            None => self.help(otherwise()),
        }
    }

    /// With one more place.
    pub(crate) fn relate(mut self, origin: ValueOrigin, label: impl Into<String>) -> Self {
        self.related.push(Related {
            origin,
            label: label.into(),
        });
        self
    }
}

impl Faults {
    /// Whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|f| f.severity == Severity::Error)
    }

    /// Puts the findings in order and drops repetitions: one place, one code, one finding.
    pub(crate) fn settle(&mut self) {
        self.list
            .sort_by(|a, b| (&a.origin, a.code, &a.message).cmp(&(&b.origin, b.code, &b.message)));
        self.list
            .dedup_by(|a, b| a.code == b.code && a.origin == b.origin && a.message == b.message);
    }
}

impl SourceFile {
    /// Line and column, both from 1, of a byte offset; the column counts characters.
    #[must_use]
    pub fn position(&self, offset: Offset) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// The longest text of a user's that is shown whole, in characters.
const SHOWN: usize = 64;

/// A user's text fit to be shown: what a terminal would obey is escaped, what is too long is cut.
pub(crate) fn shown(text: &str) -> String {
    escaped(text, SHOWN)
}

/// The same, cut after so many characters.
pub(crate) fn escaped(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            out.push('…');
            break;
        }
        if is_unsafe(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a terminal would obey this character, or show another text than the one that is read.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The word of `known` that is nearest to `word`, if any is near enough to have been meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 4 * SHOWN {
        return None;
    }
    let allowed = 1 + word.chars().count() / 4;
    known
        .into_iter()
        .filter(|k| k.len().abs_diff(word.len()) <= 3)
        .map(|k| {
            (
                strsim::damerau_levenshtein(&word.to_lowercase(), &k.to_lowercase()),
                k,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
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
