//! Makes rows of text from the output of a terminal.
//!
//! It removes escape sequences, and does to the row what they ask:
//!
//! ```text
//!  input                       rows
//!  \e[1mbold\e[0m text\n       bold text
//!  10%\r100%\n                 100%
//!  one\e[5Gtwo\n               one two
//! ```
//!
//! The states are those of ECMA-48, as terminals implement it: control sequences, strings (OSC,
//! DCS, SOS, PM, APC), charsets, and controls within sequences. A line feed or a move to another
//! line ends the row.
//!
//! Two things differ from a terminal, so that no sequence can hide all that follows: a string ends
//! after 1 MiB, and an OSC ends at a line feed.

use super::cells::Cells;
use super::runs;

/// The longest string (OSC, DCS, …), in bytes.
const MAX_STRING: u32 = 1 << 20;
/// How often one sequence repeats a character at most.
const MAX_REPEATS: usize = 1000;
/// The largest parameter of a control sequence. No terminal has so many columns.
const MAX_PARAMETER: u32 = 99_999;

/// Strips one stream of output.
#[derive(Debug, Default)]
pub struct Stripper {
    state: State,
    cells: Cells,
    /// How many bytes of the stream were read.
    input: u64,
    /// Where runs of text begin whose bytes are in the rows as they were in the input.
    runs: Vec<Mark>,
    /// Where rows end that were ended byte by byte.
    ends: Vec<Mark>,
    /// The line of the screen that the cursor is in, if a move has named it.
    line: Option<u32>,
    /// Whether each of the two charsets draws lines.
    drawing: [bool; 2],
    /// Whether the second charset is in use.
    second: bool,
    /// The last byte that was shown, for a sequence that repeats it.
    last: u8,
    /// The first two parameters of the control sequence. They are not in the state, because the
    /// state is copied for each byte.
    parameters: [u32; 2],
    /// Which parameter is being read.
    parameter: usize,
}

/// A place in the rows, and the place in the input that it came from.
#[derive(Debug, Clone, Copy)]
struct Mark {
    text: usize,
    input: u64,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Plain text.
    #[default]
    Ground,
    /// A sequence of which only the escape was read.
    Escape,
    /// An escape with this intermediate byte, such as `(` for a charset.
    Charset(u8),
    /// A control sequence: `ESC [`.
    Sequence,
    /// A control sequence that is not understood.
    Ignored,
    /// An OSC string, with so many bytes.
    Title(u32),
    /// Another string, with so many bytes.
    Other(u32),
}

impl Stripper {
    /// A stripper for a stream that is read from this offset on. A line must begin there.
    #[must_use]
    pub fn new(from: u64) -> Self {
        Self {
            input: from,
            ..Self::default()
        }
    }

    /// Reads more bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        // How many of the next bytes are known to be easy. So each byte is checked once, also if
        // something else stands between easy bytes.
        let mut easy = 0;
        while let Some((&byte, after)) = rest.split_first() {
            let read = self.read_run(rest, &mut easy);
            if read == 0 {
                self.input += 1;
                self.read_byte(byte);
                rest = after;
            } else {
                self.input += read as u64;
                rest = rest.get(read..).unwrap_or_default();
            }
            easy = easy.saturating_sub(read.max(1));
        }
    }

    /// Reads plain text and colours at the start of `bytes` in one step. Returns how many bytes it
    /// has read. 0 means that the next byte must be read alone.
    fn read_run(&mut self, bytes: &[u8], easy: &mut usize) -> usize {
        if self.state != State::Ground {
            return 0;
        }
        if bytes.first() == Some(&0) {
            // NUL means nothing, and a sparse file has millions of them.
            return bytes.iter().take_while(|byte| **byte == 0).count();
        }
        if self.cells.is_full() {
            return self.drop_plain(bytes);
        }
        if !self.cells.is_at_end() || self.draws_lines() {
            return runs::colour_prefix(bytes).unwrap_or(0);
        }
        if *easy == 0 {
            *easy = runs::easy_prefix(bytes);
        }
        bytes.get(..*easy).map_or(0, |bytes| self.append(bytes))
    }

    /// The rows that have ended since the last [`take`](Self::take). Each ends with `\n` or `\r\n`.
    #[must_use]
    pub fn rows(&self) -> &[u8] {
        self.cells.rows()
    }

    /// The row that has not ended yet.
    #[must_use]
    pub fn open(&self) -> &[u8] {
        self.cells.open()
    }

    /// Forgets the rows that have ended.
    pub fn take(&mut self) {
        self.cells.take();
        self.runs.clear();
        self.ends.clear();
    }

    /// How many bytes of the stream had been read at the end of a row. `end` is where the row ends
    /// in [`rows`](Self::rows).
    #[must_use]
    pub fn input_at(&self, end: usize) -> u64 {
        if let Ok(index) = self.ends.binary_search_by_key(&end, |mark| mark.text) {
            return self.ends.get(index).map_or(self.input, |mark| mark.input);
        }
        let runs_before = self.runs.partition_point(|mark| mark.text < end);
        let run = runs_before
            .checked_sub(1)
            .and_then(|last| self.runs.get(last))
            .filter(|_| end <= self.cells.len());
        match run {
            Some(mark) => mark.input + (end - mark.text) as u64,
            None => self.input,
        }
    }

    fn draws_lines(&self) -> bool {
        let [first, second] = self.drawing;
        if self.second { second } else { first }
    }

    /// Adds plain text up to an escape that is no colour, without the colours. Returns how many
    /// bytes it has read: 0 if the row is full.
    fn append(&mut self, bytes: &[u8]) -> usize {
        let (ended_before, length_before) = (self.cells.rows().len(), self.cells.len());
        let (runs, input) = (&mut self.runs, self.input);
        let read = self.cells.append(bytes, |fitting, text| {
            runs::copy(fitting, text, |text, at| {
                runs.push(Mark {
                    text,
                    input: input + at as u64,
                });
            })
        });
        if self.cells.rows().len() > ended_before {
            self.line = None;
        }
        if self.cells.len() > length_before {
            self.last = self.cells.last();
        }
        read
    }

    /// Drops the text before the next control, because the row is full. Returns how many bytes it
    /// has dropped.
    fn drop_plain(&mut self, bytes: &[u8]) -> usize {
        let dropped = bytes
            .iter()
            .take_while(|byte| **byte >= 0x20 && **byte != 0x7f)
            .count();
        if let Some(last) = dropped.checked_sub(1).and_then(|at| bytes.get(at)) {
            self.last = self.shown(*last);
        }
        dropped
    }

    fn read_byte(&mut self, byte: u8) {
        match (self.state, byte) {
            (State::Title(_) | State::Other(_), _) => self.state = self.after_string_byte(byte),
            (_, 0x1b) => self.state = State::Escape,
            // CAN and SUB cancel a sequence.
            (_, 0x18 | 0x1a) | (State::Ignored, 0x40..=0x7e) => self.state = State::Ground,
            (_, 0..=0x1f | 0x7f) => self.control(byte),
            (State::Ground, _) => self.put(byte),
            (State::Escape, _) => self.state = self.after_escape(byte),
            (State::Charset(intermediate), 0x30..=0x7e) => {
                self.set_charset(intermediate, byte);
                self.state = State::Ground;
            }
            (State::Sequence, 0x40..=0x7e) => {
                self.state = State::Ground;
                self.sequence(byte);
            }
            (State::Sequence, b'0'..=b'9' | b';' | b':') => self.read_parameter(byte),
            (State::Sequence, _) => self.state = State::Ignored,
            (State::Charset(_) | State::Ignored, _) => {}
        }
    }

    /// `ESC ( 0` makes the first charset draw lines, `ESC ) 0` the second. Others make it text.
    fn set_charset(&mut self, intermediate: u8, charset: u8) {
        let draws_lines = charset == b'0';
        let [first, second] = self.drawing;
        match intermediate {
            b'(' => self.drawing = [draws_lines, second],
            b')' => self.drawing = [first, draws_lines],
            _ => {}
        }
    }

    fn after_string_byte(&self, byte: u8) -> State {
        match (self.state, byte) {
            (_, 0x1b) => State::Escape,
            (_, 0x18 | 0x1a) | (State::Title(_), 0x07 | b'\n') => State::Ground,
            (State::Title(n), _) if n < MAX_STRING => State::Title(n + 1),
            (State::Other(n), _) if n < MAX_STRING => State::Other(n + 1),
            (
                State::Title(_)
                | State::Other(_)
                | State::Ground
                | State::Escape
                | State::Charset(_)
                | State::Sequence
                | State::Ignored,
                _,
            ) => State::Ground,
        }
    }

    fn after_escape(&mut self, byte: u8) -> State {
        match byte {
            b'[' => {
                (self.parameters, self.parameter) = ([0, 0], 0);
                State::Sequence
            }
            b']' => State::Title(0),
            // `k` begins the name of a window, in screen and tmux.
            b'P' | b'X' | b'^' | b'_' | b'k' => State::Other(0),
            0x20..=0x2f => State::Charset(byte),
            // Line feed, next line, reverse line feed, reset, restore the cursor.
            b'D' | b'E' | b'M' | b'c' | b'8' => {
                self.move_line();
                State::Ground
            }
            _ => State::Ground,
        }
    }

    fn control(&mut self, byte: u8) {
        match byte {
            b'\n' | 0x0b | 0x0c => {
                self.cells.end_row();
                self.note_end();
            }
            b'\r' => self.cells.go_home(),
            0x08 => self.cells.back(1),
            b'\t' if self.state == State::Ground => self.put(byte),
            0x0e => self.second = true,
            0x0f => self.second = false,
            _ => {}
        }
    }

    fn put(&mut self, byte: u8) {
        let shown = self.shown(byte);
        self.last = shown;
        let ended_before = self.cells.rows().len();
        self.cells.put(shown);
        let ended = self.cells.rows().len();
        if ended > ended_before {
            // This byte is the first of a new row, so the old row ended before it.
            self.ends.push(Mark {
                text: ended,
                input: self.input - 1,
            });
        }
    }

    /// The character that a byte shows: a line if the charset draws lines.
    fn shown(&self, byte: u8) -> u8 {
        match byte {
            b'x' if self.draws_lines() => b'|',
            0x60..=0x7e if self.draws_lines() => b'-',
            _ => byte,
        }
    }

    fn read_parameter(&mut self, byte: u8) {
        if !byte.is_ascii_digit() {
            self.parameter = self.parameter.saturating_add(1);
        } else if let Some(value) = self.parameters.get_mut(self.parameter) {
            *value = value
                .saturating_mul(10)
                .saturating_add(u32::from(byte - b'0'))
                .min(MAX_PARAMETER);
        }
    }

    /// Carries out a control sequence that ends with this byte.
    fn sequence(&mut self, last: u8) {
        let [first, second] = self.parameters;
        let count = usize::try_from(first.max(1)).unwrap_or(usize::MAX);
        match last {
            b'C' | b'a' => self.cells.forward(count),
            b'D' => self.cells.back(count),
            b'G' | b'`' => self.go_to_column(first),
            b'H' | b'f' => {
                self.go_to_line(first.max(1));
                self.go_to_column(second);
            }
            b'd' => self.go_to_line(first.max(1)),
            b'K' => match first {
                0 => self.cells.erase_rest(),
                1 => self.cells.erase_before(),
                _ => {
                    self.cells.erase_rest();
                    self.cells.erase_before();
                }
            },
            b'J' if first == 0 => self.cells.erase_rest(),
            b'X' => self.cells.erase(count),
            b'P' => self.cells.delete(count),
            b'@' => self.cells.insert(count),
            b'b' if (0x20..0x7f).contains(&self.last) => {
                (0..count.min(MAX_REPEATS)).for_each(|_| self.put(self.last));
            }
            // Moves up or down, clears or scrolls the screen, restores the cursor.
            b'A' | b'B' | b'E' | b'F' | b'J' | b'L' | b'M' | b'S' | b'T' | b'e' | b'u' => {
                self.move_line();
            }
            _ => {}
        }
    }

    /// Moves the cursor to a column, counted from 1.
    fn go_to_column(&mut self, column: u32) {
        let index = usize::try_from(column.max(1) - 1).unwrap_or(usize::MAX);
        let has_ended_row = self.cells.go_to(index);
        if has_ended_row {
            self.note_end();
        }
    }

    fn go_to_line(&mut self, line: u32) {
        if self.line != Some(line) {
            self.move_line();
            self.line = Some(line);
        }
    }

    /// Moves the cursor to another line, whose number is not known.
    fn move_line(&mut self) {
        let has_ended_row = self.cells.break_row();
        if has_ended_row {
            self.note_end();
        }
        self.line = None;
    }

    /// Notes where in the input the last row has ended.
    fn note_end(&mut self) {
        self.ends.push(Mark {
            text: self.cells.rows().len(),
            input: self.input,
        });
        self.line = None;
    }
}

#[cfg(test)]
#[path = "strip_tests.rs"]
mod tests;
