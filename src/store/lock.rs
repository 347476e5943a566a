//! One at a time: `controller.lock` for the life of a controller, `turn.lock` for each cycle of
//! whoever acts.
//!
//! The kernel drops a lock with the process that holds it (flock), so none can be left behind; and
//! the files are opened close-on-exec, so no agent inherits one. What the file says is only for
//! others to see: pid and start time of who holds it, and on the second line of a controller's what
//! it keeps ([`Keeps`]).

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

/// Held for the life of a controller.
pub const CONTROLLER_LOCK: &str = "controller.lock";
/// Held for each cycle of whoever acts.
pub(super) const TURN_LOCK: &str = "turn.lock";

/// How often a lock is tried again while it is waited for.
const RETRY: Period = Period::from_millis(10);

/// How often a lock file may be replaced under us before we give up.
const REPLACED_AT_MOST: usize = 8;

/// What a controller keeps. State directories differ by home and environment, so whoever uses
/// another one finds a controller of the same town by this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeps {
    /// The town's name.
    pub town: String,
    /// The socket of its tmux server, from the root on.
    pub socket: PathBuf,
    /// Its manifest, from the root on.
    pub file: PathBuf,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockFault {
    /// Another process has it.
    #[error("{} is locked by {}", path.display(), holder(*pid))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who, if the file tells.
        pid: Option<u32>,
    },
    /// The system refused.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl LockFault {
    /// What to do about it, for people.
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

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl StateDir {
    /// Becomes the controller of the town, or fails at once. `me` and `keeps` are written into the
    /// file for others to see.
    ///
    /// # Errors
    /// [`LockFault::Held`] when there is one.
    pub fn lock_controller(&self, me: ProcId, keeps: Option<&Keeps>) -> Result<Lock, LockFault> {
        let keeps = keeps
            .and_then(|keeps| serde_json::to_string(keeps).ok())
            .map(|line| line + "\n");
        Lock::take(
            &self.path().join(CONTROLLER_LOCK),
            &(signature(me) + &keeps.unwrap_or_default()),
        )
    }

    /// Takes the turn to act, waiting at most `patience`; blocks the thread meanwhile. Zero tries
    /// once.
    ///
    /// # Errors
    /// [`LockFault::Held`] when it did not become free in time.
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
    /// Takes the lock at `path` or fails at once.
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
            // Between the opening and the locking another may have replaced the file: a lock on the
            // old one is none.
            if lock.still_ours() {
                lock.sign(signature);
                return Ok(lock);
            }
        }
        Err(io_fault(io::Error::other(
            "the file is replaced again and again",
        )))
    }

    /// Whether the file at the path is still the one that is locked. When it was deleted or
    /// replaced, another process can lock the new one: whoever acts must then stop.
    #[must_use]
    pub fn still_ours(&self) -> bool {
        let (Ok(held), Ok(named)) = (self.file.metadata(), fs::symlink_metadata(&self.path)) else {
            return false;
        };
        (held.dev(), held.ino()) == (named.dev(), named.ino())
    }

    /// The lock holds without it, so a full disk is no reason to fail.
    fn sign(&mut self, signature: &str) {
        // What it says already is not written at each turn.
        let mut said = vec![0; signature.len() + 1];
        if self
            .file
            .read_at(&mut said, 0)
            .is_ok_and(|read| said.get(..read) == Some(signature.as_bytes()))
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

/// Opens the file for locking. One that may not be written to, as on a read-only file system, can
/// be locked all the same; it then goes unsigned.
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
    use super::super::state::tests::Scratch;
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
