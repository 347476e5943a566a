//! Turns the text of `town.toml` into a [`Town`], or lists every fault at once.
//!
//! A manifest takes these steps:
//!
//! ```text
//!  text ──► text ──► Layer ──► check ──┐   one per file, variable and flag; check cuts out what is wrong
//!  built-in, naming, profile ──────────┼──► Layers (figment) ──► wire::Manifest ──► Reading ──► Town
//!  GTCTL_*, flags ──► variables ───────┘                                                 └────► Origins
//! ```
//!
//! Layers, weakest first: built-in defaults, profile, user file, `town.toml`, `GTCTL_*` variables,
//! flags. A session then takes its fields from three tables, weakest first: `[defaults]`,
//! `[roles.x]`, `[[session]]`. A stronger layer replaces a value of a weaker one. Only tables are
//! merged. [`Origins`] says where each value comes from.
//!
//! **Architecture invariant:** nothing here reads a file, the environment or a clock. Texts and
//! variables are arguments. The manifest also names other files: those that it includes,
//! `mayor/rigs.json` and instructions. The caller gives functions that read them:
//! [`Sources::include`] and [`Sources::read`].

mod agents;
mod built_in;
mod check;
mod chores;
mod desired;
mod fault;
mod fleet;
mod gastown;
mod hosts;
mod include;
mod instructions;
mod launch;
mod layer;
mod members;
mod moved;
mod never;
mod order;
mod origins;
mod policies;
mod reading;
mod ready;
mod resolved;
mod schema;
mod session;
mod template;
mod text;
mod town;
mod values;
mod variables;
pub mod wire;

#[cfg(test)]
mod agents_tests;
#[cfg(test)]
mod chores_tests;
#[cfg(test)]
mod env_files_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod fleet_tests;
#[cfg(test)]
mod hosts_tests;
#[cfg(test)]
mod include_tests;
#[cfg(test)]
mod launch_tests;
#[cfg(test)]
mod members_tests;
#[cfg(test)]
mod moved_tests;
#[cfg(test)]
mod never_tests;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod resolved_tests;
#[cfg(test)]
mod tests;

pub use agents::{BuiltInAgent, built_in_agents};
pub use fault::{Fault, Faults, Offset, Related, Severity, SourceFile, Span, ValueOrigin};
pub(crate) use fault::{is_unsafe, shown};
pub use gastown::{RIGS, Rigs, default_dir};
pub use hosts::Machine;
pub use include::{Included, Unread, has_wildcard};
pub use origins::{Explained, MaxAgeOf, Origins, PLAIN_COMMAND};
pub use resolved::ResolvedTable;
#[cfg(test)]
pub(crate) use schema::made;
pub use schema::{schema, schema_text};
pub use template::literal;
pub use variables::{Flag, are_settings};

use crate::model::Town;
use built_in::{Tables, built_in};
use check::{Findings, check};
use include::{Parsed, place_lists};
use layer::{Layer, Layers, Source};
use reading::Reading;
use std::path::Path;

/// Everything a manifest is read from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The manifest's path, as messages show it.
    pub town_path: &'a Path,
    /// The manifest's text, at most 1 MiB.
    pub town_text: &'a str,
    /// Path and text of the user's own file. `None` if there is no such file.
    pub user: Option<(&'a Path, &'a str)>,
    /// Names and values of environment variables. Only those named `GTCTL_*` count.
    pub variables: &'a [(String, String)],
    /// Settings from the command line. A later one overrides an earlier one.
    pub flags: &'a [Flag],
    /// The home directory, for `~`.
    pub home: Option<&'a Path>,
    /// The manifest's directory, absolute. Relative paths start here.
    pub base_dir: &'a Path,
    /// What says which host of the town this machine is.
    pub machine: Machine<'a>,
    /// Reads the text of the file at an absolute path, or `None` if there is no such text.
    ///
    /// It is called for `mayor/rigs.json` and for instructions. Of a file longer than 1 MiB it may
    /// return the beginning alone.
    pub read: &'a dyn Fn(&Path) -> Option<String>,
    /// Finds the files that an absolute path of `include` names, with their texts. Its last part
    /// can be a pattern, see [`has_wildcard`]. Empty if there is no such file.
    pub include: Include<'a>,
}

/// See [`Sources::include`].
pub type Include<'a> = &'a dyn Fn(&Path) -> Result<Vec<Included>, Unread>;

/// For [`Sources::include`], where there are no other files.
///
/// # Errors
/// None.
pub fn no_files(_: &Path) -> Result<Vec<Included>, Unread> {
    Ok(Vec::new())
}

/// A manifest without errors.
#[derive(Debug)]
pub struct Loaded {
    /// What the manifest declares.
    pub town: Town,
    /// Advice for the writer of the manifest. Contains no error.
    pub advice: Faults,
    /// Where the values come from.
    pub origins: Origins,
}

/// Reads a manifest.
///
/// # Errors
/// All faults, in the order of the files. If a file has a syntax error, only syntax errors are
/// reported.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, Faults> {
    let result = load_with(sources, Tables::Mentioned);
    let lacks_a_table = |fault: &Fault| matches!(fault.code, "unknown-agent" | "unknown-role");
    match &result {
        // With all built-in tables the help can suggest the name that was meant.
        Err(faults) if faults.list.iter().any(lacks_a_table) => load_with(sources, Tables::All),
        Ok(_) | Err(_) => result,
    }
}

fn load_with(sources: &Sources<'_>, tables: Tables) -> Result<Loaded, Faults> {
    let parsed = Parsed::of(sources);
    if !parsed.syntax.is_empty() {
        return Err(settled(parsed.syntax, parsed.files));
    }
    let files = parsed.files;
    let (layers, findings) = layered(sources, parsed.layers, parsed.findings, tables);
    let Findings { mut faults, cut } = findings;
    let (layers, manifest) = match merge(layers) {
        Ok(merged) => merged,
        Err(error) => {
            faults.push(internal(&error));
            return Err(settled(faults, files));
        }
    };
    let (town, places) = {
        let mut reading = Reading::new(sources, &layers, &files, &manifest, cut);
        let resolved = reading.town();
        faults.append(&mut reading.faults);
        resolved
    };
    let faults = settled(faults, files);
    match town {
        Some(town) if !faults.has_errors() => {
            let origins = Origins::new(layers, faults.files.clone(), places);
            Ok(Loaded {
                town,
                advice: faults,
                origins,
            })
        }
        Some(_) | None => Err(faults),
    }
}

/// Merges the layers and reads the result as a manifest.
///
/// Every value was checked before, so an error here is a bug of gtctl.
fn merge(layers: Vec<Layer>) -> Result<(Layers, wire::Manifest), Box<figment::Error>> {
    let layers = Layers::merge(layers)?;
    let manifest = layers.merged().deserialize().map_err(Box::new)?;
    Ok((layers, manifest))
}

fn internal(error: &figment::Error) -> Fault {
    let origin = ValueOrigin::BuiltIn("built-in".into());
    Fault::new("internal", origin, shown(&error.to_string()))
}

/// The whole path, with a placeholder for each character that could disturb a terminal.
///
/// [`shown`] would cut a long path.
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

/// All layers, weakest first, each checked. `users` holds the layers of the files.
fn layered(
    sources: &Sources<'_>,
    mut users: Vec<Layer>,
    mut findings: Findings,
    tables: Tables,
) -> (Vec<Layer>, Findings) {
    place_lists(&mut users);
    for layer in &mut users {
        let mut own = Findings::default();
        check(layer, &mut own);
        findings.faults.append(&mut own.faults);
        let cut = own.cut.into_iter().map(|path| layer.merged_path(path));
        findings.cut.extend(cut);
    }
    users.extend(variables::of_variables(sources.variables, &mut findings));
    users.extend(variables::of_flags(sources.flags, &mut findings));
    let built_in = built_in(&users, tables);
    let (profile_name, profile) = profile(&users);
    let texts = [
        ("built-in", built_in.as_str()),
        ("built-in", naming(&users)),
        (profile_name, profile),
    ];
    let built_in_layers = texts.map(|(name, text)| {
        let values = text::parse(usize::MAX, text).unwrap_or_default();
        Layer::new(Source::BuiltIn(name.to_owned()), values)
    });
    let mut layers: Vec<Layer> = built_in_layers.into_iter().chain(users).collect();
    agents::add_phrases(&mut layers);
    (layers, findings)
}

/// The built-in names of sessions, for the chosen `naming`.
fn naming(users: &[Layer]) -> &'static str {
    match chosen(users, "naming") {
        Some("prefix") => include_str!("builtin/naming-prefix.toml"),
        Some(_) | None => include_str!("builtin/naming-rig.toml"),
    }
}

/// Name and text of the chosen profile.
fn profile(users: &[Layer]) -> (&'static str, &'static str) {
    match chosen(users, "profile") {
        Some("high-throughput") => (
            "profile high-throughput",
            include_str!("builtin/profile-high-throughput.toml"),
        ),
        Some("low-budget") => (
            "profile low-budget",
            include_str!("builtin/profile-low-budget.toml"),
        ),
        Some(_) | None => (
            "profile standard",
            include_str!("builtin/profile-standard.toml"),
        ),
    }
}

/// The text of a field of `[town]` in the strongest of these layers that has it.
fn chosen<'l>(users: &'l [Layer], field: &str) -> Option<&'l str> {
    let text_in = |layer: &'l Layer| {
        let town = layer.values.get("town")?.as_dict()?;
        town.get(field)?.as_str()
    };
    users.iter().rev().find_map(text_in)
}
