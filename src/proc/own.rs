//! Our own process and its ancestors. They must never get a signal, and they show in which pane we
//! run.

use super::process::{self, Presence};
use rustix::process::{
    Resource, Signal, getpgid, getpid, getppid, getrlimit, getsid, kill_process,
};
use std::hash::{BuildHasher, Hasher, RandomState};

/// The most ancestors read.
const MAX_DEPTH: usize = 64;

/// The stack limit of the main thread in bytes. `None` if it is unlimited.
#[must_use]
pub fn stack_limit() -> Option<u64> {
    getrlimit(Resource::Stack).current
}

/// The host name of the machine. Empty if the system does not tell it as text.
#[must_use]
pub fn hostname() -> String {
    let system = nix::sys::utsname::uname();
    let name = system.map(|system| system.nodename().to_owned());
    name.ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_default()
}

/// An id that nothing else has: 32 hexadecimal digits, another at each call.
///
/// It is made of hashes whose keys the standard library takes from the system's random source.
#[must_use]
pub fn unique_id() -> String {
    // The keys of one thread count up from its first ones, so each half hashes something of its own.
    let part = |what: u64| {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u64(what);
        hasher.write_u32(std::process::id());
        hasher.finish()
    };
    format!("{:016x}{:016x}", part(1), part(2))
}

/// Stops this process, as Ctrl-Z does, until somebody continues it. Returns whether it was stopped.
///
/// Nothing happens where nobody could continue it: no shell with job control has started it, or the
/// shell has ended.
#[must_use]
pub fn stop() -> bool {
    let has_shell = getppid().is_some_and(|parent| {
        let is_same_session = getsid(Some(parent)).ok() == getsid(None).ok();
        let is_same_job = getpgid(Some(parent)).ok() == getpgid(None).ok();
        is_same_session && !is_same_job
    });
    has_shell && kill_process(getpid(), Signal::STOP).is_ok()
}

/// Our own pid and those of our ancestors, nearest first, without 1 and 0. It ends at an ancestor
/// that cannot be read.
#[must_use]
pub fn line() -> Vec<u32> {
    line_of(std::process::id())
}

/// As [`line`], for another process.
pub(super) fn line_of(pid: u32) -> Vec<u32> {
    let mut line = vec![pid];
    let mut at = pid;
    while line.len() < MAX_DEPTH {
        let parent = match process::look(at) {
            Presence::Alive(stat) | Presence::Zombie(stat) => stat.ppid,
            Presence::Gone | Presence::Unreadable(_) => break,
        };
        if parent <= 1 || line.contains(&parent) {
            break;
        }
        line.push(parent);
        at = parent;
    }
    line
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_ids_are_alike() {
        let ids: crate::model::SortedSet<String> = std::iter::repeat_with(super::unique_id)
            .take(1000)
            .collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }

    #[test]
    fn the_line_begins_with_us_and_our_parent() {
        let line = super::line();
        assert_eq!(line.first(), Some(&std::process::id()));
        assert_eq!(line.get(1), Some(&std::os::unix::process::parent_id()));
    }
}
