//! Frames of the protocol that tmux's clients and server speak, and the few kinds of them that a
//! client needs which only has a script carried out.
//!
//! A frame is a head of four words in the machine's byte order (kind, length with the head,
//! protocol, pid) and its data. tmux calls them `imsg`; kinds and layouts are those of its
//! `tmux-protocol.h` in 3.3a and 3.5a, and 3.8 takes them too (tried): the protocol's number is 8
//! in all three. A server with another number does nothing and says so.

/// The protocol's number. A server with another answers [`VERSION`] and does nothing.
const PROTOCOL: u32 = 8;
/// Bytes of a head.
const HEAD: usize = 16;
/// The most bytes of a frame with its head; both sides hang up on a longer one.
pub(super) const MAX_FRAME: usize = 16_384;

/// The server speaks another protocol.
pub(super) const VERSION: u32 = 12;
/// What a client says of itself, ended by [`IDENTIFY_DONE`].
pub(super) const IDENTIFY_TERM: u32 = 101;
pub(super) const IDENTIFY_TTYNAME: u32 = 102;
pub(super) const IDENTIFY_ENVIRON: u32 = 105;
pub(super) const IDENTIFY_DONE: u32 = 106;
pub(super) const IDENTIFY_CLIENTPID: u32 = 107;
pub(super) const IDENTIFY_CWD: u32 = 108;
pub(super) const IDENTIFY_LONGFLAGS: u32 = 111;
/// The one flag of ours: what is printed need not be made ASCII.
pub(super) const FLAG_UTF8: u64 = 0x10000;
/// How many words, then the words, each closed by NUL.
pub(super) const COMMAND: u32 = 200;
/// The commands are done; holds the exit status where there is one.
pub(super) const EXIT: u32 = 203;
/// The server was told to end, and waits for its clients to go.
pub(super) const SHUTDOWN: u32 = 210;
/// The server asks for a file: its stream, a descriptor of the client's or -1, the path.
pub(super) const READ_OPEN: u32 = 300;
/// Some of it: the stream, then bytes.
pub(super) const READ: u32 = 301;
/// All of it: the stream, an error number or 0.
pub(super) const READ_DONE: u32 = 302;
/// The server has something to print: its stream, a descriptor or -1, flags, a path.
pub(super) const WRITE_OPEN: u32 = 303;
/// Some of it: the stream, then bytes.
pub(super) const WRITE: u32 = 304;
/// The client's answer to [`WRITE_OPEN`]: the stream, an error number or 0.
pub(super) const WRITE_READY: u32 = 305;

/// The most bytes of a script in one [`READ`].
pub(super) const MAX_READ: usize = MAX_FRAME - HEAD - size_of::<i32>();

/// One frame that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: u32,
    pub(super) data: &'a [u8],
}

/// What came in is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Garbled;

impl<'a> Frame<'a> {
    /// The word of this number, counted from 0, where the data is that long.
    pub(super) fn word(&self, number: usize) -> Option<i32> {
        let bytes = self.data.chunks_exact(size_of::<i32>()).nth(number)?;
        bytes.try_into().ok().map(i32::from_ne_bytes)
    }

    /// What comes after the first word.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(size_of::<i32>()..).unwrap_or_default()
    }
}

/// Appends a frame. False, and nothing is appended, when it would be too long.
pub(super) fn put(out: &mut Vec<u8>, kind: u32, parts: &[&[u8]]) -> bool {
    let length = HEAD + parts.iter().map(|part| part.len()).sum::<usize>();
    if length > MAX_FRAME {
        return false;
    }
    // The length's upper half holds flags, of which we need none.
    let Ok(word) = u32::try_from(length) else {
        return false;
    };
    for word in [kind, word, PROTOCOL, std::process::id()] {
        out.extend_from_slice(&word.to_ne_bytes());
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    true
}

/// What was received, taken frame by frame.
#[derive(Debug, Default)]
pub(super) struct Received {
    bytes: Vec<u8>,
    /// How much of it was taken: moving the rest to the front for each line of a long answer would
    /// cost more than the answer.
    taken: usize,
}

impl Received {
    /// Where what comes next goes: behind what is left, with room for so many bytes.
    pub(super) fn room(&mut self, size: usize) -> &mut Vec<u8> {
        self.bytes.drain(..std::mem::take(&mut self.taken));
        self.bytes.reserve(size);
        &mut self.bytes
    }

    /// Takes the next whole frame.
    pub(super) fn take(&mut self) -> Result<Option<Frame<'_>>, Garbled> {
        let left = self.bytes.get(self.taken..).unwrap_or_default();
        let word = |at: usize| {
            left.get(at..at + 4)
                .and_then(|b| b.try_into().ok())
                .map(u32::from_ne_bytes)
        };
        let (Some(kind), Some(length)) = (word(0), word(4)) else {
            return Ok(None);
        };
        // Flags say that a descriptor came along, which no server sends.
        let length = usize::try_from(length & 0xffff).map_err(|_| Garbled)?;
        if !(HEAD..=MAX_FRAME).contains(&length) {
            return Err(Garbled);
        }
        let Some(data) = left.get(HEAD..length) else {
            return Ok(None);
        };
        self.taken += length;
        Ok(Some(Frame { kind, data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken_whole_and_in_order() {
        let mut bytes = vec![];
        assert!(put(&mut bytes, READ, &[&7_i32.to_ne_bytes(), b"text"]));
        assert!(put(&mut bytes, EXIT, &[]));
        let mut received = Received::default();
        let mut taken = vec![];
        for byte in bytes {
            received.room(1).push(byte);
            let frame = received.take().unwrap();
            taken.extend(frame.map(|frame| (frame.kind, frame.word(0), frame.rest().to_vec())));
        }
        assert!(received.room(0).is_empty());
        assert_eq!(
            taken,
            [(READ, Some(7), b"text".to_vec()), (EXIT, None, vec![])]
        );
    }

    #[test]
    fn nothing_is_too_long() {
        let mut bytes = vec![];
        assert!(put(&mut bytes, READ, &[&[0; 4], &[1; MAX_READ]]));
        assert_eq!(bytes.len(), MAX_FRAME);
        assert!(!put(&mut bytes, READ, &[&[0; 5], &[1; MAX_READ]]));
        assert_eq!(bytes.len(), MAX_FRAME);
        for garbled in [[0xff; HEAD], [0; HEAD]] {
            let mut received = Received::default();
            received.room(HEAD).extend(garbled);
            assert_eq!(received.take(), Err(Garbled));
        }
    }
}
