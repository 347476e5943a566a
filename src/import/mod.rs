//! Moving in: a manifest for what already lives on a tmux server.
//!
//! Each session gets its place from its name, its agent from what runs in it, its limits from its
//! age and from what is remembered of it. What cannot be determined for certain is not declared but
//! listed, for a person to decide.
//!
//! **Architecture invariant:** pure. What is written here is only a text; whether adopting is all
//! that follows from it is for the caller to see by a look.

mod agents;
mod resident;
mod text;

pub use agents::{Recipe, recipes};

use crate::gastown::Files;
use crate::manifest::Rigs;
use crate::model::{Inhabitant, Period, Socket};
use crate::store::Automonitor;
use resident::Resident;
use std::collections::BTreeMap;
use std::path::Path;

/// All that a manifest is made from.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The town's name.
    pub town: &'a str,
    /// The Gas Town root, absolute.
    pub root: Option<&'a Path>,
    /// What `~` stands for.
    pub home: Option<&'a Path>,
    /// The directory of the manifest, absolute.
    pub dir: &'a Path,
    /// The server that was looked at.
    pub socket: &'a Socket,
    /// What Gas Town's files say.
    pub files: &'a Files,
    /// Every session of the server.
    pub population: &'a [Inhabitant],
    /// Agents that can be recognised.
    pub recipes: &'a [Recipe],
    /// How long ago sessions were last handed off.
    pub handoffs: &'a BTreeMap<String, Period>,
    /// What the automonitor has counted, where there is or was one.
    pub automonitor: Option<Automonitor>,
    /// Sessions that must not be declared, and why.
    pub unfit: &'a BTreeMap<String, String>,
}

/// A manifest, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// Its text.
    pub text: String,
    /// What it declares, in its order.
    pub mapped: Vec<Mapped>,
    /// What it does not, by name.
    pub unmapped: Vec<Unmapped>,
}

/// A session that the manifest declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Its name in tmux.
    pub session: String,
    /// Its role, with its rig and name.
    pub role: String,
    /// Its agent, or its program.
    pub agent: String,
    /// For how long its process has run.
    pub age: Period,
    /// How long ago it was last handed off, where that is known.
    pub handoff: Option<Period>,
    /// Variables of its environment that could not be mapped, by name; unsanitised.
    pub lost: Vec<String>,
}

/// A session that it does not declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// Its name in tmux, unsanitised.
    pub session: String,
    /// Why, unsanitised.
    pub why: String,
}

/// Drafts the manifest.
#[must_use]
pub fn draft(ground: &Ground<'_>) -> Draft {
    let mut residents: Vec<Resident<'_>> = Vec::new();
    let mut unmapped = Vec::new();
    for inhabitant in ground.population {
        match resident::of(ground, inhabitant) {
            Ok(resident) => residents.push(resident),
            Err(why) => unmapped.push(Unmapped {
                session: inhabitant.name.clone(),
                why,
            }),
        }
    }
    residents.sort_by_cached_key(Resident::order);
    let text = text::write(ground, &residents, &unmapped);
    let mapped = residents.iter().map(Resident::mapped).collect();
    Draft {
        text,
        mapped,
        unmapped,
    }
}

/// Whether a session is the loop that gtctl replaces, by its name or by what runs in it.
#[must_use]
pub fn is_automonitor(inhabitant: &Inhabitant) -> bool {
    resident::is_automonitor(inhabitant)
}

/// The rigs that are known by name, from `mayor/rigs.json`.
fn rigs<'a>(ground: &Ground<'a>) -> &'a Rigs {
    &ground.files.rigs
}

#[cfg(test)]
mod tests;
