//! The server last seen, when the town's socket leads to another one.
//!
//! That happens after a change of the socket in the manifest, of `--socket`, or of `TMUX_TMPDIR`.
//! While the former server still has sessions of the town, none may be started on the new one.

use crate::model::{Memory, Moment, Origin, Ownership, ServerId, SessionName, Socket, Town};
use crate::proc::tree::Above;
use crate::proc::{env_tag, process, sockets, tree};
use crate::tmux::Client;
use crate::tmux::list::{self, PaneRow};
use std::path::PathBuf;

/// What the server last seen still has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Former {
    /// Nothing: it has ended, or has no session of the town.
    Free,
    /// These sessions of the town.
    Holds(Holding),
    /// Unknown: it lives but does not answer.
    Untold(ServerId),
}

/// A former server of the town that still has sessions of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The server.
    pub server: ServerId,
    /// Its socket. `None` if it does not answer, so that only its processes were found.
    pub socket: Option<PathBuf>,
    /// The sessions that the town started or adopted there, by declared name.
    pub sessions: Vec<SessionName>,
    /// Those sessions whose agents live.
    pub living: Vec<SessionName>,
}

/// The server last seen. `None` after a reboot, because pids and start times repeat.
pub(super) fn known(memory: &Memory, now: Moment) -> Option<ServerId> {
    let same_boot = memory.last_look.is_none_or(|last| last.boot == now.boot);
    memory.server.filter(|_| same_boot)
}

/// What the server last seen still has, for a verb that moves the town to the server of `client`.
///
/// Takes at most a few calls to tmux.
pub async fn former(client: &Client, town: &Town, memory: &Memory, now: Moment) -> Former {
    let Some(known) = known(memory, now) else {
        return Former::Free;
    };
    let answers = list::list(client).await.ok().map(|listing| listing.server);
    if answers == Some(known.0.pid) {
        Former::Free
    } else {
        at(known, town).await
    }
}

/// What is still left on a former server.
pub async fn still_there(holding: &Holding, town: &Town) -> Former {
    at(holding.server, town).await
}

/// What a server still has of the town. Costs nothing if it has ended.
pub(super) async fn at(server: ServerId, town: &Town) -> Former {
    if !process::may_live(server.0) {
        return Former::Free;
    }
    for socket in sockets::paths_of(server.0) {
        let client = Client::new(&Socket::Path(socket.clone()));
        let Ok(listing) = list::list(&client).await else {
            continue;
        };
        if listing.server != server.0.pid {
            continue;
        }
        let names = |rows: Vec<&PaneRow>| {
            let mut names: Vec<SessionName> = rows
                .into_iter()
                .filter_map(|row| own_name(row, town))
                .collect();
            names.sort();
            names.dedup();
            names
        };
        let sessions = names(listing.rows.iter().collect());
        if sessions.is_empty() {
            return Former::Free;
        }
        let living = names(listing.rows.iter().filter(|row| !row.dead).collect());
        return Former::Holds(Holding {
            server,
            socket: Some(socket),
            sessions,
            living,
        });
    }
    let sessions = by_marker(server, town);
    if sessions.is_empty() {
        return Former::Untold(server);
    }
    Former::Holds(Holding {
        server,
        socket: None,
        living: sessions.clone(),
        sessions,
    })
}

/// The declared name of this pane's session, if the town started or adopted it.
fn own_name(row: &PaneRow, town: &Town) -> Option<SessionName> {
    match row.labels.ownership(&town.name) {
        Ownership::Ours(label) if label.origin != Origin::Policy => Some(label.session),
        Ownership::Ours(_)
        | Ownership::Unlabelled
        | Ownership::Unproved(_)
        | Ownership::Foreign(_) => None,
    }
}

/// The sessions that have a tagged process below this server.
fn by_marker(server: ServerId, town: &Town) -> Vec<SessionName> {
    let tagged = env_tag::carrying_any(&town.name).into_iter();
    let is_below = |process| tree::tmux_above(process) == Above::Server(server.0.pid);
    tagged
        .filter(|(_, processes)| processes.iter().any(|(_, process)| is_below(*process)))
        .map(|(name, _)| name)
        .collect()
}

/// Says why nothing may be done, and what to type. `None` if the former server has nothing.
#[must_use]
pub fn in_words(former: &Former, client: &Client) -> Option<String> {
    let here = client.socket_path().display();
    match former {
        Former::Free => None,
        Former::Untold(ServerId(server)) => Some(format!(
            "the tmux server last seen (process {}) still runs and cannot be asked, and {here} does not lead to it: \
             name its socket (`--socket`, `town.socket`), or end it",
            server.pid
        )),
        Former::Holds(Holding {
            server: ServerId(server),
            socket: Some(socket),
            sessions,
            ..
        }) => Some(format!(
            "{} on another tmux server: `--socket {1}` goes back to it, `gtctl move-server` moves them (it is process \
             {2} at {1}, and is not the one at {here})",
            live(sessions.len()),
            socket.display(),
            server.pid
        )),
        Former::Holds(Holding {
            server: ServerId(server),
            socket: None,
            sessions,
            ..
        }) => Some(format!(
            "{} on another tmux server (process {}), which does not answer, and {here} does not lead to it: name its \
             socket (`--socket`, `town.socket`), or end it",
            live(sessions.len()),
            server.pid
        )),
    }
}

fn live(sessions: usize) -> String {
    if sessions == 1 {
        "1 session of the town lives".to_owned()
    } else {
        format!("{sessions} sessions of the town live")
    }
}
