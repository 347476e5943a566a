//! The bounded part of a child's output that we keep.

use std::collections::VecDeque;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes per read: the capacity of a pipe.
const BUFFER: usize = 64 << 10;

/// How many bytes of an output are kept. The others are read and dropped, because a full pipe would
/// block the child.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// Bytes kept of the beginning.
    pub head: usize,
    /// Bytes kept of the end.
    pub tail: usize,
    /// A child that prints more bytes than this is ended.
    pub flood: u64,
}

impl Bound {
    /// Keeps the beginning of an output of any length.
    #[must_use]
    pub const fn head(bytes: usize) -> Self {
        Self {
            head: bytes,
            tail: 0,
            flood: u64::MAX,
        }
    }

    /// Keeps the end of an output of any length.
    #[must_use]
    pub const fn tail(bytes: usize) -> Self {
        Self {
            head: 0,
            tail: bytes,
            flood: u64::MAX,
        }
    }
}

/// The beginning and the end of an output.
#[derive(Debug)]
pub struct Output {
    bound: Bound,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// The number of bytes read so far.
    read: u64,
}

/// The child printed more than [`Bound::flood`] allows.
#[derive(Debug)]
pub(super) struct Flooded;

impl Output {
    pub(super) fn new(bound: Bound) -> Self {
        Self {
            bound,
            head: Vec::new(),
            tail: VecDeque::new(),
            read: 0,
        }
    }

    /// Reads until the end, or until the output exceeds [`Bound::flood`].
    pub(super) async fn fill(
        &mut self,
        pipe: Option<impl AsyncRead + Unpin>,
    ) -> Result<(), Flooded> {
        let Some(mut pipe) = pipe else { return Ok(()) };
        let mut buffer = vec![0_u8; BUFFER];
        // A read error ends the output as well as an end of file.
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            self.add(buffer.get(..count).unwrap_or_default());
            if self.read > self.bound.flood {
                return Err(Flooded);
            }
        }
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) {
        let Bound { head, tail, .. } = self.bound;
        self.read = self.read.saturating_add(bytes.len() as u64);
        let free = head.saturating_sub(self.head.len());
        let (first, later) = bytes.split_at(bytes.len().min(free));
        self.head.extend(first);
        let later = later.get(later.len().saturating_sub(tail)..);
        self.tail.extend(later.unwrap_or_default());
        let excess = self.tail.len().saturating_sub(tail);
        self.tail.drain(..excess);
    }

    fn kept(&self) -> Vec<u8> {
        self.head.iter().chain(&self.tail).copied().collect()
    }

    /// The kept bytes as text. Nothing marks a gap between the beginning and the end.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept()).into_owned()
    }

    /// The output as text. `None` when a part of it was dropped.
    #[must_use]
    pub fn whole(&self) -> Option<String> {
        let kept = self.kept();
        (kept.len() as u64 == self.read).then(|| String::from_utf8_lossy(&kept).into_owned())
    }

    /// The kept bytes. A line such as `[12 bytes left out]` stands in the place of a gap.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        let left_out = self.read - (self.head.len() + self.tail.len()) as u64;
        if left_out > 0 {
            bytes.extend(format!("\n[{left_out} bytes left out]\n").into_bytes());
        }
        bytes.extend(&self.tail);
        bytes
    }

    /// The last line that is not blank.
    #[must_use]
    pub fn last_line(&self) -> String {
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

    const BOUND: Bound = Bound {
        head: 256 << 10,
        tail: 768 << 10,
        flood: 16 << 20,
    };

    #[tokio::test]
    async fn beginning_and_end_stay() {
        let mut output = Output::new(BOUND);
        let text: Vec<u8> = (0..3_000_000_u32)
            .map(|n| if n == 0 { b'a' } else { b'b' })
            .chain(*b"\nend \n\n")
            .collect();
        output.fill(Some(&text[..])).await.unwrap();
        let bytes = output.bytes();
        assert!(
            bytes.starts_with(b"ab") && bytes.ends_with(b"b\nend \n\n"),
            "{}",
            bytes.len()
        );
        assert!(
            bytes.len() < BOUND.head + BOUND.tail + 64
                && String::from_utf8_lossy(&bytes).contains("bytes left out]")
        );
        assert_eq!(
            (output.whole(), output.last_line()),
            (None, "end".to_owned())
        );
    }

    #[tokio::test]
    async fn what_is_small_is_whole_and_a_flood_is_not_read_to_its_end() {
        let mut output = Output::new(BOUND);
        output.fill(Some(&b"one\ntwo"[..])).await.unwrap();
        assert_eq!(
            (output.whole().as_deref(), output.bytes().as_slice()),
            (Some("one\ntwo"), &b"one\ntwo"[..])
        );
        assert!(
            Output::new(BOUND)
                .fill(Some(tokio::io::repeat(b'x')))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn only_the_beginning_or_the_end_is_kept_of_what_has_no_end() {
        let text = [b'a'; 1000];
        for bound in [Bound::head(10), Bound::tail(10), Bound::head(0)] {
            let mut output = Output::new(bound);
            output
                .fill(Some(&[&text[..], b"end"].concat()[..]))
                .await
                .unwrap();
            let kept = match (bound.head, bound.tail) {
                (10, _) => "aaaaaaaaaa",
                (_, 10) => "aaaaaaaend",
                _ => "",
            };
            assert_eq!((output.text().as_str(), output.whole()), (kept, None));
        }
    }
}
