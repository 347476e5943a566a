//! Text out of a terminal's output: escape sequences go, and what they do to a line is done to it.
//!
//! The states are those of ECMA-48 as terminals read it: control sequences, strings (OSC, DCS, SOS,
//! PM, APC) to their end, charsets, controls within sequences. A cursor that moves on leaves
//! spaces, a carriage return lets what follows be written over the row, and a cursor that goes to
//! another line ends the row: a line feed, or a move.
//!
//! Two things are unlike a terminal, so that nothing can hide what follows for ever: a string ends
//! after a mebibyte, and an OSC at a line end.

use super::cells::Cells;
use super::runs;

/// The most bytes of a string that is waited for its end.
const MAX_STRING: u32 = 1 << 20;

/// Strips one stream of output.
#[derive(Debug, Default)]
pub struct Stripper {
    state: State,
    cells: Cells,
    /// Bytes taken.
    input: u64,
    /// Where the text began that was taken in step with the input.
    runs: Vec<Mark>,
    /// Where rows ended of themselves.
    ends: Vec<Mark>,
    /// The line on the screen, from a move that named it.
    line: Option<u32>,
    /// Which of the two charsets are line drawing, and which is in use.
    drawing: [bool; 2],
    second: bool,
    last: u8,
    /// The first two parameters of the control sequence, and which is being read. Not in the state:
    /// it would be copied for each byte.
    parameters: [u32; 2],
    parameter: usize,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    text: usize,
    input: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    /// After an escape and an intermediate byte, the first of which this is.
    Charset(u8),
    Sequence,
    /// A control sequence that means nothing here.
    Ignored,
    /// An OSC, or another string; bytes so far.
    Title(u32),
    Other(u32),
}

impl Stripper {
    /// A stripper for a stream that is read from this offset on, which is the beginning of a line.
    #[must_use]
    pub fn new(from: u64) -> Self {
        Self {
            input: from,
            ..Self::default()
        }
    }

    /// Takes more bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        // How much of the rest is known to be easy: it is looked at once, however often something
        // else is in between.
        let mut easy = 0;
        while let Some((&byte, after)) = rest.split_first() {
            let step = self.many(rest, &mut easy);
            if step == 0 {
                self.input += 1;
                self.byte(byte);
                rest = after;
            } else {
                self.input += step as u64;
                rest = rest.get(step..).unwrap_or_default();
            }
            easy = easy.saturating_sub(step.max(1));
        }
    }

    /// Takes what comes first as a whole, as far as it is plain text and colours. Returns how much
    /// that was; of all else nothing.
    fn many(&mut self, bytes: &[u8], easy: &mut usize) -> usize {
        if self.state != State::Ground {
            return 0;
        }
        if bytes.first() == Some(&0) {
            // It means nothing, and a sparse file has millions of it.
            return bytes.iter().take_while(|byte| **byte == 0).count();
        }
        if self.cells.drops() {
            return self.drop_plain(bytes);
        }
        if !self.cells.at_end() || self.draws() {
            return runs::colour_prefix(bytes).unwrap_or(0);
        }
        if *easy == 0 {
            *easy = runs::easy_prefix(bytes);
        }
        bytes.get(..*easy).map_or(0, |bytes| self.append(bytes))
    }

    /// The rows that have ended since [`take`](Self::take), each with its line end, which may be
    /// `\r\n`.
    #[must_use]
    pub fn rows(&self) -> &[u8] {
        self.cells.rows()
    }

    /// The row that has not ended.
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

    /// How many bytes of input had been taken when the row was ended that ends at this place in
    /// [`rows`](Self::rows).
    #[must_use]
    pub fn input_at(&self, end: usize) -> u64 {
        if let Ok(mark) = self.ends.binary_search_by_key(&end, |mark| mark.text) {
            return self.ends.get(mark).map_or(self.input, |mark| mark.input);
        }
        let before = self.runs.partition_point(|mark| mark.text < end);
        match before
            .checked_sub(1)
            .and_then(|last| self.runs.get(last))
            .filter(|_| end <= self.cells.len())
        {
            Some(mark) => mark.input + (end - mark.text) as u64,
            None => self.input,
        }
    }

    fn draws(&self) -> bool {
        let [first, second] = self.drawing;
        if self.second { second } else { first }
    }

    /// Adds plain text, and passes over colours in it, up to another escape. Returns how much it
    /// has taken: nothing where a row would be too long.
    fn append(&mut self, bytes: &[u8]) -> usize {
        let (ended, length) = (self.cells.rows().len(), self.cells.len());
        let (runs, input) = (&mut self.runs, self.input);
        let taken = self.cells.append(bytes, |fits, text| {
            runs::copy(fits, text, |text, at| {
                runs.push(Mark {
                    text,
                    input: input + at as u64,
                });
            })
        });
        if self.cells.rows().len() > ended {
            self.line = None;
        }
        if self.cells.len() > length {
            self.last = self.cells.last();
        }
        taken
    }

    /// Passes over what comes before the next control, in a row that is full. Returns how much that
    /// was.
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

    fn byte(&mut self, byte: u8) {
        match (self.state, byte) {
            (State::Title(_) | State::Other(_), _) => self.state = self.string(byte),
            (_, 0x1b) => self.state = State::Escape,
            (_, 0x18 | 0x1a) | (State::Ignored, 0x40..=0x7e) => self.state = State::Ground,
            (_, 0..=0x1f | 0x7f) => self.control(byte),
            (State::Ground, _) => self.put(byte),
            (State::Escape, _) => self.state = self.escape(byte),
            (State::Charset(first), 0x30..=0x7e) => {
                match first {
                    b'(' => {
                        self.drawing =
                            [byte == b'0', self.drawing.last().copied().unwrap_or(false)];
                    }
                    b')' => {
                        self.drawing =
                            [self.drawing.first().copied().unwrap_or(false), byte == b'0'];
                    }
                    _ => {}
                }
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

    fn string(&self, byte: u8) -> State {
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

    fn escape(&mut self, byte: u8) -> State {
        match byte {
            b'[' => {
                (self.parameters, self.parameter) = ([0, 0], 0);
                State::Sequence
            }
            b']' => State::Title(0),
            // `k` is the window name of screen and tmux.
            b'P' | b'X' | b'^' | b'_' | b'k' => State::Other(0),
            0x20..=0x2f => State::Charset(byte),
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
                self.ended();
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
        let open = self.cells.rows().len();
        self.cells.put(shown);
        let ended = self.cells.rows().len();
        if ended > open {
            // What began the other row is this byte.
            self.ends.push(Mark {
                text: ended,
                input: self.input - 1,
            });
        }
    }

    /// What a byte of text shows: lines, where the charset draws them.
    fn shown(&self, byte: u8) -> u8 {
        match byte {
            b'x' if self.draws() => b'|',
            0x60..=0x7e if self.draws() => b'-',
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
                .min(99_999);
        }
    }

    /// Carries out a control sequence.
    fn sequence(&mut self, last: u8) {
        let [first, second] = self.parameters;
        let count = usize::try_from(first.max(1)).unwrap_or(usize::MAX);
        match last {
            b'C' | b'a' => self.cells.forward(count),
            b'D' => self.cells.back(count),
            b'G' | b'`' => self.column(first),
            b'H' | b'f' => {
                self.go_to_line(first.max(1));
                self.column(second);
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
                (0..count.min(1000)).for_each(|_| self.put(self.last));
            }
            b'A' | b'B' | b'E' | b'F' | b'J' | b'L' | b'M' | b'S' | b'T' | b'e' | b'u' => {
                self.move_line();
            }
            _ => {}
        }
    }

    fn column(&mut self, column: u32) {
        if self
            .cells
            .go_to(usize::try_from(column.max(1) - 1).unwrap_or(usize::MAX))
        {
            self.ended();
        }
    }

    fn go_to_line(&mut self, line: u32) {
        if self.line != Some(line) {
            self.move_line();
            self.line = Some(line);
        }
    }

    /// The cursor goes to a line that is not known.
    fn move_line(&mut self) {
        if self.cells.break_row() {
            self.ended();
        }
        self.line = None;
    }

    fn ended(&mut self) {
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
