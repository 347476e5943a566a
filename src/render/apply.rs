//! What came of the steps: one line each while they happen, and one that sums up.

use super::columns::{Line, cell, lay_out};
use super::diff::{self, symbol};
use super::sanitise;
use super::style::{Paper, Role};
use super::view::Scene;
use super::words;
use crate::model::{Done, Effect, Held, Outcome, Phase, SessionName, Town, Unchanged, Verb};

/// The longest complaint shown, in characters.
const LONG: usize = 2000;

/// The length of the longest word for an outcome, so that pages printed one after the other align.
const LONGEST: usize = "restarted".len();

/// The longest name that others are aligned to.
const LONGEST_NAME: usize = 32;

/// One line per outcome, aligned with every other page about this town.
#[must_use]
pub fn outcomes(town: &Town, done: &[Done], paper: &Paper) -> String {
    let lines: Vec<Line> = done.iter().map(|done| line(town, done)).collect();
    lay_out(&lines, "  ", paper)
}

/// The line of a session that is waited for.
#[must_use]
pub fn waits(town: &Town, held: &Held, paper: &Paper) -> String {
    let why = words::hold(&held.hold, held.until, &paper.clock);
    lay_out(
        &[row(
            "·",
            "waits",
            Role::Quiet,
            name(town, &held.session),
            why,
        )],
        "  ",
        paper,
    )
}

/// A line for each declared session that is not as declared now, and why.
///
/// `asked` tells whether something was asked for about a session. Where nobody waited, those that
/// start or stop are left out.
#[must_use]
pub fn left(
    last: &Scene<'_>,
    done: &[Done],
    waited: bool,
    asked: impl Fn(&SessionName, Verb) -> bool,
    paper: &Paper,
) -> String {
    let Scene { town, plan, .. } = last;
    let declared = |session: &SessionName| {
        asked(session, Verb::Start)
            && town
                .sessions
                .get(session)
                .is_some_and(|desired| desired.policy.is_none())
    };
    let mut lines: Vec<(&SessionName, Line)> = Vec::new();
    for held in plan.held.iter().filter(|held| declared(&held.session)) {
        let why = words::hold(&held.hold, held.until, &paper.clock);
        lines.push((
            &held.session,
            row("·", "waits", Role::Quiet, name(town, &held.session), why),
        ));
    }
    for same in plan.unchanged.iter().filter(|same| declared(&same.session)) {
        let Some(why) = why_not(same, waited) else {
            continue;
        };
        lines.push((
            &same.session,
            row("·", "noted", Role::Quiet, name(town, &same.session), why),
        ));
    }
    let failed = |session: &SessionName| {
        let last = done.iter().rev().find(|done| done.session == *session)?;
        match &last.outcome {
            Outcome::Failed(why) | Outcome::Unknown(why) => Some(sanitise::line(why, LONG)),
            Outcome::Stale(_) => Some("the world has moved on".to_owned()),
            Outcome::Done(Effect::Signalled { .. }) if waited => Some("stopping".to_owned()),
            Outcome::Done(_) => None,
        }
    };
    for step in plan.steps.iter().filter(|step| declared(&step.session)) {
        let Some(why) = failed(&step.session) else {
            continue;
        };
        lines.push((
            &step.session,
            row("!", "failed", Role::Bad, name(town, &step.session), why),
        ));
    }
    if lines.is_empty() {
        return String::new();
    }
    lines.sort_by_key(|(session, _)| *session);
    let lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
    format!("not as declared:\n{}", lay_out(&lines, "  ", paper))
}

/// Why a session to which nothing is done is not as declared.
fn why_not(same: &Unchanged, waited: bool) -> Option<String> {
    let phase = || words::phase(same.phase);
    match (same.phase, &same.note) {
        (Phase::Starting | Phase::Stopping, _) => waited.then(phase),
        (Phase::Stopped, _) => Some(format!(
            "stopped by hand; `gtctl start {}` starts it",
            same.session
        )),
        (Phase::Completed(_), _) | (Phase::Working | Phase::Idle | Phase::Waiting(_), None) => None,
        (_, Some(note)) => Some(words::reason_in_brief(note)),
        (
            Phase::Absent | Phase::Dead(_) | Phase::Blocked(_) | Phase::Unknown | Phase::Foreign,
            None,
        ) => Some(phase()),
    }
}

fn row(mark: &str, word: &str, role: Role, name: String, text: String) -> Line {
    Line::Row(vec![
        cell(format!("{mark} {word:<LONGEST$}")).role(role),
        cell(name).role(Role::Strong),
        cell(text),
    ])
}

/// Padded to the longest name of the town.
fn name(town: &Town, session: &SessionName) -> String {
    let longest = town
        .sessions
        .keys()
        .map(|name| name.as_str().len())
        .max()
        .unwrap_or(0)
        .min(LONGEST_NAME);
    format!("{session:<longest$}")
}

fn line(town: &Town, done: &Done) -> Line {
    let (mark, mut role) = symbol(done.verb);
    let (mark, word, text) = match &done.outcome {
        Outcome::Done(effect) => (mark, finished(done.verb, effect), effect_text(effect)),
        Outcome::Stale(why) => {
            role = Role::Quiet;
            (
                "·",
                "stale",
                format!("the world has moved on: {}", sanitise::line(why, LONG)),
            )
        }
        Outcome::Failed(why) => {
            role = Role::Bad;
            (
                "!",
                "failed",
                format!("{}: {}", done.verb.word(), sanitise::line(why, LONG)),
            )
        }
        Outcome::Unknown(why) => {
            role = Role::Bad;
            (
                "?",
                "unknown",
                format!("{}: {}", done.verb.word(), sanitise::line(why, LONG)),
            )
        }
    };
    row(mark, word, role, name(town, &done.session), text)
}

fn finished(verb: Verb, effect: &Effect) -> &'static str {
    match (effect, verb) {
        (Effect::Signalled { .. }, _) => "stopping",
        (Effect::Adopted { .. }, _) => "adopted",
        (Effect::Removed, _) => "expired",
        (Effect::Nudged, _) => "nudged",
        (Effect::Started { .. }, Verb::Restart) => "restarted",
        (Effect::EscapeSent, _) => "roused",
        (Effect::Begun { .. }, _) => "begun",
        (
            Effect::Started { .. },
            Verb::Start | Verb::Expire | Verb::Adopt | Verb::Nudge | Verb::SendEscape,
        ) => "started",
    }
}

fn effect_text(effect: &Effect) -> String {
    match effect {
        Effect::Started {
            process: Some(process),
            ..
        } => format!("pid {}", process.pid),
        Effect::Signalled { tree } => {
            if tree.len() == 1 {
                "1 process".to_owned()
            } else {
                format!("{} processes", tree.len())
            }
        }
        Effect::EscapeSent => "Escape was pressed".to_owned(),
        Effect::Started { process: None, .. }
        | Effect::Adopted { .. }
        | Effect::Removed
        | Effect::Nudged => String::new(),
        Effect::Begun { argvs } => {
            let argvs: Vec<String> = argvs.iter().map(|argv| words::shell(argv)).collect();
            argvs.join("; ")
        }
    }
}

/// The line at the end of `apply`: what was done, what failed, what is still held.
#[must_use]
pub fn summary(done: &[Done], last: &Scene<'_>, paper: &Paper) -> String {
    if done.is_empty() {
        return diff::summary(last, paper);
    }
    let last = last.plan;
    let tally = |word: &str| done.iter().filter(|d| word_of(d) == word).count();
    let words = [
        "started",
        "restarted",
        "expired",
        "adopted",
        "nudged",
        "roused",
        "stopping",
        "stale",
        "failed",
        "unknown",
    ];
    let mut parts: Vec<String> = words
        .iter()
        .map(|w| (tally(w), w))
        .filter(|(n, _)| *n > 0)
        .map(|(n, w)| format!("{n} {w}"))
        .collect();
    parts.extend((!last.held.is_empty()).then(|| format!("{} held", last.held.len())));
    let noted = last
        .unchanged
        .iter()
        .filter(|same| diff::symbol_of_note(same).is_some())
        .count();
    let calm = last.unchanged.len() - noted;
    parts.extend((calm > 0).then(|| format!("{calm} as declared")));
    parts.extend((noted > 0).then(|| format!("{noted} noted")));
    format!(
        "{}{}",
        parts.join(", "),
        paper
            .colour
            .paint(Role::Quiet, &diff::next_look(last, paper))
    )
}

fn word_of(done: &Done) -> &'static str {
    match &done.outcome {
        Outcome::Done(effect) => finished(done.verb, effect),
        Outcome::Stale(_) => "stale",
        Outcome::Failed(_) => "failed",
        Outcome::Unknown(_) => "unknown",
    }
}
