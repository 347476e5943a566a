//! The rule for a session whose program was replaced while it runs: it runs on with the old one.

use super::due::drifted;
use super::subject::Subject;
use super::verdict::{Kind, Patience, Verdict, Want};
use crate::model::{OnUpgrade, Reason, Verb};

/// Rule 12, by an upgrade: a service is restarted when it is idle, where that is declared.
///
/// A restart for other fields takes the new program, too, so it comes first.
pub(super) fn upgraded(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired.filter(|desired| !desired.is_task())?;
    match desired.on_upgrade {
        OnUpgrade::Report => return None,
        OnUpgrade::RestartWhenIdle => {}
    }
    let reason = replaced(subject)?;
    if matches!(drifted(subject), Some(Verdict::Want(_))) {
        return None;
    }
    Some(Verdict::Want(Want {
        verb: Verb::Restart,
        reason,
        kind: Kind::Replace(Patience::Drain),
        phase: subject.living_phase(),
    }))
}

/// What is said of a session that nothing is done to: that its program was replaced.
pub(super) fn note(subject: &Subject<'_>) -> Option<Reason> {
    replaced(subject).filter(|_| subject.differences().is_empty())
}

fn replaced(subject: &Subject<'_>) -> Option<Reason> {
    let run = subject.observed_run().filter(|_| subject.is_alive())?;
    let counts = run.program?.is_replaced && subject.policy().is_none();
    counts.then(|| Reason::Upgraded {
        process: subject.comm().to_owned(),
    })
}
