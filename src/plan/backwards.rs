//! `gtctl down`: the town stops backwards. A session stops before those that it has waited for.

use super::subject::Subject;
use super::verdict::{Keep, Kind, Verdict};
use super::waves::wave_of;
use crate::model::SortedMap;
use crate::model::{Hold, Phase, Reason, SessionName};

/// Holds each stop of `down` until the sessions that come after it have stopped. A session that
/// cannot stop now keeps no other one.
pub(super) fn hold_for_followers(subjects: &[Subject<'_>], verdicts: &mut [Verdict]) {
    let leaving: Vec<&Subject<'_>> = subjects
        .iter()
        .zip(verdicts.iter())
        .filter(|(subject, verdict)| is_leaving(subject, verdict))
        .map(|(subject, _)| subject)
        .collect();
    let Some(last) = leaving
        .iter()
        .copied()
        .max_by_key(|subject| wave_of(subject))
    else {
        return;
    };
    let followers: SortedMap<&SessionName, &SessionName> = leaving
        .iter()
        .flat_map(|follower| {
            let awaited = follower
                .desired
                .iter()
                .flat_map(|desired| desired.after.keys());
            awaited.map(|name| (name, follower.name))
        })
        .collect();
    for (subject, verdict) in subjects.iter().zip(verdicts.iter_mut()) {
        if !begins_to_leave(subject, verdict) {
            continue;
        }
        let of_later_wave = (wave_of(last) > wave_of(subject)).then_some(last.name);
        let Some(waiting_for) = of_later_wave.or_else(|| followers.get(subject.name).copied())
        else {
            continue;
        };
        let hold = Hold::Wave {
            wave: wave_of(last),
            waiting_for: waiting_for.clone(),
        };
        if let Verdict::Want(want) = verdict {
            *verdict = Verdict::Hold(want.clone(), hold, None);
        }
    }
}

/// Whether it is about to be asked to end because the town goes down.
fn begins_to_leave(subject: &Subject<'_>, verdict: &Verdict) -> bool {
    let begins = matches!(
        verdict,
        Verdict::Want(want) if want.reason == Reason::Asked && matches!(want.kind, Kind::Retire(_))
    );
    begins && goes_down(subject)
}

/// Whether it still lives, and its stop begins or goes on.
fn is_leaving(subject: &Subject<'_>, verdict: &Verdict) -> bool {
    let goes_on = match verdict {
        Verdict::Want(_) | Verdict::Hold(_, Hold::Stopping { .. }, _) => true,
        Verdict::Keep(Keep { phase, .. }) => *phase == Phase::Stopping,
        Verdict::Hold(..) => false,
    };
    goes_on && goes_down(subject) && subject.is_alive() && subject.label().is_some()
}

fn goes_down(subject: &Subject<'_>) -> bool {
    subject
        .history
        .is_some_and(|history| history.stopped && history.went_down)
}
