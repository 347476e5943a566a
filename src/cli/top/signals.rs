//! The signals that a screen must know of.

use crate::cli::exit::Trouble;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end.
    End,
    /// To stop, until it is continued.
    Stop,
    /// Nothing: it was stopped, and others may have used the terminal.
    Continued,
    /// To look at the size of the terminal.
    Resized,
}

/// The signals, listened for.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    stop: Signal,
    continued: Signal,
    resized: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Trouble> {
        let listen = |kind: SignalKind| {
            signal(kind).map_err(|e| Trouble::new("cannot listen for signals").because(&e))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
            stop: listen(SignalKind::from_raw(nix::libc::SIGTSTP))?,
            continued: listen(SignalKind::from_raw(nix::libc::SIGCONT))?,
            resized: listen(SignalKind::window_change())?,
        })
    }

    /// Waits for the next one. Loses nothing when it is dropped.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::End,
            _ = self.terminate.recv() => Asked::End,
            _ = self.hangup.recv() => Asked::End,
            _ = self.stop.recv() => Asked::Stop,
            _ = self.continued.recv() => Asked::Continued,
            _ = self.resized.recv() => Asked::Resized,
        }
    }
}
