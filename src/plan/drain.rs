//! Waiting until a session is idle before it is ended for its age or its fields, and the text that
//! announces it.

use super::subject::Subject;
use super::texts::is_at_prompt;
use super::verdict::{Kind, Patience, Want};
use super::wakes::{Wakes, wake_when_urgent};
use crate::model::{Content, Hold, Moment, NudgeText, OnDrift, Period, Reason, Verb};

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
    // Nobody waits for a session that is stuck, too quiet or done, unless it does not run now anyway:
    // that is decided first.
    let does_not_run = matches!(
        want.reason,
        Reason::Disabled | Reason::LeavesHost { .. } | Reason::OffSchedule { .. }
    );
    if !does_not_run {
        wake_when_urgent(subject, want, wakes);
        if let Some(at) = old_at_once(subject) {
            wakes.add(at);
        }
    }
    let works_behind = subject.content().is_some_and(Content::works_behind);
    if !subject.is_busy() && !works_behind {
        let idle = subject.now().plus(Content::IDLE_AFTER.minus(quiet));
        wakes.add(taken_up.map_or(idle, |at| Moment::later_of(at, idle)));
    }
    Some((Hold::Draining { quiet }, Some(deadline)))
}

/// When the session becomes too old, where it is then restarted at once because of its fields.
fn old_at_once(subject: &Subject<'_>) -> Option<Moment> {
    let desired = subject.desired.filter(|desired| !desired.is_task())?;
    let is_at_once = desired.on_drift == OnDrift::Restart && !subject.differences().is_empty();
    let at = subject.label()?.started.plus(desired.max_age?);
    (is_at_once && !subject.now().reached(&at)).then_some(at)
}

/// The notice that is typed at its prompt instead, once in each run: where one is declared and there
/// is time for it. From the deadline on there is none.
pub(super) fn notice(subject: &Subject<'_>, want: &Want, wakes: &mut Wakes) -> Option<Want> {
    let deadline = deadline(subject, want).filter(|at| !subject.now().reached(at))?;
    let is_told = told(subject).is_some();
    subject.desired?.handoff.as_ref().filter(|_| !is_told)?;
    subject.content().filter(|content| is_at_prompt(content))?;
    if subject
        .observed_run()
        .is_some_and(|run| run.draining.is_some())
    {
        // The notice may fail. Then the end comes at the deadline.
        wakes.add(deadline);
    }
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
        .observed_run()
        .and_then(|run| run.draining)
        .unwrap_or(subject.now());
    Some(since.plus(subject.desired?.drain))
}

/// When the notice was typed into this run.
fn told(subject: &Subject<'_>) -> Option<Moment> {
    let text = subject.desired?.handoff.as_ref().map(NudgeText::as_str)?;
    let run = subject.observed_run()?;
    let is_typed = run.typed.iter().any(|typed| typed.text == text);
    run.nudged.filter(|_| is_typed)
}
