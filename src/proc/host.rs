//! Describes the machine to people: memory, load, disk and the largest processes.

use super::machine::machine;
use super::tree::{Forest, Member};
use std::path::Path;

/// The state of a machine. A value that cannot be read is zero or empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Host {
    /// Load averages over 1, 5 and 15 minutes, as the kernel prints them.
    pub load: String,
    /// Total memory in bytes.
    pub memory: u64,
    /// Memory available without swapping, in bytes.
    pub memory_free: u64,
    /// The size of the state directory's file system in bytes.
    pub disk: u64,
    /// The bytes that users may still write there.
    pub disk_free: u64,
    /// The processes with the most resident memory, largest first.
    pub largest: Vec<Member>,
}

/// Reads the state of the machine. `path` selects the file system, `processes` how many to list.
#[must_use]
pub fn look(path: &Path, processes: usize) -> Host {
    let (disk, disk_free) = disk(path);
    let disk_free = disk_free.unwrap_or(0);
    let (memory, memory_free) = machine().memory();
    Host {
        load: machine().load(),
        memory,
        memory_free,
        disk,
        disk_free,
        largest: Forest::scan().largest(processes),
    }
}

/// The size of the file system at `path` and the bytes that users may still write there.
///
/// Returns `(0, None)` where the file system does not say.
#[must_use]
pub fn disk(path: &Path) -> (u64, Option<u64>) {
    let Ok(stat) = rustix::fs::statvfs(path) else {
        return (0, None);
    };
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    let free = (stat.f_blocks > 0).then(|| bytes(stat.f_bavail));
    (bytes(stat.f_blocks), free)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_machine_has_some_of_each() {
        let host = super::look(std::path::Path::new("/"), 3);
        assert!(
            host.memory > host.memory_free && host.memory_free > 0 && host.disk > 0,
            "{host:?}"
        );
        assert!(host.largest.len() <= 3 && !host.largest.is_empty());
        assert!(
            host.largest
                .windows(2)
                .all(|pair| pair[0].stat.rss >= pair[1].stat.rss)
        );
        assert_eq!(host.load.split(' ').count(), 3);
    }
}
