//! Two rules beside rule 11: it has used as many tokens as it may, or its context is nearly full.
//!
//! Only a look or a hook tells what an agent has used. So no time makes these rules speak, and they
//! need no wake.

use super::subject::Subject;
use super::verdict::{Kind, Patience, Verdict, Want};
use crate::model::{Desired, Incarnation, Reason, TokenLimits, Verb};

/// This run has used as many tokens as it may. A service is restarted as one that is too old, a
/// task is expired.
pub(super) fn too_many_tokens(subject: &Subject<'_>) -> Option<Verdict> {
    let (limits, run) = limited(subject)?;
    let (used, limit) = limits.reached_tokens(run)?;
    Some(wanted(subject, Reason::TooManyTokens { used, limit }))
}

/// So much of its context is in use that it is to hand off its work before the rest is full.
pub(super) fn context_near_full(subject: &Subject<'_>) -> Option<Verdict> {
    let (limits, run) = limited(subject)?;
    let (used, limit) = limits.reached_context(run)?;
    Some(wanted(subject, Reason::ContextNearFull { used, limit }))
}

/// Whether its last run has reached a limit on tokens. To resume its conversation would bring that
/// back.
pub(super) fn is_at_limit(subject: &Subject<'_>) -> bool {
    let limits = subject.desired.map(|desired| desired.tokens);
    let run = subject.history.and_then(|history| history.run.as_ref());
    limits.zip(run).is_some_and(|(limits, run)| {
        limits.reached_tokens(run).is_some() || limits.reached_context(run).is_some()
    })
}

fn limited<'a>(subject: &Subject<'a>) -> Option<(TokenLimits, &'a Incarnation)> {
    let run = subject.observed_run().filter(|_| subject.is_alive())?;
    Some((subject.desired?.tokens, run))
}

fn wanted(subject: &Subject<'_>, reason: Reason) -> Verdict {
    let (verb, kind) = if subject.desired.is_some_and(Desired::is_task) {
        (Verb::Expire, Kind::Retire(Patience::Drain))
    } else {
        (Verb::Restart, Kind::Replace(Patience::Drain))
    };
    Verdict::Want(Want {
        verb,
        reason,
        kind,
        phase: subject.living_phase(),
    })
}
