//! What others keep of a cycle's memory: the planned restarts, and what early ends have saved.

use crate::model::{
    Action, Done, Effect, Memory, Moment, Outcome, Period, Plan, ReasonCode, RecordedReason,
    SessionName, Verb,
};

/// How old a finished or idle session grew before anything ended it: the timeout of the loop that
/// gtctl replaces.
const FORMER_TIMEOUT: Period = Period::from_hours(24);

/// For how long the sessions that these outcomes have removed would else have stood idle, together:
/// each until it would have been 24 hours old. Only what ended for being done, quiet or old counts,
/// not what somebody asked for.
#[must_use]
pub fn idle_saved(memory: &Memory, plan: &Plan, outcomes: &[Done], now: Moment) -> Period {
    let is_own = |session: &SessionName| {
        let step = plan.steps.iter().find(|step| step.session == *session);
        step.is_some_and(|step| {
            matches!(step.action, Action::Expire { .. }) && is_own_end(&step.reason.cause())
        })
    };
    let removed = outcomes.iter().filter(|done| {
        done.verb == Verb::Expire
            && done.outcome == Outcome::Done(Effect::Removed)
            && is_own(&done.session)
    });
    let left = removed.filter_map(|done| {
        let run = memory.sessions.get(&done.session)?.run.as_ref()?;
        Some(spared(&run.started, now).millis())
    });
    Period::from_millis(left.fold(0, u64::saturating_add))
}

/// The planned restarts that are remembered in `after` and were not in `before`, for those who keep
/// them elsewhere.
#[must_use]
pub fn handoffs(before: &Memory, after: &Memory) -> Vec<(SessionName, Moment)> {
    let known = |name: &SessionName| before.sessions.get(name).and_then(|h| h.handoff);
    let told = after
        .sessions
        .iter()
        .filter_map(|(name, h)| h.handoff.map(|at| (name, at)));
    told.filter(|(name, at)| known(name) != Some(*at))
        .map(|(name, at)| (name.clone(), at))
        .collect()
}

/// How much younger than that what began then is now.
pub(super) fn spared(started: &Moment, now: Moment) -> Period {
    FORMER_TIMEOUT.minus(now.since(started))
}

/// Whether a session that ended for this ended by what it was itself: done, quiet for too long, or
/// too old.
pub(super) fn is_own_end(reason: &RecordedReason) -> bool {
    [
        ReasonCode::Completed,
        ReasonCode::Marked,
        ReasonCode::TurnEnded,
        ReasonCode::TooQuiet,
        ReasonCode::TooOld,
    ]
    .iter()
    .any(|code| reason.is(*code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Generation, History, Incarnation, Launch, PaneId, Phase, ProcId, Reason, Rung, ServerId,
        SessionId, Step, Target, WhenAttached,
    };
    use std::sync::Arc;

    const NOW: Moment = Moment {
        wall: 1_763_700_000_000,
        awake: 900_000_000,
        boot: 1,
    };

    fn saved(age: Period, reason: Reason, outcome: Outcome) -> Period {
        let session = SessionName::new("a").unwrap();
        let target = Target {
            server: ServerId(ProcId { pid: 1, start: 1 }),
            session: SessionId(1),
            pane: PaneId(1),
            generation: Some(Generation(1)),
            whose: None,
            process: None,
            attached: WhenAttached::Hold,
        };
        let action = Action::Expire {
            target,
            rung: Rung::Finish,
            agent: Arc::default(),
            launch: Launch::Tmux,
        };
        let step = Step {
            session: session.clone(),
            action,
            reason,
            phase: Phase::Idle,
        };
        let plan = Plan {
            steps: vec![step],
            ..Plan::default()
        };
        let run = Incarnation::new(Generation(1), NOW.minus(age), None);
        let mut memory = Memory::default();
        memory.sessions.insert(
            session.clone(),
            History {
                run: Some(run),
                ..History::default()
            },
        );
        idle_saved(
            &memory,
            &plan,
            &[Done {
                session,
                verb: Verb::Expire,
                outcome,
            }],
            NOW,
        )
    }

    #[test]
    fn what_is_removed_early_is_counted_up_to_a_day() {
        let quiet = || Reason::TooQuiet {
            quiet: Period::from_mins(31),
            limit: Period::from_mins(30),
        };
        let begun = |purpose: &str| Reason::StopBegun {
            waited: Period::ZERO,
            purpose: purpose.into(),
        };
        let removed = || Outcome::Done(Effect::Removed);
        assert_eq!(
            saved(Period::from_hours(1), quiet(), removed()),
            Period::from_hours(23)
        );
        assert_eq!(
            saved(Period::from_hours(1), begun("marked"), removed()),
            Period::from_hours(23)
        );
        assert_eq!(
            saved(Period::from_hours(30), quiet(), removed()),
            Period::ZERO
        );
        assert_eq!(
            saved(Period::from_hours(1), Reason::Asked, removed()),
            Period::ZERO
        );
        assert_eq!(
            saved(Period::from_hours(1), begun("asked"), removed()),
            Period::ZERO
        );
        assert_eq!(
            saved(
                Period::from_hours(1),
                quiet(),
                Outcome::Stale("gone".into())
            ),
            Period::ZERO
        );
    }

    #[test]
    fn only_new_handoffs_are_told() {
        let at = |awake| {
            Some(Moment {
                wall: 5,
                awake,
                boot: 1,
            })
        };
        let knowing = |handoff| {
            let mut memory = Memory::default();
            let name = SessionName::new("a").unwrap();
            memory.sessions.entry(name).or_default().handoff = handoff;
            memory
        };
        assert_eq!(handoffs(&knowing(at(1)), &knowing(at(2))).len(), 1);
        assert_eq!(handoffs(&Memory::default(), &knowing(at(2))).len(), 1);
        assert!(handoffs(&knowing(at(2)), &knowing(at(2))).is_empty());
        assert!(handoffs(&knowing(at(2)), &knowing(None)).is_empty());
    }
}
