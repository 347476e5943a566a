//! Which sessions that come up are asked whether they are ready, and when.

use super::Situation;
use super::subject::Subject;
use super::wakes::Wakes;
use crate::model::{Durability, Moment, ReadyCheck};

/// The questions to sessions that come up, by session. While nothing is done, nothing is asked.
///
/// A question that is due now may fail, so the plan wakes when the next one is due.
pub(super) fn ready_checks(
    situation: &Situation<'_>,
    subjects: &[Subject<'_>],
    wakes: &mut Wakes,
) -> Vec<ReadyCheck> {
    let is_stopped = situation.town.gastown.estop.is_some();
    let is_failing = situation.orders.durability == Durability::Failing;
    if situation.memory.paused || is_stopped || is_failing {
        return Vec::new();
    }
    let now = situation.now;
    let mut checks = Vec::new();
    let asked = |subject: &&Subject<'_>| subject.awaits_probe() && !subject.gets_new_name();
    for subject in subjects.iter().filter(asked) {
        let Some((check, next)) = check_of(subject) else {
            continue;
        };
        wakes.add(if check.is_due(now) { next } else { check.at });
        checks.push(check);
    }
    checks
}

/// The next question to this session, and when the one after it would be due.
fn check_of(subject: &Subject<'_>) -> Option<(ReadyCheck, Moment)> {
    let desired = subject.desired?;
    let probe = desired.ready.as_ref()?;
    let run = subject.observed_run().filter(|run| run.ended.is_none())?;
    let now = subject.now();
    let at = run
        .readiness
        .as_ref()
        .map_or(now, |last| last.asked.plus(probe.every));
    let check = ReadyCheck {
        session: subject.name.clone(),
        generation: run.generation,
        question: probe.question.clone(),
        at,
        desired: Box::new(desired.clone()),
    };
    Some((check, now.plus(probe.every)))
}

#[cfg(test)]
#[path = "ready_tests.rs"]
mod tests;
