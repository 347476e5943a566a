//! Fields that are read and checked, but that this version does not act on: one table, from which later work deletes.

use super::check::{Path, called};
use super::fault::{Fault, Severity};
use super::layer::{Layer, Part};
use figment::value::{Dict, Value};

/// What is said of a field that is not acted on.
struct Row {
    /// Steps of the path; `*` stands for any one step.
    path: &'static [&'static str],
    /// Only this value is meant; empty for any.
    value: &'static str,
    severity: Severity,
    help: &'static str,
}

const LATER: &str = "it may stay: nothing of it changes what gtctl does";
const NO_GT: &str = "take it out: sessions are started with launcher = \"tmux\", by `command` or the agent's own";

const fn later(path: &'static [&'static str]) -> Row {
    Row { path, value: "", severity: Severity::Advice, help: LATER }
}

const fn refused(path: &'static [&'static str], value: &'static str) -> Row {
    Row { path, value, severity: Severity::Error, help: NO_GT }
}

/// Session fields, wherever a session's fields stand; then tables of their own.
const SESSION_ROWS: [Row; 1] = [refused(&["launcher"], "gt")];

/// Everything else.
const ROWS: [Row; 5] = [
    later(&["agents", "*", "resume"]),
    refused(&["roles", "*", "start"], ""),
    refused(&["roles", "*", "stop"], ""),
    refused(&["roles", "*", "restart_command"], ""),
    refused(&["roles", "*", "nudge"], ""),
];

/// Where session fields stand.
const SESSION_TABLES: [&[&str]; 3] = [&["defaults"], &["roles", "*"], &["session", "*"]];

/// What there is to say of one layer that a person wrote.
pub(crate) fn scan(layer: &Layer, faults: &mut Vec<Fault>) {
    for table in SESSION_TABLES {
        each(&layer.values, table, &mut Vec::new(), &mut |path, value| {
            let Value::Dict(_, fields) = value else { return };
            for row in SESSION_ROWS.iter().filter(|row| row.path.first().is_some_and(|f| fields.contains_key(*f))) {
                each(fields, row.path, &mut path.clone(), &mut |path, value| {
                    faults.extend(judge(layer, row, path, value));
                });
            }
        });
    }
    for row in &ROWS {
        each(&layer.values, row.path, &mut Vec::new(), &mut |path, value| {
            faults.extend(judge(layer, row, path, value));
        });
    }
}

fn judge(layer: &Layer, row: &Row, path: &Path, value: &Value) -> Option<Fault> {
    if !(row.value.is_empty() || value.as_str() == Some(row.value)) {
        return None;
    }
    let what = match path.split_last() {
        Some((last, parents)) if !parents.is_empty() && last.parse::<usize>().is_err() => {
            format!("`{last}` in {}", called(parents))
        }
        _ => called(path),
    };
    let (code, message) = match row.severity {
        Severity::Error => ("unsupported", format!("{what} is not possible with this version")),
        Severity::Advice => {
            ("not-yet", format!("{what} is accepted and checked, but this version does not act on it yet"))
        }
    };
    let mut fault = Fault::new(code, layer.origin(path, Part::Key), message).help(row.help);
    fault.severity = row.severity;
    Some(fault)
}

/// Calls `found` with every entry that a pattern leads to.
fn each(table: &Dict, pattern: &[&str], path: &mut Path, found: &mut dyn FnMut(&Path, &Value)) {
    let Some((step, rest)) = pattern.split_first() else { return };
    if *step == "*" {
        for (key, value) in table {
            descend(value, key.clone(), rest, path, found);
        }
    } else if let Some(value) = table.get(*step) {
        descend(value, (*step).to_owned(), rest, path, found);
    }
}

fn descend(value: &Value, step: String, rest: &[&str], path: &mut Path, found: &mut dyn FnMut(&Path, &Value)) {
    path.push(step);
    match (value, rest.split_first()) {
        (_, None) => found(path, value),
        (Value::Dict(_, inner), Some(_)) => each(inner, rest, path, found),
        (Value::Array(_, items), Some((_, rest))) => {
            for (index, item) in items.iter().enumerate() {
                descend(item, index.to_string(), rest, path, found);
            }
        }
        (Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..), Some(_)) => {}
    }
    path.pop();
}
