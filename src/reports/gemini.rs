//! The hooks of Gemini CLI. Measured with version 0.61.0.

use super::hooks::text_at;
use crate::model::Activity;
use serde_json::Value;

/// What an event means, with the question that it names.
///
/// `AfterAgent` also comes where a turn has failed or was cancelled. It then does not say why: the
/// screen has to tell that.
pub(super) fn meaning(event: &str, value: &Value) -> Option<(Activity, String)> {
    let plain = |activity| Some((activity, String::new()));
    match event {
        "SessionStart" => plain(Activity::Ready),
        "BeforeAgent" | "BeforeTool" | "AfterTool" | "PreCompress" => plain(Activity::Working),
        "Notification" => {
            let is_question = text_at(value, "notification_type") == Some("ToolPermission");
            let message = text_at(value, "message").unwrap_or_default();
            is_question.then(|| (Activity::Asks, message.to_owned()))
        }
        "AfterAgent" => plain(Activity::Idle),
        "SessionEnd" => plain(Activity::Ended),
        _ => None,
    }
}
