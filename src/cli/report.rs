//! `gtctl report`: what every session was over a period, and what that comes to.

use super::args::{Global, Output, Report};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::model::{SessionName, Town};
use crate::model::{SortedMap, SortedSet};
use crate::proc;
use crate::render::json;
use crate::render::report::{self as page, PeriodReport as Reported};
use crate::store::{JournalReader, View};
use crate::timeline::{Past, Shade, Tracks, Window, numbers, tracks};

/// The most events of the journal that are read.
const EVENTS: usize = 100_000;
const HOUR: u128 = 60 * 60 * 1000;

pub(super) fn run(global: &Global, args: &Report, terminal: &Terminal) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, &args.town, terminal)?;
    let now = proc::clock::now();
    let window = Window {
        from: now.minus(args.since).wall,
        to: now.wall,
    };
    let view = View::of(&place.state);
    let phases = view.all_phases(window.from);
    let events = JournalReader::new(&place.state).last(EVENTS, |event| {
        event.get("session").is_some() && event.get("outcome").is_some()
    });
    let declared: SortedSet<SessionName> = place.town.sessions.keys().cloned().collect();
    let past = Past {
        phases: &phases,
        events: &events,
        declared: &declared,
        window,
    };
    let tracks = tracks(&past);
    if tracks.is_empty() {
        return Err(Trouble::new("nothing is known of that time")
            .help("a controller records phases: gtctl reconcile --watch"));
    }
    let numbers = numbers(&past, &tracks);
    let clock = terminal.paper(now).clock;
    let report = Reported {
        town: &place.town.name,
        window,
        tracks: &tracks,
        numbers: &numbers,
        cost: cost(&place.town, &tracks),
        clock: &clock,
    };
    match terminal.output {
        Output::Json => terminal.print_json(&json::report(&report)),
        Output::Html => terminal.print(&page::html(&report)),
        Output::Svg => terminal.print(&page::picture(&report)),
        Output::Text | Output::Wide | Output::Toml => terminal.print(&page::text(&report)),
    }
    Ok(Exit::Done)
}

/// What the living sessions have cost, in millionths. None where no agent has a price.
fn cost(town: &Town, tracks: &Tracks) -> Option<u64> {
    let prices: SortedMap<&SessionName, u64> = town
        .sessions
        .iter()
        .filter_map(|(name, desired)| Some((name, desired.agent.cost_per_hour?.millionths)))
        .collect();
    if prices.is_empty() {
        return None;
    }
    let alive = |name: &SessionName| -> u64 {
        let spans = tracks.get(name).map(|track| track.spans.as_slice());
        let living = spans
            .unwrap_or_default()
            .iter()
            .filter(|span| match span.shade {
                Shade::Working | Shade::Idle | Shade::Waiting | Shade::Blocked => true,
                Shade::Unknown | Shade::Off | Shade::Dead => false,
            });
        living.map(crate::timeline::Piece::millis).sum()
    };
    let sum: u128 = prices
        .iter()
        .map(|(name, price)| u128::from(alive(name)) * u128::from(*price) / HOUR)
        .sum();
    Some(u64::try_from(sum).unwrap_or(u64::MAX))
}
