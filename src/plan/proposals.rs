//! The proposals of an analysis, judged by the same holds as the planner's own steps.
//!
//! A command's answer is not trusted. It may name a declared session and one of three verbs; the
//! planner decides everything else. An analysis that believes a pane with "restart all" can restart
//! at most a tenth of the town.

use super::Situation;
use super::chores::{due, phase_in};
use super::gastown::hold_for_timed_work;
use crate::model::SortedSet;
use crate::model::{
    Accept, Advice, Block, ChoreHistory, ChoreKind, Hold, Judged, Observed, Phase, Plan, Proposal,
    ProposalStanding, Refusal, Seen, SessionName, WhenAttached,
};

/// Every open proposal, judged now.
pub(super) fn judge(situation: &Situation<'_>, plan: &Plan) -> Vec<Judged> {
    let mut judged = Vec::new();
    for chore in &situation.town.chores {
        let ChoreKind::Analysis {
            propose: Some(accept),
            ..
        } = chore.kind
        else {
            continue;
        };
        let Some(history) = situation.memory.chores.get(&chore.name) else {
            continue;
        };
        let has_ended = history.ended.is_some() && due(chore, history, situation.now).is_some();
        if has_ended {
            judged.extend(of_run(situation, plan, &chore.name, history, accept));
        }
    }
    judged
}

/// The proposals of one run, in their order. The first ones within the budget get their restart.
fn of_run(
    situation: &Situation<'_>,
    plan: &Plan,
    chore: &str,
    history: &ChoreHistory,
    accept: Accept,
) -> Vec<Judged> {
    let allowed = u32::try_from(situation.town.sessions.len() / 10)
        .unwrap_or(u32::MAX)
        .max(1);
    let mut restarts = 0_u32;
    let mut named: SortedSet<&str> = SortedSet::new();
    let mut judged = Vec::new();
    for (nth, proposal) in history.proposals.iter().take(Proposal::MAX).enumerate() {
        let is_first = named.insert(&proposal.session);
        let is_restart = proposal.advice == Advice::Restart;
        let standing = if proposal.taken {
            ProposalStanding::Taken
        } else {
            match allowed_for(situation, plan, proposal) {
                Err(refusal) => ProposalStanding::Refused(refusal),
                Ok(_) if !is_first => ProposalStanding::Refused(Refusal::Needless),
                Ok(_) if is_restart && restarts >= allowed => {
                    ProposalStanding::Refused(Refusal::TooMany { allowed })
                }
                Ok(session) => match accept {
                    Accept::Ask => ProposalStanding::Asks(session),
                    Accept::Auto => ProposalStanding::Accepted(session),
                },
            }
        };
        if is_restart && !matches!(standing, ProposalStanding::Refused(_)) {
            restarts = restarts.saturating_add(1);
        }
        judged.push(Judged {
            chore: chore.to_owned(),
            nth,
            proposal: proposal.clone(),
            standing,
        });
    }
    judged
}

/// The session of the proposal, if the proposal is allowed for it.
fn allowed_for(
    situation: &Situation<'_>,
    plan: &Plan,
    proposal: &Proposal,
) -> Result<SessionName, Refusal> {
    let known = situation
        .town
        .sessions
        .get_key_value(proposal.session.as_str());
    let Some((session, desired)) = known else {
        return Err(Refusal::UnknownSession);
    };
    if situation.memory.paused {
        return Err(Refusal::Held(Hold::Paused));
    }
    if let Some(hold) = hold_for_timed_work(situation, Some(desired)) {
        return Err(Refusal::Held(hold));
    }
    let phase = phase_in(plan, session).unwrap_or(Phase::Unknown);
    if plan.steps.iter().any(|step| step.session == *session) {
        return Err(Refusal::Needless);
    }
    let held = plan
        .held
        .iter()
        .find(|held| held.session == *session)
        .map(|held| &held.hold);
    match &proposal.advice {
        Advice::Restart => {
            held.map_or(Ok(()), |hold| Err(Refusal::Held(hold.clone())))?;
            hold_restart(situation, session).map_or(Ok(()), |hold| Err(Refusal::Held(hold)))?;
            if may_restart(phase) {
                Ok(session.clone())
            } else {
                Err(Refusal::Phase(phase))
            }
        }
        Advice::Reset => match held {
            Some(Hold::BackOff { .. } | Hold::CrashLoop { .. }) => Ok(session.clone()),
            Some(other) => Err(Refusal::Held(other.clone())),
            None => Err(Refusal::Needless),
        },
        Advice::Nudge(_) => match phase {
            Phase::Working | Phase::Background | Phase::Idle => Ok(session.clone()),
            other => Err(Refusal::Phase(other)),
        },
    }
}

/// Only our living sessions are restarted on advice. Dead sessions are the planner's own task.
fn may_restart(phase: Phase) -> bool {
    match phase {
        Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Waiting(_)
        | Phase::Blocked(Block::Context) => true,
        Phase::Absent
        | Phase::Starting
        | Phase::Blocked(Block::Auth | Block::Limit)
        | Phase::Completed(_)
        | Phase::Dead(_)
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => false,
    }
}

/// What would hold a planned restart of a session, the handoff gap included.
fn hold_restart(situation: &Situation<'_>, session: &SessionName) -> Option<Hold> {
    let memory = situation.memory;
    let desired = situation.town.sessions.get(session)?;
    let seen = seen(situation, session);
    let clients = seen.map_or(0, |seen| seen.attached);
    if own_session(situation) == seen.map(|seen| seen.id) && seen.is_some() {
        return Some(Hold::OwnSession);
    }
    if clients > 0 && desired.when_attached == WhenAttached::Hold {
        return Some(Hold::Attached { clients });
    }
    if memory.settling > 0 {
        return Some(Hold::ClockJump {
            cycles: memory.settling,
        });
    }
    let last = memory
        .sessions
        .get(session)
        .and_then(|history| history.handoff)?;
    let (since, gap) = (situation.now.since(&last), desired.handoff_gap);
    (since < gap).then_some(Hold::HandoffGap { since, gap })
}

fn seen<'a>(situation: &Situation<'a>, session: &SessionName) -> Option<&'a Seen> {
    let Observed::Up(server) = situation.observed else {
        return None;
    };
    server.sessions.get(session.as_str())
}

fn own_session(situation: &Situation<'_>) -> Option<crate::model::SessionId> {
    let Observed::Up(server) = situation.observed else {
        return None;
    };
    server.own
}
