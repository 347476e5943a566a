//! The rules for a session that is not wanted any more: no longer declared, stopped by the user, or
//! a task that is done.

use super::subject::Subject;
use super::verdict::{Keep, Kind, Patience, Verdict, Want};
use crate::model::{Death, Hold, Next, Origin, Orphans, Phase, Reason, ReasonCode, Verb};

/// Rule 14: it is ours and no longer declared.
pub(super) fn orphaned(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.desired.is_some() {
        return None;
    }
    let phase = subject.living_phase();
    if subject
        .label()
        .is_some_and(|label| label.origin == Origin::Policy)
    {
        // Others started it: that nothing is wanted of it any more is no reason to end it.
        return Some(Verdict::Keep(Keep {
            phase,
            note: Some(Reason::Uncovered),
            next: None,
            wake: None,
        }));
    }
    let may = subject.situation.orders.orphans == Orphans::Prune
        || subject.history.is_some_and(|h| h.prune);
    if !may {
        return Some(Verdict::Keep(Keep {
            phase,
            note: Some(Reason::Orphaned),
            next: None,
            wake: None,
        }));
    }
    let kind = if subject.is_alive() {
        Kind::Retire(Patience::None)
    } else {
        Kind::Remove
    };
    let want = Want {
        verb: Verb::Expire,
        reason: Reason::Orphaned,
        kind,
        phase,
    };
    if subject.situation.town.declared().next().is_none() {
        return Some(Verdict::Hold(want, Hold::EmptyTown, None));
    }
    Some(Verdict::Want(want))
}

/// Rule 2: the user stopped it. What is left of it is removed, then nothing happens until
/// `gtctl start`.
pub(super) fn stopped(subject: &Subject<'_>) -> Option<Verdict> {
    if !subject.is_stopped() || subject.policy().is_some() {
        return None;
    }
    if let Some(flaw) = subject.flaw().filter(|_| subject.is_alive()) {
        // Whether it is what was to be stopped cannot be determined.
        let hold = Hold::LabelUnproved {
            flaw,
            process: subject.comm().to_owned(),
        };
        let (kind, phase) = (Kind::Retire(Patience::None), Phase::Foreign);
        return Some(Verdict::Hold(
            Want {
                verb: Verb::Expire,
                reason: Reason::Asked,
                kind,
                phase,
            },
            hold,
            None,
        ));
    }
    if subject.label().is_none() {
        return Some(Keep::as_is(Phase::Stopped));
    }
    let kind = if subject.is_alive() {
        Kind::Retire(Patience::None)
    } else {
        Kind::Remove
    };
    let phase = subject.living_phase();
    Some(Verdict::Want(Want {
        verb: Verb::Expire,
        reason: Reason::Asked,
        kind,
        phase,
    }))
}

/// Rules 3 and 7: a task that has ended is not started again. What is left of it is removed once its
/// grace has passed.
pub(super) fn finished(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired.filter(|desired| desired.is_task())?;
    let history = subject.history.filter(|history| !history.restart_asked)?;
    let finished = history
        .finished
        .filter(|f| f.fingerprint == desired.fingerprint())?;
    let phase = Phase::Completed(finished.death);
    if subject.label().is_none() {
        return Some(Keep::as_is(phase));
    }
    if subject.is_alive() {
        return None;
    }
    let reason = Reason::Completed {
        death: finished.death.unwrap_or(Death::StatusLost),
    };
    let at = finished.at.plus(desired.completion.grace);
    if subject.now().reached(&at) {
        return Some(Verdict::Want(Want {
            verb: Verb::Expire,
            reason,
            kind: Kind::Remove,
            phase,
        }));
    }
    let next = Some(Next {
        verb: Verb::Expire,
        reason: ReasonCode::from(&reason),
        at,
    });
    Some(Verdict::Keep(Keep {
        phase,
        note: None,
        next,
        wake: None,
    }))
}
