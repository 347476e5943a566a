//! Checks the instructions of sessions: each can be read, and no two go to the same file.

use super::fault::{Fault, shown};
use super::reading::Reading;
use super::session::Named;
use crate::model::SortedMap;
use crate::model::sorted::MapEntry;
use crate::model::{Desired, SessionName};
use std::path::Path as FsPath;

/// The longest instructions, in bytes. An agent reads all of them when it starts.
const MAX_BYTES: usize = 256 << 10;

/// Code, message and help of a fault.
type Flaw = (&'static str, String, &'static str);

impl Reading<'_> {
    /// Notes the faults of the instructions of all sessions.
    pub(crate) fn check_instructions(
        &mut self,
        named: &SortedMap<SessionName, Named<'_>>,
        sessions: &SortedMap<SessionName, Desired>,
    ) {
        // Many sessions can share instructions, so each file is read once.
        let mut flaws: SortedMap<&FsPath, Option<Flaw>> = SortedMap::new();
        let mut written = SortedMap::new();
        for desired in sessions.values() {
            let (Some(source), Some(file)) =
                (desired.instructions.as_deref(), desired.instructed())
            else {
                continue;
            };
            let Some(who) = named.get(&desired.name) else {
                continue;
            };
            let at = who.tiers.path(self.layers, &["instructions"]);
            let flaw = flaws.entry(source).or_insert_with(|| self.flaw(source));
            if let Some((code, message, help)) = flaw {
                let fault = self.at(&at, code, message.clone()).help(*help);
                self.faults.push(fault);
                continue;
            }
            match written.entry(file) {
                MapEntry::Vacant(entry) => {
                    entry.insert((source, &desired.name));
                }
                MapEntry::Occupied(first) => {
                    let (first_source, first_name) = first.get();
                    if *first_source == source {
                        continue;
                    }
                    let message = format!(
                        "`{first_name}` and `{}` have different instructions for the same file, {}",
                        desired.name,
                        shown(&first.key().to_string_lossy())
                    );
                    let fault: Fault = self.at(&at, "same-instructions", message);
                    self.faults.push(
                        fault.help("give one of them another `dir`, or both the same instructions"),
                    );
                }
            }
        }
    }

    /// Why a file cannot be instructions. `None` if it can.
    fn flaw(&self, source: &FsPath) -> Option<Flaw> {
        let name = shown(&source.to_string_lossy());
        match (self.sources.read)(source) {
            None => Some((
                "no-instructions",
                format!("cannot read the instructions {name} as text"),
                "create the file (a relative path starts at the manifest), or remove the field",
            )),
            Some(text) if text.len() > MAX_BYTES => Some((
                "large-instructions",
                format!(
                    "the instructions {name} have more than {} KiB",
                    MAX_BYTES >> 10
                ),
                "keep what every start needs, and refer to other files for the rest",
            )),
            Some(_) => None,
        }
    }
}
