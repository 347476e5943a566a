//! The plan for people: what would be done and why, what is held until when, and one line that sums it up.

use super::columns::{Line, cell, lay_out};
use super::sanitise;
use super::style::{Detail, Paper, Role};
use super::view::Scene;
use super::words::{self, count};
use crate::model::{Action, Desired, Held, Hold, Observed, Phase, Plan, Reason, Step, Unchanged, Verb};

/// The columns: what, session, why.
const WHY: usize = 2;

/// The longest line from a screen or an argv, in characters.
const LONG: usize = 2000;

/// The whole page; its last line is the summary.
#[must_use]
pub fn page(scene: &Scene<'_>, paper: &Paper) -> String {
    let Plan { steps, held, unchanged, wake: _, mass: _ } = scene.plan;
    let mut lines: Vec<Line> = Vec::new();
    for step in steps {
        lines.extend(of_step(step));
    }
    for held in held {
        lines.extend(of_held(held, paper));
    }
    // When nothing is known, the preface says so once for all.
    if !matches!(scene.observed, Observed::Unknown(_)) || paper.detail == Detail::Wide {
        lines.extend(unchanged.iter().filter_map(|same| of_unchanged(same, paper)));
    }
    let mut text = preface(scene.observed, paper);
    if !lines.is_empty() {
        text.push_str(&lay_out(&lines, "  ", paper));
        text.push('\n');
    }
    text.push_str(&summary(scene, paper));
    text.push('\n');
    text
}

/// What must be known before anything else; empty when the server answered.
fn preface(observed: &Observed, paper: &Paper) -> String {
    match observed {
        Observed::Up(_) => String::new(),
        Observed::Down => format!("{}\n\n", paper.colour.paint(Role::Change, "no tmux server runs yet")),
        Observed::Unknown(why) => {
            let why = sanitise::line(why, LONG);
            format!("{}\n\n", paper.colour.paint(Role::Bad, &format!("tmux could not be asked: {why}")))
        }
    }
}

/// One line: how much of what, and when to look again.
#[must_use]
pub fn summary(scene: &Scene<'_>, paper: &Paper) -> String {
    let Plan { steps, held, unchanged, wake, mass: _ } = scene.plan;
    let mut text = if let Observed::Unknown(_) = scene.observed {
        "nothing is planned: what is not known is left alone".to_owned()
    } else if steps.is_empty() && held.is_empty() {
        converged(unchanged)
    } else {
        let verbs = [Verb::Start, Verb::Restart, Verb::Expire, Verb::Adopt];
        let of_verb = verbs.map(|v| (steps.iter().filter(|s| s.action.verb() == v).count(), v.word()));
        let mut parts: Vec<String> =
            of_verb.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} to {word}")).collect();
        parts.extend((!held.is_empty()).then(|| format!("{} held", held.len())));
        parts.extend((!unchanged.is_empty()).then(|| format!("{} unchanged", unchanged.len())));
        parts.join(", ")
    };
    if let Some(wake) = wake {
        text.push_str(&paper.colour.paint(Role::Quiet, &format!(" · next look {}", paper.clock.time(*wake))));
    }
    text
}

fn converged(unchanged: &[Unchanged]) -> String {
    let remarked = unchanged.iter().filter(|u| symbol_of_note(u).is_some()).count();
    match (unchanged.len() - remarked, remarked) {
        (0, 0) => "nothing to do: no sessions".to_owned(),
        (n, 0) => format!("nothing to do: {} as declared", count(n, "session")),
        (n, m) => format!("nothing to do: {} as declared, {m} noted", count(n, "session")),
    }
}

fn of_step(step: &Step) -> Vec<Line> {
    let verb = step.action.verb();
    let (symbol, role) = symbol(verb);
    let name = step.session.as_str();
    let mut lines = vec![Line::Row(vec![
        cell(format!("{symbol} {}", verb.word())).role(role),
        cell(name).role(Role::Strong),
        cell(words::reason(&step.reason)),
    ])];
    if let Some(desired) = runs(step) {
        lines.push(below(format!("$ {}", words::shell(&desired.command))));
    }
    lines
}

/// What is run, where that is news: at every start, and at a restart for other fields than it runs with.
fn runs(step: &Step) -> Option<&Desired> {
    match (&step.action, &step.reason) {
        (Action::Start { desired, .. }, _) | (Action::Restart { desired, .. }, Reason::Drifted { .. }) => Some(desired),
        (Action::Restart { .. } | Action::Expire { .. } | Action::Adopt { .. }, _) => None,
    }
}

pub(super) fn symbol(verb: Verb) -> (&'static str, Role) {
    match verb {
        Verb::Start => ("+", Role::Good),
        Verb::Restart => ("~", Role::Change),
        Verb::Expire => ("-", Role::Bad),
        Verb::Adopt => ("=", Role::Good),
    }
}

fn of_held(held: &Held, paper: &Paper) -> Vec<Line> {
    let (symbol, role) = if held.hold.needs_somebody() { ("!", Role::Bad) } else { ("·", Role::Quiet) };
    let why = words::reason(&held.reason);
    let obstacle = words::hold(&held.hold, held.until, &paper.clock);
    let row = |reason: String| -> Line {
        let name = held.session.as_str();
        Line::Row(vec![cell(format!("{symbol} {}", held.verb.word())).role(role), cell(name), cell(reason)])
    };
    let mut lines = vec![row(why), Line::Below { column: WHY, cell: cell(format!("held: {obstacle}")).role(role) }];
    if let Hold::CrashLoop { tail, .. } = &held.hold {
        lines.extend(tail.iter().map(|l| below(format!("| {}", sanitise::line(l, LONG)))));
    }
    lines
}

fn of_unchanged(same: &Unchanged, paper: &Paper) -> Option<Line> {
    let note = symbol_of_note(same);
    if note.is_none() && paper.detail == Detail::Short {
        return None;
    }
    let (symbol, word, role) = note.unwrap_or((" ", "", Role::Quiet));
    let next = same.next.as_ref().map(|n| format!("{} ({}) at {}", n.verb.word(), n.reason, paper.clock.time(n.at)));
    let text = match (&same.note, next) {
        (Some(Reason::Orphaned), _) => "no longer declared; --prune expires it".to_owned(),
        (Some(note), _) => words::reason(note),
        (None, Some(next)) => format!("{}; {next}", words::phase(same.phase)),
        (None, None) => words::phase(same.phase),
    };
    Some(Line::Row(vec![cell(format!("{symbol} {word}")).role(role), cell(same.session.as_str()), cell(text)]))
}

/// A session to which nothing is done and of which something is to be said all the same.
fn symbol_of_note(same: &Unchanged) -> Option<(&'static str, &'static str, Role)> {
    match (&same.note, same.phase) {
        (Some(Reason::Orphaned), _) => Some(("·", "orphan", Role::Quiet)),
        (_, Phase::Unknown) => Some(("?", "unknown", Role::Change)),
        (Some(Reason::Completed { .. }), Phase::Completed(_)) | (None, _) => None,
        (Some(_), _) => Some(("·", "note", Role::Quiet)),
    }
}

fn below(text: String) -> Line {
    Line::Below { column: WHY, cell: cell(text).role(Role::Quiet) }
}

#[cfg(test)]
#[path = "diff_tests.rs"]
pub(super) mod tests;
