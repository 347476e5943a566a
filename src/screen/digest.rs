//! The content of a screen as one number. Two looks with the same number have seen no progress.
//!
//! A client that repaints a spinner and a timer every second says nothing new. So the digest leaves
//! out
//!
//! - spinners and the line with the spinner's word,
//! - times, percentages and counts of tokens,
//! - bars, borders and blanks,
//! - the footer below the prompt.
//!
//! Other numbers are content: `12 passed` and `13 passed` differ.

use super::lines::{clip, is_border, is_composer_head, is_option, is_spinner};

/// How many lines from the end count. Bare lines are not counted.
const TAIL: usize = 24;
/// What a terminal echoes of an Escape that nobody reads. It is no word of the client.
const ECHO: &str = "^[";
/// The longest footer, in lines that are not bare.
const MAX_FOOTER: usize = 6;
/// How many bytes of borders and blanks may stand before the mark of a prompt.
const MAX_INDENT: usize = 6;

/// The digest of a screen's content.
///
/// Another version of gtctl may give another number. So compare digests of one run only.
#[must_use]
pub fn digest(lines: &[&str]) -> u64 {
    let mut hash = Hash::new();
    for line in without_footer(tail(lines)) {
        let has_content = hash.add_line(clip(line));
        if has_content {
            hash.add('\n');
        }
    }
    hash.0
}

/// The digest without the footer lines that say one of the agent's phrases for its prompt. Their
/// tips change while nothing happens.
pub(super) fn content(ready: &[String], lines: &[&str]) -> u64 {
    let is_footer_phrase =
        |phrase: &&String| phrase.starts_with('*') && phrase.ends_with(char::is_alphanumeric);
    let phrases: Vec<&String> = ready.iter().filter(is_footer_phrase).collect();
    let is_footer = |line: &&str| {
        phrases
            .iter()
            .any(|phrase| super::pattern::says(phrase, line.trim()))
    };
    let has_footer = lines
        .iter()
        .rev()
        .filter(|line| !is_bare(line))
        .take(MAX_FOOTER)
        .any(is_footer);
    if !has_footer {
        return digest(lines);
    }
    let is_near_end = |at: usize| {
        let from_here = lines.iter().skip(at);
        from_here.filter(|line| !is_bare(line)).count() <= MAX_FOOTER
    };
    let kept_lines: Vec<&str> = lines
        .iter()
        .enumerate()
        .filter(|(at, line)| !(is_footer(line) && is_near_end(*at)))
        .map(|(_, line)| *line)
        .collect();
    digest(&kept_lines)
}

/// The digest of what is above the composer, or of the whole screen if there is no composer.
#[must_use]
pub(super) fn turn(lines: &[&str]) -> u64 {
    let composer = lines.iter().rposition(is_prompt).unwrap_or(lines.len());
    digest(lines.get(..composer).unwrap_or_default())
}

/// The digest of every character of a text.
pub(super) fn raw(text: &str) -> u64 {
    let mut hash = Hash::new();
    text.chars().for_each(|c| hash.add(c));
    hash.0
}

/// The digest of the counts of tokens in the last lines: of each word before `tokens`.
pub(super) fn progress(lines: &[&str]) -> u64 {
    let mut hash = Hash::new();
    let last_lines = lines.iter().rev().filter(|line| !is_bare(line)).take(TAIL);
    for line in last_lines.filter(|line| line.contains("token")) {
        let mut previous = "";
        for word in clip(line).split_whitespace() {
            if word.trim_matches(is_wrapping).starts_with("token") {
                previous.chars().for_each(|c| hash.add(c));
            }
            previous = word;
        }
    }
    hash.0
}

/// The last lines, of which [`TAIL`] are not bare.
fn tail<'l, 's>(lines: &'l [&'s str]) -> &'l [&'s str] {
    let mut solid = lines
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, line)| !is_bare(line));
    let first = solid.by_ref().take(TAIL).last().map_or(0, |(at, _)| at);
    lines.get(first..).unwrap_or_default()
}

/// Whether a line has nothing but blanks and borders.
fn is_bare(line: &str) -> bool {
    line.chars().all(|c| c.is_whitespace() || is_border(c))
}

/// The lines up to the prompt and what is typed there.
fn without_footer<'l, 's>(lines: &'l [&'s str]) -> &'l [&'s str] {
    let Some(prompt) = lines.iter().rposition(is_prompt) else {
        return lines;
    };
    let more_typed_lines = lines
        .iter()
        .skip(prompt + 1)
        .take_while(|line| !is_bare(line))
        .count();
    let (content, footer) = lines
        .split_at_checked(prompt + 1 + more_typed_lines)
        .unwrap_or((lines, &[]));
    // So much text below a prompt is no footer, and the prompt is one of an earlier turn.
    if footer.iter().filter(|line| !is_bare(line)).count() > MAX_FOOTER {
        lines
    } else {
        content
    }
}

/// Whether a line is a prompt, with or without typed text.
fn is_prompt(line: &&str) -> bool {
    let text = line.trim_start_matches(['│', '┃', ' ']);
    let indent = line.len() - text.len();
    let has_mark = text.starts_with(['❯', '›', '>']) && !is_option(text);
    (has_mark && indent <= MAX_INDENT) || is_composer_head(line.trim())
}

/// An FNV-1a hash of characters.
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, c: char) {
        self.0 = (self.0 ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3);
    }

    /// Adds the content of a line. Returns whether it has any.
    fn add_line(&mut self, line: &str) -> bool {
        let text = line.trim_start();
        if is_spinner_line(text) {
            return false;
        }
        let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
        let mut has_content = false;
        while let Some(word) = words.next() {
            let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
            if has_digit {
                let core = word.trim_matches(is_wrapping);
                let has_unit = words.peek().is_some_and(|next| is_unit(next));
                if is_volatile(core) || (is_number(core) && has_unit) {
                    words.next_if(|next| is_unit(next));
                    continue;
                }
            }
            has_content |= self.add_word(word);
        }
        has_content
    }

    /// Adds a word without its decoration. Returns whether something is left of it.
    fn add_word(&mut self, word: &str) -> bool {
        let word = word.trim_start_matches(ECHO).trim_end_matches(ECHO);
        let is_sign = matches!(
            word,
            "|" | "/" | "-" | "\\" | "*" | "+" | "(" | ")" | "•" | "↑" | "↓"
        );
        if word.is_empty() || is_sign {
            return false;
        }
        // Most words are ASCII, which has no decoration.
        if word.is_ascii() {
            word.bytes().for_each(|byte| self.add(char::from(byte)));
            self.add(' ');
            return true;
        }
        let mut has_content = false;
        for c in word.chars().filter(|c| !is_decoration(*c)) {
            self.add(c);
            has_content = true;
        }
        if has_content {
            self.add(' ');
        }
        has_content
    }
}

/// Whether a line is a spinner with its word or with a tip.
///
/// Example: `✻ Cogitating… (45s · ↑ 1.2k tokens)`.
fn is_spinner_line(text: &str) -> bool {
    text.starts_with(|c| is_spinner(c) && c != '⏺')
        && (text.contains('…') || text.contains("...") || text.contains("Tip:"))
}

fn is_decoration(c: char) -> bool {
    is_spinner(c) || is_border(c) || matches!(c, '\u{a0}' | '\u{2580}'..='\u{25ff}')
}

/// Whether a character only encloses or separates a number.
fn is_wrapping(c: char) -> bool {
    matches!(
        c,
        '(' | ')' | '[' | ']' | ',' | '.' | ';' | '·' | '∙' | '•' | '↑' | '↓' | '│' | '~' | '…'
    )
}

fn is_number(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '/'))
}

/// Whether a word makes the number before it a time, a percentage or a count of tokens.
fn is_unit(word: &str) -> bool {
    let word = word.trim_matches(is_wrapping);
    let singular = word.strip_suffix('s').unwrap_or(word);
    matches!(
        singular,
        "token" | "second" | "sec" | "minute" | "min" | "hour"
    ) || matches!(word, "h" | "m" | "s" | "am" | "pm" | "%")
}

/// Whether a word is a measure that changes with time.
///
/// Examples: `12s`, `1m42s`, `45%`, `1.2k`, `10:32`, `12.3k/200k`.
fn is_volatile(core: &str) -> bool {
    core.starts_with(|c: char| c.is_ascii_digit()) && core.split('/').all(is_measure)
}

/// Whether a text is nothing but numbers with units. The last number needs no unit: `10:32`.
fn is_measure(text: &str) -> bool {
    const UNITS: [&str; 13] = [
        "ms", "s", "min", "m", "h", "d", "%", "k", "K", "M", "am", "pm", ":",
    ];
    let mut rest = text;
    let mut has_unit = false;
    while !rest.is_empty() {
        let after_number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let has_number = after_number.len() < rest.len();
        if !has_number {
            return false;
        }
        let after_unit = UNITS.into_iter().find_map(|unit| {
            let after = after_number.strip_prefix(unit)?;
            let is_whole = after.is_empty() || after.starts_with(|c: char| c.is_ascii_digit());
            is_whole.then_some(after)
        });
        let Some(after_unit) = after_unit else {
            return has_unit && after_number.is_empty();
        };
        has_unit = true;
        rest = after_unit;
    }
    has_unit
}

#[cfg(test)]
mod tests {
    use super::{digest, is_volatile};

    #[test]
    fn times_and_shares_are_volatile() {
        for word in [
            "12s",
            "1m42s",
            "45%",
            "1.2k",
            "10:32",
            "12:34:56",
            "12.3k/200k",
            "7pm",
            "350ms",
            "0.5s",
            "10:32pm",
        ] {
            assert!(is_volatile(word), "{word}");
        }
        for word in [
            "12", "v1.2", "1.2.3", "3rd", "12x", "s", "", "10:32:xx", "src/1s", "404",
        ] {
            assert!(!is_volatile(word), "{word}");
        }
    }

    #[test]
    fn a_spinner_and_a_timer_move_nothing() {
        let screen = |glyph: &str, time: &str, tokens: &str| {
            let spinner =
                format!("{glyph} Cogitating… (esc to interrupt · {time} · ↑ {tokens} tokens)");
            digest(&[
                "● Reading the manual",
                "",
                &spinner,
                "",
                "────",
                "❯ ",
                "────",
                "  ? for shortcuts",
            ])
        };
        let first = screen("✻", "3s", "120");
        for (glyph, time, tokens) in [
            ("✢", "4s", "1.2k"),
            ("·", "1m 42s", "12.4k"),
            ("✽", "1h 2m 3s", "1k"),
        ] {
            assert_eq!(screen(glyph, time, tokens), first);
        }
    }

    #[test]
    fn other_spinners_and_counters_move_nothing() {
        for (one, other) in [
            ("⠋ Working (12s)", "⠙ Working (13s)"),
            ("| Building", "/ Building"),
            ("🌑 · Tip: press x", "🌓 · Tip: ask y"),
            (
                "• Working (12s • esc to interrupt)",
                "• Working (1m 02s • esc to interrupt)",
            ),
            ("Retrying in 4 seconds…", "Retrying in 1 seconds…"),
            (
                "10:31  agent (kimi-k2)  context: 12.3%",
                "10:32  agent (kimi-k2)  context: 12.9%",
            ),
            ("████░░░░ 40%", "██████░░ 60%"),
            ("text   ", "text"),
            ("╭────╮", "╭────────╮"),
        ] {
            assert_eq!(
                digest(&["before", one]),
                digest(&["before", other]),
                "{one} / {other}"
            );
        }
    }

    #[test]
    fn new_content_moves_it() {
        for (one, other) in [
            ("12 passed", "13 passed"),
            ("● Reading a.rs", "● Reading b.rs"),
            ("a b", "ab"),
            ("error[E0308]", "error[E0309]"),
            ("❯ fix", "❯ fix it"),
        ] {
            assert_ne!(
                digest(&["before", one]),
                digest(&["before", other]),
                "{one} / {other}"
            );
        }
        assert_ne!(digest(&["a", "b"]), digest(&["b", "a"]));
        assert_ne!(digest(&["a", "b"]), digest(&["a"]));
    }

    #[test]
    fn the_footer_is_no_content() {
        let screen = |footer: &str| digest(&["● Done", "", "╭────╮", "│ > │", "╰────╯", footer]);
        assert_eq!(
            screen("  Context left until auto-compact: 12%"),
            screen("  ~/town on main")
        );
    }
}
