//! `gtctl events`: what happened, from the journal.

use super::args::{Events, Global, TownArg};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::model::SessionName;
use crate::proc;
use crate::render::events as page;
use crate::store::{JournalReader, event_of};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How often a followed journal is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

pub(super) async fn run(
    global: &Global,
    args: &Events,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, &TownArg { town: None }, terminal)?;
    let only = place.sessions(&args.sessions)?;
    let is_wanted = |event: &Value| is_of(event, &only);
    let mut reader = JournalReader::new(&place.state);
    for line in reader.last_lines(args.last, is_wanted) {
        if let Some(event) = event_of(&line) {
            print(&event, terminal);
        }
    }
    loop {
        if !args.follow {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
        for event in reader.read_new().iter().filter(|event| is_wanted(event)) {
            print(event, terminal);
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

fn print(event: &Value, terminal: &Terminal) {
    if terminal.is_json() {
        terminal.print(&event.to_string());
    } else {
        terminal.print(&page::line(event, &terminal.paper(proc::clock::now())));
    }
}
