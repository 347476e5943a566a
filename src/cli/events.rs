//! `gtctl events`: what happened, from the journal.

use super::args::{Events, Global, TownArg};
use super::exit::{Exit, Trouble};
use super::fleet;
use super::output::{Terminal, has_no_reader};
use super::place::Place;
use super::since;
use crate::model::SessionName;
use crate::proc;
use crate::render::events::EventLines;
use crate::store::{JournalReader, event_of};
use jiff::Timestamp;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How often a followed journal is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How many of the last events are printed first where nobody says how many.
const LAST: usize = 50;

pub(super) async fn run(
    global: &Global,
    args: &Events,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let (now, zone) = (proc::clock::now(), proc::zone::local());
    let since = args.since.as_deref();
    let since = since
        .map(|text| since::parse(text, now, &zone))
        .transpose()?;
    let place = Place::find_or_last_good(global, &TownArg { town: None }, terminal)?;
    let names: Vec<String> = args.sessions.iter().chain(&args.named).cloned().collect();
    if let Some(fleet) = fleet::of(&place, global)? {
        if args.follow {
            return fleet.follow_events(args, &names, terminal).await;
        }
        let is_elsewhere = names.is_empty() || fleet.routes(&names)?.is_some();
        if is_elsewhere {
            return fleet.events(args, &names, terminal).await;
        }
    }
    let only = place.sessions(&names)?;
    let is_wanted = |event: &Value| is_of(event, &only) && is_since(event, since);
    let most = if since.is_some() { usize::MAX } else { LAST };
    let mut reader = JournalReader::new(&place.state);
    let mut page = terminal.event_lines(now);
    for line in reader.last_lines(args.last.unwrap_or(most), is_wanted) {
        if let Some(event) = event_of(&line) {
            print(&event, &mut page, terminal);
        }
    }
    loop {
        if !args.follow || has_no_reader() {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
        for event in reader.read_new().iter().filter(|event| is_wanted(event)) {
            print(event, &mut page, terminal);
        }
    }
}

/// The last `count` events of these sessions (of all, when none is named), oldest first.
pub(super) fn last(state: &Path, only: &[SessionName], count: usize) -> Vec<Value> {
    JournalReader::new(state).last(count, |event| is_of(event, only))
}

fn is_of(event: &Value, only: &[SessionName]) -> bool {
    let session = event.get("session").and_then(Value::as_str);
    only.is_empty() || only.iter().any(|name| session == Some(name.as_str()))
}

/// Whether it happened since then, in wall-clock milliseconds since the epoch. The journal's times
/// are whole seconds.
fn is_since(event: &Value, since: Option<i64>) -> bool {
    let Some(since) = since else { return true };
    let ts = event.get("ts").and_then(Value::as_str);
    let at = ts.and_then(|ts| ts.parse::<Timestamp>().ok());
    at.is_some_and(|at| at.as_second() >= since.div_euclid(1000))
}

fn print(event: &Value, page: &mut EventLines, terminal: &Terminal) {
    if terminal.is_json() {
        terminal.print(&event.to_string());
    } else {
        terminal.print(&page.line(event));
    }
}
