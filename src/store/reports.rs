//! Reports of agents' clients, on their way to whoever looks: one file a session,
//! `reports/<session>.jsonl`, one report a line.
//!
//! A hook appends and is gone; it waits for nobody who reads. A file holds at most [`MAX_FILE`]
//! bytes: the hook that finds it full keeps its end only. Whoever reads takes the end only, too.
//! What is lost so is old: each report says all that counts of its moment.

use super::file::options_without_surprises;
use super::{StateDir, View};
use crate::files::{self, Links};
use crate::model::written::from_bytes;
use crate::model::{AgentReport, Generation, Moment, SessionName};
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The folder of all reports, in the state directory.
const FOLDER: &str = "reports";
/// A file that holds more bytes is cut.
const MAX_FILE: u64 = 64 << 10;
/// So much of its end is kept then, in bytes, and so much is read of any file: some 40 reports.
const TAIL: u64 = 16 << 10;
/// The longest line, in bytes.
const MAX_LINE: usize = 4 << 10;
/// What the last hook that could not report has left.
const LAST_FAULT: &str = "last-fault";
/// For so long a hook waits for another hook of its session.
const PATIENCE: Duration = Duration::from_millis(5);

/// What tells whether a file of reports is still as it was read, and how far that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportsStamp {
    written: Written,
    /// Where the last whole line ends that was read.
    end: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// What was read of a file of reports.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadReports {
    /// The reports of the wanted incarnation, in the order in which they were written.
    pub reports: Vec<AgentReport>,
    /// Whether they come right after what was read before. Else they are all that counts.
    pub follow: bool,
    /// For the next time.
    pub stamp: ReportsStamp,
}

impl View {
    /// The folder of all reports, whether it is there or not.
    #[must_use]
    pub fn reports_dir(&self) -> PathBuf {
        self.path().join(FOLDER)
    }

    /// The reports of one session, whether they are there or not.
    #[must_use]
    pub fn reports_of(&self, session: &SessionName) -> PathBuf {
        reports_in(&self.reports_dir(), session)
    }

    /// What a session has reported in this incarnation since `before`, or at the end of its file.
    /// None where nothing has changed since `before`.
    ///
    /// # Errors
    /// What the system says, but for a file that is not there: that holds no reports.
    pub fn read_reports(
        &self,
        session: &SessionName,
        generation: Generation,
        before: Option<ReportsStamp>,
    ) -> io::Result<Option<ReadReports>> {
        let path = self.reports_of(session);
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            return Ok(None);
        };
        if before.is_some_and(|before| before.written == written(&metadata)) {
            return Ok(None);
        }
        let opened = files::open(&path, Links::Refuse)?;
        let written = written(&opened.metadata);
        let mut file = opened.file;
        let after = match before.filter(|before| before.written.inode == written.inode) {
            Some(before) => after(&mut file, before.end, written.size)?,
            None => None,
        };
        let follow = after.is_some();
        let text = match after {
            Some(text) => text,
            None => end_of(&mut file, written.size)?,
        };
        let begun = text.rsplit(|byte| *byte == b'\n').next();
        let begun = begun.map_or(0, |line| line.len() as u64);
        let reports = text
            .split(|byte| *byte == b'\n')
            .filter_map(|line| from_bytes::<AgentReport>(line).ok())
            .filter(|report| report.generation == generation)
            .filter(is_bounded)
            .collect();
        Ok(Some(ReadReports {
            reports,
            follow,
            stamp: ReportsStamp {
                written,
                end: written.size.saturating_sub(begun),
            },
        }))
    }
}

impl StateDir {
    /// Makes the folder of all reports, where it is missing. Where that fails, hooks try again.
    pub fn make_reports_dir(&self) {
        let folder = self.view().reports_dir();
        if let Err(fault) = DirBuilder::new().mode(0o700).create(&folder)
            && fault.kind() != io::ErrorKind::AlreadyExists
        {
            tracing::debug!(%fault, "no folder for reports");
        }
    }
}

fn written(metadata: &fs::Metadata) -> Written {
    Written {
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    }
}

/// What is longer was not written by a hook.
fn is_bounded(report: &AgentReport) -> bool {
    report.event.len() <= AgentReport::MAX_EVENT
        && report.text.chars().count() <= AgentReport::MAX_TEXT
        && report.ancestors.len() <= AgentReport::MAX_ANCESTORS
        && report
            .transcript
            .as_ref()
            .is_none_or(|path| path.len() <= AgentReport::MAX_PATH)
}

fn reports_in(folder: &Path, session: &SessionName) -> PathBuf {
    folder.join(format!("{session}.jsonl"))
}

/// Adds a report to those of its session. `folder` is the folder of all reports; it is made where
/// it is missing, but its parent is not. Takes some 5 ms at most, where the disk answers.
///
/// # Errors
/// What the system says; `InvalidInput` for a report that is too long.
pub fn add_report(folder: &Path, session: &SessionName, report: &AgentReport) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    if line.len() > MAX_LINE {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => return Err(fault),
        Err(_) | Ok(()) => {}
    }
    let path = reports_in(folder, session);
    // One write: lines of hooks that do not wait for each other stay whole.
    match locked(&path)? {
        Writable::Locked(mut file) => {
            if file.metadata()?.len() > MAX_FILE {
                return replace(&path, &mut file, &line);
            }
            file.write_all(&line)
        }
        Writable::Busy(mut file) => file.write_all(&line),
    }
}

/// Notes why a hook could not report, for `gtctl doctor`. Only the last note is kept. Does nothing
/// where it cannot be written.
pub fn note_hook_fault(folder: &Path, now: Moment, why: &str) {
    let path = folder.join(LAST_FAULT);
    let written = options_without_surprises()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .and_then(|mut file| writeln!(file, "{now} {why}"));
    if let Err(fault) = written {
        tracing::debug!(%fault, "no note of a hook's fault");
    }
}

impl View {
    /// When a hook last could not report, and why.
    #[must_use]
    pub fn last_hook_fault(&self) -> Option<(Moment, String)> {
        let path = self.hook_fault_file();
        let text = files::read_text(&path, Links::Refuse, MAX_LINE as u64).ok()?;
        let (at, why) = text.trim_end().split_once(' ')?;
        Some((at.parse().ok()?, why.to_owned()))
    }

    /// Where the last hook that could not report has left why.
    #[must_use]
    pub fn hook_fault_file(&self) -> PathBuf {
        self.reports_dir().join(LAST_FAULT)
    }
}

/// A file of reports that is open for appending.
enum Writable {
    /// No other hook writes to it.
    Locked(Flock<File>),
    /// Another hook keeps it.
    Busy(File),
}

/// Opens the file and keeps it from other hooks, where it can be had soon.
fn locked(path: &Path) -> io::Result<Writable> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let file = options_without_surprises()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            // Another hook may have replaced the file meanwhile.
            Ok(file) if is_still_at(&file, path) => return Ok(Writable::Locked(file)),
            Ok(_) => {}
            Err((file, _)) if Instant::now() >= deadline => return Ok(Writable::Busy(file)),
            Err(_) => std::thread::sleep(Duration::from_micros(500)),
        }
    }
}

fn is_still_at(file: &File, path: &Path) -> bool {
    let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let opened = file.metadata().ok().map(inode);
    opened.is_some() && opened == fs::symlink_metadata(path).ok().map(inode)
}

/// Replaces the file by its own end and one more line.
fn replace(path: &Path, file: &mut File, line: &[u8]) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut kept = end_of(file, length)?;
    kept.extend(line);
    let temporary = path.with_extension("tmp");
    let _ = fs::remove_file(&temporary);
    let mut fresh = options_without_surprises()
        .write(true)
        .create_new(true)
        .open(&temporary)?;
    fresh.write_all(&kept)?;
    fs::rename(&temporary, path)
}

/// What comes after this line's end, where the file still has one there and that is not too much.
fn after(file: &mut File, end: u64, size: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(before) = end.checked_sub(1) else {
        return Ok(None);
    };
    if size < end || size - end > TAIL {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(before))?;
    let mut text = Vec::new();
    file.take(size - before).read_to_end(&mut text)?;
    if text.first() != Some(&b'\n') {
        return Ok(None);
    }
    text.remove(0);
    Ok(Some(text))
}

/// The whole lines among the last [`TAIL`] bytes of a file.
fn end_of(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let from = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut text = Vec::new();
    file.take(TAIL).read_to_end(&mut text)?;
    if from > 0 {
        let first_whole = memchr::memchr(b'\n', &text).map_or(text.len(), |at| at + 1);
        text.drain(..first_whole);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activity, ReportingClient};

    fn report(awake: u64) -> AgentReport {
        AgentReport {
            at: Moment {
                wall: 1_700_000_000_000,
                awake,
                boot: 7,
            },
            generation: Generation(5),
            client: ReportingClient::Claude,
            event: "Stop".to_owned(),
            activity: Activity::Idle,
            conversation: None,
            text: "x".repeat(200),
            transcript: None,
            ancestors: Vec::new(),
        }
    }

    fn line(n: u64) -> Vec<u8> {
        let mut line = serde_json::to_vec(&report(n)).unwrap();
        line.push(b'\n');
        line
    }

    fn place(name: &str) -> (PathBuf, View, SessionName) {
        let path =
            std::env::temp_dir().join(format!("gtctl-reports-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        (path.clone(), View::of(path), "mayor".parse().unwrap())
    }

    #[test]
    fn a_file_stays_bounded_and_keeps_what_came_last() {
        let (path, view, session) = place("bounded");
        for n in 0..2000 {
            add_report(&view.reports_dir(), &session, &report(n)).unwrap();
        }
        let size = fs::metadata(view.reports_of(&session)).unwrap().len();
        assert!(size <= MAX_FILE + MAX_LINE as u64, "{size}");
        let read = |before| view.read_reports(&session, Generation(5), before).unwrap();
        let ReadReports { reports, stamp, .. } = read(None).unwrap();
        assert!(reports.len() > 20, "{}", reports.len());
        assert_eq!(reports.last(), Some(&report(1999)));
        assert_eq!(read(Some(stamp)), None);
        // What is new comes alone, until the file was cut.
        add_report(&view.reports_dir(), &session, &report(2000)).unwrap();
        let news = read(Some(stamp)).unwrap();
        assert_eq!((news.reports, news.follow), (vec![report(2000)], true));
        let file = view.reports_of(&session);
        let whole = fs::read(&file).unwrap();
        fs::write(&file, [&whole[..], b"{\"at\""].concat()).unwrap();
        let half = read(Some(news.stamp)).unwrap();
        assert_eq!((half.reports, half.follow), (vec![], true));
        fs::write(&file, [&whole[..], &line(2001)].concat()).unwrap();
        let rest = read(Some(half.stamp)).unwrap();
        assert_eq!((rest.reports, rest.follow), (vec![report(2001)], true));
        fs::write(&file, line(2002)).unwrap();
        let cut = read(Some(rest.stamp)).unwrap();
        assert_eq!((cut.reports, cut.follow), (vec![report(2002)], false));
        let of_another = view.read_reports(&session, Generation(6), None).unwrap();
        assert_eq!(of_another.unwrap().reports, vec![]);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn hooks_beside_each_other_lose_nothing() {
        let (path, view, session) = place("beside");
        std::thread::scope(|scope| {
            for hook in 0..4 {
                let (folder, session) = (view.reports_dir(), session.clone());
                scope.spawn(move || {
                    for n in 0..100 {
                        add_report(&folder, &session, &report(hook * 1000 + n)).unwrap();
                    }
                });
            }
        });
        let read = view.read_reports(&session, Generation(5), None);
        let reports = read.unwrap().unwrap().reports;
        for hook in 0..4 {
            let last = reports
                .iter()
                .rev()
                .find(|report| report.at.awake / 1000 == hook)
                .map(|report| report.at.awake % 1000);
            // The last report of whoever ended first may lie before what is kept.
            assert!(last.is_none_or(|last| last == 99), "{hook}: {last:?}");
        }
        assert!(reports.len() > 20);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn what_is_no_report_is_passed_over_and_a_link_is_not_followed() {
        let (path, view, session) = place("strange");
        add_report(&view.reports_dir(), &session, &report(1)).unwrap();
        let file = view.reports_of(&session);
        let mut text = fs::read(&file).unwrap();
        text.extend(b"{\"at\": 3}\n\xff\xfe\n");
        fs::write(&file, text).unwrap();
        let read = view.read_reports(&session, Generation(5), None);
        let reports = read.unwrap().unwrap().reports;
        assert_eq!(reports, vec![report(1)]);
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
        assert!(view.read_reports(&session, Generation(5), None).is_err());
        assert!(add_report(&view.reports_dir(), &session, &report(2)).is_err());
        fs::remove_dir_all(path).unwrap();
    }
}
