//! The tmux server of a town, also where it is left to gt.

use super::exit::Trouble;
use crate::model::{Ownership, ServerId, Socket, Town};
use crate::observe::{LodgingFault, lodging};
use crate::proc;
use crate::render::words;
use crate::store::View;
use crate::tmux::list::PaneRow;
use std::path::Path;

/// The server of a town. Where the manifest leaves it to gt, it is searched for.
pub(super) fn server_of(town: &Town, state: &View) -> Result<Socket, Trouble> {
    let Some(root) = town
        .root
        .as_deref()
        .filter(|_| town.socket == Socket::Gastown)
    else {
        return Ok(town.socket.clone());
    };
    let known = state.load(proc::clock::now())?.memory.server;
    find_server(root, known, |row| match row.labels.ownership(&town.name) {
        Ownership::Ours(_) => true,
        Ownership::Unlabelled | Ownership::Unproved(_) => {
            town.sessions.contains_key(row.name.as_str())
        }
        Ownership::Foreign(_) => false,
    })
}

/// The server on which gt has the town at this root.
pub(super) fn find_server(
    root: &Path,
    known: Option<ServerId>,
    is_ours: impl Fn(&PaneRow) -> bool + Send,
) -> Result<Socket, Trouble> {
    let wanted = std::env::var("GT_TMUX_SOCKET").ok();
    let find = || -> std::io::Result<_> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(runtime.block_on(lodging(root, wanted.as_deref(), known, is_ours)))
    };
    // Verbs already run within a runtime. Another one needs its own thread.
    let found = std::thread::scope(|scope| scope.spawn(find).join());
    match found {
        Ok(Ok(Ok(socket))) => Ok(socket),
        Ok(Ok(Err(LodgingFault::Doubled(servers)))) => Err(of_doubled(&servers)),
        Ok(Ok(Err(LodgingFault::Elsewhere(known)))) => Err(of_elsewhere(known)),
        Ok(Err(source)) => Err(Trouble::new("cannot look for gt's tmux server").because(&source)),
        Err(_) => Err(Trouble::new("cannot look for gt's tmux server")),
    }
}

/// gt now names another server than the town was on.
fn of_elsewhere(known: ServerId) -> Trouble {
    let pid = known.0.pid;
    Trouble::new(format!(
        "the former tmux server (process {pid}) still runs, but gt would not use it: nothing is done"
    ))
    .help("name its socket (`town.socket` or `--socket`), or stop that server")
}

/// One town on two servers: whichever one gtctl acts on, it would miss the other.
fn of_doubled(servers: &[(Socket, Vec<String>)]) -> Trouble {
    let servers = servers.iter().map(|(socket, names)| {
        let shown = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(3);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("`{}` has {shown}{more}", words::tmux(socket))
    });
    let servers: Vec<String> = servers.collect();
    Trouble::new(format!(
        "the town runs on two tmux servers, so nothing is done: {}",
        servers.join("; ")
    ))
    .help(
        "stop the sessions on one of them, or name the right server with `town.socket` or `--socket`",
    )
}
