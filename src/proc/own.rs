//! Ourselves: our process and those that led to it, which must never be signalled and tell which
//! pane we run in.

use super::process::{self, Presence};
use rustix::process::{Resource, getrlimit};

/// More ancestors than this are not looked at.
const MAX_DEPTH: usize = 64;

/// The limit on the main thread's stack, in bytes. None where there is none.
#[must_use]
pub fn stack_limit() -> Option<u64> {
    getrlimit(Resource::Stack).current
}

/// Our own pid and those of our ancestors, nearest first, as far as they can be seen; process 1 and
/// 0 are left out.
#[must_use]
pub fn line() -> Vec<u32> {
    line_of(std::process::id())
}

/// Likewise of another process.
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
