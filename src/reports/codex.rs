//! The hooks of Codex. Measured with version 0.171.0.

use super::hooks::tool_question;
use crate::model::Activity;
use serde_json::Value;

/// What an event means, with the question that it names.
///
/// `SessionStart` comes only with the first prompt, so it does not say that the agent waits.
/// Nothing comes after a request that was refused with 401: the screen has to tell that.
pub(super) fn meaning(event: &str, value: &Value) -> Option<(Activity, String)> {
    let plain = |activity| Some((activity, String::new()));
    match event {
        "SessionStart" => plain(Activity::Unsaid),
        "UserPromptSubmit" | "PreToolUse" | "PostToolUse" | "PreCompact" => {
            plain(Activity::Working)
        }
        "PermissionRequest" => Some((Activity::Asks, tool_question(value))),
        "Interrupt" | "Stop" => plain(Activity::Idle),
        "SessionEnd" => plain(Activity::Ended),
        _ => None,
    }
}
