//! Who holds which lock files, by the kernel's own list: nobody is disturbed by a look.

use super::{file, process};
use crate::model::ProcId;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The most bytes of the kernel's list that are read.
const MAX_LIST: u64 = 4 << 20;
/// The most open files of a process that are looked at.
const MAX_FILES: usize = 4096;

/// The processes of this user that hold an exclusive lock on some file and have a file of this name open, each with the
/// paths of those. Our own process is not among them.
#[must_use]
pub fn holders(name: &str) -> Vec<(ProcId, PathBuf)> {
    let list = file::read("/proc/locks", MAX_LIST).unwrap_or_default();
    let pids: BTreeSet<u32> = String::from_utf8_lossy(&list).lines().filter_map(holder).collect();
    let others = pids.into_iter().filter(|pid| *pid != std::process::id() && file::is_own(*pid));
    let identified = others.filter_map(process::identify);
    identified.flat_map(|process| named(process.pid, name).into_iter().map(move |path| (process, path))).collect()
}

/// Who holds the lock of a line: `1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`. Lines of those who wait have a `->`.
fn holder(line: &str) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    let (_kind, _rule, mode, pid) = (words.next()?, words.next()?, words.next()?, words.next()?);
    pid.parse().ok().filter(|pid| mode == "WRITE" && *pid > 0)
}

/// The open files of a process with this name. One that was removed has another.
fn named(pid: u32, name: &str) -> BTreeSet<PathBuf> {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return BTreeSet::new() };
    let paths = files.flatten().take(MAX_FILES).filter_map(|open| std::fs::read_link(open.path()).ok());
    paths.filter(|path| path.file_name() == Some(OsStr::new(name)) && Path::is_absolute(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_holders_are_read() {
        assert_eq!(holder("1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"), Some(4711));
        assert_eq!(holder("2: POSIX  ADVISORY  WRITE 12 fe:00:1234 0 EOF"), Some(12));
        assert_eq!(holder("3: FLOCK  ADVISORY  READ 4711 fe:00:1234 0 EOF"), None);
        assert_eq!(holder("3: -> FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"), None);
        assert_eq!(holder("4: FLOCK  ADVISORY  WRITE 0 fe:00:1234 0 EOF"), None);
        assert_eq!(holder(""), None);
    }
}
