//! The page of a town whose hosts share a store, for programs.

use crate::model::SessionName;
use crate::render::json::VERSION;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A verb about a town whose hosts share a store, with `-o json`.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct StorePage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `store`.
    pub kind: String,
    /// The verb: `status`, `hosts`, `diff`, `start`, `stop`, `down`, `restart`,
    /// `reset` or `nudge`.
    pub verb: String,
    /// The town's name.
    pub town: String,
    /// The revision of the store that was read; null for a verb that asks for something.
    pub revision: Option<i64>,
    /// `diff`: how the manifest here differs from the store's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(default))]
    pub manifest: Option<StoreManifest>,
    /// The sessions. `diff` has those alone that do not stay as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(default))]
    pub sessions: Vec<StoreSession>,
    /// `status` and `hosts`: the hosts that have signed in at least once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(default))]
    pub hosts: Vec<StoreHost>,
}

/// How the manifest here differs from the store's.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct StoreManifest {
    /// Whether the store has the same.
    pub same: bool,
    /// The revision of the store's; null if it has none or the same.
    pub revision: Option<i64>,
    /// The lines that only one of them has, each with `store:` or `here:` before it. At most 40.
    pub lines: Vec<String>,
}

/// One session.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct StoreSession {
    /// Its name.
    pub session: String,
    /// Its host; null if it has none.
    pub host: Option<String>,
    /// Its phase as its host says; `lost` if its host shows no sign of life, `no host` if none has
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(default))]
    pub phase: Option<String>,
    /// Whether it is as declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(default))]
    pub as_declared: Option<bool>,
    /// The generation of its run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(default))]
    pub generation: Option<u64>,
    /// Why it is where it is, or moves, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(default))]
    pub place: Option<String>,
    /// What its host does next: the verb and the code of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(default))]
    pub next: Option<String>,
    /// The code of what holds that back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(default))]
    pub held: Option<String>,
    /// What was done, such as `stopped`. Absent where it was not, or where nothing was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(default))]
    pub done: Option<String>,
    /// What its host has said, or why nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(default))]
    pub said: Option<String>,
}

/// One host.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct StoreHost {
    /// Its name.
    pub host: String,
    /// `up`, `drained`, `lost` or `lost for good`.
    pub state: String,
    /// Whether it places the sessions.
    pub leads: bool,
    /// How many sessions are placed there.
    pub sessions: u64,
    /// How many it takes; null for any number.
    pub slots: Option<u32>,
    /// The version of its gtctl.
    pub version: String,
    /// Its labels.
    pub labels: Vec<String>,
}

impl StorePage {
    /// A page without a session and a host.
    #[must_use]
    pub fn new(verb: &str, town: &SessionName) -> Self {
        Self {
            version: VERSION,
            kind: "store".to_owned(),
            verb: verb.to_owned(),
            town: town.to_string(),
            ..Self::default()
        }
    }

    /// The page as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}
