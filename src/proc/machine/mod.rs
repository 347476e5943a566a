//! What gtctl asks of the operating system about processes: one trait, and two answers to it.
//!
//! `linux` reads `/proc` and is the one in use. [`Portable`] takes what every Unix can tell and
//! polls for the rest. It runs **on Linux** in the tests, where `GTCTL_MACHINE=portable` is set, and
//! `.ci/check-macos` checks its types for macOS. Nothing more is claimed of other systems: this
//! program was never run on one.

#[cfg(target_os = "linux")]
mod linux;
mod portable;

#[cfg(target_os = "linux")]
use self::linux::Linux as Usual;
use self::portable::Portable;
#[cfg(not(target_os = "linux"))]
use self::portable::Portable as Usual;
use super::process::Presence;
use super::sockets::Listening;
use rustix::process::Signal;
use std::fmt::Debug;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The variable by which the tests choose the portable answers. Every other value is passed over.
const VARIABLE: &str = "GTCTL_MACHINE";

/// A path that belongs to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProcessPath {
    /// The file that it was started from.
    Program,
    /// Its working directory.
    Folder,
    /// What it reads as its standard input.
    Input,
}

/// What an operating system tells about its processes.
///
/// A process may end between two calls. What a system cannot tell is an error, `None` or empty, and
/// is never taken for "there is none".
pub(super) trait Machine: Debug + Sync {
    /// The pids of all processes, in ascending order; at most [`super::file::MAX_PROCESSES`].
    fn pids(&self) -> Vec<u32>;

    /// The state of the process that has this pid now.
    fn look(&self, pid: u32) -> Presence;

    /// The id of the user whose process it is.
    fn owner(&self, pid: u32) -> Option<u32>;

    /// The children of a process. `None` where the system does not list them: then all processes
    /// are read, each with its parent.
    fn children(&self, pid: u32) -> Option<Vec<u32>>;

    /// The arguments, each with a zero byte after it, cut at `limit` bytes.
    fn arguments(&self, pid: u32, limit: u64) -> io::Result<Vec<u8>>;

    /// The environment with which it was started, each variable with a zero byte after it, as far as
    /// it fits into the buffer.
    fn environment<'b>(&self, pid: u32, buffer: &'b mut [u8]) -> io::Result<&'b [u8]>;

    /// This path of the process. A file that was removed has ` (deleted)` after its path, where the system
    /// knows that.
    fn path(&self, pid: u32, which: ProcessPath) -> io::Result<PathBuf>;

    /// Whether it sees the same files as we do. False where that is not known.
    fn shares_our_files(&self, pid: u32) -> bool;

    /// The device and the inode of the file that it was started from, also once that was removed.
    fn program_identity(&self, pid: u32) -> Option<(u64, u64)>;

    /// Its proportional share of the memory of its pages, in bytes.
    fn share_of_memory(&self, pid: u32) -> Option<u64>;

    /// A handle that stays with the process and is readable once it has ended. `None` where the
    /// system has none: then ends are polled for.
    ///
    /// # Errors
    /// [`rustix::io::Errno::SRCH`] where there is no such process.
    fn handle(&self, pid: u32) -> rustix::io::Result<Option<OwnedFd>>;

    /// Sends a signal to the process of this handle, or to the pid where there is none.
    fn send(&self, pid: u32, handle: Option<&OwnedFd>, signal: Signal) -> rustix::io::Result<()>;

    /// Who listens on the absolute path of a Unix socket.
    fn listening_on(&self, path: &Path) -> Listening;

    /// A number that another boot of this machine does not have. 0 where it is not known.
    fn boot(&self) -> u64;

    /// The whole memory, and what can be had of it without swapping, in bytes.
    fn memory(&self) -> (u64, u64);

    /// The load averages over 1, 5 and 15 minutes.
    fn load(&self) -> String;
}

/// The machine that this process runs on.
pub(super) fn machine() -> &'static dyn Machine {
    static PORTABLE: OnceLock<bool> = OnceLock::new();
    if *PORTABLE.get_or_init(|| std::env::var_os(VARIABLE).is_some_and(|which| which == "portable"))
    {
        &Portable
    } else {
        &Usual
    }
}

#[cfg(test)]
mod tests {
    use super::linux::Linux;
    use super::*;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    /// A process with an argument, a variable and a folder of its own.
    fn sleeper() -> Child {
        let mut command = Command::new("sleep");
        command
            .arg("600")
            .env("GTCTL_ASKED", "a b")
            .current_dir("/");
        command.stdin(Stdio::null()).spawn().unwrap()
    }

    fn until(what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !holds() {
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn variables(machine: &dyn Machine, pid: u32) -> Vec<u8> {
        let mut buffer = vec![0; 1 << 20];
        let environment = machine.environment(pid, &mut buffer);
        environment.unwrap_or_default().to_vec()
    }

    fn has(bytes: &[u8], entry: &[u8]) -> bool {
        bytes.split(|byte| *byte == 0).any(|part| part == entry)
    }

    #[test]
    fn both_tell_the_same_of_a_process() {
        let mut child = sleeper();
        let pid = child.id();
        let all: [&dyn Machine; 2] = [&Linux, &Portable];
        // A process that is just being executed shows no environment for an instant.
        for machine in all {
            until("the program", || {
                has(&variables(machine, pid), b"GTCTL_ASKED=a b")
            });
        }
        for machine in all {
            let Presence::Alive(stat) = machine.look(pid) else {
                panic!("{machine:?}: not alive");
            };
            assert_eq!(
                (stat.comm.as_str(), stat.ppid),
                ("sleep", std::process::id())
            );
            assert!(stat.rss > 0, "{machine:?}");
            let age = crate::proc::clock::age(stat.start);
            assert!(age.millis() < 60_000, "{machine:?}: {age:?}");
            assert_eq!(machine.arguments(pid, 4096).unwrap(), b"sleep\x00600\0");
            assert_eq!(
                machine.path(pid, ProcessPath::Folder).unwrap(),
                Path::new("/")
            );
            let program = machine.path(pid, ProcessPath::Program).unwrap();
            assert!(program.is_absolute(), "{machine:?}: {program:?}");
            let us = rustix::process::geteuid().as_raw();
            assert_eq!(machine.owner(pid), Some(us), "{machine:?}");
            assert!(machine.pids().contains(&pid), "{machine:?}");
            assert_eq!(machine.look(u32::MAX), Presence::Gone, "{machine:?}");
            assert_ne!(machine.boot(), 0);
            let (memory, free) = machine.memory();
            assert!(memory > free && free > 0, "{machine:?}: {memory} {free}");
            assert_eq!(machine.load().split(' ').count(), 3, "{machine:?}");
            if let Some(listed) = machine.children(std::process::id()) {
                assert!(listed.contains(&pid), "{machine:?}");
            }
        }
        let groups = all.map(|machine| match machine.look(pid) {
            Presence::Alive(stat) => stat.pgrp,
            Presence::Zombie(_) | Presence::Gone | Presence::Unreadable(_) => 0,
        });
        assert_eq!(groups[0], groups[1]);
        child.kill().unwrap();
        for machine in all {
            until("the end", || {
                matches!(machine.look(pid), Presence::Zombie(_))
            });
        }
        child.wait().unwrap();
        for machine in all {
            assert_eq!(machine.look(pid), Presence::Gone, "{machine:?}");
        }
    }

    #[test]
    fn both_send_a_signal_and_know_that_nobody_is_there() {
        let all: [&dyn Machine; 2] = [&Linux, &Portable];
        for machine in all {
            let mut child = sleeper();
            let handle = machine.handle(child.id()).unwrap();
            machine
                .send(child.id(), handle.as_ref(), Signal::KILL)
                .unwrap();
            assert!(!child.wait().unwrap().success());
            let gone = machine.handle(child.id()).err();
            assert_eq!(gone, Some(rustix::io::Errno::SRCH), "{machine:?}");
        }
    }

    #[test]
    fn both_know_who_listens() {
        let folder = std::env::temp_dir().join(format!("gtctl-listens-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("s");
        let all: [&dyn Machine; 2] = [&Linux, &Portable];
        for machine in all {
            assert_eq!(
                machine.listening_on(&path),
                Listening::Nobody,
                "{machine:?}"
            );
        }
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        for machine in all {
            let listening = machine.listening_on(&path);
            assert!(matches!(listening, Listening::Somebody(_)), "{machine:?}");
        }
        drop(listener);
        // A child that another test is just starting has a copy of the socket for an instant.
        for machine in all {
            until("the end of the listener", || {
                machine.listening_on(&path) == Listening::Nobody
            });
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
