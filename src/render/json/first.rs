//! The pages of the verbs that begin with: `init`, `validate`, `import` and `service`.

use super::{LONG, VERSION};
use crate::import::{Conversion, Draft};
use crate::model::SortedMap;
use crate::render::sanitise;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// What a manifest declares.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ValidatePage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `validate`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// The path of the manifest.
    pub file: String,
    /// How many sessions it declares.
    pub sessions: usize,
    /// How many policies it has.
    pub policies: usize,
    /// How many chores it has.
    pub chores: usize,
    /// Agents that are like another one, with that one's name.
    pub likes: SortedMap<String, String>,
}

/// The manifest that `init` has written.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct InitPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `init`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// The path of the manifest.
    pub file: String,
    /// What runs in its sessions.
    pub agent: String,
    /// The declared sessions.
    pub sessions: Vec<String>,
    /// What to type next.
    pub next: Vec<String>,
}

/// The manifest that `import` has written, and what it could not declare.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ImportPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `import`.
    pub kind: String,
    /// The path of the manifest; null where it was only printed.
    pub file: Option<String>,
    /// The text of the manifest.
    pub text: String,
    /// The sessions that it declares.
    pub declared: Vec<ImportedLine>,
    /// What it does not declare.
    pub left: Vec<LeftLine>,
    /// What to type next.
    pub next: String,
}

/// A session that an imported manifest declares.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ImportedLine {
    /// Its name.
    pub session: String,
    /// Its role, rig and name.
    pub role: String,
    /// Its agent, or the program.
    pub agent: String,
    /// How long its process has run; null where it is only declared.
    pub age_ms: Option<u64>,
    /// How long ago it was last handed off, if that is known.
    pub handoff_ms: Option<u64>,
    /// The names of variables that a restart would lose.
    pub lost: Vec<String>,
}

/// What an imported manifest does not declare.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct LeftLine {
    /// The session, or the part of the file that was read.
    pub session: String,
    /// Why not.
    pub why: String,
}

/// The file of a service.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ServicePage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `service`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// The path of the file.
    pub file: String,
    /// Whether it was written, or removed, now. It was so already where not.
    pub wrote: bool,
    /// What to type next.
    pub next: Vec<String>,
}

/// What `import` has read from files of other tools, and where it has written it.
#[must_use]
pub fn import_of_files(conversion: &Conversion, file: Option<String>, next: String) -> ImportPage {
    let line = |text: &str| sanitise::line(text, LONG);
    let declared = conversion.programs.iter().map(|program| ImportedLine {
        session: line(&program.session),
        role: String::new(),
        agent: line(&program.command.join(" ")),
        age_ms: None,
        handoff_ms: None,
        lost: Vec::new(),
    });
    let left = conversion.left.iter().map(|left| LeftLine {
        session: line(&left.what),
        why: line(&left.why),
    });
    ImportPage {
        version: VERSION,
        kind: "import".to_owned(),
        file,
        text: conversion.text.clone(),
        declared: declared.collect(),
        left: left.collect(),
        next,
    }
}

/// What `import` has found, and where it has written it.
#[must_use]
pub fn import(draft: &Draft, file: Option<String>, next: String) -> ImportPage {
    let line = |text: &str| sanitise::line(text, LONG);
    let declared = draft.mapped.iter().map(|mapped| ImportedLine {
        session: line(&mapped.session),
        role: line(&mapped.role),
        agent: line(&mapped.agent),
        age_ms: Some(mapped.age.millis()),
        handoff_ms: mapped.handoff.map(crate::model::Period::millis),
        lost: mapped.lost.iter().map(|name| line(name)).collect(),
    });
    let left = draft.unmapped.iter().map(|unmapped| LeftLine {
        session: line(&unmapped.session),
        why: line(&unmapped.why),
    });
    ImportPage {
        version: VERSION,
        kind: "import".to_owned(),
        file,
        text: draft.text.clone(),
        declared: declared.collect(),
        left: left.collect(),
        next,
    }
}
