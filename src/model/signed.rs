//! Texts with a digest of themselves. It shows whether somebody has edited the text since.

/// What is in place of the digest while the digest is computed.
pub const UNSIGNED: &str = "gtctl-digest:0000000000000000";
/// The text before the digest.
const SIGN: &str = "gtctl-digest:";
/// How many hex digits a digest has.
const DIGITS: usize = 16;

/// Joins two parts of a text with a digest between them.
///
/// The digest is FNV-1a over the whole text, with [`UNSIGNED`] in place of the digest.
#[must_use]
pub fn signed(before: &str, after: &str) -> String {
    let bytes = before.bytes().chain(UNSIGNED.bytes()).chain(after.bytes());
    let digest = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{before}{SIGN}{digest:016x}{after}")
}

/// Whether a text has a digest that is right: gtctl wrote the text, and nobody has edited it.
#[must_use]
pub fn is_as_signed(text: &str) -> bool {
    // The text itself may contain the words before a digest, so both ends are tried.
    let parts = [text.split_once(SIGN), text.rsplit_once(SIGN)];
    parts.into_iter().flatten().any(|(before, after)| {
        after
            .get(DIGITS..)
            .is_some_and(|rest| signed(before, rest) == text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_noticed_wherever_it_is() {
        let text = signed("a\n", " b\n");
        assert!(is_as_signed(&text));
        for edited in [
            format!("{text} "),
            format!(" {text}"),
            text.replace('b', "c"),
            text.replace("gtctl", "gt"),
        ] {
            assert!(!is_as_signed(&edited), "{edited}");
        }
        assert!(is_as_signed(&signed(&text, "")) && is_as_signed(&signed("", &text)));
        assert!(!is_as_signed("") && !is_as_signed("gtctl-digest:é") && !is_as_signed(UNSIGNED));
    }
}
