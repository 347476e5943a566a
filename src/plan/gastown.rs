//! What Gas Town's own files hold back. Nothing is ended because of them.

use super::Situation;
use super::subject::Subject;
use super::verdict::{Kind, Want};
use crate::model::{Desired, Gastown, GastownHold, Hold, Rest, Verb};

/// What holds a wish for a session, if anything does. An adoption and a new name are never held: they
/// do no harm.
pub(super) fn hold_for_gastown(subject: &Subject<'_>, want: &Want) -> Option<Hold> {
    let gastown = &subject.situation.town.gastown;
    if matches!(want.verb, Verb::Adopt | Verb::Rename) || *gastown == Gastown::default() {
        return None;
    }
    let held = emergency(gastown, subject.desired).or_else(|| match want.verb {
        Verb::Start | Verb::Restart => hold_for_start(gastown, subject, want),
        Verb::Nudge | Verb::SendEscape | Verb::Answer => paused(gastown, subject.desired),
        Verb::Expire => hold_for_daemon(gastown, subject, want),
        Verb::Adopt | Verb::Rename => None,
    });
    held.map(Hold::Gastown)
}

/// What keeps chores from typing into a session, and proposals from being done to it.
pub(super) fn hold_for_timed_work(
    situation: &Situation<'_>,
    desired: Option<&Desired>,
) -> Option<Hold> {
    let gastown = &situation.town.gastown;
    emergency(gastown, desired)
        .or_else(|| paused(gastown, desired))
        .map(Hold::Gastown)
}

/// The emergency stop of the town, or of the session's rig.
fn emergency(gastown: &Gastown, desired: Option<&Desired>) -> Option<GastownHold> {
    if let Some(why) = &gastown.estop {
        return Some(GastownHold::EmergencyStop {
            rig: None,
            why: why.clone(),
        });
    }
    let rig = desired?.rig.as_ref()?;
    let why = gastown.stopped_rigs.get(rig)?.clone();
    Some(GastownHold::EmergencyStop {
        rig: Some(rig.clone()),
        why,
    })
}

fn paused(gastown: &Gastown, desired: Option<&Desired>) -> Option<GastownHold> {
    let why = gastown
        .deacon_paused
        .as_ref()
        .filter(|_| desired.is_some_and(|desired| desired.role == "deacon"))?;
    Some(GastownHold::DeaconPaused { why: why.clone() })
}

/// What holds a fresh process.
fn hold_for_start(gastown: &Gastown, subject: &Subject<'_>, want: &Want) -> Option<GastownHold> {
    if gastown.shutting_down {
        return Some(GastownHold::ShuttingDown);
    }
    let rig = subject.desired?.rig.as_ref();
    let rests = rig.and_then(|rig| {
        let rest = *gastown.resting.get(rig)?;
        // A state that cannot be understood ends nothing that lives, and holds no start.
        let counts = rest != Rest::Untold || ends_something(want.kind);
        counts.then(|| GastownHold::RigRests {
            rig: rig.clone(),
            rest,
        })
    });
    rests.or_else(|| paused(gastown, subject.desired))
}

fn ends_something(kind: Kind) -> bool {
    kind.kills() || kind.signals()
}

/// A session that gt's daemon keeps alive is not expired: the daemon would start it again. What is
/// left of an ended one may be removed.
fn hold_for_daemon(gastown: &Gastown, subject: &Subject<'_>, want: &Want) -> Option<GastownHold> {
    (gastown.daemon && ends_something(want.kind) && is_supervised(subject))
        .then_some(GastownHold::Daemon)
}

fn is_supervised(subject: &Subject<'_>) -> bool {
    match subject.desired {
        Some(desired) => Gastown::SUPERVISED.contains(&desired.role.as_str()),
        // A session that is no longer declared has no role, only a name.
        None => Gastown::SUPERVISED
            .iter()
            .any(|role| subject.name.as_str().ends_with(&format!("-{role}"))),
    }
}
