//! The rule for a session whose client says that its turn is over.

use super::screens::{due, is_resting};
use super::subject::Subject;
use super::verdict::{Kind, Patience, Verdict, Want};
use crate::model::{Moment, Next, Period, Phase, Reason, ReasonCode, Reported, Verb};

/// Rule 7, by report: its client has reported the end of a turn, and nothing came after it for
/// `completion.turn_ended`.
///
/// A report alone ends nothing: the screen has to show the prompt, unchanged, for as long, and
/// nothing may work behind it.
pub(super) fn turn_ended(subject: &Subject<'_>) -> Option<Verdict> {
    let over = turn_over(subject)?;
    let quiet = subject.now().since(&over.since);
    let is_resting = subject.content().is_some_and(is_resting);
    if quiet < over.grace || !is_resting {
        return None;
    }
    let (verb, kind) = end(subject);
    let reason = Reason::TurnEnded {
        by: over.reported.by,
        event: over.reported.event.clone(),
        quiet,
    };
    Some(Verdict::Want(Want {
        verb,
        reason,
        kind,
        phase: Phase::Completed(None),
    }))
}

/// When the rule will speak, if time alone passes.
pub(super) fn next_end(subject: &Subject<'_>) -> Option<Next> {
    let over = turn_over(subject)?;
    let now = subject.now();
    let at = due(subject.content()?, over.since.plus(over.grace), now);
    let (verb, _) = end(subject);
    (!now.reached(&at)).then_some(Next {
        verb,
        reason: ReasonCode::TurnEnded,
        at,
    })
}

/// A turn that is over.
struct TurnOver<'a> {
    reported: &'a Reported,
    /// Since when nothing has changed.
    since: Moment,
    /// For how long nothing may change until the session has completed.
    grace: Period,
}

fn turn_over<'a>(subject: &Subject<'a>) -> Option<TurnOver<'a>> {
    let grace = subject.desired?.completion.turn_ended?;
    let content = subject.content().filter(|_| subject.is_ready())?;
    let (since, reported) = content.turn_ended()?;
    Some(TurnOver {
        reported,
        since,
        grace,
    })
}

/// What happens then: a task is expired, a service gets a fresh process.
fn end(subject: &Subject<'_>) -> (Verb, Kind) {
    if subject.desired.is_some_and(crate::model::Desired::is_task) {
        (Verb::Expire, Kind::Retire(Patience::None))
    } else {
        (Verb::Restart, Kind::Replace(Patience::None))
    }
}
