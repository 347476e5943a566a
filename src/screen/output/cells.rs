//! The row that a program is writing: a line of a terminal with a cursor.
//!
//! Finished rows are kept before the open row until they are taken. Each character counts as one
//! column. That is wrong for wide characters, but matters only if a program writes over them.

/// The longest row, in bytes. The rest of a longer row is dropped, and [`CUT`] ends it.
pub(super) const MAX_ROW: usize = 64 << 10;
/// The longest row that can be edited, in bytes. To write over a longer row begins a new row.
const MAX_EDITED: usize = 4 << 10;
/// How many columns one sequence moves or fills at most.
const MAX_STEP: usize = 1000;
/// The end of a row that was cut.
pub(super) const CUT: &str = "…";

/// The finished rows, each with its line end, and the open row.
#[derive(Debug, Default)]
pub(super) struct Cells {
    text: Vec<u8>,
    /// Where the open row begins.
    row: usize,
    /// The cursor: where the next character goes.
    at: usize,
    /// Whether a part of the open row was dropped.
    cut: bool,
    /// Whether the cursor went back to the beginning of a row that is too long to edit. Then the
    /// next character begins a new row.
    left: bool,
}

impl Cells {
    /// The finished rows. They may end with `\r\n`.
    pub(super) fn rows(&self) -> &[u8] {
        self.text.get(..self.row).unwrap_or_default()
    }

    /// The row that has not ended.
    pub(super) fn open(&self) -> &[u8] {
        self.text.get(self.row..).unwrap_or_default()
    }

    /// How many bytes all rows have.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether the next character goes to the end of the open row.
    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len() && !self.left
    }

    /// Whether the open row is full, so that all text before the next control is dropped.
    pub(super) fn is_full(&self) -> bool {
        self.cut && self.is_at_end()
    }

    /// Forgets the finished rows.
    pub(super) fn take(&mut self) {
        self.text.drain(..self.row);
        self.at -= self.row;
        self.row = 0;
    }

    /// The last byte, or 0 if there is none.
    pub(super) fn last(&self) -> u8 {
        self.text.last().copied().unwrap_or(0)
    }

    /// Appends text whose only controls are line ends, tabs and escapes. `copy` gets the bytes that
    /// fit and the text to append them to. It returns how many bytes it has read.
    ///
    /// Returns the same number, or 0 if the row is full.
    pub(super) fn append(
        &mut self,
        bytes: &[u8],
        copy: impl FnOnce(&[u8], &mut Vec<u8>) -> usize,
    ) -> usize {
        let room = MAX_ROW.saturating_sub(self.text.len() - self.row);
        if room == 0 || self.cut {
            return 0;
        }
        // Only the first row can be too long: all rows of `bytes` fit into a new row.
        let first_row = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
        let fitting = if first_row > room {
            bytes.get(..room).unwrap_or(bytes)
        } else {
            bytes
        };
        let start = self.text.len();
        let read = copy(fitting, &mut self.text);
        let added = self.text.get(start..).unwrap_or_default();
        if let Some(at) = memchr::memrchr(b'\n', added) {
            self.row = start + at + 1;
        }
        self.at = self.text.len();
        read
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

    /// Ends the row unless it is empty. Returns whether it has ended a row.
    pub(super) fn break_row(&mut self) -> bool {
        let has_text = self.row < self.text.len();
        if has_text {
            self.end_row();
        }
        has_text
    }

    /// Moves the cursor to the beginning of the row.
    pub(super) fn go_home(&mut self) {
        if self.text.len() - self.row > MAX_EDITED {
            self.left = true;
        } else {
            self.at = self.row;
        }
    }

    /// Moves the cursor to a column, counted from 0. Returns whether that has ended the row.
    pub(super) fn go_to(&mut self, column: usize) -> bool {
        let is_too_long = self.text.len() - self.row > MAX_EDITED;
        let has_ended_row = is_too_long && self.break_row();
        self.at = self.row;
        self.forward(column);
        has_ended_row
    }

    /// Moves the cursor forward by so many columns. Beyond the end of the row it writes spaces.
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

    /// Moves the cursor back by so many columns, at most to the beginning of the row.
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

    /// Erases from the cursor to the end of the row.
    pub(super) fn erase_rest(&mut self) {
        self.text.truncate(self.at);
        self.cut = false;
    }

    /// Writes spaces from the beginning of the row to the cursor.
    pub(super) fn erase_before(&mut self) {
        let before = self.text.get(self.row..self.at).unwrap_or_default();
        let blank = vec![b' '; characters(before)];
        let width = blank.len();
        self.text.splice(self.row..self.at, blank);
        self.at = self.row + width;
    }

    /// Writes spaces over so many characters from the cursor on. The cursor stays.
    pub(super) fn erase(&mut self, columns: usize) {
        let end = self.end_of(columns);
        let erased = self.text.get(self.at..end).unwrap_or_default();
        let blank = vec![b' '; characters(erased)];
        self.text.splice(self.at..end, blank);
    }

    /// Removes so many characters from the cursor on.
    pub(super) fn delete(&mut self, columns: usize) {
        let end = self.end_of(columns);
        self.text.drain(self.at..end);
    }

    /// Inserts so many spaces at the cursor.
    pub(super) fn insert(&mut self, columns: usize) {
        let (end, count) = (self.text.len(), columns.min(MAX_STEP));
        if self.at < end && end - self.row <= MAX_EDITED {
            self.text.resize(end + count, b' ');
            self.text.copy_within(self.at..end, self.at + count);
            if let Some(gap) = self.text.get_mut(self.at..self.at + count) {
                gap.fill(b' ');
            }
        }
    }

    /// Where so many characters from the cursor on end.
    fn end_of(&self, columns: usize) -> usize {
        (0..columns.min(MAX_STEP)).fold(self.at, |at, _| self.after(at))
    }

    /// Where the character after the one at `at` begins.
    fn after(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let continuations = rest
            .iter()
            .skip(1)
            .take_while(|byte| is_continuation(**byte))
            .count();
        (at + 1 + continuations).min(self.text.len())
    }
}

/// How many characters begin in a piece of UTF-8.
pub(super) fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| !is_continuation(**byte)).count()
}

/// Whether a byte is not the first of a UTF-8 character.
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
