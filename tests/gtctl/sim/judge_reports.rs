//! Judges steps that a report may have caused, by what is true in the world: nothing is ended
//! because of a report that is forged or stale, and background work is not taken for rest.

use super::judge::{begins_kill, brief, ensure};
use super::ledger::Breach;
use gtctl::model::{Action, Activity, Reason, ScreenState, SessionId, Step};
use gtctl::sim::{Session, World};

/// Judges one step of a plan that was made from a look at the world as it is now.
pub(super) fn judge_reports(world: &World, step: &Step) -> Result<(), Breach> {
    let Some(session) = target(step).and_then(|id| session(world, id)) else {
        return Ok(());
    };
    let is_ended = begins_kill(step);
    let truth = session.truth();
    match step.reason {
        Reason::TurnEnded { .. } if is_ended => {
            ensure(
                truth.turns_ended > 0,
                "S38 forged end of a turn",
                &brief(step),
            )?;
            judge_rest(session, step)
        }
        Reason::SignedIn { .. } if is_ended => {
            ensure(truth.was_signed_out, "S38 forged sign-out", &brief(step))
        }
        Reason::TooQuiet { .. } => judge_rest(session, step),
        Reason::Stuck { .. }
        | Reason::TooLarge { .. }
        | Reason::TooManyTokens { .. }
        | Reason::ContextNearFull { .. }
        | Reason::TooOld { .. }
        | Reason::Drifted { .. }
        | Reason::Marked { .. }
        | Reason::Upgraded { .. }
        | Reason::TurnEnded { .. }
        | Reason::Missing { .. }
        | Reason::Died { .. }
        | Reason::FailedStart { .. }
        | Reason::SignedIn { .. }
        | Reason::LimitOver { .. }
        | Reason::AnswerDeclared { .. }
        | Reason::Completed { .. }
        | Reason::MarkedFailed { .. }
        | Reason::Blocked { .. }
        | Reason::Adoptable { .. }
        | Reason::Covered { .. }
        | Reason::Uncovered
        | Reason::Orphaned
        | Reason::Disabled
        | Reason::OffSchedule { .. }
        | Reason::NameChanged { .. }
        | Reason::LeavesHost { .. }
        | Reason::DeclaredElsewhere { .. }
        | Reason::Asked
        | Reason::UnderWay { .. }
        | Reason::NotStarted { .. }
        | Reason::StopBegun { .. } => Ok(()),
    }
}

/// What counts as idle shows no work, and its client has not told of work behind its prompt.
fn judge_rest(session: &Session, step: &Step) -> Result<(), Breach> {
    let shows_work = session.screen.state.is_at_work();
    ensure(!shows_work, "S38 stale report", &brief(step))?;
    let is_behind = session.screen.state == ScreenState::Ready
        && session.genuine_word() == Some(Activity::Background);
    ensure(!is_behind, "S38 background work", &brief(step))
}

fn target(step: &Step) -> Option<SessionId> {
    match &step.action {
        Action::Restart { target, .. } | Action::Expire { target, .. } => Some(target.session),
        Action::Nudge(typing) => Some(typing.target.session),
        Action::Start { .. }
        | Action::Adopt { .. }
        | Action::Rename { .. }
        | Action::SendEscape { .. }
        | Action::Answer(_) => None,
    }
}

fn session(world: &World, id: SessionId) -> Option<&Session> {
    world.server.as_ref()?.sessions.get(&id)
}
