//! What the caller knows beyond the plan, so that it is not asked for again.

use crate::model::{Observed, ServerId, SessionId};
use crate::proc::env_tag::Scan;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What is known of the look that a plan was made from. `Known::default()` is nothing: then no
/// server was seen.
#[derive(Debug, Default)]
pub struct Known {
    /// The server of the look: a start is refused by any other, and only where none was seen is one
    /// started.
    pub server: Option<ServerId>,
    /// Sessions that are known to have ended, as of [`Server::ended`](crate::model::Server::ended).
    pub ended: BTreeMap<SessionId, String>,
    /// A scan that was begun with the look, and may not have ended.
    pub scan: RefCell<Option<Scan>>,
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

    /// And what was begun before it.
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
