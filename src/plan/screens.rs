//! The rules about what a session's screen says: blocked, too quiet. The one about stuck sessions is `stuck`'s.
//!
//! Only content that was read is judged: a session whose screen could not be read is never too quiet or stuck.

use super::large::too_large;
use super::rules::{LOOK_AGAIN, calm, drifted, failure, too_old};
use super::stuck::stuck;
use super::subject::Subject;
use super::verdict::{Keep, Kind, Patience, Verdict, Want};
use crate::model::{Block, Content, Hold, Moment, Next, OnIdle, Period, Reason, ScreenState, Verb};

/// Rule 6: signed out or at its usage limit. A fresh process would be as well, so what would end it is held.
pub(super) fn blocked(subject: &Subject<'_>) -> Option<Verdict> {
    let content = subject.content().filter(|_| subject.is_alive())?;
    let agent = &subject.desired?.agent;
    let (kind, until) = match subject.block()? {
        Block::Auth => (Block::Auth, None),
        Block::Limit => (Block::Limit, content.free(subject.name, subject.now())),
        Block::Context => return None,
    };
    let (name, evidence) = (agent.name.clone(), content.evidence.clone());
    let fix = agent.fix.clone().filter(|_| kind == Block::Auth);
    let wishes = [too_old, too_quiet, stuck, too_large, drifted].into_iter().find_map(|rule| match rule(subject)? {
        Verdict::Want(want) | Verdict::Hold(want, ..) => Some(want),
        Verdict::Keep(_) => None,
    });
    if let Some(want) = wishes {
        return Some(Verdict::Hold(want, Hold::Blocked { kind, agent: name, evidence, fix }, until));
    }
    if !subject.is_ready() {
        return None;
    }
    let Verdict::Keep(keep) = calm(subject) else { return None };
    let note = Some(Reason::Blocked { kind, agent: name, evidence, fix });
    Some(Verdict::Keep(Keep { note, wake: until, ..keep }))
}

/// Rule 9: no content has changed and nothing works behind the screen for too long. What is only to be reported of a
/// service is said where no other rule speaks; so is one that was nudged lately, or that a restart will set going.
pub(super) fn too_quiet(subject: &Subject<'_>) -> Option<Verdict> {
    let (verb, kind) = on_idle(subject)?;
    let reason = over_idle_limit(subject)?;
    if kind == Kind::Nudge && !is_nudge_due(subject) {
        return None;
    }
    Some(Verdict::Want(Want { verb, reason, kind, phase: subject.living_phase() }))
}

/// What is to be said of a session that nothing is done to: that it is too quiet.
pub(super) fn note(subject: &Subject<'_>) -> Option<Reason> {
    over_idle_limit(subject).filter(|_| on_idle(subject).is_none_or(|(_, kind)| kind == Kind::Nudge))
}

/// What time alone brings of these rules, and when else what they say changes.
pub(super) fn upcoming(subject: &Subject<'_>) -> (Option<Next>, Option<Moment>) {
    let now = subject.now();
    let Some((desired, content)) = subject.desired.zip(subject.content()).filter(|_| subject.is_ready()) else {
        return (None, None);
    };
    let due = |limit: Option<Period>| Some(due(content, content.since.plus(limit?), now)).filter(|at| !now.reached(at));
    if content.state == ScreenState::Busy {
        return (None, due(desired.idling.stuck_after));
    }
    let agreement = needs_agreement(content).then(|| now.plus(LOOK_AGAIN));
    match (due(desired.idling.idle_limit), on_idle(subject)) {
        (at, Some((verb, Kind::Nudge))) => {
            let next = next_nudge(subject, content).map(|at| Next { verb, reason: "too-quiet", at });
            // That it has failed is said instead of that it is too quiet.
            (next, earliest(now, agreement, at.filter(|_| failure(subject).is_none())))
        }
        (Some(at), Some((verb, _))) => (Some(Next { verb, reason: "too-quiet", at }), agreement),
        // That it has failed is said instead of that it is too quiet.
        (Some(_), None) if failure(subject).is_some() => (None, agreement),
        (at, _) => (None, earliest(now, agreement, at)),
    }
}

/// When it will be nudged, if time alone passes.
fn next_nudge(subject: &Subject<'_>, content: &Content) -> Option<Moment> {
    let limit = subject.desired?.idling.idle_limit?;
    let idle = due(content, content.since.plus(limit), subject.now());
    let paced = subject.history?.nudged.map(|nudged| nudged.plus(limit));
    let at = paced.map_or(idle, |paced| Moment::later_of(idle, paced));
    Some(at).filter(|at| !subject.now().reached(at))
}

/// Whether the last nudge is a whole idle limit ago, and nothing else is about to set it going.
fn is_nudge_due(subject: &Subject<'_>) -> bool {
    let limit = subject.desired.and_then(|desired| desired.idling.idle_limit).unwrap_or_default();
    let nudged = subject.history.and_then(|history| history.nudged);
    let lately = nudged.is_some_and(|nudged| subject.now().since(&nudged) < limit);
    !lately && !matches!(drifted(subject), Some(Verdict::Want(_)))
}

/// When a limit counts: once it has come and it is known that nothing works behind the screen.
fn due(content: &Content, limit: Moment, now: Moment) -> Moment {
    match content.cpu {
        Some(cpu) if cpu.resting => limit,
        Some(cpu) => Moment::later_of(limit, cpu.at.plus(Content::CPU_SPAN)),
        None if now.reached(&limit) => now.plus(LOOK_AGAIN),
        None => limit,
    }
}

pub(super) fn is_resting(content: &Content) -> bool {
    content.cpu.is_some_and(|cpu| cpu.resting)
}

/// Whether a second look is needed before what the screen says counts.
fn needs_agreement(content: &Content) -> bool {
    match content.state {
        ScreenState::Auth
        | ScreenState::Limit { .. }
        | ScreenState::Context
        | ScreenState::AsksPermission
        | ScreenState::AsksTrust => !content.is_agreed(),
        ScreenState::Ready | ScreenState::Busy | ScreenState::Retrying | ScreenState::Unclear => false,
    }
}

/// That it is idle for longer than it may be, where that is so and nothing works behind its screen.
fn over_idle_limit(subject: &Subject<'_>) -> Option<Reason> {
    let content = subject.content().filter(|content| content.state != ScreenState::Busy && subject.is_ready())?;
    let limit = subject.desired?.idling.idle_limit?;
    let quiet = content.idle(subject.now());
    (quiet >= limit && is_resting(content)).then_some(Reason::TooQuiet { quiet, limit })
}

/// What is done to it when it is too quiet; nothing where that is only reported.
fn on_idle(subject: &Subject<'_>) -> Option<(Verb, Kind)> {
    let desired = subject.desired?;
    if desired.is_task() {
        return Some((Verb::Expire, Kind::Retire(Patience::None)));
    }
    match desired.idling.on_idle {
        OnIdle::Report => None,
        // Where it asks something, or shows no prompt, there is nothing to type at.
        OnIdle::Nudge => {
            let at_prompt = |content: &Content| content.state == ScreenState::Ready && content.is_agreed();
            subject.content().is_some_and(at_prompt).then_some((Verb::Nudge, Kind::Nudge))
        }
        OnIdle::Restart => Some((Verb::Restart, Kind::Replace(Patience::None))),
    }
}

/// The earlier of two moments ahead.
pub(super) fn earliest(now: Moment, a: Option<Moment>, b: Option<Moment>) -> Option<Moment> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if now.until(&a) <= now.until(&b) { a } else { b }),
        (a, b) => a.or(b),
    }
}
