//! Characters that are not seen and change what is read: directions, zero widths, line separators,
//! tags.

use std::fmt::Write as _;

/// Whether a character takes no place but changes what is read.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x00ad | 0x061c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb
        | 0xe0000..=0xe0fff)
}

/// JSON text in which every invisible and every control character is written as `\uXXXX`. It says
/// the same to a program, and nothing in it can fool whoever reads it at a terminal. Line ends
/// stay.
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
        // Outside of strings JSON has none of these, so each stands within one.
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
