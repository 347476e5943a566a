//! Drafts a manifest for the sessions that already run on a tmux server, or from files of other
//! tools.
//!
//! | what | comes from |
//! |---|---|
//! | role, rig and name | the session's name |
//! | agent or command | the processes in its panes |
//! | limits | its age, and what Gas Town and the automonitor have noted of it |
//!
//! A session that is not certain is not declared. It is listed with the reason, and a person
//! decides.
//!
//! **Architecture invariant:** pure. The result is a text. The caller plans with it and checks that
//! the plan only adopts sessions.

mod agents;
mod foreign;
mod resident;
mod text;

pub use agents::{Recipe, recipes};
pub use foreign::{Conversion, ForeignProgram, LeftOut, TOOLS, convert};

use crate::gastown::Files;
use crate::manifest::Rigs;
use crate::model::SortedMap;
use crate::model::{Inhabitant, Period, Socket};
use crate::store::Automonitor;
use resident::Resident;
use std::path::Path;

/// All that a draft is made from.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The town's name.
    pub town: &'a str,
    /// The Gas Town root, absolute.
    pub root: Option<&'a Path>,
    /// The home directory, for `~`.
    pub home: Option<&'a Path>,
    /// The directory of the manifest, absolute.
    pub dir: &'a Path,
    /// The socket of the server on which the sessions are.
    pub socket: &'a Socket,
    /// What Gas Town's files say.
    pub files: &'a Files,
    /// Every session of the server.
    pub population: &'a [Inhabitant],
    /// The agents that can be recognised: see [`recipes`].
    pub recipes: &'a [Recipe],
    /// How long ago each session was last handed off, by its name.
    pub handoffs: &'a SortedMap<String, Period>,
    /// What the automonitor has counted. `None` if the town never had one.
    pub automonitor: Option<Automonitor>,
    /// Sessions that must not be declared, by name, with the reason.
    pub unfit: &'a SortedMap<String, String>,
}

/// A drafted manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// The text of the manifest.
    pub text: String,
    /// The sessions that it declares, in the order of the text.
    pub mapped: Vec<Mapped>,
    /// The sessions that it does not declare, in the order of the population.
    pub unmapped: Vec<Unmapped>,
}

/// A session that the draft declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// The name in tmux.
    pub session: String,
    /// Role, rig and name, such as `crew shop watcher`.
    pub role: String,
    /// The agent, or the program if it is no agent.
    pub agent: String,
    /// How long the process has run.
    pub age: Period,
    /// How long ago the session was last handed off. `None` if nothing says so.
    pub handoff: Option<Period>,
    /// Names of variables that a restart would lose. Not safe to print as they are.
    pub lost: Vec<String>,
}

/// A session that the draft does not declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// The name in tmux. Not safe to print as it is.
    pub session: String,
    /// The reason. Not safe to print as it is.
    pub why: String,
}

/// Drafts a manifest.
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

/// Whether a session runs the automonitor, the script that gtctl replaces.
#[must_use]
pub fn is_automonitor(inhabitant: &Inhabitant) -> bool {
    resident::is_automonitor(inhabitant)
}

/// The rigs of `mayor/rigs.json`.
fn rigs<'a>(ground: &Ground<'a>) -> &'a Rigs {
    &ground.files.rigs
}

#[cfg(test)]
mod tests;
