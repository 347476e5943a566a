//! `GTCTL_*` variables and flags as layers of settings.
//!
//! A variable is `GTCTL_<TABLE>_<FIELD>`, with a further `_<FIELD>` where a field is itself a
//! table: `GTCTL_DEFAULTS_IDLE_LIMIT` is `defaults.idle_limit`, `GTCTL_DEFAULTS_BACKOFF_FIRST` is
//! `defaults.backoff.first`. It is resolved against the names that exist, so underscores within
//! names do no harm. Tables that can be set are `town`, `defaults`, `controller`, `limits` and
//! `notify`. The value is text where the field takes text (`007` stays `007`), else it is read as
//! TOML. What decides what is run cannot be set by one.

use super::check::{Findings, check, fields_of};
use super::fault::{Fault, ValueOrigin, nearest, shown};
use super::layer::{Layer, Source};
use super::wire;
use figment::value::{Dict, Num, Tag, Value};
use std::collections::BTreeSet;

/// Variables with a meaning of their own, which are no settings of the manifest.
const RESERVED: [&str; 7] = [
    "GTCTL_FILE",
    "GTCTL_STATE_DIR",
    "GTCTL_SOCKET",
    "GTCTL_TOWN",
    "GTCTL_SESSION",
    "GTCTL_GENERATION",
    "GTCTL_CRASHES",
];

/// A setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The flag as typed, such as `--socket`; faults name it.
    pub flag: String,
    /// The setting's path, such as `town.socket`.
    pub path: String,
    /// Its value.
    pub value: String,
}

/// Those of these names that are settings, if they are spelled right.
#[must_use]
pub fn are_settings(names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let known: BTreeSet<String> = every_path().iter().map(|path| variable_of(path)).collect();
    names
        .into_iter()
        .filter(|name| known.contains(name) && !RESERVED.contains(&name.as_str()))
        .collect()
}

/// The tables that variables and flags can set, with their fields.
fn tables() -> [(&'static str, &'static [&'static str]); 5] {
    [
        ("town", fields_of::<wire::TownTable>()),
        ("defaults", fields_of::<wire::SessionTable>()),
        ("controller", fields_of::<wire::ControllerTable>()),
        ("limits", fields_of::<wire::LimitsTable>()),
        ("notify", fields_of::<wire::NotifyTable>()),
    ]
}

/// The fields of the tables within `[defaults]`.
fn inner(field: &str) -> &'static [&'static str] {
    match field {
        "completion" => fields_of::<wire::CompletionTable>(),
        "backoff" => fields_of::<wire::BackoffTable>(),
        "logs" => fields_of::<wire::LogsTable>(),
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
    let known = every_path();
    let by_name: Vec<(String, &Vec<&str>)> =
        known.iter().map(|path| (variable_of(path), path)).collect();
    let mut layers = Vec::new();
    for (name, value) in ordered
        .into_iter()
        .filter(|(name, _)| !RESERVED.contains(&name.as_str()))
    {
        match by_name.iter().find(|(known, _)| known == name) {
            Some((_, path)) if runs_something(path) => findings.faults.push(forbidden(name, path)),
            Some((_, path)) => layers.extend(typed(
                &Source::Variable(name.clone()),
                path,
                value,
                findings,
            )),
            None => findings.faults.extend(stranger(
                name,
                by_name.iter().map(|(known, _)| known.as_str()),
            )),
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
            typed(&Source::Flag(flag.clone()), &steps, value, findings)
        })
        .collect()
}

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

/// Whether a setting decides what is run, or in which environment. A variable is set by many who
/// may not choose that: a shell's startup file, a job's settings, whoever calls gtctl.
fn runs_something(path: &[&str]) -> bool {
    let is_file = path.first() == Some(&"town");
    !is_file && path.iter().any(|step| COMMANDS.contains(step))
}

/// Fields that name what is run, what it is told to do, and its environment.
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

/// The fault for a variable that looks like a setting and is none; unrelated ones are left in
/// peace.
fn stranger<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<Fault> {
    let (table, field) = name.strip_prefix("GTCTL_")?.split_once('_')?;
    let table = table.to_lowercase();
    let names = tables()
        .map(|(name, _)| name)
        .into_iter()
        .chain(["roles", "agents", "session"]);
    if field.is_empty() || (table.len() < 4) || nearest(&table, names).is_none() {
        return None;
    }
    let fault = Fault::new(
        "unknown-variable",
        ValueOrigin::Variable(shown(name)),
        format!("no setting has the variable {}", shown(name)),
    );
    Some(fault.did_you_mean(name, known, || {
        "unset it; valid names are GTCTL_<TABLE>_<FIELD> for town, defaults, controller, limits and notify".to_owned()
    }))
}

/// The layer of one setting whose text fits its field: as text, else as TOML, else as a number.
fn typed(source: &Source, path: &[&str], text: &str, findings: &mut Findings) -> Option<Layer> {
    let mut first: Option<Findings> = None;
    for value in readings(text) {
        let mut layer = Layer::new(source.clone(), nested(path, value));
        let mut tried = Findings::default();
        check(&mut layer, &mut tried);
        if tried.faults.is_empty() {
            return Some(layer);
        }
        let wrong_type = tried.faults.iter().any(|f| f.code == "wrong-type");
        if !wrong_type {
            findings.faults.append(&mut tried.faults);
            return None;
        }
        first.get_or_insert(tried);
    }
    findings
        .faults
        .extend(first.into_iter().flat_map(|f| f.faults));
    None
}

fn readings(text: &str) -> Vec<Value> {
    let mut readings = vec![Value::String(Tag::Default, text.to_owned())];
    let parsed = super::text::parse(usize::MAX, &format!("value = {text}")).ok();
    readings.extend(parsed.and_then(|mut values| values.remove("value")));
    readings.extend(
        text.parse::<i64>()
            .ok()
            .map(|n| Value::Num(Tag::Default, Num::I64(n))),
    );
    readings
}

fn nested(path: &[&str], value: Value) -> Dict {
    let Some((last, parents)) = path.split_last() else {
        return Dict::new();
    };
    let leaf = Dict::from([((*last).to_owned(), value)]);
    parents.iter().rev().fold(leaf, |dict, step| {
        Dict::from([((*step).to_owned(), Value::Dict(Tag::Default, dict))])
    })
}
