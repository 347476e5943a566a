//! Checks how many files this process may still open.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Opens `wanted` files and closes them again.
///
/// # Errors
/// The system's error, when they cannot all be opened.
pub fn files(wanted: usize) -> io::Result<()> {
    let opened: io::Result<Vec<OwnedFd>> = (0..wanted)
        .map(|_| io::stdin().as_fd().try_clone_to_owned())
        .collect();
    opened.map(drop)
}
