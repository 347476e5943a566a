//! Reads single files up to a limit, and replaces them atomically.

use super::StoreFault;
use crate::files::{self, Links};
use nix::fcntl::OFlag;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The mode of every new file.
pub(super) const OWNER_ONLY: u32 = 0o600;

/// The properties that show whether a file has changed since it was read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// The stamp of the file at `path`. `None` if it cannot be seen.
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path)
            .ok()
            .map(|m| Self::from_metadata(&m))
    }

    fn from_metadata(m: &fs::Metadata) -> Self {
        Self {
            device: m.dev(),
            inode: m.ino(),
            size: m.size(),
            modified: (m.mtime(), m.mtime_nsec()),
        }
    }
}

/// Reads a regular file of at most `limit` bytes. Never follows a link, never waits on a pipe.
///
/// # Errors
/// The system's error. `InvalidData` if the file is not regular or too large.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<(Vec<u8>, Stamp)> {
    let opened = files::open(path, Links::Refuse)?;
    let stamp = Stamp::from_metadata(&opened.metadata);
    Ok((files::read_opened(opened, limit)?, stamp))
}

/// Options that follow no link and do not block on a pipe. New files are for the owner only.
pub(super) fn options_without_surprises() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .mode(OWNER_ONLY)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    options
}

/// Whether written bytes must be on the disk at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    Now,
    Later,
}

/// Writes a new file at `temporary` and syncs it. Replaces any file there.
pub(super) fn write_durably(temporary: &Path, bytes: &[u8]) -> Result<Stamp, StoreFault> {
    write_aside(temporary, bytes, Sync::Now)
}

/// As [`write_durably`], but syncs only if asked.
pub(super) fn write_aside(temporary: &Path, bytes: &[u8], sync: Sync) -> Result<Stamp, StoreFault> {
    let written = write_new(temporary, bytes, sync);
    if written.is_err() {
        // A partly written file only takes space, of which there may be none left.
        let _ = fs::remove_file(temporary);
    }
    written.map_err(StoreFault::io("write", temporary))
}

fn write_new(temporary: &Path, bytes: &[u8], sync: Sync) -> io::Result<Stamp> {
    remove_if_there(temporary)?;
    let mut file = options_without_surprises()
        .write(true)
        .create_new(true)
        .open(temporary)?;
    file.write_all(bytes)?;
    if sync == Sync::Now {
        // Syncs content and length. Other metadata may be lost.
        file.sync_data()?;
    }
    Ok(Stamp::from_metadata(&file.metadata()?))
}

/// Replaces the file at `path`. At every moment either the old or the new file is complete there.
///
/// # Errors
/// The system's error. The old file is then still there.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreFault> {
    let temporary = beside(path, "tmp");
    write_durably(&temporary, bytes)?;
    fs::rename(&temporary, path).map_err(StoreFault::io("replace", path))?;
    sync_parent(path)
}

/// As [`replace`], for a file that several processes replace: a verb and the controller. Each writes
/// a new file of its own, so none finds the other's half-written one in its way. The last one wins.
///
/// # Errors
/// The system's error. The old file is then still there.
pub(super) fn replace_beside_others(path: &Path, bytes: &[u8]) -> Result<(), StoreFault> {
    let temporary = beside(path, &format!("{}.tmp", std::process::id()));
    write_durably(&temporary, bytes)?;
    fs::rename(&temporary, path).map_err(StoreFault::io("replace", path))?;
    sync_parent(path)
}

/// The path with another extension added.
pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Syncs the directory of `path`, so that renames in it are durable.
pub(super) fn sync_parent(path: &Path) -> Result<(), StoreFault> {
    let parent = path.parent().unwrap_or(path);
    File::open(parent)
        .and_then(|d| d.sync_all())
        .map_err(StoreFault::io("sync", parent))
}

/// Removes a file or an empty directory, if it exists. Moves a directory with content aside. So a
/// directory in the place of a file cannot keep us from writing, and nothing in it is lost.
pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(m) if m.is_dir() => match fs::remove_dir(path) {
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => fs::rename(path, aside(path)),
            done => done,
        },
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A new name beside `path`.
fn aside(path: &Path) -> PathBuf {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    beside(path, &format!("aside-{}", now.as_nanos()))
}
