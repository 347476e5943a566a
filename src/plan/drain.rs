//! Waiting until a session is idle before it is ended for its age or its fields, and the text that
//! announces it.

use super::pacing::{Wakes, wake_when_stuck};
use super::subject::Subject;
use super::texts::is_at_prompt;
use super::verdict::{Kind, Patience, Want};
use crate::model::{Content, Hold, Moment, NudgeText, Period, Verb};

/// How long an agent may take to begin with the notice. Clients show within a second that they
/// work.
const TAKEN_UP: Period = Period::from_secs(10);

/// What holds the end of a session that is not idle yet, or has not had the time to hand off.
pub(super) fn hold_for_drain(
    subject: &Subject<'_>,
    want: &Want,
    wakes: &mut Wakes,
) -> Option<(Hold, Option<Moment>)> {
    let deadline = deadline(subject, want)?;
    if subject.now().reached(&deadline) {
        return None;
    }
    let quiet = subject.idle();
    let taken_up = told(subject)
        .map(|at| at.plus(TAKEN_UP))
        .filter(|at| !subject.now().reached(at));
    if quiet >= Content::IDLE_AFTER && taken_up.is_none() {
        return None;
    }
    if subject.is_busy() {
        // Nobody waits for a stuck session.
        wake_when_stuck(subject, wakes);
    } else if subject
        .content()
        .is_none_or(|content| !content.works_behind())
    {
        let idle = subject.now().plus(Content::IDLE_AFTER.minus(quiet));
        wakes.add(taken_up.map_or(idle, |at| Moment::later_of(at, idle)));
    }
    Some((Hold::Draining { quiet }, Some(deadline)))
}

/// The notice to be typed at its prompt instead, once in a life: where one is declared and there is
/// time for it.
pub(super) fn notice(subject: &Subject<'_>, want: &Want) -> Option<Want> {
    let deadline = deadline(subject, want).filter(|at| !subject.now().reached(at));
    deadline
        .and(subject.desired?.handoff.as_ref())
        .filter(|_| told(subject).is_none())?;
    subject.content().filter(|content| is_at_prompt(content))?;
    Some(Want {
        verb: Verb::Nudge,
        kind: Kind::Notice,
        ..want.clone()
    })
}

/// Until when it is waited for. None where it is not.
fn deadline(subject: &Subject<'_>, want: &Want) -> Option<Moment> {
    let (Kind::Replace(Patience::Drain) | Kind::Retire(Patience::Drain)) = want.kind else {
        return None;
    };
    let since = subject
        .history
        .and_then(|history| history.draining)
        .unwrap_or(subject.now());
    Some(since.plus(subject.desired?.drain))
}

/// When the notice was typed into this run.
fn told(subject: &Subject<'_>) -> Option<Moment> {
    let text = subject.desired?.handoff.as_ref().map(NudgeText::as_str)?;
    let (history, generation) = (subject.history?, subject.label()?.generation);
    let typed = history
        .typed
        .iter()
        .any(|typed| typed.generation == generation && typed.text == text);
    history.nudged.filter(|_| typed)
}
