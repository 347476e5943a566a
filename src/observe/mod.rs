//! One look: tmux and `/proc` into one [`Observed`].
//!
//! When all is well and quiet a look is one round trip to tmux. Only what is odd or new costs more:
//! a pane that seems dead without a status is asked about again, screens that may have changed are
//! read together and those of dead panes likewise, a socket file that went missing is brought back.
//!
//! **Architecture invariant:** nothing here decides, and nothing is reported that was not seen, now
//! or by the look before of what is not known to have changed since; the [scope](Look::scope) says
//! which. A look that failed is [`Observed::Unknown`], never an empty town; only what [`locate_server`] can
//! prove is [`Observed::Down`].

mod cache;
mod find_socket;
mod footprint;
mod former;
mod given;
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

pub use cache::LookCache;
pub use find_socket::{LodgingFault, lodging};
pub use former::{Former, Holding, former, in_words as former_in_words, still_there};
pub use listen::{listen, listened, log_of};
pub use population::population;
pub use prefetch::Living;
pub use reports::add_reports;

use crate::model::{
    Memory, Moment, Observed, Ownership, PaneId, Scope, Seen, Server, SessionName, Town,
};
use crate::tmux::{Access, Client};
use locate_server::Unreached;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What the planner needs.
    Plan,
    /// And what each session's process tree uses.
    Full,
}

/// No look takes longer.
const DEADLINE: Duration = Duration::from_millis(4500);

/// What is looked at, and with what knowledge.
#[derive(Debug, Clone)]
pub struct LookRequest<'a> {
    /// The way to the server.
    pub client: &'a Client,
    /// The town.
    pub town: &'a Town,
    /// What is remembered of it. A look takes from it the server last seen, which must have ended
    /// before a silent socket counts as no server, and the screens, so that only new ones are read.
    pub memory: &'a Memory,
    /// When the look is taken.
    pub now: Moment,
    /// How much is looked at.
    pub depth: Depth,
    /// Processes of which it is known that they live: nobody asks after them.
    pub living: Living,
}

/// What was seen, and for what it is good.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// What was seen.
    pub observed: Observed,
    /// To what it lets anything be done: only to sessions that were asked after.
    pub scope: Scope,
}

/// Looks once at the town's server. Takes at most 4.5 s. Keeps in `cache` what it has listed.
///
/// Where all watched processes but a few live, and `cache` has all panes, the look asks after the
/// panes of those few only. Its cost does not grow with the town then.
///
/// Changes nothing but what tmux should have done itself: it may tell the server to create its
/// socket file anew, and to ask after children that ended.
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
        // Whoever lives has time.
        return Ok(Look {
            observed: Observed::Up(server),
            scope,
        });
    }
    screens::add_screens(client, town, memory, &mut server, captured.screens, now).await;
    footprint::add_footprints(town, memory, &mut server, now);
    if depth == Depth::Plan {
        screens::add_usage(town, memory, &mut server, now);
        screens::add_commands(town, memory, &mut server, now);
    }
    Ok(Look {
        observed: Observed::Up(server),
        scope,
    })
}

/// Our sessions whose agents were started in these panes.
fn named(sessions: &BTreeMap<String, Seen>, panes: &BTreeSet<PaneId>) -> Vec<SessionName> {
    let label = |seen: &Seen| match &seen.ownership {
        Ownership::Ours(label) if panes.contains(&seen.pane) => Some(label.session.clone()),
        Ownership::Ours(_)
        | Ownership::Unlabelled
        | Ownership::Unproved(_)
        | Ownership::Foreign(_) => None,
    };
    sessions.values().filter_map(label).collect()
}
