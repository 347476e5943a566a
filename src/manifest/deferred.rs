//! Fields that are read and checked, but that this version does not act on: one table, from which
//! later work deletes.

use super::check::{Path, called};
use super::fault::{Fault, Severity};
use super::layer::{Layer, Part};
use figment::value::{Dict, Value};

/// The paths of such fields; `*` stands for any one step.
///
/// `resume` would have to know whether there is a conversation to go on with: an agent told to
/// continue where there is none ends at once, and would be started the same way again.
const FIELDS: [&[&str]; 1] = [&["agents", "*", "resume"]];

/// What there is to say of one layer that a person wrote.
pub(crate) fn scan(layer: &Layer, faults: &mut Vec<Fault>) {
    for field in FIELDS {
        each(&layer.values, field, &mut Vec::new(), &mut |path, _| {
            faults.push(told(layer, path));
        });
    }
}

fn told(layer: &Layer, path: &Path) -> Fault {
    let what = match path.split_last() {
        Some((last, parents)) if !parents.is_empty() => format!("`{last}` in {}", called(parents)),
        _ => called(path),
    };
    let message = format!("{what} is checked, but this version does not use it yet");
    let mut fault = Fault::new("not-yet", layer.origin(path, Part::Key), message)
        .help("it may stay; it has no effect");
    fault.severity = Severity::Advice;
    fault
}

/// Calls `found` with every entry that a pattern leads to.
fn each(table: &Dict, pattern: &[&str], path: &mut Path, found: &mut dyn FnMut(&Path, &Value)) {
    let Some((step, rest)) = pattern.split_first() else {
        return;
    };
    if *step == "*" {
        for (key, value) in table {
            descend(value, key.clone(), rest, path, found);
        }
    } else if let Some(value) = table.get(*step) {
        descend(value, (*step).to_owned(), rest, path, found);
    }
}

fn descend(
    value: &Value,
    step: String,
    rest: &[&str],
    path: &mut Path,
    found: &mut dyn FnMut(&Path, &Value),
) {
    path.push(step);
    match (value, rest.split_first()) {
        (_, None) => found(path, value),
        (Value::Dict(_, inner), Some(_)) => each(inner, rest, path, found),
        (Value::Array(_, items), Some((_, rest))) => {
            for (index, item) in items.iter().enumerate() {
                descend(item, index.to_string(), rest, path, found);
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
