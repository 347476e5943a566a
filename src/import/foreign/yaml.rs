//! YAML and JSON of other tools, as plain values.

use super::document;
use crate::model::SortedMap;
use serde_json::Value;

/// The document of a file.
///
/// # Errors
/// Where and why it is no YAML.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    if text.contains("<%") {
        return Err(
            "it has ERB (`<% … %>`); write what that gives into a copy, and import the copy"
                .to_owned(),
        );
    }
    document::parse(text).map_err(|fault| format!("it cannot be read as YAML: {fault}"))
}

/// A text, or a number or truth value as text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The text of a field.
pub(super) fn field(table: &Value, name: &str) -> Option<String> {
    table.get(name).and_then(text)
}

/// Some commands: one text, or a list of texts, one after the other.
pub(super) fn commands(value: Option<&Value>) -> Vec<String> {
    let one = |value: &Value| text(value).or_else(|| field(value, "cmd"));
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(one).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Variables: a table, or a list of `NAME=VALUE`.
pub(super) fn variables(value: Option<&Value>) -> SortedMap<String, String> {
    match value {
        Some(Value::Object(table)) => table
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect(),
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|line| {
                let (name, value) = line.as_str()?.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect(),
        Some(_) | None => SortedMap::new(),
    }
}

/// The fields of a table that are none of these.
pub(super) fn others<'t>(table: &'t Value, known: &[&str]) -> Vec<&'t str> {
    let names = table.as_object().into_iter().flat_map(|table| table.keys());
    names
        .map(String::as_str)
        .filter(|name| !known.contains(name))
        .collect()
}
