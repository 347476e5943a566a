//! The rules for an agent whose pane was moved into another session.

use super::ended::create;
use super::subject::Subject;
use super::verdict::{Kind, Verdict, Want};
use crate::model::{Hold, Life, MovedOut, Phase, Reason, Verb};

/// Its pane stands in another session now, and lives.
///
/// What its own session still holds is not its agent. Nothing is done to either session until the
/// pane is moved back, or its process ends.
pub(super) fn displaced(subject: &Subject<'_>) -> Option<Verdict> {
    let Life::Unknown(_) = subject.seen?.life else {
        return None;
    };
    let want = if subject.is_stopped() {
        Want {
            verb: Verb::Expire,
            reason: Reason::Asked,
            kind: Kind::Remove,
            phase: Phase::Unknown,
        }
    } else {
        create(subject, Phase::Unknown)
    };
    Some(Verdict::Hold(want, hold_moved_out(subject)?, None))
}

/// Its session is gone, and its agent lives on in another session. A fresh process would be a second
/// agent.
pub(super) fn moved_out(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.seen.is_some() {
        return None;
    }
    Some(Verdict::Hold(
        create(subject, Phase::Absent),
        hold_moved_out(subject)?,
        None,
    ))
}

fn hold_moved_out(subject: &Subject<'_>) -> Option<Hold> {
    let MovedOut { process, session } = subject.server?.moved.get(subject.name)?;
    Some(Hold::MovedOut {
        pid: process.pid,
        into: session.clone(),
    })
}
