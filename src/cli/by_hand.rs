//! What people ask for by hand: `start`, `stop`, `down`, `restart`, `reset`, `expire`, `pause`, `resume`.
//!
//! Each request is first written into the town's memory. So a controller that runs now or later
//! wants the same. Then cycles carry it out, in turn with that controller.

use super::agree::agree;
use super::args::{Down, Expire, Global, Sessions, TownArg};
use super::ask;
use super::exit::{Exit, Trouble};
use super::fleet::{self, VerbWords};
use super::output::Terminal;
use super::place::{Place, orders, unasked};
use super::select;
use super::shared;
use super::work::{Wait, Work};
use crate::model::{Mass, Orders, Request, Scope, SessionName};
use crate::proc;
use crate::render::json;
use crate::render::words::count;

/// Asks for something about sessions, and carries it out.
pub(super) async fn run(
    global: &Global,
    args: &Sessions,
    request: Request,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let town = TownArg { town: None };
    let mut place = match request {
        // `reset` forgets what is in the state file, whatever the manifest says now.
        Request::Reset => Place::find_or_last_good(global, &town, terminal)?,
        Request::Start
        | Request::Stop
        | Request::Down
        | Request::Restart
        | Request::RestartResuming
        | Request::RestartFresh => Place::find(global, &town, terminal)?,
    };
    if place.town.hosts.fleet.is_some() {
        return Box::pin(shared::by_hand(&place, global, args, request, terminal)).await;
    }
    if let Some(fleet) = fleet::of(&place, global)? {
        let routes = if args.named.is_empty() {
            fleet.routes_of_flags(&args.select)?
        } else {
            fleet.routes(&args.named)?
        };
        if let Some(routes) = routes {
            return fleet.by_hand(request, args, routes, terminal).await;
        }
    }
    let sessions = select::declared(&place, &args.named, &args.select, terminal).await?;
    refuse_disabled(&place, &sessions, request)?;
    if let Some(question) = question(request)
        && !select::consents(question, &sessions, &args.select, args.yes)?
    {
        terminal.say_plainly("Cancelled. Nothing was done.");
        return Ok(Exit::Failed);
    }
    if request == Request::Reset {
        return reset(&place, &sessions, terminal);
    }
    let wait = Wait::of(&args.waiting);
    carry_out(&mut place, sessions, (request, wait), terminal).await
}

/// Forgets the crashes of sessions.
fn reset(place: &Place, sessions: &[SessionName], terminal: &Terminal) -> Result<Exit, Trouble> {
    place.controller()?.ask(sessions, Request::Reset)?;
    if terminal.is_json() {
        terminal.print_json(&json::reset(&place.town, sessions));
    } else {
        terminal.print(&format!("{} reset: crashes forgotten\n", listed(sessions)));
    }
    Ok(Exit::Done)
}

/// Stops all sessions of the town, or those that are chosen, those that start last first.
pub(super) async fn down(
    global: &Global,
    args: &Down,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let mut place = Place::find(global, &args.words.town(), terminal)?;
    if place.town.hosts.fleet.is_some() {
        return Box::pin(shared::down(&place, global, args, terminal)).await;
    }
    if let Some(fleet) = fleet::of(&place, global)? {
        return fleet.down(args, terminal).await;
    }
    let named = args.words.sessions();
    let is_whole = named.is_empty() && args.select.is_empty();
    let sessions = if is_whole {
        place
            .town
            .declared()
            .map(|desired| desired.name.clone())
            .collect()
    } else {
        select::declared(&place, &named, &args.select, terminal).await?
    };
    let question = format!("Stop {} of town {}?", listed(&sessions), place.town.name);
    if !args.yes && ask::is_somebody_there() && !ask::consents(&question)? {
        terminal.say_plainly("Cancelled. Nothing was done.");
        return Ok(Exit::Failed);
    }
    let wait = Wait::of(&args.waiting);
    let exit = carry_out(&mut place, sessions, (Request::Down, wait), terminal).await?;
    if exit == Exit::Done && !terminal.is_json() {
        terminal.print("`gtctl up` starts the same sessions again\n");
    }
    Ok(exit)
}

/// Writes the request down, then runs cycles until it is done.
async fn carry_out(
    place: &mut Place,
    sessions: Vec<SessionName>,
    (request, wait): (Request, Wait),
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    refuse_while_paused(place, terminal)?;
    agree(place, terminal).await?;
    let mut controller = place.controller()?;
    controller.ask(&sessions, request)?;
    // Whoever names sessions by hand has agreed to it.
    let orders = Orders {
        mass: Mass::Allow,
        ..Orders::default()
    };
    let work = Work::new(wait, orders, Scope::Sessions(sessions)).following(place, &mut controller);
    work.run(&mut controller, place, terminal).await
}

/// A disabled session does not start by hand either: the manifest says that it does not run.
fn refuse_disabled(
    place: &Place,
    sessions: &[SessionName],
    request: Request,
) -> Result<(), Trouble> {
    let starts = match request {
        Request::Start | Request::Restart | Request::RestartResuming | Request::RestartFresh => {
            true
        }
        Request::Stop | Request::Down | Request::Reset => false,
    };
    let is_disabled = |name: &&SessionName| {
        let desired = place.town.sessions.get(*name);
        desired.is_some_and(|desired| !desired.enabled)
    };
    let now = proc::clock::now().wall;
    let off = |name: &SessionName| {
        let schedule = place.town.sessions.get(name)?.schedule.as_ref()?;
        let state = schedule.at(now);
        let until = state.changes.map(|at| schedule.label(at));
        (!state.is_on).then(|| (name.clone(), until, schedule.zone.name.clone()))
    };
    if let Some((name, until, zone)) = sessions.iter().find_map(off).filter(|_| starts) {
        let until = until.map_or_else(String::new, |until| format!(" until {until}"));
        let message = format!("{name} is off{until} ({zone}), by its schedule");
        return Err(Trouble::new(message).help(format!(
            "change its `schedule`: `gtctl explain {name} --all` says where it stands"
        )));
    }
    match sessions.iter().find(is_disabled).filter(|_| starts) {
        Some(name) => Err(
            Trouble::new(format!("{name} is disabled in the manifest")).help(format!(
                "remove `enabled = false`: `gtctl explain {name} --all` says where it stands"
            )),
        ),
        None => Ok(()),
    }
}

/// The verb of the question that is asked before; none where nothing living is ended.
fn question(request: Request) -> Option<&'static str> {
    match request {
        Request::Stop | Request::Down => Some("Stop"),
        Request::Restart | Request::RestartResuming | Request::RestartFresh => Some("Restart"),
        Request::Start | Request::Reset => None,
    }
}

/// Carries out the expiries of the plan, and nothing else.
pub(super) async fn expire(
    global: &Global,
    args: &Expire,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let mut place = Place::find(global, &args.words.town(), terminal)?;
    if let Some(fleet) = fleet::of(&place, global)? {
        let words = VerbWords::of("expire")
            .orders(&args.orders)
            .value("--timeout", args.timeout);
        let asked = fleet.asked_of(&args.words, words)?;
        return fleet.act_on("expire", asked, args.timeout, terminal).await;
    }
    let sessions = place.sessions(&args.words.sessions())?;
    refuse_while_paused(&place, terminal)?;
    agree(&place, terminal).await?;
    let mut controller = place.controller()?;
    let wait = Wait::at_most(args.timeout);
    // Whoever types `expire` wants exactly that. So a second look is enough, however many sessions
    // have finished.
    let orders = unasked(orders(&args.orders));
    let work =
        Work::new(wait, orders, Scope::Expiries(sessions)).following(&place, &mut controller);
    work.run(&mut controller, &mut place, terminal).await
}

/// Refuses what cannot be done while the town is paused. The request is not kept either: nobody
/// would expect it to happen at `resume`.
pub(super) fn refuse_while_paused(place: &Place, terminal: &Terminal) -> Result<(), Trouble> {
    if !place.recall(terminal)?.paused {
        return Ok(());
    }
    let message = format!(
        "town {} is paused: nothing was done, and gtctl will not do it later",
        place.town.name
    );
    Err(Trouble::new(message)
        .help("run `gtctl resume`, then repeat the command")
        .exits(Exit::Partial))
}

/// Pauses or resumes the town.
pub(super) async fn pause(
    global: &Global,
    args: &TownArg,
    paused: bool,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, args, terminal)?;
    if let Some(fleet) = fleet::of(&place, global)? {
        let verb = if paused { "pause" } else { "resume" };
        return fleet.act_everywhere(VerbWords::of(verb), terminal).await;
    }
    place.own_controller()?.pause(paused)?;
    if terminal.is_json() {
        terminal.print_json(&json::pause(&place.town, paused));
        return Ok(Exit::Done);
    }
    let what = if paused {
        "paused: gtctl changes nothing until `gtctl resume`"
    } else {
        "resumed"
    };
    terminal.print(&format!("town {} {what}\n", place.town.name));
    Ok(Exit::Done)
}

fn listed(sessions: &[SessionName]) -> String {
    match sessions {
        [only] => only.to_string(),
        several => count(several.len(), "session"),
    }
}
