//! The plan for people: what would be done and why, what is held until when, and a summary line.

use super::columns::{Line, cell, lay_out};
use super::style::{Detail, Paper, Role};
use super::view::{self, Scene};
use super::words::{self, count};
use super::{chores, drift, gastown, sanitise};
use crate::model::{
    Action, Change, Desired, Held, Hold, Observed, Phase, Plan, Probe, Reason, Step, Unchanged,
    Verb,
};

/// The columns: step, session, reason.
const WHY: usize = 2;

/// The longest line from a screen or an argv, in characters.
const LONG: usize = 2000;

/// The whole page; its last line is the summary.
#[must_use]
pub fn page(scene: &Scene<'_>, paper: &Paper) -> String {
    let Plan {
        checks: _,
        steps,
        held,
        unchanged,
        probes,
        chores: _,
        proposals: _,
        wake: _,
        mass: _,
    } = scene.plan;
    let mut lines: Vec<Line> = Vec::new();
    for step in steps {
        lines.extend(of_step(step));
    }
    for held in held {
        lines.extend(of_held(held, paper));
    }
    // If the server did not answer, the preface says so once for all sessions.
    if !matches!(scene.observed, Observed::Unknown(_)) || paper.detail == Detail::Wide {
        let seen = scene.seen();
        let trouble = |same: &Unchanged| {
            seen.get(same.session.as_str())
                .and_then(|s| view::trouble(s))
        };
        lines.extend(
            unchanged
                .iter()
                .flat_map(|same| of_unchanged(same, trouble(same), paper)),
        );
    }
    lines.extend(probes.iter().map(|probe| of_probe(probe, paper)));
    let mut text = preface(scene, paper);
    if !lines.is_empty() {
        text.push_str(&lay_out(&lines, "  ", paper));
        text.push('\n');
    }
    for part in [chores::proposals(scene, paper), chores::table(scene, paper)] {
        if !part.is_empty() {
            text.push_str(&part);
            text.push('\n');
        }
    }
    text.push_str(&summary(scene, paper));
    text.push('\n');
    text
}

/// The lines of these steps and of what is held, and nothing else.
#[must_use]
pub fn steps(steps: &[&Step], held: &[&Held], paper: &Paper) -> String {
    let mut lines: Vec<Line> = Vec::new();
    for step in steps {
        lines.extend(of_step(step));
    }
    for held in held {
        lines.extend(of_held(held, paper));
    }
    lay_out(&lines, "", paper)
}

/// What the reader must know first. Empty when the server answered and Gas Town holds nothing.
fn preface(scene: &Scene<'_>, paper: &Paper) -> String {
    let remarks = gastown::lines(scene, paper);
    let remarks = if remarks.is_empty() {
        remarks
    } else {
        remarks + "\n"
    };
    remarks + &of_server(scene.observed, paper)
}

fn of_server(observed: &Observed, paper: &Paper) -> String {
    match observed {
        Observed::Up(_) => String::new(),
        Observed::Down => format!(
            "{}\n\n",
            paper.colour.paint(Role::Change, "no tmux server runs")
        ),
        Observed::Unknown(why) => {
            let why = sanitise::line(why, LONG);
            format!(
                "{}\n\n",
                paper.colour.paint(
                    Role::Bad,
                    &format!("unknown: tmux could not be asked: {why}")
                )
            )
        }
    }
}

/// One line: the number of each kind of step, and the time of the next look.
#[must_use]
pub fn summary(scene: &Scene<'_>, paper: &Paper) -> String {
    let Plan {
        checks: _,
        steps,
        held,
        unchanged,
        probes: _,
        chores: _,
        proposals: _,
        wake,
        mass: _,
    } = scene.plan;
    let mut text = if let Observed::Unknown(_) = scene.observed {
        "nothing planned: gtctl changes nothing while the state is unknown".to_owned()
    } else if steps.is_empty() && held.is_empty() {
        converged(unchanged)
    } else {
        let verbs = [
            Verb::Start,
            Verb::Restart,
            Verb::Expire,
            Verb::Adopt,
            Verb::Rename,
            Verb::Nudge,
            Verb::SendEscape,
            Verb::Answer,
        ];
        let of_verb = verbs.map(|v| {
            (
                steps.iter().filter(|s| s.action.verb() == v).count(),
                words::verb(v),
            )
        });
        let mut parts: Vec<String> = of_verb
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| format!("{n} to {word}"))
            .collect();
        parts.extend((!held.is_empty()).then(|| format!("{} waiting", held.len())));
        parts.extend((!unchanged.is_empty()).then(|| format!("{} unchanged", unchanged.len())));
        parts.join(", ")
    };
    if wake.is_some() {
        text.push_str(
            &paper
                .colour
                .paint(Role::Quiet, &next_check(scene.plan, paper)),
        );
    }
    text
}

/// ` · next check 14:05:10: restart crew-1`, or nothing when no moment is known.
pub(super) fn next_check(plan: &Plan, paper: &Paper) -> String {
    let Some(wake) = plan.wake else {
        return String::new();
    };
    let held = plan
        .held
        .iter()
        .filter(|held| held.until == Some(wake) && !words::ends_by_looking(&held.hold));
    let next = plan
        .unchanged
        .iter()
        .filter_map(|same| Some((same.next.as_ref()?, &same.session)));
    let next = next
        .filter(|(next, _)| next.at == wake)
        .map(|(next, session)| (next.verb, session));
    let mut then = held.map(|held| (held.verb, &held.session)).chain(next);
    let what = match (then.next(), then.next()) {
        (Some((verb, session)), None) => format!(", to {} {session}", words::verb(verb)),
        (Some((verb, _)), Some((other, _))) if verb == other => {
            format!(
                ", to {} {}",
                words::verb(verb),
                count(2 + then.filter(|(v, _)| *v == verb).count(), "session")
            )
        }
        (Some(_), Some(_)) | (None, _) => String::new(),
    };
    format!(" · next check {}{what}", paper.clock.time(wake))
}

fn converged(unchanged: &[Unchanged]) -> String {
    let remarked = unchanged
        .iter()
        .filter(|u| symbol_of_note(u).is_some())
        .count();
    match (unchanged.len() - remarked, remarked) {
        (0, 0) => "nothing to do: no sessions".to_owned(),
        (0, m) => format!("nothing to do: {m} noted"),
        (n, 0) => format!("nothing to do: {} as declared", count(n, "session")),
        (n, m) => format!(
            "nothing to do: {} as declared, {m} noted",
            count(n, "session")
        ),
    }
}

fn of_step(step: &Step) -> Vec<Line> {
    let verb = step.action.verb();
    let (symbol, role) = symbol(verb);
    let name = step.session.as_str();
    let mut lines = vec![Line::Row(vec![
        cell(format!("{symbol} {}", words::verb(verb))).role(role),
        cell(name).role(Role::Strong),
        cell(format!(
            "{}{}",
            words::reason_in_brief(&step.reason),
            words::conversation(&step.action)
        )),
    ])];
    lines.extend(evidence(&step.reason));
    lines.extend(
        runs(step)
            .into_iter()
            .map(|argv| below(format!("$ {}", words::shell(argv)))),
    );
    lines.extend(written(step).and_then(words::writes).map(below));
    if let Action::Nudge(typing) = &step.action {
        lines.push(below(format!(
            "types: {}",
            sanitise::line(typing.text.as_str(), LONG)
        )));
    }
    lines
}

/// What is longer than a reason: a line for each drifted field with its old and new value; what a
/// launcher printed, and what it runs now.
fn evidence(reason: &Reason) -> Vec<Line> {
    let texts = match reason {
        Reason::NotStarted { said, crashes: _ } => {
            vec![format!("| {}", sanitise::line(said, LONG))]
        }
        Reason::UnderWay { argvs, .. } => argvs
            .iter()
            .map(|argv| format!("$ {}", words::shell(argv)))
            .collect(),
        other => drift::lines(other),
    };
    texts.into_iter().map(below).collect()
}

/// The file that is written before the start, in the same cases as the command.
fn written(step: &Step) -> Option<&Desired> {
    match (&step.action, &step.reason) {
        (Action::Start { desired, .. }, _)
        | (Action::Restart { desired, .. }, Reason::Drifted { .. }) => Some(desired),
        (
            Action::Restart { .. }
            | Action::Expire { .. }
            | Action::Adopt { .. }
            | Action::Rename { .. }
            | Action::Nudge { .. }
            | Action::SendEscape { .. }
            | Action::Answer(_),
            _,
        ) => None,
    }
}

/// The commands that run, in order. Shown at each start, at a restart with changed fields, and
/// always for a launcher's commands.
fn runs(step: &Step) -> Vec<&[String]> {
    if step.action.commands().is_some() {
        return step.action.launcher_jobs();
    }
    match (&step.action, &step.reason) {
        (Action::Start { desired, .. }, _) => vec![&desired.command],
        (Action::Restart { desired, .. }, Reason::Drifted { changes, .. }) => {
            let shown = changes
                .iter()
                .any(|change| matches!(change, Change::Command { .. }));
            if shown {
                Vec::new()
            } else {
                vec![&desired.command]
            }
        }
        (
            Action::Restart { .. }
            | Action::Expire { .. }
            | Action::Adopt { .. }
            | Action::Rename { .. }
            | Action::Nudge { .. }
            | Action::SendEscape { .. }
            | Action::Answer(_),
            _,
        ) => Vec::new(),
    }
}

pub(super) fn symbol(verb: Verb) -> (&'static str, Role) {
    match verb {
        Verb::Start => ("+", Role::Good),
        Verb::Restart | Verb::SendEscape | Verb::Answer => ("~", Role::Change),
        Verb::Expire => ("-", Role::Bad),
        Verb::Adopt | Verb::Rename => ("=", Role::Good),
        Verb::Nudge => (">", Role::Change),
    }
}

fn of_held(held: &Held, paper: &Paper) -> Vec<Line> {
    let (symbol, role) = if held.hold.needs_somebody() {
        ("!", Role::Bad)
    } else {
        ("·", Role::Quiet)
    };
    let why = words::reason_in_brief(&held.reason);
    let obstacle = words::hold(&held.hold, held.until, &paper.clock);
    let row = |reason: String| -> Line {
        let name = held.session.as_str();
        Line::Row(vec![
            cell(format!("{symbol} {}", words::verb(held.verb))).role(role),
            cell(name),
            cell(reason),
        ])
    };
    let mut lines = vec![row(why)];
    lines.extend(evidence(&held.reason));
    lines.push(Line::Below {
        column: WHY,
        cell: cell(format!("waiting: {obstacle}")).role(role),
    });
    if let Hold::CrashLoop { tail, .. } = &held.hold {
        let blank = tail
            .iter()
            .rev()
            .take_while(|l| sanitise::line(l, LONG).trim().is_empty())
            .count();
        lines.extend(
            tail.iter()
                .take(tail.len() - blank)
                .map(|l| below(format!("| {}", sanitise::line(l, LONG)))),
        );
    }
    lines
}

/// An agent whose sign-in a running controller probes.
fn of_probe(probe: &Probe, paper: &Paper) -> Line {
    let when = if probe.is_due(paper.clock.now) {
        "now".to_owned()
    } else {
        format!("at {}", paper.clock.time(probe.at))
    };
    let failed = match probe.failed {
        0 => String::new(),
        failed => format!(
            "; failed {}",
            count(usize::try_from(failed).unwrap_or(usize::MAX), "time")
        ),
    };
    let text = format!(
        "a controller asks {when}: {}{failed}",
        words::shell(&probe.desired.agent.probe)
    );
    Line::Row(vec![
        cell("· probe").role(Role::Quiet),
        cell(sanitise::line(&probe.agent, LONG)),
        cell(text),
    ])
}

fn of_unchanged(same: &Unchanged, trouble: Option<&str>, paper: &Paper) -> Vec<Line> {
    let note = symbol_of_note(same);
    if note.is_none() && paper.detail == Detail::Short {
        return Vec::new();
    }
    let (symbol, word, role) = note.unwrap_or((" ", "", Role::Quiet));
    let next = same
        .next
        .as_ref()
        .map(|next| words::next(next, &paper.clock));
    let text = match (&same.note, next, trouble) {
        (Some(Reason::Orphaned), ..) => "no longer declared; --prune expires it".to_owned(),
        (Some(note), ..) => words::reason_in_brief(note),
        (None, _, Some(why)) => sanitise::line(why, LONG),
        (None, Some(next), None) => format!("{}; {next}", words::phase(same.phase)),
        (None, None, None) => words::phase(same.phase),
    };
    let row = Line::Row(vec![
        cell(format!("{symbol} {word}")).role(role),
        cell(same.session.as_str()),
        cell(text),
    ]);
    std::iter::once(row)
        .chain(same.note.iter().flat_map(evidence))
        .collect()
}

/// A session without a step but with a note.
pub(super) fn symbol_of_note(same: &Unchanged) -> Option<(&'static str, &'static str, Role)> {
    match (&same.note, same.phase) {
        (Some(Reason::Orphaned), _) => Some(("·", "orphan", Role::Quiet)),
        (_, Phase::Unknown) => Some(("?", "unknown", Role::Change)),
        (Some(Reason::Completed { .. }), Phase::Completed(_)) | (None, _) => None,
        (Some(Reason::OffSchedule { .. }), Phase::Stopped) => Some(("·", "off", Role::Quiet)),
        (Some(Reason::Disabled), Phase::Stopped) => Some(("·", "disabled", Role::Quiet)),
        (Some(Reason::LeavesHost { .. }), Phase::Stopped) => Some(("·", "moves", Role::Quiet)),
        (Some(Reason::UnderWay { .. }), _) => Some(("·", "running", Role::Quiet)),
        (Some(_), _) => Some(("·", "note", Role::Quiet)),
    }
}

fn below(text: String) -> Line {
    Line::Below {
        column: WHY,
        cell: cell(text).role(Role::Quiet),
    }
}

#[cfg(test)]
#[path = "diff_tests.rs"]
pub(super) mod tests;
