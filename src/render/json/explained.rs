//! The page of `explain`.

use super::session::ScreenLine;
use super::shape::Why;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Everything about one session.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ExplainPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `explain`.
    pub kind: String,
    /// The session's name.
    pub session: String,
    /// What it is; null where the tmux server could not be asked.
    pub phase: Option<String>,
    /// Its role; null where it is not declared any more.
    pub role: Option<String>,
    /// The rig that it works in, if any.
    pub rig: Option<String>,
    /// What each rule says, in the order in which they are asked. The first that speaks decides.
    pub rules: Vec<RuleLine>,
    /// What its screen shows, once gtctl has read it.
    pub screen: Option<ScreenLine>,
    /// What holds its step, where the rest of the town does.
    pub held: Option<Why>,
    /// Every setting with its origin.
    pub settings: Vec<SettingLine>,
    /// Its last events, oldest first, as the journal has them.
    pub events: Vec<Value>,
}

/// What one rule says.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct RuleLine {
    /// The rule's name.
    pub rule: String,
    /// What it says; null where it has nothing to say.
    pub says: Option<SaysLine>,
}

/// What a rule that speaks would have.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum SaysLine {
    /// Leave it as it is.
    Keep {
        /// The phase in which it stays.
        keep: String,
    },
    /// Do this, because; perhaps not now.
    Want(Box<WantLine>),
}

/// What a rule would have done.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct WantLine {
    /// What to do.
    pub verb: String,
    /// Why.
    pub reason: Why,
    /// What the step waits for, if it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Why>,
    /// Until when, RFC 3339 in UTC, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Deprecated, removed in 0.3: how far that lies ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

/// One setting.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct SettingLine {
    /// The field, as in the manifest.
    pub field: String,
    /// Its value, as TOML.
    pub value: String,
    /// Where the value comes from.
    pub origin: String,
    /// Whether it is the default.
    pub default: bool,
}
