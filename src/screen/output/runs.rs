//! Reads text and colours many bytes at a time. Agents print little else.
//!
//! Text is easy if its only controls are tabs and line ends. Colours are easy too, because they
//! change no text. All other bytes go through the states of the stripper one by one.

/// How many bytes are checked for easy text at a time. It must be less than the longest row.
const PIECE: usize = 16 << 10;
/// How many bytes are compared in one step.
const BLOCK: usize = 32;
const ESCAPE: u8 = 0x1b;

/// The same byte eight times.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// How many of the first bytes are easy: text, tabs, line ends (`\n`, `\r\n`) and escapes.
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

/// Whether there is a whole block and all of it is easy. It has no branches, so that the compiler
/// can compare many bytes in one step.
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
    reason = "with branches the compiler cannot compare many bytes in one step"
)]
/// Whether a byte is a control other than a tab, a line end or an escape.
fn is_special(byte: u8) -> bool {
    (byte < 0x20) & (byte != b'\n') & (byte != b'\r') & (byte != b'\t') & (byte != ESCAPE)
        | (byte == 0x7f)
}

/// Copies easy text up to an escape that is no colour, without the colours. Returns how many bytes
/// it has read.
///
/// For each run of text in which a row ends, it calls `note_run` with the places where the run
/// begins: in `text` and in `bytes`.
pub(super) fn copy(
    bytes: &[u8],
    text: &mut Vec<u8>,
    mut note_run: impl FnMut(usize, usize),
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
        let start = text.len();
        let (length, has_row_end) = if let Some((word, length, has_row_end)) = short_run(rest) {
            // Eight bytes are one store, which is faster than a copy of fewer.
            text.extend_from_slice(word);
            text.truncate(start + length);
            (length, has_row_end)
        } else {
            let run = rest
                .get(..memchr::memchr(ESCAPE, rest).unwrap_or(rest.len()))
                .unwrap_or_default();
            text.extend_from_slice(run);
            (run.len(), memchr::memchr(b'\n', run).is_some())
        };
        if has_row_end {
            note_run(start, at);
        }
        at += length;
    }
    at
}

/// A run that ends at an escape within the first eight bytes: these eight bytes, the length of the
/// run, and whether a row ends in it.
fn short_run(bytes: &[u8]) -> Option<(&[u8; 8], usize, bool)> {
    let word = bytes.first_chunk::<8>()?;
    let value = u64::from_le_bytes(*word);
    let escape = first_zero(value ^ eight(ESCAPE))?;
    let has_row_end = first_zero(value ^ eight(b'\n')).is_some_and(|row_end| row_end < escape);
    Some((word, escape, has_row_end))
}

/// The index of the first zero byte, counted from the lowest.
fn first_zero(value: u64) -> Option<usize> {
    // The subtraction may also mark bytes above a zero byte. The lowest mark is always right.
    let marks = value.wrapping_sub(eight(0x01)) & !value & eight(0x80);
    (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
}

/// The length of the colour (an SGR sequence) that `bytes` begins with, if it begins with one.
pub(super) fn colour_prefix(bytes: &[u8]) -> Option<usize> {
    let body = bytes.strip_prefix(b"\x1b[")?;
    let with_ends = |parameters: usize| {
        let is_colour = body.get(parameters) == Some(&b'm');
        is_colour.then_some(parameters + b"\x1b[m".len())
    };
    let mut length = 0;
    while let Some(word) = body.get(length..).and_then(|rest| rest.first_chunk::<8>()) {
        // Parameters are digits, `:` and `;`: 0x30 to 0x3b. After the XOR with 0x30 they are 0 to
        // 11, and no other byte is. Each byte that is not a parameter gets its highest bit set.
        let value = u64::from_le_bytes(*word) ^ eight(b'0');
        let others = (((value & eight(0x7f)) + eight(0x80 - 12)) | value) & eight(0x80);
        if others != 0 {
            return with_ends(length + others.trailing_zeros() as usize / 8);
        }
        length += 8;
    }
    let rest = body.get(length..)?;
    let last_parameters = rest
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
    with_ends(length + last_parameters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Random;

    /// [`colour_prefix`], written in the simplest way.
    fn simple_colour_prefix(bytes: &[u8]) -> Option<usize> {
        let parameters = bytes.strip_prefix(b"\x1b[")?;
        let length = parameters
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
        (parameters.get(length) == Some(&b'm')).then_some(length + 3)
    }

    #[test]
    fn a_colour_is_recognised_whatever_its_length_and_neighbours() {
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
                    assert_eq!(
                        colour_prefix(&text),
                        simple_colour_prefix(&text),
                        "{text:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn runs_are_copied_whole_and_their_line_ends_noted() {
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
            let (mut text, mut noted) = (b"before".to_vec(), vec![]);
            assert_eq!(
                copy(&bytes, &mut text, |begin, at| noted.push((begin, at))),
                bytes.len()
            );
            let mut expected = Vec::new();
            let mut rest = &bytes[..];
            while let Some((byte, after)) = rest.split_first() {
                if let Some(colour) = simple_colour_prefix(rest) {
                    rest = &rest[colour..];
                } else {
                    expected.push(*byte);
                    rest = after;
                }
            }
            assert_eq!(text, [b"before", &expected[..]].concat());
            for (end, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                let (begin, at) = *noted.iter().rev().find(|(begin, _)| *begin <= end).unwrap();
                assert_eq!(
                    bytes[at + end - begin],
                    b'\n',
                    "the run leads back to the input"
                );
            }
        }
    }
}
