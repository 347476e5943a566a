//! The outcomes of steps: one line each as they happen, and a summary line.

use super::columns::{Line, cell, lay_out};
use super::diff::{self, symbol};
use super::sanitise;
use super::style::{Paper, Role};
use super::view::Scene;
use super::words;
use crate::model::{
    Done, Effect, Held, Memory, Outcome, Phase, SessionName, Town, Unchanged, Verb,
};

/// The longest complaint shown, in characters.
const LONG: usize = 2000;

/// The length of the longest word for an outcome. With it, pages printed one after the other align.
const LONGEST: usize = "restarted".len();

/// Names are padded to at most this width.
const LONGEST_NAME: usize = 32;

/// One line per outcome, aligned with every other page about this town.
#[must_use]
pub fn outcomes(town: &Town, memory: &Memory, done: &[Done], paper: &Paper) -> String {
    let lines: Vec<Line> = done.iter().map(|done| line(town, memory, done)).collect();
    lay_out(&lines, "  ", paper)
}

/// The line of a session for which the verb waits.
#[must_use]
pub fn waits(town: &Town, held: &Held, paper: &Paper) -> String {
    let why = words::hold(&held.hold, held.until, &paper.clock);
    lay_out(
        &[row(
            "·",
            "waiting",
            Role::Quiet,
            name(town, &held.session),
            why,
        )],
        "  ",
        paper,
    )
}

/// A line for each declared session that is not as declared now, with the reason.
///
/// `asked` tells whether a session was named in the request. If the verb did not wait, starting and
/// stopping sessions are left out. So are sessions whose last step failed: that step's own line
/// says it.
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
            row("·", "waiting", Role::Quiet, name(town, &held.session), why),
        ));
    }
    // A session that this very verb has stopped is as asked.
    let was_stopped = |session: &SessionName| {
        let is_removed = |done: &&Done| matches!(done.outcome, Outcome::Done(Effect::Removed));
        done.iter()
            .filter(is_removed)
            .any(|done| done.session == *session)
    };
    for same in plan.unchanged.iter().filter(|same| declared(&same.session)) {
        if same.phase == Phase::Stopped && was_stopped(&same.session) {
            continue;
        }
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
            Outcome::Stale(_) => Some("the session has changed meanwhile".to_owned()),
            Outcome::Done(Effect::Signalled { .. } | Effect::NotEnded { .. }) if waited => {
                Some("stopping".to_owned())
            }
            Outcome::Done(_) | Outcome::Failed(_) | Outcome::Unknown(_) => None,
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

/// Why a session without a step is not as declared.
fn why_not(same: &Unchanged, waited: bool) -> Option<String> {
    let phase = || words::phase(same.phase);
    match (same.phase, &same.note) {
        (Phase::Starting | Phase::Stopping, _) => waited.then(phase),
        (Phase::Stopped, _) => Some(format!(
            "stopped by hand; `gtctl start {}` starts it",
            same.session
        )),
        (Phase::Completed(_), _)
        | (Phase::Working | Phase::Background | Phase::Idle | Phase::Waiting(_), None) => None,
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

/// Pads a name to the longest name of the town.
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

fn line(town: &Town, memory: &Memory, done: &Done) -> Line {
    let (mark, mut role) = symbol(done.verb);
    let (mark, word, text) = match &done.outcome {
        Outcome::Done(effect) => (mark, word_of(done, memory), effect_text(effect)),
        Outcome::Stale(why) => {
            role = Role::Quiet;
            (
                "·",
                "skipped",
                format!(
                    "the session has changed meanwhile: {}",
                    sanitise::line(why, LONG)
                ),
            )
        }
        Outcome::Failed(why) => {
            role = Role::Bad;
            (
                "!",
                "failed",
                format!("{}: {}", words::verb(done.verb), sanitise::line(why, LONG)),
            )
        }
        Outcome::Unknown(why) => {
            role = Role::Bad;
            (
                "?",
                "unknown",
                format!("{}: {}", words::verb(done.verb), sanitise::line(why, LONG)),
            )
        }
    };
    row(mark, word, role, name(town, &done.session), text)
}

fn finished(verb: Verb, effect: &Effect) -> &'static str {
    match (effect, verb) {
        (Effect::Signalled { .. } | Effect::NotEnded { .. }, _) => "stopping",
        (Effect::Adopted { .. }, _) => "adopted",
        (Effect::Renamed, _) => "renamed",
        (Effect::Removed, _) => "expired",
        (Effect::Nudged, _) => "nudged",
        (Effect::Started { .. }, Verb::Restart) => "restarted",
        (Effect::EscapeSent, _) => "escaped",
        (Effect::Answered, _) => "answered",
        (Effect::Begun { .. }, _) => "running",
        (
            Effect::Started { .. },
            Verb::Start
            | Verb::Expire
            | Verb::Adopt
            | Verb::Rename
            | Verb::Nudge
            | Verb::SendEscape
            | Verb::Answer,
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
        Effect::NotEnded { said, .. } => sanitise::line(said, LONG),
        Effect::EscapeSent => "Escape was pressed".to_owned(),
        Effect::Answered => "its question was answered".to_owned(),
        Effect::Started { process: None, .. }
        | Effect::Adopted { .. }
        | Effect::Renamed
        | Effect::Removed
        | Effect::Nudged => String::new(),
        Effect::Begun { argvs } => {
            let argvs: Vec<String> = argvs.iter().map(|argv| words::shell(argv)).collect();
            argvs.join("; ")
        }
    }
}

/// The last line of `apply`: what was done, what failed, what is still held.
#[must_use]
pub fn summary(done: &[Done], last: &Scene<'_>, paper: &Paper) -> String {
    if done.is_empty() {
        return diff::summary(last, paper);
    }
    let Scene { memory, plan, .. } = last;
    let counted: Vec<&'static str> = done
        .iter()
        .enumerate()
        .filter(|(at, one)| !is_followed(one, done.get(at + 1..).unwrap_or_default()))
        .map(|(_, one)| word_of(one, memory))
        .collect();
    let tally = |word: &str| counted.iter().filter(|counted| **counted == word).count();
    let words = [
        "started",
        "restarted",
        "expired",
        "stopped",
        "adopted",
        "renamed",
        "nudged",
        "escaped",
        "stopping",
        "skipped",
        "failed",
        "unknown",
    ];
    let mut parts: Vec<String> = words
        .iter()
        .map(|w| (tally(w), w))
        .filter(|(n, _)| *n > 0)
        .map(|(n, w)| format!("{n} {w}"))
        .collect();
    parts.extend((!plan.held.is_empty()).then(|| format!("{} waiting", plan.held.len())));
    let noted = plan
        .unchanged
        .iter()
        .filter(|same| diff::symbol_of_note(same).is_some())
        .count();
    let as_declared = plan.unchanged.len() - noted;
    parts.extend((as_declared > 0).then(|| format!("{as_declared} as declared")));
    parts.extend((noted > 0).then(|| format!("{noted} noted")));
    format!(
        "{}{}",
        parts.join(", "),
        paper
            .colour
            .paint(Role::Quiet, &diff::next_check(plan, paper))
    )
}

/// Whether a session was asked to stop, and a later outcome says that it has stopped.
fn is_followed(one: &Done, later: &[Done]) -> bool {
    let asked_to_stop = matches!(
        one.outcome,
        Outcome::Done(Effect::Signalled { .. } | Effect::NotEnded { .. })
    );
    let has_stopped = |other: &Done| {
        other.session == one.session
            && matches!(
                other.outcome,
                Outcome::Done(Effect::Removed | Effect::Started { .. })
            )
    };
    asked_to_stop && later.iter().any(has_stopped)
}

/// The word for an outcome. A session that the user stopped is `stopped`, not `expired`.
fn word_of(done: &Done, memory: &Memory) -> &'static str {
    let by_hand = || {
        let history = memory.sessions.get(&done.session);
        history.is_some_and(|history| history.stopped)
    };
    match &done.outcome {
        Outcome::Done(Effect::Removed) if by_hand() => "stopped",
        Outcome::Done(effect) => finished(done.verb, effect),
        Outcome::Stale(_) => "skipped",
        Outcome::Failed(_) => "failed",
        Outcome::Unknown(_) => "unknown",
    }
}
