//! Events of the journal, one line each, for people.

use super::{Paper, Role, sanitise};
use serde_json::Value;

/// The longest message shown.
const MESSAGE: usize = 400;

/// One event: its local time, its level if it is a warning or an error, and its message.
#[must_use]
pub fn line(event: &Value, paper: &Paper) -> String {
    let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
    // A journal of others may hold any text there.
    let stamp = text("ts").parse().map_or_else(
        |_| sanitise::line(text("ts"), 32),
        |at| paper.clock.stamp(at),
    );
    let time = paper.colour.paint(Role::Quiet, &stamp);
    let message = sanitise::line(text("message"), MESSAGE);
    match text("level") {
        "ERROR" => format!(
            "{time}  {}  {message}",
            paper.colour.paint(Role::Bad, "error")
        ),
        "WARN" => format!(
            "{time}  {}   {message}",
            paper.colour.paint(Role::Change, "warn")
        ),
        _ => format!("{time}         {message}"),
    }
}
