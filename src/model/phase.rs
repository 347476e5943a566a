//! The phase of a session: what it is at this moment.

use super::{Asks, Block, Death};
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumString, IntoStaticStr, VariantNames};

/// The phase of a session. It is derived from each look; only its changes are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumDiscriminants, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[strum_discriminants(
    name(PhaseKind),
    derive(PartialOrd, Ord, EnumString, IntoStaticStr, Serialize, Deserialize),
    strum(serialize_all = "kebab-case"),
    serde(rename_all = "kebab-case"),
    doc = "A [`Phase`] without what it carries."
)]
pub enum Phase {
    /// There is no such session.
    Absent,
    /// Its process is alive, but for less than `ready_after`.
    Starting,
    /// Its screen shows work, or the content has changed lately.
    Working,
    /// Its turn has ended, and what it has started still works: it would end with its agent.
    Background,
    /// It is alive and quiet.
    Idle,
    /// It asks a person something.
    Waiting(Asks),
    /// It cannot go on by itself.
    Blocked(Block),
    /// It is a task that has ended.
    Completed(Option<Death>),
    /// Its agent has ended, but should not have.
    Dead(Death),
    /// It was asked to end.
    Stopping,
    /// A person has stopped it.
    Stopped,
    /// Its phase could not be determined.
    Unknown,
    /// It exists, but is not ours.
    Foreign,
}

impl Phase {
    /// The words of all phases.
    #[must_use]
    pub fn words() -> &'static [&'static str] {
        Self::VARIANTS
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

impl PhaseKind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}
