//! One phrase of an agent's table, held against one line.
//!
//! A phrase stands at the line's start, and where it ends in a letter or digit a clause ends too:
//! `Not logged in` is in `Not logged in · Please run /login` or before two blanks, and neither in
//! `Not logged in users see…` nor in the middle of a sentence. `*` stands for any text: before the
//! phrase it lets it stand anywhere, after it lets anything follow. What stands within quotation
//! marks or back quotes is talk about a phrase, not the phrase.

/// Whether `text`, a line without its border, mark and outer blanks, says `phrase`.
pub(super) fn says(phrase: &str, text: &str) -> bool {
    let Some((last, others)) = Parts::of(phrase) else {
        return false;
    };
    let Some(at) = others.end(text) else {
        return false;
    };
    match last {
        Last::Open => true,
        Last::Closed {
            part,
            anchored: true,
        } => text.starts_with(part) && ends_clause(part, text, part.len()),
        Last::Closed {
            part,
            anchored: false,
        } => {
            let Some(rest) = text.get(at..) else {
                return false;
            };
            rest.match_indices(part).any(|(found, _)| {
                let start = at + found;
                ends_clause(part, text, start + part.len()) && !(at == 0 && is_quoted(text, start))
            })
        }
    }
}

/// The set of characters in a text, those beyond ASCII run together: what `phrase` has and `text`
/// lacks is quickly seen.
pub(super) fn letters(text: &str) -> u128 {
    text.bytes().fold(0, |set, byte| {
        set | 1 << (if byte < 128 { byte } else { byte & 31 })
    })
}

/// The set of characters without which `phrase` cannot be said.
pub(super) fn needs(phrase: &str) -> u128 {
    letters(phrase) & !(1 << b'*')
}

/// The parts of a phrase before its last one, which only need to follow each other.
struct Parts<'p> {
    before: &'p str,
    leading_star: bool,
}

/// The last part of a phrase.
enum Last<'p> {
    /// It ended in `*`.
    Open,
    /// A text after which a clause must end; `anchored`: it is the whole phrase.
    Closed { part: &'p str, anchored: bool },
}

impl<'p> Parts<'p> {
    /// Nothing for a phrase without text.
    fn of(phrase: &'p str) -> Option<(Last<'p>, Self)> {
        if phrase.chars().all(|c| c == '*' || c.is_whitespace()) {
            return None;
        }
        let leading_star = phrase.starts_with('*');
        let (before, part) = phrase.rsplit_once('*').unwrap_or(("", phrase));
        let last = if part.is_empty() {
            Last::Open
        } else {
            Last::Closed {
                part,
                anchored: !phrase.contains('*'),
            }
        };
        Some((
            last,
            Self {
                before,
                leading_star,
            },
        ))
    }

    /// Where in `text` they end, if it has them all in order.
    fn end(&self, text: &str) -> Option<usize> {
        let mut at = 0;
        for (index, part) in self
            .before
            .split('*')
            .filter(|part| !part.is_empty())
            .enumerate()
        {
            let rest = text.get(at..)?;
            let found = match (index, self.leading_star) {
                (0, false) => rest.starts_with(part).then_some(0)?,
                (0, true) => rest.find(part).filter(|found| !is_quoted(text, *found))?,
                _ => rest.find(part)?,
            };
            at += found + part.len();
        }
        Some(at)
    }
}

/// Whether a clause ends at `end`; a part that closes with punctuation ends one by itself.
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
    rest.trim_start()
        .chars()
        .next()
        .is_none_or(|next| !next.is_alphanumeric() && !matches!(next, ',' | '"' | '`' | '\''))
}

/// Whether what starts at `at` stands within quotation marks or back quotes.
fn is_quoted(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let odd = |mark: char| before.chars().filter(|c| *c == mark).count() % 2 == 1;
    let open = |open: char, close: char| {
        before
            .rfind(open)
            .is_some_and(|o| before.rfind(close).is_none_or(|c| c < o))
    };
    odd('"') || odd('`') || open('“', '”') || open('«', '»')
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
