//! Whether the look and the memory allow to type a text into a session now. Just before it is
//! typed, the prompt is checked once more.

use super::Situation;
use super::gastown::hold_for_timed_work;
use super::subject::{Subject, gather};
use crate::model::{
    Asker, Content, Hold, Incarnation, Life, NudgeText, Observed, Obstacle, Ownership, ScreenState,
    TextRequest, TextStep, Typable,
};

/// Decides on one request.
///
/// # Errors The obstacle. If it [passes](Obstacle::passes) the request waits, else the request is
/// given up.
pub fn typable(situation: &Situation<'_>, request: &TextRequest) -> Typable {
    if situation.memory.paused {
        return Err(Obstacle::Paused);
    }
    let server = match situation.observed {
        Observed::Unknown(why) => return Err(Obstacle::Untold(why.clone())),
        Observed::Down => return Err(Obstacle::Absent),
        Observed::Up(server) => server,
    };
    let subjects = gather(situation, Some(server));
    let subject = subjects
        .iter()
        .find(|subject| *subject.name == request.session)
        .ok_or(Obstacle::Absent)?;
    check_session(subject)?;
    check_incarnation(subject, request)?;
    match request.asker {
        Asker::Person => {}
        Asker::Chore(_) | Asker::Proposal(_) => check_timed_work(subject)?,
    }
    step(subject, &request.text).ok_or(Obstacle::Absent)
}

/// The step that types a text into this session. None where the session was not observed or is not
/// declared.
pub(super) fn step(subject: &Subject<'_>, text: &NudgeText) -> Option<TextStep> {
    let target = subject.target()?;
    let left = subject
        .observed_run()
        .map(Incarnation::left_texts)
        .unwrap_or_default();
    Some(TextStep {
        target,
        agent: subject.desired?.agent.clone(),
        text: text.clone(),
        left,
        limit_over: subject.is_past_limit(),
    })
}

/// Whether two looks agree that its screen shows a prompt.
pub(super) fn is_at_prompt(content: &Content) -> bool {
    content.state == ScreenState::Ready && content.is_agreed()
}

/// The session must be ours, live, and not be about to end.
pub(super) fn check_session(subject: &Subject<'_>) -> Result<(), Obstacle> {
    let is_stopped = subject.is_stopped();
    let Some(seen) = subject.seen else {
        return Err(if is_stopped {
            Obstacle::Stopped
        } else {
            Obstacle::Absent
        });
    };
    let label = match &seen.ownership {
        Ownership::Unlabelled | Ownership::Unproved(_) => return Err(Obstacle::Unlabelled),
        Ownership::Foreign(town) => return Err(Obstacle::Foreign(town.clone())),
        Ownership::Ours(label) => label,
    };
    if label.session != *subject.name {
        return Err(Obstacle::Untold("it gets its new name first".to_owned()));
    }
    let is_stopping = subject
        .history
        .and_then(|history| history.stopping.as_ref())
        .is_some_and(|stopping| stopping.generation == label.generation);
    match &seen.life {
        Life::Unknown(why) => Err(Obstacle::Untold(why.clone())),
        Life::Dead { death, .. } => Err(Obstacle::Dead(*death)),
        Life::Alive { .. } if is_stopped => Err(Obstacle::Stopped),
        Life::Alive { .. } if is_stopping => Err(Obstacle::Stopping),
        Life::Alive { .. } => Ok(()),
    }
}

fn check_incarnation(subject: &Subject<'_>, request: &TextRequest) -> Result<(), Obstacle> {
    let Some(meant) = request.incarnation else {
        return Ok(());
    };
    let is_meant = subject
        .label()
        .is_some_and(|label| label.generation == meant);
    if is_meant {
        Ok(())
    } else {
        Err(Obstacle::Restarted)
    }
}

/// A text that nobody asked for by hand also waits for Gas Town's holds and until the session is
/// ready.
fn check_timed_work(subject: &Subject<'_>) -> Result<(), Obstacle> {
    if let Some(Hold::Gastown(hold)) = hold_for_timed_work(subject.situation, subject.desired) {
        return Err(Obstacle::Gastown(hold));
    }
    if subject.is_coming_up() {
        return Err(Obstacle::Starting);
    }
    Ok(())
}
