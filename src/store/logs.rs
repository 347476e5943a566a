//! The logs of sessions: `logs/<session>/<generation>.log`, and a link `latest.log`.

use super::log_times::EXTENSION;
use super::{StateDir, StoreFault, View, file, sink};
use crate::model::{Generation, SessionName};
use crate::model::{SortedMap, SortedSet};
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The link to a session's newest log.
pub(super) const LATEST: &str = "latest.log";

/// The most bytes kept of one screen. Of a longer text the end is kept.
const LIMIT: usize = 10 << 20;

impl View {
    /// The folder of a session's logs. It need not exist.
    #[must_use]
    pub fn log_dir(&self, session: &SessionName) -> PathBuf {
        self.path().join("logs").join(session.as_str())
    }

    /// The log of one incarnation. It need not exist.
    #[must_use]
    pub fn log_of(&self, session: &SessionName, generation: Generation) -> PathBuf {
        self.log_dir(session).join(format!("{generation}.log"))
    }

    /// The generations of a session that have a log, oldest first. Empty if there are none or the
    /// folder cannot be read.
    #[must_use]
    pub fn logged(&self, session: &SessionName) -> Vec<Generation> {
        let entries = fs::read_dir(self.log_dir(session))
            .into_iter()
            .flatten()
            .flatten();
        let lives: SortedSet<u64> = entries.filter_map(|entry| life_of(&entry.path())).collect();
        lives.into_iter().map(Generation).collect()
    }

    /// The newest log of a session: the target of `latest.log`, if it exists.
    #[must_use]
    pub fn newest_log(&self, session: &SessionName) -> Option<PathBuf> {
        Some(self.log_dir(session).join(LATEST)).filter(|path| path.exists())
    }

    /// The files of one incarnation's log, oldest output first.
    #[must_use]
    pub fn log_files(&self, session: &SessionName, generation: Generation) -> Vec<PathBuf> {
        let newest = self.log_of(session, generation);
        let entries = fs::read_dir(self.log_dir(session))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        let number = |path: &Path| {
            path.to_str()?
                .strip_prefix(newest.to_str()?)?
                .strip_prefix('.')?
                .parse()
                .ok()
        };
        let older: SortedMap<u32, PathBuf> = entries
            .filter_map(|path| Some((number(&path)?, path)))
            .collect();
        older.into_values().rev().chain([newest]).collect()
    }
}

impl StateDir {
    /// Writes `text` as the log of one incarnation and points `latest.log` at it. Removes all logs
    /// but the newest `keep`, at least one. Returns the path.
    ///
    /// # Errors
    /// The system's error. `latest.log` never points at nothing.
    pub fn keep_log(
        &self,
        session: &SessionName,
        generation: Generation,
        text: &str,
        keep: u32,
    ) -> Result<PathBuf, StoreFault> {
        let dir = self.view.log_dir(session);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(StoreFault::io("create", &dir))?;
        let path = dir.join(format!("{generation}.log"));
        file::replace(&path, end_of(text).as_bytes())?;
        let link = dir.join(LATEST);
        sink::point(&path).map_err(StoreFault::io("link", &link))?;
        let retention = Retention {
            keep,
            older_than: None,
        };
        retire(&dir, generation, retention).map_err(StoreFault::io("clear", &dir))?;
        Ok(path)
    }

    /// Appends `text` to the log of one incarnation. Others may write to it at the same time.
    ///
    /// # Errors
    /// The system's error.
    pub fn add_to_log(
        &self,
        session: &SessionName,
        generation: Generation,
        text: &str,
    ) -> Result<(), StoreFault> {
        let dir = self.view.log_dir(session);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(StoreFault::io("create", &dir))?;
        let path = dir.join(format!("{generation}.log"));
        let opened = file::options_without_surprises()
            .append(true)
            .create(true)
            .open(&path);
        opened
            .and_then(|mut log| log.write_all(end_of(text).as_bytes()))
            .map_err(StoreFault::io("append to", &path))
    }

    /// Gives the logs of a renamed session their new place. A log that is there already stays as it
    /// is. The process that writes to a log goes on writing to it.
    ///
    /// # Errors
    /// The system's error. Missing logs are no error.
    pub fn move_logs(&self, from: &SessionName, to: &SessionName) -> Result<(), StoreFault> {
        let (old, new) = (self.view.log_dir(from), self.view.log_dir(to));
        let is_free = fs::symlink_metadata(&new).is_err();
        let moved = if is_free {
            fs::rename(&old, &new)
        } else {
            move_files(&old, &new)
        };
        match moved {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(StoreFault::io("move", &old)),
        }
    }

    /// Removes logs of former incarnations that are too many or too old, never that of `current`.
    ///
    /// # Errors
    /// The system's error. Missing logs are no error.
    pub fn retire_logs(
        &self,
        session: &SessionName,
        current: Generation,
        retention: Retention,
    ) -> Result<(), StoreFault> {
        let dir = self.view.log_dir(session);
        match retire(&dir, current, retention) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(StoreFault::io("clear", &dir)),
        }
    }
}

/// Which logs of former incarnations stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The number of incarnations whose logs stay, including the current one, which always stays.
    pub keep: u32,
    /// Incarnations without output since this time lose their logs in any case.
    pub older_than: Option<SystemTime>,
}

fn end_of(text: &str) -> &str {
    let mut from = text.len().saturating_sub(LIMIT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}

/// Moves the files of one folder into another, and removes the empty folder. The link to the newest
/// log follows the moved logs, which are of the run that goes on.
fn move_files(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        let is_link = entry.file_name() == LATEST;
        if is_link || fs::symlink_metadata(&place).is_err() {
            fs::rename(entry.path(), &place)?;
        }
    }
    fs::remove_dir(from).or_else(|fault| match fault.kind() {
        io::ErrorKind::DirectoryNotEmpty => Ok(()),
        _ => Err(fault),
    })
}

/// Removes the logs of the oldest incarnations with all their files, never that of `latest`.
fn retire(dir: &Path, latest: Generation, retention: Retention) -> io::Result<()> {
    let Retention { keep, older_than } = retention;
    let mut lives: SortedMap<u64, Vec<PathBuf>> = SortedMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if let Some(life) = life_of(&path).filter(|life| *life != latest.0) {
            lives.entry(life).or_default().push(path);
        }
    }
    let others = usize::try_from(keep.saturating_sub(1)).unwrap_or(usize::MAX);
    for (n, files) in lives.into_values().rev().enumerate() {
        let too_old =
            || older_than.is_some_and(|bound| files.iter().all(|file| written_before(file, bound)));
        if n >= others || too_old() {
            files
                .iter()
                .try_for_each(|file| file::remove_if_there(file))?;
        }
    }
    Ok(())
}

/// The generation of a log: 7 for `7.log`, for `7.log.1` after a rotation, and for `7.log.times`.
fn life_of(path: &Path) -> Option<u64> {
    let (life, suffix) = path.file_name()?.to_str()?.split_once(".log")?;
    let rest = suffix.strip_prefix('.').unwrap_or(suffix);
    let is_of_log = suffix.is_empty() || rest == EXTENSION || rest.parse::<u32>().is_ok();
    life.parse().ok().filter(|_| is_of_log)
}

/// Whether the file was last written before `bound`. False if it cannot be read.
fn written_before(path: &Path, bound: SystemTime) -> bool {
    fs::symlink_metadata(path)
        .and_then(|m| m.modified())
        .is_ok_and(|at| at < bound)
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::*;

    #[test]
    fn the_newest_stay_and_the_link_is_whole() {
        let scratch = Scratch::new("logs");
        let dir = StateDir::open(scratch.path()).unwrap();
        let session = SessionName::new("a").unwrap();
        for n in 8..13 {
            dir.keep_log(&session, Generation(n), &format!("run {n}"), 2)
                .unwrap();
            let latest = scratch.path().join("logs/a/latest.log");
            assert_eq!(fs::read_to_string(latest).unwrap(), format!("run {n}"));
        }
        let mut names: Vec<_> = fs::read_dir(scratch.path().join("logs/a"))
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["11.log", "12.log", "latest.log"]);
    }

    #[test]
    fn rotated_files_go_with_their_life_and_by_age() {
        let scratch = Scratch::new("retire");
        let dir = StateDir::open(scratch.path()).unwrap();
        let session = SessionName::new("a").unwrap();
        let logs = dir.view.log_dir(&session);
        let retention = |keep, older_than| Retention { keep, older_than };
        assert!(
            dir.retire_logs(&session, Generation(9), retention(1, None))
                .is_ok(),
            "none yet"
        );
        fs::create_dir_all(&logs).unwrap();
        for name in [
            "7.log", "7.log.1", "8.log", "8.log.1", "8.log.2", "9.log", "9.log.1", "x.log",
            "7.log.gz",
        ] {
            fs::write(logs.join(name), "x").unwrap();
        }
        let names = || {
            let mut names: Vec<String> = fs::read_dir(&logs)
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .filter(|n| n.starts_with(['7', '8', '9']))
                .collect();
            names.sort();
            names
        };
        dir.retire_logs(
            &session,
            Generation(9),
            retention(2, Some(SystemTime::UNIX_EPOCH)),
        )
        .unwrap();
        assert_eq!(
            names(),
            [
                "7.log.gz", "8.log", "8.log.1", "8.log.2", "9.log", "9.log.1"
            ]
        );
        let soon = SystemTime::now() + std::time::Duration::from_secs(60);
        dir.retire_logs(&session, Generation(9), retention(20, Some(soon)))
            .unwrap();
        assert_eq!(names(), ["7.log.gz", "9.log", "9.log.1"]);
    }

    #[test]
    fn the_logs_of_a_renamed_session_follow_it() {
        let scratch = Scratch::new("move-logs");
        let dir = StateDir::open(scratch.path()).unwrap();
        let [old, new] = ["old", "new"].map(|name| SessionName::new(name).unwrap());
        assert!(dir.move_logs(&old, &new).is_ok(), "there are none yet");
        dir.keep_log(&old, Generation(7), "seven", 9).unwrap();
        dir.move_logs(&old, &new).unwrap();
        assert_eq!(dir.view.logged(&old), []);
        assert_eq!(dir.view.logged(&new), [Generation(7)]);
        // Both have logs, and one of the same run.
        for (n, text) in [(7, "another seven"), (8, "eight")] {
            dir.keep_log(&old, Generation(n), text, 9).unwrap();
        }
        dir.move_logs(&old, &new).unwrap();
        let text = |n| fs::read_to_string(dir.view.log_of(&new, Generation(n))).unwrap();
        assert_eq!((text(7).as_str(), text(8).as_str()), ("seven", "eight"));
        let newest = dir.view.newest_log(&new).unwrap();
        assert_eq!(fs::read_to_string(newest).unwrap(), "eight");
    }

    #[test]
    fn of_a_long_screen_the_end_is_kept() {
        let long = format!("é{}", "x".repeat(LIMIT - 1));
        assert_eq!(end_of(&long).len(), LIMIT - 1);
        assert_eq!(end_of("short"), "short");
    }
}
