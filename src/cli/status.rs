//! `gtctl status`: what every session is, since when, and what comes next.

use super::agree::warn_of_others;
use super::args::{Global, Status, TownArg};
use super::exit::{Exit, Trouble};
use super::manifest::ManifestFile;
use super::output::Terminal;
use super::place::{Place, keepers_by, state_or_folder};
use super::scene;
use super::top;
use crate::controller::Survey;
use crate::files::aside;
use crate::model::{Observed, Orders, Period, SessionName};
use crate::observe::Depth;
use crate::proc;
use crate::render::{Books, controller, json, status as page};
use std::time::Duration;

/// How often `--watch` looks where it is not a screen.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(
    global: &Global,
    args: &Status,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    if args.watch && top::can_show(terminal) {
        return top::show(global, &args.sessions, terminal).await;
    }
    // No session's name ends so: this is a manifest, as with the verbs about the whole town.
    let (towns, sessions): (Vec<&String>, Vec<&String>) =
        args.sessions.iter().partition(|arg| arg.contains('.'));
    let town = TownArg {
        town: towns.first().map(|path| path.as_str().into()),
    };
    let place = Place::find_or_last_good(global, &town, terminal).inspect_err(|_| {
        tell_of_keepers(&ManifestFile::of(global, &town), global, terminal);
    })?;
    warn_of_others(&place, terminal);
    let only = place.sessions(&sessions)?;
    if args.watch {
        return watch(&place, &only, terminal).await;
    }
    let survey = place
        .survey(Orders::default(), Depth::Full, terminal)
        .await?;
    let books = place.books(&survey.memory, survey.now);
    show(&place, &survey, &books, &only, terminal);
    Ok(exit(&place, &survey, &books))
}

/// Looks again and again until it is interrupted. Prints one line of JSON for each look, or one page
/// for each change.
async fn watch(place: &Place, only: &[SessionName], terminal: &Terminal) -> Result<Exit, Trouble> {
    let mut told: Option<Vec<[String; 3]>> = None;
    loop {
        let survey = place
            .survey(Orders::default(), Depth::Full, terminal)
            .await?;
        let books = place.books(&survey.memory, survey.now);
        let scene = scene::of_survey(&survey);
        if terminal.is_json() {
            terminal.print_json_line(&json::status(&scene, &books, only));
        } else {
            let facts = page::facts(&scene, only);
            if told.as_ref() != Some(&facts) {
                let page = page_of(place, &survey, &books, only, terminal);
                terminal.print(&format!("{page}\n"));
                told = Some(facts);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

fn exit(place: &Place, survey: &Survey<'_>, books: &Books) -> Exit {
    let overdue = books.keeper.is_overdue(place.town.resync, survey.now);
    match survey.observed {
        Observed::Unknown(_) => Exit::Failed,
        Observed::Up(_) | Observed::Down if overdue => Exit::Failed,
        Observed::Up(_) | Observed::Down => Exit::Done,
    }
}

/// Prints one look.
fn show(
    place: &Place,
    survey: &Survey<'_>,
    books: &Books,
    only: &[SessionName],
    terminal: &Terminal,
) {
    if terminal.is_json() {
        terminal.print_json(&json::status(&scene::of_survey(survey), books, only));
    } else {
        terminal.print(&page_of(place, survey, books, only, terminal));
    }
}

fn page_of(
    place: &Place,
    survey: &Survey<'_>,
    books: &Books,
    only: &[SessionName],
    terminal: &Terminal,
) -> String {
    let paper = terminal.paper(survey.now);
    page::page(&scene::of_survey(survey), books, only, &paper)
        + &controller::line(&books.keeper, place.town.resync, &paper)
}

/// Where the manifest cannot be read, a controller may keep its town all the same, by the last good
/// one.
fn tell_of_keepers(file: &ManifestFile, global: &Global, terminal: &Terminal) {
    let paper = terminal.paper(proc::clock::now());
    let Some(place) = state_or_folder(global, None) else {
        return;
    };
    let (file, global) = (file.clone(), global.clone());
    let keepers = aside::ask(&place, move || keepers_by(&file, &global));
    for keeper in keepers.unwrap_or_default() {
        terminal.note(controller::line(&keeper, Period::ZERO, &paper).trim_end());
    }
}
