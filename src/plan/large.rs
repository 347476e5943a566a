//! Rule 11: its process tree holds more memory than it may.

use super::rules::LOOK_AGAIN;
use super::subject::Subject;
use super::verdict::{Kind, Patience, Verdict, Want};
use crate::model::{Footprint, Moment, Reason, Verb};

/// Two measures in a row are above the limit. A service is restarted as one that is too old, a task
/// is expired.
pub(super) fn too_large(subject: &Subject<'_>) -> Option<Verdict> {
    let (footprint, limit) = measured(subject)?;
    let used = footprint.agreed();
    (used > limit).then(|| {
        let (verb, kind) = if subject.desired.is_some_and(crate::model::Desired::is_task) {
            (Verb::Expire, Kind::Retire(Patience::Drain))
        } else {
            (Verb::Restart, Kind::Replace(Patience::Drain))
        };
        Verdict::Want(Want {
            verb,
            reason: Reason::TooLarge { used, limit },
            kind,
            phase: subject.living_phase(),
        })
    })
}

/// When to measure again, where the last measure alone is above the limit.
pub(super) fn look_again(subject: &Subject<'_>) -> Option<Moment> {
    let (footprint, limit) = measured(subject)?;
    (footprint.bytes > limit && footprint.before <= limit).then(|| subject.now().plus(LOOK_AGAIN))
}

/// The measured memory of this run, and its limit.
fn measured<'a>(subject: &Subject<'a>) -> Option<(&'a Footprint, u64)> {
    let limit = subject.desired?.max_memory?;
    let run = subject.observed_run().filter(|_| subject.is_alive())?;
    Some((run.footprint.as_ref()?, limit))
}
