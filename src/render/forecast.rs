//! What will happen, as a page and as a picture.

use super::columns::{Cell, Line, cell, lay_out};
use super::diff::symbol;
use super::sanitise;
use super::style::{Paper, Role};
use super::words::{self, brief, count};
use crate::forecast::{AgentsDo, Forecast, Foreseen, Happening};
use crate::model::SortedMap;
use crate::model::{Moment, Period, SessionName, Verb};
use std::fmt::Write;

/// The longest name of a chore, in characters.
const NAME: usize = 64;

/// The events by time, how many of each kind there are, and what is taken for granted.
#[must_use]
pub fn page(town: &SessionName, forecast: &Forecast, paper: &Paper) -> String {
    let horizon = brief(forecast.assumptions.horizon);
    let until = paper.clock.time(forecast.to);
    let mut out = format!("{town}, the next {horizon}, until {until}\n\n");
    let lines: Vec<Line> = forecast
        .events
        .iter()
        .map(|event| line(event, paper))
        .collect();
    out.push_str(&lay_out(&lines, "  ", paper));
    if !lines.is_empty() {
        out.push('\n');
    }
    out.push_str(&totals(forecast));
    out.push('\n');
    for assumption in assumptions(forecast) {
        let text = format!("assumed: {assumption}\n");
        out.push_str(&paper.colour.paint(Role::Quiet, &text));
    }
    out
}

/// What a forecast takes for granted, in sentences.
#[must_use]
pub fn assumptions(forecast: &Forecast) -> Vec<String> {
    let agents = match forecast.assumptions.agents {
        AgentsDo::StayAsTheyAre => {
            "agents at work go on working, idle ones stay idle, and none ends by itself".to_owned()
        }
        AgentsDo::FallIdleAfter(period) => format!(
            "agents at work are idle after {}, and none ends by itself",
            brief(period)
        ),
    };
    let mut all = vec![
        agents,
        "an agent leaves as soon as it is asked, and a fresh one does what the former did"
            .to_owned(),
        "nothing fails, and nobody does anything".to_owned(),
    ];
    if !forecast.late.is_zero() {
        let late = brief(forecast.late);
        all.push(format!("very much happens, so times are up to {late} late"));
    }
    all
}

/// `3 starts, 1 restart, 2 runs of chores`.
fn totals(forecast: &Forecast) -> String {
    let mut counts: SortedMap<&str, usize> = SortedMap::new();
    for event in &forecast.events {
        let noun = match &event.what {
            Happening::Step { verb, .. } => words::verb(*verb),
            Happening::HoldEnds { .. } => "end of a wait",
            Happening::Chore { .. } => "chore run",
        };
        *counts.entry(noun).or_default() += 1;
    }
    if counts.is_empty() {
        return "nothing will happen".to_owned();
    }
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(noun, n)| match noun {
            "end of a wait" if n > 1 => format!("{n} ends of waits"),
            noun => count(n, noun),
        })
        .collect();
    let more = if forecast.is_cut {
        ", and more later"
    } else {
        ""
    };
    format!("{}{more}", parts.join(", "))
}

fn line(event: &Foreseen, paper: &Paper) -> Line {
    let time = cell(paper.clock.time(event.at)).role(Role::Quiet);
    let [action, name, why] = described(event);
    Line::Row(vec![time, action, name.role(Role::Strong), why.flowing()])
}

/// What happens, to whom, and why.
fn described(event: &Foreseen) -> [Cell; 3] {
    match &event.what {
        Happening::Step {
            session,
            verb,
            reason,
            waited,
        } => {
            let (mark, role) = symbol(*verb);
            let waited = waited.as_ref().map_or_else(String::new, |hold| {
                format!("; waited: {}", words::obstacle(hold))
            });
            [
                cell(format!("{mark} {}", words::verb(*verb))).role(role),
                cell(session.as_str()),
                cell(words::reason(reason) + &waited),
            ]
        }
        Happening::HoldEnds { session, hold } => [
            cell("· waits no more").role(Role::Quiet),
            cell(session.as_str()),
            cell(words::obstacle(hold)),
        ],
        Happening::Chore { chore } => [
            cell("* chore").role(Role::Quiet),
            cell(sanitise::line(chore, NAME)),
            cell(""),
        ],
    }
}

/// Columns of the picture's names, in pixels.
const NAMES: u64 = 160;
/// Its timeline, in pixels.
const TIMELINE: u64 = 960;
/// The height of a row, in pixels.
const ROW: u64 = 18;
/// The height above the first row, in pixels.
const HEAD: u64 = 44;
/// So many rows are drawn.
const MOST_ROWS: usize = 1500;
/// The longest text of a tooltip, in characters.
const TOOLTIP: usize = 200;

/// A picture: a row for each session and chore, with a mark for each event. Each kind has a shape
/// of its own, so that it reads without colour.
#[must_use]
pub fn svg(town: &SessionName, forecast: &Forecast, paper: &Paper) -> String {
    let mut rows: SortedMap<String, Vec<&Foreseen>> = SortedMap::new();
    for event in &forecast.events {
        rows.entry(name_of(event)).or_default().push(event);
    }
    let hidden = rows.len().saturating_sub(MOST_ROWS);
    let shown = u64::try_from(rows.len().min(MOST_ROWS)).unwrap_or(0);
    let (width, height) = (NAMES + TIMELINE + 20, HEAD + shown * ROW + 40);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    out.push_str(STYLE);
    let title = format!("{town}: the next {}", brief(forecast.assumptions.horizon));
    let _ = writeln!(
        out,
        "<title>{0}</title><text x=\"8\" y=\"16\" font-weight=\"bold\">{0}</text>",
        escaped(&title)
    );
    grid(&mut out, forecast, height, paper);
    for (nth, (name, events)) in rows.iter().take(MOST_ROWS).enumerate() {
        let y = HEAD + ROW * u64::try_from(nth).unwrap_or(0);
        let _ = writeln!(
            out,
            "<text x=\"8\" y=\"{}\">{}</text>",
            y + 13,
            escaped(name)
        );
        for event in events {
            mark(&mut out, event, y, forecast, paper);
        }
    }
    let more = if hidden > 0 {
        format!(" · {hidden} rows are not drawn")
    } else {
        String::new()
    };
    let foot = format!(
        "{} · + start, | restart, x expire, o other{more}",
        totals(forecast)
    );
    let _ = writeln!(
        out,
        "<text x=\"8\" y=\"{}\" class=\"q\">{}</text>\n</svg>",
        height - 12,
        escaped(&foot)
    );
    out
}

const STYLE: &str = "<style>text{fill:#222}.q{fill:#666}.g{stroke:#ddd}.s{stroke:#1a7f37}.r{stroke:#9a6700}.e{stroke:#cf222e}.o{stroke:#57606a}path{fill:none;stroke-width:2}svg{background:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.q{fill:#999}.g{stroke:#444}svg{background:#111}}</style>\n";

/// A line and a time for each twelfth of the horizon.
fn grid(out: &mut String, forecast: &Forecast, height: u64, paper: &Paper) {
    for nth in 0..=12 {
        let at = Period::from_millis(forecast.assumptions.horizon.millis() / 12 * nth);
        let at = forecast.from.plus(at);
        let x = x_of(at, forecast);
        let _ = writeln!(
            out,
            "<path class=\"g\" d=\"M{x} {}V{}\"/><text x=\"{x}\" y=\"34\" class=\"q\" text-anchor=\"middle\">{}</text>",
            HEAD - 4,
            height - 30,
            escaped(&paper.clock.hour(at))
        );
    }
}

fn mark(out: &mut String, event: &Foreseen, y: u64, forecast: &Forecast, paper: &Paper) {
    let x = x_of(event.at, forecast);
    let (class, shape) = match &event.what {
        Happening::Step {
            verb: Verb::Start | Verb::Adopt | Verb::Rename,
            ..
        } => ("s", format!("M{} {}h8m-4 -4v8", x.saturating_sub(4), y + 9)),
        Happening::Step {
            verb: Verb::Restart,
            ..
        } => ("r", format!("M{x} {}v10", y + 4)),
        Happening::Step {
            verb: Verb::Expire, ..
        } => (
            "e",
            format!("M{0} {1}l8 8m0 -8l-8 8", x.saturating_sub(4), y + 5),
        ),
        Happening::Step {
            verb: Verb::Nudge | Verb::SendEscape | Verb::Answer,
            ..
        }
        | Happening::HoldEnds { .. }
        | Happening::Chore { .. } => ("o", format!("M{x} {}a3 3 0 1 0 .1 0", y + 6)),
    };
    let [action, _, why] = described(event);
    let text = format!(
        "{} {} {}",
        paper.clock.time(event.at),
        action.text,
        why.text
    );
    let _ = writeln!(
        out,
        "<path class=\"{class}\" d=\"{shape}\"><title>{}</title></path>",
        escaped(&sanitise::line(&text, TOOLTIP))
    );
}

fn x_of(at: Moment, forecast: &Forecast) -> u64 {
    let horizon = forecast.assumptions.horizon.millis().max(1);
    NAMES + at.since(&forecast.from).millis().min(horizon) * TIMELINE / horizon
}

fn name_of(event: &Foreseen) -> String {
    match &event.what {
        Happening::Step { session, .. } | Happening::HoldEnds { session, .. } => {
            session.to_string()
        }
        Happening::Chore { chore } => format!("chore {}", sanitise::line(chore, NAME)),
    }
}

/// A text as XML has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
