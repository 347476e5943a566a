//! What people ask for by hand: `start`, `stop`, `restart`, `reset`, `expire`, `pause`, `resume`.
//!
//! Each request is first written into the town's memory. So a controller that runs now or later
//! wants the same. Then cycles carry it out, in turn with that controller.

use super::agree::agree;
use super::args::{Expire, Global, Sessions, TownArg};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::{Place, orders, unasked};
use super::select;
use super::work::{Wait, Work};
use crate::model::{Mass, Orders, Request, Scope, SessionName};
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
        | Request::Restart
        | Request::RestartResuming
        | Request::RestartFresh => Place::find(global, &town, terminal)?,
    };
    let sessions = select::declared(&place, &args.named, &args.select, terminal).await?;
    if let Some(question) = question(request)
        && !select::consents(question, &sessions, &args.select, args.yes)?
    {
        terminal.say_plainly("Cancelled. Nothing was done.");
        return Ok(Exit::Failed);
    }
    if request != Request::Reset {
        refuse_while_paused(&place, terminal)?;
        agree(&place, terminal).await?;
    }
    let mut controller = place.controller()?;
    controller.ask(&sessions, request)?;
    if request == Request::Reset {
        if terminal.is_json() {
            terminal.print_json(&json::reset(&place.town, &sessions));
        } else {
            terminal.print(&format!("{} reset: crashes forgotten\n", listed(&sessions)));
        }
        return Ok(Exit::Done);
    }
    let wait = Wait::of(args.no_wait, args.timeout);
    // Whoever names sessions by hand has agreed to it.
    let orders = Orders {
        mass: Mass::Allow,
        ..Orders::default()
    };
    let work =
        Work::new(wait, orders, Scope::Sessions(sessions)).following(&place, &mut controller);
    work.run(&mut controller, &mut place, terminal).await
}

/// The verb of the question that is asked before; none where nothing living is ended.
fn question(request: Request) -> Option<&'static str> {
    match request {
        Request::Stop => Some("Stop"),
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
    let mut place = Place::find(global, &args.town, terminal)?;
    refuse_while_paused(&place, terminal)?;
    agree(&place, terminal).await?;
    let mut controller = place.controller()?;
    let wait = Wait::of(false, args.timeout);
    // Whoever types `expire` wants exactly that. So a second look is enough, however many sessions
    // have finished.
    let orders = unasked(orders(&args.orders));
    let work = Work::new(wait, orders, Scope::Expiries).following(&place, &mut controller);
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
pub(super) fn pause(
    global: &Global,
    args: &TownArg,
    paused: bool,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, args, terminal)?;
    place.controller()?.pause(paused)?;
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
