//! A look: reads tmux and `/proc` once, and returns an [`Observed`].
//!
//! In a quiet town a look is one round trip to tmux. Only unusual or new things cost more. It asks
//! again about a dead pane without a status. It reads changed screens and those of dead panes. It
//! has a missing socket file created again.
//!
//! **Architecture invariant:** this room decides nothing and reports only what it saw. A partial
//! look takes unchanged sessions from the look before; its [scope](Look::scope) says so. A look
//! that fails is [`Observed::Unknown`], never an empty town. Only the proof in [`locate_server`]
//! gives [`Observed::Down`].

mod cache;
mod find_socket;
mod footprint;
mod former;
mod given;
mod in_use;
mod life;
mod listen;
mod locate_server;
mod moved;
mod population;
mod prefetch;
mod proof;
mod reap;
mod reports;
mod screens;
mod sessions;
mod settle;
mod upgrades;
mod usage;

pub use cache::LookCache;
pub use find_socket::{LodgingFault, lodging};
pub use former::{Former, Holding, former, in_words as former_in_words, still_there};
pub use in_use::{InUse, in_use};
pub use listen::{listen, listened, log_of};
pub use population::population;
pub use prefetch::Living;
pub use reports::{add_reports, last_reports};

use crate::model::{
    Memory, Moment, Observed, Ownership, PaneId, Scope, Seen, Server, SessionName, Town,
};
use crate::model::{SortedMap, SortedSet};
use crate::tmux::{Access, Client};
use locate_server::Unreached;
use std::time::Duration;

/// How much a look reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What the planner needs.
    Plan,
    /// Also the resource usage of each session's process tree.
    Full,
}

/// The longest duration of a look.
const DEADLINE: Duration = Duration::from_millis(4500);

/// The input of a look.
#[derive(Debug, Clone)]
pub struct LookRequest<'a> {
    /// The client for the town's server.
    pub client: &'a Client,
    /// The declared town.
    pub town: &'a Town,
    /// The memory of the town. It names the server last seen, which must have ended before a silent
    /// socket counts as no server. It has the known screens, so that only changed ones are read.
    pub memory: &'a Memory,
    /// The time of the look.
    pub now: Moment,
    /// How much to read.
    pub depth: Depth,
    /// Processes that are known to live, so that they need not be checked.
    pub living: Living,
}

/// The result of a look, and for which sessions it is current.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// What the look saw.
    pub observed: Observed,
    /// The sessions that the look asked for. Only on these may anything be done.
    pub scope: Scope,
}

/// Looks once at the town's server, for at most 4.5 s. Keeps the listing in `cache`.
///
/// If all watched processes but a few live and `cache` has all panes, the look asks only for the
/// panes of those few. Its cost then does not grow with the town.
///
/// It changes nothing in the town. At most it signals the server to create its socket file again or
/// to wait for ended children, as tmux should have done itself.
pub async fn look(request: LookRequest<'_>, cache: &mut LookCache) -> Look {
    let look = look_without_deadline(request, cache);
    let unknown = |why| Look {
        observed: Observed::Unknown(why),
        scope: Scope::Town,
    };
    match tokio::time::timeout(DEADLINE, look).await {
        Ok(Ok(look)) => look,
        Ok(Err(Unreached::Down)) => Look {
            observed: Observed::Down,
            scope: Scope::Town,
        },
        Ok(Err(Unreached::Unknown(why))) => unknown(why),
        Err(_) => unknown(format!("tmux did not answer within {DEADLINE:?}")),
    }
}

async fn look_without_deadline(
    request: LookRequest<'_>,
    cache: &mut LookCache,
) -> Result<Look, Unreached> {
    let LookRequest {
        client,
        town,
        memory,
        now,
        depth,
        living,
    } = request;
    let client = &client.lasting(Access::Read);
    let unread = screens::unread(town, memory);
    let known = former::known(memory, now).map(|server| (server, town));
    let found = locate_server::reach(client, known, living, cache.begin_look(), &unread).await?;
    let found = settle::settle(client, &found.covered(town), found)
        .await
        .map_err(Unreached::Unknown)?;
    cache.keep(&found);
    let town = &*found.covered(town);
    let sessions::Gathered {
        mut sessions,
        own,
        ended,
    } = sessions::gather(&found, town, now, depth);
    let moved = moved::find(&found, town, &sessions);
    moved::mark(&mut sessions, &moved);
    let scope = found
        .few
        .as_ref()
        .map_or(Scope::Town, |few| Scope::Sessions(named(&sessions, few)));
    let silent = found
        .panes()
        .map(|(row, _)| row)
        .filter(|row| !row.dead && !row.piped);
    let unpiped = silent.map(|row| row.pane).collect();
    let (id, version, captured) = (found.server, found.version().to_owned(), found.captured);
    let mut server = Server {
        id,
        version,
        sessions,
        moved,
        own,
        ended,
        unpiped,
    };
    screens::add_tails(client, town, &mut server, captured.tails, now).await;
    if scope != Scope::Town {
        // Screens of living sessions can wait for a full look.
        return Ok(Look {
            observed: Observed::Up(server),
            scope,
        });
    }
    screens::add_screens(client, town, memory, &mut server, captured.screens, now).await;
    footprint::add_footprints(town, memory, &mut server, now);
    upgrades::add_upgrades(town, memory, &mut server, now);
    if depth == Depth::Plan {
        screens::add_usage(town, memory, &mut server, now);
        screens::add_commands(town, memory, &mut server, now);
    }
    Ok(Look {
        observed: Observed::Up(server),
        scope,
    })
}

/// Our sessions that have one of these panes as their agent's pane.
fn named(sessions: &SortedMap<String, Seen>, panes: &SortedSet<PaneId>) -> Vec<SessionName> {
    let label = |seen: &Seen| match &seen.ownership {
        Ownership::Ours(label) if panes.contains(&seen.pane) => Some(label.session.clone()),
        Ownership::Ours(_)
        | Ownership::Unlabelled
        | Ownership::Unproved(_)
        | Ownership::Foreign(_) => None,
    };
    sessions.values().filter_map(label).collect()
}
