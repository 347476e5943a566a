//! Bounded reads of `/proc`.

use super::machine::machine;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most processes that one scan of `/proc` reads.
pub(super) const MAX_PROCESSES: usize = 65_536;

/// Larger than most files in `/proc`, in bytes.
const USUAL: usize = 1024;

/// Reads at most `limit` bytes of a file.
pub(super) fn read(path: impl AsRef<Path>, limit: u64) -> std::io::Result<Vec<u8>> {
    // A large enough buffer saves a system call per file, and a look reads thousands.
    let mut bytes = Vec::with_capacity(USUAL.min(usize::try_from(limit).unwrap_or(USUAL)));
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file with one system call, as far as it fits into the buffer.
///
/// The kernel gives files such as `stat` and `environ` in one piece. A look reads thousands of them,
/// so a second call for the end of file would be noticeable.
pub(super) fn read_at_once(path: impl AsRef<Path>, buffer: &mut [u8]) -> std::io::Result<&[u8]> {
    let mut file = File::open(path)?;
    let read = loop {
        match file.read(buffer) {
            Err(fault) if fault.kind() == std::io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    Ok(buffer.get(..read).unwrap_or_default())
}

/// The pids of all processes now, in ascending order; at most [`MAX_PROCESSES`].
pub(super) fn pids() -> Vec<u32> {
    machine().pids()
}

/// Whether the process belongs to our user.
pub(super) fn is_own(pid: u32) -> bool {
    machine().owner(pid) == Some(rustix::process::geteuid().as_raw())
}
