//! Values as TOML has them: those in force, and those that stand in a file.

use super::fault::is_unsafe;
use super::template::literal;
use crate::model::{Awaited, Desired, EnvFile, Milestone, NudgeText, SessionName};
use figment::value::{Num, Value};
use std::fmt::Write as _;

/// For whom a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people: what is in force.
    Read,
    /// For a manifest: what is in force if it is read again.
    Written,
}

/// A key as TOML has it.
pub(crate) fn toml_key(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !key.is_empty() && key.chars().all(is_bare) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// The value in force of a field whose written text can differ from it. `None` for other fields.
pub(super) fn resolved(session: &Desired, field: &[&str], form: Form) -> Option<String> {
    let text = |text: &str| match form {
        Form::Read => quoted(text),
        Form::Written => quoted(&literal(text)),
    };
    let path = |path: &std::path::Path| text(&path.to_string_lossy());
    let typed = |nudge: &NudgeText| text(nudge.as_str());
    match field {
        ["role"] => Some(quoted(&session.role)),
        ["session"] => Some(quoted(session.name.as_str())),
        ["agent"] => Some(quoted(&session.agent.name)),
        ["timezone"] => {
            let schedule = session.schedule.as_ref()?;
            Some(quoted(&schedule.zone.name))
        }
        ["command"] => Some(list(session.command.iter().map(|word| text(word)))),
        ["dir"] => Some(path(&session.dir)),
        ["env_file"] => env_files(&session.env_files, path),
        ["instructions"] => session.instructions.as_deref().map(path),
        ["completion", "log"] => session.completion.log.as_deref().map(text),
        ["rig"] => session.rig.as_deref().map(quoted),
        ["handoff"] => session.handoff.as_ref().map(typed),
        ["idle_nudge"] if !session.idling.nudge.as_str().is_empty() => {
            Some(typed(&session.idling.nudge))
        }
        ["limit_nudge"] if form == Form::Written => Some(typed(&session.idling.limit_nudge)),
        ["launcher"] if form == Form::Written => {
            let by_commands = session.commands().is_some();
            Some(quoted(if by_commands { "gt" } else { "tmux" }))
        }
        ["after"] if form == Form::Written => {
            (!session.after.is_empty()).then(|| list(session.after.iter().map(awaited)))
        }
        ["pass_env"] if !session.pass_env.is_empty() => {
            Some(list(session.pass_env.iter().map(|name| quoted(name))))
        }
        ["env"] if !session.env.is_empty() => {
            // A value may be a secret, so only the names are shown.
            let entries = session.env.keys().map(|name| format!("{name} = …"));
            Some(format!("{{ {} }}", entries.collect::<Vec<_>>().join(", ")))
        }
        _ => None,
    }
}

/// The files of variables: one path, or a list. `None` if there are none.
fn env_files(files: &[EnvFile], path: impl Fn(&std::path::Path) -> String) -> Option<String> {
    let entry = |file: &EnvFile| {
        let path = path(&file.path);
        if file.optional {
            format!("{{ path = {path}, optional = true }}")
        } else {
            path
        }
    };
    match files {
        [] => None,
        [file] => Some(entry(file)),
        several => Some(list(several.iter().map(entry))),
    }
}

/// An entry of `after` for a session.
fn awaited((name, awaited): (&SessionName, &Awaited)) -> String {
    let when = match awaited.milestone {
        Milestone::Started => "started",
        Milestone::Ready => "ready",
        Milestone::Completed => "completed",
    };
    let within = awaited
        .within
        .map(|within| format!(", within = \"{within}\""));
    let within = within.unwrap_or_default();
    format!("{{ session = \"{name}\", when = \"{when}\"{within} }}")
}

/// A text in TOML. What could disturb a terminal is escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if is_unsafe(c) => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

pub(super) fn toml_text(value: &Value) -> String {
    match value {
        Value::String(_, text) => quoted(text),
        Value::Char(_, c) => quoted(&c.to_string()),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, Num::F64(n)) => n.to_string(),
        Value::Num(_, n) => n.to_i128().map_or_else(String::new, |n| n.to_string()),
        Value::Empty(..) => String::new(),
        Value::Array(_, items) => list(items.iter().map(toml_text)),
        Value::Dict(_, entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{} = {}", toml_key(key), toml_text(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}
