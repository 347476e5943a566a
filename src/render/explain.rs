//! Why one session is as it is.

use super::words;
use super::{Paper, Role, sanitise};
use crate::manifest::Explained;
use crate::model::{Held, Moment, SessionName};
use crate::plan::{Opinion, Says};
use serde_json::{Value, json};

/// The longest value shown.
const VALUE: usize = 100;

/// All there is to say of one session.
#[derive(Debug, Clone, Copy)]
pub struct Explanation<'a> {
    /// Which.
    pub session: &'a SessionName,
    /// What each rule says, in order; empty when nothing is known.
    pub opinions: &'a [Opinion],
    /// What holds back what they come to, where something beside them does.
    pub held: Option<&'a Held>,
    /// Its settings in force.
    pub settings: &'a [Explained],
    /// Its last events as JSON, oldest first.
    pub events: &'a [Value],
}

/// For people.
#[must_use]
pub fn page(explanation: &Explanation<'_>, paper: &Paper) -> String {
    let Explanation { session, opinions, held, settings, events } = explanation;
    let heading = |text: &str| format!("{}\n", paper.colour.paint(Role::Strong, text));
    let mut out = format!("{session}\n\n");
    out.push_str(&heading("rules, in the order in which they are asked"));
    if opinions.is_empty() {
        out.push_str("  nothing is known of it now\n");
    }
    let deciding = opinions.iter().position(|opinion| opinion.says.is_some());
    for (at, opinion) in opinions.iter().enumerate() {
        let decides = deciding == Some(at);
        let mark = if decides { ">" } else { " " };
        let says = opinion.says.as_ref().map_or_else(|| "-".to_owned(), |says| say(says, paper));
        let line = format!("{mark} {:<9}  {says}", opinion.rule);
        let role = if decides { Role::Strong } else { Role::Quiet };
        out.extend([&paper.colour.paint(role, &line), "\n"]);
    }
    if let Some(held) = held {
        let line = format!("> held       {}", words::hold(&held.hold, held.until, &paper.clock));
        out.extend([&paper.colour.paint(Role::Change, &line), "\n"]);
    }
    out.push('\n');
    out.push_str(&heading("settings"));
    out.push_str(&table(settings, paper));
    if !events.is_empty() {
        out.push('\n');
        out.push_str(&heading("last events"));
        for event in *events {
            out.extend(["  ", &super::events::line(event, paper), "\n"]);
        }
    }
    out
}

fn say(says: &Says, paper: &Paper) -> String {
    match says {
        Says::Keep(phase) => format!("leave it: {}", words::phase(*phase)),
        Says::Want(verb, reason) => format!("{}: {}", verb.word(), words::reason(reason)),
        Says::Hold(verb, reason, hold, until) => {
            let hold = words::hold(hold, *until, &paper.clock);
            format!("{}: {}; held: {hold}", verb.word(), words::reason(reason))
        }
    }
}

fn table(settings: &[Explained], paper: &Paper) -> String {
    let clipped = |value: &str| sanitise::clip(value, VALUE);
    let field = settings.iter().map(|s| s.field.len()).max().unwrap_or(0);
    let value = settings.iter().map(|s| sanitise::width(&clipped(&s.value))).max().unwrap_or(0).min(40);
    let row = |setting: &Explained| {
        let Explained { field: name, value: text, origin } = setting;
        let text = clipped(text);
        let pad = value.saturating_sub(sanitise::width(&text));
        let origin = paper.colour.paint(Role::Quiet, origin);
        format!("  {name:<field$} = {text}{:pad$}  {origin}\n", "")
    };
    settings.iter().map(row).collect()
}

/// For programs.
#[must_use]
pub fn json(explanation: &Explanation<'_>, now: Moment) -> Value {
    let Explanation { session, opinions, held, settings, events } = explanation;
    let says = |says: &Says| match says {
        Says::Keep(phase) => json!({ "keep": phase.word() }),
        Says::Want(verb, reason) => json!({ "verb": verb.word(), "reason": reason.code() }),
        Says::Hold(verb, reason, hold, until) => json!({
            "verb": verb.word(), "reason": reason.code(), "hold": hold.code(),
            "until_ms": until.map(|at| now.until(&at).millis()),
        }),
    };
    let opinion = |o: &Opinion| json!({ "rule": o.rule, "says": o.says.as_ref().map(says) });
    let setting = |s: &Explained| json!({ "field": s.field, "value": s.value, "origin": s.origin });
    sanitise::json(
        json!({
            "version": 1, "kind": "explain", "session": session.as_str(),
            "rules": opinions.iter().map(opinion).collect::<Vec<_>>(),
            "held": held.map(|held| held.hold.code()),
            "settings": settings.iter().map(setting).collect::<Vec<_>>(),
            "events": events,
        }),
        4096,
    )
}
