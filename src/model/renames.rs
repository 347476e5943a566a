//! Whose process it is that has a name in its environment, after sessions were renamed.
//!
//! A process keeps the environment with which it was started, so it keeps the name that its session
//! had then.

use super::{Generation, Observed, Ownership, SessionName, Town};
use crate::model::SortedMap;

/// The present names of sessions that were started under another one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renames {
    /// By the name in the environment and the run, as the labels of sessions say.
    runs: SortedMap<(SessionName, Generation), SessionName>,
    /// By the former name, as the manifest says with `moved`.
    names: SortedMap<SessionName, SessionName>,
}

impl Renames {
    /// What the manifest and the labels in a look say.
    #[must_use]
    pub fn of(town: &Town, observed: &Observed) -> Self {
        let sessions = match observed {
            Observed::Up(server) => Some(&server.sessions),
            Observed::Down | Observed::Unknown(_) => None,
        };
        let seen = sessions.into_iter().flat_map(SortedMap::values);
        let runs = seen.filter_map(|seen| match &seen.ownership {
            Ownership::Ours(label) => {
                let tag = label.started_as.clone()?;
                Some(((tag, label.generation), label.session.clone()))
            }
            Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
        });
        Self {
            runs: runs.collect(),
            names: town.former_names(),
        }
    }

    /// The present name of the session whose processes have the name `tag` in this run.
    #[must_use]
    pub fn owner<'a>(&'a self, tag: &'a SessionName, generation: Generation) -> &'a SessionName {
        if self.runs.is_empty() && self.names.is_empty() {
            return tag;
        }
        let of_run = self.runs.get(&(tag.clone(), generation));
        of_run.or_else(|| self.names.get(tag)).unwrap_or(tag)
    }
}
