//! Notifications: what people want to be told.

use super::Entry;
use crate::model::SortedSet;
use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The topics of notifications, as in `[notify] on`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Topic {
    /// A session crashed too often; its restart waits.
    CrashLoop,
    /// An agent is signed out, at its usage limit, or has a full context.
    Blocked,
    /// A session asks something that only a person can answer.
    Waiting,
    /// A step waits for something that only a person can change.
    Held,
    /// A step failed.
    Failed,
    /// A task has ended.
    Completed,
    /// A session was expired.
    Expired,
    /// The state of the town is unknown, so gtctl changes nothing.
    Unreachable,
    /// The manifest was changed and has errors; gtctl uses the last good one.
    ManifestBroken,
    /// The controller started or stopped.
    Controller,
}

impl Topic {
    /// All topics.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The word for the topic, in the manifest, in JSON and on disk.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// The topic with this word, if there is one.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        word.parse().ok()
    }
}

/// One notification.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// Its topic.
    pub topic: Topic,
    /// The session, the agent or the part of the town that it is about. While it lasts, the same
    /// topic is not reported again for the same subject.
    pub subject: String,
    /// What it says.
    pub entry: Entry,
}

/// What was reported and has not ended.
pub type Announced = SortedSet<(Topic, String)>;
