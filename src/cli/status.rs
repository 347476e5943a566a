//! `gtctl status`: what every session is, since when, and what comes next.

use super::args::{Global, Status, TownArg};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::controller::Survey;
use crate::model::{Observed, Orders, SessionName};
use crate::observe::Depth;
use crate::render::{Books, Scene, json, status as page};
use crate::store::View;
use std::time::Duration;

/// How often `--watch` draws.
const DRAW_EVERY: Duration = Duration::from_secs(1);
/// Moves the cursor home and clears to the end of the screen after the new page is drawn over the old.
const HOME: &str = "\x1b[H";
const CLEAR_REST: &str = "\x1b[J";

pub(super) async fn run(global: &Global, args: &Status, terminal: &Terminal) -> Result<Exit, Trouble> {
    // No session's name ends so: this is a manifest, as with the verbs about the whole town.
    let (towns, sessions): (Vec<&String>, Vec<&String>) = args.sessions.iter().partition(|arg| arg.contains('.'));
    let town = TownArg { town: towns.first().map(|path| path.as_str().into()) };
    let place = Place::find(global, &town, terminal)?;
    let only = place.sessions(&sessions)?;
    loop {
        let survey = place.survey(Orders::default(), Depth::Full, terminal).await?;
        let page = draw(&place, &survey, &only, terminal);
        if !args.watch {
            terminal.print(&page);
            return Ok(match survey.observed {
                Observed::Unknown(_) => Exit::Failed,
                Observed::Up(_) | Observed::Down => Exit::Done,
            });
        }
        let page = page.replace('\n', "\x1b[K\n");
        terminal.print(&format!("{HOME}{page}{CLEAR_REST}"));
        tokio::select! {
            () = tokio::time::sleep(DRAW_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

fn draw(place: &Place, survey: &Survey<'_>, only: &[SessionName], terminal: &Terminal) -> String {
    let Survey { now, town, observed, memory, plan, notices: _ } = survey;
    let scene = Scene { town, observed, memory, plan, now: *now };
    let view = View::of(&place.state);
    let logs = memory.sessions.keys().filter_map(|name| Some((name.clone(), view.newest_log(name)?)));
    let logs = logs.map(|(name, path)| (name, path.display().to_string())).collect();
    let books = Books { idle_saved: view.idle_saved(), logs };
    if terminal.is_json() {
        serde_json::to_string_pretty(&json::status(&scene, &books, only)).unwrap_or_default()
    } else {
        page::page(&scene, &books, only, &terminal.paper(*now))
    }
}
