//! Characters that are invisible but change how a text reads: directions, zero widths, line
//! separators, tags.

use std::fmt::Write as _;

/// Whether a character is invisible but may change how a text reads.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x00ad | 0x061c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb
        | 0xe0000..=0xe0fff)
}

/// The JSON with each invisible and each control character written as `\uXXXX`. Line ends stay.
///
/// To a program it says the same, and it cannot fool a person who reads it at a terminal.
#[must_use]
pub fn visible_json(json: String) -> String {
    let is_shown = |c: char| !is_invisible(c) && (!c.is_control() || c == '\n');
    if json.chars().all(is_shown) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if is_shown(c) {
            out.push(c);
            continue;
        }
        // JSON has these characters only in strings, where an escape means the same.
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_means_the_same() {
        let text = "a\u{202e}b\u{2066}c\u{85}d\u{7f}e\u{200b}f\u{e0041}g é 漢";
        let json = serde_json::json!({ "k\u{202e}": text, "n": [1, "\u{1b}"] });
        for written in [
            json.to_string(),
            serde_json::to_string_pretty(&json).unwrap(),
        ] {
            let visible = visible_json(written);
            assert!(
                visible
                    .chars()
                    .all(|c| c == '\n' || !c.is_control() && !is_invisible(c)),
                "{visible}"
            );
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&visible).unwrap(),
                json
            );
        }
    }
}
