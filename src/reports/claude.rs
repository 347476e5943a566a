//! The hooks of Claude Code. Measured with versions 2.1.197 and 2.1.332.

use super::hooks::{text_at, tool_question};
use crate::model::Activity;
use serde_json::Value;

/// What an event means, with the question or the error that it names.
///
/// Escape fires no event at all. `idle_prompt` comes 60 s after a turn, also after one that has
/// failed: it must not clear the failure, so it says nothing.
pub(super) fn meaning(event: &str, value: &Value) -> Option<(Activity, String)> {
    // A sub-agent reports to the same hooks. Its turns are not those of its agent.
    if value.get("agent_id").is_some_and(|id| !id.is_null()) {
        return None;
    }
    let plain = |activity| Some((activity, String::new()));
    match event {
        "SessionStart" => plain(started(value)),
        "UserPromptSubmit" | "PreToolUse" | "PostToolUse" | "PreCompact" => {
            plain(Activity::Working)
        }
        "PermissionRequest" => Some((Activity::Asks, tool_question(value))),
        "Notification" => notified(value),
        "Stop" => plain(stopped(value)),
        "StopFailure" => Some(failed(value)),
        "SessionEnd" => plain(Activity::Ended),
        _ => None,
    }
}

/// A conversation that is compacted goes on: it may be in the middle of a turn.
fn started(value: &Value) -> Activity {
    if text_at(value, "source") == Some("compact") {
        Activity::Unsaid
    } else {
        Activity::Ready
    }
}

fn notified(value: &Value) -> Option<(Activity, String)> {
    let message = text_at(value, "message").unwrap_or_default().to_owned();
    match text_at(value, "notification_type") {
        Some("permission_prompt" | "elicitation_dialog") => Some((Activity::Asks, message)),
        Some(_) | None => None,
    }
}

/// Shells, monitors and sub-agents that go on behind the prompt end with the client.
fn stopped(value: &Value) -> Activity {
    let tasks = value.get("background_tasks").and_then(Value::as_array);
    if tasks.is_some_and(|tasks| !tasks.is_empty()) {
        Activity::Background
    } else {
        Activity::Idle
    }
}

/// Why a turn has failed, by the client's own name for it.
fn failed(value: &Value) -> (Activity, String) {
    let error = text_at(value, "error").unwrap_or_default();
    let message = text_at(value, "last_assistant_message").unwrap_or(error);
    let activity = match error {
        "authentication_failed" | "oauth_org_not_allowed" => Activity::Auth,
        "rate_limit" if message.contains("not your usage limit") => Activity::Failed,
        "rate_limit" | "billing_error" => Activity::Limit,
        "invalid_request" if says_full(message) => Activity::Context,
        _ => Activity::Failed,
    };
    (activity, message.to_owned())
}

/// Whether an invalid request is one that is too long.
fn says_full(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "too long",
        "context limit",
        "context window",
        "too many tokens",
    ]
    .iter()
    .any(|words| message.contains(words))
}
