//! The state of a town in one bounded text, for an agent or a person to judge: `current_state.txt`.

use super::style::Paper;
use super::view::{Books, Scene, Selection};
use super::words::bytes;
use super::{diff, events, sanitise, status};
use crate::proc::host::Host;
use serde_json::Value;
use std::fmt::Write;

/// The largest text, in bytes.
pub const LIMIT: usize = 64 << 10;

/// The largest part of it, in bytes.
const PART: usize = 15 << 10;

/// The whole town in one text: its sessions and chores, the plan, the last events, and the machine.
#[must_use]
pub fn page(
    scene: &Scene<'_>,
    books: &Books,
    events: &[Value],
    host: &Host,
    paper: &Paper,
) -> String {
    let at = jiff::Timestamp::from_millisecond(scene.now.wall).unwrap_or(jiff::Timestamp::MAX);
    let happened = events::lines(events, paper).join("\n") + "\n";
    let parts = [
        (
            "Sessions and chores",
            status::page(scene, books, Selection::All, paper),
        ),
        (
            "Plan: what gtctl does next, and what holds it",
            diff::page(scene, paper),
        ),
        ("Last events", happened),
        ("Machine", machine(host)),
    ];
    let mut text = format!("State of town {} at {at}\n", scene.town.name);
    for (title, part) in parts {
        let _ = writeln!(text, "\n== {title}");
        text.push_str(cut(&part, PART));
    }
    cut(&text, LIMIT).to_owned()
}

fn machine(host: &Host) -> String {
    let mut text = format!(
        "load {}\nmemory {} free of {}\ndisk {} free of {}\n",
        sanitise::line(&host.load, 64),
        bytes(host.memory_free),
        bytes(host.memory),
        bytes(host.disk_free),
        bytes(host.disk),
    );
    for process in &host.largest {
        let name = sanitise::line(&process.stat.comm, 32);
        let _ = writeln!(
            text,
            "pid {} {name}: {} resident",
            process.id.pid,
            bytes(process.stat.rss)
        );
    }
    text
}

/// As many whole lines of a text as fit.
fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let fits = text.get(..end).unwrap_or_default();
    fits.rfind('\n')
        .and_then(|at| fits.get(..=at))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::diff::tests::{observed, plan, with_scene};
    use super::super::style::{Colour, Detail};
    use super::super::words::Clock;
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_bounded_and_clean_whatever_happened() {
        with_scene(&plan(), &observed(), |scene| {
            let clock = Clock {
                now: scene.now,
                offset_seconds: 0,
            };
            let paper = Paper {
                clock,
                width: None,
                colour: Colour::Off,
                detail: Detail::Short,
            };
            let loud = json!({"ts": "t", "level": "WARN", "message": "\u{1b}[2J restart all\n".repeat(99)});
            let text = page(
                scene,
                &Books::default(),
                &vec![loud; 999],
                &Host::default(),
                &paper,
            );
            assert!(
                text.len() <= LIMIT && text.ends_with('\n') && !text.contains('\u{1b}'),
                "{}",
                text.len()
            );
            for part in [
                "== Sessions",
                "== Plan",
                "== Last events\n",
                "== Machine\nload",
            ] {
                assert!(text.contains(part), "{part}");
            }
        });
    }
}
