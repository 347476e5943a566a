//! `gtctl nudge`: a text for an agent, typed at its prompt as a person would.

use super::args::{Global, Nudge, TownArg};
use super::by_hand::refuse_while_paused;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::model::{Agent, Delivery, NudgeText, Obstacle, Period, SessionName};
use crate::proc;
use crate::render::{brief, nudge as page};
use tokio::signal::unix::{SignalKind, signal};

/// How often a session that is busy is looked at.
const LOOK_EVERY: Period = Period::from_millis(400);

pub(super) async fn run(
    global: &Global,
    args: &Nudge,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let text = NudgeText::new(&args.text.join(" "))
        .map_err(|e| Trouble::new(e.to_string()).help(e.help()))?;
    let text = if args.command {
        text.as_command()
    } else {
        text
    };
    let place = Place::find(global, &TownArg { town: None }, terminal)?;
    let session = place.session(&args.session)?;
    refuse_while_paused(&place, terminal)?;
    let mut controller = place.controller()?;
    // Listened for from the beginning: what is being typed is submitted first.
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|e| Trouble::new("cannot listen for signals").because(&e))?;
    let begun = proc::clock::now();
    let mut told = false;
    let delivery = loop {
        let delivery = controller.nudge(&place.town, &session, &text).await?;
        let left = args.timeout.minus(proc::clock::now().since(&begun));
        let Delivery::Refused(obstacle) = &delivery else {
            break delivery;
        };
        if !obstacle.passes() || left.is_zero() {
            break delivery;
        }
        if !std::mem::replace(&mut told, true) {
            terminal.note(&format!(
                "{session}: {obstacle}; waiting up to {}",
                brief(left)
            ));
        }
        tokio::select! {
            biased;
            _ = interrupt.recv() => break delivery,
            () = tokio::time::sleep(LOOK_EVERY.min(left).to_std()) => {}
        }
    };
    controller
        .tell_of_nudge(&session, &text, &delivery)
        .iter()
        .for_each(|notice| terminal.warn(notice));
    let agent = place
        .town
        .sessions
        .get(&session)
        .map(|desired| &desired.agent);
    tell(&session, agent, &delivery, terminal);
    Ok(exit_of(&delivery))
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
