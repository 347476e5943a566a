//! What came of the steps: one line each while they happen, and one that sums up.

use super::columns::{Line, cell, lay_out};
use super::diff::symbol;
use super::sanitise;
use super::style::{Paper, Role};
use super::words::brief;
use crate::model::{Done, Effect, Outcome, Period, Plan, SessionName, Verb};

/// The longest complaint shown, in characters.
const LONG: usize = 2000;

/// The length of the longest word for an outcome, so that pages printed one after the other align.
const LONGEST: usize = "restarted".len();

/// One line per outcome, aligned.
#[must_use]
pub fn outcomes(done: &[Done], paper: &Paper) -> String {
    let lines: Vec<Line> = done.iter().map(line).collect();
    lay_out(&lines, "  ", paper)
}

fn line(done: &Done) -> Line {
    let (mark, mut role) = symbol(done.verb);
    let (mark, word, text) = match &done.outcome {
        Outcome::Done(effect) => (mark, finished(done.verb, effect), effect_text(effect)),
        Outcome::Stale(why) => {
            role = Role::Quiet;
            ("·", "stale", format!("the world has moved on: {}", sanitise::line(why, LONG)))
        }
        Outcome::Failed(why) => {
            role = Role::Bad;
            ("!", "failed", format!("{}: {}", done.verb.word(), sanitise::line(why, LONG)))
        }
        Outcome::Unknown(why) => {
            role = Role::Bad;
            ("?", "unknown", format!("{}: {}", done.verb.word(), sanitise::line(why, LONG)))
        }
    };
    let name = cell(done.session.as_str()).role(Role::Strong);
    Line::Row(vec![cell(format!("{mark} {word:<LONGEST$}")).role(role), name, cell(text)])
}

fn finished(verb: Verb, effect: &Effect) -> &'static str {
    match (effect, verb) {
        (Effect::Signalled { .. }, _) => "stopping",
        (Effect::Adopted { .. }, _) => "adopted",
        (Effect::Removed, _) => "expired",
        (Effect::Started { .. }, Verb::Restart) => "restarted",
        (Effect::Started { .. }, Verb::Start | Verb::Expire | Verb::Adopt) => "started",
    }
}

fn effect_text(effect: &Effect) -> String {
    match effect {
        Effect::Started { process: Some(process), .. } => format!("pid {}", process.pid),
        Effect::Signalled { tree } => {
            if tree.len() == 1 {
                "1 process".to_owned()
            } else {
                format!("{} processes", tree.len())
            }
        }
        Effect::Started { process: None, .. } | Effect::Adopted { .. } | Effect::Removed => String::new(),
    }
}

/// What is said of a session that is waited for.
#[must_use]
pub fn progress(session: &SessionName, what: &str, waited: Period) -> String {
    format!("  · {:<LONGEST$}  {session}  {} ({} so far)", "waiting", sanitise::line(what, LONG), brief(waited))
}

/// The line at the end of `apply`: what was done, what failed, what is still held.
#[must_use]
pub fn summary(done: &[Done], last: &Plan, paper: &Paper) -> String {
    let tally = |word: &str| done.iter().filter(|d| word_of(d) == word).count();
    let words = ["started", "restarted", "expired", "adopted", "stopping", "stale", "failed", "unknown"];
    let mut parts: Vec<String> =
        words.iter().map(|w| (tally(w), w)).filter(|(n, _)| *n > 0).map(|(n, w)| format!("{n} {w}")).collect();
    parts.extend((!last.held.is_empty()).then(|| format!("{} held", last.held.len())));
    parts.extend((!last.unchanged.is_empty()).then(|| format!("{} as declared", last.unchanged.len())));
    if parts.is_empty() {
        parts.push("nothing done".to_owned());
    }
    let mut text = parts.join(", ");
    if let Some(wake) = last.wake {
        text.push_str(&paper.colour.paint(Role::Quiet, &format!(" · next look {}", paper.clock.time(wake))));
    }
    text
}

fn word_of(done: &Done) -> &'static str {
    match &done.outcome {
        Outcome::Done(effect) => finished(done.verb, effect),
        Outcome::Stale(_) => "stale",
        Outcome::Failed(_) => "failed",
        Outcome::Unknown(_) => "unknown",
    }
}
