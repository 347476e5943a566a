//! Whether a line says something itself, or only shows what was said elsewhere.
//!
//! A prompt, a nudge and the file with an agent's instructions all hold the markers they ask for. A
//! text marker does not count
//!
//! - in a line that is shown as a quotation: it begins with a mark of [`QUOTES`], a line number, or
//!   that of a shell;
//! - where a text is shown that the agent was given: see [`Given`];
//! - where it is spoken of: within quotation marks or backticks of its line, or near words of
//!   [`ASKING`] or [`TELLING`].
//!
//! When in doubt it does not count: a session that has ended unseen is found idle later, one that
//! is ended while it works has lost its work.

/// What quoted lines begin with: blockquotes and composers, boxes, results of tools, diffs and
/// listings, shell prompts.
const QUOTES: [&str; 19] = [
    ">", "❯", "›", "»", "│", "┃", "|", "⎿", "╭", "╰", "+", "-", "* ", "@@", "$ ", "# ", "% ", "//",
    "`",
];

/// Words before a marker that ask for it or tell of it.
const ASKING: [&str; 45] = [
    "print", "prints", "printf", "printed", "echo", "echoes", "say", "says", "saying", "write",
    "writes", "output", "outputs", "emit", "emits", "type", "reply", "respond", "answer", "append",
    "end", "finish", "conclude", "close", "when", "whenever", "once", "until", "unless", "if",
    "must", "should", "shall", "will", "would", "please", "marker", "markers", "pattern", "grep",
    "contains", "exactly", "expect", "expects", "like",
];

/// Words after a marker that do.
const TELLING: [&str; 14] = [
    "when", "whenever", "once", "until", "unless", "if", "must", "should", "shall", "will",
    "would", "means", "marker", "tells",
];

/// How far from a marker words are looked at, in bytes; only those of its own sentence are.
const NEAR: usize = 400;

/// What ends a sentence within a line.
const SENTENCE_ENDS: [&str; 6] = [". ", "! ", "? ", "。", "！", "？"];

/// Whether a line is shown as a quotation.
pub(super) fn is_quoted(line: &str) -> bool {
    let line = line.trim_start();
    QUOTES.iter().any(|mark| line.starts_with(mark)) || is_numbered(line) || is_prompted(line)
}

/// Whether a line that begins with this byte may be shown as a quotation; a first look that costs
/// next to nothing.
pub(super) fn may_quote(first: u8) -> bool {
    first >= 0x80 || first.is_ascii_digit() || b">|+-*@$#%/`".contains(&first)
}

/// `12<tab>text`, `12→text`, `12:text`, `12 | text`, `12 + text`, `12 text`, and `file.md:12:text`:
/// listings of files.
fn is_numbered(line: &str) -> bool {
    let after = line.trim_start_matches(|c: char| c.is_ascii_digit());
    if after.len() < line.len() {
        // A time or a date is no number of a line.
        let next = after.trim_start_matches(' ');
        return after.starts_with(['\t', '→', ' '])
            || next.starts_with(['│', '|'])
            || after
                .strip_prefix([':', '-'])
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    }
    let Some((file, rest)) = line.split_once(':') else {
        return false;
    };
    let text = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    file.contains(['.', '/'])
        && !file.contains(' ')
        && text.len() < rest.len()
        && text.starts_with(':')
}

/// `user@host:~/rig$ command`: what was typed at a shell.
fn is_prompted(line: &str) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    first.contains('@') && first.ends_with(['$', '#', '%', '>'])
}

/// Texts that the agent was given, to be recognised where a client shows them: what was typed into
/// the session, and what stands in its command line.
///
/// A client shows such a text wrapped, indented, in a box or behind a mark of its own. So only
/// letters and digits are compared. A marker is shown, not said, where the letters around it are
/// those around it in the text.
#[derive(Debug, Default)]
pub(super) struct Given(Vec<String>);

/// So many bytes of letters before or after a marker are enough to know a text again.
const ENOUGH: usize = 24;
/// The same within the marker's own line: who repeats so much of a text speaks of it.
const ENOUGH_IN_LINE: usize = 12;
/// The same after a marker, where other letters stand before it in its line.
const ENOUGH_AFTER: usize = 6;
/// How much of the output before a line is compared, in bytes.
const BACK: usize = 1 << 10;

/// Where a marker was found in the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The rows before its line.
    pub(super) rows: &'a [u8],
    /// Its line.
    pub(super) line: &'a str,
    /// Where the marker begins in the line.
    pub(super) at: usize,
    /// The marker.
    pub(super) marker: &'a str,
}

impl Place<'_> {
    fn before(&self) -> &str {
        self.line.get(..self.at).unwrap_or_default()
    }

    fn after(&self) -> &str {
        self.line
            .get(self.at + self.marker.len()..)
            .unwrap_or_default()
    }
}

impl Given {
    pub(super) fn new(texts: &[String]) -> Self {
        Self(
            texts
                .iter()
                .map(|text| squeezed(text))
                .filter(|text| !text.is_empty())
                .collect(),
        )
    }

    /// Whether the whole line stands in one of the texts. Only for lines that are JSON: those are
    /// long.
    pub(super) fn has_line(&self, line: &str) -> bool {
        let line = squeezed(line);
        !line.is_empty() && self.0.iter().any(|text| text.contains(&line))
    }

    /// Whether the marker at this place is one of a given text that is shown there.
    pub(super) fn shows(&self, place: Place<'_>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let marker = squeezed(place.marker);
        let is_whole_text = |text: &String| *text == marker && squeezed(place.line) == marker;
        self.0.iter().any(is_whole_text)
            || self
                .surroundings(&marker)
                .any(|around| around.are_at(place))
    }

    /// What must follow for the marker at this place to be a shown one after all: letters, by the
    /// text.
    pub(super) fn expected_after(&self, place: Place<'_>) -> Vec<String> {
        let marker = squeezed(place.marker);
        self.surroundings(&marker)
            .filter_map(|around| around.expected_after(place))
            .collect()
    }

    /// The letters before and after each occurrence of the marker.
    fn surroundings<'a>(&'a self, marker: &'a str) -> impl Iterator<Item = Surroundings> + 'a {
        let around = move |text: &'a String| {
            text.match_indices(marker).map(|(at, _)| Surroundings {
                before: letters(end_of(text.get(..at).unwrap_or_default(), BACK)),
                after: letters(start_of(
                    text.get(at + marker.len()..).unwrap_or_default(),
                    BACK,
                )),
            })
        };
        self.0
            .iter()
            .filter(move |_| !marker.is_empty())
            .flat_map(around)
    }
}

/// The letters around a marker in a given text.
struct Surroundings {
    before: String,
    after: String,
}

impl Surroundings {
    /// Whether the letters around that place are these.
    fn are_at(&self, place: Place<'_>) -> bool {
        let in_line = letters(place.before());
        let rows = String::from_utf8_lossy(
            place
                .rows
                .get(place.rows.len().saturating_sub(BACK)..)
                .unwrap_or_default(),
        );
        let output = letters(&rows) + &in_line;
        let agreed = common_end(&self.before, &output);
        let is_whole = agreed > 0 && agreed == self.before.len();
        let is_all_of_line = !in_line.is_empty() && agreed >= in_line.len();
        let is_piece_of_line = agreed >= ENOUGH_IN_LINE && agreed <= in_line.len();
        is_whole
            || is_all_of_line
            || is_piece_of_line
            || agreed >= ENOUGH
            || self.goes_on_in(place, &in_line)
    }

    /// Whether the rest of the line is what follows the marker in the text.
    fn goes_on_in(&self, place: Place<'_>, in_line: &str) -> bool {
        let rest = letters(place.after());
        let agreed = common_start(&self.after, &rest);
        let is_all = agreed == rest.len() || agreed == self.after.len();
        agreed > 0 && is_all && (in_line.is_empty() || agreed >= ENOUGH_AFTER)
    }

    /// The letters that the next rows begin with if the text is shown from its marker on.
    fn expected_after(&self, place: Place<'_>) -> Option<String> {
        let is_alone = letters(place.before()).is_empty() && letters(place.after()).is_empty();
        let expected = start_of(&self.after, ENOUGH);
        (is_alone && expected.len() >= ENOUGH_AFTER).then(|| expected.to_owned())
    }
}

/// The letters and digits of a text; an escaped line end or tab (`\\n`) is none.
pub(super) fn letters(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            let next = chars.next();
            letters.extend(next.filter(|c| c.is_alphanumeric() && !matches!(c, 'n' | 'r' | 't')));
        } else if c.is_alphanumeric() {
            letters.push(c);
        }
    }
    letters
}

/// How many bytes at their ends are the same, in whole characters.
fn common_end(a: &str, b: &str) -> usize {
    let pairs = a.chars().rev().zip(b.chars().rev());
    pairs
        .take_while(|(a, b)| a == b)
        .map(|(c, _)| c.len_utf8())
        .sum()
}

/// How many bytes at their beginnings are the same, in whole characters.
fn common_start(a: &str, b: &str) -> usize {
    a.chars()
        .zip(b.chars())
        .take_while(|(a, b)| a == b)
        .map(|(c, _)| c.len_utf8())
        .sum()
}

/// Every run of blanks as one space.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether `line` states `marker`, found at `at`: as words of its own, and not as something spoken
/// of.
pub(super) fn is_stated(line: &str, at: usize, marker: &str) -> bool {
    let (Some(before), Some(after)) = (line.get(..at), line.get(at + marker.len()..)) else {
        return false;
    };
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if part(marker.chars().next()) && part(before.chars().next_back())
        || part(marker.chars().next_back()) && part(after.chars().next())
    {
        return false;
    }
    let quote = |c: char| matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '’' | '«' | '»');
    let enclosed = before.ends_with(quote)
        && after.starts_with(|c: char| quote(c) || c.is_ascii_punctuation());
    !enclosed && !holds(sentence_before(before), &ASKING) && !holds(sentence_after(after), &TELLING)
}

fn holds(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_alphanumeric())
        .any(|word| words.iter().any(|m| m.eq_ignore_ascii_case(word)))
}

/// What stands in the same sentence before a marker, as far as it is near.
fn sentence_before(text: &str) -> &str {
    let near = end_of(text, NEAR);
    let ends = SENTENCE_ENDS
        .iter()
        .filter_map(|end| near.rfind(end).map(|at| at + end.len()));
    near.get(ends.max().unwrap_or(0)..).unwrap_or_default()
}

/// What stands in the same sentence after a marker, as far as it is near.
fn sentence_after(text: &str) -> &str {
    let near = start_of(text, NEAR);
    let end = SENTENCE_ENDS.iter().filter_map(|end| near.find(end)).min();
    near.get(..end.unwrap_or(near.len())).unwrap_or_default()
}

/// The last so many bytes of a text, in whole characters.
fn end_of(text: &str, bytes: usize) -> &str {
    let mut from = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}

/// The first so many bytes of a text, in whole characters.
pub(super) fn start_of(text: &str, bytes: usize) -> &str {
    let mut to = text.len().min(bytes);
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    text.get(..to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: &str = "Agent completed successfully";

    fn states(line: &str) -> bool {
        !is_quoted(line) && is_stated(line, line.find(MARKER).unwrap(), MARKER)
    }

    #[test]
    fn statements() {
        for prefix in [
            "",
            "  ",
            "⏺ ",
            "● ",
            "✅ ",
            "[12:01:02] INFO ",
            "2026-11-21T10:00:00Z ",
            "10:00:01 ",
            "agent-7: ",
        ] {
            assert!(states(&format!("{prefix}{MARKER}")), "{prefix}");
        }
        assert!(
            states(&format!("All is as you would expect. {MARKER}")),
            "a sentence of its own"
        );
        for suffix in [".", "!", " in 12m", " (3 files changed)"] {
            assert!(states(&format!("{MARKER}{suffix}")), "{suffix}");
        }
    }

    #[test]
    fn quotations_and_mentions() {
        for prefix in [
            "> ",
            "❯ ",
            "│ ",
            "  ⎿  ",
            "+ ",
            "- ",
            "+",
            "    12\t",
            "   12→",
            "   12 + ",
            "12:",
            "CLAUDE.md:12:",
            "$ echo ",
            "root@box:~/rig# ",
            "When you are done, print ",
            "print: ",
            "`",
            "# ",
        ] {
            assert!(!states(&format!("{prefix}{MARKER}")), "{prefix}");
        }
        for (before, after) in [
            ("End with \"", "\"."),
            ("the line `", "` tells"),
            ("", " must be your last line"),
        ] {
            assert!(
                !states(&format!("{before}{MARKER}{after}")),
                "{before}..{after}"
            );
        }
        assert!(!is_stated("Claude exit code: 01", 0, "Claude exit code: 0"));
        assert!(!is_stated("UNDONE", 2, "DONE"));
    }

    fn shows(texts: &[&str], rows: &str, line: &str) -> bool {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let at = line.find(MARKER).unwrap();
        Given::new(&texts).shows(Place {
            rows: rows.as_bytes(),
            line,
            at,
            marker: MARKER,
        })
    }

    #[test]
    fn what_was_given_is_known_in_pieces() {
        let both = [&*format!("Do it.  {MARKER} is the\nlast line"), MARKER];
        assert!(shows(&both, "", "Do it. Agent completed successfully"));
        assert!(shows(&both, "", MARKER), "a whole text");
        let longer = [&*format!("say {MARKER} at the end")];
        assert!(!shows(&longer, "", MARKER), "what was asked for");
        assert!(shows(&longer, "", &format!("say {MARKER}")));
        assert!(
            shows(
                &longer,
                "",
                &format!("you: say {MARKER} at the end (queued)")
            ),
            "with words around it"
        );
    }

    #[test]
    fn a_given_text_is_known_however_it_is_shown_and_the_agents_own_line_counts() {
        let task = format!(
            "Repair the login and run all its tests. As the last line write\n\n{MARKER}\n\nand stop."
        );
        let given = [task.as_str()];
        let shown = "user\nRepair the login and run\nall its tests. As the last line write\n\n";
        assert!(shows(&given, shown, MARKER), "on a line of its own");
        assert!(
            shows(
                &given,
                &shown.replace('\n', "\n  > "),
                &format!("  > {MARKER}")
            ),
            "quoted"
        );
        assert!(
            shows(
                &given,
                &shown.replace('\n', " │\n│ "),
                &format!("│ **{MARKER}** │")
            ),
            "boxed and bold"
        );
        assert!(
            shows(&given, "", &format!("{MARKER} and stop.")),
            "its end alone"
        );
        let escaped = format!(
            "prompt: {:?}",
            task.replace(&format!("\n\n{MARKER}\n\nand stop."), "\n\n")
        );
        assert!(
            shows(
                &given,
                "",
                &format!("{} {MARKER}", escaped.trim_end_matches('"'))
            ),
            "escaped"
        );
        assert!(
            !shows(
                &given,
                &format!("{shown}{MARKER}\nand stop.\ncodex\n"),
                MARKER
            ),
            "said by the agent"
        );
        assert!(!shows(&given, "All tests pass now.\n", MARKER));
        assert!(!shows(
            &given,
            "I have repaired the login.\n",
            &format!("⏺ {MARKER}")
        ));
        for (task, shown) in [
            (
                format!("修复登录。成功后打印 {MARKER} 并停止。"),
                format!("成功后打印 {MARKER}"),
            ),
            (
                format!("修复登录。成功后打印 {MARKER} 并停止。"),
                format!("{MARKER} 并停止。"),
            ),
            (
                format!("Wenn alles fertig ist, gib {MARKER} aus."),
                format!("fertig ist, gib {MARKER}"),
            ),
        ] {
            assert!(shows(&[task.as_str()], "", &shown), "{shown}");
        }
    }

    #[test]
    fn what_must_follow_a_shown_marker_is_known() {
        let given = Given::new(&[format!("{MARKER}\nis what you write at the very end")]);
        let place = |line| Place {
            rows: b"",
            line,
            at: 0,
            marker: MARKER,
        };
        assert_eq!(
            given.expected_after(place(MARKER)),
            ["iswhatyouwriteattheverye"]
        );
        assert!(
            given
                .expected_after(place("Agent completed successfully, at last"))
                .is_empty()
        );
    }
}
