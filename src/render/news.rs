//! What people are told, for the command of `[notify]`.

use super::sanitise;
use crate::model::{Moment, News, SessionName};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The longest text from outside, in characters.
const LONG: usize = 4096;

/// One piece of news as a line of JSON, ended by a line end: `version`, `kind`, `town`, `at`,
/// `event`, `subject`, `level` and `message`, and under `details` what the journal has by name.
/// Everything in it is sanitised.
#[must_use]
pub fn line(town: &SessionName, news: &News, at: Moment) -> String {
    let details: Value = news
        .entry
        .fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let document = json!({
        "version": 1,
        "kind": "news",
        "town": town.as_str(),
        "at": Timestamp::from_millisecond(at.wall).unwrap_or(Timestamp::MAX).to_string(),
        "event": news.topic.word(),
        "subject": news.subject,
        "level": news.entry.level.word(),
        "message": news.entry.message,
        "details": details,
    });
    format!("{}\n", sanitise::json(document, LONG))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Entry, Level, Topic};

    #[test]
    fn a_line_of_json_without_a_control_character() {
        let fields = [("session", json!("a")), ("tail", json!(["\u{1b}[31mred"]))].into();
        let message = "a: restart held by crash-loop\n\u{1b}[2J".to_owned();
        let entry = Entry {
            level: Level::Warn,
            component: "plan",
            message,
            fields,
        };
        let news = News {
            topic: Topic::CrashLoop,
            subject: "a".into(),
            entry,
        };
        let at = Moment {
            wall: 1_763_730_302_000,
            awake: 1,
            boot: 1,
        };
        let text = line(&SessionName::new("acme").unwrap(), &news, at);
        assert_eq!(text.matches('\n').count(), 1);
        assert!(!text.contains("u001b"), "{text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&value["event"], &value["at"]),
            (&json!("crash-loop"), &json!("2025-11-21T13:05:02Z"))
        );
        assert_eq!(value["details"], json!({"session": "a", "tail": ["red"]}));
    }
}
