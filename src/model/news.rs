//! What people want to be told of, beside what they look up themselves.

use super::Entry;
use std::collections::BTreeSet;
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The kinds of news, as `[notify] on` names them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Topic {
    /// A session crashed too often and is held.
    CrashLoop,
    /// An agent is signed out, at its usage limit, or its context is full.
    Blocked,
    /// A session asks something that only a person can answer.
    Waiting,
    /// A step is held by something that only a person can lift.
    Held,
    /// A step failed.
    Failed,
    /// A task has ended.
    Completed,
    /// A session was expired.
    Expired,
    /// The town could not be looked at, so nothing is done.
    Unreachable,
    /// The manifest was changed and has faults; the last good one stays in force.
    ManifestBroken,
    /// The controller began or ended.
    Controller,
}

impl Topic {
    /// Every one.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The word, in the manifest, in JSON and on disk.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// The topic of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        word.parse().ok()
    }
}

/// One thing worth telling.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// Of which kind.
    pub topic: Topic,
    /// The session, the agent or the part of the town that it is about. The same subject is not
    /// told of the same topic again until that has ended.
    pub subject: String,
    /// What there is to say.
    pub entry: Entry,
}

/// What was told and has not ended.
pub type Announced = BTreeSet<(Topic, String)>;
