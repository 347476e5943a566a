//! Makes layers of `GTCTL_*` variables and of flags.
//!
//! A variable is called `GTCTL_<TABLE>_<FIELD>`, or `GTCTL_<TABLE>_<TABLE>_<FIELD>` for a field of
//! an inner table. Examples:
//!
//! | variable | sets |
//! |---|---|
//! | `GTCTL_DEFAULTS_IDLE_LIMIT` | `defaults.idle_limit` |
//! | `GTCTL_DEFAULTS_BACKOFF_FIRST` | `defaults.backoff.first` |
//!
//! All names that exist are compared, so an underscore within a name is no problem. Variables can
//! set fields of `town`, `defaults`, `controller`, `limits` and `notify`, but none that decides what
//! gtctl runs. If the field takes text, the value is text: `007` stays `007`. Else it is TOML.

use super::check::{Findings, check, fields_of};
use super::fault::{Fault, ValueOrigin, nearest, shown};
use super::layer::{Layer, Source};
use super::wire;
use crate::model::SortedSet;
use figment::value::{Dict, Num, Tag, Value};

/// Variables that have another meaning and set nothing in the manifest.
const RESERVED: [&str; 13] = [
    "GTCTL_FILE",
    "GTCTL_STATE_DIR",
    "GTCTL_SOCKET",
    "GTCTL_HOST",
    "GTCTL_HOST_FILE",
    "GTCTL_SSH",
    "GTCTL_TOWN",
    "GTCTL_SESSION",
    "GTCTL_GENERATION",
    "GTCTL_CRASHES",
    "GTCTL_EPOCH",
    "GTCTL_GUARD",
    "GTCTL_FLEET_HOST",
];

/// A setting from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The flag as typed, such as `--socket`. Faults name it.
    pub flag: String,
    /// The field that it sets, such as `town.socket`.
    pub path: String,
    /// The value, as text.
    pub value: String,
}

/// The names that are variables for a field of the manifest.
///
/// A misspelled name is not among them, nor is a reserved one such as `GTCTL_FILE`.
#[must_use]
pub fn are_settings(names: impl IntoIterator<Item = String>) -> SortedSet<String> {
    let settings: SortedSet<String> = every_path().iter().map(|path| variable_of(path)).collect();
    names
        .into_iter()
        .filter(|name| settings.contains(name) && !RESERVED.contains(&name.as_str()))
        .collect()
}

/// The tables of which variables and flags can set fields, with their fields.
fn tables() -> [(&'static str, &'static [&'static str]); 5] {
    [
        ("town", fields_of::<wire::TownTable>()),
        ("defaults", fields_of::<wire::DefaultsTable>()),
        ("controller", fields_of::<wire::ControllerTable>()),
        ("limits", fields_of::<wire::LimitsTable>()),
        ("notify", fields_of::<wire::NotifyTable>()),
    ]
}

/// The fields of a table within `[defaults]`. Empty if the field is no table.
fn inner(field: &str) -> &'static [&'static str] {
    match field {
        "completion" => fields_of::<wire::CompletionTable>(),
        "backoff" => fields_of::<wire::BackoffTable>(),
        "logs" => fields_of::<wire::LogsTable>(),
        "ready" => fields_of::<wire::ReadyTable>(),
        _ => &[],
    }
}

/// One layer for each variable that is a setting.
pub(crate) fn of_variables(variables: &[(String, String)], findings: &mut Findings) -> Vec<Layer> {
    let mut ordered: Vec<_> = variables
        .iter()
        .filter(|(name, _)| name.starts_with("GTCTL_"))
        .collect();
    if ordered.is_empty() {
        return Vec::new();
    }
    ordered.sort();
    let paths = every_path();
    let by_name: Vec<(String, &Vec<&str>)> =
        paths.iter().map(|path| (variable_of(path), path)).collect();
    let mut layers = Vec::new();
    for (name, value) in ordered {
        if RESERVED.contains(&name.as_str()) {
            continue;
        }
        match by_name.iter().find(|(setting, _)| setting == name) {
            Some((_, path)) if decides_what_runs(path) => {
                findings.faults.push(forbidden(name, path));
            }
            Some((_, path)) => {
                let source = Source::Variable(name.clone());
                layers.extend(layer_of(&source, path, value, findings));
            }
            None => {
                let settings = by_name.iter().map(|(setting, _)| setting.as_str());
                findings.faults.extend(unknown(name, settings));
            }
        }
    }
    layers
}

/// One layer for each flag.
pub(crate) fn of_flags(flags: &[Flag], findings: &mut Findings) -> Vec<Layer> {
    flags
        .iter()
        .filter_map(|Flag { flag, path, value }| {
            let steps: Vec<&str> = path.split('.').collect();
            layer_of(&Source::Flag(flag.clone()), &steps, value, findings)
        })
        .collect()
}

/// The path of every field that variables and flags can set.
fn every_path() -> Vec<Vec<&'static str>> {
    let mut paths = Vec::new();
    for (table, fields) in tables() {
        for field in fields {
            paths.push(vec![table, *field]);
            let within = if table == "defaults" {
                inner(field)
            } else {
                &[]
            };
            paths.extend(within.iter().map(|leaf| vec![table, *field, *leaf]));
        }
    }
    paths
}

fn variable_of(path: &[&str]) -> String {
    format!("GTCTL_{}", path.join("_").to_uppercase())
}

/// Whether a setting decides what gtctl runs, or with which environment.
///
/// Variables come from many places that must not decide that: a shell's startup file, the settings
/// of a job, any caller of gtctl.
fn decides_what_runs(path: &[&str]) -> bool {
    let is_about_town = path.first() == Some(&"town");
    !is_about_town && path.iter().any(|step| COMMANDS.contains(step))
}

/// Fields that name what gtctl runs, what that gets to read, and its environment.
const COMMANDS: [&str; 11] = [
    "command",
    "start",
    "stop",
    "restart_command",
    "nudge",
    "probe",
    "env",
    "env_file",
    "pass_env",
    "instructions",
    "launcher",
];

fn forbidden(name: &str, path: &[&str]) -> Fault {
    let setting = path.join(".");
    let message = format!(
        "a variable may not set {}, because it decides what gtctl runs",
        shown(&setting)
    );
    let fault = Fault::new(
        "forbidden-variable",
        ValueOrigin::Variable(shown(name)),
        message,
    );
    fault.help(format!(
        "unset {name}, and write {setting} into town.toml or config.toml"
    ))
}

/// The fault for a variable that looks like a misspelled setting. `None` for any other variable.
///
/// Example: `GTCTL_DEFALTS_WAVE` is one; `GTCTL_BUILD_ID` may belong to another program.
fn unknown<'k>(name: &str, settings: impl Iterator<Item = &'k str>) -> Option<Fault> {
    let (table, field) = name.strip_prefix("GTCTL_")?.split_once('_')?;
    let table = table.to_lowercase();
    let names = tables()
        .map(|(name, _)| name)
        .into_iter()
        .chain(["roles", "agents", "hosts", "session"]);
    if field.is_empty() || (table.len() < 4) || nearest(&table, names).is_none() {
        return None;
    }
    let fault = Fault::new(
        "unknown-variable",
        ValueOrigin::Variable(shown(name)),
        format!("no setting has the variable {}", shown(name)),
    );
    Some(fault.did_you_mean(name, settings, || {
        "unset it; valid names are GTCTL_<TABLE>_<FIELD> for town, defaults, controller, limits and notify".to_owned()
    }))
}

/// The layer of one setting. It takes the first candidate of which the field has the type.
///
/// If no type fits, it notes the fault of the value as text.
fn layer_of(source: &Source, path: &[&str], text: &str, findings: &mut Findings) -> Option<Layer> {
    let mut as_text: Option<Findings> = None;
    for value in candidates(text) {
        let mut layer = Layer::new(source.clone(), nested(path, value));
        let mut tried = Findings::default();
        check(&mut layer, &mut tried);
        if tried.faults.is_empty() {
            return Some(layer);
        }
        let has_wrong_type = tried.faults.iter().any(|fault| fault.code == "wrong-type");
        if !has_wrong_type {
            findings.faults.append(&mut tried.faults);
            return None;
        }
        as_text.get_or_insert(tried);
    }
    let faults = as_text.into_iter().flat_map(|tried| tried.faults);
    findings.faults.extend(faults);
    None
}

/// What a text can mean: the text itself, TOML, or a number with leading zeros, which TOML refuses.
fn candidates(text: &str) -> Vec<Value> {
    let mut candidates = vec![Value::String(Tag::Default, text.to_owned())];
    let parsed = super::text::parse(usize::MAX, &format!("value = {text}")).ok();
    candidates.extend(parsed.and_then(|mut values| values.remove("value")));
    let number = text.parse::<i64>().ok();
    candidates.extend(number.map(|number| Value::Num(Tag::Default, Num::I64(number))));
    candidates
}

/// The tables around a value: `["town", "socket"]` gives `{ town = { socket = VALUE } }`.
fn nested(path: &[&str], value: Value) -> Dict {
    let Some((last, parents)) = path.split_last() else {
        return Dict::new();
    };
    let leaf = Dict::from([((*last).to_owned(), value)]);
    parents.iter().rev().fold(leaf, |dict, step| {
        Dict::from([((*step).to_owned(), Value::Dict(Tag::Default, dict))])
    })
}
