//! The row that is being written: a terminal's line, edited by a cursor.
//!
//! Finished rows are kept before it until they are taken. Every character counts as one column
//! here; that only matters where something is written over something else.

/// The most bytes of one row; the rest of it is dropped, and the row ends with [`CUT`].
pub(super) const MAX_ROW: usize = 64 << 10;
/// A longer row is not written over: what would do so begins another.
const MAX_EDITED: usize = 4 << 10;
/// The most columns that one sequence moves or fills.
const MAX_STEP: usize = 1000;
/// What a row that was cut ends with.
pub(super) const CUT: &str = "…";

/// Finished rows, each with its line end, and the open one.
#[derive(Debug, Default)]
pub(super) struct Cells {
    text: Vec<u8>,
    /// Where the open row begins.
    row: usize,
    /// Where the next character goes.
    at: usize,
    cut: bool,
    /// A return to the beginning of a row too long to be edited: the next character begins another.
    left: bool,
}

impl Cells {
    /// The finished rows. They may end with `\r\n`.
    pub(super) fn rows(&self) -> &[u8] {
        self.text.get(..self.row).unwrap_or_default()
    }

    /// The row that is being written.
    pub(super) fn open(&self) -> &[u8] {
        self.text.get(self.row..).unwrap_or_default()
    }

    /// Bytes in all.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether the next character is simply added.
    pub(super) fn at_end(&self) -> bool {
        self.at == self.text.len() && !self.left
    }

    /// Whether all that comes before the next control is dropped.
    pub(super) fn drops(&self) -> bool {
        self.cut && self.at_end()
    }

    /// Forgets the finished rows.
    pub(super) fn take(&mut self) {
        self.text.drain(..self.row);
        self.at -= self.row;
        self.row = 0;
    }

    /// The last byte of all, 0 where there is none.
    pub(super) fn last(&self) -> u8 {
        self.text.last().copied().unwrap_or(0)
    }

    /// Lets `copy` add text that holds no control but line ends, tabs and escapes, at the end: no
    /// more of it than it is given, and with its line ends. Returns what that returns, or 0 where
    /// the row is full.
    pub(super) fn append(
        &mut self,
        bytes: &[u8],
        copy: impl FnOnce(&[u8], &mut Vec<u8>) -> usize,
    ) -> usize {
        let room = MAX_ROW.saturating_sub(self.text.len() - self.row);
        if room == 0 || self.cut {
            return 0;
        }
        // What does not fit is left: to ask byte by byte where the row ends would take for ever.
        let first = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
        let fits = if first > room {
            bytes.get(..room).unwrap_or(bytes)
        } else {
            bytes
        };
        let start = self.text.len();
        let taken = copy(fits, &mut self.text);
        let added = self.text.get(start..).unwrap_or_default();
        if let Some(at) = memchr::memrchr(b'\n', added) {
            self.row = start + at + 1;
        }
        self.at = self.text.len();
        taken
    }

    /// Writes one byte of a character, or a tab.
    pub(super) fn put(&mut self, byte: u8) {
        if self.left {
            self.break_row();
        }
        if self.at == self.text.len() {
            if self.text.len() - self.row >= MAX_ROW {
                self.cut = true;
                return;
            }
            self.text.push(byte);
        } else if is_continuation(byte) {
            self.text.insert(self.at, byte);
        } else {
            let end = self.after(self.at);
            self.text.splice(self.at..end, [byte]);
        }
        self.at += 1;
    }

    /// Ends the row.
    pub(super) fn end_row(&mut self) {
        if std::mem::take(&mut self.cut) {
            self.text.extend_from_slice(CUT.as_bytes());
        }
        self.left = false;
        self.text.push(b'\n');
        self.row = self.text.len();
        self.at = self.row;
    }

    /// Ends the row unless it is empty: the cursor goes elsewhere. Returns whether it did.
    pub(super) fn break_row(&mut self) -> bool {
        let written = self.row < self.text.len();
        if written {
            self.end_row();
        }
        written
    }

    /// Back to the beginning of the row.
    pub(super) fn go_home(&mut self) {
        if self.text.len() - self.row > MAX_EDITED {
            self.left = true;
        } else {
            self.at = self.row;
        }
    }

    /// To a column, from 0. Returns whether that began another row.
    pub(super) fn go_to(&mut self, column: usize) -> bool {
        let broken = self.text.len() - self.row > MAX_EDITED && self.break_row();
        self.at = self.row;
        self.forward(column);
        broken
    }

    /// On by so many columns, spaces being written where nothing is.
    pub(super) fn forward(&mut self, columns: usize) {
        for _ in 0..columns.min(MAX_STEP) {
            if self.at == self.text.len() {
                if self.text.len() - self.row >= MAX_ROW {
                    return;
                }
                self.text.push(b' ');
                self.at += 1;
            } else {
                self.at = self.after(self.at);
            }
        }
    }

    /// Back by so many columns.
    pub(super) fn back(&mut self, columns: usize) {
        for _ in 0..columns.min(MAX_STEP) {
            while self.at > self.row {
                self.at -= 1;
                if self.text.get(self.at).is_none_or(|b| !is_continuation(*b)) {
                    break;
                }
            }
        }
    }

    /// Erases from the cursor to the end.
    pub(super) fn erase_rest(&mut self) {
        self.text.truncate(self.at);
        self.cut = false;
    }

    /// Erases from the beginning up to the cursor.
    pub(super) fn erase_before(&mut self) {
        let before = self.text.get(self.row..self.at).unwrap_or_default();
        let blank = vec![b' '; characters(before)];
        let width = blank.len();
        self.text.splice(self.row..self.at, blank);
        self.at = self.row + width;
    }

    /// Writes spaces over so many characters, and stays.
    pub(super) fn erase(&mut self, columns: usize) {
        let end = self.on(columns);
        let blank = vec![b' '; characters(self.text.get(self.at..end).unwrap_or_default())];
        self.text.splice(self.at..end, blank);
    }

    /// Takes out so many characters.
    pub(super) fn delete(&mut self, columns: usize) {
        let end = self.on(columns);
        self.text.drain(self.at..end);
    }

    /// Puts spaces in, before what is there.
    pub(super) fn insert(&mut self, columns: usize) {
        if self.at < self.text.len() && self.text.len() - self.row <= MAX_EDITED {
            self.text
                .splice(self.at..self.at, vec![b' '; columns.min(MAX_STEP)]);
        }
    }

    fn on(&self, columns: usize) -> usize {
        (0..columns.min(MAX_STEP)).fold(self.at, |at, _| self.after(at))
    }

    /// Where the character after the one at `at` begins.
    fn after(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let more = rest
            .iter()
            .skip(1)
            .take_while(|b| is_continuation(**b))
            .count();
        (at + 1 + more).min(self.text.len())
    }
}

/// How many characters begin in this text.
pub(super) fn characters(text: &[u8]) -> usize {
    text.iter().filter(|b| !is_continuation(**b)).count()
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
