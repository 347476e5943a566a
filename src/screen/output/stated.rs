//! Whether a line states a marker itself, or only shows or mentions it.
//!
//! A prompt, a nudge and an agent's instructions contain the markers that they ask for. So a text
//! marker does not count
//!
//! - in a quotation: a line that begins with a mark of [`QUOTES`], a line number or a shell prompt,
//! - in a mention: within quotation marks, or near words such as `print` or `when`,
//! - in a text that the agent was given: see [`super::given`].
//!
//! In doubt a marker does not count. A session that has completed unseen is found idle later. A
//! session that is ended while it works loses its work.

/// What quotations begin with: block quotes, composers, boxes, output of tools, differences,
/// listings and shell prompts.
const QUOTES: [&str; 19] = [
    ">", "❯", "›", "»", "│", "┃", "|", "⎿", "╭", "╰", "+", "-", "* ", "@@", "$ ", "# ", "% ", "//",
    "`",
];
/// Words before a marker that ask for the marker or tell about it.
const ASKING: [&str; 45] = [
    "print", "prints", "printf", "printed", "echo", "echoes", "say", "says", "saying", "write",
    "writes", "output", "outputs", "emit", "emits", "type", "reply", "respond", "answer", "append",
    "end", "finish", "conclude", "close", "when", "whenever", "once", "until", "unless", "if",
    "must", "should", "shall", "will", "would", "please", "marker", "markers", "pattern", "grep",
    "contains", "exactly", "expect", "expects", "like",
];
/// Words after a marker that tell about it.
const TELLING: [&str; 14] = [
    "when", "whenever", "once", "until", "unless", "if", "must", "should", "shall", "will",
    "would", "means", "marker", "tells",
];
/// How far from a marker these words count, in bytes. They also must be in the same sentence.
const NEAR: usize = 400;

/// What ends a sentence within a line.
const SENTENCE_ENDS: [&str; 6] = [". ", "! ", "? ", "。", "！", "？"];
/// Whether a line shows a quotation.
pub(super) fn is_quoted(line: &str) -> bool {
    let line = line.trim_start();
    QUOTES.iter().any(|mark| line.starts_with(mark))
        || has_line_number(line)
        || has_shell_prompt(line)
}

/// Whether a line that begins with this byte may show a quotation. This test costs next to nothing.
pub(super) fn may_quote(first: u8) -> bool {
    first >= 0x80 || first.is_ascii_digit() || b">|+-*@$#%/`".contains(&first)
}
/// Whether a line is one of a listing: `12<tab>text`, `12→text`, `12:text`, `12 | text`,
/// `12 + text`, `12 text`, or `file.md:12:text`.
fn has_line_number(line: &str) -> bool {
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    if after_number.len() < line.len() {
        let next_text = after_number.trim_start_matches(' ');
        // In a time (`10:00`) or a date (`2025-11`) a digit follows the mark.
        let is_number_and_text = after_number
            .strip_prefix([':', '-'])
            .is_some_and(|text| !text.starts_with(|c: char| c.is_ascii_digit()));
        return after_number.starts_with(['\t', '→', ' '])
            || next_text.starts_with(['│', '|'])
            || is_number_and_text;
    }
    let Some((file, after_file)) = line.split_once(':') else {
        return false;
    };
    let after_number = after_file.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_file = file.contains(['.', '/']) && !file.contains(' ');
    is_file && after_number.len() < after_file.len() && after_number.starts_with(':')
}

/// Whether a line was typed at a shell: `user@host:~/rig$ command`.
fn has_shell_prompt(line: &str) -> bool {
    let first_word = line.split(' ').next().unwrap_or_default();
    first_word.contains('@') && first_word.ends_with(['$', '#', '%', '>'])
}

/// Whether the line states the marker that begins at byte `at`: as whole words, and not as a
/// mention.
pub(super) fn is_stated(line: &str, at: usize, marker: &str) -> bool {
    let (Some(before), Some(after)) = (line.get(..at), line.get(at + marker.len()..)) else {
        return false;
    };
    let is_in_word = joins(before.chars().next_back(), marker.chars().next())
        || joins(marker.chars().next_back(), after.chars().next());
    let is_mention = is_enclosed(before, after)
        || has_word(sentence_before(before), &ASKING)
        || has_word(sentence_after(after), &TELLING);
    !is_in_word && !is_mention
}

/// Whether two neighbours belong to one word.
fn joins(left: Option<char>, right: Option<char>) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    left.is_some_and(is_part) && right.is_some_and(is_part)
}

/// Whether a text is in quotation marks. A mark of punctuation may stand in for the closing mark.
fn is_enclosed(before: &str, after: &str) -> bool {
    let is_mark = |c: char| matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '’' | '«' | '»');
    before.ends_with(is_mark) && after.starts_with(|c: char| is_mark(c) || c.is_ascii_punctuation())
}

fn has_word(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_alphanumeric())
        .any(|word| words.iter().any(|wanted| wanted.eq_ignore_ascii_case(word)))
}

/// The part of the marker's sentence before the marker, at most [`NEAR`] bytes.
fn sentence_before(text: &str) -> &str {
    let near = end_of(text, NEAR);
    let starts = SENTENCE_ENDS
        .iter()
        .filter_map(|end| near.rfind(end).map(|at| at + end.len()));
    near.get(starts.max().unwrap_or(0)..).unwrap_or_default()
}

/// The part of the marker's sentence after the marker, at most [`NEAR`] bytes.
fn sentence_after(text: &str) -> &str {
    let near = start_of(text, NEAR);
    let end = SENTENCE_ENDS.iter().filter_map(|end| near.find(end)).min();
    near.get(..end.unwrap_or(near.len())).unwrap_or_default()
}

/// The last bytes of a text, at most so many, in whole characters.
pub(super) fn end_of(text: &str, bytes: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default()
}

/// The first bytes of a text, at most so many, in whole characters.
pub(super) fn start_of(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
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
}
