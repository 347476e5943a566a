//! Instructions of sessions: whether they can be read, and whether no two are meant for one file.

use super::fault::{Fault, shown};
use super::reading::Reading;
use super::session::Named;
use crate::model::{Desired, SessionName};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path as FsPath;

/// The most bytes of instructions: an agent reads them all at its start.
const MAX_BYTES: usize = 256 << 10;

impl Reading<'_> {
    /// Faults of the instructions of all sessions.
    pub(crate) fn check_instructions(
        &mut self,
        named: &BTreeMap<SessionName, Named<'_>>,
        sessions: &BTreeMap<SessionName, Desired>,
    ) {
        let mut unfit: BTreeMap<&FsPath, Option<(&'static str, String, &'static str)>> =
            BTreeMap::new();
        let mut meant = BTreeMap::new();
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
            if let Some((code, message, help)) =
                unfit.entry(source).or_insert_with(|| self.unfit(source))
            {
                let fault = self.at(&at, code, message.clone()).help(*help);
                self.faults.push(fault);
                continue;
            }
            match meant.entry(file) {
                Entry::Vacant(new) => {
                    new.insert((source, &desired.name));
                }
                Entry::Occupied(former) if former.get().0 == source => {}
                Entry::Occupied(former) => {
                    let message = format!(
                        "`{}` and `{}` have different instructions for the same file, {}",
                        former.get().1,
                        desired.name,
                        shown(&former.key().to_string_lossy())
                    );
                    let fault: Fault = self.at(&at, "same-instructions", message);
                    self.faults.push(
                        fault.help("give one of them another `dir`, or both the same instructions"),
                    );
                }
            }
        }
    }

    /// Why a file cannot be instructions.
    fn unfit(&self, source: &FsPath) -> Option<(&'static str, String, &'static str)> {
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
