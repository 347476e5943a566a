//! Finds the owners of lock files in the kernel's list, without touching the locks.

use super::{file, process};
use crate::model::ProcId;
use crate::model::{SortedMap, SortedSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The most bytes read of the kernel's list.
const MAX_LIST: u64 = 4 << 20;
/// The most open files read of one process.
const MAX_FILES: usize = 4096;

/// A file that a process has open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFile {
    /// The path by which it was opened.
    pub path: PathBuf,
    /// The link in `/proc/PID/fd`. It leads to the open file without resolving its path, so a disk
    /// that hangs does not block us.
    pub open: PathBuf,
}

/// The processes that hold an exclusive lock and have a file called `name` open, with that file.
///
/// Only processes of our user count, and not our own.
#[must_use]
pub fn holders(name: &str) -> Vec<(ProcId, OpenFile)> {
    let list = file::read("/proc/locks", MAX_LIST).unwrap_or_default();
    let pids: SortedSet<u32> = String::from_utf8_lossy(&list)
        .lines()
        .filter_map(holder)
        .collect();
    let others = pids
        .into_iter()
        .filter(|pid| *pid != std::process::id() && file::is_own(*pid));
    let identified = others.filter_map(process::identify);
    identified
        .flat_map(|process| {
            named(process.pid, name)
                .into_iter()
                .map(move |held| (process, held))
        })
        .collect()
}

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locker {
    /// The process with this pid.
    Process(u32),
    /// A process whose pid cannot be seen from here.
    Hidden,
}

/// Who holds a lock on this file. `None` for nobody, and on systems other than Linux, which do not
/// tell.
#[must_use]
pub fn locker(file: &Path) -> Option<Locker> {
    let name = name_in_list(file)?;
    let list = file::read("/proc/locks", MAX_LIST).ok()?;
    let list = String::from_utf8_lossy(&list);
    let line = list
        .lines()
        .find(|line| line.split_whitespace().any(|word| word == name))?;
    let words = line.split_whitespace();
    let mut numbers = words.filter_map(|word| word.parse::<u32>().ok());
    let pid = numbers.find(|pid| *pid > 0);
    Some(pid.map_or(Locker::Hidden, Locker::Process))
}

/// How the list names a file: MAJOR:MINOR:INODE, the first two in hexadecimal.
#[cfg(target_os = "linux")]
fn name_in_list(file: &Path) -> Option<String> {
    use nix::sys::stat::{major, minor};
    use std::os::unix::fs::MetadataExt;

    let meta = std::fs::metadata(file).ok()?;
    let (major, minor) = (major(meta.dev()), minor(meta.dev()));
    Some(format!("{major:02x}:{minor:02x}:{}", meta.ino()))
}

#[cfg(not(target_os = "linux"))]
fn name_in_list(_file: &Path) -> Option<String> {
    None
}

/// The pid that holds an exclusive lock by this line, such as
/// `1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`. A waiting process has a `->` in its line.
fn holder(line: &str) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    let (_kind, _rule, mode, pid) = (words.next()?, words.next()?, words.next()?, words.next()?);
    pid.parse().ok().filter(|pid| mode == "WRITE" && *pid > 0)
}

/// The open files called `name`, each once. A removed file has another name: `NAME (deleted)`.
fn named(pid: u32, name: &str) -> Vec<OpenFile> {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    let open = files.flatten().take(MAX_FILES).map(|open| open.path());
    let all = open.filter_map(|open| Some((std::fs::read_link(&open).ok()?, open)));
    let is_named = |path: &Path| path.file_name() == Some(OsStr::new(name)) && path.is_absolute();
    let by_path: SortedMap<PathBuf, PathBuf> = all.filter(|(path, _)| is_named(path)).collect();
    by_path
        .into_iter()
        .map(|(path, open)| OpenFile { path, open })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_holders_are_read() {
        assert_eq!(
            holder("1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"),
            Some(4711)
        );
        assert_eq!(
            holder("2: POSIX  ADVISORY  WRITE 12 fe:00:1234 0 EOF"),
            Some(12)
        );
        assert_eq!(
            holder("3: FLOCK  ADVISORY  READ 4711 fe:00:1234 0 EOF"),
            None
        );
        assert_eq!(
            holder("3: -> FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"),
            None
        );
        assert_eq!(holder("4: FLOCK  ADVISORY  WRITE 0 fe:00:1234 0 EOF"), None);
        assert_eq!(holder(""), None);
    }
}
