//! The truth about every session, as a table.

use super::columns::{Cell, Line, cell, extent, lay_out, wrap};
use super::diff::next_check;
use super::next::why_and_next;
use super::sanitise::width;
use super::style::{Detail, Paper, Role};
use super::view::{Books, Event, Row, Scene, Selection};
use super::words::{self, brief, bytes, count};
use super::{chores, gastown, sanitise};
use crate::model::{Observed, Period, Phase, Reason, SessionName};
use crate::model::{SortedMap, SortedSet};

/// A page of at least so many columns has a column for the age of the last output.
const ROOMY: usize = 100;
/// With fewer columns left for it, a long text stands on a line of its own.
const ROOM_FOR_NEXT: usize = 36;
/// The longest path of a log, in characters.
const LOG: usize = 4096;
/// The longest name of a rig, in characters.
const RIG: usize = 64;

/// The table of the chosen sessions, and a line of totals.
#[must_use]
pub fn page(scene: &Scene<'_>, books: &Books, only: Selection<'_>, paper: &Paper) -> String {
    let all = scene.rows();
    let rows: Vec<&Row<'_>> = all.iter().filter(|row| only.has(row.session)).collect();
    let beside = beside(scene, only, paper);
    let totals = folded(&totals(scene, &rows, paper), paper);
    if rows.is_empty() {
        return format!("{beside}{totals}\n");
    }
    let table = table(&rows, books, paper);
    format!("{table}\n{beside}{totals}\n")
}

/// The line of totals alone, of all sessions.
#[must_use]
pub fn summary(scene: &Scene<'_>, paper: &Paper) -> String {
    let rows = scene.rows();
    totals(scene, &rows.iter().collect::<Vec<_>>(), paper)
}

/// What Gas Town asks, the chores and what is proposed, each followed by an empty line; nothing
/// where only some sessions are asked for.
fn beside(scene: &Scene<'_>, only: Selection<'_>, paper: &Paper) -> String {
    match only {
        Selection::Only(_) => return String::new(),
        Selection::All => {}
    }
    let parts = [
        gastown::lines(scene, paper),
        chores::table(scene, paper),
        chores::proposals(scene, paper),
    ];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| part + "\n")
        .collect()
}

fn table(rows: &[&Row<'_>], books: &Books, paper: &Paper) -> String {
    let columns = Columns::for_rows(rows, paper);
    let texts: SortedMap<&SessionName, String> = rows
        .iter()
        .map(|row| (row.session, why_and_next(row, paper).line()))
        .collect();
    let cells: Vec<Line> = std::iter::once(Line::Row(columns.heading()))
        .chain(rows.iter().map(|row| Line::Row(columns.cells(row, books))))
        .collect();
    let place = place_of_next(&texts, extent(&cells), paper);
    let mut lines = vec![columns.headed(place)];
    for (rig, rows) in groups(rows, paper) {
        lines.extend(rig.map(heading));
        for row in rows {
            let text = texts.get(row.session).map_or("", String::as_str);
            lines.extend(columns.lines(row, text, books, place));
        }
    }
    lay_out(&lines, "", paper)
}

/// Where the text about what comes next stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlaceOfNext {
    /// In the last column.
    Column,
    /// On a line of its own below the session.
    Below,
}

fn place_of_next(
    texts: &SortedMap<&SessionName, String>,
    used: usize,
    paper: &Paper,
) -> PlaceOfNext {
    let room = paper.width.map(|wide| wide.saturating_sub(used));
    let is_too_long = |room: usize| texts.values().any(|text| width(text) > room);
    match room {
        Some(room) if room < ROOM_FOR_NEXT && is_too_long(room) => PlaceOfNext::Below,
        Some(_) | None => PlaceOfNext::Column,
    }
}

/// The rows by rig, those without one first. There are groups where there are several rigs, and
/// with all details where there is one.
fn groups<'r, 'a>(rows: &[&'r Row<'a>], paper: &Paper) -> Vec<(Option<&'a str>, Vec<&'r Row<'a>>)> {
    let rigs: SortedSet<&str> = rows.iter().filter_map(|row| row.rig).collect();
    let is_grouped = match paper.detail {
        Detail::Wide => !rigs.is_empty(),
        Detail::Short => rigs.len() > 1,
    };
    if !is_grouped {
        return vec![(None, rows.to_vec())];
    }
    let mut groups: SortedMap<Option<&str>, Vec<&Row<'_>>> = SortedMap::new();
    for row in rows {
        groups.entry(row.rig).or_default().push(row);
    }
    groups.into_iter().collect()
}

fn heading(rig: &str) -> Line {
    let text = format!("rig {}", sanitise::line(rig, RIG));
    Line::Heading(cell(text).role(Role::Strong))
}

/// The columns that are shown: what nobody has is left out.
struct Columns {
    output: bool,
    usage: bool,
    tokens: bool,
    detail: Detail,
    /// Where the path of the log stands.
    log: PlaceOfLog,
}

/// Where the path of a session's log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlaceOfLog {
    /// Nowhere: it is a detail.
    Nowhere,
    /// In the last column, where the page may be as wide as it is.
    Column,
    /// On a line of its own.
    Below,
}

impl Columns {
    fn for_rows(rows: &[&Row<'_>], paper: &Paper) -> Self {
        let is_wide = paper.detail == Detail::Wide;
        Self {
            output: is_wide || paper.width.is_none_or(|wide| wide >= ROOMY),
            usage: rows.iter().any(|r| r.usage.is_some()),
            tokens: is_wide && rows.iter().any(|r| r.tokens_in_words().is_some()),
            detail: paper.detail,
            log: match (paper.detail, paper.width) {
                (Detail::Short, _) => PlaceOfLog::Nowhere,
                (Detail::Wide, None) => PlaceOfLog::Column,
                (Detail::Wide, Some(_)) => PlaceOfLog::Below,
            },
        }
    }

    fn is_wide(&self) -> bool {
        self.detail == Detail::Wide
    }

    fn headed(&self, place: PlaceOfNext) -> Line {
        let mut cells = self.heading();
        if place == PlaceOfNext::Column {
            cells.push(head("NEXT"));
        }
        if self.log == PlaceOfLog::Column {
            cells.push(head("LOG"));
        }
        Line::Row(cells)
    }

    /// The headings of the columns of values.
    fn heading(&self) -> Vec<Cell> {
        let mut cells = vec![head("  NAME"), head("PHASE")];
        cells.extend(["SINCE", "AGE", "IDLE"].map(|text| head(text).right()));
        cells.extend(self.output.then(|| head("OUTPUT").right()));
        cells.push(head("RESTARTS").right());
        if self.usage && self.is_wide() {
            cells.push(head("CPU").right());
        }
        cells.extend(self.usage.then(|| head("RSS").right()));
        cells.extend(self.tokens.then(|| head("TOKENS").right()));
        if self.is_wide() {
            cells.extend(["CLIENTS", "PID"].map(|text| head(text).right()));
        }
        cells
    }

    /// The values of a session.
    fn cells(&self, row: &Row<'_>, books: &Books) -> Vec<Cell> {
        let whole = |p: Period| brief(Period::from_secs(p.millis() / 1000));
        let (mark, strong) = mark(row);
        let phase = words::phase_word(row.phase);
        let mut cells = vec![
            cell(format!("{mark} {}", row.session)).role(strong),
            cell(phase).role(role(row.phase)),
        ];
        cells.extend([row.since, row.age, row.idle].map(|period| value(period.map(whole))));
        cells.extend(self.output.then(|| value(row.output.map(whole))));
        cells.push(value(Some(row.restarts.to_string())));
        if self.usage && self.is_wide() {
            let percent = books.cpu.get(row.session);
            cells.push(value(percent.map(|percent| format!("{percent}%"))));
        }
        cells.extend(
            self.usage
                .then(|| value(row.usage.map(|usage| bytes(usage.rss)))),
        );
        cells.extend(self.tokens.then(|| value(row.tokens_in_words())));
        if self.is_wide() {
            cells.push(value(Some(row.attached.to_string())));
            cells.push(value(row.pid.map(|pid| pid.to_string())));
        }
        cells
    }

    /// The lines of a session.
    fn lines(&self, row: &Row<'_>, text: &str, books: &Books, place: PlaceOfNext) -> Vec<Line> {
        let mut cells = self.cells(row, books);
        let next = cell(text).role(event_role(&row.event));
        let log = books
            .logs
            .get(row.session)
            .map(|log| sanitise::line(log, LOG));
        let mut below = Vec::new();
        match place {
            PlaceOfNext::Column => cells.push(next.flowing()),
            PlaceOfNext::Below if text.is_empty() => {}
            PlaceOfNext::Below => below.push(next),
        }
        match self.log {
            PlaceOfLog::Nowhere => {}
            PlaceOfLog::Column => {
                cells.push(cell(log.as_deref().unwrap_or("-")).role(Role::Quiet));
            }
            PlaceOfLog::Below => {
                below.extend(log.map(|log| cell(format!("log {log}")).role(Role::Quiet)));
            }
        }
        let below = below
            .into_iter()
            .map(|cell| Line::Below { column: 1, cell });
        std::iter::once(Line::Row(cells)).chain(below).collect()
    }
}

fn head(text: &str) -> Cell {
    cell(text).role(Role::Quiet)
}

/// A value on the right of its column, or a dash.
fn value(text: Option<String>) -> Cell {
    cell(text.unwrap_or_else(|| "-".to_owned())).right()
}

/// The words of the totals, and the phases that each counts.
const TOTALS: [(&str, &[&str]); 12] = [
    ("active", &["working", "starting"]),
    ("in the background", &["background"]),
    ("idle", &["idle"]),
    ("waiting for an answer", &["waiting"]),
    ("blocked", &["blocked"]),
    ("completed", &["completed"]),
    ("stopping", &["stopping"]),
    ("stopped", &["stopped"]),
    ("dead", &["dead"]),
    ("absent", &["absent"]),
    ("not managed yet", &["foreign"]),
    ("unknown", &["unknown"]),
];

fn totals(scene: &Scene<'_>, rows: &[&Row<'_>], paper: &Paper) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (word, phases) in TOTALS {
        let n = rows
            .iter()
            .filter(|r| phases.contains(&r.phase.word()))
            .count();
        parts.extend((n > 0).then(|| format!("{n} {word}")));
    }
    let mut sentence = count(rows.len(), "session");
    if !parts.is_empty() {
        sentence = format!("{sentence}: {}", parts.join(", "));
    }
    let waiting = rows
        .iter()
        .filter(|r| matches!(r.event, Event::Held(_)))
        .count();
    let mut sentences = vec![sentence];
    sentences.extend((waiting > 0).then(|| format!("{} waiting", count(waiting, "step"))));
    sentences.extend(scene.memory.paused.then(|| "paused".to_owned()));
    sentences.push(match scene.observed {
        Observed::Up(server) => format!("tmux {}", sanitise::line(&server.version, 20)),
        Observed::Down => "no tmux server runs".to_owned(),
        Observed::Unknown(why) => format!("tmux could not be asked: {}", sanitise::line(why, 200)),
    });
    format!("{}{}", sentences.join(" · "), next_check(scene.plan, paper))
}

/// The totals in lines that fit, each of whole sentences where that is possible.
fn folded(totals: &str, paper: &Paper) -> String {
    let room = paper.width.unwrap_or(usize::MAX);
    let mut lines: Vec<String> = Vec::new();
    for sentence in totals.split(" · ") {
        match lines.last_mut() {
            Some(line) if width(line) + width(sentence) + 3 <= room => {
                line.extend([" · ", sentence]);
            }
            Some(_) | None => lines.push(sentence.to_owned()),
        }
    }
    let lines = lines.iter().flat_map(|line| wrap(line, room));
    lines.collect::<Vec<String>>().join("\n")
}

/// What stands before the name of a session that is not simply well, so that it is found without
/// colour too.
fn mark(row: &Row<'_>) -> (&'static str, Role) {
    match (row.phase, &row.event) {
        (Phase::Unknown, _) => ("?", Role::Change),
        (_, Event::Note(Reason::Orphaned | Reason::DeclaredElsewhere { .. })) => ("·", Role::Plain),
        (Phase::Dead(_) | Phase::Absent | Phase::Blocked(_), _) => ("!", Role::Bad),
        (_, Event::Held(held)) if held.hold.needs_somebody() => ("!", Role::Bad),
        (_, Event::Step(_)) => ("~", Role::Plain),
        (_, Event::Held(_) | Event::Note(_)) => ("·", Role::Plain),
        (_, Event::Next(_) | Event::Nothing) => (" ", Role::Plain),
    }
}

/// How a phase is coloured.
pub(super) fn role(phase: Phase) -> Role {
    match phase {
        Phase::Working | Phase::Background => Role::Good,
        Phase::Idle | Phase::Starting => Role::Plain,
        Phase::Completed(_) | Phase::Stopped => Role::Quiet,
        Phase::Stopping | Phase::Unknown | Phase::Foreign | Phase::Waiting(_) => Role::Change,
        Phase::Dead(_) | Phase::Absent | Phase::Blocked(_) => Role::Bad,
    }
}

pub(super) fn event_role(event: &Event<'_>) -> Role {
    match event {
        Event::Held(held) if held.hold.needs_somebody() => Role::Bad,
        Event::Step(_) => Role::Change,
        Event::Held(_) | Event::Note(_) | Event::Next(_) | Event::Nothing => Role::Quiet,
    }
}

/// What a page says of these sessions without its times: each name, phase, and what comes next or
/// why nothing does. As long as this stays the same, another page would tell nothing new.
#[must_use]
pub fn facts(scene: &Scene<'_>, only: Selection<'_>) -> Vec<[String; 3]> {
    let rows = scene.rows();
    let is_shown = |row: &&Row<'_>| only.has(row.session);
    let fact = |row: &Row<'_>| {
        let event = match row.event {
            Event::Step(step) => format!("{} {}", step.action.verb().word(), step.reason.code()),
            Event::Held(held) => format!("{} {}", held.verb.word(), held.hold.code()),
            Event::Note(reason) => reason.code().to_owned(),
            Event::Next(next) => format!("{} at {:?}", next.verb.word(), next.reason),
            Event::Nothing => String::new(),
        };
        [row.session.to_string(), words::phase(row.phase), event]
    };
    rows.iter().filter(is_shown).map(fact).collect()
}
