//! Lines of the journal for people.

use super::{Paper, Role, sanitise};
use serde_json::Value;

/// The longest message shown.
const MESSAGE: usize = 400;

/// One event: its time, its weight where it is not plain, and its message.
#[must_use]
pub fn line(event: &Value, paper: &Paper) -> String {
    let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
    let time = paper
        .colour
        .paint(Role::Quiet, &sanitise::line(text("ts"), 32));
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
