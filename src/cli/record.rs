//! `gtctl record`: what a controller has recorded. `gtctl replay`: what another manifest would have
//! decided.

use super::args::{Global, Record, Replay, TownArg};
use super::exit::{Exit, Trouble};
use super::manifest::ManifestFile;
use super::output::Terminal;
use super::place::Place;
use crate::model::{Moment, Period};
use crate::proc;
use crate::record::{Player, RecordFault, Recorded, Replayer};
use crate::render::{json, record as page};
use crate::store::{RecordPart, View, export_record, record_lines, record_parts};
use std::path::Path;

/// Lists what is recorded, or writes it into one file.
pub(super) fn run(global: &Global, args: &Record, terminal: &Terminal) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, &TownArg { town: None }, terminal)?;
    let folder = View::of(&place.state).record();
    let now = proc::clock::now();
    let parts = record_parts(&folder).unwrap_or_default();
    let parts = since(parts, args.since, now);
    if parts.is_empty() {
        let trouble = Trouble::new(format!("nothing is recorded of town {}", place.town.name));
        return Err(match place.town.record {
            None => trouble.help("write `record = \"7d\"` into [controller] of town.toml"),
            Some(_) => trouble.help("a controller records: run `gtctl reconcile --watch`"),
        });
    }
    if let Some(path) = &args.export {
        let lines: Result<Vec<String>, _> = parts.iter().map(record_lines).collect();
        export_record(path, &lines?.concat())?;
        let shown = path.display();
        terminal.print(&format!(
            "{shown}: `gtctl replay {shown} town.toml` replays it\n"
        ));
        return Ok(Exit::Done);
    }
    let record = json::record(&place.town.name, &folder, &parts, now);
    if terminal.is_json() {
        terminal.print_json(&record);
    } else {
        terminal.print(&page::listing(&record, &parts, &terminal.paper(now)));
    }
    Ok(Exit::Done)
}

/// The parts of the last period; all without one.
fn since(parts: Vec<RecordPart>, since: Option<Period>, now: Moment) -> Vec<RecordPart> {
    let Some(since) = since else { return parts };
    let from = now.minus(since).wall;
    let first = parts
        .iter()
        .rposition(|part| part.from <= from)
        .unwrap_or_default();
    parts.into_iter().skip(first).collect()
}

/// Runs a manifest over a record.
pub(super) fn replay(global: &Global, args: &Replay, terminal: &Terminal) -> Result<Exit, Trouble> {
    let town = TownArg {
        town: args.town.clone(),
    };
    let file = ManifestFile::of(global, &town);
    let (loaded, _, _) = file.load_stamped(terminal)?;
    let name = loaded.town.name.clone();
    let mut replayer = Replayer::new(loaded.town);
    let from = args.since.map(|since| proc::clock::now().minus(since).wall);
    each_check(&args.record, |recorded| {
        if recorded.town != name {
            let trouble = format!("the record is of town {}, not of {name}", recorded.town);
            return Err(Trouble::new(trouble).help("replay it with a manifest of that town"));
        }
        if from.is_none_or(|from| recorded.circumstances.now.wall >= from) {
            replayer.check(recorded);
        }
        Ok(())
    })?;
    let Some(replay) = replayer.end() else {
        return Err(
            Trouble::new(format!("no check is recorded in {}", args.record.display()))
                .help("`gtctl record` shows what is recorded, and where"),
        );
    };
    let is_same = replay.same == replay.checks;
    if terminal.is_json() {
        terminal.print_json(&json::replay(&name, &replay));
    } else {
        terminal.print(&page::replay(&name, &replay, &terminal.paper(replay.to)));
    }
    Ok(if is_same { Exit::Done } else { Exit::Pending })
}

/// Every check of a record, in order.
fn each_check(
    record: &Path,
    mut take: impl FnMut(Recorded) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    for part in record_parts(record)? {
        let text = record_lines(&part)?;
        let mut player = Player::default();
        for line in text.lines() {
            let recorded = player
                .read(line)
                .map_err(|fault| of_record(&part, &fault))?;
            take(recorded)?;
        }
    }
    Ok(())
}

fn of_record(part: &RecordPart, fault: &RecordFault) -> Trouble {
    let trouble = Trouble::new(format!("cannot replay {}", part.path.display())).because(fault);
    match fault {
        RecordFault::Newer { .. } => trouble.help("use the newer gtctl"),
        RecordFault::Unwritable | RecordFault::Garbled { .. } | RecordFault::Headless { .. } => {
            trouble.help("`gtctl record --export FILE` writes a whole record")
        }
    }
}
