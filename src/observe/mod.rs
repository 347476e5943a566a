//! One look: tmux and `/proc` into one [`Observed`].
//!
//! When all is well a look is one round trip to tmux. Only what is odd costs more: a pane that seems dead without a
//! status is asked about again, screens of dead panes are read together, a socket file that went missing is brought
//! back.
//!
//! **Architecture invariant:** nothing here decides, and nothing is reported that was not seen. A look that failed is
//! [`Observed::Unknown`], never an empty town; only what [`reach`] can prove is [`Observed::Down`].

mod life;
mod listen;
mod reach;
mod sessions;
mod settle;

pub use listen::listen;

use crate::model::{Death, Life, Moment, Observed, Ownership, PaneId, Seen, Server, ServerId, Town};
use crate::proc::own;
use crate::tmux::{Client, tail};
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

/// Looks once at the town's server. `known` is the server last seen up: it must have ended before a silent socket
/// counts as no server. Takes at most 4.5 s.
///
/// Changes nothing but what tmux should have done itself: it may tell the server to create its socket file anew, and
/// to ask after children that ended.
pub async fn look(client: &Client, town: &Town, known: Option<ServerId>, now: Moment, depth: Depth) -> Observed {
    match tokio::time::timeout(DEADLINE, look_without_deadline(client, town, known, now, depth)).await {
        Ok(observed) => observed,
        Err(_) => Observed::Unknown(format!("tmux did not answer within {DEADLINE:?}")),
    }
}

async fn look_without_deadline(
    client: &Client,
    town: &Town,
    known: Option<ServerId>,
    now: Moment,
    depth: Depth,
) -> Observed {
    let found = match reach::reach(client, known).await {
        Ok(found) => found,
        Err(reach::Unreached::Down) => return Observed::Down,
        Err(reach::Unreached::Unknown(why)) => return Observed::Unknown(why),
    };
    let found = match settle::settle(client, town, found).await {
        Ok(found) => found,
        Err(why) => return Observed::Unknown(why),
    };
    let line = own::line();
    let (sessions, own) = sessions::gather(&found, town, now, depth, &line);
    let mut server = Server { id: found.server, version: found.version, sessions, own };
    add_tails(client, &mut server).await;
    Observed::Up(server)
}

/// The last words of our dead, in one more call; none when there are no dead, and no harm when it fails.
async fn add_tails(client: &Client, server: &mut Server) {
    let panes: Vec<PaneId> = server.sessions.values().filter_map(screen_of_dead).collect();
    if panes.is_empty() {
        return;
    }
    let mut tails = match tail::tails(client, &panes).await {
        Ok(tails) => tails,
        Err(fault) => return tracing::debug!(%fault, "no tails"),
    };
    for seen in server.sessions.values_mut() {
        if let (Life::Dead { tail, .. }, Some(lines)) = (&mut seen.life, tails.remove(&seen.pane)) {
            *tail = lines;
        }
    }
}

/// The pane whose screen tells how a session of ours ended.
fn screen_of_dead(seen: &Seen) -> Option<PaneId> {
    match (&seen.ownership, &seen.life) {
        (Ownership::Ours(_), Life::Dead { death, .. }) => (*death != Death::Vanished).then_some(seen.pane),
        (Ownership::Ours(_), Life::Alive { .. } | Life::Unknown(_))
        | (Ownership::Unlabelled | Ownership::Foreign(_), _) => None,
    }
}
