//! Texts that carry a digest of themselves, so that one that was edited since is known as such.

/// What stands in the place of the digest while it is taken.
pub const UNSIGNED: &str = "gtctl-digest:0000000000000000";
/// What stands before the digest.
const SIGN: &str = "gtctl-digest:";
/// The digits of a digest.
const DIGITS: usize = 16;

/// The two parts of a text with a digest between them, which is FNV-1a over the text as it is with
/// [`UNSIGNED`] there.
#[must_use]
pub fn signed(before: &str, after: &str) -> String {
    let bytes = before.bytes().chain(UNSIGNED.bytes()).chain(after.bytes());
    let digest = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{before}{SIGN}{digest:016x}{after}")
}

/// Whether a text was signed here and not edited since.
#[must_use]
pub fn is_as_signed(text: &str) -> bool {
    // What is signed may hold a sign of its own, before or after.
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
