//! Watches one stream of output for markers: which was seen last, and does it still stand?
//!
//! A sighting stands until the agent goes on. Some output does not mean that it goes on: rows that
//! are painted again, a spinner, a timer, a composer, and the last lines of a wrapper that come
//! right after the marker.
//!
//! Most output has no markers. So all rows of a read are searched in one step. Then a row without a
//! marker costs only a look at its first and its last byte.

use super::given;
use super::lines::{self, Broken, Joined, Wrap};
use super::matcher::Matcher;
use super::stated::{is_quoted, may_quote};
use super::strip::Stripper;
use crate::model::{Moment, Period, Sighting, Standing, Verdict};

/// How many bytes are stripped and searched at a time. They fit into the processor's cache.
const PIECE: usize = 32 << 10;
/// How much output before a sighting is recognised when it is painted again, in bytes.
const RECENT: usize = 16 << 10;
/// How much output before a line is compared with the texts that the agent was given, in bytes.
const NEARBY: usize = 1 << 10;
/// How long after a marker, and in how many rows, output still belongs to the marker.
const TRAILER: (Period, u32) = (Period::from_secs(2), 10);
/// What rows of a composer or a box begin with.
const FRAMES: [char; 9] = ['❯', '›', '>', '│', '┃', '|', '╭', '╰', '─'];

/// Watches one stream.
#[derive(Debug)]
pub struct Watch {
    matcher: Matcher,
    stripper: Stripper,
    /// The width of the pane, in columns.
    width: usize,
    /// The last row.
    previous: Vec<u8>,
    /// Whether the last row is a quotation or continues one.
    quoted: bool,
    /// The lines that the last row may be the end of.
    joined: Vec<Joined>,
    /// JSON that is broken over rows and not complete.
    broken: Option<Broken>,
    /// The last rows of the reads before this one, at most [`RECENT`] bytes.
    recent: Vec<u8>,
    standing: Option<Standing>,
    doubt: Option<Doubt>,
    /// The keys of the rows before the sighting, sorted. A row with one of them is painted again.
    repaints: Vec<u64>,
}

/// A sighting that may be wrong: the output may show a given text that begins with the marker. Then
/// the next rows go on with that text.
#[derive(Debug)]
struct Doubt {
    /// The letters after the marker. One entry for each such text.
    expected: Vec<String>,
    /// The letters of the rows since the sighting.
    since: String,
    /// What stood before the sighting.
    former: Option<Standing>,
}

/// One row, with what stands before it.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    /// The earlier rows of the same read.
    before: &'a [u8],
    /// The row before.
    previous: &'a [u8],
    text: &'a [u8],
    /// Whether the row may have a marker.
    hit: bool,
}

/// A marker in a line, and its verdict.
struct Finding {
    marker: String,
    verdict: Verdict,
    line: String,
}

impl Finding {
    fn into_sighting(self, at_byte: u64) -> Sighting {
        Sighting {
            marker: self.marker,
            verdict: self.verdict,
            line: self.line,
            at_byte,
        }
    }
}

impl Watch {
    /// Watches a stream that is read from byte `from` on, where a line begins. The pane is `width`
    /// columns wide.
    #[must_use]
    pub fn new(matcher: Matcher, width: usize, from: u64) -> Self {
        Self {
            matcher,
            stripper: Stripper::new(from),
            width,
            previous: Vec::new(),
            quoted: false,
            joined: Vec::new(),
            broken: None,
            recent: Vec::new(),
            standing: None,
            doubt: None,
            repaints: Vec::new(),
        }
    }

    /// Goes on after another watch, with the sighting that stood then. Rows from before it are not
    /// recognised when they are painted again.
    #[must_use]
    pub fn resuming(self, standing: Option<Standing>) -> Self {
        Self { standing, ..self }
    }

    /// The sighting that stands.
    #[must_use]
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    /// Sets the width of the pane for all output from here on.
    pub fn set_width(&mut self, width: usize) {
        self.width = width;
    }

    /// Replaces the texts that the agent was given.
    pub fn set_given(&mut self, given: &[String]) {
        self.matcher.set_given(given);
    }

    /// Takes output from right before this stream. It was judged already, but a client may show a
    /// given text that began in it.
    #[must_use]
    pub fn after(mut self, bytes: &[u8]) -> Self {
        let mut stripper = Stripper::new(0);
        stripper.feed(bytes);
        let rows = stripper.rows();
        // The bytes may begin within a row.
        let first_whole_row = memchr::memchr(b'\n', rows).map_or(rows.len(), |at| at + 1);
        self.recent = rows.get(first_whole_row..).unwrap_or_default().to_vec();
        self
    }

    /// Skips bytes that are missing. The next bytes are read from byte `from` on, and continue
    /// nothing. A sighting that stands goes on standing.
    pub fn skip_to(&mut self, from: u64) {
        self.stripper = Stripper::new(from);
        self.previous.clear();
        self.quoted = false;
        self.joined.clear();
        self.broken = None;
        self.doubt = None;
        self.recent.clear();
    }

    /// Reads more bytes of the stream. `now` is when they were read.
    pub fn feed(&mut self, bytes: &[u8], now: Moment) {
        for piece in bytes.chunks(PIECE) {
            self.stripper.feed(piece);
            let mut stripper = std::mem::take(&mut self.stripper);
            self.scan(&stripper, now);
            stripper.take();
            self.stripper = stripper;
        }
    }

    /// Judges the open row as if it had ended: its process is gone, or nothing was written for a
    /// while. More bytes may follow.
    pub fn settle(&mut self, now: Moment) {
        let open = self.stripper.open().to_vec();
        let at_byte = self.stripper.input_at(usize::MAX);
        let previous = self.previous.clone();
        let state_before = (self.quoted, self.joined.clone(), self.broken.clone());
        let mut finding = self.judge(Row {
            before: b"",
            previous: &previous,
            text: &open,
            hit: true,
        });
        if let Some(broken) = self.broken.take().filter(|_| finding.is_none()) {
            finding = self.judge_line(b"", broken.text());
        }
        // The row may still go on, so it must not count as ended later.
        (self.quoted, self.joined, self.broken) = state_before;
        if let Some(finding) = finding {
            self.note_sighting(finding.into_sighting(at_byte), &open, &[], now);
        }
    }

    /// Judges the rows that have ended.
    fn scan(&mut self, stripper: &Stripper, now: Moment) {
        let text = stripper.rows();
        let last_row_of_former_read = std::mem::take(&mut self.previous);
        let mut previous = last_row_of_former_read.as_slice();
        let mut next_hit = self.matcher.next(text, 0);
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text) {
            let row = text.get(start..end).unwrap_or_default();
            let row = row.strip_suffix(b"\r").unwrap_or(row);
            let is_hit = next_hit.is_some_and(|at| at < end);
            if is_hit || self.is_of_interest(previous, row) {
                let before = text.get(..start).unwrap_or_default();
                let finding = self.judge(Row {
                    before,
                    previous,
                    text: row,
                    hit: is_hit,
                });
                match finding {
                    Some(finding) => {
                        let sighting = finding.into_sighting(stripper.input_at(end + 1));
                        self.note_sighting(sighting, row, before, now);
                    }
                    None => self.go_on(row, now),
                }
            }
            if is_hit {
                next_hit = self.matcher.next(text, end + 1);
            }
            previous = row;
            start = end + 1;
        }
        self.previous = previous.to_vec();
        self.keep_recent(text);
    }

    /// Adds rows to the recent ones, and drops the oldest beyond [`RECENT`] bytes.
    fn keep_recent(&mut self, rows: &[u8]) {
        let newest = last_bytes(rows, RECENT);
        let excess = (self.recent.len() + newest.len())
            .saturating_sub(RECENT)
            .min(self.recent.len());
        self.recent.drain(..excess);
        self.recent.extend_from_slice(newest);
    }

    /// Whether a row without a hit can change anything.
    fn is_of_interest(&self, previous: &[u8], row: &[u8]) -> bool {
        let is_within_something = self.standing.is_some()
            || self.quoted
            || self.broken.is_some()
            || !self.joined.is_empty();
        if is_within_something {
            return true;
        }
        let may_continue = previous.len() + 1 + row.len() > self.width;
        let may_continue_quote = || first_inked(previous).is_some_and(may_quote);
        let may_open_json = || row.len() >= self.width && first_inked(row) == Some(b'{');
        may_continue && (may_continue_quote() || self.may_break(previous, row)) || may_open_json()
    }

    /// Whether a marker may be broken between these rows.
    fn may_break(&self, previous: &[u8], row: &[u8]) -> bool {
        let last = previous.trim_ascii_end().last();
        last.zip(first_inked(row))
            .is_some_and(|(before, after)| self.matcher.may_break(*before, after))
    }

    /// Judges a row, alone and joined with the rows that it continues.
    fn judge(&mut self, row: Row<'_>) -> Option<Finding> {
        let wrap = lines::wraps(row.previous, row.text, self.width);
        let is_previous_quoted =
            || self.quoted || is_quoted(&String::from_utf8_lossy(row.previous));
        self.quoted = wrap.is_some() && is_previous_quoted();
        if let Some(mut broken) = self.broken.take() {
            self.joined.clear();
            let is_last = broken.add(row.text, self.width);
            if !is_last {
                self.broken = Some(broken);
                return None;
            }
            let has_key = || memchr::memmem::find(row.text, b"\":").is_some();
            if lines::is_object(broken.text()) || has_key() {
                return self.judge_line(b"", broken.text());
            }
        }
        if !self.quoted {
            self.broken = Broken::begin(row.text, self.width);
        }
        if self.broken.is_some() {
            return None;
        }
        let across = self.judge_across(row, wrap);
        if self.quoted || !row.hit {
            return across.filter(|_| !self.quoted);
        }
        self.judge_line(row.before, row.text).or(across)
    }

    /// Judges the lines that the row may be the end of, for markers that are broken over it.
    fn judge_across(&mut self, row: Row<'_>, wrap: Option<Wrap>) -> Option<Finding> {
        let mut so_far = std::mem::take(&mut self.joined);
        let wrap = wrap.filter(|_| self.may_break(row.previous, row.text))?;
        if so_far.is_empty() {
            so_far.push(Joined {
                text: row.previous.to_vec(),
                seam: 0,
            });
        }
        self.joined = lines::join(so_far, row.text, wrap);
        let rows = self.rows_before(row.before);
        self.joined.iter().find_map(|Joined { text, seam }| {
            let earlier_rows = text.get(..*seam).unwrap_or_default();
            let rows_before_line = without_end(&rows, earlier_rows);
            // To replace invalid bytes would move the seam. So only valid text is judged.
            let line = std::str::from_utf8(text).ok()?;
            let (marker, verdict) = self.matcher.judge_across(rows_before_line, line, *seam)?;
            Some(Finding {
                marker: marker.to_owned(),
                verdict,
                line: clipped(line),
            })
        })
    }

    fn judge_line(&self, before: &[u8], line: &[u8]) -> Option<Finding> {
        let line = String::from_utf8_lossy(line);
        let (marker, verdict) = self.matcher.judge_after(&self.rows_before(before), &line)?;
        Some(Finding {
            marker: marker.to_owned(),
            verdict,
            line: clipped(&line),
        })
    }

    /// The last [`NEARBY`] bytes of rows: of this read, and if these are fewer, of earlier reads.
    fn rows_before(&self, before: &[u8]) -> Vec<u8> {
        let of_this_read = last_bytes(before, NEARBY);
        let missing = NEARBY.saturating_sub(of_this_read.len());
        [last_bytes(&self.recent, missing), of_this_read].concat()
    }

    /// Lets a sighting stand, unless it is the one that stands already, painted again.
    fn note_sighting(&mut self, sighting: Sighting, row: &[u8], before: &[u8], now: Moment) {
        let key = key_of(row);
        if let Some(standing) = &self.standing {
            let is_repaint = standing.key == key;
            // A wrapper may praise an agent that has just failed.
            let is_praise = standing.sighting.verdict == Verdict::Failed
                && sighting.verdict == Verdict::Completed
                && now.since(&standing.seen) <= TRAILER.0;
            if is_repaint || is_praise {
                return;
            }
        }
        let rows_of = |text| <[u8]>::split(text, |byte| *byte == b'\n');
        let rows = rows_of(&self.recent).chain(rows_of(last_bytes(before, RECENT)));
        self.repaints = rows.map(key_of).collect();
        self.repaints.sort_unstable();
        let line = String::from_utf8_lossy(row);
        let expected = self.matcher.expected_after(&line, &sighting.marker);
        let standing = Standing {
            sighting,
            seen: now,
            quiet_since: now,
            trailer: 0,
            key,
        };
        let former = self.standing.replace(standing);
        self.doubt = (!expected.is_empty()).then(|| Doubt {
            expected,
            since: String::new(),
            former,
        });
    }

    /// Takes the sighting back if this row shows that a given text goes on after the marker.
    fn resolve_doubt(&mut self, row: &[u8]) {
        let Some(mut doubt) = self.doubt.take() else {
            return;
        };
        let letters = given::letters(&String::from_utf8_lossy(row));
        doubt.since.push_str(&letters);
        let Doubt {
            expected, since, ..
        } = &doubt;
        let is_confirmed = expected.iter().any(|text| since.starts_with(text.as_str()));
        let is_possible = expected.iter().any(|text| text.starts_with(since.as_str()));
        if is_confirmed {
            self.standing = doubt.former;
        } else if is_possible {
            self.doubt = Some(doubt);
        }
    }

    /// Cancels the sighting that stands if this row means that the agent goes on.
    fn go_on(&mut self, row: &[u8], now: Moment) {
        self.resolve_doubt(row);
        let Some(standing) = &mut self.standing else {
            return;
        };
        let key = key_of(row);
        let is_repaint = standing.key == key || self.repaints.binary_search(&key).is_ok();
        if is_repaint || !is_output(row) {
            return;
        }
        standing.trailer += 1;
        standing.quiet_since = now;
        let (trailer_time, trailer_rows) = TRAILER;
        if now.since(&standing.seen) > trailer_time || standing.trailer > trailer_rows {
            self.standing = None;
        }
    }
}

fn last_bytes(text: &[u8], count: usize) -> &[u8] {
    text.get(text.len().saturating_sub(count)..)
        .unwrap_or_default()
}

/// The rows without their last bytes: as many as `text` has. Blanks do not count.
fn without_end<'r>(rows: &'r [u8], text: &[u8]) -> &'r [u8] {
    let is_ink = |byte: &u8| !byte.is_ascii_whitespace();
    let count = text.iter().filter(|byte| is_ink(byte)).count();
    let Some(last) = count.checked_sub(1) else {
        return rows;
    };
    let mut from_end = rows
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| is_ink(byte));
    let end = from_end.nth(last).map_or(0, |(at, _)| at);
    rows.get(..end).unwrap_or_default()
}

fn first_inked(row: &[u8]) -> Option<u8> {
    row.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// Whether a row is more than a frame, a spinner or a blank.
fn is_output(row: &[u8]) -> bool {
    let text = String::from_utf8_lossy(row);
    let text = text.trim_start();
    !text.starts_with(FRAMES) && text.chars().filter(|c| c.is_alphabetic()).count() >= 2
}

/// A hash (FNV-1a) of a row that stays the same when the row is painted again: of its letters, with
/// each number as one 0. So `3 files, 12s` and `3 files, 15s` have the same key.
fn key_of(row: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut was_digit = false;
    for c in String::from_utf8_lossy(row)
        .chars()
        .filter(|c| c.is_alphanumeric())
    {
        let is_digit = c.is_numeric();
        let continues_number = is_digit && was_digit;
        was_digit = is_digit;
        if !continues_number {
            let hashed = if is_digit { '0' } else { c };
            hash = (hash ^ u64::from(u32::from(hashed))).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

/// The line, cut to [`Sighting::MAX_LINE`] characters and an ellipsis.
fn clipped(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(Sighting::MAX_LINE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
