//! Reaches the server: lists its panes, or proves that there is no server.
//!
//! A client that finds no server proves little. The socket file may have been removed under a
//! living server, and a second server beside it would run every session twice. So the server counts
//! as down only if nothing listens on the path and the server last seen has ended.

use super::cache::Cached;
use super::former;
use super::life::{self, Pane};
use super::prefetch::{self, Ahead, Living, MOST_TAILS};
use crate::model::SortedSet;
use crate::model::cover;
use crate::model::{PaneId, ProcId, ServerId, SessionName, Town};
use crate::proc::process::{self, Presence};
use crate::proc::signal;
use crate::proc::sockets::{self, Listening};
use crate::tmux::Client;
use crate::tmux::list::{self, ListFault, Listing, PaneRow};
use crate::tmux::tail::{Captured, Wanted};
use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A server and its panes.
#[derive(Debug)]
pub(super) struct Found {
    /// Which server.
    pub(super) server: ServerId,
    /// Its panes.
    pub(super) listing: Arc<Listing>,
    /// The state of each pane, in the order of the rows.
    judged: Vec<Pane>,
    /// The panes of which tmux was asked, when the other rows come from an earlier look.
    pub(super) few: Option<SortedSet<PaneId>>,
    /// Our own pid and those of our ancestors.
    pub(super) line: Vec<u32>,
    /// The screens that were read in the same call.
    pub(super) captured: Captured,
}

impl Found {
    /// Its version.
    pub(super) fn version(&self) -> &str {
        &self.listing.version
    }

    /// The panes with their states.
    pub(super) fn panes(&self) -> impl Iterator<Item = (&PaneRow, &Pane)> {
        self.listing.rows.iter().zip(&self.judged)
    }

    /// The town, together with the listed sessions that its policies cover.
    pub(super) fn covered<'t>(&self, town: &'t Town) -> Cow<'t, Town> {
        if town.policies.is_empty() {
            return Cow::Borrowed(town);
        }
        let owned = |row: &PaneRow| (row.name.clone(), row.labels.ownership(&town.name));
        let listing: Vec<_> = self.listing.rows.iter().map(owned).collect();
        cover(
            town,
            listing
                .iter()
                .map(|(name, ownership)| (name.as_str(), ownership)),
        )
    }
}

/// Why there is no listing.
#[derive(Debug)]
pub(super) enum Unreached {
    /// It is proved that there is no server.
    Down,
    /// The state could not be determined, for this reason.
    Unknown(String),
}

/// How long a server may take to create its socket file again.
const SOCKET_WAIT: Duration = Duration::from_millis(500);

/// Lists the server's panes, or proves that there is no server.
///
/// If only a few watched processes have ended and `cached` has all panes, it asks tmux only for the
/// panes of those few. `screens` names sessions whose screens are needed, if they exist.
pub(super) async fn reach(
    client: &Client,
    known: Option<(ServerId, &Town)>,
    living: Living,
    cached: Cached,
    screens: &[&SessionName],
) -> Result<Found, Unreached> {
    let ended = living.ended();
    let server = || {
        client
            .server()
            .or(known.map(|(ServerId(server), _)| server.pid))
    };
    let Cached { panes, listing } = cached;
    let are_few = (1..=MOST_TAILS).contains(&ended.len());
    let before = listing.filter(|_| are_few);
    let listing = ask(client, before, &ended, screens);
    let (listed, ahead) = prefetch::beside(server, &panes, living, listing).await;
    match listed {
        Ok(listed) => {
            let found = identified(client, listed, ahead).map_err(Unreached::Unknown)?;
            alone(client, known, found)
                .await
                .map_err(Unreached::Unknown)
        }
        Err(ListFault::NoServer(_)) => {
            revive(client, known).await?;
            let listed = ask(client, None, &[], &[])
                .await
                .map_err(|fault| Unreached::Unknown(in_words(&fault)))?;
            identified(client, listed, Ahead::default()).map_err(Unreached::Unknown)
        }
        Err(fault) => Err(Unreached::Unknown(in_words(&fault))),
    }
}

/// Asks again for the lost panes of a server that has just answered. Asks for all panes if the
/// first listing had all of them.
pub(super) async fn again(client: &Client, found: Found, lost: &[PaneId]) -> Result<Found, String> {
    let Found { listing, few, .. } = found;
    let before = few.is_some().then_some(listing);
    let listed = ask(client, before, lost, &[])
        .await
        .map_err(|fault| in_words(&fault))?;
    let found = identified(client, listed, Ahead::default())?;
    let few = found.few.zip(few).map(|(mut now, before)| {
        now.extend(before);
        now
    });
    Ok(Found { few, ..found })
}

/// The answer of the server, not yet checked.
struct Answered {
    listing: Listing,
    few: Option<SortedSet<PaneId>>,
    captured: Captured,
}

/// Lists only `panes` if the former listing is known and tmux still has them; otherwise all.
async fn ask(
    client: &Client,
    before: Option<Arc<Listing>>,
    panes: &[PaneId],
    screens: &[&SessionName],
) -> Result<Answered, ListFault> {
    let tails = panes.get(..MOST_TAILS).unwrap_or(panes);
    if let Some(before) = before.map(Arc::unwrap_or_clone)
        && let Some((listing, captured)) = list::list_few(client, before, tails).await?
    {
        return Ok(Answered {
            listing,
            few: Some(panes.iter().copied().collect()),
            captured,
        });
    }
    let (listing, captured) = list::list_with(client, Wanted { tails, screens }).await?;
    Ok(Answered {
        listing,
        few: None,
        captured,
    })
}

/// Turns the server's pid into an identity. The process must be visible to us and be tmux.
fn identified(client: &Client, answered: Answered, ahead: Ahead) -> Result<Found, String> {
    let Answered {
        listing,
        few,
        captured,
    } = answered;
    let pid = listing.server;
    if let Some(listener) = client.server().filter(|listener| *listener != pid)
        && !is_listening(pid, client)
    {
        return Err(format!(
            "the tmux server at {} says that it is process {pid}, but process {listener} listens there: is it in another \
             container?",
            client.socket_path().display()
        ));
    }
    match ahead.look(pid) {
        Presence::Alive(stat) if stat.comm.starts_with("tmux") => {
            let server = ServerId(ProcId {
                pid,
                start: stat.start,
            });
            let judged = listing
                .rows
                .iter()
                .map(|row| life::judge(row, server, &ahead))
                .collect();
            Ok(Found {
                server,
                listing: Arc::new(listing),
                judged,
                few,
                line: ahead.line(),
                captured,
            })
        }
        Presence::Alive(_) | Presence::Zombie(_) | Presence::Gone => Err(format!(
            "the tmux server is process {pid} where it runs, but not here: does it run in another container?"
        )),
        Presence::Unreadable(why) => Err(why),
    }
}

/// Whether a process has the socket open. The kernel names the process that created the socket.
/// That may be a service manager that started tmux.
fn is_listening(pid: u32, client: &Client) -> bool {
    match (
        process::identify(pid),
        sockets::listening_on(client.socket_path()),
    ) {
        (Some(process), Listening::Somebody(inodes)) => sockets::holds_any(process, &inodes),
        (Some(_) | None, Listening::Somebody(_) | Listening::Nobody | Listening::Unreadable(_)) => {
            false
        }
    }
}

/// Accepts the server that answers, unless the server last seen still has sessions of the town.
/// Otherwise they would be started a second time.
///
/// The former server may listen on the same path: its socket file was removed, and the new server
/// created another. Or the town's socket now leads elsewhere.
async fn alone(
    client: &Client,
    known: Option<(ServerId, &Town)>,
    found: Found,
) -> Result<Found, String> {
    let is_another = |server: ServerId| server != found.server && process::may_live(server.0);
    let Some((server, town)) = known.filter(|(known, _)| is_another(*known)) else {
        return Ok(found);
    };
    if let Listening::Somebody(inodes) = sockets::listening_on(client.socket_path())
        && sockets::holds_any(server.0, &inodes)
    {
        return Err(format!(
            "another tmux server (process {}) took the socket of the one last seen (process {}), which still runs: end \
             one of them",
            found.server.0.pid, server.0.pid
        ));
    }
    let former = former::at(server, town).await;
    former::in_words(&former, client).map_or(Ok(found), Err)
}

/// Returns once the server's socket file exists again. Otherwise says whether there is a server.
async fn revive(client: &Client, known: Option<(ServerId, &Town)>) -> Result<(), Unreached> {
    let path = client.socket_path();
    let unknown = |why: String| Err(Unreached::Unknown(why));
    let inodes = match sockets::listening_on(path) {
        Listening::Nobody => return gone(client, known).await,
        Listening::Somebody(inodes) => inodes,
        Listening::Unreadable(why) => return unknown(why),
    };
    if path.exists() {
        // The server has come up since the table was read.
        return Ok(());
    }
    let Some(owner) = sockets::tmux_owner(&inodes) else {
        return unknown(format!(
            "{} was removed, and gtctl cannot see who listens there",
            path.display()
        ));
    };
    let sent = signal::recreate_socket(ServerId(owner));
    let deadline = Instant::now() + SOCKET_WAIT;
    while !path.exists() {
        if Instant::now() >= deadline {
            return unknown(format!(
                "{} was removed, and its tmux server (process {}) did not create it again: {sent:?}",
                path.display(),
                owner.pid
            ));
        }
        sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// Nothing listens on the path: says whether this proves that there is no server.
async fn gone(client: &Client, known: Option<(ServerId, &Town)>) -> Result<(), Unreached> {
    let Some((server, town)) = known else {
        return Err(Unreached::Down);
    };
    let why = former::in_words(&former::at(server, town).await, client);
    Err(why.map_or(Unreached::Down, Unreached::Unknown))
}

fn in_words(fault: &ListFault) -> String {
    let cause = |mut text: String, mut source: Option<&dyn Error>| {
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        text
    };
    match fault {
        // The outer error only repeats the inner one.
        ListFault::Call(call) => cause(call.to_string(), call.source()),
        ListFault::NoServer(_)
        | ListFault::Denied(_)
        | ListFault::Broken(_)
        | ListFault::Garbled(_)
        | ListFault::TooMany => cause(fault.to_string(), fault.source()),
    }
}
