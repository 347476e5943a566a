//! The rules for a session that is not wanted any more: no longer declared, stopped by the user,
//! leaving this host, disabled, outside of its hours, or a task that is done.

use super::subject::Subject;
use super::verdict::{Keep, Kind, Patience, Verdict, Want};
use crate::model::{Death, Hold, Next, Origin, Orphans, Phase, Reason, ReasonCode, Verb};

/// Rule 14a: it is ours and declared for another host. What lives here is left alone, whatever the
/// orders say: this host cannot know whether the other one has it by now.
pub(super) fn elsewhere(subject: &Subject<'_>) -> Option<Verdict> {
    let host = subject
        .situation
        .town
        .hosts
        .host_of(subject.name.as_str())?;
    Some(Verdict::Keep(Keep {
        phase: subject.living_phase(),
        note: Some(Reason::DeclaredElsewhere {
            host: host.to_string(),
        }),
        next: None,
        wake: None,
    }))
}

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

/// The store says that it leaves this host. It is ended when it is idle, and not started.
pub(super) fn leaves_host(subject: &Subject<'_>) -> Option<Verdict> {
    let why = subject.leaving()?;
    switched_off(subject, Reason::LeavesHost { why }, None)
}

/// The manifest says that it does not run. It is ended when it is idle, and not started.
pub(super) fn disabled(subject: &Subject<'_>) -> Option<Verdict> {
    if !subject.is_disabled() {
        return None;
    }
    switched_off(subject, Reason::Disabled, None)
}

/// It is outside of the hours in its schedule. It is ended when it is idle, and started when they
/// begin.
pub(super) fn off_schedule(subject: &Subject<'_>) -> Option<Verdict> {
    if !subject.is_off() {
        return None;
    }
    let schedule = subject.desired?.schedule.as_ref()?;
    let returns = subject.schedule_state()?.changes;
    let reason = Reason::OffSchedule {
        until: returns.map(|wall| schedule.label(wall)),
        zone: schedule.zone.name.clone(),
    };
    let starts = subject.schedule_changes().map(|at| Next {
        verb: Verb::Start,
        reason: ReasonCode::Missing,
        at,
    });
    switched_off(subject, reason, starts)
}

/// A declared session that shall not run now: it is ended when it is idle, and `next` says when it
/// returns. None for a session that may not be touched.
fn switched_off(subject: &Subject<'_>, reason: Reason, next: Option<Next>) -> Option<Verdict> {
    if subject.flaw().is_some() {
        return None;
    }
    if subject.label().is_none() {
        return Some(Verdict::Keep(Keep {
            phase: Phase::Stopped,
            note: Some(reason),
            next,
            wake: None,
        }));
    }
    let kind = if subject.is_alive() {
        Kind::Retire(Patience::Drain)
    } else {
        Kind::Remove
    };
    Some(Verdict::Want(Want {
        verb: Verb::Expire,
        reason,
        kind,
        phase: subject.living_phase(),
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
