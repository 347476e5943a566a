//! `gtctl status`: what every session is, since when, and what comes next.

use super::agree::warn_of_others;
use super::args::{Global, Output, Status};
use super::exit::{Exit, Trouble};
use super::manifest::ManifestFile;
use super::output::Terminal;
use super::place::Place;
use super::scene;
use super::states::{keepers_by, state_or_folder};
use super::{fleet, shared, top};
use crate::controller::Survey;
use crate::files::aside;
use crate::model::SortedMap;
use crate::model::{Moment, Observed, Orders, Period, SessionName};
use crate::observe::Depth;
use crate::proc;
use crate::render::{Books, Selection, controller, json, status as page};
use std::time::Duration;

/// How long lies between the two looks that show how busy each session is.
const SAMPLE: Duration = Duration::from_millis(500);

/// How often `--watch` looks where it is not a screen.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(
    global: &Global,
    args: &Status,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let town = args.words.town();
    let place = Place::find_or_last_good(global, &town, terminal).inspect_err(|_| {
        tell_of_keepers(&ManifestFile::of(global, &town), global, terminal);
    })?;
    if place.town.hosts.fleet.is_some() {
        return Box::pin(shared::status(&place, global, args, terminal)).await;
    }
    if let Some(fleet) = fleet::of(&place, global)? {
        return fleet.status(args, terminal).await;
    }
    if args.watch && top::can_show(terminal) {
        return top::show(global, &args.words, terminal).await;
    }
    warn_of_others(&place, terminal);
    let named = place.sessions(&args.words.sessions())?;
    if args.watch {
        return watch(&place, args, &named, terminal).await;
    }
    let mut used = CpuTimes::default();
    if terminal.output == Output::Wide {
        let survey = look(&place, terminal).await?;
        used.next(&survey);
        tokio::time::sleep(SAMPLE).await;
    }
    let survey = look(&place, terminal).await?;
    let books = Books {
        cpu: used.next(&survey),
        ..place.books(&survey.memory, survey.now)
    };
    let chosen = args.select.choose(&scene::of_survey(&survey), &named)?;
    let only = chosen_of(args, &named, &chosen);
    show(&place, &survey, &books, only, terminal);
    Ok(exit(&place, &survey, &books))
}

/// The sessions to show: all, where neither names nor flags choose some.
fn chosen_of<'a>(args: &Status, named: &[SessionName], chosen: &'a [SessionName]) -> Selection<'a> {
    if named.is_empty() && args.select.is_empty() {
        Selection::All
    } else {
        Selection::Only(chosen)
    }
}

/// Looks again and again until it is interrupted. Prints one line of JSON for each look, or one page
/// for each change.
async fn watch(
    place: &Place,
    args: &Status,
    named: &[SessionName],
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let mut told: Option<Vec<[String; 3]>> = None;
    let mut used = CpuTimes::default();
    loop {
        let survey = look(place, terminal).await?;
        let books = Books {
            cpu: used.next(&survey),
            ..place.books(&survey.memory, survey.now)
        };
        let scene = scene::of_survey(&survey);
        let chosen = args.select.choose(&scene, named)?;
        let only = chosen_of(args, named, &chosen);
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

async fn look<'p>(place: &'p Place, terminal: &Terminal) -> Result<Survey<'p>, Trouble> {
    place.survey(Orders::default(), Depth::Full, terminal).await
}

/// The processor time of each run at the last look.
#[derive(Default)]
struct CpuTimes {
    at: Option<Moment>,
    by_session: SortedMap<SessionName, (Option<u32>, u64)>,
}

impl CpuTimes {
    /// How much of one processor each session has used since the last look, in percent.
    fn next(&mut self, survey: &Survey<'_>) -> SortedMap<SessionName, u64> {
        let rows = scene::of_survey(survey).rows();
        let now: SortedMap<SessionName, (Option<u32>, u64)> = rows
            .iter()
            .filter_map(|row| Some((row.session.clone(), (row.pid, row.usage?.cpu_ms))))
            .collect();
        let passed = self.at.map(|at| survey.now.since(&at).millis());
        let before = std::mem::replace(&mut self.by_session, now);
        self.at = Some(survey.now);
        let Some(passed) = passed.filter(|passed| *passed > 0) else {
            return SortedMap::new();
        };
        let percent = |name: &SessionName, (pid, used): (Option<u32>, u64)| {
            let (pid_before, used_before) = *before.get(name)?;
            let used = used
                .checked_sub(used_before)
                .filter(|_| pid == pid_before)?;
            Some((name.clone(), used.saturating_mul(100) / passed))
        };
        self.by_session
            .iter()
            .filter_map(|(name, sample)| percent(name, *sample))
            .collect()
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
    only: Selection<'_>,
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
    only: Selection<'_>,
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
