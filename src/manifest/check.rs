//! Finds every unknown key and wrong value of one layer, and removes them from it.
//!
//! serde reports only the first error of a table. So each table is read again and again, each time
//! without the value that failed before. Each table is read by itself, so a fault in one table
//! costs no time in the others.

use super::fault::{Fault, shown};
use super::layer::{Layer, Part};
use super::wire::{self, values::unpack};
use crate::model::SortedMap;
use figment::error::{Actual, Kind};
use figment::value::{Dict, Tag, Value};
use serde::de::DeserializeOwned;

/// The most faults that are reported for one table.
const MAX_PER_TABLE: usize = 200;
/// The keys and list indices that lead to an entry, such as `["session", "3", "dir"]`.
pub(crate) type Path = Vec<String>;

/// What was removed from the layers, and why.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) faults: Vec<Fault>,
    /// The paths of removed values.
    pub(crate) cut: Vec<Path>,
}

/// Checks a layer and removes what is wrong from it.
pub(crate) fn check(layer: &mut Layer, findings: &mut Findings) {
    let mut values = std::mem::take(&mut layer.values);
    let allowed = fields_of::<wire::Manifest>();
    values.retain(|key, value| {
        let path = &vec![key.clone()];
        match key.as_str() {
            "include" => each_text(layer, path, value, findings),
            "town" => probe::<wire::TownTable>(layer, path, value, findings),
            "defaults" => probe::<wire::DefaultsTable>(layer, path, value, findings),
            "store" => probe::<wire::StoreTable>(layer, path, value, findings),
            "controller" => probe::<wire::ControllerTable>(layer, path, value, findings),
            "limits" => probe::<wire::LimitsTable>(layer, path, value, findings),
            "notify" => probe::<wire::NotifyTable>(layer, path, value, findings),
            "roles" => each_named::<wire::RoleTable>(layer, path, value, findings),
            "agents" => each_named::<wire::AgentTable>(layer, path, value, findings),
            "hosts" => each_named::<wire::HostTable>(layer, path, value, findings),
            "session" => each_listed::<wire::SessionTable>(layer, path, value, findings),
            "policy" => each_listed::<wire::PolicyTable>(layer, path, value, findings),
            "chore" => each_listed::<wire::ChoreTable>(layer, path, value, findings),
            _ => {
                findings.faults.push(unknown(layer, path, allowed));
                false
            }
        }
    });
    layer.values = values;
}

/// The field names of a table's type, in the order of their declaration.
///
/// serde tells them in its error about an unknown field, so one is given on purpose.
pub(crate) fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let table_with_unknown_field = Value::Dict(
        Tag::Default,
        Dict::from([("\0".to_owned(), Value::Bool(Tag::Default, true))]),
    );
    match table_with_unknown_field
        .deserialize::<T>()
        .map_err(|error| error.kind)
    {
        Err(Kind::UnknownField(_, fields)) => fields,
        _ => &[],
    }
}

/// Checks a table of named tables, such as `[roles.x]`. False if `value` is no table.
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

/// Checks a list of texts. False if `value` is none.
fn each_text(layer: &Layer, path: &Path, value: &Value, findings: &mut Findings) -> bool {
    let Err(error) = value.deserialize::<Vec<String>>() else {
        return true;
    };
    let place: Path = path.iter().chain(&error.path).cloned().collect();
    findings.faults.push(describe(layer, &place, &error.kind));
    false
}

/// Checks a list of tables, such as `[[session]]`. False if `value` is no list.
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
            // An empty table takes its place, so that the tables behind it keep their indices.
            *item = Value::Dict(Tag::Default, Dict::new());
        }
    }
    true
}

fn joined(path: &Path, step: &str) -> Path {
    path.iter().cloned().chain([step.to_owned()]).collect()
}

/// Removes from a table what keeps it from being a `T`. False if nothing of it can stay.
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
        if let Kind::UnknownField(_, allowed) = error.kind {
            let place = UnknownField {
                table: path,
                within: &error.path,
                allowed,
            };
            cut_unknown(layer, table, &place, findings);
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

/// Where serde met an unknown field.
struct UnknownField<'p> {
    /// The path of the checked table.
    table: &'p Path,
    /// The path of the field within that table.
    within: &'p [String],
    /// The field names that are allowed there.
    allowed: &'static [&'static str],
}

/// Reports and removes this unknown field and all others beside it.
fn cut_unknown(
    layer: &Layer,
    table: &mut Value,
    field: &UnknownField<'_>,
    findings: &mut Findings,
) {
    let Some((_, parents)) = field.within.split_last() else {
        return;
    };
    let Some(Value::Dict(_, entries)) = find_mut(table, parents) else {
        return;
    };
    let mut reported = 0;
    entries.retain(|key, _| {
        if field.allowed.contains(&key.as_str()) {
            return true;
        }
        reported += 1;
        if reported <= MAX_PER_TABLE {
            let place = field.table.iter().chain(parents).chain([key]);
            let place: Path = place.cloned().collect();
            findings.faults.push(unknown(layer, &place, field.allowed));
        }
        false
    });
}

fn unknown(layer: &Layer, path: &Path, allowed: &'static [&'static str]) -> Fault {
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
    .did_you_mean(key, allowed.iter().copied(), || {
        format!("allowed here: {}", allowed.join(", "))
    })
}

/// A table's name as it stands in a manifest: `[[session]]`, `[roles.mayor]`.
pub(crate) fn called(path: &[String]) -> String {
    let Some((first, steps)) = path.split_first() else {
        return "the manifest".to_owned();
    };
    let inner: Vec<String> = steps
        .iter()
        .filter(|step| step.parse::<usize>().is_err())
        .map(|step| shown(step))
        .collect();
    match (first.as_str(), inner.is_empty()) {
        ("session" | "policy" | "chore", true) => format!("[[{first}]]"),
        ("session" | "policy" | "chore", false) => format!("`{}` of [[{first}]]", inner.join(".")),
        (_, true) => format!("[{}]", shown(first)),
        (_, false) => format!("[{}.{}]", shown(first), inner.join(".")),
    }
}

const A_LIST: &str = "a list";

/// Fields that hold a program and its arguments.
const ARGVS: [&str; 6] = [
    "command",
    "start",
    "stop",
    "restart_command",
    "nudge",
    "probe",
];

/// The help for a text where a list belongs: the list to write.
///
/// A command is split into its words, as a shell would. Example: `sleep 100` gives
/// `["sleep", "100"]`.
fn as_list(field: &str, text: &str) -> String {
    let argv = shlex::split(text).filter(|argv| !argv.is_empty() && ARGVS.contains(&field));
    let words = argv.unwrap_or_else(|| vec![text.to_owned()]);
    let quoted = |word: &String| {
        format!(
            "\"{}\"",
            shown(&word.replace('\\', "\\\\").replace('"', "\\\""))
        )
    };
    let list: Vec<String> = words.iter().take(MAX_WORDS).map(quoted).collect();
    let more = if words.len() > MAX_WORDS { ", …" } else { "" };
    format!("write {field} = [{}{more}]", list.join(", "))
}

/// The most words of a command that a help shows.
const MAX_WORDS: usize = 24;

/// What serde expected, in plain words.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => A_LIST,
        other => other,
    }
}

/// The fault for serde's error about the value at a path.
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
        Kind::InvalidType(actual, expected) => {
            let expected = plain(expected);
            let fault = fault(
                "wrong-type",
                format!("`{field}` is {expected}, not {}", noun(actual)),
            )
            .label(format!("expected {expected}"));
            match (actual, expected) {
                (Actual::Str(text), A_LIST) => fault.help(as_list(&field, text)),
                _ => fault,
            }
        }
        Kind::InvalidValue(Actual::Signed(0) | Actual::Unsigned(0), _) => {
            fault("zero-limit", format!("`{field}` cannot be zero")).help("write a number from 1")
        }
        Kind::InvalidValue(actual, expected) => {
            let expected = plain(expected);
            fault(
                "wrong-value",
                format!("`{field}` cannot be {}: expected {expected}", noun(actual)),
            )
            .help("write a whole number from 0 to 4294967295")
        }
        Kind::UnknownVariant(word, allowed) => fault(
            "unknown-word",
            format!("`{field}` cannot be \"{}\"", shown(word)),
        )
        .label(format!("one of {}", allowed.join(", ")))
        .did_you_mean(word, allowed.iter().copied(), || {
            format!("write one of {}", allowed.join(", "))
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

/// A code of `wire::values` as a static text again, after it went through serde's error text.
fn stable(code: &str) -> &'static str {
    const CODES: [&str; 8] = [
        "bad-duration",
        "bad-schedule",
        "bad-times",
        "unknown-timezone",
        "zero-limit",
        "bad-size",
        "bad-share",
        "empty-marker",
    ];
    CODES
        .into_iter()
        .find(|candidate| *candidate == code)
        .unwrap_or("wrong-value")
}

fn noun(actual: &Actual) -> String {
    match actual {
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

/// Which elements were removed from which lists.
///
/// When an element is removed, those behind it move up. Their faults must still name the place in
/// the text. So the map holds, for the path of each list, the original indices that are gone.
#[derive(Default)]
struct Shifts(SortedMap<Path, Vec<usize>>);

impl Shifts {
    /// The path that an entry had before anything was removed.
    fn original(&self, path: &[String]) -> Path {
        let mut original = Path::new();
        for (depth, step) in path.iter().enumerate() {
            let removed = path.get(..depth).and_then(|list| self.0.get(list));
            original.push(match (removed, step.parse::<usize>()) {
                (Some(removed), Ok(index)) => restored(index, removed).to_string(),
                _ => step.clone(),
            });
        }
        original
    }

    /// Removes the value at a path. False if there is none.
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

    /// Removes each list that lost an element: what is left of it would mean something else.
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

/// The index that an element had before the elements at `removed` were taken out.
///
/// `removed` has original indices, ascending. Example: with `[0, 2]` the element now at 1 was at 3.
fn restored(index: usize, removed: &[usize]) -> usize {
    removed.iter().fold(index, |original, gone| {
        if *gone <= original {
            original + 1
        } else {
            original
        }
    })
}
