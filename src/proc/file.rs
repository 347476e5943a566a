//! Bounded reads of `/proc`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most entries of `/proc` that one scan looks at.
pub(super) const MAX_PROCESSES: usize = 65_536;

/// More bytes than most files there have.
const USUAL: usize = 1024;

/// At most `limit` bytes of a file.
pub(super) fn read(path: impl AsRef<Path>, limit: u64) -> std::io::Result<Vec<u8>> {
    // Room for the usual at once: each further read is a call, and a look makes thousands.
    let mut bytes = Vec::with_capacity(USUAL.min(usize::try_from(limit).unwrap_or(USUAL)));
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first bytes of a file that the kernel gives whole to whoever asks for enough at once, as
/// `stat` and `environ` of a process: as many as the buffer holds. A look reads thousands of them,
/// so that a second read to hear that there is no more would tell.
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

/// The pids that `/proc` lists now, at most [`MAX_PROCESSES`], in rising order.
pub(super) fn pids() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let number = |entry: std::fs::DirEntry| {
        entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
    };
    let mut pids: Vec<u32> = entries
        .flatten()
        .filter_map(number)
        .take(MAX_PROCESSES)
        .collect();
    pids.sort_unstable();
    pids
}

/// Whether the process belongs to the user we run as.
pub(super) fn is_own(pid: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(format!("/proc/{pid}"))
        .is_ok_and(|m| m.uid() == rustix::process::geteuid().as_raw())
}
