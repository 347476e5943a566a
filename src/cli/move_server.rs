//! `gtctl move-server`: moves the town from the tmux server where it lives to the server at its
//! socket.
//!
//! It ends the sessions on the old server, as `gtctl stop` does. Only then may they begin on the
//! new one, so no session ever runs twice. This verb starts nothing.

use super::agree::agree;
use super::args::{Global, MoveServer};
use super::ask::Questions;
use super::by_hand::refuse_while_paused;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use super::work::{Wait, Work};
use crate::model::{Mass, Orders, Orphans, Request, Scope, SessionName, Socket};
use crate::observe::{Former, Holding, former, still_there};
use crate::proc;
use crate::render::words::count;
use crate::tmux::Client;
use std::path::Path;

pub(super) async fn run(
    global: &Global,
    args: &MoveServer,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find(global, &args.town, terminal)?;
    refuse_while_paused(&place, terminal)?;
    agree(&place, terminal).await?;
    let Some(holding) = holding(&place, terminal).await? else {
        terminal.print(&format!(
            "town {} has no sessions on another server; its server is {}: nothing to move\n",
            place.town.name,
            place.client.socket_path().display()
        ));
        return Ok(Exit::Done);
    };
    let Some(socket) = holding.socket.clone() else {
        let pid = holding.server.0.pid;
        return Err(Trouble::new(format!(
            "the town's tmux server (process {pid}) does not answer"
        ))
        .help(format!(
            "stop it with `kill {pid}`; then `gtctl apply` starts the town here"
        )));
    };
    // A controller that was started before the edit keeps the town on the old server.
    let _lock = place.controller()?.claim()?;
    if !is_agreed(&place, &holding, &socket, args, terminal)? {
        terminal.print("nothing was moved\n");
        return Ok(Exit::Partial);
    }
    end_there(place, &holding, &socket, args, terminal).await
}

/// The town's sessions on the server last seen. None where that is the server at the town's socket.
async fn holding(place: &Place, terminal: &Terminal) -> Result<Option<Holding>, Trouble> {
    let memory = place.recall(terminal)?;
    match former(&place.client, &place.town, &memory, proc::clock::now()).await {
        Former::Free => Ok(None),
        Former::Holds(holding) => Ok(Some(holding)),
        Former::Untold(server) => {
            let pid = server.0.pid;
            let what = format!("the former tmux server (process {pid}) runs but does not answer");
            Err(Trouble::new(what).help(format!(
                "stop it with `kill {pid}` if you need nothing on it"
            )))
        }
    }
}

/// Says what will be done, and asks for agreement.
fn is_agreed(
    place: &Place,
    holding: &Holding,
    socket: &Path,
    args: &MoveServer,
    terminal: &Terminal,
) -> Result<bool, Trouble> {
    let names: Vec<&str> = holding.sessions.iter().map(SessionName::as_str).collect();
    let sessions = count(names.len(), "session");
    terminal.note(&format!(
        "{sessions} of town {} run on the server at {} (process {}): {}. gtctl stops them there; the next `gtctl apply`, \
         or a controller, starts them on the server at {}",
        place.town.name,
        socket.display(),
        holding.server.0.pid,
        names.join(", "),
        place.client.socket_path().display()
    ));
    if args.yes {
        return Ok(true);
    }
    let questions = Questions::to_terminal();
    if questions == Questions::Assume {
        return Err(Trouble::new(format!(
            "this stops {sessions}, and there is no terminal to ask at"
        ))
        .help("gtctl move-server --yes"));
    }
    questions.ask(&format!("Stop {sessions} there?"), "n", |answer| {
        Ok(matches!(answer, "y" | "yes" | "Y"))
    })
}

/// Ends the sessions by the stop ladder, then allows them to start again.
async fn end_there(
    place: Place,
    holding: &Holding,
    socket: &Path,
    args: &MoveServer,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let mut there = Place {
        client: Client::new(&Socket::Path(socket.to_path_buf())),
        ..place
    };
    let mut controller = there.controller()?;
    let stopped_before = controller.stopped_of(&holding.sessions)?;
    controller.ask(&holding.sessions, Request::Stop)?;
    let orders = Orders {
        mass: Mass::Allow,
        orphans: Orphans::Prune,
        ..Orders::default()
    };
    let scope = Scope::Sessions(holding.sessions.clone());
    let ended = Work::new(Wait::InAll(args.timeout), orders, scope)
        .run(&mut controller, &mut there, terminal)
        .await;
    let left = match still_there(holding, &there.town).await {
        Former::Free => Vec::new(),
        Former::Holds(left) => left.sessions,
        Former::Untold(_) => holding.sessions.clone(),
    };
    controller.leave_server(holding, &left, &stopped_before)?;
    if left.is_empty() {
        let town = &there.town.name;
        terminal.print(&format!(
            "town {town} has left that server: `gtctl apply` starts it on the new one\n"
        ));
        return Ok(Exit::Done);
    }
    let exit = ended?;
    terminal.warn(&format!(
        "{} still on the old server ({}): run `gtctl move-server` again once nobody is attached there",
        count(left.len(), "session"),
        left.iter().map(SessionName::as_str).collect::<Vec<_>>().join(", ")
    ));
    Ok(if exit == Exit::Done {
        Exit::Partial
    } else {
        exit
    })
}
