//! The page of `wait` for programs.

use super::shape::Head;
use crate::render::view::Scene;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// `gtctl wait -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct WaitPage {
    /// What every page begins with.
    #[serde(flatten)]
    pub head: Head,
    /// What was waited for: `ready`, `idle`, `completed`, `gone` or `converged`.
    pub condition: String,
    /// `reached`: every session is as asked; `cannot-come`: at least one does not become so by
    /// itself; `timeout`.
    pub outcome: String,
    /// The sessions, as they were at the last look.
    pub sessions: Vec<WaitLine>,
}

/// One session that was waited for.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct WaitLine {
    /// The session's name.
    pub session: String,
    /// Whether it is as asked.
    pub reached: bool,
    /// Its phase, as in `status`.
    pub phase: String,
    /// How long the wait has taken, in milliseconds.
    pub waited_ms: u64,
    /// Why it does not become as asked by itself. Its words may change.
    pub why: Option<String>,
    /// What to type then.
    pub fix: Option<String>,
}

/// The page.
pub(in crate::render) fn wait_page(
    scene: &Scene<'_>,
    condition: &str,
    outcome: &str,
    sessions: Vec<WaitLine>,
) -> WaitPage {
    WaitPage {
        head: super::head("wait", scene),
        condition: condition.to_owned(),
        outcome: outcome.to_owned(),
        sessions,
    }
}
