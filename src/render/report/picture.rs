//! The picture of a report: an SVG that stands by itself.

use super::PeriodReport;
use super::text::{period, spell};
use crate::render::sanitise;
use crate::timeline::{Piece, Shade, Tick, drawn};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use maud::{Markup, PreEscaped, html};
use strum::IntoEnumIterator;

/// The size of the drawing, in CSS pixels.
const WIDTH: i64 = 1200;
const LEFT: i64 = 190;
const RIGHT: i64 = 16;
const TOP: i64 = 44;
const ROW: i64 = 22;
/// A piece of a row is as high as this at most.
const BAR: i64 = 16;
const FOOT: i64 = 34;

/// The most pieces of one row, and of all rows together: a week of 50 sessions stays below a
/// megabyte, whatever happened.
const SLOTS: u32 = 672;
const MOST_PIECES: usize = 4_000;
/// The most restarts that are drawn.
const MOST_TICKS: usize = 2_000;
/// The longest texts, in characters.
const NAME: usize = 26;
const CAUSE: usize = 90;

/// Lines of the time are at least so many pixels apart.
const GAP: i64 = 60;
const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;
/// The time between two lines, in ms, where it is less than a day.
const STEPS: [i64; 6] = [
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    60 * MINUTE,
    180 * MINUTE,
    360 * MINUTE,
];

/// What the picture looks like: the same rules in a page and alone.
pub(super) const STYLE: &str = "\
.report text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:#1d1f21}\
.report .soft{fill:#62666b}.report .grid{stroke:#dcdcd6;stroke-width:1}\
.report .tick{stroke:#1d1f21;stroke-width:1.2}\
.report .working{fill:url(#p-working)}.report .idle{fill:url(#p-idle)}\
.report .waiting{fill:url(#p-waiting)}.report .blocked{fill:url(#p-blocked)}\
.report .dead{fill:url(#p-dead)}.report .off{fill:#d5d6d2}";

/// The hatchings. What they have in common with each other in colour, they have not in lines.
const PATTERNS: &str = "\
<pattern id=\"p-working\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"8\" height=\"8\" fill=\"#58a97c\"/></pattern>\
<pattern id=\"p-idle\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"4\" height=\"4\" fill=\"#e3e6e8\"/><circle cx=\"1\" cy=\"1\" r=\".8\" fill=\"#9aa2a9\"/></pattern>\
<pattern id=\"p-waiting\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<rect width=\"6\" height=\"6\" fill=\"#f5d76b\"/><path d=\"M0 0V6\" stroke=\"#8a6a00\" stroke-width=\"2\"/></pattern>\
<pattern id=\"p-blocked\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"6\" height=\"6\" fill=\"#f08a4b\"/><path d=\"M0 0L6 6M6 0L0 6\" stroke=\"#7a2f00\" stroke-width=\"1.1\"/></pattern>\
<pattern id=\"p-dead\" width=\"3\" height=\"3\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"3\" height=\"3\" fill=\"#c4302b\"/><path d=\"M0 1H3\" stroke=\"#3d0705\" stroke-width=\"1.4\"/></pattern>";

/// The whole picture.
#[must_use]
pub fn picture(report: &PeriodReport<'_>) -> String {
    let title = format!("{}: {}", report.town, period(report));
    let height = TOP + ROW * i64::try_from(report.tracks.len()).unwrap_or(0) + FOOT;
    let slots = slots(report);
    let markup = html! {
        svg class="report" xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="report-title"
            viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) {
            title #report-title { (title) }
            style { (PreEscaped(STYLE)) }
            defs { (PreEscaped(PATTERNS)) }
            rect width=(WIDTH) height=(height) fill="#ffffff" {}
            (grid(report, height - FOOT))
            @for (row, (session, track)) in (0_i64..).zip(report.tracks) {
                (line(report, Line { y: TOP + ROW * row, slots }, session.as_str(), &drawn(track, report.window, slots)))
                @for tick in track.ticks.iter().take(MOST_TICKS / report.tracks.len().max(1)) {
                    (restart(report, TOP + ROW * row, tick))
                }
            }
            (legend(height - FOOT + 22))
        }
    };
    markup.into_string()
}

/// The most pieces of a row that keep the picture small.
fn slots(report: &PeriodReport<'_>) -> u32 {
    let mut slots = SLOTS;
    let pieces = |slots| -> usize {
        let tracks = report.tracks.values();
        tracks
            .map(|track| drawn(track, report.window, slots).len())
            .sum()
    };
    while slots > 24 && pieces(slots) > MOST_PIECES {
        slots /= 2;
    }
    slots
}

/// Where a row is, and how fine.
#[derive(Clone, Copy)]
struct Line {
    y: i64,
    slots: u32,
}

fn line(report: &PeriodReport<'_>, line: Line, name: &str, spans: &[Piece]) -> Markup {
    html! {
        text x="12" y=(line.y + 13) { (sanitise::clip(&sanitise::line(name, 200), NAME)) }
        line x1=(LEFT) y1=(line.y + BAR) x2=(WIDTH - RIGHT) y2=(line.y + BAR) class="grid" {}
        @for span in spans.iter().filter(|span| span.shade != Shade::Unknown) {
            (piece(report, line, span))
        }
    }
}

fn piece(report: &PeriodReport<'_>, line: Line, span: &Piece) -> Markup {
    let (from, to) = (x(report, span.from), x(report, span.to));
    let least = (WIDTH - LEFT - RIGHT) / i64::from(line.slots.max(1));
    let height = height(span.shade);
    let cause = sanitise::line(&span.cause, CAUSE);
    html! {
        rect x=(from) y=(line.y + BAR - height) width=((to - from).max(least).max(1)) height=(height)
            class=(span.shade.word()) {
            title { (stamp(report, span.from)) ", " (spell(span.millis())) ", " (cause) }
        }
    }
}

fn height(shade: Shade) -> i64 {
    match shade {
        Shade::Dead | Shade::Blocked => BAR,
        Shade::Working => 12,
        Shade::Waiting => 10,
        Shade::Idle => 6,
        Shade::Off | Shade::Unknown => 2,
    }
}

/// A restart: a line below its row.
fn restart(report: &PeriodReport<'_>, y: i64, tick: &Tick) -> Markup {
    let x = x(report, tick.at);
    let actor = if tick.actor.is_empty() {
        String::new()
    } else {
        format!(" by {}", tick.actor)
    };
    html! {
        line x1=(x) y1=(y + BAR) x2=(x) y2=(y + BAR + 5) class="tick" {
            title {
                (stamp(report, tick.at)) ", restart" (sanitise::line(&actor, 30)) ", "
                (sanitise::line(&tick.message, CAUSE))
            }
        }
    }
}

/// Lines at hours or days, with their times.
fn grid(report: &PeriodReport<'_>, bottom: i64) -> Markup {
    let window = i64::try_from(report.window.millis()).unwrap_or(i64::MAX);
    let step = step(window);
    let offset = i64::from(report.clock.offset_seconds) * 1000;
    let first = (report.window.from + offset).div_euclid(step) + 1;
    let last = (report.window.to + offset).div_euclid(step);
    let label = |local: i64| {
        if local.rem_euclid(DAY) == 0 {
            date(report, local - offset)
        } else {
            hour(report, local - offset)
        }
    };
    html! {
        @for local in (first..=last).map(|nth| nth * step) {
            @let x = x(report, local - offset);
            line x1=(x) y1=(TOP - 14) x2=(x) y2=(bottom) class="grid" {}
            text x=(x + 4) y=(TOP - 18) class="soft" { (label(local)) }
        }
    }
}

/// How much time is between two lines of a picture of so much time, both in ms.
fn step(window: i64) -> i64 {
    let least = window.saturating_mul(GAP) / (WIDTH - LEFT - RIGHT);
    let days = (least / DAY).saturating_add(1);
    let fine = STEPS.into_iter().find(|step| *step >= least);
    fine.unwrap_or(days.saturating_mul(DAY))
}

fn legend(y: i64) -> Markup {
    let shown = Shade::iter().filter(|shade| *shade != Shade::Unknown);
    html! {
        @for (nth, shade) in (0_i64..).zip(shown) {
            @let x = LEFT + nth * 110;
            rect x=(x) y=(y - height(shade)) width="18" height=(height(shade)) class=(shade.word()) {}
            text x=(x + 24) y=(y) class="soft" { (name(shade)) }
        }
        line x1=(LEFT + 668) y1=(y - 7) x2=(LEFT + 668) y2=(y - 1) class="tick" {}
        text x=(LEFT + 676) y=(y) class="soft" { "restart" }
    }
}

fn name(shade: Shade) -> &'static str {
    match shade {
        Shade::Off => "at rest",
        other => other.word(),
    }
}

/// Where a moment is.
fn x(report: &PeriodReport<'_>, at: i64) -> i64 {
    let room = i128::from(WIDTH - LEFT - RIGHT);
    let gone = i128::from(at.saturating_sub(report.window.from).max(0));
    let part = gone * room / i128::from(report.window.millis().max(1));
    LEFT + i64::try_from(part.min(room)).unwrap_or(0)
}

fn local(report: &PeriodReport<'_>, at: i64, form: &str) -> String {
    let offset = Offset::from_seconds(report.clock.offset_seconds).unwrap_or(Offset::UTC);
    let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::MIN);
    at.to_zoned(TimeZone::fixed(offset))
        .strftime(form)
        .to_string()
}

fn stamp(report: &PeriodReport<'_>, at: i64) -> String {
    local(report, at, "%b %d %H:%M:%S")
}

fn date(report: &PeriodReport<'_>, at: i64) -> String {
    local(report, at, "%a %b %d")
}

fn hour(report: &PeriodReport<'_>, at: i64) -> String {
    local(report, at, "%H:%M")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_time_have_room_and_are_at_whole_hours_or_days() {
        for (window, expected) in [
            (10 * MINUTE, MINUTE),
            (60 * MINUTE, 5 * MINUTE),
            (DAY, 180 * MINUTE),
            (3 * DAY, 360 * MINUTE),
            (7 * DAY, DAY),
            (60 * DAY, 4 * DAY),
        ] {
            assert_eq!(step(window), expected, "of {window} ms");
        }
    }
}
