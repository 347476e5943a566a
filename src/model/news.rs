//! What people want to be told of, beside what they look up themselves.

use super::Entry;
use serde::Serialize;
use std::collections::BTreeSet;
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The kinds of news, as `[notify] on` names them.
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
