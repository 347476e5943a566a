//! One stream of output, watched for markers: what was seen last, and whether it still stands.
//!
//! A sighting is cancelled when the agent goes on. Not every byte after it means that: a screen
//! that is painted anew, a spinner and a timer, a composer, and the last few lines of a wrapper
//! that come with the marker, do not.
//!
//! Most output holds nothing of interest. All rows of a read are searched at once; a row costs a
//! glance at both its ends unless a marker may be in it or broken over it.

use super::lines::{self, Broken, Joined};
use super::matcher::Matcher;
use super::said;
use super::strip::Stripper;
use crate::model::{Moment, Period, Sighting, Standing, Verdict};

/// How much is stripped and searched at once, so that it stays in the processor's cache.
const PIECE: usize = 32 << 10;
/// How much of what came before a sighting is known again when it is painted anew, in bytes.
const RECENT: usize = 16 << 10;
/// How many bytes of the rows before a line are compared with what the agent was given.
const NEARBY: usize = 1 << 10;
/// What comes so soon after a marker, in so few rows, belongs to it.
const TRAILER: (Period, u32) = (Period::from_secs(2), 10);
/// What rows of a composer or a box begin with.
const FRAMES: [char; 9] = ['❯', '›', '>', '│', '┃', '|', '╭', '╰', '─'];

/// Watches one stream.
#[derive(Debug)]
pub struct Watch {
    matcher: Matcher,
    stripper: Stripper,
    width: usize,
    /// The row before.
    previous: Vec<u8>,
    /// Whether that row is a quotation, or goes on with one.
    quoted: bool,
    joined: Vec<Joined>,
    broken: Option<Broken>,
    recent: Vec<u8>,
    standing: Option<Standing>,
    doubt: Option<Doubt>,
    repaints: Vec<u64>,
}

/// A sighting that was only a text shown from its marker on, if the next rows go on with that text.
#[derive(Debug)]
struct Doubt {
    /// The letters that follow the marker, by text.
    expected: Vec<String>,
    /// The letters of the rows since.
    since: String,
    /// What stood before.
    former: Option<Standing>,
}

/// One row where it was found.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    /// The rows that came before in the same read.
    before: &'a [u8],
    previous: &'a [u8],
    text: &'a [u8],
    /// Whether something in it is worth a judgement.
    hit: bool,
}

impl Watch {
    /// Watches a stream that is read from `from` on, the beginning of a line, in a pane `width`
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

    /// Goes on where another watch ended, with what stood then. What it had seen before is not
    /// known again when it is painted anew.
    #[must_use]
    pub fn resuming(self, standing: Option<Standing>) -> Self {
        Self { standing, ..self }
    }

    /// The sighting that stands.
    #[must_use]
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    /// The pane has another width from here on.
    pub fn set_width(&mut self, width: usize) {
        self.width = width;
    }

    /// Replaces what the agent was given.
    pub fn set_given(&mut self, given: &[String]) {
        self.matcher.set_given(given);
    }

    /// Takes in output that was judged before, up to where this one begins: what a client shows of
    /// a text may go on over the end of a read.
    #[must_use]
    pub fn after(mut self, bytes: &[u8]) -> Self {
        let mut stripper = Stripper::new(0);
        stripper.feed(bytes);
        let rows = stripper.rows();
        // It may begin in the middle of a row.
        let whole = memchr::memchr(b'\n', rows).map_or(rows.len(), |at| at + 1);
        self.recent = rows.get(whole..).unwrap_or_default().to_vec();
        self
    }

    /// Bytes are missing here: what follows is read from `from` on, and continues nothing. What
    /// stands goes on standing.
    pub fn skip_to(&mut self, from: u64) {
        self.stripper = Stripper::new(from);
        self.previous.clear();
        self.quoted = false;
        self.joined.clear();
        self.broken = None;
        self.doubt = None;
        self.recent.clear();
    }

    /// Takes bytes that were read now.
    pub fn feed(&mut self, bytes: &[u8], now: Moment) {
        for piece in bytes.chunks(PIECE) {
            self.stripper.feed(piece);
            let mut stripper = std::mem::take(&mut self.stripper);
            self.scan(&stripper, now);
            stripper.take();
            self.stripper = stripper;
        }
    }

    /// Judges the row that has not ended as if it had: its process is gone, or nothing was written
    /// for a while. More may be fed afterwards.
    pub fn settle(&mut self, now: Moment) {
        let open = self.stripper.open().to_vec();
        let at = self.stripper.input_at(usize::MAX);
        let previous = self.previous.clone();
        let kept = (self.quoted, self.joined.clone(), self.broken.clone());
        let mut sighting = self.judge(Row {
            before: b"",
            previous: &previous,
            text: &open,
            hit: true,
        });
        if let Some(broken) = self.broken.take().filter(|_| sighting.is_none()) {
            sighting = self.judge_line(b"", broken.text());
        }
        (self.quoted, self.joined, self.broken) = kept;
        if let Some((marker, verdict, line)) = sighting {
            self.sight(
                Sighting {
                    marker,
                    verdict,
                    line,
                    at_byte: at,
                },
                &open,
                &[],
                now,
            );
        }
    }

    /// Goes over the rows that have ended.
    fn scan(&mut self, stripper: &Stripper, now: Moment) {
        let text = stripper.rows();
        let carried = std::mem::take(&mut self.previous);
        let mut previous = carried.as_slice();
        let mut hit = self.matcher.next(text, 0);
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text) {
            let row = text.get(start..end).unwrap_or_default();
            let row = row.strip_suffix(b"\r").unwrap_or(row);
            let is_hit = hit.is_some_and(|at| at < end);
            if is_hit || self.is_of_interest(previous, row) {
                let before = text.get(..start).unwrap_or_default();
                let found = self.judge(Row {
                    before,
                    previous,
                    text: row,
                    hit: is_hit,
                });
                match found {
                    Some((marker, verdict, line)) => {
                        let at_byte = stripper.input_at(end + 1);
                        self.sight(
                            Sighting {
                                marker,
                                verdict,
                                line,
                                at_byte,
                            },
                            row,
                            before,
                            now,
                        );
                    }
                    None => self.go_on(row, now),
                }
            }
            if is_hit {
                hit = self.matcher.next(text, end + 1);
            }
            previous = row;
            start = end + 1;
        }
        self.previous = previous.to_vec();
        let kept = text
            .get(text.len().saturating_sub(RECENT)..)
            .unwrap_or_default();
        let surplus = (self.recent.len() + kept.len())
            .saturating_sub(RECENT)
            .min(self.recent.len());
        self.recent.drain(..surplus);
        self.recent.extend_from_slice(kept);
    }

    /// Whether a row without a hit can change anything.
    fn is_of_interest(&self, previous: &[u8], row: &[u8]) -> bool {
        if self.standing.is_some()
            || self.quoted
            || self.broken.is_some()
            || !self.joined.is_empty()
        {
            return true;
        }
        let full = previous.len() + 1 + row.len() > self.width;
        let quotes = || first_inked(previous).is_some_and(said::may_quote);
        let opens = || row.len() >= self.width && first_inked(row) == Some(b'{');
        full && (quotes() || self.may_break(previous, row)) || opens()
    }

    fn may_break(&self, previous: &[u8], row: &[u8]) -> bool {
        let last = previous.trim_ascii_end().last();
        last.zip(first_inked(row))
            .is_some_and(|(before, after)| self.matcher.may_break(*before, after))
    }

    /// What a row says, alone or with those that it continues: the marker, the verdict and the
    /// line.
    fn judge(&mut self, row: Row<'_>) -> Option<(String, Verdict, String)> {
        let wrap = lines::wraps(row.previous, row.text, self.width);
        let quoted = || self.quoted || said::is_quoted(&String::from_utf8_lossy(row.previous));
        self.quoted = wrap.is_some() && quoted();
        if let Some(mut broken) = self.broken.take() {
            self.joined.clear();
            if !broken.add(row.text, self.width) {
                self.broken = Some(broken);
                return None;
            }
            if lines::is_object(broken.text()) || memchr::memmem::find(row.text, b"\":").is_some() {
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

    fn judge_across(
        &mut self,
        row: Row<'_>,
        wrap: Option<lines::Wrap>,
    ) -> Option<(String, Verdict, String)> {
        let so_far = std::mem::take(&mut self.joined);
        let wrap = wrap.filter(|_| self.may_break(row.previous, row.text))?;
        let first = || {
            vec![Joined {
                text: row.previous.to_vec(),
                seam: 0,
            }]
        };
        self.joined = lines::join(
            if so_far.is_empty() { first() } else { so_far },
            row.text,
            wrap,
        );
        let rows = self.rows_before(row.before);
        self.joined.iter().find_map(|Joined { text, seam }| {
            let rows = without_end(&rows, text.get(..*seam).unwrap_or_default());
            // The seam is a place in the text as it is: only valid text is judged.
            let line = std::str::from_utf8(text).ok()?;
            let (marker, verdict) = self.matcher.judge_across(rows, line, *seam)?;
            Some((marker.to_owned(), verdict, clipped(line)))
        })
    }

    fn judge_line(&self, before: &[u8], line: &[u8]) -> Option<(String, Verdict, String)> {
        let line = String::from_utf8_lossy(line);
        let (marker, verdict) = self.matcher.judge_after(&self.rows_before(before), &line)?;
        Some((marker.to_owned(), verdict, clipped(&line)))
    }

    /// The last rows before one: of this read, and where those are few, of the reads before.
    fn rows_before(&self, before: &[u8]) -> Vec<u8> {
        let own = before
            .get(before.len().saturating_sub(NEARBY)..)
            .unwrap_or_default();
        let missing = NEARBY.saturating_sub(own.len());
        let former = self
            .recent
            .get(self.recent.len().saturating_sub(missing)..)
            .unwrap_or_default();
        [former, own].concat()
    }

    /// Notes a sighting, unless it is the one that stands, painted anew.
    fn sight(&mut self, sighting: Sighting, row: &[u8], before: &[u8], now: Moment) {
        let key = key_of(row);
        if let Some(standing) = &self.standing {
            let failed = standing.sighting.verdict == Verdict::Failed
                && sighting.verdict == Verdict::Completed;
            // A wrapper that praises what has just failed.
            if standing.key == key || failed && now.since(&standing.seen) <= TRAILER.0 {
                return;
            }
        }
        let before = before
            .get(before.len().saturating_sub(RECENT)..)
            .unwrap_or_default();
        let rows = self
            .recent
            .split(|b| *b == b'\n')
            .chain(before.split(|b| *b == b'\n'));
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

    /// Takes a sighting back where the row shows that a given text goes on after its marker.
    fn doubt(&mut self, row: &[u8]) {
        let Some(mut doubt) = self.doubt.take() else {
            return;
        };
        doubt
            .since
            .push_str(&said::letters(&String::from_utf8_lossy(row)));
        let Doubt {
            expected, since, ..
        } = &doubt;
        if expected.iter().any(|text| since.starts_with(text.as_str())) {
            self.standing = doubt.former;
        } else if expected.iter().any(|text| text.starts_with(since.as_str())) {
            self.doubt = Some(doubt);
        }
    }

    /// Cancels what stands if this row means that the agent goes on.
    fn go_on(&mut self, row: &[u8], now: Moment) {
        self.doubt(row);
        let Some(standing) = &mut self.standing else {
            return;
        };
        let key = key_of(row);
        if !is_output(row) || standing.key == key || self.repaints.binary_search(&key).is_ok() {
            return;
        }
        standing.trailer += 1;
        standing.quiet_since = now;
        if now.since(&standing.seen) > TRAILER.0 || standing.trailer > TRAILER.1 {
            self.standing = None;
        }
    }
}

/// These rows without the letters at their end that are those of `text`; all of them where they end
/// otherwise.
fn without_end<'r>(rows: &'r [u8], text: &[u8]) -> &'r [u8] {
    let wanted = text.iter().filter(|b| !b.is_ascii_whitespace()).count();
    let inked = rows
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, b)| !b.is_ascii_whitespace());
    let begin = match wanted.checked_sub(1) {
        None => rows.len(),
        Some(before) => inked.map(|(at, _)| at).nth(before).unwrap_or(0),
    };
    rows.get(..begin).unwrap_or_default()
}

fn first_inked(row: &[u8]) -> Option<u8> {
    row.iter().copied().find(|b| !b.is_ascii_whitespace())
}

/// Whether a row is more than a frame, a spinner or a blank.
fn is_output(row: &[u8]) -> bool {
    let text = String::from_utf8_lossy(row);
    let text = text.trim_start();
    !text.starts_with(FRAMES) && text.chars().filter(|c| c.is_alphabetic()).count() >= 2
}

/// What a row has in common with itself when it is painted anew: its letters, and where it has
/// numbers.
fn key_of(row: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut number = false;
    for c in String::from_utf8_lossy(row)
        .chars()
        .filter(|c| c.is_alphanumeric())
    {
        let again = std::mem::replace(&mut number, c.is_numeric()) && number;
        let shown = if number { '0' } else { c };
        if !again {
            hash = (hash ^ u64::from(u32::from(shown))).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

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
