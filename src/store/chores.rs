//! The files of chores: their logs, the last known state of upstream, and the files that the older
//! automonitor wrote for people.

use super::{StateDir, StoreFault, View, file};
use crate::files::{self, Links, Opened};
use crate::model::Moment;
use crate::model::invisible::visible_json;
use crate::model::written::from_bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, DirBuilder};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// How many bytes at the end of the journal are read for its last events.
const JOURNAL_END: u64 = 256 << 10;

/// The most bytes kept of an answer from upstream.
const KNOWN: u64 = 64 << 10;

const PENDING: &str = "pending_upgrade.txt";

/// The place and name of a chore's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPlace {
    /// `ai_analysis_<time>.log`, as the older automonitor named them.
    Analysis,
    /// `chores/<name>/<time>.log`.
    Own,
}

/// The files of one chore. Only that chore writes them, so no lock is needed.
#[derive(Debug, Clone)]
pub struct ChoreFiles {
    root: PathBuf,
    dir: PathBuf,
}

/// The last known state of a repository. The `ETag`s let the server answer "not modified".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Upstream {
    /// The repository and the address of the server.
    pub source: String,
    /// The tag of the newest release.
    pub release: Option<String>,
    /// The `ETag` of that answer.
    pub release_etag: Option<String>,
    /// The hash of the newest commit.
    pub commit: Option<String>,
    /// The `ETag` of that answer.
    pub commit_etag: Option<String>,
}

impl View {
    /// The files of the chore with this name.
    #[must_use]
    pub fn chore_files(&self, chore: &str) -> ChoreFiles {
        ChoreFiles {
            root: self.path().to_path_buf(),
            dir: self.path().join("chores").join(chore),
        }
    }

    /// The last events of the journal, oldest first: at most `count`, from its last [`JOURNAL_END`]
    /// bytes.
    #[must_use]
    pub fn last_events(&self, count: usize) -> Vec<Value> {
        let text = end_of(&self.path().join("monitor.jsonl")).unwrap_or_default();
        let mut events: Vec<Value> = text
            .lines()
            .rev()
            .filter_map(|l| serde_json::from_str(l).ok())
            .take(count)
            .collect();
        events.reverse();
        events
    }
}

impl ChoreFiles {
    /// The chore's own folder. It need not exist.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes the log of a run that started at `begun`, and removes all logs but the newest `keep`.
    /// Returns its path.
    ///
    /// # Errors
    /// The system's error.
    pub fn keep_log(
        &self,
        place: LogPlace,
        begun: Moment,
        text: &[u8],
        keep: u32,
    ) -> Result<PathBuf, StoreFault> {
        let (dir, prefix) = match place {
            LogPlace::Analysis => (&self.root, "ai_analysis_"),
            LogPlace::Own => (&self.dir, ""),
        };
        self.make()?;
        let path = write_new(dir, &format!("{prefix}{}", stamp(begun.wall)), text)
            .map_err(StoreFault::io("write a log in", dir))?;
        retire(dir, prefix, keep).map_err(StoreFault::io("clear", dir))?;
        Ok(path)
    }

    /// The last known state of upstream. Empty if there is none or it cannot be read.
    #[must_use]
    pub fn upstream(&self) -> Upstream {
        let read = file::read(&self.dir.join("upstream.json"), KNOWN).ok();
        read.and_then(|(bytes, _)| from_bytes(&bytes).ok())
            .unwrap_or_default()
    }

    /// Writes the state of upstream.
    ///
    /// # Errors
    /// The system's error.
    pub fn keep_upstream(&self, heard: &Upstream) -> Result<(), StoreFault> {
        self.make()?;
        let text = serde_json::to_string(heard)
            .map(visible_json)
            .map_err(StoreFault::Encoding)?;
        file::replace(&self.dir.join("upstream.json"), text.as_bytes())
    }

    /// Replaces `current_state.txt`.
    ///
    /// # Errors
    /// The system's error. The old file is then still there.
    pub fn write_current_state(&self, text: &str) -> Result<(), StoreFault> {
        self.make()?;
        // The temporary file is the chore's own, because another analysis may write at the same
        // time.
        let (temporary, path) = (
            self.dir.join("current_state.tmp"),
            self.root.join("current_state.txt"),
        );
        file::write_durably(&temporary, text.as_bytes())?;
        fs::rename(&temporary, &path).map_err(StoreFault::io("replace", &path))
    }

    fn make(&self) -> Result<(), StoreFault> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)
            .map_err(StoreFault::io("create", &self.dir))
    }
}

impl StateDir {
    /// Replaces `pending_upgrade.txt`. Without a text it removes the file, if that is about `repo`.
    ///
    /// Returns whether it removed the file, which means that the pending upgrade is installed.
    ///
    /// # Errors
    /// The system's error.
    pub fn write_pending(&self, repo: &str, text: Option<&str>) -> Result<bool, StoreFault> {
        let path = self.path().join(PENDING);
        if let Some(text) = text {
            return file::replace(&path, text.as_bytes()).map(|()| false);
        }
        let is_ours = file::read(&path, KNOWN)
            .is_ok_and(|(bytes, _)| String::from_utf8_lossy(&bytes).contains(repo));
        if is_ours {
            file::remove_if_there(&path).map_err(StoreFault::io("remove", &path))?;
        }
        Ok(is_ours)
    }
}

/// Writes a new file of this name. If it exists, a number is added.
fn write_new(dir: &Path, name: &str, text: &[u8]) -> io::Result<PathBuf> {
    let mut nth = 0_u32;
    loop {
        let numbered = if nth == 0 {
            format!("{name}.log")
        } else {
            format!("{name}_{nth:03}.log")
        };
        let path = dir.join(numbered);
        match file::options_without_surprises()
            .write(true)
            .create_new(true)
            .open(&path)
        {
            Ok(mut file) => return file.write_all(text).map(|()| path),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && nth < 999 => nth += 1,
            Err(e) => return Err(e),
        }
    }
}

/// Removes the oldest logs, by the time in their names.
fn retire(dir: &Path, prefix: &str, keep: u32) -> io::Result<()> {
    let names = fs::read_dir(dir)?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let mut logs: Vec<String> = names.filter(|name| is_log(name, prefix)).collect();
    logs.sort();
    let excess = logs
        .len()
        .saturating_sub(usize::try_from(keep.max(1)).unwrap_or(usize::MAX));
    logs.iter()
        .take(excess)
        .try_for_each(|name| file::remove_if_there(&dir.join(name)))
}

fn is_log(name: &str, prefix: &str) -> bool {
    let stem = name
        .strip_prefix(prefix)
        .and_then(|stem| stem.strip_suffix(".log"));
    stem.is_some_and(|stem| {
        !stem.is_empty() && stem.chars().all(|c| c.is_ascii_digit() || c == '_')
    })
}

/// A UTC time as used in the names of logs, such as `20251121_044000`.
fn stamp(wall_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(wall_ms).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y%m%d_%H%M%S").to_string()
}

fn end_of(path: &Path) -> io::Result<String> {
    let Opened { mut file, metadata } = files::open(path, Links::Refuse)?;
    let from = metadata.len().saturating_sub(JOURNAL_END);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(JOURNAL_END).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{NOW, Scratch};
    use super::*;

    #[test]
    fn the_newest_logs_stay_and_nothing_else_goes() {
        let scratch = Scratch::new("chores");
        fs::write(scratch.path().join("ai_analysis_notes.log"), "mine").unwrap();
        let files = View::of(scratch.path()).chore_files("a");
        let mut last = PathBuf::new();
        for n in 0..60 {
            let begun = Moment {
                wall: NOW.wall + n / 2 * 1000,
                ..NOW
            };
            last = files
                .keep_log(LogPlace::Analysis, begun, format!("{n}").as_bytes(), 50)
                .unwrap();
        }
        let logs = fs::read_dir(scratch.path())
            .unwrap()
            .flatten()
            .filter(|e| e.path().extension().is_some());
        assert_eq!(logs.count(), 51);
        assert_eq!(fs::read_to_string(&last).unwrap(), "59");
        assert_eq!(
            last.file_name().unwrap(),
            "ai_analysis_20251121_044029_001.log"
        );
        assert!(
            !scratch
                .path()
                .join("ai_analysis_20251121_044004_001.log")
                .exists()
        );
        assert!(
            scratch
                .path()
                .join("ai_analysis_20251121_044005.log")
                .exists()
        );
        assert!(scratch.path().join("ai_analysis_notes.log").exists());
    }

    #[test]
    fn a_pending_upgrade_is_only_removed_by_its_own_repository() {
        let scratch = Scratch::new("pending");
        let dir = StateDir::open(scratch.path()).unwrap();
        let there = || scratch.path().join(PENDING).exists();
        assert!(!dir.write_pending("a/b", None).unwrap());
        assert!(!dir.write_pending("a/b", Some("a/b 1 2")).unwrap());
        assert!(!dir.write_pending("c/d", None).unwrap());
        assert!(there());
        assert!(
            dir.write_pending("a/b", None).unwrap(),
            "what was pending is installed"
        );
        assert!(!there());
    }

    #[test]
    fn what_was_heard_comes_back_and_nonsense_is_nothing() {
        let scratch = Scratch::new("heard");
        let files = View::of(scratch.path()).chore_files("a");
        assert_eq!(files.upstream(), Upstream::default());
        let heard = Upstream {
            source: "s".into(),
            release: Some("v1".into()),
            ..Upstream::default()
        };
        files.keep_upstream(&heard).unwrap();
        assert_eq!(files.upstream(), heard);
        fs::write(scratch.path().join("chores/a/upstream.json"), "[").unwrap();
        assert_eq!(files.upstream(), Upstream::default());
    }
}
