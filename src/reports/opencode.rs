//! What opencode's own server says of its conversations: `GET /session/status` (measured with 1.18.33).
//!
//! ```text
//! {"ses_dd62e11b9ffeGycIjQXXkK3UNU": {"type": "busy"}}   it works, or asks somebody something
//! {"ses_dd62e11b9ffeGycIjQXXkK3UNU": {"type": "retry", "attempt": 2, "message": "Overloaded", "next": 1}}
//! {}                                                     it waits for a text
//! ```
//!
//! A conversation that waits is left out. A sub-agent has a conversation of its own.

use super::hooks::{Hooked, bounded, text_at};
use crate::model::written::from_bytes;
use crate::model::{Activity, ConversationId};
use serde_json::Value;

/// How the ids of its conversations begin.
const PREFIX: &str = "ses_";

/// Reads the answer of its server. None for what is no such answer.
#[must_use]
pub fn session_status(json: &[u8]) -> Option<Hooked> {
    let value: Value = from_bytes(json).ok()?;
    let entries = value.as_object()?;
    let types: Vec<&str> = entries
        .values()
        .map(|entry| text_at(entry, "type"))
        .collect::<Option<_>>()?;
    let (activity, event) = if types.contains(&"busy") {
        (Activity::Working, "busy")
    } else if types.contains(&"retry") {
        (Activity::Working, "retry")
    } else {
        (Activity::Idle, "idle")
    };
    // With a sub-agent there are two, and nothing tells them apart.
    let only = entries.keys().next().filter(|_| entries.len() == 1);
    let conversation: Option<ConversationId> = only
        .filter(|id| id.starts_with(PREFIX))
        .and_then(|id| id.parse().ok());
    let text = entries
        .values()
        .find_map(|entry| text_at(entry, "message"))
        .unwrap_or_default();
    Some(Hooked {
        event: event.to_owned(),
        activity,
        conversation,
        text: bounded(text),
        transcript: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<(Activity, String, Option<String>)> {
        let hooked = session_status(json.as_bytes())?;
        let id = hooked.conversation.map(|id| id.to_string());
        Some((hooked.activity, hooked.event, id))
    }

    #[test]
    fn answers_of_a_real_server_are_read() {
        let id = "ses_dd62e11b9ffeGycIjQXXkK3UNU";
        let busy = format!(r#"{{"{id}":{{"type":"busy"}}}}"#);
        let working =
            |event: &str| Some((Activity::Working, event.to_owned(), Some(id.to_owned())));
        assert_eq!(read(&busy), working("busy"));
        assert_eq!(read("{}"), Some((Activity::Idle, "idle".to_owned(), None)));
        let retry =
            format!(r#"{{"{id}":{{"type":"retry","attempt":2,"message":"Overloaded","next":1}}}}"#);
        assert_eq!(read(&retry), working("retry"));
        assert_eq!(session_status(retry.as_bytes()).unwrap().text, "Overloaded");
        let two = format!(r#"{{"{id}":{{"type":"busy"}},"ses_b":{{"type":"busy"}}}}"#);
        assert_eq!(
            read(&two),
            Some((Activity::Working, "busy".to_owned(), None))
        );
    }

    #[test]
    fn no_other_answer_says_anything_and_no_other_id_is_taken() {
        for bad in ["", "[]", "null", "<html>", r#"{"a":1}"#, r#"{"ses_a":{}}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
        for id in ["--x", "a", "ses_/../x", "ses_ x"] {
            let busy = format!(r#"{{"{id}":{{"type":"busy"}}}}"#);
            assert_eq!(
                read(&busy),
                Some((Activity::Working, "busy".to_owned(), None))
            );
        }
    }
}
