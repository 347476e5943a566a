//! From the text of `town.toml` to a [`Town`], with every fault at once.
//!
//! The way of a manifest:
//!
//! ```text
//!  text ──► text ──► Layer ──► check ──┐   one per file, variable and flag; what is wrong is cut out
//!  built-in, naming, profile ──────────┼──► Layers (figment) ──► wire::Manifest ──► Reading ──► Town
//!  GTCTL_*, flags ──► variables ───────┘                                                 └────► Origins
//! ```
//!
//! Layers, weakest first: built-in defaults, profile, user file, `town.toml`, `GTCTL_*` variables,
//! flags. For a session then `[defaults]`, `[roles.x]`, `[[session]]`. Tables are united, anything
//! else is replaced. Every value can name its origin ([`Origins`]).
//!
//! **Architecture invariant:** nothing here reads a file, the environment or a clock. Texts and
//! variables are arguments; the files whose paths stand in the manifest (`mayor/rigs.json`,
//! instructions) are read through a function given.

mod agents;
mod built_in;
mod check;
mod chores;
mod deferred;
mod desired;
mod fault;
mod gastown;
mod instructions;
mod launch;
mod layer;
mod never;
mod order;
mod origins;
mod policies;
mod reading;
mod schema;
mod session;
mod template;
mod text;
mod town;
mod variables;
pub mod wire;

#[cfg(test)]
mod tests;

pub use agents::{BuiltInAgent, built_in_agents};
pub use fault::{Fault, Faults, Offset, Related, Severity, SourceFile, Span, ValueOrigin};
pub(crate) use fault::{is_unsafe, shown};
pub use gastown::{RIGS, Rigs, default_dir};
pub use origins::{Explained, Origins, PLAIN_COMMAND};
pub use schema::{Unwrapped, schema, schema_text};
pub use template::literal;
pub use variables::{Flag, are_settings};

use crate::model::Town;
use built_in::{Known, built_in};
use check::{Findings, check};
use figment::value::Value;
use layer::{Layer, Layers, Source};
use reading::Reading;
use std::path::Path;

/// Everything a manifest is read from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The manifest's path, as it is to be shown.
    pub town_path: &'a Path,
    /// Its text; at most 1 MiB.
    pub town_text: &'a str,
    /// The user's own file, if there is one: path and text.
    pub user: Option<(&'a Path, &'a str)>,
    /// The environment, or its `GTCTL_*` part: names and values.
    pub variables: &'a [(String, String)],
    /// Settings given on the command line, in their order; later ones are stronger.
    pub flags: &'a [Flag],
    /// What `~` stands for.
    pub home: Option<&'a Path>,
    /// The manifest's directory, absolute: relative paths begin here.
    pub base_dir: &'a Path,
    /// Reads the text of the file at an absolute path (`mayor/rigs.json` of the root, instructions
    /// of sessions), or its beginning where it is longer than the manifest may be; nothing when
    /// there is none.
    pub read: &'a dyn Fn(&Path) -> Option<String>,
}

/// A manifest that was read.
#[derive(Debug)]
pub struct Loaded {
    /// What it declares.
    pub town: Town,
    /// What its writer should know; holds no error.
    pub advice: Faults,
    /// Where its values come from.
    pub origins: Origins,
}

/// Reads a manifest.
///
/// # Errors
/// Every fault there is, in the order of the sources. With faults of syntax only these are told.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, Faults> {
    let read = load_with(sources, Known::Meant);
    match &read {
        // What can be named is told, too.
        Err(faults)
            if faults
                .list
                .iter()
                .any(|fault| matches!(fault.code, "unknown-agent" | "unknown-role")) =>
        {
            load_with(sources, Known::All)
        }
        Ok(_) | Err(_) => read,
    }
}

fn load_with(sources: &Sources<'_>, known: Known) -> Result<Loaded, Faults> {
    let mut files = Vec::new();
    let mut layers = Vec::new();
    let mut findings = Findings::default();
    let user = sources.user.into_iter();
    for (path, text) in user.chain([(sources.town_path, sources.town_text)]) {
        match text::parse(files.len(), text) {
            Ok(values) => layers.push(Layer::of_text(Source::File(files.len()), values, text)),
            Err(faults) => findings.faults.extend(faults),
        }
        files.push(SourceFile {
            name: shown_path(path),
            text: text.to_owned(),
        });
    }
    if !findings.faults.is_empty() {
        return Err(settled(findings.faults, files));
    }
    let (layers, Findings { mut faults, cut }) = layered(sources, layers, findings, known);
    let (town, places, layers) = {
        let merged = Layers::merge(layers)
            .and_then(|layers| Ok((layers.merged().deserialize().map_err(Box::new)?, layers)));
        let (manifest, layers): (wire::Manifest, Layers) = match merged {
            Ok(merged) => merged,
            Err(error) => {
                faults.push(Fault::new(
                    "internal",
                    ValueOrigin::BuiltIn("built-in".into()),
                    shown(&error.to_string()),
                ));
                return Err(settled(faults, files));
            }
        };
        let mut reading = Reading::new(sources, &layers, &files, &manifest, cut);
        let (town, places) = reading.town();
        faults.append(&mut reading.faults);
        (town, places, layers)
    };
    let found = settled(faults, files);
    match town {
        Some(town) if !found.has_errors() => {
            let origins = Origins::new(layers, found.files.clone(), places);
            Ok(Loaded {
                town,
                advice: found,
                origins,
            })
        }
        Some(_) | None => Err(found),
    }
}

/// A path as it is shown, whatever bytes it holds; longer than what [`shown`] lets through.
fn shown_path(path: &Path) -> String {
    path.to_string_lossy()
        .chars()
        .map(|c| if is_unsafe(c) { '\u{fffd}' } else { c })
        .collect()
}

fn settled(list: Vec<Fault>, files: Vec<SourceFile>) -> Faults {
    let mut faults = Faults { list, files };
    faults.settle();
    faults
}

/// All layers, checked, weakest first, from those of the files.
fn layered(
    sources: &Sources<'_>,
    mut users: Vec<Layer>,
    mut findings: Findings,
    known: Known,
) -> (Vec<Layer>, Findings) {
    for layer in &mut users {
        check(layer, &mut findings);
    }
    users.extend(variables::of_variables(sources.variables, &mut findings));
    users.extend(variables::of_flags(sources.flags, &mut findings));
    for layer in users.iter().filter(|layer| layer.source.is_users()) {
        deferred::scan(layer, &mut findings.faults);
    }
    let naming = match chosen(&users, "naming") {
        Some("prefix") => include_str!("builtin/naming-prefix.toml"),
        Some(_) | None => include_str!("builtin/naming-rig.toml"),
    };
    let (profile, name) = match chosen(&users, "profile") {
        Some("high-throughput") => (
            include_str!("builtin/profile-high-throughput.toml"),
            "profile high-throughput",
        ),
        Some("low-budget") => (
            include_str!("builtin/profile-low-budget.toml"),
            "profile low-budget",
        ),
        Some(_) | None => (
            include_str!("builtin/profile-standard.toml"),
            "profile standard",
        ),
    };
    let built_in = built_in(&users, known);
    let built_in = [
        ("built-in", &*built_in),
        ("built-in", naming),
        (name, profile),
    ];
    let layers = built_in.map(|(name, text)| {
        let values = text::parse(usize::MAX, text).unwrap_or_default();
        Layer::new(Source::BuiltIn(name.to_owned()), values)
    });
    let mut layers: Vec<Layer> = layers.into_iter().chain(users).collect();
    agents::add_phrases(&mut layers);
    (layers, findings)
}

/// The strongest word given for a field of `[town]`, which decides what else is layered.
fn chosen<'l>(users: &'l [Layer], field: &str) -> Option<&'l str> {
    let of = |layer: &'l Layer| {
        layer
            .values
            .get("town")
            .and_then(Value::as_dict)?
            .get(field)?
            .as_str()
    };
    users.iter().rev().find_map(of)
}
