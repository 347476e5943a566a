//! A file of frames that is only ever appended to: a header, then frames with a checksum each.
//!
//! A crash in the middle of a write costs the last frame, and nothing before it.

/// The first bytes of each file, with the version of the format.
pub(super) const HEADER: &[u8] = b"gtctls1\n";

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'b> {
    /// What it holds.
    pub(super) kind: u8,
    /// Its content.
    pub(super) payload: &'b [u8],
}

impl Frame<'_> {
    /// Appends the frame: its kind, its length, its content, its checksum.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let from = out.len();
        out.push(self.kind);
        push_number(out, self.payload.len() as u64);
        out.extend_from_slice(self.payload);
        let sum = checksum(out.get(from..).unwrap_or_default());
        out.extend_from_slice(&sum.to_le_bytes());
    }
}

/// The frames of a file up to the first that is not whole.
#[derive(Debug)]
pub(super) struct Frames<'b> {
    bytes: &'b [u8],
    /// Where the last whole frame ends; 0 where the header is not ours.
    pub(super) end: usize,
}

impl<'b> Frames<'b> {
    pub(super) fn of(bytes: &'b [u8]) -> Self {
        let end = if bytes.starts_with(HEADER) {
            HEADER.len()
        } else {
            0
        };
        Self { bytes, end }
    }
}

impl<'b> Iterator for Frames<'b> {
    type Item = Frame<'b>;

    fn next(&mut self) -> Option<Frame<'b>> {
        if self.end == 0 {
            return None;
        }
        let all = self.bytes.get(self.end..)?;
        let (kind, mut rest) = all.split_first()?;
        let length = usize::try_from(take_number(&mut rest)?).ok()?;
        let payload = rest.get(..length)?;
        let sum = rest.get(length..length.checked_add(4)?)?;
        let head = all.len() - rest.len();
        let summed = all.get(..head + length)?;
        if checksum(summed).to_le_bytes() != *sum {
            return None;
        }
        self.end += head + length + 4;
        Some(Frame {
            kind: *kind,
            payload,
        })
    }
}

/// Appends a number: seven bits a byte, the lowest first (LEB128).
pub(super) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    out.push(low_bits(number));
}

fn low_bits(number: u64) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

/// Takes a number off the start. None where the bytes end before it does.
pub(super) fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// FNV-1a in 32 bits.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        let mut bytes = HEADER.to_vec();
        for payload in payloads {
            Frame { kind: 7, payload }.write(&mut bytes);
        }
        bytes
    }

    #[test]
    fn numbers_come_back() {
        for number in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            assert_eq!(take_number(&mut bytes.as_slice()), Some(number));
            let cut = bytes.len() - 1;
            assert_eq!(take_number(&mut &bytes[..cut]), None);
        }
        assert_eq!(take_number(&mut [0xff; 20].as_slice()), None);
    }

    #[test]
    fn a_cut_or_spoilt_frame_ends_the_file_where_it_begins() {
        let bytes = file(&[b"one", b"", b"three"]);
        let whole = file(&[b"one", b""]).len();
        let payloads = |bytes: &[u8]| Frames::of(bytes).count();
        assert_eq!(payloads(&bytes), 3);
        for cut in whole..bytes.len() {
            let mut frames = Frames::of(&bytes[..cut]);
            assert_eq!((frames.by_ref().count(), frames.end), (2, whole));
        }
        for at in whole..bytes.len() {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 0x10;
            assert_eq!(payloads(&spoilt), 2, "{at}");
        }
        assert_eq!(payloads(b"something else"), 0);
        assert_eq!(payloads(b""), 0);
    }
}
