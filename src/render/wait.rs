//! Whether sessions have reached the state that `gtctl wait` waits for.

use super::json::{WaitLine, WaitPage, wait_page};
use super::view::{Event, Row, Scene};
use super::words::{brief, obstacle, phase as phase_in_words, way_out};
use crate::model::SortedMap;
use crate::model::{Desired, Hold, Observed, Period, Phase, SessionName};
use strum::IntoStaticStr;

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Condition {
    /// Its agent runs, and has for `ready_after`.
    Ready,
    /// Its agent is at its prompt, and nothing that it has started works.
    Idle,
    /// The task has ended, and without an error.
    Completed,
    /// The tmux server has no session with this name.
    Gone,
    /// The plan has no step for it now, and no held step that needs only time.
    Converged,
}

impl Condition {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// How far a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitProgress {
    /// It is as asked.
    Reached,
    /// It may still become so.
    NotYet,
    /// It cannot become so by itself.
    CannotCome {
        /// Why not, sanitised.
        why: String,
        /// What to type.
        fix: String,
    },
}

/// One session that somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitedFor {
    /// Its name.
    pub session: SessionName,
    /// Its phase at the last look.
    pub phase: Phase,
    /// How far it is.
    pub standing: WaitProgress,
}

/// How a wait has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum WaitEnd {
    /// All sessions were as asked at one look.
    Reached,
    /// At least one does not become so by itself.
    CannotCome,
    /// The time was over.
    Timeout,
}

/// How far each of these sessions is. With no names, all sessions of the plan.
#[must_use]
pub fn awaited(
    scene: &Scene<'_>,
    sessions: &[SessionName],
    condition: Condition,
) -> Vec<WaitedFor> {
    let rows: SortedMap<&SessionName, Row<'_>> = scene
        .rows()
        .into_iter()
        .map(|row| (row.session, row))
        .collect();
    let all: Vec<&SessionName> = if sessions.is_empty() {
        rows.keys().copied().collect()
    } else {
        sessions.iter().collect()
    };
    let seen = scene.seen();
    let is_known = !matches!(scene.observed, Observed::Unknown(_));
    let one = |session: &SessionName| {
        let row = rows.get(session);
        let is_there = !is_known || seen.contains_key(session.as_str());
        WaitedFor {
            session: session.clone(),
            phase: row.map_or(Phase::Unknown, |row| row.phase),
            standing: row.map_or(WaitProgress::NotYet, |row| {
                standing(row, scene.town.sessions.get(session), is_there, condition)
            }),
        }
    };
    all.into_iter().map(one).collect()
}

/// Whether all of them are as asked, or one cannot become so. None while it may still happen.
#[must_use]
pub fn end(awaited: &[WaitedFor]) -> Option<WaitEnd> {
    let cannot = |one: &WaitedFor| matches!(one.standing, WaitProgress::CannotCome { .. });
    if awaited.iter().any(cannot) {
        return Some(WaitEnd::CannotCome);
    }
    let all = awaited
        .iter()
        .all(|one| one.standing == WaitProgress::Reached);
    all.then_some(WaitEnd::Reached)
}

fn standing(
    row: &Row<'_>,
    desired: Option<&Desired>,
    is_there: bool,
    condition: Condition,
) -> WaitProgress {
    let is_reached = match condition {
        Condition::Ready => is_up(row.phase),
        Condition::Idle => row.phase == Phase::Idle,
        Condition::Completed => has_completed_well(row.phase),
        Condition::Gone => !is_there,
        Condition::Converged => has_converged(row),
    };
    if is_reached {
        return WaitProgress::Reached;
    }
    match condition {
        // It can be ended, whatever holds it now.
        Condition::Gone | Condition::Converged => WaitProgress::NotYet,
        Condition::Ready | Condition::Idle | Condition::Completed => {
            in_the_way(row, desired, condition)
        }
    }
}

/// Whether its agent has become ready, whatever it has done since.
fn is_up(phase: Phase) -> bool {
    match phase {
        Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Waiting(_)
        | Phase::Blocked(_) => true,
        Phase::Absent
        | Phase::Starting
        | Phase::Completed(_)
        | Phase::Dead(_)
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => false,
    }
}

fn has_completed_well(phase: Phase) -> bool {
    matches!(phase, Phase::Completed(death) if death.is_none_or(|death| death.is_clean()))
}

fn has_converged(row: &Row<'_>) -> bool {
    match row.event {
        Event::Step(_) => false,
        Event::Held(held) => lasts(&held.hold),
        Event::Note(_) | Event::Next(_) | Event::Nothing => row.phase != Phase::Unknown,
    }
}

/// Whether only a person can end this hold. A failed step is tried again.
fn lasts(hold: &Hold) -> bool {
    hold.needs_somebody() && !matches!(hold, Hold::Failed { .. } | Hold::NotDurable)
}

/// Why a session does not become as asked by itself, if it does not.
fn in_the_way(row: &Row<'_>, desired: Option<&Desired>, condition: Condition) -> WaitProgress {
    let session = row.session;
    let cannot = |why: String, fix: String| WaitProgress::CannotCome { why, fix };
    if condition == Condition::Completed && desired.is_some_and(|desired| !desired.is_task()) {
        return cannot(
            "it is no task: gtctl restarts it when it ends".to_owned(),
            "wait for a session with `restart = \"never\"` or `\"on-failure\"`".to_owned(),
        );
    }
    match (row.phase, row.event) {
        (Phase::Stopped, _) => cannot(
            "it was stopped by hand".to_owned(),
            format!("`gtctl start {session}` starts it"),
        ),
        (Phase::Completed(_), _) => cannot(
            phase_in_words(row.phase),
            format!("`gtctl start {session}` runs it again"),
        ),
        (Phase::Absent | Phase::Dead(_) | Phase::Foreign, Event::Held(held))
            if lasts(&held.hold) =>
        {
            let fix = way_out(&held.hold).map_or_else(
                || format!("`gtctl explain {session}` shows more"),
                str::to_owned,
            );
            cannot(obstacle(&held.hold), fix)
        }
        (Phase::Foreign, _) => cannot(
            "gtctl does not manage the session of this name".to_owned(),
            format!("`gtctl explain {session}` shows why"),
        ),
        _ => WaitProgress::NotYet,
    }
}

/// A line for each session that ended the wait or is still missing.
#[must_use]
pub fn page(awaited: &[WaitedFor], condition: Condition, end: WaitEnd, waited: Period) -> String {
    let word = condition.word();
    let line = |one: &WaitedFor| {
        let WaitedFor {
            session,
            phase,
            standing,
        } = one;
        let phase = phase_in_words(*phase);
        match standing {
            WaitProgress::Reached if end == WaitEnd::Reached => {
                Some(format!("{session}: {word} after {}\n", brief(waited)))
            }
            WaitProgress::NotYet if end == WaitEnd::Timeout => Some(format!(
                "{session}: not {word} within {}, but {phase}; `gtctl explain {session}` shows why\n",
                brief(waited)
            )),
            WaitProgress::Reached | WaitProgress::NotYet => None,
            WaitProgress::CannotCome { why, fix } => {
                Some(format!("{session}: does not become {word}: {why}; {fix}\n"))
            }
        }
    };
    awaited.iter().filter_map(line).collect()
}

/// The same for programs.
#[must_use]
pub fn json(
    scene: &Scene<'_>,
    awaited: &[WaitedFor],
    condition: Condition,
    end: WaitEnd,
    waited: Period,
) -> WaitPage {
    let line = |one: &WaitedFor| {
        let (why, fix) = match &one.standing {
            WaitProgress::Reached | WaitProgress::NotYet => (None, None),
            WaitProgress::CannotCome { why, fix } => (Some(why.clone()), Some(fix.clone())),
        };
        WaitLine {
            session: one.session.to_string(),
            reached: one.standing == WaitProgress::Reached,
            phase: one.phase.word().to_owned(),
            waited_ms: waited.millis(),
            why,
            fix,
        }
    };
    let lines = awaited.iter().map(line).collect();
    wait_page(scene, condition.word(), end.into(), lines)
}
