//! Planned restarts are rolling. Only so many sessions may be down or not ready at once, and a
//! restart that fails stops the rest.

use super::Situation;
use super::pacing::Wakes;
use super::subject::Subject;
use super::verdict::{Kind, Patience, Verdict, Want};
use crate::model::{Hold, Life, Phase, Reason, ReasonCode, Replacing, SessionName};

/// A session that has crashed this often in a row is failing. Nobody waits for it.
pub(super) const FAILING: usize = 2;

/// Holds planned restarts while others are under way, and all of them once one has failed.
pub(super) fn hold_for_roll(
    situation: &Situation<'_>,
    subjects: &[Subject<'_>],
    verdicts: &mut [Verdict],
    wakes: &mut Wakes,
) {
    let candidates = candidates(subjects, verdicts);
    if candidates.is_empty() {
        return;
    }
    let allowed = situation
        .town
        .limits
        .unavailable
        .among(situation.town.declared().count());
    let failed = subjects
        .iter()
        .zip(verdicts.iter())
        .find(|(subject, verdict)| has_failed(subject, verdict));
    let failed = failed.map(|(subject, _)| subject);
    let mut unavailable: Vec<usize> = (0..subjects.len())
        .filter(|at| is_unavailable_at(subjects, verdicts, *at))
        .collect();
    let mut waits = false;
    for at in candidates {
        let (Some(subject), Some(verdict)) = (subjects.get(at), verdicts.get_mut(at)) else {
            continue;
        };
        let Verdict::Want(want) = verdict else {
            continue;
        };
        if let Some(failed) = failed.filter(|failed| stops(failed, subject, want)) {
            *verdict = Verdict::Hold(
                want.clone(),
                Hold::RollStopped {
                    failed: failed.name.clone(),
                },
                None,
            );
            failed
                .ready_at()
                .filter(|_| failed.is_coming_up())
                .into_iter()
                .for_each(|ready| wakes.add(ready));
            continue;
        }
        let mut others = unavailable.iter().filter(|other| **other != at).peekable();
        let waiting_for = others.peek().and_then(|other| subjects.get(**other));
        let count = u32::try_from(others.count()).unwrap_or(u32::MAX);
        match waiting_for {
            Some(waiting_for) if count >= allowed => {
                let waiting_for: SessionName = waiting_for.name.clone();
                let hold = Hold::Rolling {
                    unavailable: count,
                    allowed,
                    waiting_for,
                };
                *verdict = Verdict::Hold(want.clone(), hold, None);
                waits = true;
            }
            Some(_) | None if unavailable.contains(&at) => {}
            Some(_) | None => unavailable.push(at),
        }
    }
    if waits {
        let coming = unavailable
            .iter()
            .filter_map(|at| subjects.get(*at))
            .filter(|subject| subject.is_coming_up());
        coming
            .filter_map(Subject::ready_at)
            .for_each(|ready| wakes.add(ready));
    }
}

/// The planned restarts that nothing holds so far, by waves and names.
fn candidates(subjects: &[Subject<'_>], verdicts: &[Verdict]) -> Vec<usize> {
    let is_candidate =
        |verdict: &Verdict| matches!(verdict, Verdict::Want(want) if want.replaces());
    let wave = |at: usize| {
        subjects
            .get(at)
            .and_then(|subject| subject.desired)
            .map_or(0, |desired| desired.wave)
    };
    let mut found: Vec<usize> = (0..verdicts.len())
        .filter(|at| verdicts.get(*at).is_some_and(is_candidate))
        .collect();
    found.sort_by_key(|at| (wave(*at), *at));
    found
}

/// Whether its planned restart has failed, so that no other is begun.
fn has_failed(subject: &Subject<'_>, verdict: &Verdict) -> bool {
    let is_over = matches!(verdict, Verdict::Keep(keep) if matches!(keep.phase, Phase::Completed(_) | Phase::Stopped));
    let declared = subject
        .desired
        .is_some_and(|desired| desired.policy.is_none());
    let may_come_back = declared && !is_over && !subject.is_ready();
    may_come_back
        && subject
            .replacing()
            .is_some_and(|replacing| replacing.failed)
}

/// Whether a failed planned restart stops this one. A restart that may repair a session goes on.
/// One that a user asked for waits only for others that a user asked for.
fn stops(failed: &Subject<'_>, subject: &Subject<'_>, want: &Want) -> bool {
    if failed.name == subject.name {
        return false;
    }
    match &want.reason {
        Reason::TooOld { .. }
        | Reason::TooLarge { .. }
        | Reason::Drifted { .. }
        | Reason::Upgraded { .. } => true,
        Reason::Asked => failed
            .replacing()
            .is_some_and(|replacing| replacing.reason.is(ReasonCode::Asked)),
        Reason::Missing { .. }
        | Reason::Died { .. }
        | Reason::Completed { .. }
        | Reason::Marked { .. }
        | Reason::TurnEnded { .. }
        | Reason::MarkedFailed { .. }
        | Reason::TooQuiet { .. }
        | Reason::Stuck { .. }
        | Reason::FailedStart { .. }
        | Reason::SignedIn { .. }
        | Reason::LimitOver { .. }
        | Reason::AnswerDeclared { .. }
        | Reason::Blocked { .. }
        | Reason::Adoptable { .. }
        | Reason::Covered { .. }
        | Reason::Uncovered
        | Reason::Orphaned
        | Reason::UnderWay { .. }
        | Reason::NotStarted { .. }
        | Reason::StopBegun { .. } => false,
    }
}

fn is_unavailable_at(subjects: &[Subject<'_>], verdicts: &[Verdict], at: usize) -> bool {
    subjects
        .get(at)
        .zip(verdicts.get(at))
        .is_some_and(|(subject, verdict)| is_unavailable(subject, verdict))
}

/// Whether it is down or not ready, and worth waiting for.
///
/// A session that fails again and again or cannot be started is not: it would hold the others until
/// stopped. Nor is one that must not be touched now.
fn is_unavailable(subject: &Subject<'_>, verdict: &Verdict) -> bool {
    if subject.policy().is_some() || subject.desired.is_none() {
        return false;
    }
    if subject.is_being_started() {
        return true;
    }
    if let Some(Replacing { failed: false, .. }) = subject.replacing() {
        return !is_left_alone(subject, verdict);
    }
    let starts = subject.is_coming_up() || matches!(verdict, Verdict::Want(want) if want.starts());
    starts && !subject.is_failing()
}

/// Whether it lives, and its stop cannot go on now: somebody is attached, or the town is paused.
fn is_left_alone(subject: &Subject<'_>, verdict: &Verdict) -> bool {
    let alive = matches!(
        subject.seen.map(|seen| &seen.life),
        Some(Life::Alive { .. })
    );
    match verdict {
        Verdict::Hold(_, Hold::Stopping { .. }, _) | Verdict::Keep(_) | Verdict::Want(_) => false,
        Verdict::Hold(..) => alive && !subject.is_coming_up(),
    }
}

impl Want {
    /// Whether it is a planned restart of a living session that was not begun yet.
    pub(super) fn replaces(&self) -> bool {
        match self.kind {
            Kind::Replace(Patience::Drain | Patience::None | Patience::ByHand) => true,
            Kind::Create
            | Kind::Revive
            | Kind::Retire(_)
            | Kind::Remove
            | Kind::Adopt
            | Kind::Nudge
            | Kind::Notice
            | Kind::SendEscape
            | Kind::Answer
            | Kind::Continue(_) => false,
        }
    }
}
