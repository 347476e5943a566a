//! The rules for a session that runs and is due for a fresh process, or for its end: somebody asked
//! for it, it says that it is done, it is too old, or its definition has changed.

use super::rules::calm;
use super::subject::Subject;
use super::verdict::{Keep, Kind, Patience, Verdict, Want};
use crate::model::{Moment, Next, OnDrift, Phase, Reason, ReasonCode, Verb};

/// The user asked for a fresh process.
pub(super) fn asked(subject: &Subject<'_>) -> Option<Verdict> {
    let ours = subject.is_alive() && subject.label().is_some() && subject.policy().is_none();
    (ours && subject.desired.is_some() && subject.history?.restart_asked).then(|| {
        let (kind, phase) = (Kind::Replace(Patience::ByHand), subject.living_phase());
        Verdict::Want(Want {
            verb: Verb::Restart,
            reason: Reason::Asked,
            kind,
            phase,
        })
    })
}

/// Rule 7: its output says that it is done, and nothing was printed since for the whole grace.
///
/// A session that is not ready yet is left until it is: other sessions wait for it.
pub(super) fn marked(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired?;
    let (marks, standing) = subject.standing().filter(|_| subject.is_alive())?;
    match standing.sighting.verdict {
        crate::model::Verdict::Completed => {}
        crate::model::Verdict::Failed => return None,
    }
    let coming = subject.ready_at().filter(|_| !subject.is_ready());
    let phase = if coming.is_some() {
        Phase::Starting
    } else {
        Phase::Completed(None)
    };
    let (verb, kind) = if desired.is_task() {
        (Verb::Expire, Kind::Retire(Patience::None))
    } else {
        (Verb::Restart, Kind::Replace(Patience::None))
    };
    let at = marks.last_output.plus(desired.completion.grace);
    let quiet = subject.now().since(&marks.last_output);
    let reason = Reason::Marked {
        marker: standing.sighting.marker.clone(),
        quiet,
    };
    if quiet < desired.completion.grace || coming.is_some() {
        let at = coming.map_or(at, |ready| Moment::later_of(at, ready));
        let next = Some(Next {
            verb,
            reason: ReasonCode::from(&reason),
            at,
        });
        return Some(Verdict::Keep(Keep {
            phase,
            note: None,
            next,
            wake: coming,
        }));
    }
    Some(Verdict::Want(Want {
        verb,
        reason,
        kind,
        phase,
    }))
}

/// That its output says that it has failed. This is only reported: it ends nothing.
pub(super) fn failure(subject: &Subject<'_>) -> Option<Reason> {
    let (_, standing) = subject.standing().filter(|_| subject.is_alive())?;
    let (marker, line) = (&standing.sighting.marker, &standing.sighting.line);
    match standing.sighting.verdict {
        crate::model::Verdict::Completed => None,
        crate::model::Verdict::Failed => Some(Reason::MarkedFailed {
            marker: marker.clone(),
            line: line.clone(),
        }),
    }
}

/// Rule 8: it is older than `max_age`, in awake time.
pub(super) fn too_old(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired?;
    let (limit, age) = (desired.max_age?, subject.age()?);
    (age >= limit).then(|| {
        let (verb, kind) = if desired.is_task() {
            (Verb::Expire, Kind::Retire(Patience::Drain))
        } else {
            // What is restarted at once for its fields is not waited for because it is old as well.
            let at_once = desired.on_drift == OnDrift::Restart && !subject.differences().is_empty();
            (
                Verb::Restart,
                Kind::Replace(if at_once {
                    Patience::None
                } else {
                    Patience::Drain
                }),
            )
        };
        Verdict::Want(Want {
            verb,
            reason: Reason::TooOld { age, limit },
            kind,
            phase: subject.living_phase(),
        })
    })
}

/// Rule 12: it runs with other fields than declared.
pub(super) fn drifted(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired?;
    let fields = subject.differences();
    if fields.is_empty() {
        return None;
    }
    let reason = Reason::Drifted {
        changes: subject.changes(),
        fields,
        origins: crate::model::SortedMap::new(),
    };
    let patience = match desired.on_drift {
        _ if desired.is_task() => None,
        OnDrift::Report => None,
        OnDrift::RestartWhenIdle => Some(Patience::Drain),
        OnDrift::Restart => Some(Patience::None),
    };
    let phase = subject.living_phase();
    Some(match patience {
        Some(patience) => Verdict::Want(Want {
            verb: Verb::Restart,
            reason,
            kind: Kind::Replace(patience),
            phase,
        }),
        None => match calm(subject) {
            Verdict::Keep(keep) => Verdict::Keep(Keep {
                note: keep.note.clone().or(Some(reason)),
                ..keep
            }),
            other @ (Verdict::Want(_) | Verdict::Hold(..)) => other,
        },
    })
}
