//! What is recorded, and what another manifest would have decided.

use super::columns::{Line, cell, lay_out};
use super::json::RecordPage;
use super::sanitise;
use super::style::{Paper, Role};
use super::words::{self, brief, bytes, count};
use crate::model::{Moment, Period, SessionName};
use crate::record::{Decision, Difference, Replay, Resolve};
use crate::store::RecordPart;

/// The longest path, in characters.
const PATH: usize = 4096;

/// The files of a record, and how to replay it.
#[must_use]
pub fn listing(record: &RecordPage, parts: &[RecordPart], paper: &Paper) -> String {
    let head = |text: &str| cell(text).role(Role::Quiet);
    let mut lines = vec![Line::Row(vec![
        head("FROM"),
        head("SIZE").right(),
        head("FILE"),
    ])];
    lines.extend(parts.iter().map(|part| {
        let from = Moment {
            wall: part.from,
            ..paper.clock.now
        };
        let name = part.path.file_name().unwrap_or_default().to_string_lossy();
        Line::Row(vec![
            cell(paper.clock.time(from)),
            cell(bytes(part.size)).right(),
            cell(sanitise::line(&name, PATH)).role(Role::Quiet),
        ])
    }));
    let folder = sanitise::line(&record.folder, PATH);
    format!(
        "{}\n{}, {} in {folder}\n`gtctl replay {folder} town.toml` runs a manifest over it\n",
        lay_out(&lines, "", paper),
        count(parts.len(), "file"),
        bytes(record.bytes),
    )
}

/// How many checks decide the same, and where the two differ, side by side.
#[must_use]
pub fn replay(town: &SessionName, replay: &Replay, paper: &Paper) -> String {
    let (from, to) = (paper.clock.time(replay.from), paper.clock.time(replay.to));
    let checks = words::count(
        usize::try_from(replay.checks).unwrap_or(usize::MAX),
        "check",
    );
    let mut out = format!("{town}, {from} to {to}: {checks}\n");
    if replay.same == replay.checks {
        out.push_str("the same decisions at all of them\n");
        return out;
    }
    let differ = replay.checks.saturating_sub(replay.same);
    let sentence = format!("{differ} of them decide otherwise, or at another time\n");
    out.push_str(&sentence);
    if replay.differences.is_empty() {
        out.push_str("no step is taken or held otherwise: only times of what comes next differ\n");
        return out;
    }
    out.push('\n');
    out.push_str(&table(&replay.differences, paper));
    if replay.more > 0 {
        let more = format!("\nand {} more\n", replay.more);
        out.push_str(&more);
    }
    out
}

fn table(differences: &[Difference], paper: &Paper) -> String {
    let head = |text: &str| cell(text).role(Role::Quiet);
    let mut lines = vec![Line::Row(
        ["  FROM", "FOR", "SESSION", "RECORDED", "THIS MANIFEST"]
            .map(head)
            .into(),
    )];
    lines.extend(differences.iter().map(|difference| {
        let Difference {
            session,
            from,
            to,
            checks: _,
            recorded,
            replayed,
        } = difference;
        let lasts = Period::from_secs(to.since(from).millis() / 1000);
        Line::Row(vec![
            cell(format!("  {}", paper.clock.time(*from))),
            cell(brief(lasts)).right(),
            cell(session.as_str()).role(Role::Strong),
            decision(recorded.as_ref()),
            decision(replayed.as_ref()),
        ])
    }));
    lay_out(&lines, "", paper)
}

fn decision(decision: Option<&Decision>) -> super::columns::Cell {
    match decision {
        None => cell("-").role(Role::Quiet),
        Some(decision) => {
            let step = words::verb(decision.verb);
            let code = sanitise::line(&decision.code, 60);
            match decision.resolve {
                Resolve::Acts => cell(format!("{step}: {code}")).role(Role::Change),
                Resolve::Waits => cell(format!("{step} waits: {code}")),
            }
        }
    }
}
