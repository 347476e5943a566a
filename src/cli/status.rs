//! `gtctl status`: what every session is, since when, and what comes next.

use super::agree::warn_of_others;
use super::args::{Global, Status, TownArg};
use super::exit::{Exit, Trouble};
use super::manifest::ManifestFile;
use super::output::Terminal;
use super::place::{Place, keepers_by, state_or_folder};
use super::scene;
use crate::controller::Survey;
use crate::files::aside;
use crate::model::{Observed, Orders, Period, SessionName};
use crate::observe::Depth;
use crate::proc;
use crate::render::{Books, controller, json, status as page};
use std::time::Duration;

/// How often `--watch` draws.
const DRAW_EVERY: Duration = Duration::from_secs(1);
/// Only for terminals: moves the cursor home and clears to the end of the screen after the new page
/// is drawn over the old.
const HOME: &str = "\x1b[H";
const CLEAR_REST: &str = "\x1b[J";

pub(super) async fn run(
    global: &Global,
    args: &Status,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
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
    loop {
        let survey = place
            .survey(Orders::default(), Depth::Full, terminal)
            .await?;
        let books = place.books(&survey.memory, survey.now);
        if !args.watch {
            show(&place, &survey, &books, &only, terminal);
            return Ok(exit(&place, &survey, &books));
        }
        show_again(&place, &survey, &books, &only, terminal);
        tokio::select! {
            () = tokio::time::sleep(DRAW_EVERY) => {}
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

/// Prints one of many looks: over the last one where the terminal can do that, as a line of JSON,
/// or below the last one.
fn show_again(
    place: &Place,
    survey: &Survey<'_>,
    books: &Books,
    only: &[SessionName],
    terminal: &Terminal,
) {
    if terminal.is_json() {
        return terminal.print_json_line(&json::status(&scene::of_survey(survey), books, only));
    }
    let page = page_of(place, survey, books, only, terminal);
    if terminal.moves_cursor {
        let page = page.replace('\n', "\x1b[K\n");
        terminal.print(&format!("{HOME}{page}{CLEAR_REST}"));
    } else {
        terminal.print(&format!("{page}\n"));
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
