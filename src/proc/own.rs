//! Our own process and its ancestors. They must never get a signal, and they show in which pane we
//! run.

use super::process::{self, Presence};
use rustix::process::{
    Resource, Signal, getpgid, getpid, getppid, getrlimit, getsid, kill_process,
};

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
    fn the_line_begins_with_us_and_our_parent() {
        let line = super::line();
        assert_eq!(line.first(), Some(&std::process::id()));
        assert_eq!(line.get(1), Some(&std::os::unix::process::parent_id()));
    }
}
