//! Gas Town's files below the root of a town, and the meaning of its session names. Read only.
//!
//! [`standing`] reads what concerns the sessions now: emergency stops, parked rigs, a shutdown. The
//! controller calls it at every look. [`read`] reads everything, for `gtctl import`.
//!
//! No content of these files stops gtctl. Each file is read up to 1 MiB. If a file cannot be
//! understood, a notice says so, and gtctl goes on without it.
//!
//! **Architecture invariant:** gtctl writes, creates and removes nothing below the root, because gt
//! rewrites what it cannot parse. It keeps no lock.

mod file;
mod lock;
mod names;
mod settings;
mod socket;
mod standing;

pub use names::{Naming, Place, parse_name};
pub use settings::{AgentSetting, Settings};
pub use socket::{Version, candidates, named, version_in};
pub use standing::{GastownState, standing, watched};

use crate::manifest::{RIGS, Rigs};
use std::path::Path;

/// Everything that Gas Town's files say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Files {
    /// The town's name in `mayor/town.json`. `None` means that there is no such file: then the
    /// folder is no Gas Town root. A file without a name gives an empty text.
    pub town: Option<String>,
    /// The rigs of `mayor/rigs.json`.
    pub rigs: Rigs,
    /// The agents that the roles run.
    pub settings: Settings,
    /// What concerns the sessions now.
    pub standing: GastownState,
    /// One sentence for each thing that is wrong in the files, for people.
    pub notices: Vec<String>,
}

/// Reads everything below a root. A root that does not exist gives empty values.
#[must_use]
pub fn read(root: &Path) -> Files {
    let mut notices = Vec::new();
    let town = town_name(root, &mut notices);
    let rigs = registered_rigs(root, &mut notices);
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

fn town_name(root: &Path, notices: &mut Vec<String>) -> Option<String> {
    match file::json(root, "mayor/town.json") {
        Ok(document) => Some(file::text(&document?, "/name").unwrap_or_default()),
        Err(why) => {
            notices.push(why);
            // The file exists, so this is a town all the same.
            Some(String::new())
        }
    }
}

fn registered_rigs(root: &Path, notices: &mut Vec<String>) -> Rigs {
    let text = match file::text_of(root, RIGS) {
        Ok(Some(text)) => text,
        Ok(None) => return Rigs::default(),
        Err(why) => {
            notices.push(why);
            return Rigs::default();
        }
    };
    Rigs::parse(&text).unwrap_or_else(|error| {
        notices.push(format!("{RIGS} is no JSON ({error})"));
        Rigs::default()
    })
}

#[cfg(test)]
mod tests;
