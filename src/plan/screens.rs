//! The rules about a session's screen: blocked, too quiet. The rule for stuck sessions is in
//! `stuck`.
//!
//! They judge only a screen that was read. A session whose screen could not be read is never too
//! quiet or stuck.

use super::due::{drifted, failure, too_old};
use super::large::too_large;
use super::rules::{LOOK_AGAIN, calm};
use super::stuck::stuck;
use super::subject::Subject;
use super::texts::is_at_prompt;
use super::tokens::{context_near_full, too_many_tokens};
use super::upgraded::upgraded;
use super::verdict::{Keep, Kind, Patience, Verdict, Want};
use crate::model::{
    Block, Content, Hold, Moment, Next, OnIdle, OnLimitEnd, Period, Reason, ReasonCode,
    ReportingClient, ScreenState, Verb,
};

/// Rule 6: signed out or at its usage limit. A fresh process would be in the same state, so steps
/// that would end it are held.
pub(super) fn blocked(subject: &Subject<'_>) -> Option<Verdict> {
    let content = subject.content().filter(|_| subject.is_alive())?;
    let agent = &subject.desired?.agent;
    let (kind, until) = match subject.block()? {
        Block::Auth => (Block::Auth, None),
        Block::Limit => (Block::Limit, content.free(subject.name, subject.now())),
        Block::Context => return None,
    };
    let (name, evidence) = (agent.name.clone(), content.evidence.clone());
    let fix = match (kind, content.state) {
        (Block::Auth, _) => agent.fix.clone(),
        (Block::Limit, ScreenState::Limit { resets: None }) => Some(unnamed_end(subject)),
        (Block::Limit | Block::Context, _) => None,
    };
    let wishes = [
        too_old,
        too_quiet,
        stuck,
        too_large,
        too_many_tokens,
        context_near_full,
        upgraded,
        drifted,
    ]
    .into_iter()
    .find_map(|rule| match rule(subject)? {
        Verdict::Want(want) | Verdict::Hold(want, ..) => Some(want),
        Verdict::Keep(_) => None,
    });
    if let Some(want) = wishes {
        return Some(Verdict::Hold(
            want,
            Hold::Blocked {
                kind,
                agent: name,
                evidence,
                fix,
            },
            until,
        ));
    }
    if !subject.is_ready() {
        return None;
    }
    let Verdict::Keep(keep) = calm(subject) else {
        return None;
    };
    let note = Some(Reason::Blocked {
        kind,
        agent: name,
        evidence,
        fix,
    });
    Some(Verdict::Keep(Keep {
        note,
        wake: until,
        ..keep
    }))
}

/// What ends a limit of which no end is printed before [`Content::UNNAMED_LIMIT`] has passed.
fn unnamed_end(subject: &Subject<'_>) -> String {
    format!("no end is printed; gtctl reset {} ends it", subject.name)
}

/// After a limit's end gtctl waits so long for a client that continues by itself. Claude Code with
/// a subscription continues 91 s after the reset (measured with 2.1.332).
const BY_ITSELF: Period = Period::from_mins(2);

/// Rule 6, a limit's end: gtctl types the declared text, unless the client has continued by itself.
pub(super) fn limit_over(subject: &Subject<'_>) -> Option<Verdict> {
    let content = subject.content()?;
    let at = limit_nudge_at(subject, content)?;
    if !subject.now().reached(&at) {
        return None;
    }
    let over = subject.now().since(&Moment::later_of(
        content.state_since,
        limit_end(subject, content),
    ));
    let reason = Reason::LimitOver { over };
    Some(Verdict::Want(Want {
        verb: Verb::Nudge,
        reason,
        kind: Kind::Nudge,
        phase: subject.living_phase(),
    }))
}

/// When the text is typed after the end of the shown limit. None before that end, and where no text
/// is declared.
fn limit_nudge_at(subject: &Subject<'_>, content: &Content) -> Option<Moment> {
    let desired = subject
        .desired
        .filter(|_| subject.is_alive() && subject.is_ready() && subject.is_past_limit())?;
    if desired.idling.on_limit_end != OnLimitEnd::Nudge || is_nudged_since(subject, content) {
        return None;
    }
    let end = limit_end(subject, content);
    Some(match desired.agent.client {
        Some(ReportingClient::Claude) => end.plus(BY_ITSELF),
        Some(
            ReportingClient::Codex
            | ReportingClient::Gemini
            | ReportingClient::Kimi
            | ReportingClient::KimiCode
            | ReportingClient::Opencode,
        )
        | None => end,
    })
}

/// When the text is typed after the end of a limit, if time alone passes.
pub(super) fn next_limit_nudge(subject: &Subject<'_>) -> Option<Next> {
    let at = limit_nudge_at(subject, subject.content()?)?;
    (!subject.now().reached(&at)).then_some(Next {
        verb: Verb::Nudge,
        reason: ReasonCode::LimitOver,
        at,
    })
}

/// When the shown limit has ended.
fn limit_end(subject: &Subject<'_>, content: &Content) -> Moment {
    let now = subject.now();
    let by_name = content
        .free_at(subject.name)
        .map(|at| now.wall.saturating_sub(at).max(0).unsigned_abs());
    match by_name {
        Some(ago) => now.minus(Period::from_millis(ago)),
        None => content.state_since.plus(Content::UNNAMED_LIMIT),
    }
}

/// Whether a text was typed since the end of the limit. One is enough.
fn is_nudged_since(subject: &Subject<'_>, content: &Content) -> bool {
    let Some(nudged) = subject.observed_run().and_then(|run| run.nudged) else {
        return false;
    };
    Moment::later_of(nudged, limit_end(subject, content)) == nudged
}

/// Rule 9: for too long no content has changed and nothing works behind the screen. A report about
/// a service comes only where no other rule applies. The same holds for a session that was nudged
/// lately or will be restarted.
pub(super) fn too_quiet(subject: &Subject<'_>) -> Option<Verdict> {
    if next_limit_nudge(subject).is_some() {
        // Its client may continue by itself.
        return None;
    }
    let (verb, kind) = on_idle(subject)?;
    let reason = over_idle_limit(subject)?;
    if kind == Kind::Nudge && !is_nudge_due(subject) {
        return None;
    }
    Some(Verdict::Want(Want {
        verb,
        reason,
        kind,
        phase: subject.living_phase(),
    }))
}

/// The note for a session without a step: it is too quiet.
pub(super) fn note(subject: &Subject<'_>) -> Option<Reason> {
    over_idle_limit(subject)
        .filter(|_| on_idle(subject).is_none_or(|(_, kind)| kind == Kind::Nudge))
}

/// The steps that these rules bring by time alone, and the other moments at which their verdict
/// changes.
pub(super) fn upcoming(subject: &Subject<'_>) -> (Option<Next>, Option<Moment>) {
    let now = subject.now();
    let Some((desired, content)) = subject
        .desired
        .zip(subject.content())
        .filter(|_| subject.is_ready())
    else {
        return (None, None);
    };
    let due = |limit: Option<Period>| {
        Some(due(content, content.since.plus(limit?), now)).filter(|at| !now.reached(at))
    };
    if content.state.is_at_work() {
        return (None, due(desired.idling.stuck_after));
    }
    if content.works_behind() {
        // It becomes idle when that work ends. No time brings that.
        return (None, None);
    }
    let agreement = needs_agreement(content).then(|| now.plus(LOOK_AGAIN));
    match (due(desired.idling.idle_limit), on_idle(subject)) {
        (at, Some((verb, Kind::Nudge))) => {
            let next = next_nudge(subject, content).map(|at| Next {
                verb,
                reason: ReasonCode::TooQuiet,
                at,
            });
            // That it has failed is said instead of that it is too quiet.
            (
                next,
                earliest(now, agreement, at.filter(|_| failure(subject).is_none())),
            )
        }
        (Some(at), Some((verb, _))) => (
            Some(Next {
                verb,
                reason: ReasonCode::TooQuiet,
                at,
            }),
            agreement,
        ),
        // That it has failed is said instead of that it is too quiet.
        (Some(_), None) if failure(subject).is_some() => (None, agreement),
        (at, _) => (None, earliest(now, agreement, at)),
    }
}

/// When it will be nudged, if time alone passes.
fn next_nudge(subject: &Subject<'_>, content: &Content) -> Option<Moment> {
    let limit = subject.desired?.idling.idle_limit?;
    let idle = due(content, content.since.plus(limit), subject.now());
    let nudged = subject.observed_run().and_then(|run| run.nudged);
    let paced = nudged.map(|nudged| nudged.plus(limit));
    let at = paced.map_or(idle, |paced| Moment::later_of(idle, paced));
    Some(at).filter(|at| !subject.now().reached(at))
}

/// Whether the last nudge is at least one idle limit ago, and nothing else will set it going.
fn is_nudge_due(subject: &Subject<'_>) -> bool {
    let limit = subject
        .desired
        .and_then(|desired| desired.idling.idle_limit)
        .unwrap_or_default();
    let nudged = subject.observed_run().and_then(|run| run.nudged);
    let lately = nudged.is_some_and(|nudged| subject.now().since(&nudged) < limit);
    !lately && !matches!(drifted(subject), Some(Verdict::Want(_)))
}

/// When a limit counts: it has come, and nothing works behind the screen.
pub(super) fn due(content: &Content, limit: Moment, now: Moment) -> Moment {
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
        ScreenState::Ready | ScreenState::Busy | ScreenState::Retrying | ScreenState::Unclear => {
            false
        }
    }
}

/// Its idle time, if it is longer than allowed and nothing works behind its screen.
fn over_idle_limit(subject: &Subject<'_>) -> Option<Reason> {
    let content = subject
        .content()
        .filter(|content| !content.state.is_at_work() && subject.is_ready())?;
    let limit = subject.desired?.idling.idle_limit?;
    let quiet = content.idle(subject.now());
    (quiet >= limit && is_resting(content)).then_some(Reason::TooQuiet { quiet, limit })
}

/// The step for a session that is too quiet. None where that is only reported.
fn on_idle(subject: &Subject<'_>) -> Option<(Verb, Kind)> {
    let desired = subject.desired?;
    if desired.is_task() {
        return Some((Verb::Expire, Kind::Retire(Patience::None)));
    }
    match desired.idling.on_idle {
        OnIdle::Report => None,
        // Where it asks something or shows no prompt, nothing can be typed.
        OnIdle::Nudge => {
            let takes_text = |content: &Content| is_at_prompt(content) || subject.is_past_limit();
            subject
                .content()
                .is_some_and(takes_text)
                .then_some((Verb::Nudge, Kind::Nudge))
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
