//! What holds the step of one session, whatever the rest of the town does.

use super::backoff;
use super::drain::hold_for_drain;
use super::gastown::hold_for_gastown;
use super::launcher::hold_after_complaint;
use super::pacing::WINDOW;
use super::rules::LOOK_AGAIN;
use super::stuck::would_be_roused;
use super::subject::Subject;
use super::verdict::{Kind, Patience, Want};
use super::wakes::{Wakes, wake_when_nudged, wake_when_stuck};
use crate::model::{
    Backoff, Death, Definition, Desired, Durability, Hold, Life, Moment, Reason, Rung, Verb,
    WhenAttached,
};

/// What holds this wish, whatever the rest of the town does. The hold that is hardest to lift comes
/// first.
pub(super) fn hold_alone(
    subject: &Subject<'_>,
    want: &Want,
    wakes: &mut Wakes,
) -> Option<(Hold, Option<Moment>)> {
    if yields_to_stuck(subject, want) {
        wake_when_stuck(subject, wakes);
    }
    wake_when_nudged(subject, want, wakes);
    let memory = subject.situation.memory;
    if memory.paused {
        return Some((Hold::Paused, None));
    }
    if let Some(hold) = hold_for_gastown(subject, want) {
        return Some((hold, None));
    }
    if subject.situation.orders.durability == Durability::Failing && want.kind != Kind::Create {
        return Some((Hold::NotDurable, None));
    }
    if let Some(hold) = hold_for_missing(subject, want) {
        return Some((hold, None));
    }
    if let Some(until) = hold_while_changing(subject, want) {
        return Some((Hold::ManifestChanging, Some(until)));
    }
    if want.kind == Kind::Rename {
        // It disturbs nobody, not even who is attached.
        return None;
    }
    if want.kind.kills() || is_agentless(subject) {
        return hold_a_kill(subject, want, wakes);
    }
    if want.kind.signals() {
        return hold_for_people(subject);
    }
    if want.starts() {
        hold_for_server_losses(subject)
    } else {
        None
    }
}

/// What the session lacks for its fresh process. Nothing that lives is ended for a process that
/// cannot be started, and no crash is counted. A stop that was begun is carried on.
fn hold_for_missing(subject: &Subject<'_>, want: &Want) -> Option<Hold> {
    let begins = match want.kind {
        Kind::Create | Kind::Revive => true,
        Kind::Replace(_) | Kind::Continue(Rung::Finish) => want.verb == Verb::Restart,
        Kind::Retire(_)
        | Kind::Remove
        | Kind::Adopt
        | Kind::Rename
        | Kind::Nudge
        | Kind::Notice
        | Kind::SendEscape
        | Kind::Answer
        | Kind::Continue(Rung::Ask | Rung::Term | Rung::Kill) => false,
    };
    let lacking = subject
        .situation
        .town
        .unstartable
        .get(subject.name)
        .filter(|_| begins)?;
    let awaited = lacking.awaited.iter().cloned().collect();
    Some(Hold::CannotStart {
        why: lacking.why.clone(),
        awaited,
    })
}

/// While the manifest changes nothing is started or renamed, and nothing that runs is ended: its
/// entry may have changed already.
fn hold_while_changing(subject: &Subject<'_>, want: &Want) -> Option<Moment> {
    let minded = want.starts() || want.kind.kills() || want.kind == Kind::Rename;
    let changes = subject.situation.orders.definition == Definition::Changing;
    (changes && minded).then(|| subject.now().plus(LOOK_AGAIN))
}

/// Whether a stuck session would get another step than this one, which may be held until then.
fn yields_to_stuck(subject: &Subject<'_>, want: &Want) -> bool {
    let later = matches!(
        want.reason,
        Reason::TooOld { .. }
            | Reason::TooLarge { .. }
            | Reason::TooManyTokens { .. }
            | Reason::ContextNearFull { .. }
            | Reason::Drifted { .. }
            | Reason::Upgraded { .. }
    );
    later
        && subject.is_alive()
        && subject.is_busy()
        && (want.verb == Verb::Expire || would_be_roused(subject))
}

/// What holds the killing of something alive.
fn hold_a_kill(
    subject: &Subject<'_>,
    want: &Want,
    wakes: &mut Wakes,
) -> Option<(Hold, Option<Moment>)> {
    if let Some(held) = hold_for_people(subject) {
        return Some(held);
    }
    let memory = subject.situation.memory;
    if memory.settling > 0 {
        return Some((
            Hold::ClockJump {
                cycles: memory.settling,
            },
            Some(subject.now().plus(LOOK_AGAIN)),
        ));
    }
    hold_after_complaint(subject, want)
        .or_else(|| hold_after_failure(subject, want))
        .or_else(|| hold_for_gap(subject, want))
        .or_else(|| hold_for_drain(subject, want, wakes))
}

/// The same step has failed before. It is tried again after a growing delay.
pub(super) fn hold_after_failure(
    subject: &Subject<'_>,
    want: &Want,
) -> Option<(Hold, Option<Moment>)> {
    let refused = subject.history?.refused.as_ref()?;
    let same = match want.verb {
        Verb::Restart => refused.fingerprint == subject.desired.map(Desired::fingerprint),
        Verb::Expire => refused.fingerprint.is_none(),
        Verb::Start
        | Verb::Adopt
        | Verb::Rename
        | Verb::Nudge
        | Verb::SendEscape
        | Verb::Answer => false,
    };
    let pace = subject
        .desired
        .map_or_else(Backoff::default, |desired| desired.backoff);
    let until = refused.at.plus(backoff::retry(&pace, refused.times));
    let hold = Hold::Failed {
        said: refused.said.clone(),
        times: refused.times,
    };
    (same && !subject.now().reached(&until)).then_some((hold, Some(until)))
}

/// What holds every signal to something alive, also one of a stop that was begun before somebody
/// attached.
fn hold_for_people(subject: &Subject<'_>) -> Option<(Hold, Option<Moment>)> {
    if subject.is_own() {
        return Some((Hold::OwnSession, None));
    }
    let clients = subject.seen.map_or(0, |seen| seen.attached);
    let minded = clients > 0 && subject.when_attached() == WhenAttached::Hold;
    minded.then_some((Hold::Attached { clients }, None))
}

/// Whether something lives in its pane that is not the agent.
fn is_agentless(subject: &Subject<'_>) -> bool {
    matches!(
        subject.seen.map(|seen| &seen.life),
        Some(Life::Dead {
            death: Death::NoAgent,
            ..
        })
    )
}

fn hold_for_server_losses(subject: &Subject<'_>) -> Option<(Hold, Option<Moment>)> {
    let losses = &subject.situation.memory.server_losses;
    let count = u32::try_from(losses.len()).unwrap_or(u32::MAX);
    let allowed = subject.situation.town.limits.server_losses;
    let until = losses.first().map(|first| first.plus(WINDOW));
    (count >= allowed.max(1)).then_some((Hold::ServerLosses { losses: count }, until))
}

fn hold_for_gap(subject: &Subject<'_>, want: &Want) -> Option<(Hold, Option<Moment>)> {
    let Kind::Replace(Patience::Drain | Patience::None) = want.kind else {
        return None;
    };
    let gap = subject.desired?.handoff_gap;
    let last = subject.handoff()?;
    let until = last.plus(gap);
    let since = subject.now().since(&last);
    (since < gap).then(|| {
        // After a reboot `until` is a guess by the wall clock. It is never earlier than the rest of
        // the gap.
        let until = if last.boot == subject.now().boot {
            until
        } else {
            subject.now().plus(gap.minus(since))
        };
        (Hold::HandoffGap { since, gap }, Some(until))
    })
}
