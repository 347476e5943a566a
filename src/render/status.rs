//! The truth about every session, as a table.

use super::columns::{Line, cell, lay_out};
use super::diff::next_check;
use super::style::{Detail, Paper, Role};
use super::view::{Books, Event, Row, Scene};
use super::words::{self, brief, bytes, count};
use super::{chores, gastown, sanitise};
use crate::model::{Asks, Observed, Period, Phase, Reason, SessionName, TokenUsage};

/// The table of the sessions named, of all when none is, and a line of totals.
#[must_use]
pub fn page(scene: &Scene<'_>, books: &Books, only: &[SessionName], paper: &Paper) -> String {
    let all = scene.rows();
    let rows: Vec<&Row<'_>> = all
        .iter()
        .filter(|r| only.is_empty() || only.contains(r.session))
        .collect();
    if rows.is_empty() {
        return format!(
            "{}{}\n",
            beside(scene, only, paper),
            totals(scene, &rows, paper)
        );
    }
    let columns = Columns::for_rows(&rows, paper);
    let mut lines = vec![columns.heading()];
    lines.extend(rows.iter().map(|row| columns.line(row, books, paper)));
    let (table, beside) = (lay_out(&lines, "", paper), beside(scene, only, paper));
    format!("{table}\n{beside}{}\n", totals(scene, &rows, paper))
}

/// The line of totals alone, of all sessions.
#[must_use]
pub fn summary(scene: &Scene<'_>, paper: &Paper) -> String {
    let rows = scene.rows();
    totals(scene, &rows.iter().collect::<Vec<_>>(), paper)
}

/// What Gas Town asks, the chores and what is proposed, each followed by an empty line; nothing
/// where only some sessions are asked for.
fn beside(scene: &Scene<'_>, only: &[SessionName], paper: &Paper) -> String {
    if !only.is_empty() {
        return String::new();
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

/// The columns that are shown: what nobody has is left out.
struct Columns {
    usage: bool,
    tokens: bool,
    wide: bool,
}

impl Columns {
    fn for_rows(rows: &[&Row<'_>], paper: &Paper) -> Self {
        let wide = paper.detail == Detail::Wide;
        Self {
            usage: rows.iter().any(|r| r.usage.is_some()),
            tokens: wide && rows.iter().any(|r| r.tokens().is_some()),
            wide,
        }
    }

    fn heading(&self) -> Line {
        let head = |text: &str| cell(text).role(Role::Quiet);
        let mut cells = vec![
            head("  NAME"),
            head("PHASE"),
            head("SINCE").right(),
            head("AGE").right(),
        ];
        cells.extend([head("IDLE").right(), head("RESTARTS").right()]);
        if self.usage {
            cells.extend([head("CPU").right(), head("RSS").right()]);
        }
        if self.tokens {
            cells.push(head("TOKENS").right());
        }
        if self.wide {
            cells.push(head("CLIENTS").right());
        }
        cells.push(head("NEXT"));
        if self.wide {
            cells.push(head("LOG"));
        }
        Line::Row(cells)
    }

    fn line(&self, row: &Row<'_>, books: &Books, paper: &Paper) -> Line {
        let whole = |p: Period| brief(Period::from_secs(p.millis() / 1000));
        let span = |p: Option<Period>| cell(p.map_or_else(|| "-".to_owned(), whole)).right();
        let (mark, strong) = mark(row);
        let name = cell(format!("{mark} {}", row.session)).role(strong);
        let mut cells = vec![
            name,
            cell(words::phase_word(row.phase)).role(role(row.phase)),
        ];
        cells.extend([
            span(row.since),
            span(row.age),
            span(row.idle),
            cell(row.restarts.to_string()).right(),
        ]);
        if self.usage {
            let cpu = row.usage.map(|u| brief(Period::from_millis(u.cpu_ms)));
            cells.push(cell(cpu.unwrap_or_else(|| "-".to_owned())).right());
            cells.push(cell(row.usage.map_or_else(|| "-".to_owned(), |u| bytes(u.rss))).right());
        }
        if self.tokens {
            cells.push(cell(row.tokens().map_or_else(|| "-".to_owned(), tokens)).right());
        }
        if self.wide {
            cells.push(cell(row.attached.to_string()).right());
        }
        cells.push(cell(next(row, paper)).role(event_role(&row.event)));
        if self.wide {
            let log = books.logs.get(row.session).map_or("-", String::as_str);
            cells.push(cell(sanitise::line(log, 4096)).role(Role::Quiet));
        }
        Line::Row(cells)
    }
}

/// The tokens of a conversation, and how much of its context is in use: `1.2M 45%`.
fn tokens(usage: TokenUsage) -> String {
    let total = words::tokens(usage.total());
    match usage.context_percent() {
        Some(percent) => format!("{total} {percent}%"),
        None => total,
    }
}

/// What comes next, or why nothing does.
#[must_use]
pub fn next(row: &Row<'_>, paper: &Paper) -> String {
    match row.event {
        Event::Step(step) => format!(
            "{} now: {}",
            words::verb(step.action.verb()),
            words::reason(&step.reason)
        ),
        Event::Held(held) if paper.detail == Detail::Wide => {
            format!(
                "{}; {}",
                words::held(held, &paper.clock),
                words::reason(&held.reason)
            )
        }
        Event::Held(held) => words::held(held, &paper.clock),
        Event::Note(reason) => words::reason(reason),
        Event::Next(next) => match row.phase {
            Phase::Completed(Some(death)) if !death.is_clean() => {
                format!("{death}; {}", words::next(next, &paper.clock))
            }
            _ => words::next(next, &paper.clock),
        },
        Event::Nothing => match row.phase {
            Phase::Unknown => row
                .trouble
                .map_or_else(String::new, |why| sanitise::line(why, 200)),
            Phase::Dead(death) | Phase::Completed(Some(death)) => death.to_string(),
            Phase::Stopped => "stopped by hand; `gtctl start` starts it".to_owned(),
            Phase::Waiting(_) | Phase::Blocked(_) => {
                let shows = row
                    .content
                    .map_or_else(String::new, |c| sanitise::line(&c.evidence, 100));
                if shows.is_empty() {
                    words::phase(row.phase)
                } else {
                    format!("{}: {shows}", asks(row.phase))
                }
            }
            Phase::Completed(None)
            | Phase::Absent
            | Phase::Starting
            | Phase::Working
            | Phase::Background
            | Phase::Idle
            | Phase::Stopping
            | Phase::Foreign => String::new(),
        },
    }
}

/// What a session that waits is about, in a word or two.
fn asks(phase: Phase) -> &'static str {
    match phase {
        Phase::Waiting(Asks::Permission) => "asks",
        Phase::Waiting(Asks::Trust) => "asks for trust",
        Phase::Blocked(block) => block.code(),
        Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Completed(_)
        | Phase::Dead(_)
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => phase.word(),
    }
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

/// What stands before the name of a session that is not simply well, so that it is found without
/// colour too.
fn mark(row: &Row<'_>) -> (&'static str, Role) {
    match (row.phase, &row.event) {
        (Phase::Unknown, _) => ("?", Role::Change),
        (_, Event::Note(Reason::Orphaned)) => ("·", Role::Plain),
        (Phase::Dead(_) | Phase::Absent | Phase::Blocked(_), _) => ("!", Role::Bad),
        (_, Event::Held(held)) if held.hold.needs_somebody() => ("!", Role::Bad),
        (_, Event::Step(_)) => ("~", Role::Plain),
        (_, Event::Held(_) | Event::Note(_)) => ("·", Role::Plain),
        (_, Event::Next(_) | Event::Nothing) => (" ", Role::Plain),
    }
}

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
pub fn facts(scene: &Scene<'_>, only: &[SessionName]) -> Vec<[String; 3]> {
    let rows = scene.rows();
    let is_shown = |row: &&Row<'_>| only.is_empty() || only.contains(row.session);
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
