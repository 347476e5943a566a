//! What is content on a screen, as one number: two looks with the same one have seen no progress.
//!
//! A client that repaints a spinner and a timer every second says nothing new. Left out are
//! spinners, the line of a spinner that names what it thinks of, timers, clocks, percentages, token
//! counts, bars, borders, blanks and the footer below the prompt. A number with none of these
//! meanings is content: `12 passed` is not `13 passed`.

use super::lines::{clip, is_border, is_composer_head, is_option, is_spinner};

/// How many lines that are not blank are looked at, from the end.
const TAIL: usize = 24;
/// What a terminal shows of an Escape that nobody reads: what was typed is not said.
const ECHO: &str = "^[";
/// How long a footer may be, in lines that are not blank.
const MAX_FOOTER: usize = 6;

/// The digest of a screen's content. Stable over versions only by chance: not to be compared over
/// an update.
#[must_use]
pub fn digest(lines: &[&str]) -> u64 {
    let mut hash = Hash::new();
    let solid = lines
        .iter()
        .rev()
        .filter(|line| !is_bare(line))
        .take(TAIL)
        .count();
    let tail = without_footer(last_solid(lines, solid));
    for line in tail {
        if !hash.line(clip(line)) {
            continue;
        }
        hash.push('\n');
    }
    hash.0
}

/// The same without the lines that say one of the agent's words for its prompt: a footer whose tips
/// take turns.
pub(super) fn content(ready: &[String], lines: &[&str]) -> u64 {
    let worded =
        |phrase: &&String| phrase.starts_with('*') && phrase.ends_with(char::is_alphanumeric);
    let phrases: Vec<&String> = ready.iter().filter(worded).collect();
    let is_footer = |line: &&str| {
        phrases
            .iter()
            .any(|phrase| super::pattern::says(phrase, line.trim()))
    };
    let foot = lines
        .iter()
        .rev()
        .filter(|line| !is_bare(line))
        .take(MAX_FOOTER)
        .filter(|line| is_footer(line))
        .count();
    if foot == 0 {
        return digest(lines);
    }
    let solid =
        |at: usize| lines.iter().skip(at).filter(|line| !is_bare(line)).count() <= MAX_FOOTER;
    let kept: Vec<&str> = lines
        .iter()
        .enumerate()
        .filter(|(at, line)| !(is_footer(line) && solid(*at)))
        .map(|(_, line)| *line)
        .collect();
    digest(&kept)
}

/// The digest of what stands above the composer: of all there is, where none is seen.
#[must_use]
pub(super) fn turn(lines: &[&str]) -> u64 {
    let composer = lines.iter().rposition(is_prompt);
    digest(
        lines
            .get(..composer.unwrap_or(lines.len()))
            .unwrap_or_default(),
    )
}

/// The digest of a text as it is, decoration and all.
pub(super) fn raw(text: &str) -> u64 {
    let mut hash = Hash::new();
    text.chars().for_each(|c| hash.push(c));
    hash.0
}

/// The digest of what stands before the word "tokens" in the last lines.
pub(super) fn progress(lines: &[&str]) -> u64 {
    let mut hash = Hash::new();
    let foot = lines.iter().rev().filter(|line| !is_bare(line)).take(TAIL);
    for line in foot.filter(|line| line.contains("token")) {
        let mut before = "";
        for word in clip(line).split_whitespace() {
            if word.trim_matches(is_wrapping).starts_with("token") {
                before.chars().for_each(|c| hash.push(c));
            }
            before = word;
        }
    }
    hash.0
}

/// The lines from the `count`th last one on that is not bare.
fn last_solid<'l, 's>(lines: &'l [&'s str], count: usize) -> &'l [&'s str] {
    let mut solid = lines
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, line)| !is_bare(line));
    let from = solid.by_ref().take(count).last().map_or(0, |(at, _)| at);
    lines.get(from..).unwrap_or_default()
}

/// Whether a line holds nothing but blanks and borders.
fn is_bare(line: &str) -> bool {
    line.chars().all(|c| c.is_whitespace() || is_border(c))
}

/// Lines without what stands below the prompt and the gap after it.
fn without_footer<'l, 's>(lines: &'l [&'s str]) -> &'l [&'s str] {
    let Some(prompt) = lines.iter().rposition(is_prompt) else {
        return lines;
    };
    let typed = 1 + lines
        .iter()
        .skip(prompt + 1)
        .take_while(|line| !is_bare(line))
        .count();
    let (content, footer) = lines
        .split_at_checked(prompt + typed)
        .unwrap_or((lines, &[]));
    if footer.iter().filter(|line| !is_bare(line)).count() > MAX_FOOTER {
        lines
    } else {
        content
    }
}

/// Whether a line is a prompt, with what is typed there or without.
fn is_prompt(line: &&str) -> bool {
    let text = line.trim_start_matches(['│', '┃', ' ']);
    let marked =
        line.len() - text.len() <= 6 && text.starts_with(['❯', '›', '>']) && !is_option(text);
    marked || is_composer_head(line.trim())
}

/// FNV-1a over characters.
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn push(&mut self, c: char) {
        self.0 = (self.0 ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3);
    }

    /// Takes in the content of a line; whether it has any.
    fn line(&mut self, line: &str) -> bool {
        let text = line.trim_start();
        if names_a_thought(text) {
            return false;
        }
        let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
        let mut any = false;
        while let Some(word) = words.next() {
            if word.bytes().any(|byte| byte.is_ascii_digit()) {
                let core = word.trim_matches(is_wrapping);
                if is_volatile(core)
                    || (is_number(core) && words.peek().is_some_and(|next| is_unit(next)))
                {
                    words.next_if(|next| is_unit(next));
                    continue;
                }
            }
            any |= self.word(word);
        }
        any
    }

    /// Takes in what of a word is not decoration; whether there is any.
    fn word(&mut self, word: &str) -> bool {
        let word = word.trim_start_matches(ECHO).trim_end_matches(ECHO);
        if word.is_empty()
            || matches!(
                word,
                "|" | "/" | "-" | "\\" | "*" | "+" | "(" | ")" | "•" | "↑" | "↓"
            )
        {
            return false;
        }
        if word.is_ascii() {
            word.bytes().for_each(|byte| self.push(char::from(byte)));
            self.push(' ');
            return true;
        }
        let mut any = false;
        for c in word.chars().filter(|c| !is_decoration(*c)) {
            self.push(c);
            any = true;
        }
        if any {
            self.push(' ');
        }
        any
    }
}

/// Whether a line is a spinner with its word or a tip: `✻ Cogitating… (45s · ↑ 1.2k tokens)`.
fn names_a_thought(text: &str) -> bool {
    text.starts_with(|c| is_spinner(c) && c != '⏺')
        && (text.contains('…') || text.contains("...") || text.contains("Tip:"))
}

fn is_decoration(c: char) -> bool {
    is_spinner(c) || is_border(c) || matches!(c, '\u{a0}' | '\u{2580}'..='\u{25ff}')
}

/// Marks around a number that say nothing of it.
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

/// Whether a word makes the number before it a time or a count of tokens.
fn is_unit(word: &str) -> bool {
    let word = word.trim_matches(is_wrapping);
    let one = word.strip_suffix('s').unwrap_or(word);
    matches!(one, "token" | "second" | "sec" | "minute" | "min" | "hour")
        || matches!(word, "h" | "m" | "s" | "am" | "pm" | "%")
}

/// Whether a word alone changes with time: `12s`, `1m42s`, `45%`, `1.2k`, `10:32`, `12.3k/200k`.
fn is_volatile(core: &str) -> bool {
    core.starts_with(|c: char| c.is_ascii_digit()) && core.split('/').all(is_measure)
}

fn is_measure(text: &str) -> bool {
    let mut rest = text;
    let mut measured = false;
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if after.len() == rest.len() {
            return false;
        }
        let unit = [
            "ms", "s", "min", "m", "h", "d", "%", "k", "K", "M", "am", "pm", ":",
        ]
        .into_iter()
        .find_map(|unit| {
            let next = after.strip_prefix(unit)?;
            (next.is_empty() || next.starts_with(|c: char| c.is_ascii_digit())).then_some(next)
        });
        match unit {
            Some(next) => {
                measured = true;
                rest = next;
            }
            None => return measured && after.is_empty(),
        }
    }
    measured
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
