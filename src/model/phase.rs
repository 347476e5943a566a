//! What a session is at this moment.

use super::{Asks, Block, Death};
use strum::IntoStaticStr;

/// What a session is at this moment: derived each time, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Phase {
    /// Not there.
    Absent,
    /// Its process lives, but for less than `ready_after`.
    Starting,
    /// Its screen shows work, or its content changed lately.
    Working,
    /// Its turn has ended, and what it has started still works: it would end with its agent.
    Background,
    /// Alive and quiet.
    Idle,
    /// It asks somebody something.
    Waiting(Asks),
    /// It cannot go on by itself.
    Blocked(Block),
    /// A task that has ended.
    Completed(Option<Death>),
    /// Its agent has ended and should not have.
    Dead(Death),
    /// Asked to end.
    Stopping,
    /// Stopped by the user.
    Stopped,
    /// It could not be determined.
    Unknown,
    /// There, but not ours.
    Foreign,
}

impl Phase {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}
