//! The rules for a name that a session has which is not ours, or not yet.

use super::ended::create;
use super::subject::Subject;
use super::verdict::{Kind, Verdict, Want};
use crate::model::{Hold, Life, Moment, Origin, Ownership, Period, Phase, Reason, Verb};

/// A label that is not believed is written again no sooner than this after the last time.
const LABEL_AGAIN: Period = Period::from_mins(1);

/// A session of another town has the name.
pub(super) fn foreign(subject: &Subject<'_>) -> Option<Verdict> {
    match &subject.seen?.ownership {
        Ownership::Foreign(town) => Some(Verdict::Hold(
            create(subject, Phase::Foreign),
            Hold::ForeignTown { town: town.clone() },
            None,
        )),
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Ours(_) => None,
    }
}

/// Rule 13: a session without a label of ours has the name, or one that only a policy has labelled.
///
/// It is adopted if it runs the declared agent, and never touched otherwise.
pub(super) fn name(subject: &Subject<'_>) -> Option<Verdict> {
    let seen = subject.seen?;
    let is_others = match &seen.ownership {
        Ownership::Unlabelled | Ownership::Unproved(_) => true,
        Ownership::Ours(label) => label.origin == Origin::Policy && subject.policy().is_none(),
        Ownership::Foreign(_) => false,
    };
    if !is_others || subject.policy().is_some() {
        return None;
    }
    let taken_by = match &seen.life {
        Life::Alive {
            matches: true,
            comm,
            ..
        } => {
            let reason = Reason::Adoptable {
                process: comm.clone(),
            };
            let phase = Phase::Foreign;
            let want = Want {
                verb: Verb::Adopt,
                reason,
                kind: Kind::Adopt,
                phase,
            };
            return Some(match (subject.flaw(), labelled_lately(subject)) {
                (Some(flaw), Some(until)) => Verdict::Hold(
                    want,
                    Hold::LabelUnproved {
                        flaw,
                        process: comm.clone(),
                    },
                    Some(until),
                ),
                (Some(_), None) | (None, _) => Verdict::Want(want),
            });
        }
        Life::Alive { comm, .. } => comm.clone(),
        Life::Dead { .. } | Life::Unknown(_) => "nothing any more".to_owned(),
    };
    let hold = match subject.flaw() {
        Some(flaw) => Hold::LabelUnproved {
            flaw,
            process: taken_by,
        },
        None => Hold::NameTaken { process: taken_by },
    };
    Some(Verdict::Hold(create(subject, Phase::Foreign), hold, None))
}

/// When its label may be written again.
///
/// A label that was written a moment ago and is not believed now is hidden by another one. It would
/// be hidden the next time, too.
fn labelled_lately(subject: &Subject<'_>) -> Option<Moment> {
    let written = i64::try_from(subject.history?.generation.0).unwrap_or(i64::MAX);
    let since = u64::try_from(subject.now().wall.checked_sub(written)?).ok()?;
    let left = LABEL_AGAIN.minus(Period::from_millis(since));
    (!left.is_zero()).then(|| subject.now().plus(left))
}

/// Rule 15: a policy covers it. It is adopted whatever runs in it, and again where its agent has
/// moved to another pane.
pub(super) fn covered(subject: &Subject<'_>) -> Option<Verdict> {
    let (policy, seen) = (subject.policy()?, subject.seen?);
    if subject.label().is_some_and(|label| label.pane == seen.pane) {
        return None;
    }
    let reason = Reason::Covered {
        policy: policy.to_owned(),
    };
    let phase = match &seen.life {
        Life::Dead { death, .. } => Phase::Completed(Some(*death)),
        Life::Alive { .. } | Life::Unknown(_) => subject.living_phase(),
    };
    Some(Verdict::Want(Want {
        verb: Verb::Adopt,
        reason,
        kind: Kind::Adopt,
        phase,
    }))
}
