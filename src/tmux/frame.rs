//! The frames of the protocol between tmux's clients and its server, as far as a client needs them
//! to run a script.
//!
//! A frame (tmux calls it `imsg`) is a head and data. The head has four words in the machine's byte
//! order: kind, length with the head, protocol, pid. Kinds and layouts are those of
//! `tmux-protocol.h` in 3.3a and 3.5a; 3.8 accepts them too (tried). The protocol number is 8 in
//! all three.

/// The protocol number. A server with another number answers [`VERSION`] and does nothing.
const PROTOCOL: u32 = 8;
/// The size of a head in bytes.
const HEAD: usize = 16;
/// The largest frame in bytes, with its head. Both sides close the connection on a longer one.
pub(super) const MAX_FRAME: usize = 16_384;

/// The server speaks another protocol.
pub(super) const VERSION: u32 = 12;
/// What a client says about itself. [`IDENTIFY_DONE`] comes last.
pub(super) const IDENTIFY_TERM: u32 = 101;
pub(super) const IDENTIFY_TTYNAME: u32 = 102;
pub(super) const IDENTIFY_ENVIRON: u32 = 105;
pub(super) const IDENTIFY_DONE: u32 = 106;
pub(super) const IDENTIFY_CLIENTPID: u32 = 107;
pub(super) const IDENTIFY_CWD: u32 = 108;
pub(super) const IDENTIFY_LONGFLAGS: u32 = 111;
/// Our only flag: output may contain UTF-8.
pub(super) const FLAG_UTF8: u64 = 0x10000;
/// A command: the number of words, then the words, each ended by NUL.
pub(super) const COMMAND: u32 = 200;
/// All commands are done. Contains the exit status, if there is one.
pub(super) const EXIT: u32 = 203;
/// The server was told to end and waits for its clients to leave.
pub(super) const SHUTDOWN: u32 = 210;
/// The server asks for a file: its stream, a descriptor of the client or -1, the path.
pub(super) const READ_OPEN: u32 = 300;
/// A part of the file: the stream, then bytes.
pub(super) const READ: u32 = 301;
/// The end of the file: the stream, then an error number or 0.
pub(super) const READ_DONE: u32 = 302;
/// The server wants to print: its stream, a descriptor or -1, flags, a path.
pub(super) const WRITE_OPEN: u32 = 303;
/// A part of the output: the stream, then bytes.
pub(super) const WRITE: u32 = 304;
/// The client's answer to [`WRITE_OPEN`]: the stream, an error number or 0.
pub(super) const WRITE_READY: u32 = 305;

/// The most bytes of a script in one [`READ`] frame.
pub(super) const MAX_READ: usize = MAX_FRAME - HEAD - size_of::<i32>();

/// A received frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: u32,
    pub(super) data: &'a [u8],
}

/// The received bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Garbled;

impl<'a> Frame<'a> {
    /// The word at this index, if the data is long enough.
    pub(super) fn word(&self, number: usize) -> Option<i32> {
        let bytes = self.data.chunks_exact(size_of::<i32>()).nth(number)?;
        bytes.try_into().ok().map(i32::from_ne_bytes)
    }

    /// The data after the first word.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(size_of::<i32>()..).unwrap_or_default()
    }
}

/// Appends a frame. Returns false, and appends nothing, if it would be too long.
pub(super) fn put(out: &mut Vec<u8>, kind: u32, parts: &[&[u8]]) -> bool {
    let length = HEAD + parts.iter().map(|part| part.len()).sum::<usize>();
    if length > MAX_FRAME {
        return false;
    }
    // The upper half of the length holds flags. We need none.
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

/// Received bytes, from which frames are taken.
#[derive(Debug, Default)]
pub(super) struct Received {
    bytes: Vec<u8>,
    /// How many bytes were taken. Removing them for each frame of a long answer would cost more
    /// than the answer itself.
    taken: usize,
}

impl Received {
    /// The buffer for the next read, with space for `size` more bytes.
    pub(super) fn room(&mut self, size: usize) -> &mut Vec<u8> {
        self.bytes.drain(..std::mem::take(&mut self.taken));
        self.bytes.reserve(size);
        &mut self.bytes
    }

    /// Takes the next complete frame.
    pub(super) fn take(&mut self) -> Result<Option<Frame<'_>>, Garbled> {
        let untaken = self.bytes.get(self.taken..).unwrap_or_default();
        let word = |at: usize| {
            untaken
                .get(at..at + 4)
                .and_then(|b| b.try_into().ok())
                .map(u32::from_ne_bytes)
        };
        let (Some(kind), Some(length)) = (word(0), word(4)) else {
            return Ok(None);
        };
        // Flags would announce a file descriptor. No server sends one.
        let length = usize::try_from(length & 0xffff).map_err(|_| Garbled)?;
        if !(HEAD..=MAX_FRAME).contains(&length) {
            return Err(Garbled);
        }
        let Some(data) = untaken.get(HEAD..length) else {
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
