//! The only way for outside text to a terminal. It removes control sequences and hidden directions,
//! and bounds the length.

use crate::model::invisible::is_invisible;
use std::iter::Peekable;
use std::str::Chars;

/// The sign for a character that is not shown.
const HIDDEN: char = '\u{fffd}';

/// One line of at most `limit` characters, safe to print.
///
/// Escape sequences go entirely, tabs and line ends become spaces, every other control, invisible
/// or bidirectional character becomes `U+FFFD`. What is cut off is shown by `…`. Clean text comes
/// back as it was.
#[must_use]
pub fn line(text: &str, limit: usize) -> String {
    if limit == 0 {
        return String::new();
    }
    // It reads only as much as can be shown: an endless escape sequence must not cost a scan of
    // megabytes.
    let mut input = text.trim_end().chars();
    let mut rest = input
        .by_ref()
        .take(limit.saturating_mul(8).saturating_add(64))
        .collect::<String>();
    let unread = input.next().is_some();
    if unread {
        rest.push('…');
    }
    let mut clean = String::with_capacity(rest.len().min(limit.saturating_mul(4)));
    let mut chars = rest.chars().peekable();
    let mut length = 0_usize;
    while let Some(c) = chars.next() {
        let Some(shown) = shown(c, &mut chars) else {
            continue;
        };
        if length == limit {
            clean.pop();
            clean.push('…');
            break;
        }
        clean.push(shown);
        length += 1;
    }
    clean
}

/// Every string of a JSON value as [`line()`], keys included.
#[must_use]
pub fn json(value: serde_json::Value, limit: usize) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(line(&text, limit)),
        Value::Array(items) => items.into_iter().map(|v| json(v, limit)).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(k, v)| (line(&k, limit), json(v, limit)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// How many columns a clean text takes on a terminal: wide characters two, combining ones none. An
/// estimate.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// The longest beginning of a clean text that takes at most `limit` columns, with `…` when
/// something is cut off.
#[must_use]
pub fn clip(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut used = 0;
    let fits = |c: &char| {
        used += columns(*c);
        used < limit
    };
    let mut clipped: String = text.chars().take_while(fits).collect();
    if limit > 0 {
        clipped.push('…');
    }
    clipped
}

fn columns(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

fn shown(c: char, rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    match c {
        '\u{1b}' => skip_sequence(rest),
        '\t' | '\n' | '\r' => Some(' '),
        c if c.is_control() || is_invisible(c) => Some(HIDDEN),
        c => Some(c),
    }
}

/// Skips the sequence after an ESC. Nothing of it is shown.
fn skip_sequence(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    match rest.next() {
        Some('[') => {
            while rest
                .next()
                .is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c))
            {}
        }
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(rest),
        Some('\u{20}'..='\u{2f}') => {
            rest.next();
        }
        Some(_) | None => {}
    }
    None
}

/// A string sequence ends with BEL or with ESC and a backslash.
fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    while let Some(c) = rest.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if rest.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_text_stays_and_the_rest_is_harmless() {
        for (from, to) in [
            ("plain é 漢", "plain é 漢"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}x\u{1b}]8;;u\u{1b}\\y", "xy"),
            ("a\u{9b}31mb", "a\u{fffd}31mb"),
            ("\u{1b}(Bq\u{1b}7", "q"),
            ("a\tb\r\nc\u{8}", "a b  c\u{fffd}"),
            ("\u{202e}evil\u{2066}", "\u{fffd}evil\u{fffd}"),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(line(from, 100), to, "{from:?}");
        }
    }

    #[test]
    fn whatever_comes_in_only_harmless_text_comes_out() {
        let pieces = [
            "\u{1b}", "[", "]", "\u{7}", "\\", "3", "m", "\u{9b}", "é", "\u{202e}", "\n", "\0",
            "x", "\u{feff}",
        ];
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push_str(pieces[usize::try_from(seed >> 33).unwrap() % pieces.len()]);
            }
            let clean = line(&text, 8);
            assert!(
                clean.chars().all(|c| !c.is_control() && !is_invisible(c)),
                "{text:?}"
            );
            assert!(clean.chars().count() <= 8, "{text:?}");
            assert_eq!(line(&clean, 8), clean.trim_end(), "idempotent");
        }
    }

    #[test]
    fn lengths_are_bounded() {
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(line("abcd", 4), "abcd");
        assert_eq!(line("a", 0), "");
        assert!(
            line(&format!("\u{1b}[{}", "1;".repeat(1 << 20)), 10)
                .chars()
                .count()
                <= 10
        );
        assert_eq!(clip("漢字漢字", 5), "漢字…");
        assert_eq!(clip("abc", 3), "abc");
    }
}
