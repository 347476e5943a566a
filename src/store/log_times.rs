//! When a log was written: `<generation>.log.times` beside the log, with one line at most for each
//! ten seconds of output.
//!
//! A line is `WALL INODE OFFSET`: at this wall time, in milliseconds, output was written to the file
//! with this inode, from this offset on. A file keeps its inode when it is renamed, so lines stay
//! true over rotations.

use super::{View, file};
use crate::files::{self, Links};
use crate::model::{Generation, SessionName};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// At most one line is written for so many milliseconds of output.
const STEP: i64 = 10_000;
/// A longer file loses its older half, in bytes. So at least two hours of output have times.
const LIMIT: u64 = 64 << 10;

/// Where output of a time begins in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// At the start of the oldest file that there is.
    Start,
    /// In the file with this inode, at this offset in bytes.
    At {
        /// The inode of the file, whatever its name is now.
        inode: u64,
        /// The offset in bytes.
        offset: u64,
    },
    /// Nothing was written since.
    Nothing,
}

/// The times of a log that is being written.
#[derive(Debug)]
pub(super) struct Times {
    path: PathBuf,
    /// The wall time and the inode of the last line.
    last: Option<(i64, u64)>,
}

impl Times {
    pub(super) fn of_log(log: &Path) -> Self {
        Self {
            path: file::beside(log, EXTENSION),
            last: None,
        }
    }

    /// Notes that output is written now. The log goes on without its times where that fails.
    pub(super) fn note(&mut self, inode: u64, offset: u64) {
        let now = now();
        let is_due = self
            .last
            .is_none_or(|(at, of)| of != inode || now.saturating_sub(at) >= STEP || now < at);
        if is_due && self.add(now, inode, offset).is_ok() {
            self.last = Some((now, inode));
        }
    }

    fn add(&self, now: i64, inode: u64, offset: u64) -> io::Result<()> {
        let mut times = file::options_without_surprises()
            .append(true)
            .create(true)
            .open(&self.path)?;
        times.write_all(format!("{now} {inode} {offset}\n").as_bytes())?;
        if times.metadata()?.len() > LIMIT {
            let text = fs::read_to_string(&self.path)?;
            let later = text.get(text.len() / 2..).unwrap_or_default();
            let whole = later.split_once('\n').map_or("", |(_, whole)| whole);
            file::replace(&self.path, whole.as_bytes()).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

/// The name of the file ends so.
pub(super) const EXTENSION: &str = "times";

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

impl View {
    /// Where the output of one incarnation since a wall time begins, in milliseconds since the
    /// epoch. Up to ten seconds of older output may come before it. None where the log has no times:
    /// gtctl before 0.2 wrote it, or the session was adopted.
    #[must_use]
    pub fn log_since(
        &self,
        session: &SessionName,
        generation: Generation,
        since: i64,
    ) -> Option<Since> {
        let path = file::beside(&self.log_of(session, generation), EXTENSION);
        let text = files::read_text(&path, Links::Refuse, LIMIT * 2).ok()?;
        Some(begin(&text, since))
    }
}

/// The first line that is not more than a step older.
fn begin(text: &str, since: i64) -> Since {
    let mut lines = text.lines().filter_map(parse).peekable();
    let is_wanted = |at: i64| at >= since.saturating_sub(STEP);
    if lines.peek().is_none_or(|(at, ..)| is_wanted(*at)) {
        return Since::Start;
    }
    lines
        .find(|(at, ..)| is_wanted(*at))
        .map_or(Since::Nothing, |(_, inode, offset)| Since::At {
            inode,
            offset,
        })
}

fn parse(line: &str) -> Option<(i64, u64, u64)> {
    let mut words = line.split(' ');
    let at = words.next()?.parse().ok()?;
    let inode = words.next()?.parse().ok()?;
    Some((at, inode, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_since_a_time_begins_at_most_a_step_before_it() {
        let text = "100000 7 0\n110000 7 50\n300000 8 0\nnonsense\n310000 8 90\n";
        let at = |inode, offset| Since::At { inode, offset };
        for (since, wanted) in [
            (0, Since::Start),
            (105_000, Since::Start),
            (119_000, at(7, 50)),
            (200_000, at(8, 0)),
            (315_000, at(8, 90)),
            (330_000, Since::Nothing),
        ] {
            assert_eq!(begin(text, since), wanted, "{since}");
        }
        assert_eq!(begin("", 5), Since::Start);
    }
}
