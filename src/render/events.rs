//! Events of the journal as sentences, one line each: `18:26:32 heartbeat restarted: killed by
//! signal 9 (crash 2), pid 13056`. A line with the date stands where the day changes.
//!
//! `gtctl events`, `explain` and the watching controller all print these lines.

use super::{Colour, Paper, Role, sanitise};
use crate::model::{Entry, Moment};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;

/// The longest message shown, in characters.
const MESSAGE: usize = 400;

/// Prints one event after the other, and knows which day it has come to.
#[derive(Debug, Clone)]
pub struct EventLines {
    zone: TimeZone,
    colour: Colour,
    /// The day of the last line. At first: today.
    day: Date,
}

impl EventLines {
    /// Lines in this time zone. Events of today need no date.
    #[must_use]
    pub fn new(zone: TimeZone, colour: Colour, now: Moment) -> Self {
        let now = Timestamp::from_millisecond(now.wall).unwrap_or(Timestamp::MAX);
        let day = now.to_zoned(zone.clone()).date();
        Self { zone, colour, day }
    }

    /// Lines on this paper, in the time zone that holds now.
    #[must_use]
    pub fn on(paper: &Paper) -> Self {
        let offset = Offset::from_seconds(paper.clock.offset_seconds).unwrap_or(Offset::UTC);
        Self::new(TimeZone::fixed(offset), paper.colour, paper.clock.now)
    }

    /// The line of one event of the journal, after a line with the date where that is another day
    /// than that of the line before.
    #[must_use]
    pub fn line(&mut self, event: &Value) -> String {
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        let message = sanitise::line(text("message"), MESSAGE);
        // A journal of others may hold any text there.
        let Ok(at) = text("ts").parse::<Timestamp>() else {
            let stamp = sanitise::line(text("ts"), 32);
            return self.of(&stamp, text("level"), &message, "");
        };
        let local = at.to_zoned(self.zone.clone());
        let mut before = String::new();
        if local.date() != self.day {
            self.day = local.date();
            let date = local.strftime("%a %Y-%m-%d, UTC%:z").to_string();
            before = format!("{}\n", self.colour.paint(Role::Strong, &date));
        }
        let until = self.until(event, at);
        let line = self.of(
            &local.strftime("%H:%M:%S").to_string(),
            text("level"),
            &message,
            &until,
        );
        format!("{before}{line}")
    }

    /// The line of an entry that is being written now.
    #[must_use]
    pub fn line_of(&mut self, entry: &Entry, at: Moment) -> String {
        let mut event: serde_json::Map<String, Value> = entry
            .fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let ts = Timestamp::from_millisecond(at.wall).unwrap_or(Timestamp::MAX);
        event.insert("ts".to_owned(), Value::from(ts.to_string()));
        event.insert("level".to_owned(), Value::from(entry.level.word()));
        event.insert("message".to_owned(), Value::from(entry.message.clone()));
        self.line(&Value::Object(event))
    }

    fn of(&self, stamp: &str, level: &str, message: &str, until: &str) -> String {
        let role = match level {
            "ERROR" => Role::Bad,
            "WARN" => Role::Change,
            _ => Role::Plain,
        };
        let stamp = self.colour.paint(Role::Quiet, stamp);
        let message = self.colour.paint(role, &format!("{message}{until}"));
        format!("{stamp} {message}")
    }

    /// Until when a step waits, where time ends the wait: `, until 18:26:42`.
    fn until(&self, event: &Value, from: Timestamp) -> String {
        let until = event.get("until").and_then(Value::as_str);
        let is_held = event.get("hold").is_some();
        let until = until.and_then(|until| until.parse::<Timestamp>().ok());
        let Some(until) = until.filter(|until| is_held && *until > from) else {
            return String::new();
        };
        let until = until.to_zoned(self.zone.clone());
        let form = if until.date() == self.day {
            ", until %H:%M:%S"
        } else {
            ", until %b %d %H:%M"
        };
        until.strftime(form).to_string()
    }
}

/// The lines of these events, oldest first.
#[must_use]
pub fn lines(events: &[Value], paper: &Paper) -> Vec<String> {
    let mut page = EventLines::on(paper);
    let lines = events.iter().map(|event| page.line(event));
    let text: Vec<String> = lines.collect();
    text.join("\n").lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// 2025-11-21 14:05:02 at UTC+1.
    const NOW: Moment = Moment {
        wall: 1_763_730_302_000,
        awake: 90_000_000,
        boot: 7,
    };

    fn printed(events: &[Value]) -> Vec<String> {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let mut lines = EventLines::new(zone, Colour::Off, NOW);
        events.iter().map(|event| lines.line(event)).collect()
    }

    fn event(ts: &str, message: &str) -> Value {
        json!({"ts": ts, "level": "WARN", "component": "act", "message": message})
    }

    #[test]
    fn the_date_stands_where_the_day_changes() {
        let said = printed(&[
            event("2025-11-20T22:59:59Z", "a started, pid 7"),
            event(
                "2025-11-20T23:00:00Z",
                "a restarted: killed by signal 9, pid 8",
            ),
            event("2025-11-21T13:05:02Z", "a stopped by hand"),
        ]);
        assert_eq!(
            said,
            [
                "Thu 2025-11-20, UTC+01:00\n23:59:59 a started, pid 7",
                "Fri 2025-11-21, UTC+01:00\n00:00:00 a restarted: killed by signal 9, pid 8",
                "14:05:02 a stopped by hand",
            ]
        );
        let today = printed(&[event("2025-11-21T13:05:02Z", "a: restarted (died)")]);
        assert_eq!(
            today,
            ["14:05:02 a: restarted (died)"],
            "also of an older gtctl"
        );
    }

    #[test]
    fn a_wait_says_until_when_and_nothing_from_outside_gets_out() {
        let held = json!({
            "ts": "2025-11-21T13:05:02Z", "level": "INFO", "hold": "back-off",
            "message": "a restart waiting: back-off after crash 2", "until": "2025-11-21T13:05:12Z",
        });
        let torn = json!({"ts": "\u{1b}[2Jx", "message": "m\u{1b}[31m\nn"});
        assert_eq!(
            printed(&[held, torn, json!({})]),
            [
                "14:05:02 a restart waiting: back-off after crash 2, until 14:05:12",
                "x m n",
                " ",
            ]
        );
    }

    #[test]
    fn an_entry_reads_as_it_will_in_the_journal() {
        let entry = Entry {
            level: crate::model::Level::Info,
            component: "act",
            message: "a started, pid 7".into(),
            fields: [("session", json!("a"))].into(),
        };
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let mut lines = EventLines::new(zone, Colour::Off, NOW);
        assert_eq!(lines.line_of(&entry, NOW), "14:05:02 a started, pid 7");
    }
}
