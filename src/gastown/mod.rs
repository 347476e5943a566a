//! Gas Town's own files below the root of a town, and what its names mean. Read only: gt rewrites
//! what it cannot parse.
//!
//! Nothing in them can keep gtctl from working: each file is read up to a bound, and what cannot be
//! understood is said and passed over. [`standing`] is what the planner heeds at every look,
//! [`read`] is all there is, for those who move in.
//!
//! **Architecture invariant:** nothing here is ever written, made or removed below the root, and no
//! lock is kept.

mod file;
mod lock;
mod names;
mod settings;
mod socket;
mod standing;

pub use names::{Naming, Place, parse_name};
pub use settings::{AgentSetting, Settings};
pub use socket::{Version, candidates, named, version_in};
pub use standing::{Standing, standing, watched};

use crate::manifest::Rigs;
use std::path::Path;

/// All that Gas Town's files say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Files {
    /// The town's name in `mayor/town.json`; none where that is missing: then this is no Gas Town
    /// root.
    pub town: Option<String>,
    /// The rigs of `mayor/rigs.json`.
    pub rigs: Rigs,
    /// Which agents its roles run.
    pub settings: Settings,
    /// What its sessions are to heed now.
    pub standing: Standing,
    /// What could not be read or is not as it should be, for people.
    pub notices: Vec<String>,
}

/// Reads everything there is below a root. Takes any bytes; a root that is not there says nothing.
#[must_use]
pub fn read(root: &Path) -> Files {
    let mut notices = Vec::new();
    let mut note = |notice| notices.extend(notice);
    let marker = file::json(root, "mayor/town.json").unwrap_or_else(|why| {
        note(Some(why));
        Some(serde_json::Value::Null)
    });
    let town = marker.map(|marker| file::text(&marker, "/name").unwrap_or_default());
    let rigs = match file::text_of(root, crate::manifest::RIGS) {
        Ok(text) => text
            .map(|text| Rigs::parse(&text))
            .transpose()
            .unwrap_or_else(|fault| {
                note(Some(format!(
                    "{} is no JSON ({fault})",
                    crate::manifest::RIGS
                )));
                None
            }),
        Err(why) => {
            note(Some(why));
            None
        }
    };
    let rigs = rigs.unwrap_or_default();
    let settings = Settings::read(root, &mut notices);
    let standing = standing(root, rigs.names());
    notices.extend(standing.notices.iter().cloned());
    Files {
        town,
        rigs,
        settings,
        standing,
        notices,
    }
}

#[cfg(test)]
mod tests;
