//! Locks for one process at a time. `controller.lock` is held for the life of a controller,
//! `turn.lock` for one cycle of any process that acts.
//!
//! The locks are flocks: the kernel releases them when the process ends, so none can be left
//! behind. The files are opened close-on-exec, so no agent inherits a lock. Their content is only
//! information for others: pid and start time of the owner. The second line of a controller's lock
//! says what it keeps ([`Keeps`]).

use super::StateDir;
use super::file::options_without_surprises;
use crate::model::{Period, ProcId};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

/// The lock of a controller, held for its whole life.
pub const CONTROLLER_LOCK: &str = "controller.lock";
/// The lock of a process that acts, held for one cycle.
pub(super) const TURN_LOCK: &str = "turn.lock";

/// The pause between two attempts to get a lock.
const RETRY: Period = Period::from_millis(10);

/// How often the lock file may be replaced during an attempt before we give up.
const REPLACED_AT_MOST: usize = 8;

/// What a controller keeps. By this, a process with another state directory can find the controller
/// of the same town.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeps {
    /// The town's name.
    pub town: String,
    /// The absolute path of the tmux socket.
    pub socket: PathBuf,
    /// The absolute path of the manifest.
    pub file: PathBuf,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockFault {
    /// Another process holds it.
    #[error("{} is locked by {}", path.display(), holder(*pid))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The pid of the owner, if the file contains it.
        pid: Option<u32>,
    },
    /// The system returned an error.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl LockFault {
    /// Advice for people.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Held { pid: Some(pid), .. } => {
                format!("`ps -p {pid} -o args=` shows what it is; stop it, or let it work")
            }
            Self::Held { path, pid: None } => format!("`fuser {}` shows who it is", path.display()),
            Self::Io { path, .. } => format!("inspect it with `ls -la {}`", path.display()),
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}

/// A lock. Dropping it releases the lock.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl StateDir {
    /// Takes the controller lock, or fails at once. Writes `me` and `keeps` into the file.
    ///
    /// # Errors
    /// [`LockFault::Held`] if the town has a controller.
    pub fn lock_controller(&self, me: ProcId, keeps: Option<&Keeps>) -> Result<Lock, LockFault> {
        let keeps = keeps
            .and_then(|keeps| serde_json::to_string(keeps).ok())
            .map(|line| line + "\n");
        Lock::take(
            &self.path().join(CONTROLLER_LOCK),
            &(signature(me) + &keeps.unwrap_or_default()),
        )
    }

    /// Takes the turn lock. Blocks the thread for at most `patience`; zero tries once.
    ///
    /// # Errors
    /// [`LockFault::Held`] if it was not released in time.
    pub fn lock_turn(&self, me: ProcId, patience: Period) -> Result<Lock, LockFault> {
        let path = self.path().join(TURN_LOCK);
        let begun = Instant::now();
        loop {
            match Lock::take(&path, &signature(me)) {
                Err(LockFault::Held { .. }) if begun.elapsed() < patience.to_std() => {
                    thread::sleep(RETRY.to_std());
                }
                taken => return taken,
            }
        }
    }
}

impl Lock {
    /// Takes the lock at `path`, or fails at once.
    fn take(path: &Path, signature: &str) -> Result<Self, LockFault> {
        let io_fault = |source| LockFault::Io {
            path: path.to_path_buf(),
            source,
        };
        for _ in 0..REPLACED_AT_MOST {
            let file = open(path).map_err(io_fault)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(LockFault::Held {
                        path: path.to_path_buf(),
                        pid: read_pid(&file),
                    });
                }
                Err(TryLockError::Error(e)) => return Err(io_fault(e)),
            }
            let mut lock = Self {
                file,
                path: path.to_path_buf(),
            };
            // The file may have been replaced between opening and locking. A lock on the old file
            // is worth nothing.
            if lock.still_ours() {
                lock.sign(signature);
                return Ok(lock);
            }
        }
        Err(io_fault(io::Error::other(
            "the file is replaced again and again",
        )))
    }

    /// Whether the locked file is still the one at the path. If not, another process can lock the
    /// new file, so we must stop acting.
    #[must_use]
    pub fn still_ours(&self) -> bool {
        let (Ok(held), Ok(named)) = (self.file.metadata(), fs::symlink_metadata(&self.path)) else {
            return false;
        };
        (held.dev(), held.ino()) == (named.dev(), named.ino())
    }

    /// Writes the signature. Errors are ignored, because the lock is valid without it.
    fn sign(&mut self, signature: &str) {
        // An equal signature is not written again at each turn.
        let mut written = vec![0; signature.len() + 1];
        if self
            .file
            .read_at(&mut written, 0)
            .is_ok_and(|read| written.get(..read) == Some(signature.as_bytes()))
        {
            return;
        }
        let _ = self
            .file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(signature.as_bytes()));
    }
}

fn signature(me: ProcId) -> String {
    format!("{} {}\n", me.pid, me.start)
}

/// Opens the file for locking. A file that is not writable, as on a read-only file system, is
/// locked without a signature.
fn open(path: &Path) -> io::Result<File> {
    let fresh = options_without_surprises()
        .read(true)
        .write(true)
        .create(true)
        .open(path);
    fresh.or_else(|fault| match fault.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            options_without_surprises()
                .read(true)
                .open(path)
                .map_err(|_| fault)
        }
        _ => Err(fault),
    })
}

fn read_pid(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(64).read_to_string(&mut text).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::*;

    const ME: ProcId = ProcId {
        pid: 4711,
        start: 99,
    };

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let scratch = Scratch::new("lock");
        let dir = StateDir::open(scratch.path()).unwrap();
        let first = dir.lock_controller(ME, None).unwrap();
        assert!(matches!(
            dir.lock_controller(ME, None),
            Err(LockFault::Held {
                pid: Some(4711),
                ..
            })
        ));
        drop(first);
        dir.lock_controller(ME, None).unwrap();
    }

    #[test]
    fn a_turn_is_waited_for_with_a_bound() {
        let scratch = Scratch::new("turn");
        let dir = StateDir::open(scratch.path()).unwrap();
        let first = dir.lock_turn(ME, Period::ZERO).unwrap();
        let begun = Instant::now();
        assert!(dir.lock_turn(ME, Period::from_millis(30)).is_err());
        assert!(begun.elapsed() >= Period::from_millis(30).to_std());
        drop(first);
        assert!(dir.lock_turn(ME, Period::ZERO).is_ok());
    }

    #[test]
    fn a_replaced_file_is_noticed() {
        let scratch = Scratch::new("replaced");
        let dir = StateDir::open(scratch.path()).unwrap();
        let lock = dir.lock_controller(ME, None).unwrap();
        assert!(lock.still_ours());
        fs::remove_file(scratch.path().join("controller.lock")).unwrap();
        assert!(!lock.still_ours());
        let second = dir.lock_controller(ME, None).unwrap();
        assert!(second.still_ours() && !lock.still_ours());
    }
}
