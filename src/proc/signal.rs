//! Signals, to exactly one process each: through a pidfd whose start time was checked after it was
//! opened.

use super::process::{self, Presence};
use crate::model::{ProcId, ServerId};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub use rustix::process::Signal;

/// What came of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The kernel took it.
    Delivered,
    /// That very process has ended.
    Gone,
    /// It was not sent; says why.
    Refused(String),
}

/// Sends `signal` to exactly this process. Never to pid 0, to init, or to ourselves.
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

/// A process that is about to be signalled. All that takes time is done when it is made: sending is
/// one system call.
#[derive(Debug)]
pub struct Aim {
    process: ProcId,
    handle: OwnedFd,
}

impl Aim {
    /// Takes aim at exactly this process. Never at pid 0, at init, or at ourselves.
    ///
    /// # Errors
    /// What a signal sent now would come to: [`Sent::Gone`] or [`Sent::Refused`].
    pub fn at(process: ProcId) -> Result<Self, Sent> {
        if process.pid <= 1 || process.pid == std::process::id() {
            return Err(Sent::Refused(format!(
                "process {} is never signalled",
                process.pid
            )));
        }
        let pid = i32::try_from(process.pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(Sent::Gone)?;
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(Errno::SRCH) => return Err(Sent::Gone),
            Err(e) => {
                return Err(Sent::Refused(format!(
                    "process {} cannot be opened: {e}",
                    process.pid
                )));
            }
        };
        // The handle now holds on to one process; whether it is the one meant is only certain when
        // asked after opening.
        match process::look_at(process) {
            Presence::Alive(_) => Ok(Self { process, handle }),
            Presence::Zombie(_) | Presence::Gone => Err(Sent::Gone),
            Presence::Unreadable(why) => Err(Sent::Refused(why)),
        }
    }

    /// Sends it.
    #[must_use]
    pub fn send(&self, signal: Signal) -> Sent {
        match pidfd_send_signal(&self.handle, signal) {
            Ok(()) => Sent::Delivered,
            Err(Errno::SRCH) => Sent::Gone,
            Err(e) => Sent::Refused(format!(
                "process {} cannot be signalled: {e}",
                self.process.pid
            )),
        }
    }
}

/// Whether this process was started with SIGHUP ignored, as `nohup` does.
#[must_use]
pub fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The lowest bit is that of signal 1.
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Makes a tmux server look again for children that ended: Debian's 3.3a loses such news.
pub fn nudge_children(server: ServerId) -> Sent {
    to_server(server, Signal::CHILD)
}

/// Makes a tmux server create its socket anew.
pub fn recreate_socket(server: ServerId) -> Sent {
    to_server(server, Signal::USR1)
}

/// These signals are harmless to a tmux server only: USR1 ends a program that does not expect it.
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

/// Waits until all of these have ended, but not beyond `deadline`; returns those that may still
/// live.
pub async fn wait_gone(processes: &[ProcId], deadline: Instant) -> Vec<ProcId> {
    let mut pause = Duration::from_millis(1);
    loop {
        let left: Vec<ProcId> = processes
            .iter()
            .copied()
            .filter(|p| process::may_live(*p))
            .collect();
        if left.is_empty() || Instant::now() >= deadline {
            return left;
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
