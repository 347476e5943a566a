//! A session that begins asks the guard whether it still may: tmux can carry out a start late.

use super::words::GuardStanding;
use crate::model::BootTime;
use crate::proc::clock;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long the guard may take for its answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a session may not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryRefused {
    /// There is no guard.
    #[error("no guard runs on this host ({0}), so nothing that can move may start")]
    NoGuard(String),
    /// The deadline has passed, or there is none.
    #[error("this host has lost the store, so nothing that can move may start")]
    Late,
}

/// Whether a session that can move may begin now. `state` is the folder of the guard's socket.
///
/// # Errors
/// [`EntryRefused`].
pub fn may_begin(state: &Path) -> Result<BootTime, EntryRefused> {
    let no_guard = |fault: std::io::Error| EntryRefused::NoGuard(fault.to_string());
    let stream: UnixStream = super::socket::connect(state).map_err(no_guard)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(no_guard)?;
    let mut text = String::new();
    BufReader::new(stream)
        .read_line(&mut text)
        .map_err(no_guard)?;
    let standing: GuardStanding =
        serde_json::from_str(&text).map_err(|fault| no_guard(fault.into()))?;
    match standing.deadline {
        Some(deadline) if clock::boot_time() < deadline => Ok(deadline),
        Some(_) | None => Err(EntryRefused::Late),
    }
}
