//! Identities: of a server, a session, a pane, a process, and one run of a session.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A process. Its start time tells it apart from a later process with the same pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcId {
    /// The process id.
    pub pid: u32,
    /// Its start time in clock ticks since boot: field 22 of `/proc/PID/stat`.
    pub start: u64,
}

/// A running tmux server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServerId(pub ProcId);

/// The id of a session in its server, printed `$3`. A server never uses an id twice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct SessionId(pub u32);

/// The id of a pane in its server, printed `%3`. A server never uses an id twice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct PaneId(pub u32);

impl PaneId {
    /// Stands for a pane that no longer exists. tmux counts ids up from 0 and never gets this far.
    pub const NOWHERE: Self = Self(u32::MAX);
}

/// One run of a session. It grows with each start. An operation with an old generation does
/// nothing.
///
/// The planner uses `max(last + 1, wall clock in ms)`. So it grows even if all memory is lost.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Generation(pub u64);

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a tmux id")]
pub struct IdFault;

fn digits_after(sigil: char, text: &str) -> Result<u32, IdFault> {
    text.strip_prefix(sigil)
        .and_then(|d| d.parse().ok())
        .ok_or(IdFault)
}

impl FromStr for SessionId {
    type Err = IdFault;
    fn from_str(text: &str) -> Result<Self, IdFault> {
        digits_after('$', text).map(Self)
    }
}

impl FromStr for PaneId {
    type Err = IdFault;
    fn from_str(text: &str) -> Result<Self, IdFault> {
        digits_after('%', text).map(Self)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.0)
    }
}

impl fmt::Display for PaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
