//! Finds every unknown key and wrong value of one layer, and leaves only what is right.
//!
//! Each table is deserialised by itself, again and again, each time without what failed before: so
//! one fault does not hide the next, and a fault costs only its own table.

use super::fault::{Fault, shown};
use super::layer::{Layer, Part};
use super::wire::{self, values::unpack};
use figment::error::{Actual, Kind};
use figment::value::{Dict, Tag, Value};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// At most this many faults are told of one table.
const MAX_PER_TABLE: usize = 200;
/// The words for a fault's place.
pub(crate) type Path = Vec<String>;

/// What was cut out of a layer, and why.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) faults: Vec<Fault>,
    /// The paths of what was cut out.
    pub(crate) cut: Vec<Path>,
}

/// Checks a layer and cuts out of it what is wrong.
pub(crate) fn check(layer: &mut Layer, findings: &mut Findings) {
    let mut values = std::mem::take(&mut layer.values);
    let known = fields_of::<wire::Manifest>();
    values.retain(|key, value| {
        let path = &vec![key.clone()];
        match key.as_str() {
            "town" => probe::<wire::TownTable>(layer, path, value, findings),
            "defaults" => probe::<wire::SessionTable>(layer, path, value, findings),
            "controller" => probe::<wire::ControllerTable>(layer, path, value, findings),
            "limits" => probe::<wire::LimitsTable>(layer, path, value, findings),
            "notify" => probe::<wire::NotifyTable>(layer, path, value, findings),
            "roles" => each_named::<wire::RoleTable>(layer, path, value, findings),
            "agents" => each_named::<wire::AgentTable>(layer, path, value, findings),
            "session" => each_listed::<wire::SessionTable>(layer, path, value, findings),
            "policy" => each_listed::<wire::PolicyTable>(layer, path, value, findings),
            "chore" => each_listed::<wire::ChoreTable>(layer, path, value, findings),
            _ => {
                findings.faults.push(unknown(layer, path, known));
                false
            }
        }
    });
    layer.values = values;
}

/// The field names of a table's type, in the order of their declaration.
pub(crate) fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let stranger = Value::Dict(
        Tag::Default,
        Dict::from([("\0".to_owned(), Value::Bool(Tag::Default, true))]),
    );
    match stranger.deserialize::<T>().map_err(|e| e.kind) {
        Err(Kind::UnknownField(_, fields)) => fields,
        _ => &[],
    }
}

fn each_named<T: DeserializeOwned>(
    layer: &Layer,
    path: &Path,
    value: &mut Value,
    findings: &mut Findings,
) -> bool {
    let Value::Dict(_, entries) = value else {
        let fault = Fault::new(
            "wrong-type",
            layer.origin(path, Part::Value),
            "expected a table of named tables",
        );
        findings
            .faults
            .push(fault.help(format!("write [{}.NAME]", path.join("."))));
        return false;
    };
    entries.retain(|key, entry| probe::<T>(layer, &joined(path, key), entry, findings));
    true
}

fn each_listed<T: DeserializeOwned>(
    layer: &Layer,
    path: &Path,
    value: &mut Value,
    findings: &mut Findings,
) -> bool {
    let Value::Array(_, items) = value else {
        let fault = Fault::new(
            "wrong-type",
            layer.origin(path, Part::Key),
            "expected a list of tables",
        );
        findings
            .faults
            .push(fault.help(format!("write [[{0}]], in double brackets", path.join("."))));
        return false;
    };
    for (index, item) in items.iter_mut().enumerate() {
        if !probe::<T>(layer, &joined(path, &index.to_string()), item, findings) {
            // An empty table in its place: the indices of those after it must stay.
            *item = Value::Dict(Tag::Default, Dict::new());
        }
    }
    true
}

fn joined(path: &Path, step: &str) -> Path {
    path.iter().cloned().chain([step.to_owned()]).collect()
}

/// Cuts out of a table what keeps it from being a `T`; false when nothing can be kept.
fn probe<T: DeserializeOwned>(
    layer: &Layer,
    path: &Path,
    table: &mut Value,
    findings: &mut Findings,
) -> bool {
    let mut shifts = Shifts::default();
    for _ in 0..MAX_PER_TABLE {
        let Err(error) = table.deserialize::<T>() else {
            shifts.drop_from(table);
            return true;
        };
        let place: Path = path
            .iter()
            .cloned()
            .chain(shifts.original(&error.path))
            .collect();
        if let Kind::UnknownField(_, known) = error.kind {
            cut_unknown(layer, path, table, &error.path, known, findings);
            continue;
        }
        findings.faults.push(describe(layer, &place, &error.kind));
        findings.cut.push(place);
        if error.path.is_empty() || !shifts.cut(table, &error.path) {
            return false;
        }
    }
    false
}

/// Reports and removes all unknown keys of the table that `within` has one of.
fn cut_unknown(
    layer: &Layer,
    path: &Path,
    table: &mut Value,
    within: &[String],
    known: &'static [&'static str],
    findings: &mut Findings,
) {
    let Some((_, parents)) = within.split_last() else {
        return;
    };
    let Some(Value::Dict(_, entries)) = find_mut(table, parents) else {
        return;
    };
    let mut told = 0;
    entries.retain(|key, _| {
        if known.contains(&key.as_str()) {
            return true;
        }
        told += 1;
        if told <= MAX_PER_TABLE {
            let place: Path = path.iter().chain(parents).chain([key]).cloned().collect();
            findings.faults.push(unknown(layer, &place, known));
        }
        false
    });
}

fn unknown(layer: &Layer, path: &Path, known: &'static [&'static str]) -> Fault {
    let key = path.last().map_or("", String::as_str);
    let table = path
        .split_last()
        .map_or("the manifest".to_owned(), |(_, parents)| called(parents));
    Fault::new(
        "unknown-key",
        layer.origin(path, Part::Key),
        format!("unknown key `{}` in {table}", shown(key)),
    )
    .label("not known here")
    .did_you_mean(key, known.iter().copied(), || {
        format!("allowed here: {}", known.join(", "))
    })
}

/// A table's name as a reader would say it: `[[session]]`, `[roles.mayor]`.
pub(crate) fn called(path: &[String]) -> String {
    let Some((first, rest)) = path.split_first() else {
        return "the manifest".to_owned();
    };
    let inner: Vec<String> = rest
        .iter()
        .filter(|s| s.parse::<usize>().is_err())
        .map(|s| shown(s))
        .collect();
    match (first.as_str(), inner.is_empty()) {
        ("session" | "policy" | "chore", true) => format!("[[{first}]]"),
        ("session" | "policy" | "chore", false) => format!("`{}` of [[{first}]]", inner.join(".")),
        (_, true) => format!("[{}]", shown(first)),
        (_, false) => format!("[{}.{}]", shown(first), inner.join(".")),
    }
}

/// What serde expected, in words for people.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        other => other,
    }
}

/// A fault for whatever serde did not like about the value at a path.
fn describe(layer: &Layer, path: &Path, kind: &Kind) -> Fault {
    let fault = |code, message: String| Fault::new(code, layer.origin(path, Part::Value), message);
    let field = path
        .iter()
        .rfind(|step| step.parse::<usize>().is_err())
        .map_or_else(String::new, |f| shown(f));
    match kind {
        Kind::Message(text) => match unpack(text) {
            Some((code, message, help)) => {
                fault(stable(code), format!("`{field}`: {}", shown(message))).help(help)
            }
            None => fault("wrong-value", format!("`{field}`: {}", shown(text))),
        },
        Kind::InvalidType(found, expected) => {
            let expected = plain(expected);
            fault(
                "wrong-type",
                format!("`{field}` is {expected}, not {}", noun(found)),
            )
            .label(format!("expected {expected}"))
        }
        Kind::InvalidValue(Actual::Signed(0) | Actual::Unsigned(0), _) => {
            fault("zero-limit", format!("`{field}` cannot be zero")).help("write a number from 1")
        }
        Kind::InvalidValue(found, expected) => {
            let expected = plain(expected);
            fault(
                "wrong-value",
                format!("`{field}` cannot be {}: expected {expected}", noun(found)),
            )
            .help("write a whole number from 0 to 4294967295")
        }
        Kind::UnknownVariant(word, known) => fault(
            "unknown-word",
            format!("`{field}` cannot be \"{}\"", shown(word)),
        )
        .label(format!("one of {}", known.join(", ")))
        .did_you_mean(word, known.iter().copied(), || {
            format!("write one of {}", known.join(", "))
        }),
        Kind::UnknownField(..)
        | Kind::InvalidLength(..)
        | Kind::MissingField(_)
        | Kind::DuplicateField(_)
        | Kind::ISizeOutOfRange(_)
        | Kind::USizeOutOfRange(_)
        | Kind::Unsupported(_)
        | Kind::UnsupportedKey(..) => fault(
            "wrong-value",
            format!("`{field}`: {}", shown(&kind.to_string())),
        ),
    }
}

/// The static text of a code that went through serde.
fn stable(code: &str) -> &'static str {
    const CODES: [&str; 5] = [
        "bad-duration",
        "zero-limit",
        "bad-size",
        "bad-share",
        "empty-marker",
    ];
    CODES
        .into_iter()
        .find(|known| *known == code)
        .unwrap_or("wrong-value")
}

fn noun(found: &Actual) -> String {
    match found {
        Actual::Bool(flag) => format!("the boolean {flag}"),
        Actual::Unsigned(n) => format!("the number {n}"),
        Actual::Signed(n) => format!("the number {n}"),
        Actual::Float(n) => format!("the number {n}"),
        Actual::Str(text) => format!("the text \"{}\"", shown(text)),
        Actual::Char(c) => format!("the text \"{}\"", shown(&c.to_string())),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        Actual::Bytes(_)
        | Actual::Unit
        | Actual::Option
        | Actual::NewtypeStruct
        | Actual::Enum
        | Actual::UnitVariant
        | Actual::NewtypeVariant
        | Actual::TupleVariant
        | Actual::StructVariant
        | Actual::Other(_) => "something else".to_owned(),
    }
}

fn find_mut<'v>(value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Dict(_, entries) => entries.get_mut(step),
        Value::Array(_, items) => items.get_mut(step.parse::<usize>().ok()?),
        Value::String(..)
        | Value::Char(..)
        | Value::Bool(..)
        | Value::Num(..)
        | Value::Empty(..) => None,
    })
}

/// Which elements were cut out of which lists, so that the places of those behind them stay right.
#[derive(Default)]
struct Shifts(BTreeMap<Path, Vec<usize>>);

impl Shifts {
    /// A path as it was before anything was cut.
    fn original(&self, path: &[String]) -> Path {
        let mut out = Path::new();
        for (depth, step) in path.iter().enumerate() {
            let removed = path.get(..depth).and_then(|list| self.0.get(list));
            out.push(match (removed, step.parse::<usize>()) {
                (Some(removed), Ok(index)) => restored(index, removed).to_string(),
                _ => step.clone(),
            });
        }
        out
    }

    /// Cuts out the value at a path; false when there is none.
    fn cut(&mut self, table: &mut Value, path: &[String]) -> bool {
        let Some((last, parents)) = path.split_last() else {
            return false;
        };
        match find_mut(table, parents) {
            Some(Value::Dict(_, entries)) => entries.remove(last).is_some(),
            Some(Value::Array(_, items)) => {
                let Some(index) = last
                    .parse::<usize>()
                    .ok()
                    .filter(|index| *index < items.len())
                else {
                    return false;
                };
                items.remove(index);
                let removed = self.0.entry(parents.to_vec()).or_default();
                removed.push(restored(index, removed));
                removed.sort_unstable();
                true
            }
            _ => false,
        }
    }

    /// Removes the lists that lost an element altogether: what is left of them means something
    /// else.
    fn drop_from(&self, table: &mut Value) {
        for path in self.0.keys() {
            let Some((last, parents)) = path.split_last() else {
                continue;
            };
            if let Some(Value::Dict(_, entries)) = find_mut(table, parents) {
                entries.remove(last);
            }
        }
    }
}

/// The index an element had before those at `removed` (original indices, ascending) went.
fn restored(index: usize, removed: &[usize]) -> usize {
    removed
        .iter()
        .fold(index, |at, gone| if *gone <= at { at + 1 } else { at })
}
