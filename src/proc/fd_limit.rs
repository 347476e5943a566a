//! Whether there is room to work in: files that this process may still open.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Whether so many more files can be opened now. Opens them, and closes them again.
///
/// # Errors
/// What the system says when they cannot.
pub fn files(wanted: usize) -> io::Result<()> {
    let opened: io::Result<Vec<OwnedFd>> = (0..wanted)
        .map(|_| io::stdin().as_fd().try_clone_to_owned())
        .collect();
    opened.map(drop)
}
