//! `gtctl events`: what happened, from the journal.

use super::args::{Events, Global, TownArg};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::model::SessionName;
use crate::proc;
use crate::render::events as page;
use crate::store::JournalReader;
use serde_json::Value;
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

/// How often a followed journal is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

pub(super) async fn run(global: &Global, args: &Events, terminal: &Terminal) -> Result<Exit, Trouble> {
    let place = Place::find(global, &TownArg { town: None }, terminal)?;
    let only = place.sessions(&args.sessions)?;
    let mut reader = JournalReader::new(&place.state);
    let mut show = newest(&mut reader, &only, args.last);
    loop {
        for event in show.drain(..) {
            print(&event, terminal);
        }
        if !args.follow {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
        show = newest(&mut reader, &only, usize::MAX);
    }
}

/// The last `count` events of these sessions (of all, when none is named), oldest first.
pub(super) fn last(state: &Path, only: &[SessionName], count: usize) -> Vec<Value> {
    newest(&mut JournalReader::new(state), only, count).into()
}

fn newest(reader: &mut JournalReader, only: &[SessionName], count: usize) -> VecDeque<Value> {
    let mut kept = VecDeque::new();
    for event in reader.read_new() {
        let session = event.get("session").and_then(Value::as_str);
        if only.is_empty() || only.iter().any(|name| session == Some(name.as_str())) {
            kept.push_back(event);
        }
        if kept.len() > count {
            kept.pop_front();
        }
    }
    kept
}

fn print(event: &Value, terminal: &Terminal) {
    if terminal.is_json() {
        terminal.print(&event.to_string());
    } else {
        terminal.print(&page::line(event, &terminal.paper(proc::clock::now())));
    }
}
