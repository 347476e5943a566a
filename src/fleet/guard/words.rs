//! What controller and guard say to each other: one line of JSON each.

use crate::model::SortedSet;
use crate::model::{BootTime, HostName, ProcId, SessionName};
use serde::{Deserialize, Serialize};

/// What the controller says. It replaces what was said before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The pid of the controller.
    pub pid: u32,
    /// When it was started, in clock ticks after boot.
    pub start: u64,
    /// The host. What runs for another one is spared.
    pub host: HostName,
    /// The sessions that can move. None where they are those of the order before, by the same
    /// connection: a town has hundreds of them, and each beat brings an order.
    pub sessions: Option<SortedSet<SessionName>>,
    /// When they must end. None while nothing that can move may live: nothing is killed for that.
    pub deadline: Option<BootTime>,
}

impl Order {
    /// The controller.
    #[must_use]
    pub fn controller(&self) -> ProcId {
        ProcId {
            pid: self.pid,
            start: self.start,
        }
    }
}

/// What the guard says: first of all, and after each order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GuardStanding {
    /// The deadline that its timer has.
    pub deadline: Option<BootTime>,
    /// The pid of the guard.
    pub pid: u32,
    /// When it was started, in clock ticks after boot.
    pub start: u64,
}

/// A word as its line.
pub(super) fn line(word: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(word).unwrap_or_default();
    line.push(b'\n');
    line
}
