//! The hooks of Kimi CLI (measured with 1.51.0) and Kimi Code (measured with 2.1.0).

use super::hooks::{text_at, tool_question};
use crate::model::Activity;
use serde_json::Value;

/// What an event means, with the question or the error that it names.
///
/// Kimi CLI has no event for a question. Kimi Code tells of its start only with the first text, as
/// a turn begins: so a start says that the agent waits only where no turn follows at once.
pub(super) fn meaning(event: &str, value: &Value) -> Option<(Activity, String)> {
    let plain = |activity| Some((activity, String::new()));
    match event {
        "SessionStart" => plain(Activity::Ready),
        "UserPromptSubmit" | "PreToolUse" | "PostToolUse" => plain(Activity::Working),
        "PermissionRequest" => Some((Activity::Asks, tool_question(value))),
        "Stop" | "Interrupt" => plain(Activity::Idle),
        "StopFailure" => Some(failed(value)),
        "SessionEnd" => plain(Activity::Ended),
        _ => None,
    }
}

fn failed(value: &Value) -> (Activity, String) {
    let either = |one, other| text_at(value, one).or_else(|| text_at(value, other));
    // The clients' documentation names the first of each pair, the versions measured the second.
    let error = either("error_type", "error").unwrap_or_default();
    let message = either("error_message", "message").unwrap_or(error);
    let activity = match error {
        "authentication_failed" => Activity::Auth,
        "rate_limit" | "billing_error" => Activity::Limit,
        _ => Activity::Failed,
    };
    (activity, message.to_owned())
}
