//! What tmux forgets: the town's history, as kept in the state file.

use super::written::{bounded_map, is_default};
use super::{
    ChoreHistory, Generation, History, Moment, Probed, RecordedReason, ServerId, SessionName,
    TextRequest,
};
use crate::model::SortedMap;
use serde::{Deserialize, Serialize};

/// Everything remembered of a town. `Memory::default()` is a valid memory: nothing is known.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The town that it is of. None in what 0.1.0 wrote, until the next write.
    #[serde(skip_serializing_if = "is_default")]
    pub town: Option<SessionName>,
    /// The server last seen up.
    #[serde(skip_serializing_if = "is_default")]
    pub server: Option<ServerId>,
    /// When servers were found lost, oldest first; only the last ten minutes' are kept.
    #[serde(skip_serializing_if = "is_default")]
    pub server_losses: Vec<Moment>,
    /// The last look that told anything.
    #[serde(skip_serializing_if = "is_default")]
    pub last_look: Option<Moment>,
    /// Cycles to let pass without a kill, after the clocks jumped apart.
    #[serde(skip_serializing_if = "is_default")]
    pub settling: u32,
    /// The kills that the mass guard held in the last cycle, as a digest.
    #[serde(skip_serializing_if = "is_default")]
    pub mass_seen: Option<u64>,
    /// The operator paused the town.
    #[serde(skip_serializing_if = "is_default")]
    pub paused: bool,
    /// When sessions were started, oldest first; only the last ten minutes' are kept.
    #[serde(skip_serializing_if = "is_default")]
    pub starts: Vec<Moment>,
    /// When sessions that gtctl ended for a planned restart were started again, oldest first; only
    /// the last ten minutes' are kept. They are in no other list.
    #[serde(skip_serializing_if = "is_default")]
    pub replaced: Vec<Moment>,
    /// When a start last failed: an agent that ended before it was ready.
    #[serde(skip_serializing_if = "is_default")]
    pub failed_start: Option<Moment>,
    /// Ends of runs in a row that left a sign-in screen behind, by agent, oldest first, at most
    /// [`Memory::MAX_AUTH_DEATHS`].
    #[serde(
        skip_serializing_if = "is_default",
        deserialize_with = "bounded_map::<{ Memory::MAX_NAMES }, _, _, _>"
    )]
    pub auth_deaths: SortedMap<String, Vec<Moment>>,
    /// By the name of the chore.
    #[serde(
        skip_serializing_if = "is_default",
        deserialize_with = "bounded_map::<{ Memory::MAX_NAMES }, _, _, _>"
    )]
    pub chores: SortedMap<String, ChoreHistory>,
    /// Since when chores with set times are known that have not run yet, by name.
    #[serde(
        skip_serializing_if = "is_default",
        deserialize_with = "bounded_map::<{ Memory::MAX_NAMES }, _, _, _>"
    )]
    pub chores_since: SortedMap<String, Moment>,
    /// Agents that were asked whether they are signed in, while a screen says that they cannot go
    /// on.
    #[serde(
        skip_serializing_if = "is_default",
        deserialize_with = "bounded_map::<{ Memory::MAX_NAMES }, _, _, _>"
    )]
    pub probes: SortedMap<String, Probed>,
    /// Ends that were asked for, have come by themselves and are not told of yet, oldest first, at
    /// most [`Memory::MAX_DEPARTURES`].
    #[serde(skip_serializing_if = "is_default")]
    pub departures: Vec<Departure>,
    /// Texts that wait to be typed, oldest first, at most [`Memory::MAX_TEXTS`].
    #[serde(skip_serializing_if = "is_default")]
    pub texts: Vec<TextRequest>,
    /// By session, at most [`Memory::MAX_SESSIONS`].
    #[serde(deserialize_with = "bounded_map::<{ Memory::MAX_SESSIONS }, _, _, _>")]
    pub sessions: SortedMap<SessionName, History>,
}

impl Memory {
    /// More sessions than this are not remembered: a manifest may declare five thousand.
    pub const MAX_SESSIONS: usize = 1 << 16;
    /// Agents, and chores, that are remembered.
    pub const MAX_NAMES: usize = 4096;
    /// The longest name of an agent or a chore that is remembered over a restart of gtctl, in bytes.
    pub const MAX_NAME: usize = 1024;
    /// Of what happened in the last ten minutes, so much of each kind is remembered: far more than
    /// a budget of starts can ask for.
    pub const MAX_RECENT: usize = 1 << 16;
    /// More ends than this at once are not told of each.
    pub const MAX_DEPARTURES: usize = 4096;
    /// More texts than this do not wait at once: each chore has one, and each accepted proposal.
    pub const MAX_TEXTS: usize = 4096;
    /// So many hold the starts of their agent.
    pub const MAX_AUTH_DEATHS: usize = 3;

    /// The same of the town, with these of its sessions.
    #[must_use]
    pub fn with_sessions(&self, sessions: SortedMap<SessionName, History>) -> Self {
        Self {
            town: self.town.clone(),
            server: self.server,
            server_losses: self.server_losses.clone(),
            last_look: self.last_look,
            settling: self.settling,
            mass_seen: self.mass_seen,
            paused: self.paused,
            starts: self.starts.clone(),
            replaced: self.replaced.clone(),
            failed_start: self.failed_start,
            auth_deaths: self.auth_deaths.clone(),
            chores: self.chores.clone(),
            chores_since: self.chores_since.clone(),
            probes: self.probes.clone(),
            departures: self.departures.clone(),
            texts: self.texts.clone(),
            sessions,
        }
    }

    /// This memory as that of a town. Where it says that it is of another one, an empty memory, and
    /// the other's name: what was asked for in another town, a stop say, means nothing here.
    #[must_use]
    pub fn of_town(self, town: &SessionName) -> (Self, Option<SessionName>) {
        let (memory, other) = match self.town {
            Some(other) if other != *town => (Self::default(), Some(other)),
            Some(_) | None => (self, None),
        };
        (
            Self {
                town: Some(town.clone()),
                ..memory
            },
            other,
        )
    }
}

/// A session that was asked to end for good, and was gone before it was removed: tmux keeps no pane
/// of others'.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Departure {
    /// Which session.
    pub session: SessionName,
    /// Which life of it.
    pub generation: Generation,
    /// When that began, if it is known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub started: Option<Moment>,
    /// When it was first asked to end.
    pub asked: Moment,
    /// When it was first seen to be gone.
    pub gone: Moment,
    /// The reason that it was asked for.
    pub reason: RecordedReason,
}
