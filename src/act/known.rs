//! Facts from the look, so that acting need not ask for them again.

use crate::model::SortedMap;
use crate::model::{Observed, Renames, ServerId, SessionId, Town};
use crate::proc::env_tag::Scan;
use std::cell::RefCell;

/// Facts from the look that a plan was made from. `Known::default()` has none: no server was
/// observed.
#[derive(Debug, Default)]
pub struct Known {
    /// The server of the look. Another server refuses a start. A new server is started only if none
    /// was observed.
    pub server: Option<ServerId>,
    /// Sessions that are known to have ended, as of [`Server::ended`](crate::model::Server::ended).
    pub ended: SortedMap<SessionId, String>,
    /// A scan of processes that was begun with the look and may still go on.
    pub scan: RefCell<Option<Scan>>,
    /// The present names of sessions that were started under another one.
    pub renames: Renames,
}

impl Known {
    /// What a look tells.
    #[must_use]
    pub fn of(observed: &Observed) -> Self {
        match observed {
            Observed::Up(server) => Self {
                server: Some(server.id),
                ended: server.ended.clone(),
                ..Self::default()
            },
            Observed::Down | Observed::Unknown(_) => Self::default(),
        }
    }

    /// The same, with what the town and the look say of renamed sessions.
    #[must_use]
    pub fn naming(self, town: &Town, observed: &Observed) -> Self {
        Self {
            renames: Renames::of(town, observed),
            ..self
        }
    }

    /// The same, with a scan that was begun before the look.
    #[must_use]
    pub fn with(self, scan: Option<Scan>) -> Self {
        Self {
            scan: RefCell::new(scan),
            ..self
        }
    }
}

impl From<Option<ServerId>> for Known {
    fn from(server: Option<ServerId>) -> Self {
        Self {
            server,
            ..Self::default()
        }
    }
}
