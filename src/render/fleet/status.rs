//! The sessions of all hosts as one table.

use super::json::sessions_of;
use super::{HostAnswer, text_of};
use crate::model::{Moment, Period, Town};
use crate::render::columns::{Cell, Line, cell, lay_out};
use crate::render::style::{Paper, Role};
use crate::render::words::{self, brief, count};
use jiff::Timestamp;
use serde_json::Value;

/// The table, a heading for each host, and what is wrong with hosts.
#[must_use]
pub fn status(town: &Town, answers: &[HostAnswer<'_>], paper: &Paper) -> String {
    let heading = [
        "  NAME", "PHASE", "SINCE", "AGE", "IDLE", "RESTARTS", "RSS", "NEXT",
    ];
    let is_number = |at: usize| (2..=6).contains(&at);
    let heading = heading.into_iter().enumerate().map(|(at, text)| {
        let cell = cell(text).role(Role::Quiet);
        if is_number(at) { cell.right() } else { cell }
    });
    let mut lines = vec![Line::Row(heading.collect())];
    let (mut sessions, mut lost) = (0, 0);
    for answer in answers {
        let rows = sessions_of(answer, &town.hosts);
        sessions += rows.len();
        lost += usize::from(answer.reply.is_err());
        lines.push(Line::Heading(cell(about(answer)).role(role_of(answer))));
        let why = answer.reply.as_ref().err().map(ToString::to_string);
        lines.extend(rows.iter().map(|row| line(row, why.as_deref(), paper)));
    }
    let on = count(answers.len(), "host");
    let lost = match lost {
        0 => String::new(),
        lost => format!(" · {lost} not reached: their sessions are left alone"),
    };
    let totals = format!("{} on {on}{lost}", count(sessions, "session"));
    let helps: String = answers.iter().filter_map(help).collect();
    format!("{}\n{helps}{totals}\n", lay_out(&lines, "", paper))
}

/// `host b · paused · no controller runs`.
fn about(answer: &HostAnswer<'_>) -> String {
    let mut parts = vec![answer.title()];
    match (&answer.reply, answer.page()) {
        (Err(why), _) => parts.push(why.to_string()),
        (Ok(_), Some(page)) => {
            let is_paused = page.get("paused").and_then(Value::as_bool) == Some(true);
            parts.extend(is_paused.then(|| "paused".to_owned()));
            let controller = page.get("controller").filter(|value| !value.is_null());
            parts.push(match controller {
                Some(controller) if controller["overdue"] == true => {
                    "its controller is stopped or hangs".to_owned()
                }
                Some(_) => "a controller runs".to_owned(),
                None => "no controller runs".to_owned(),
            });
            parts.extend(text_of(page, "trouble").map(str::to_owned));
        }
        (Ok(_), None) => {}
    }
    parts.join(" · ")
}

fn role_of(answer: &HostAnswer<'_>) -> Role {
    if answer.reply.is_err() {
        Role::Bad
    } else {
        Role::Strong
    }
}

fn help(answer: &HostAnswer<'_>) -> Option<String> {
    let why = answer.reply.as_ref().err()?;
    Some(format!(
        "{}: {}\n",
        answer.name,
        why.help(answer.name, answer.host)
    ))
}

fn line(row: &Value, why: Option<&str>, paper: &Paper) -> Line {
    let phase = text_of(row, "phase").unwrap_or("unknown");
    let (mark, role) = mark(row, phase);
    let period = |name: &str| {
        let millis = row.get(name).and_then(Value::as_u64)?;
        Some(brief(Period::from_secs(millis / 1000)))
    };
    let number = |text: Option<String>| cell(text.unwrap_or_else(|| "-".to_owned())).right();
    let restarts = row.get("restarts").and_then(Value::as_u64);
    let memory = row.get("rss_bytes").and_then(Value::as_u64);
    let name = text_of(row, "session").unwrap_or_default();
    let next = next(row, paper).or_else(|| why.map(|_| "its host was not reached".to_owned()));
    let cells: Vec<Cell> = vec![
        cell(format!("{mark} {name}")).role(role),
        cell(phase).role(role_of_phase(phase)),
        number(period("since_ms")),
        number(period("age_ms")),
        number(period("idle_ms")),
        number(restarts.map(|restarts| restarts.to_string())),
        number(memory.map(words::bytes)),
        cell(next.unwrap_or_default()).role(Role::Quiet).flowing(),
    ];
    Line::Row(cells)
}

/// What stands before a name, as in the table of one host.
fn mark(row: &Value, phase: &str) -> (&'static str, Role) {
    let has = |event: &str| row.get("event").is_some_and(|e| e.get(event).is_some());
    match phase {
        "unknown" => ("?", Role::Change),
        "dead" | "absent" | "blocked" => ("!", Role::Bad),
        _ if has("step") => ("~", Role::Plain),
        _ if has("held") || has("note") => ("·", Role::Plain),
        _ => (" ", Role::Plain),
    }
}

fn role_of_phase(phase: &str) -> Role {
    match phase {
        "working" | "background" => Role::Good,
        "completed" | "stopped" => Role::Quiet,
        "stopping" | "unknown" | "foreign" | "waiting" => Role::Change,
        "dead" | "absent" | "blocked" => Role::Bad,
        _ => Role::Plain,
    }
}

/// What comes next, or why nothing does.
fn next(row: &Value, paper: &Paper) -> Option<String> {
    let event = row.get("event")?;
    let why = |of: &Value, name: &str| Some(text_of(of.get(name)?, "message")?.to_owned());
    let action = |of: &Value| text_of(of, "action").unwrap_or("act").to_owned();
    let at = |of: &Value, name: &str| {
        let at: Timestamp = text_of(of, name)?.parse().ok()?;
        let at = Moment {
            wall: at.as_millisecond(),
            ..paper.clock.now
        };
        Some(paper.clock.time(at))
    };
    if let Some(step) = event.get("step") {
        return Some(format!("{}; {} now", why(step, "reason")?, action(step)));
    }
    if let Some(held) = event.get("held") {
        let until = at(held, "until").map_or_else(String::new, |at| format!(" until {at}"));
        let hold = why(held, "hold")?;
        return Some(format!(
            "{}; {} waits: {hold}{until}",
            why(held, "reason")?,
            action(held)
        ));
    }
    if let Some(next) = event.get("next") {
        return Some(format!("{} at {}", action(next), at(next, "at")?));
    }
    why(event, "note")
}
