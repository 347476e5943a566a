//! The parts of the page that change with each look.

use super::bar::bar;
use super::need::{Need, look_of};
use super::{May, WebScene};
use crate::model::SortedMap;
use crate::model::{Moment, Period, Phase};
use crate::render::view::Row;
use crate::render::words::{brief, bytes, count, phase_word};
use crate::render::{Detail, Paper, chores, controller, sanitise, status, why_and_next};
use maud::{Markup, html};
use serde_json::Value;

/// The events that are shown.
const EVENTS: usize = 30;
/// The longest text of an event, in characters.
const LONG: usize = 400;

/// A piece of the page. Its HTML is one element that has this id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebPart {
    /// The id.
    pub id: String,
    /// The element.
    pub html: String,
}

/// The parts in each place, in order.
pub type WebParts = SortedMap<&'static str, Vec<WebPart>>;

/// All parts of the page.
#[must_use]
pub fn parts(web: &WebScene<'_>) -> WebParts {
    let mut rows: Vec<(Need, Row<'_>)> = web
        .scene
        .rows()
        .into_iter()
        .map(|row| (Need::of(&row), row))
        .collect();
    // A stable sort: within a need they stay in order of their names.
    rows.sort_by_key(|(need, _)| *need);
    let (needing, others): (Vec<_>, Vec<_>) =
        rows.iter().partition(|(need, _)| *need != Need::Nobody);
    let lines = |rows: &[&(Need, Row<'_>)]| -> Vec<WebPart> {
        rows.iter().map(|(_, row)| line(row, web)).collect()
    };
    [
        ("head", vec![head(web)]),
        ("needs-head", vec![needs_head(needing.len())]),
        ("needs", lines(&needing)),
        ("rest-head", vec![rest_head(others.len())]),
        ("rest", lines(&others)),
        ("chores", chore_lines(web)),
        ("events", event_lines(web)),
    ]
    .into()
}

fn part(id: impl Into<String>, markup: Markup) -> WebPart {
    WebPart {
        id: id.into(),
        html: markup.into_string(),
    }
}

fn head(web: &WebScene<'_>) -> WebPart {
    let plain = Paper {
        detail: Detail::Short,
        ..*web.paper
    };
    let keeper = controller::line(&web.books.keeper, web.scene.town.resync, &plain);
    let overdue = web
        .books
        .keeper
        .is_overdue(web.scene.town.resync, web.scene.now);
    let class = if overdue { "keeper overdue" } else { "keeper" };
    let markup = html! {
        div #head-now {
            p class="totals" { (status::summary(web.scene, &plain)) }
            p class=(class) { (keeper.trim_end()) }
            p class="checked" { "checked " (clock_time(web, web.scene.now)) }
        }
    };
    part("head-now", markup)
}

fn clock_time(web: &WebScene<'_>, at: Moment) -> String {
    web.paper.clock.time(at)
}

fn needs_head(needing: usize) -> WebPart {
    let markup = html! {
        h2 #needs-title {
            @if needing == 0 { "Nothing needs you" } @else { "Needs you " span { (needing) } }
        }
    };
    part("needs-title", markup)
}

fn rest_head(others: usize) -> WebPart {
    let markup = html! {
        h2 #rest-title { "Sessions " span { (others) } }
    };
    part("rest-title", markup)
}

/// One session.
fn line(row: &Row<'_>, web: &WebScene<'_>) -> WebPart {
    let name = row.session.as_str();
    let id = format!("s-{name}");
    let (class, mark) = look_of(row);
    let wide = Paper {
        detail: Detail::Wide,
        ..*web.paper
    };
    let next = why_and_next(row, &wide).line();
    let markup = html! {
        li id=(id) class={ "session is-" (class) } {
            details {
                summary {
                    span class="mark" aria-hidden="true" { (mark) }
                    span class="name" { (name) }
                    span class="phase" { (phase_word(row.phase)) }
                    span class="since" { (row.since.map(spell).unwrap_or_default()) }
                    span class="next" { (next) }
                    (bar(web.tracks.get(row.session), web.window, &web.paper.clock))
                }
                (more(row, web.may))
            }
        }
    };
    part(id, markup)
}

/// What opens below a session.
fn more(row: &Row<'_>, may: May) -> Markup {
    let name = row.session.as_str();
    html! {
        div class="more" {
            p class="facts" { (facts(row).join(" · ")) }
            @if may.see_panes && row.phase != Phase::Absent {
                pre class="pane" tabindex="0" data-pane=(name) aria-label={ "screen of " (name) } {
                    "…"
                }
            }
            @if may.act { (actions(name)) }
        }
    }
}

fn facts(row: &Row<'_>) -> Vec<String> {
    let mut facts = Vec::new();
    facts.extend(row.age.map(|age| format!("runs for {}", spell(age))));
    facts.extend(row.idle.map(|idle| format!("quiet for {}", spell(idle))));
    facts.push(count(row.restarts as usize, "restart"));
    if row.attached > 0 {
        facts.push(format!(
            "{} attached",
            count(row.attached as usize, "client")
        ));
    }
    facts.extend(
        row.usage
            .map(|usage| format!("{} of memory", bytes(usage.rss))),
    );
    facts
}

fn actions(name: &str) -> Markup {
    html! {
        form class="actions" data-session=(name) {
            button type="button" data-verb="restart" { "Restart" }
            button type="button" data-verb="stop" { "Stop" }
            button type="button" data-verb="start" { "Start" }
            button type="button" data-verb="reset" { "Reset" }
            label {
                span class="hidden" { "Text for " (name) }
                input name="text" placeholder="Type to the agent" autocomplete="off" maxlength="2000";
            }
            button type="submit" data-verb="nudge" { "Send" }
            output aria-live="polite" {}
        }
    }
}

/// In whole seconds.
fn spell(period: Period) -> String {
    brief(Period::from_secs(period.millis() / 1000))
}

fn chore_lines(web: &WebScene<'_>) -> Vec<WebPart> {
    let chores = &web.scene.plan.chores;
    let markup = html! {
        section #chores-all aria-labelledby="chores-title" {
            @if !chores.is_empty() {
                h2 #chores-title { "Chores " span { (chores.len()) } }
                ul class="chores" {
                    @for timed in chores {
                        li {
                            span class="name" { (sanitise::line(&timed.chore, LONG)) }
                            span class="since" { (chores::next(timed, web.paper)) }
                            span class="next" { (chores::last(web.scene, timed, web.paper)) }
                        }
                    }
                }
            }
        }
    };
    vec![part("chores-all", markup)]
}

fn event_lines(web: &WebScene<'_>) -> Vec<WebPart> {
    let newest = web.events.iter().rev().take(EVENTS);
    let mut known: SortedMap<String, u32> = SortedMap::new();
    newest
        .map(|event| {
            // Two events may be alike: the id of the second one is another.
            let key = key_of(event);
            let nth = known.entry(key.clone()).or_default();
            let id = format!("e-{key}-{nth}");
            *nth += 1;
            let markup = event_line(event, &id, web);
            part(id, markup)
        })
        .collect()
}

/// A word that tells one event from others.
fn key_of(event: &Value) -> String {
    let text = event.to_string();
    let sum = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{sum:016x}")
}

fn event_line(event: &Value, id: &str, web: &WebScene<'_>) -> Markup {
    let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
    let stamp = text("ts").parse().map_or_else(
        |_| sanitise::line(text("ts"), 32),
        |at| web.paper.clock.stamp(at),
    );
    // The zone is the same in every line; the page says it once, in the title.
    let (short, whole) = (stamp.get(5..19).unwrap_or(&stamp), &stamp);
    let (class, word) = match text("level") {
        "ERROR" => ("event error", "error "),
        "WARN" => ("event warn", "warning "),
        _ => ("event", ""),
    };
    html! {
        li id=(id) class=(class) {
            time title=(whole) { (short) }
            span class="message" {
                @if !word.is_empty() { b { (word) } }
                (sanitise::line(text("message"), LONG))
            }
        }
    }
}
