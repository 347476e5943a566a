//! One look: tmux and `/proc` into one [`Observed`].
//!
//! When all is well and quiet a look is one round trip to tmux. Only what is odd or new costs more: a pane that seems
//! dead without a status is asked about again, screens that may have changed are read together and those of dead panes
//! likewise, a socket file that went missing is brought back.
//!
//! **Architecture invariant:** nothing here decides, and nothing is reported that was not seen. A look that failed is
//! [`Observed::Unknown`], never an empty town; only what [`reach`] can prove is [`Observed::Down`].

mod ahead;
mod footprint;
mod life;
mod listen;
mod lodging;
mod moved;
mod population;
mod reach;
mod screens;
mod sessions;
mod settle;

pub use ahead::Living;
pub use listen::{listen, listened, log_of};
pub use lodging::{LodgingFault, lodging};
pub use population::population;

use crate::model::{Memory, Moment, Observed, Server, Town};
use crate::tmux::{Client, Purpose};
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

/// Looks once at the town's server. Of the memory it takes the server last seen up, which must have ended before a
/// silent socket counts as no server, and what is known of screens, so that only new ones are read. Takes at most 4.5 s.
///
/// Changes nothing but what tmux should have done itself: it may tell the server to create its socket file anew, and
/// to ask after children that ended.
pub async fn look(client: &Client, town: &Town, memory: &Memory, now: Moment, depth: Depth) -> Observed {
    look_knowing(client, town, memory, now, depth, Living::default()).await
}

/// As [`look`], without asking after processes that are known to live.
pub async fn look_knowing(
    client: &Client,
    town: &Town,
    memory: &Memory,
    now: Moment,
    depth: Depth,
    living: Living,
) -> Observed {
    match tokio::time::timeout(DEADLINE, look_without_deadline(client, town, memory, now, depth, living)).await {
        Ok(observed) => observed,
        Err(_) => Observed::Unknown(format!("tmux did not answer within {DEADLINE:?}")),
    }
}

async fn look_without_deadline(
    client: &Client,
    town: &Town,
    memory: &Memory,
    now: Moment,
    depth: Depth,
    living: Living,
) -> Observed {
    let client = &client.lasting(Purpose::Read);
    let unread = screens::unread(town, memory);
    let found = match reach::reach(client, memory.server, living, &unread).await {
        Ok(found) => found,
        Err(reach::Unreached::Down) => return Observed::Down,
        Err(reach::Unreached::Unknown(why)) => return Observed::Unknown(why),
    };
    let found = match settle::settle(client, &found.covered(town), found).await {
        Ok(found) => found,
        Err(why) => return Observed::Unknown(why),
    };
    let town = &*found.covered(town);
    let sessions::Gathered { sessions, own, ended } = sessions::gather(&found, town, now, depth);
    let moved = moved::find(&found, town, &sessions);
    let captured = found.captured;
    let mut server = Server { id: found.server, version: found.version, sessions, moved, own, ended };
    screens::add_tails(client, town, &mut server, captured.tails, now).await;
    screens::add_screens(client, town, memory, &mut server, captured.screens, now).await;
    footprint::add_footprints(town, memory, &mut server, now);
    if depth == Depth::Plan {
        screens::add_usage(town, memory, &mut server, now);
    }
    Observed::Up(server)
}
