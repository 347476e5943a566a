//! Why a session is as it is, and what comes next: the same words on every page.

use super::sanitise;
use super::style::{Detail, Paper};
use super::view::{Event, Row};
use super::words::{self, brief, ends_by_looking, obstacle, phase as phase_in_words, verb};
use crate::model::{Asks, Held, Hold, Moment, Next, Period, Phase, Reason};

/// The longest text from outside, in characters.
const LONG: usize = 200;
/// The longest line of a screen, in characters.
const EVIDENCE: usize = 100;
/// A time that is nearer than this is shown as the period until then.
const NEAR: Period = Period::from_mins(2);

/// The cause, and what follows from it. Either may be empty. Both are clean and on one line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WhyNext {
    /// Why it is as it is: `exit status 7, crash 2`.
    pub why: String,
    /// What comes next, or what a person can type: `restart in 8s`.
    pub next: String,
}

impl WhyNext {
    /// Both in one line: `exit status 7, crash 2; restart in 8s`.
    #[must_use]
    pub fn line(&self) -> String {
        match (self.why.as_str(), self.next.as_str()) {
            (why, "") => why.to_owned(),
            ("", next) => next.to_owned(),
            (why, next) => format!("{why}; {next}"),
        }
    }

    fn why(why: impl Into<String>) -> Self {
        Self::of(why, "")
    }

    fn of(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            next: next.into(),
        }
    }
}

/// Why a session is as it is, and what comes next.
///
/// `gtctl status`, `gtctl explain` and `gtctl top` all say it with these words.
#[must_use]
pub fn why_and_next(row: &Row<'_>, paper: &Paper) -> WhyNext {
    match row.event {
        Event::Step(step) => WhyNext::of(
            words::reason(&step.reason),
            format!("{} now", verb(step.action.verb())),
        ),
        Event::Held(held) => of_held(held, paper),
        Event::Note(Reason::Orphaned) => {
            WhyNext::of(words::reason(&Reason::Orphaned), "`--prune` expires it")
        }
        Event::Note(Reason::Disabled) => WhyNext::of(
            words::reason(&Reason::Disabled),
            "without `enabled = false` it starts",
        ),
        Event::Note(reason @ Reason::LeavesHost { .. }) => {
            WhyNext::of(words::reason(reason), "starts on another host")
        }
        Event::Note(reason) => WhyNext::why(words::reason(reason)),
        Event::Next(next) => WhyNext {
            next: of_next(row.phase, next, paper).next,
            ..not_ready(row).unwrap_or_else(|| of_next(row.phase, next, paper))
        },
        Event::Nothing => not_ready(row).unwrap_or_else(|| of_phase(row)),
    }
}

/// What a session that comes up waits for: `not ready: port 8080 refuses`.
fn not_ready(row: &Row<'_>) -> Option<WhyNext> {
    let fault = sanitise::line(row.not_ready?, LONG);
    Some(WhyNext::why(format!("not ready: {fault}")))
}

/// `in 8s`, or `at 16:31:00` if that is not near.
fn when(at: Moment, paper: &Paper) -> String {
    let ahead = paper.clock.now.until(&at);
    if ahead < NEAR {
        let seconds = Period::from_secs(ahead.millis().div_ceil(1000));
        format!("in {}", brief(seconds))
    } else {
        format!("at {}", paper.clock.time(at))
    }
}

fn of_next(phase: Phase, next: &Next, paper: &Paper) -> WhyNext {
    let due = match words::due(next.reason) {
        "" => String::new(),
        due => format!(", {due}"),
    };
    let text = format!("{} {}{due}", verb(next.verb), when(next.at, paper));
    match phase {
        Phase::Completed(Some(death)) if !death.is_clean() => WhyNext::of(death.to_string(), text),
        Phase::Waiting(_) | Phase::Blocked(_) => WhyNext::of(phase_in_words(phase), text),
        Phase::Completed(_)
        | Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Dead(_)
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => WhyNext::of("", text),
    }
}

fn of_held(held: &Held, paper: &Paper) -> WhyNext {
    let cause = words::reason(&held.reason);
    let obstacle = obstacle(&held.hold);
    let why = match &held.hold {
        // That it waits is no cause. The end that it waits after is.
        Hold::BackOff { .. } if !matches!(held.reason, Reason::Missing { last: None }) => cause,
        Hold::CannotStart { why, awaited: _ } => sanitise::line(why, LONG),
        _ if paper.detail == Detail::Wide => format!("{obstacle}; {cause}"),
        _ => obstacle,
    };
    WhyNext::of(why, next_of_held(held, paper))
}

fn next_of_held(held: &Held, paper: &Paper) -> String {
    let step = verb(held.verb);
    // Nothing is started at a deadline of `after`.
    let is_its_time = !ends_by_looking(&held.hold) && !matches!(held.hold, Hold::After { .. });
    let at = held
        .until
        .filter(|at| is_its_time && !paper.clock.now.reached(at));
    let is_latest = matches!(held.hold, Hold::Draining { .. } | Hold::Stopping { .. });
    let time = match at {
        Some(at) if is_latest => format!("{step} by {}", paper.clock.time(at)),
        Some(at) => format!("{step} {}", when(at, paper)),
        None if matches!(held.hold, Hold::CannotStart { .. }) => {
            format!("{step} as soon as it is there")
        }
        None => format!("{step} waits"),
    };
    match (&held.hold, words::way_out(&held.hold)) {
        (Hold::CrashLoop { .. }, _) => {
            format!("{time}; `gtctl reset {}` tries again now", held.session)
        }
        (_, Some(way_out)) => way_out.to_owned(),
        (_, None) => time,
    }
}

/// What a phase says by itself, where the plan has nothing for the session.
fn of_phase(row: &Row<'_>) -> WhyNext {
    let session = row.session;
    match row.phase {
        Phase::Unknown => WhyNext::why(
            row.trouble
                .map_or_else(String::new, |why| sanitise::line(why, LONG)),
        ),
        Phase::Dead(death) | Phase::Completed(Some(death)) => WhyNext::why(death.to_string()),
        Phase::Stopped if row.went_down => {
            WhyNext::of("the town was stopped", "`gtctl up` starts it")
        }
        Phase::Stopped => WhyNext::of(
            "stopped by hand",
            format!("`gtctl start {session}` starts it"),
        ),
        Phase::Waiting(_) => WhyNext::of(asks(row), format!("`gtctl attach {session}`")),
        Phase::Blocked(_) => WhyNext::why(asks(row)),
        Phase::Completed(None)
        | Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Stopping
        | Phase::Foreign => WhyNext::default(),
    }
}

/// What a session waits for, with the line of its screen that says so.
fn asks(row: &Row<'_>) -> String {
    let shows = row.content.map_or_else(String::new, |content| {
        sanitise::line(&content.evidence, EVIDENCE)
    });
    if shows.is_empty() {
        return phase_in_words(row.phase);
    }
    let what = match row.phase {
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
        | Phase::Foreign => row.phase.word(),
    };
    format!("{what}: {shows}")
}
