//! Planned restarts are rolling. Only so many sessions may be down or not ready at once, and a
//! restart that fails stops the rest.

use super::Situation;
use super::subject::Subject;
use super::verdict::{Kind, Patience, Verdict, Want};
use super::wakes::{Wakes, wake_when_urgent};
use super::waves::wave_of;
use crate::model::SortedSet;
use crate::model::{Hold, Life, Phase, Reason, ReasonCode, Replacing};

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
    let failed = subjects
        .iter()
        .zip(verdicts.iter())
        .find(|(subject, verdict)| has_failed(subject, verdict));
    let failed = failed.map(|(subject, _)| subject);
    let mut places = Places::new(situation, subjects, verdicts);
    for at in candidates {
        let (Some(subject), Some(verdict)) = (subjects.get(at), verdicts.get_mut(at)) else {
            continue;
        };
        let Verdict::Want(want) = verdict else {
            continue;
        };
        if let Some(failed) = failed.filter(|failed| stops(failed, subject, want)) {
            // A restart that may repair the session is not stopped.
            wake_when_urgent(subject, want, wakes);
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
        if let Some(hold) = places.take(at) {
            *verdict = Verdict::Hold(want.clone(), hold, None);
        }
    }
    places.add_wakes(wakes);
}

/// The sessions that may be down or not ready at once.
struct Places<'s, 'a> {
    subjects: &'s [Subject<'a>],
    /// How many there may be.
    allowed: u32,
    /// The sessions that are, by their places among the subjects, in the order in which they were
    /// found.
    unavailable: Vec<usize>,
    /// The same, ordered: a look-up in it is quick.
    ordered: SortedSet<usize>,
    /// Whether a session waits for a place.
    is_waited_for: bool,
}

impl<'s, 'a> Places<'s, 'a> {
    fn new(situation: &Situation<'_>, subjects: &'s [Subject<'a>], verdicts: &[Verdict]) -> Self {
        let unavailable: Vec<usize> = subjects
            .iter()
            .zip(verdicts)
            .enumerate()
            .filter(|(_, (subject, verdict))| is_unavailable(subject, verdict))
            .map(|(at, _)| at)
            .collect();
        let limits = &situation.town.limits;
        Self {
            subjects,
            allowed: limits.unavailable.among(situation.town.declared().count()),
            ordered: unavailable.iter().copied().collect(),
            unavailable,
            is_waited_for: false,
        }
    }

    /// Takes a place for a session. Returns what holds it where no place is free.
    fn take(&mut self, at: usize) -> Option<Hold> {
        let is_one_of_them = self.ordered.contains(&at);
        let others = self.unavailable.len() - usize::from(is_one_of_them);
        let count = u32::try_from(others).unwrap_or(u32::MAX);
        let first = self.unavailable.iter().find(|other| **other != at);
        let first = first.and_then(|other| self.subjects.get(*other));
        if let Some(first) = first.filter(|_| count >= self.allowed) {
            self.is_waited_for = true;
            return Some(Hold::Rolling {
                unavailable: count,
                allowed: self.allowed,
                waiting_for: first.name.clone(),
            });
        }
        if !is_one_of_them {
            self.unavailable.push(at);
            self.ordered.insert(at);
        }
        None
    }

    /// Adds the moments at which a place becomes free, where a session waits for one.
    fn add_wakes(&self, wakes: &mut Wakes) {
        if !self.is_waited_for {
            return;
        }
        let subjects = self
            .unavailable
            .iter()
            .filter_map(|at| self.subjects.get(*at));
        let coming = subjects.filter(|subject| subject.is_coming_up());
        coming
            .filter_map(Subject::ready_at)
            .for_each(|ready| wakes.add(ready));
    }
}

/// The planned restarts that nothing holds so far, by waves and names.
fn candidates(subjects: &[Subject<'_>], verdicts: &[Verdict]) -> Vec<usize> {
    let is_candidate =
        |verdict: &Verdict| matches!(verdict, Verdict::Want(want) if want.replaces());
    let wave = |at: usize| subjects.get(at).map_or(0, wave_of);
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
        | Reason::TooManyTokens { .. }
        | Reason::ContextNearFull { .. }
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
        | Reason::NameChanged { .. }
        | Reason::Orphaned
        | Reason::Disabled
        | Reason::OffSchedule { .. }
        | Reason::LeavesHost { .. }
        | Reason::DeclaredElsewhere { .. }
        | Reason::UnderWay { .. }
        | Reason::NotStarted { .. }
        | Reason::StopBegun { .. } => false,
    }
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
            | Kind::Rename
            | Kind::Nudge
            | Kind::Notice
            | Kind::SendEscape
            | Kind::Answer
            | Kind::Continue(_) => false,
        }
    }
}
