//! What a command printed, as far as it is kept.

use std::collections::VecDeque;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The beginning that is kept, in bytes.
const HEAD: usize = 256 << 10;

/// The end that is kept, in bytes.
const TAIL: usize = 768 << 10;

/// The most that is read: a command that prints more is ended.
const FLOOD: u64 = 16 << 20;

/// The beginning and the end of an output.
#[derive(Debug, Default)]
pub(super) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// All that was read, in bytes.
    read: u64,
}

/// More was printed than is read.
#[derive(Debug)]
pub(super) struct Flooded;

impl Kept {
    /// Reads to the end, or until it is too much.
    pub(super) async fn fill(
        &mut self,
        pipe: Option<impl AsyncRead + Unpin>,
    ) -> Result<(), Flooded> {
        let Some(mut pipe) = pipe else { return Ok(()) };
        let mut buffer = vec![0_u8; 64 << 10];
        // A pipe that breaks has ended.
        while let Ok(count) = pipe.read(&mut buffer).await {
            self.add(buffer.get(..count).unwrap_or_default());
            if count == 0 {
                return Ok(());
            }
            if self.read > FLOOD {
                return Err(Flooded);
            }
        }
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) {
        self.read = self.read.saturating_add(bytes.len() as u64);
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
        self.head.extend(head);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..excess);
    }

    /// All of it; none when something was left out in between.
    pub(super) fn whole(&self) -> Option<String> {
        let kept = (self.head.len() + self.tail.len()) as u64;
        let bytes: Vec<u8> = self.head.iter().chain(&self.tail).copied().collect();
        (kept == self.read).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What is kept, with a line in the place of what is not.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        let left_out = self.read - (self.head.len() + self.tail.len()) as u64;
        if left_out > 0 {
            bytes.extend(format!("\n[{left_out} bytes left out]\n").into_bytes());
        }
        bytes.extend(&self.tail);
        bytes
    }

    /// The last line that is not blank.
    pub(super) fn last_line(&self) -> String {
        let bytes = self.bytes();
        let end = bytes
            .get(bytes.len().saturating_sub(4096)..)
            .unwrap_or_default();
        let text = String::from_utf8_lossy(end);
        text.lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or_default()
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beginning_and_end_stay() {
        let mut kept = Kept::default();
        let text: Vec<u8> = (0..3_000_000_u32)
            .map(|n| if n == 0 { b'a' } else { b'b' })
            .chain(*b"\nend \n\n")
            .collect();
        kept.fill(Some(&text[..])).await.unwrap();
        let bytes = kept.bytes();
        assert!(
            bytes.starts_with(b"ab") && bytes.ends_with(b"b\nend \n\n"),
            "{}",
            bytes.len()
        );
        assert!(
            bytes.len() < HEAD + TAIL + 64
                && String::from_utf8_lossy(&bytes).contains("bytes left out]")
        );
        assert_eq!((kept.whole(), kept.last_line()), (None, "end".to_owned()));
    }

    #[tokio::test]
    async fn what_is_small_is_whole_and_a_flood_is_not_read_to_its_end() {
        let mut kept = Kept::default();
        kept.fill(Some(&b"one\ntwo"[..])).await.unwrap();
        assert_eq!(
            (kept.whole().as_deref(), kept.bytes().as_slice()),
            (Some("one\ntwo"), &b"one\ntwo"[..])
        );
        assert!(
            Kept::default()
                .fill(Some(tokio::io::repeat(b'x')))
                .await
                .is_err()
        );
    }
}
