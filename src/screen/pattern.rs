//! Matches one phrase of an agent's table with one line.
//!
//! ```text
//!  phrase                 line
//!  Not logged in          Not logged in · Please run /login       says it
//!  Not logged in          Not logged in users see a menu          does not: the clause goes on
//!  Not logged in          It says Not logged in                   does not: not at the start
//!  *esc to interrupt      ✻ Cooking… (esc to interrupt · 4s)      says it
//!  API Error: 401 {*      API Error: 401 {"type":"error"}         says it
//! ```
//!
//! A phrase must begin the line. If it ends in a letter or a digit, a clause must end after it. `*`
//! stands for any text: at the start of a phrase it lets the phrase stand anywhere in the line, and
//! at the end it lets anything follow. A phrase within quotation marks or back quotes does not
//! count: the line only talks about it.

/// Whether `text` says `phrase`. `text` is a line without its border, marks and outer blanks.
pub(super) fn says(phrase: &str, text: &str) -> bool {
    let Some(Parts {
        leading,
        has_leading_star,
        last,
    }) = Parts::of(phrase)
    else {
        return false;
    };
    let Some(from) = end_of_leading(leading, has_leading_star, text) else {
        return false;
    };
    match last {
        Last::Open => true,
        Last::Anchored(part) => text.starts_with(part) && ends_clause(part, text, part.len()),
        Last::Closed(part) => {
            let rest = text.get(from..).unwrap_or_default();
            rest.match_indices(part).any(|(at, _)| {
                let start = from + at;
                let is_talk = from == 0 && is_quoted(text, start);
                !is_talk && ends_clause(part, text, start + part.len())
            })
        }
    }
}

/// The set of bytes in a text, one bit for each. All bytes beyond ASCII share 32 bits.
///
/// If a phrase has a bit that a line lacks, the line cannot say the phrase. This test is fast.
pub(super) fn letters(text: &str) -> u128 {
    text.bytes().fold(0, |set, byte| {
        let bit = if byte < 128 { byte } else { byte & 31 };
        set | 1 << bit
    })
}

/// The set of bytes that a line must have to say the phrase.
pub(super) fn letters_of_phrase(phrase: &str) -> u128 {
    letters(phrase) & !(1 << b'*')
}

/// A phrase, split at its last `*`.
struct Parts<'p> {
    /// All before the last `*`. Its parts need to follow each other, with any text between.
    leading: &'p str,
    has_leading_star: bool,
    last: Last<'p>,
}

/// What follows the last `*` of a phrase.
enum Last<'p> {
    /// Nothing: anything may follow.
    Open,
    /// The whole phrase: there is no `*`.
    Anchored(&'p str),
    /// A text after which a clause must end.
    Closed(&'p str),
}

impl<'p> Parts<'p> {
    /// `None` for a phrase without text.
    fn of(phrase: &'p str) -> Option<Self> {
        if phrase.chars().all(|c| c == '*' || c.is_whitespace()) {
            return None;
        }
        let (leading, last) = match phrase.rsplit_once('*') {
            None => ("", Last::Anchored(phrase)),
            Some((leading, "")) => (leading, Last::Open),
            Some((leading, part)) => (leading, Last::Closed(part)),
        };
        Some(Self {
            leading,
            has_leading_star: phrase.starts_with('*'),
            last,
        })
    }
}

/// Where the leading parts end in `text`, if it has them all in order. Without any it is 0.
fn end_of_leading(leading: &str, has_leading_star: bool, text: &str) -> Option<usize> {
    let mut end = 0;
    let parts = leading.split('*').filter(|part| !part.is_empty());
    for (index, part) in parts.enumerate() {
        let rest = text.get(end..)?;
        let at = match (index, has_leading_star) {
            (0, false) => rest.starts_with(part).then_some(0)?,
            (0, true) => rest.find(part).filter(|at| !is_quoted(text, *at))?,
            _ => rest.find(part)?,
        };
        end += at + part.len();
    }
    Some(end)
}

/// Whether a clause ends at byte `end` of `text`, where `part` ends. A part that ends with
/// punctuation always ends a clause.
fn ends_clause(part: &str, text: &str, end: usize) -> bool {
    if !part.ends_with(char::is_alphanumeric) {
        return true;
    }
    let rest = text.get(end..).unwrap_or_default();
    if rest.starts_with(['\'', '"', '`', '’', '”', '-', '_']) {
        return false;
    }
    if rest.starts_with("  ") {
        return true;
    }
    let goes_on = |next: char| next.is_alphanumeric() || matches!(next, ',' | '"' | '`' | '\'');
    !rest.trim_start().starts_with(goes_on)
}

/// Whether byte `at` of the text is within quotation marks or back quotes.
fn is_quoted(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let is_odd = |mark: char| before.chars().filter(|c| *c == mark).count() % 2 == 1;
    let is_open = |opening: char, closing: char| {
        let opened = before.rfind(opening);
        let closed = before.rfind(closing);
        opened.is_some_and(|opened| closed.is_none_or(|closed| closed < opened))
    };
    is_odd('"') || is_odd('`') || is_open('“', '”') || is_open('«', '»')
}

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn a_phrase_starts_the_line_and_ends_a_clause() {
        assert!(says("Not logged in", "Not logged in"));
        assert!(says("Not logged in", "Not logged in · Please run /login"));
        assert!(says("Not logged in", "Not logged in."));
        assert!(says("*esc interrupt", "■■■  esc interrupt    tab agents"));
        assert!(!says("Not logged in", "Not logged in users see a menu"));
        assert!(!says("Not logged in", "It says Not logged in"));
        assert!(!says("Quota exceeded", "Quota exceeded, so I waited"));
        assert!(says("Do you want to proceed?", "Do you want to proceed?"));
        assert!(says("❯", "❯ fix the tests"));
    }

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(says(
            "*(esc to interrupt",
            "✻ Cooking… (esc to interrupt · 4s)"
        ));
        assert!(says(
            "You*ve hit your * limit",
            "You’ve hit your weekly limit ∙ resets 7pm"
        ));
        assert!(!says(
            "You*ve hit your * limit",
            "When You've hit your weekly limit, wait"
        ));
        assert!(says(
            "API Error: 401 {*",
            "API Error: 401 {\"type\":\"error\"}"
        ));
        assert!(says("*@*✨", "me@town✨ hello"));
        assert!(!says("*@*✨", "me at town✨"));
        assert!(!says("*b", "a bc"));
        assert!(says("*b", "a bc b"));
    }

    #[test]
    fn what_is_quoted_is_only_talked_about() {
        assert!(!says(
            "*(esc to interrupt",
            "the footer shows \"(esc to interrupt · 4s)\" then"
        ));
        assert!(!says(
            "*esc to interrupt",
            "look for `esc to interrupt` there"
        ));
        assert!(!says(
            "*esc to interrupt",
            "look for “esc to interrupt” there"
        ));
    }

    #[test]
    fn an_empty_phrase_says_nothing() {
        for phrase in ["", "*", " ", "* *", "**"] {
            assert!(!says(phrase, "anything"), "{phrase:?}");
            assert!(!says(phrase, ""), "{phrase:?}");
        }
    }
}
