//! Chores from the command line: what a controller needs to run them, and `gtctl chore run`.

use super::args::{ChoreRun, Global, TownArg};
use super::by_hand::refuse_while_paused;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::own::myself;
use super::place::Place;
use super::scene;
use crate::chores::{AnalysisInput, Chores, Describe};
use crate::controller::{ByTurns, Controller, Farewell};
use crate::model::{ChoreResult, Orders, Scope, Town};
use crate::proc::host;
use crate::render::{Books, Clock, Colour, Detail, Paper, brief, json, sanitise};
use crate::store::{LockFault, View};
use std::sync::Arc;

/// How many of the last events an analysis is given.
const EVENTS: usize = 60;
/// How many of the largest processes an analysis is given.
const PROCESSES: usize = 10;
/// The longest line about a run, in characters.
const LONG: usize = 1000;

/// The runner of a town's chores.
pub(super) fn chores(place: &Place) -> Chores {
    let state = View::of(&place.state);
    let describe: Describe = Arc::new(move |look| describe(&state, look));
    let typist = ByTurns::new(place.client.clone(), place.state.clone(), myself());
    Chores::new(describe, Arc::new(typist))
}

fn describe(state: &View, look: &AnalysisInput) -> String {
    let clock = Clock {
        now: look.now,
        offset_seconds: 0,
    };
    let paper = Paper {
        clock,
        width: None,
        colour: Colour::Off,
        detail: Detail::Short,
    };
    let books = Books {
        idle_saved: state.idle_saved(),
        ..Books::default()
    };
    brief::page(
        &scene::of_analysis(look),
        &books,
        &state.last_events(EVENTS),
        &host::look(state.path(), PROCESSES),
        &paper,
    )
}

/// Runs one chore now. Where a controller runs, the controller runs it.
pub(super) async fn run(
    global: &Global,
    args: &ChoreRun,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find(global, &TownArg { town: None }, terminal)?;
    check(&place.town, &args.chore)?;
    refuse_while_paused(&place, terminal)?;
    let mut controller = place.controller()?;
    controller.ask_chore(&args.chore)?;
    let _claim = match controller.claim() {
        Ok(claim) => claim,
        Err(LockFault::Held { .. }) => {
            let said = "the controller runs it at its next check";
            if terminal.is_json() {
                terminal.print_json(&json::chore_run(&place.town, &args.chore, None, said));
            } else {
                terminal.print(&format!("{}: {said}\n", args.chore));
            }
            return Ok(Exit::Done);
        }
        Err(fault) => return Err(fault.into()),
    };
    let mut controller = controller.doing(chores(&place));
    let scope = Scope::Chore(args.chore.clone());
    let cycle = controller
        .cycle(&place.town, Orders::default(), &scope)
        .await?;
    cycle
        .notices
        .iter()
        .for_each(|notice| terminal.warn(notice));
    conclude(&mut controller, &place.town, &args.chore, terminal).await
}

async fn conclude(
    controller: &mut Controller,
    town: &Town,
    chore: &str,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    controller.end_chores(Farewell::Wait).await?;
    let memory = controller.recall_in_turn()?;
    let ended = memory
        .chores
        .get(chore)
        .filter(|history| !history.asked)
        .and_then(|history| history.ended.as_ref());
    let Some(ended) = ended else {
        return Err(
            Trouble::new(format!("{chore} was not run")).help("`gtctl status` shows what holds it")
        );
    };
    if terminal.is_json() {
        terminal.print_json(&json::chore_run(
            town,
            chore,
            Some(ended.result),
            &ended.said,
        ));
    } else {
        terminal.print(&format!(
            "{chore}: {}: {}\n",
            ended.result.word(),
            sanitise::line(&ended.said, LONG)
        ));
    }
    Ok(match ended.result {
        ChoreResult::Done => Exit::Done,
        ChoreResult::Skipped => Exit::Partial,
        ChoreResult::Failed | ChoreResult::TimedOut | ChoreResult::Lost => Exit::Failed,
    })
}

fn check(town: &Town, chore: &str) -> Result<(), Trouble> {
    if town.chores.iter().any(|known| known.name == chore) {
        return Ok(());
    }
    let known: Vec<&str> = town
        .chores
        .iter()
        .map(|chore| chore.name.as_str())
        .collect();
    let help = if known.is_empty() {
        "town.toml declares no chore: add a [[chore]]".to_owned()
    } else {
        known.join(", ")
    };
    Err(Trouble::new(format!("there is no chore `{chore}`")).help(help))
}
