//! Fields that this version reads and checks, but does not act on yet.
//!
//! The writer of a manifest gets advice about each. When gtctl acts on a field, delete its row.

use super::check::{Path, called};
use super::fault::{Fault, Severity};
use super::layer::{Layer, Part};
use figment::value::{Dict, Value};

/// The paths of these fields. `*` stands for any one step.
///
/// `resume` must wait until gtctl can see whether a conversation exists. Without one, an agent that
/// should resume it exits at once, and gtctl would start it the same way again.
const FIELDS: [&[&str]; 1] = [&["agents", "*", "resume"]];

/// Notes advice for each such field in a layer of the user's.
pub(crate) fn scan(layer: &Layer, faults: &mut Vec<Fault>) {
    for pattern in FIELDS {
        let mut matched = Vec::new();
        each(&layer.values, pattern, &mut Vec::new(), &mut matched);
        faults.extend(matched.iter().map(|path| advice(layer, path)));
    }
}

fn advice(layer: &Layer, path: &Path) -> Fault {
    let name = match path.split_last() {
        Some((last, parents)) if !parents.is_empty() => format!("`{last}` in {}", called(parents)),
        _ => called(path),
    };
    let message = format!("{name} is checked, but this version does not use it yet");
    let mut fault = Fault::new("not-yet", layer.origin(path, Part::Key), message)
        .help("it may stay; it has no effect");
    fault.severity = Severity::Advice;
    fault
}

/// Adds to `matched` the path of every entry in `table` that fits the pattern. `path` leads to
/// `table`.
fn each(table: &Dict, pattern: &[&str], path: &mut Path, matched: &mut Vec<Path>) {
    let Some((step, pattern)) = pattern.split_first() else {
        return;
    };
    if *step == "*" {
        for (key, value) in table {
            descend(value, key.clone(), pattern, path, matched);
        }
    } else if let Some(value) = table.get(*step) {
        descend(value, (*step).to_owned(), pattern, path, matched);
    }
}

fn descend(
    value: &Value,
    step: String,
    pattern: &[&str],
    path: &mut Path,
    matched: &mut Vec<Path>,
) {
    path.push(step);
    match (value, pattern.split_first()) {
        (_, None) => matched.push(path.clone()),
        (Value::Dict(_, inner), Some(_)) => each(inner, pattern, path, matched),
        (Value::Array(_, items), Some((_, pattern))) => {
            for (index, item) in items.iter().enumerate() {
                descend(item, index.to_string(), pattern, path, matched);
            }
        }
        (
            Value::String(..)
            | Value::Char(..)
            | Value::Bool(..)
            | Value::Num(..)
            | Value::Empty(..),
            Some(_),
        ) => {}
    }
    path.pop();
}
