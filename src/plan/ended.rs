//! The rules for a session that should run and does not: when it is started again, and what holds
//! that.

use super::backoff;
use super::rules::LOOK_AGAIN;
use super::subject::Subject;
use super::verdict::{Keep, Kind, Verdict, Want};
use crate::model::SortedMap;
use crate::model::{Block, Death, Hold, Life, Moment, Phase, Reason, RestartPolicy, Verb};

/// Rule 5: its agent has ended.
pub(super) fn dead(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired.filter(|desired| desired.policy.is_none())?;
    let Life::Dead { death, tail, .. } = &subject.seen?.life else {
        return None;
    };
    let over = match desired.restart {
        RestartPolicy::Always => false,
        RestartPolicy::OnFailure => death.is_clean(),
        RestartPolicy::Never => true,
    };
    let asked = subject.history.is_some_and(|history| history.restart_asked);
    let (reason, phase) = if over && asked {
        (Reason::Asked, Phase::Completed(Some(*death)))
    } else if over {
        let fields = subject.differences();
        if fields.is_empty() {
            return Some(Keep::as_is(Phase::Completed(Some(*death))));
        }
        // A changed entry is another task, which has not run yet.
        (
            Reason::Drifted {
                changes: subject.changes(),
                origins: SortedMap::new(),
                fields,
            },
            Phase::Completed(Some(*death)),
        )
    } else {
        let crashes = u32::try_from(subject.crashes().len()).unwrap_or(u32::MAX);
        (failed_start(subject, *death, crashes), Phase::Dead(*death))
    };
    let want = Want {
        verb: Verb::Restart,
        reason,
        kind: Kind::Revive,
        phase,
    };
    if *death == Death::NoAgent && subject.run().is_some_and(|run| run.ended.is_none()) {
        return Some(Verdict::Hold(
            want,
            Hold::SecondLook,
            Some(subject.now().plus(LOOK_AGAIN)),
        ));
    }
    Some(if over {
        Verdict::Want(want)
    } else {
        after_crashes(subject, want, tail)
    })
}

/// Rule 4: there is no such session.
pub(super) fn missing(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.seen.is_some() || subject.policy().is_some() {
        return None;
    }
    Some(after_crashes(subject, create(subject, Phase::Absent), &[]))
}

/// The wish to create the session.
pub(super) fn create(subject: &Subject<'_>, phase: Phase) -> Want {
    let last = subject
        .run()
        .and_then(|run| run.ended)
        .map(|ended| ended.death);
    let reason = match subject.not_started() {
        Some(complaint) => {
            let crashes = u32::try_from(subject.crashes().len()).unwrap_or(u32::MAX);
            Reason::NotStarted {
                said: complaint.said.clone(),
                crashes,
            }
        }
        None => Reason::Missing { last },
    };
    Want {
        verb: Verb::Start,
        reason,
        kind: Kind::Create,
        phase,
    }
}

/// Why it is started again. A service that exits with status 0 before it was ready has failed.
fn failed_start(subject: &Subject<'_>, death: Death, crashes: u32) -> Reason {
    let counted = subject.run().and_then(|run| {
        let ended = run
            .ended
            .filter(|ended| death.is_clean() && subject.crashes().last() == Some(&ended.at))?;
        Some(ended.at.since(&run.started))
    });
    match counted {
        Some(after) => Reason::FailedStart { after, crashes },
        None => Reason::Died { death, crashes },
    }
}

/// Holds a start for as long as the crashes of the session ask for.
fn after_crashes(subject: &Subject<'_>, want: Want, tail: &[String]) -> Verdict {
    if let Some((hold, until)) = at_limit(subject) {
        return Verdict::Hold(want, hold, Some(until));
    }
    let Some(desired) = subject.desired else {
        return Verdict::Want(want);
    };
    let crashes = subject.crashes();
    let count = u32::try_from(crashes.len()).unwrap_or(u32::MAX);
    let Some(last) = crashes.last() else {
        return after_clean_exit(subject, want);
    };
    let (hold, until) = if backoff::is_loop(&desired.backoff, crashes) {
        let hold = Hold::CrashLoop {
            crashes: count,
            window: desired.backoff.window,
            tail: tail.to_vec(),
        };
        (hold, last.plus(backoff::LOOP_HOLD))
    } else {
        let delay = backoff::delay(&desired.backoff, subject.name, crashes);
        (
            Hold::BackOff {
                crashes: count,
                delay,
            },
            last.plus(delay),
        )
    };
    if subject.now().reached(&until) {
        Verdict::Want(want)
    } else {
        Verdict::Hold(want, hold, Some(until))
    }
}

/// Its last run has ended at a usage limit that still lasts. The next run would end there, too.
fn at_limit(subject: &Subject<'_>) -> Option<(Hold, Moment)> {
    let (desired, history) = subject.desired.zip(subject.history)?;
    let run = history.run_of(history.generation)?;
    let limited = run.limited.as_ref()?;
    let left = limited.left(&run.ended?.at, subject.now());
    if left.is_zero() {
        return None;
    }
    let hold = Hold::Blocked {
        kind: Block::Limit,
        agent: desired.agent.name.clone(),
        evidence: limited.evidence.clone(),
        fix: Some(format!("gtctl reset {} ends that", subject.name)),
    };
    Some((hold, subject.now().plus(left)))
}

/// A clean exit is no crash. Yet a service that exits cleanly again and again is started at most once
/// in `backoff.first`.
fn after_clean_exit(subject: &Subject<'_>, want: Want) -> Verdict {
    let asked = subject.history.is_some_and(|history| history.restart_asked);
    let run = subject.run().filter(|_| !asked);
    let paced = subject.desired.zip(run).and_then(|(desired, run)| {
        let ended = run.ended.filter(|ended| ended.death.is_clean())?;
        let short = ended.at.since(&run.started) < desired.backoff.reset_after;
        let until = ended.at.plus(desired.backoff.first);
        (short && !subject.now().reached(&until)).then_some((desired.backoff.first, until))
    });
    match paced {
        Some((delay, until)) => {
            Verdict::Hold(want, Hold::BackOff { crashes: 0, delay }, Some(until))
        }
        None => Verdict::Want(want),
    }
}
