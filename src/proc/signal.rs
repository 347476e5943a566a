//! Sends signals to exactly one process each, by a pidfd. The start time is checked after the pidfd
//! was opened, so a reused pid is never hit.

use super::machine::machine;
use super::process::{self, Presence};
use crate::model::{ProcId, ServerId};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub use rustix::process::Signal;

/// The result of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The kernel accepted it.
    Delivered,
    /// The process has ended.
    Gone,
    /// It was not sent, for this reason.
    Refused(String),
}

/// Sends a signal to exactly this process. Refuses pid 0, pid 1 and our own.
pub fn signal(process: ProcId, signal: Signal) -> Sent {
    let sent = send(process, signal);
    tracing::debug!(pid = process.pid, signal = signal.as_raw(), ?sent, "signal");
    sent
}

fn send(process: ProcId, signal: Signal) -> Sent {
    match Aim::at(process) {
        Ok(aim) => aim.send(signal),
        Err(sent) => sent,
    }
}

/// A process to which a signal can be sent with one system call. All checks are done before.
#[derive(Debug)]
pub struct Aim {
    process: ProcId,
    /// None on a machine without handles.
    handle: Option<OwnedFd>,
}

impl Aim {
    /// Opens and checks the process. Refuses pid 0, pid 1 and our own.
    ///
    /// # Errors
    /// The result that a signal would have now: [`Sent::Gone`] or [`Sent::Refused`].
    pub fn at(process: ProcId) -> Result<Self, Sent> {
        if process.pid <= 1 || process.pid == std::process::id() {
            return Err(Sent::Refused(format!(
                "process {} is never signalled",
                process.pid
            )));
        }
        let handle = match machine().handle(process.pid) {
            Ok(handle) => handle,
            Err(Errno::SRCH) => return Err(Sent::Gone),
            Err(e) => {
                return Err(Sent::Refused(format!(
                    "process {} cannot be opened: {e}",
                    process.pid
                )));
            }
        };
        // The handle stays with one process. Only a check after opening shows that it is the right one.
        match process::look_at(process) {
            Presence::Alive(_) => Ok(Self { process, handle }),
            Presence::Zombie(_) | Presence::Gone => Err(Sent::Gone),
            Presence::Unreadable(why) => Err(Sent::Refused(why)),
        }
    }

    /// Sends the signal.
    #[must_use]
    pub fn send(&self, signal: Signal) -> Sent {
        match machine().send(self.process.pid, self.handle.as_ref(), signal) {
            Ok(()) => Sent::Delivered,
            Err(Errno::SRCH) => Sent::Gone,
            Err(e) => Sent::Refused(format!(
                "process {} cannot be signalled: {e}",
                self.process.pid
            )),
        }
    }
}

/// Whether this process was started with SIGHUP ignored, as by `nohup`.
#[must_use]
pub fn ignores_hangup() -> bool {
    own_signals("SigIgn:") & bit(Signal::HUP) != 0
}

/// Whether TERM or INT was sent to this process, and no thread has taken it yet.
#[must_use]
pub fn is_asked_to_end() -> bool {
    own_signals("ShdPnd:") & (bit(Signal::TERM) | bit(Signal::INT)) != 0
}

/// A line of signals in our own `/proc/self/status`. Empty where there is none.
fn own_signals(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|text| text.strip_prefix(line));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0)
}

/// The bit of a signal in such a line. Bit 0 stands for signal 1.
fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

/// Makes a tmux server wait for ended children again. Debian's tmux 3.3a can miss SIGCHLD.
pub fn nudge_children(server: ServerId) -> Sent {
    to_server(server, Signal::CHILD)
}

/// Makes a tmux server create its socket file again.
pub fn recreate_socket(server: ServerId) -> Sent {
    to_server(server, Signal::USR1)
}

/// Sends a signal to a tmux server only, because USR1 ends any program that does not expect it.
fn to_server(server: ServerId, signal: Signal) -> Sent {
    match process::look_at(server.0) {
        Presence::Alive(stat) if stat.comm.starts_with("tmux") => self::signal(server.0, signal),
        Presence::Alive(stat) => Sent::Refused(format!(
            "process {} is {}, no tmux",
            server.0.pid, stat.comm
        )),
        Presence::Zombie(_) | Presence::Gone => Sent::Gone,
        Presence::Unreadable(why) => Sent::Refused(why),
    }
}

/// Waits until all processes have ended or `deadline` has passed. Returns those that may still live.
pub async fn wait_gone(processes: &[ProcId], deadline: Instant) -> Vec<ProcId> {
    let mut pause = Duration::from_millis(1);
    loop {
        let living: Vec<ProcId> = processes
            .iter()
            .copied()
            .filter(|p| process::may_live(*p))
            .collect();
        if living.is_empty() || Instant::now() >= deadline {
            return living;
        }
        sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[tokio::test]
    async fn only_the_very_process_is_signalled() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let process = process::identify(child.id()).unwrap();
        assert_eq!(
            signal(
                ProcId {
                    start: process.start + 1,
                    ..process
                },
                Signal::KILL
            ),
            Sent::Gone
        );
        assert!(matches!(
            recreate_socket(ServerId(process)),
            Sent::Refused(_)
        ));
        assert_eq!(wait_gone(&[process], Instant::now()).await, [process]);
        assert_eq!(signal(process, Signal::KILL), Sent::Delivered);
        assert!(
            wait_gone(&[process], Instant::now() + Duration::from_secs(5))
                .await
                .is_empty()
        );
        assert_eq!(signal(process, Signal::KILL), Sent::Gone);
        child.wait().unwrap();
    }

    #[test]
    fn neither_everybody_nor_init_nor_ourselves() {
        for pid in [0, 1, std::process::id()] {
            let start = process::identify(pid).map_or(0, |p| p.start);
            assert!(matches!(
                signal(ProcId { pid, start }, Signal::KILL),
                Sent::Refused(_)
            ));
        }
        assert_eq!(
            signal(
                ProcId {
                    pid: u32::MAX,
                    start: 1
                },
                Signal::KILL
            ),
            Sent::Gone
        );
    }
}
