//! Whether a line says something itself, or only shows what was said elsewhere.
//!
//! A prompt, a nudge and the file with an agent's instructions all hold the markers they ask for. A text marker does not
//! count
//!
//! - in a line that is shown as a quotation: it begins with a mark of [`QUOTES`], a line number, or that of a shell;
//! - in a line that we typed, or in the piece of one that holds more than the marker;
//! - where it is spoken of: within quotation marks or backticks of its line, or near words of [`ASKING`] or [`TELLING`].
//!
//! When in doubt it does not count: a session that has ended unseen is found idle later, one that is ended while it
//! works has lost its work.

/// What quoted lines begin with: blockquotes and composers, boxes, results of tools, diffs and listings, shell prompts.
const QUOTES: [&str; 19] =
    [">", "❯", "›", "»", "│", "┃", "|", "⎿", "╭", "╰", "+", "-", "* ", "@@", "$ ", "# ", "% ", "//", "`"];

/// Words before a marker that ask for it or tell of it.
const ASKING: [&str; 45] = [
    "print", "prints", "printf", "printed", "echo", "echoes", "say", "says", "saying", "write", "writes", "output",
    "outputs", "emit", "emits", "type", "reply", "respond", "answer", "append", "end", "finish", "conclude", "close",
    "when", "whenever", "once", "until", "unless", "if", "must", "should", "shall", "will", "would", "please",
    "marker", "markers", "pattern", "grep", "contains", "exactly", "expect", "expects", "like",
];

/// Words after a marker that do.
const TELLING: [&str; 14] = [
    "when", "whenever", "once", "until", "unless", "if", "must", "should", "shall", "will", "would", "means", "marker",
    "tells",
];

/// How far from a marker words are looked at, in bytes.
const NEAR: usize = 400;

/// Whether a line is shown as a quotation.
pub(super) fn is_quoted(line: &str) -> bool {
    let line = line.trim_start();
    QUOTES.iter().any(|mark| line.starts_with(mark)) || is_numbered(line) || is_prompted(line)
}

/// Whether a line that begins with this byte may be shown as a quotation; a first look that costs next to nothing.
pub(super) fn may_quote(first: u8) -> bool {
    first >= 0x80 || first.is_ascii_digit() || b">|+-*@$#%/`".contains(&first)
}

/// `12<tab>text`, `12→text`, `12:text`, `12 | text`, `12 + text`, `12 text`, and `file.md:12:text`: listings of files.
fn is_numbered(line: &str) -> bool {
    let after = line.trim_start_matches(|c: char| c.is_ascii_digit());
    if after.len() < line.len() {
        // A time or a date is no number of a line.
        let next = after.trim_start_matches(' ');
        return after.starts_with(['\t', '→', ' '])
            || next.starts_with(['│', '|'])
            || after.strip_prefix([':', '-']).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    }
    let Some((file, rest)) = line.split_once(':') else { return false };
    let text = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    file.contains(['.', '/']) && !file.contains(' ') && text.len() < rest.len() && text.starts_with(':')
}

/// `user@host:~/rig$ command`: what was typed at a shell.
fn is_prompted(line: &str) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    first.contains('@') && first.ends_with(['$', '#', '%', '>'])
}

/// What was typed, to be recognised where it is shown.
#[derive(Debug, Default)]
pub(super) struct Typed(Vec<String>);

impl Typed {
    /// The lines of these texts.
    pub(super) fn new(texts: &[String]) -> Self {
        Self(texts.iter().flat_map(|text| text.lines()).map(squeezed).filter(|line| !line.is_empty()).collect())
    }

    /// Whether this line is one of them, a piece of one that is more than `marker`, or holds the whole of one that is.
    pub(super) fn shows(&self, line: &str, marker: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let line = squeezed(line);
        let marker = squeezed(marker);
        let asks = |typed: &String| !marker.is_empty() && typed.len() > marker.len() && typed.contains(&marker);
        let echoes = |typed: &String| asks(typed) && line.contains(typed.as_str());
        let more = line.len() > marker.len();
        let shows = |typed: &String| *typed == line || more && typed.contains(&line) || echoes(typed);
        !line.is_empty() && self.0.iter().any(shows)
    }
}

/// Every run of blanks as one space.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether `line` states `marker`, found at `at`: as words of its own, and not as something spoken of.
pub(super) fn is_stated(line: &str, at: usize, marker: &str) -> bool {
    let (Some(before), Some(after)) = (line.get(..at), line.get(at + marker.len()..)) else { return false };
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if part(marker.chars().next()) && part(before.chars().next_back())
        || part(marker.chars().next_back()) && part(after.chars().next())
    {
        return false;
    }
    let quote = |c: char| matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '’' | '«' | '»');
    let enclosed = before.ends_with(quote) && after.starts_with(|c: char| quote(c) || c.is_ascii_punctuation());
    !enclosed && !holds(near_end(before), &ASKING) && !holds(near_start(after), &TELLING)
}

fn holds(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| words.iter().any(|m| m.eq_ignore_ascii_case(word)))
}

fn near_end(text: &str) -> &str {
    let mut from = text.len().saturating_sub(NEAR);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}

fn near_start(text: &str) -> &str {
    let mut to = text.len().min(NEAR);
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
        for prefix in
            ["", "  ", "⏺ ", "● ", "✅ ", "[12:01:02] INFO ", "2026-11-21T10:00:00Z ", "10:00:01 ", "agent-7: "]
        {
            assert!(states(&format!("{prefix}{MARKER}")), "{prefix}");
        }
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
        for (before, after) in [("End with \"", "\"."), ("the line `", "` tells"), ("", " must be your last line")] {
            assert!(!states(&format!("{before}{MARKER}{after}")), "{before}..{after}");
        }
        assert!(!is_stated("Claude exit code: 01", 0, "Claude exit code: 0"));
        assert!(!is_stated("UNDONE", 2, "DONE"));
    }

    #[test]
    fn what_was_typed_is_known_in_pieces() {
        let typed = Typed::new(&[format!("Do it.  {MARKER} is the\nlast line"), MARKER.to_owned()]);
        assert!(typed.shows("Do it. Agent completed successfully", MARKER));
        assert!(typed.shows(MARKER, MARKER), "a whole typed line");
        let longer = Typed::new(&[format!("say {MARKER} at the end")]);
        assert!(!longer.shows(MARKER, MARKER), "what was asked for");
        assert!(longer.shows(&format!("say {MARKER}"), MARKER));
        assert!(longer.shows(&format!("you: say {MARKER} at the end (queued)"), MARKER), "with words around it");
        assert!(!Typed::new(&["ok".to_owned()]).shows("it looks ok", ""));
    }
}
