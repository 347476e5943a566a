//! Keys, from the bytes that a terminal sends.
//!
//! crossterm's reader of events is not used: it spins for ever once the terminal is gone.

use crate::proc::ready::Ready;
use crate::render::top::TopKey;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, dup, read};
use std::io;
use std::os::fd::BorrowedFd;

/// Bytes read at once.
const BUFFER: usize = 4096;
/// The most bytes of one sequence.
const MAX_SEQUENCE: usize = 32;

/// The keys of the terminal on standard input.
pub(super) struct Keys {
    terminal: Ready,
    /// The beginning of a character or of a sequence whose end has not come yet.
    begun: Vec<u8>,
}

impl Keys {
    /// Listens to standard input.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminal: Ready::new(dup(io::stdin())?)?,
            begun: Vec::new(),
        })
    }

    /// Waits for the next keys; none when the terminal is gone. Loses nothing when it is dropped.
    pub(super) async fn next(&mut self) -> Option<Vec<TopKey>> {
        loop {
            let terminal = self.terminal.fd();
            match self.terminal.until(|| read_ready(terminal)).await {
                Typed::Gone => return None,
                Typed::Bytes(bytes) => self.begun.extend(bytes),
            }
            let (keys, rest) = keys_in(&self.begun);
            self.begun = rest;
            if !keys.is_empty() {
                return Some(keys);
            }
        }
    }
}

/// What a terminal has sent.
enum Typed {
    Gone,
    Bytes(Vec<u8>),
}

/// Reads what is there, and never waits. None where nothing is.
fn read_ready(terminal: BorrowedFd<'_>) -> Option<Typed> {
    let mut fds = [PollFd::new(&terminal, PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&at_once)).ok()?;
    let events = fds.first().map(PollFd::revents)?;
    if events.is_empty() {
        return None;
    }
    if !events.contains(PollFlags::IN) {
        return Some(Typed::Gone);
    }
    let mut buffer = [0; BUFFER];
    match read(terminal, &mut buffer) {
        Ok(0) => Some(Typed::Gone),
        Ok(count) => Some(Typed::Bytes(buffer.iter().take(count).copied().collect())),
        Err(Errno::INTR | Errno::AGAIN) => None,
        Err(_) => Some(Typed::Gone),
    }
}

/// The keys in these bytes, and the bytes at their end that are no whole key yet. Sequences that
/// are no key of ours are passed over.
fn keys_in(bytes: &[u8]) -> (Vec<TopKey>, Vec<u8>) {
    let mut keys = Vec::new();
    let mut rest = bytes;
    loop {
        match key_at(rest) {
            Found::Key(key, length) => {
                keys.push(key);
                rest = rest.get(length..).unwrap_or_default();
            }
            Found::Other(length) => rest = rest.get(length.max(1)..).unwrap_or_default(),
            Found::Begun => return (keys, rest.to_vec()),
        }
    }
}

/// What bytes begin with, and how many of them that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Key(TopKey, usize),
    Other(usize),
    /// Nothing, or a part of something.
    Begun,
}

fn key_at(bytes: &[u8]) -> Found {
    let Some(first) = bytes.first() else {
        return Found::Begun;
    };
    let key = match first {
        0x1b => return escape(bytes),
        b'\r' | b'\n' => TopKey::Enter,
        b'\t' => TopKey::Tab,
        0x7f | 0x08 => TopKey::Backspace,
        0x01..=0x1a => TopKey::Ctrl(char::from(first + b'a' - 1)),
        0x00..0x20 => return Found::Other(1),
        _ => return character(bytes),
    };
    Found::Key(key, 1)
}

fn character(bytes: &[u8]) -> Found {
    let is_begun = |length: usize| bytes.len() < length;
    let length = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        Some(_) | None => 1,
    };
    if is_begun(length) {
        return Found::Begun;
    }
    let text = bytes
        .get(..length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    match text.and_then(|text| text.chars().next()) {
        Some(c) => Found::Key(TopKey::Char(c), length),
        None => Found::Other(1),
    }
}

/// A sequence that begins with ESC. ESC alone at the end of what was read is the key: a terminal
/// writes a sequence at once.
fn escape(bytes: &[u8]) -> Found {
    match bytes.get(1) {
        Some(b'[') => sequence(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Found::Begun,
            Some(last) => by_letter(*last, 3),
        },
        // No key with Alt is ours: ESC and another byte are two keys that were read at once.
        Some(_) | None => Found::Key(TopKey::Esc, 1),
    }
}

/// `ESC [ parameters letter`.
fn sequence(bytes: &[u8]) -> Found {
    let after = bytes.get(2..).unwrap_or_default();
    let end = after.iter().position(|byte| (0x40..=0x7e).contains(byte));
    let Some(end) = end else {
        let is_too_long = after.len() > MAX_SEQUENCE;
        return if is_too_long {
            Found::Other(bytes.len())
        } else {
            Found::Begun
        };
    };
    let length = end + 3;
    let parameters = after.get(..end).unwrap_or_default();
    match (parameters, after.get(end)) {
        (b"5", Some(b'~')) => Found::Key(TopKey::PageUp, length),
        (b"6", Some(b'~')) => Found::Key(TopKey::PageDown, length),
        (b"1" | b"7", Some(b'~')) => Found::Key(TopKey::Home, length),
        (b"4" | b"8", Some(b'~')) => Found::Key(TopKey::End, length),
        (b"", Some(letter)) => by_letter(*letter, length),
        (_, _) => Found::Other(length),
    }
}

fn by_letter(letter: u8, length: usize) -> Found {
    let key = match letter {
        b'A' => TopKey::Up,
        b'B' => TopKey::Down,
        b'H' => TopKey::Home,
        b'F' => TopKey::End,
        b'Z' => TopKey::BackTab,
        b'M' => TopKey::Enter,
        _ => return Found::Other(length),
    };
    Found::Key(key, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_keys_and_halves_wait_for_their_end() {
        use TopKey::{BackTab, Char, Ctrl, Down, End, Enter, Esc, Home, PageDown, Tab, Up};
        let cases: [(&[u8], &[TopKey], &[u8]); 12] = [
            (b"jk", &[Char('j'), Char('k')], b""),
            ("é漢".as_bytes(), &[Char('é'), Char('漢')], b""),
            (b"a\xc3", &[Char('a')], b"\xc3"),
            (b"\xff\xfea", &[Char('a')], b""),
            (b"\x1b", &[Esc], b""),
            (b"\x1b\x1b[A", &[Esc, Up], b""),
            (b"\x1b[B\x1bOB\r\t", &[Down, Down, Enter, Tab], b""),
            (b"\x1b[6~\x1b[H\x1b[4~", &[PageDown, Home, End], b""),
            (b"\x1b[Z\x03\x1a", &[BackTab, Ctrl('c'), Ctrl('z')], b""),
            (b"\x1b[1;5Aq\x1bx", &[Char('q'), Esc, Char('x')], b""),
            (b"x\x1b[20", &[Char('x')], b"\x1b[20"),
            (b"\x00\x1c", &[], b""),
        ];
        for (bytes, keys, rest) in cases {
            assert_eq!(keys_in(bytes), (keys.to_vec(), rest.to_vec()), "{bytes:?}");
        }
        let endless = [b"\x1b[".as_slice(), &[b'1'; 100]].concat();
        assert_eq!(keys_in(&endless), (Vec::new(), Vec::new()));
    }
}
