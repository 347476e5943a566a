//! The order in which sessions start: by waves, and by what they name in `after`.

use super::after;
use super::subject::Subject;
use super::verdict::{Keep, Kind, Verdict};
use crate::model::{Hold, Phase};

/// The wave of its start.
pub(super) fn wave_of(subject: &Subject<'_>) -> u32 {
    subject.desired.map_or(0, |desired| desired.wave)
}

/// Whether others may have to wait for it: it is about to start, or is not ready yet.
fn is_pending(subject: &Subject<'_>, verdict: &Verdict) -> bool {
    match verdict {
        // A session that is coming up and is to be replaced may still be held.
        Verdict::Want(want) => want.starts() || (want.kind.kills() && subject.is_coming_up()),
        Verdict::Keep(Keep { phase, .. }) => *phase == Phase::Starting,
        Verdict::Hold(..) => subject.is_coming_up(),
    }
}

/// Holds creations behind earlier waves, and starts behind `after`. No wave waits for a session
/// that `after` holds, because that may take any time.
pub(super) fn hold_for_waves(subjects: &[Subject<'_>], verdicts: &mut [Verdict]) {
    let mut waits = after::waits(subjects, verdicts);
    let is_pending = |at: usize, subject: &Subject<'_>, verdict: &Verdict| {
        if waits.contains_key(&at) {
            subject.is_coming_up()
        } else {
            is_pending(subject, verdict)
        }
    };
    let all = subjects.iter().zip(verdicts.iter()).enumerate();
    let pending = all.filter(|(at, (subject, verdict))| is_pending(*at, subject, verdict));
    let first = pending
        .map(|(_, (subject, _))| subject)
        .min_by_key(|subject| wave_of(subject));
    for (at, (subject, verdict)) in subjects.iter().zip(verdicts.iter_mut()).enumerate() {
        let Verdict::Want(want) = verdict else {
            continue;
        };
        let creates = want.kind == Kind::Create && !subject.is_owed_a_start();
        let (hold, until) = match (
            first.filter(|first| creates && wave_of(subject) > wave_of(first)),
            waits.remove(&at),
        ) {
            (Some(first), _) => (
                Hold::Wave {
                    wave: wave_of(first),
                    waiting_for: first.name.clone(),
                },
                None,
            ),
            (None, Some(held)) => held,
            (None, None) => continue,
        };
        *verdict = Verdict::Hold(want.clone(), hold, until);
    }
}
