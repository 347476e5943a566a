//! Text and colours, many bytes at once: nearly all that agents print is nothing else.
//!
//! What is easy here is what needs no state: text without controls but tabs and line ends, and
//! colours, which change no text. Everything else is left to the states, byte by byte.

/// How much is looked at for easy text at once; less than a row may hold.
const PIECE: usize = 16 << 10;
/// Bytes looked at together.
const BLOCK: usize = 32;
const ESCAPE: u8 = 0x1b;

/// The same byte eight times.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// How much of the beginning holds no control but tabs, line ends and escapes. A return is one of
/// those before a line feed only.
pub(super) fn easy_prefix(bytes: &[u8]) -> usize {
    let piece = bytes.get(..PIECE).unwrap_or(bytes);
    let mut easy = 0;
    while piece.get(easy..).is_some_and(is_easy_block) {
        easy += BLOCK;
    }
    let mut rest = piece.get(easy..).unwrap_or_default();
    while let [byte, after @ ..] = rest {
        if is_special(*byte) || *byte == b'\r' && after.first() != Some(&b'\n') {
            break;
        }
        easy += 1;
        rest = after;
    }
    easy
}

/// Whether a whole block is there and easy. Without a branch, so that many bytes are done at once.
fn is_easy_block(bytes: &[u8]) -> bool {
    let next = bytes
        .get(1..)
        .and_then(|bytes| bytes.first_chunk::<BLOCK>());
    let Some((this, next)) = bytes.first_chunk::<BLOCK>().zip(next) else {
        return false;
    };
    let mut odd = 0_u8;
    for (byte, next) in this.iter().zip(next) {
        odd |= u8::from(is_special(*byte)) | (u8::from(*byte == b'\r') & u8::from(*next != b'\n'));
    }
    odd == 0
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "branches keep the compiler from doing many bytes at once"
)]
fn is_special(byte: u8) -> bool {
    (byte < 0x20) & (byte != b'\n') & (byte != b'\r') & (byte != b'\t') & (byte != ESCAPE)
        | (byte == 0x7f)
}

/// Copies easy text up to an escape that is no colour, without the colours. Tells of each run in
/// which a row ends where it begins, in `text` and in `bytes`. Returns how many bytes it has taken.
pub(super) fn copy(
    bytes: &[u8],
    text: &mut Vec<u8>,
    mut with_end: impl FnMut(usize, usize),
) -> usize {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.first() == Some(&ESCAPE) {
            match colour_prefix(rest) {
                Some(length) => at += length,
                None => break,
            }
            continue;
        }
        let begin = text.len();
        let (length, ends) = if let Some((word, length, ends)) = short_run(rest) {
            // All eight and then fewer: that is one store.
            text.extend_from_slice(word);
            text.truncate(begin + length);
            (length, ends)
        } else {
            let run = rest
                .get(..memchr::memchr(ESCAPE, rest).unwrap_or(rest.len()))
                .unwrap_or_default();
            text.extend_from_slice(run);
            (run.len(), memchr::memchr(b'\n', run).is_some())
        };
        if ends {
            with_end(begin, at);
        }
        at += length;
    }
    at
}

/// A run that ends at an escape within the first eight bytes: these eight, how many of them it has,
/// and whether a row ends in it.
fn short_run(bytes: &[u8]) -> Option<(&[u8; 8], usize, bool)> {
    let word = bytes.first_chunk::<8>()?;
    let value = u64::from_le_bytes(*word);
    let escape = first_zero(value ^ eight(ESCAPE))?;
    let ends = first_zero(value ^ eight(b'\n')).is_some_and(|line_end| line_end < escape);
    Some((word, escape, ends))
}

/// The first byte that is zero, counted from the lowest.
fn first_zero(value: u64) -> Option<usize> {
    // Above a zero byte the borrow may mark others; the lowest mark is always right.
    let marks = value.wrapping_sub(eight(0x01)) & !value & eight(0x80);
    (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
}

/// How long the colour is that comes first, if one does: a sequence that changes no text.
pub(super) fn colour_prefix(bytes: &[u8]) -> Option<usize> {
    let body = bytes.strip_prefix(b"\x1b[")?;
    let mut length = 0;
    while let Some(word) = body.get(length..).and_then(|rest| rest.first_chunk::<8>()) {
        // Digits, `:` and `;` are 0x30 to 0x3b: with the 0x30 taken off, what is 12 or more is none
        // of them.
        let value = u64::from_le_bytes(*word) ^ eight(b'0');
        let others = (((value & eight(0x7f)) + eight(0x80 - 12)) | value) & eight(0x80);
        if others != 0 {
            length += others.trailing_zeros() as usize / 8;
            return (body.get(length) == Some(&b'm')).then_some(length + 3);
        }
        length += 8;
    }
    let rest = body.get(length..)?;
    length += rest
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
    (body.get(length) == Some(&b'm')).then_some(length + 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Random;

    /// The plain meaning of [`colour_prefix`].
    fn plainly(bytes: &[u8]) -> Option<usize> {
        let parameters = bytes.strip_prefix(b"\x1b[")?;
        let length = parameters
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
        (parameters.get(length) == Some(&b'm')).then_some(length + 3)
    }

    #[test]
    fn a_colour_is_known_whatever_its_length_and_neighbours() {
        for byte in 0..=255_u8 {
            for length in 0..20 {
                let mut text = b"\x1b[".to_vec();
                text.extend(b"38;5:114;07".iter().cycle().take(length));
                text.push(byte);
                for after in [
                    &b""[..],
                    b"m",
                    b"text and more",
                    b"\xff\xff\xff\xff\xff\xff\xff\xff",
                ] {
                    let text = [&text[..], after].concat();
                    assert_eq!(colour_prefix(&text), plainly(&text), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn runs_are_copied_whole_and_their_line_ends_told() {
        let pieces: [&[u8]; 9] = [
            b"\x1b[0m",
            b"\x1b[38;5;114m",
            b"a",
            b"some words",
            b"\n",
            b"\r\n",
            b"\t",
            b"\xc3\xa9",
            b"\x1b[1m\x1b[m",
        ];
        let mut random = Random::new(5);
        for _ in 0..2000 {
            let count = random.below(20);
            let bytes: Vec<u8> = (0..count)
                .flat_map(|_| random.pick(&pieces).unwrap_or_default().iter().copied())
                .collect();
            assert_eq!(easy_prefix(&bytes), bytes.len());
            let (mut text, mut told) = (b"before".to_vec(), vec![]);
            assert_eq!(
                copy(&bytes, &mut text, |begin, at| told.push((begin, at))),
                bytes.len()
            );
            let mut expected = Vec::new();
            let mut rest = &bytes[..];
            while let Some((byte, after)) = rest.split_first() {
                if let Some(colour) = plainly(rest) {
                    rest = &rest[colour..];
                } else {
                    expected.push(*byte);
                    rest = after;
                }
            }
            assert_eq!(text, [b"before", &expected[..]].concat());
            for (end, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                let (begin, at) = *told.iter().rev().find(|(begin, _)| *begin <= end).unwrap();
                assert_eq!(
                    bytes[at + end - begin],
                    b'\n',
                    "the run leads back to the input"
                );
            }
        }
    }
}
