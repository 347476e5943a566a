//! `gtctl nudge`: a text for an agent, typed at its prompt as a person would.

use super::args::{Global, Nudge, TownArg};
use super::by_hand::refuse_while_paused;
use super::exit::{Exit, Trouble};
use super::fleet::{self, VerbWords};
use super::output::Terminal;
use super::place::Place;
use super::select;
use super::shared;
use crate::model::{
    Agent, Asker, Delivery, NudgeText, Obstacle, Period, SessionName, TextEnd, TextRequest,
};
use crate::proc;
use crate::render::{brief, nudge as page};
use tokio::signal::unix::{SignalKind, signal};

pub(super) async fn run(
    global: &Global,
    args: &Nudge,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let text = text_of(args)?;
    let place = Place::find(global, &TownArg { town: None }, terminal)?;
    if needs_store(&place, args) {
        return Box::pin(shared::nudge(&place, global, args, text.as_str(), terminal)).await;
    }
    if let Some(fleet) = fleet::of(&place, global)? {
        let routes = if args.select.is_empty() {
            fleet.routes(&[&args.session])?
        } else {
            fleet.routes_of_flags(&args.select)?
        };
        if let Some(mut routes) = routes {
            for words in routes.values_mut() {
                words.push(text.as_str().to_owned());
            }
            let words = VerbWords::of("nudge")
                .flag("--command", args.command)
                .value("--timeout", Some(args.timeout))
                .select(&args.select);
            return fleet
                .act_at(words, routes, Some(args.timeout), terminal)
                .await;
        }
    }
    let sessions = if args.select.is_empty() {
        vec![place.session(&args.session)?]
    } else {
        select::declared(&place, &[""; 0], &args.select, terminal).await?
    };
    refuse_while_paused(&place, terminal)?;
    let mut worst = Exit::Done;
    for session in sessions {
        let delivery = deliver(&place, &session, &text, args.timeout, terminal).await?;
        let agent = place
            .town
            .sessions
            .get(&session)
            .map(|desired| &*desired.agent);
        tell(&session, agent, &delivery, terminal);
        worst = worse(worst, exit_of(&delivery));
    }
    Ok(worst)
}

/// Whether only the store leads to the session: it is on a host that ssh does not reach.
fn needs_store(place: &Place, args: &Nudge) -> bool {
    let hosts = &place.town.hosts;
    if hosts.fleet.is_none() {
        return false;
    }
    if !args.select.is_empty() {
        return true;
    }
    let host = hosts.host_of(&args.session);
    let address = host.and_then(|host| hosts.all.get(host));
    address.is_some_and(|address| address.ssh.is_none())
}

/// The text. Where flags choose the sessions, the first word belongs to it, too.
fn text_of(args: &Nudge) -> Result<NudgeText, Trouble> {
    let words = args.text.join(" ");
    let words = if args.select.is_empty() {
        words
    } else {
        format!("{} {words}", args.session).trim_end().to_owned()
    };
    let text = NudgeText::new(&words).map_err(|e| Trouble::new(e.to_string()).help(e.help()))?;
    Ok(if args.command {
        text.as_command()
    } else {
        text
    })
}

/// A failure weighs more than a refusal, and that more than success.
fn worse(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::Failed, _) | (_, Exit::Failed) => Exit::Failed,
        (Exit::Done, other) => other,
        (one, _) => one,
    }
}

/// Types a text into one session.
async fn deliver(
    place: &Place,
    session: &SessionName,
    text: &NudgeText,
    timeout: Period,
    terminal: &Terminal,
) -> Result<Delivery, Trouble> {
    let mut controller = place.own_controller()?;
    // Listened for from the beginning: what is being typed is submitted first.
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|e| Trouble::new("cannot listen for signals").because(&e))?;
    let now = proc::clock::now();
    let request = TextRequest {
        asker: Asker::Person,
        session: session.clone(),
        incarnation: None,
        text: text.clone(),
        since: now,
        until: now.plus(timeout),
        begun: false,
    };
    let interrupted = async {
        let _ = interrupt.recv().await;
    };
    let waiting = |obstacle: &Obstacle, left| {
        let left = brief(left);
        terminal.note(&format!("{session}: {obstacle}; waiting up to {left}"));
    };
    let end = controller
        .deliver(&place.town, &request, interrupted, waiting)
        .await?;
    let (TextEnd::Settled(delivery) | TextEnd::BrokenOff(delivery)) = end;
    controller
        .tell_of_nudge(session, text, &delivery)
        .iter()
        .for_each(|notice| terminal.warn(notice));
    Ok(delivery)
}

fn tell(session: &SessionName, agent: Option<&Agent>, delivery: &Delivery, terminal: &Terminal) {
    let fix = page::fix(session, agent, delivery);
    if terminal.is_json() {
        let now = proc::clock::now();
        return terminal.print_json(&page::json(session, delivery, fix.as_deref(), now));
    }
    match delivery {
        Delivery::Delivered { .. } | Delivery::Handed { .. } => {
            terminal.print(&format!("{session}: {delivery}\n"));
        }
        Delivery::Refused(_)
        | Delivery::Stale(_)
        | Delivery::Failed(_)
        | Delivery::NotSubmitted { .. }
        | Delivery::Unknown(_) => {
            let help = fix.map_or_else(String::new, |fix| format!("; {fix}"));
            terminal.warn(&format!("{session}: {delivery}{help}"));
        }
    }
}

fn exit_of(delivery: &Delivery) -> Exit {
    match delivery {
        Delivery::Delivered { .. } | Delivery::Handed { .. } => Exit::Done,
        Delivery::Refused(Obstacle::Untold(_)) | Delivery::Failed(_) => Exit::Failed,
        Delivery::Refused(_)
        | Delivery::Stale(_)
        | Delivery::NotSubmitted { .. }
        | Delivery::Unknown(_) => Exit::Partial,
    }
}
