//! Rule 10: it shows that it works, but nothing on its screen moves and nothing works behind it.
//!
//! An Escape often frees a request that hangs, and costs less than a fresh process. So it comes
//! first, once for as long as the screen shows that the agent works.

use super::screens::is_resting;
use super::subject::Subject;
use super::verdict::{Kind, Patience, Verdict, Want};
use crate::model::{Content, Hold, Moment, Period, Reason, Verb};

/// How long its screen may take to change after the Escape.
const ROUSE_WAIT: Period = Period::from_secs(30);

/// Escape, time to move, then a fresh process.
pub(super) fn stuck(subject: &Subject<'_>) -> Option<Verdict> {
    let content = subject
        .content()
        .filter(|content| content.state.is_at_work() && subject.is_ready())?;
    let limit = subject.desired?.idling.stuck_after?;
    let frozen = subject.now().since(&content.since);
    if frozen < limit || !is_resting(content) {
        return None;
    }
    let want = |verb, kind| Want {
        verb,
        reason: Reason::Stuck { frozen, limit },
        kind,
        phase: subject.living_phase(),
    };
    let restart = || want(Verb::Restart, Kind::Replace(Patience::None));
    Some(match escape_sent(subject, content) {
        None if may_be_roused(subject) => Verdict::Want(want(Verb::SendEscape, Kind::SendEscape)),
        Some(sent) if !subject.now().reached(&sent.plus(ROUSE_WAIT)) => {
            let waited = subject.now().since(&sent);
            Verdict::Hold(
                restart(),
                Hold::EscapeSent { waited },
                Some(sent.plus(ROUSE_WAIT)),
            )
        }
        None | Some(_) => Verdict::Want(restart()),
    })
}

/// Whether an Escape comes first once it is found stuck.
pub(super) fn would_be_roused(subject: &Subject<'_>) -> bool {
    subject
        .content()
        .is_some_and(|content| escape_sent(subject, content).is_none())
        && may_be_roused(subject)
}

/// When the Escape of this period of work was sent. One of an earlier period does not count: a
/// session that gets stuck again gets another Escape.
fn escape_sent(subject: &Subject<'_>, content: &Content) -> Option<Moment> {
    let sent = subject.observed_run()?.escape_sent?;
    is_since(&sent, &content.state_since).then_some(sent)
}

fn is_since(at: &Moment, since: &Moment) -> bool {
    Moment::later_of(*at, *since) == *at
}

/// No Escape is sent while somebody is attached. Where that does not hold a restart, the restart is
/// done at once.
fn may_be_roused(subject: &Subject<'_>) -> bool {
    let attached = subject.seen.is_some_and(|seen| seen.attached > 0);
    !attached || subject.when_attached() == crate::model::WhenAttached::Hold
}
