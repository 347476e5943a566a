//! Whether somebody holds a lock file, as gt itself finds out: the file stays when the lock is
//! gone.

use super::file::is_absent;
use crate::files::{self, Links};
use std::fs::TryLockError;
use std::path::Path;

/// Whether a process holds the lock on the file below the root; no file, no lock. As an error, why
/// it cannot be determined.
///
/// A shared lock is tried and let go of at once: it keeps nobody out who only asks, as gt does when
/// it asks.
pub(super) fn is_held(root: &Path, path: &str) -> Result<bool, String> {
    let file = match files::open(&root.join(path), Links::Follow) {
        Ok(opened) => opened.file,
        Err(e) if is_absent(&e) => return Ok(false),
        Err(e) => return Err(format!("{path} cannot be opened ({e})")),
    };
    match file.try_lock_shared() {
        // Closing would do as well, once nothing else has inherited the file.
        Ok(()) => file
            .unlock()
            .map(|()| false)
            .map_err(|e| format!("{path} cannot be unlocked ({e})")),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(format!("{path} cannot be locked ({e})")),
    }
}
