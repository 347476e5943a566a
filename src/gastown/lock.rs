//! Whether a process holds the lock on a file.
//!
//! gt leaves its lock files in place when it releases the lock, so their existence says nothing.

use super::file::is_absent;
use crate::files::{self, Links};
use std::fs::TryLockError;
use std::path::Path;

/// Whether a process holds the lock on a file below the root. If there is no file, nobody does.
///
/// This takes a shared lock for a moment, as gt does for the same question. A shared lock does not
/// disturb others that only ask.
///
/// # Errors
/// Returns a sentence for people if it could not be determined.
pub(super) fn is_held(root: &Path, path: &str) -> Result<bool, String> {
    let file = match files::open(&root.join(path), Links::Follow) {
        Ok(opened) => opened.file,
        Err(e) if is_absent(&e) => return Ok(false),
        Err(e) => return Err(format!("{path} cannot be opened ({e})")),
    };
    match file.try_lock_shared() {
        // A forked child may have inherited the file. Then closing it would not release the lock.
        Ok(()) => file
            .unlock()
            .map(|()| false)
            .map_err(|e| format!("{path} cannot be unlocked ({e})")),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(format!("{path} cannot be locked ({e})")),
    }
}
