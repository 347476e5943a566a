//! Timed work: which chores are due, which wait, and until when.

use super::Situation;
use super::gastown::hold_for_timed_work;
use crate::model::{
    Chore, ChoreHistory, ChoreKind, ChoreTime, ChoreTimes, Desired, Durability, Hold, Moment,
    Period, Phase, Plan, SessionName, Timed, Timetable,
};

/// How soon to look again for a time that no calendar has.
const NEVER_SEEN: Period = Period::from_hours(24);

/// Every chore of the town with its time. `plan` is the plan for the sessions.
pub(super) fn timetable(situation: &Situation<'_>, plan: &Plan) -> Vec<Timed> {
    let when = |chore| Timed {
        chore: Chore::clone(chore).name,
        when: time(situation, plan, chore),
    };
    situation.town.chores.iter().map(when).collect()
}

/// The next moment at which a chore becomes due.
pub(super) fn wake(chores: &[Timed], now: Moment) -> Option<Moment> {
    let coming = |timed: &Timed| match timed.when {
        ChoreTime::At(at) => Some(at),
        ChoreTime::Now | ChoreTime::Skip(_) | ChoreTime::Running { .. } | ChoreTime::Held(_) => {
            None
        }
    };
    chores
        .iter()
        .filter_map(coming)
        .min_by_key(|at| now.until(at))
}

/// The phase of a session in a plan. None when the session is not in it.
pub(super) fn phase_in(plan: &Plan, session: &SessionName) -> Option<Phase> {
    let steps = plan.steps.iter().map(|step| (&step.session, step.phase));
    let held = plan.held.iter().map(|held| (&held.session, held.phase));
    let unchanged = plan
        .unchanged
        .iter()
        .map(|calm| (&calm.session, calm.phase));
    steps
        .chain(held)
        .chain(unchanged)
        .find(|(name, _)| *name == session)
        .map(|(_, phase)| phase)
}

/// Whether a chore is due, and if not, when. One run makes up for all missed ones.
pub(super) fn due(chore: &Chore, history: &ChoreHistory, now: Moment) -> Option<Moment> {
    // Over a reboot only what still lacks is sure: the moments of two boots cannot be compared.
    let left = match &chore.times {
        ChoreTimes::Every(every) => every.minus(now.since(&history.started)),
        ChoreTimes::At(timetable) => left_until(timetable, history.started, now),
    };
    let left = history
        .not_before
        .map_or(left, |at| left.max(now.until(&at)));
    (!history.asked && !left.is_zero()).then(|| now.plus(left))
}

/// When a chore has its first run. None for now.
fn first_time(situation: &Situation<'_>, chore: &Chore) -> Option<Moment> {
    let now = situation.now;
    let left = match &chore.times {
        ChoreTimes::Every(_) => return None,
        ChoreTimes::At(timetable) => {
            let since = situation.memory.chores_since.get(&chore.name);
            left_until(timetable, since.copied().unwrap_or(now), now)
        }
    };
    (!left.is_zero()).then(|| now.plus(left))
}

/// How long it is until the first of these times after `since`. Zero if that has passed.
fn left_until(timetable: &Timetable, since: Moment, now: Moment) -> Period {
    let Some(next) = timetable.after(since.wall) else {
        return NEVER_SEEN;
    };
    Period::from_millis(u64::try_from(next.saturating_sub(now.wall)).unwrap_or(0))
}

fn time(situation: &Situation<'_>, plan: &Plan, chore: &Chore) -> ChoreTime {
    let history = situation.memory.chores.get(&chore.name);
    if let Some(history) = history.filter(|history| history.ended.is_none()) {
        return ChoreTime::Running {
            since: history.started,
        };
    }
    let next = match history {
        Some(history) => due(chore, history, situation.now),
        None => first_time(situation, chore),
    };
    if let Some(at) = next {
        return ChoreTime::At(at);
    }
    if situation.memory.paused {
        return ChoreTime::Held(Hold::Paused);
    }
    if let Some(hold) = hold_for_timed_work(situation, into(situation, chore)) {
        return ChoreTime::Held(hold);
    }
    if situation.orders.durability == Durability::Failing {
        return ChoreTime::Held(Hold::NotDurable);
    }
    match &chore.kind {
        ChoreKind::Nudge { session, .. } => nudge(plan, session),
        ChoreKind::Upstream { .. } | ChoreKind::Analysis { .. } | ChoreKind::Command { .. } => {
            ChoreTime::Now
        }
    }
}

/// The session that it types into.
fn into<'a>(situation: &Situation<'a>, chore: &Chore) -> Option<&'a Desired> {
    match &chore.kind {
        ChoreKind::Nudge { session, .. } => situation.town.sessions.get(session),
        ChoreKind::Upstream { .. } | ChoreKind::Analysis { .. } | ChoreKind::Command { .. } => None,
    }
}

/// A text is only typed where somebody can read it: whether the prompt is free is seen when it is
/// typed.
fn nudge(plan: &Plan, session: &SessionName) -> ChoreTime {
    match phase_in(plan, session) {
        Some(Phase::Working | Phase::Background | Phase::Idle) => ChoreTime::Now,
        Some(Phase::Unknown) => ChoreTime::Held(Hold::SecondLook),
        Some(Phase::Blocked(block)) => {
            ChoreTime::Skip(format!("{session} is blocked: {}", block.code()))
        }
        Some(Phase::Dead(death)) => ChoreTime::Skip(format!("{session} is dead: {death}")),
        Some(
            phase @ (Phase::Absent
            | Phase::Starting
            | Phase::Waiting(_)
            | Phase::Completed(_)
            | Phase::Stopping
            | Phase::Stopped
            | Phase::Foreign),
        ) => ChoreTime::Skip(format!("{session} is {}", phase.word())),
        None => ChoreTime::Skip(format!("{session} is not declared")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChoreEnd, ChoreResult, Memory, Observed, Orders, Zone};
    use crate::sim::{Random, random_town};

    const NOW: Moment = Moment {
        wall: 1_700_000_000_000,
        awake: 50_000_000,
        boot: 1,
    };

    fn chore() -> Chore {
        Chore {
            name: "c".into(),
            kind: ChoreKind::Command {
                command: vec!["true".into()],
            },
            times: ChoreTimes::Every(Period::from_mins(10)),
            timeout: Period::from_mins(5),
            keep: 50,
            dir: "/".into(),
        }
    }

    fn begun(started: Moment) -> ChoreHistory {
        let ended = Some(ChoreEnd {
            at: started,
            result: ChoreResult::Done,
            said: String::new(),
        });
        ChoreHistory {
            started,
            ended,
            not_before: None,
            asked: false,
            proposals: vec![],
        }
    }

    #[test]
    fn it_is_due_every_so_often_and_missed_runs_are_one() {
        let ago = |mins| begun(NOW.minus(Period::from_mins(mins)));
        assert_eq!(
            due(&chore(), &ago(4), NOW),
            Some(NOW.plus(Period::from_mins(6)))
        );
        assert_eq!(due(&chore(), &ago(10), NOW), None);
        assert_eq!(due(&chore(), &ago(95), NOW), None);
        // The run that makes up for nine is like any other: the next is a whole period away.
        assert_eq!(
            due(&chore(), &begun(NOW), NOW),
            Some(NOW.plus(Period::from_mins(10)))
        );
    }

    /// A chore at every full hour. `NOW` is 22:13:20 in UTC.
    fn hourly() -> Chore {
        let timetable = Timetable {
            times: "0 * * * *".parse().unwrap(),
            zone: Zone::default(),
        };
        Chore {
            times: ChoreTimes::At(Box::new(timetable)),
            ..chore()
        }
    }

    #[test]
    fn set_times_that_were_missed_are_made_up_for_once() {
        let ago = |mins| begun(NOW.minus(Period::from_mins(mins)));
        let next = NOW.plus(Period::from_millis(2_800_000));
        assert_eq!(due(&hourly(), &ago(10), NOW), Some(next));
        // The run at 22:00 is missing, and after it all of a night.
        assert_eq!(due(&hourly(), &ago(20), NOW), None);
        assert_eq!(due(&hourly(), &ago(600), NOW), None);
        assert_eq!(due(&hourly(), &begun(NOW), NOW), Some(next));
        let asked = ChoreHistory {
            asked: true,
            ..ago(10)
        };
        assert_eq!(due(&hourly(), &asked, NOW), None);
    }

    #[test]
    fn the_first_run_is_at_the_first_set_time_and_not_at_once() {
        let mut town = random_town(SessionName::new("t").unwrap(), &mut Random::new(1));
        town.chores = vec![hourly()];
        let when = |since: Option<Moment>, now: Moment| {
            let memory = Memory {
                chores_since: since.map(|at| ("c".to_owned(), at)).into_iter().collect(),
                ..Memory::default()
            };
            let situation = Situation {
                town: &town,
                observed: &Observed::Down,
                memory: &memory,
                orders: Orders::default(),
                now,
            };
            timetable(&situation, &Plan::default()).remove(0).when
        };
        let next = NOW.plus(Period::from_millis(2_800_000));
        assert_eq!(when(None, NOW), ChoreTime::At(next));
        let before = NOW.plus(Period::from_millis(2_799_999));
        assert_eq!(when(Some(NOW), before), ChoreTime::At(next));
        assert_eq!(when(Some(NOW), next), ChoreTime::Now);
    }

    #[test]
    fn a_clock_step_changes_nothing_and_a_reboot_is_bridged_by_the_wall_clock() {
        let started = Moment {
            wall: NOW.wall + 86_400_000,
            ..NOW.minus(Period::from_mins(4))
        };
        assert_eq!(
            due(&chore(), &begun(started), NOW),
            Some(NOW.plus(Period::from_mins(6)))
        );
        let before = Moment {
            wall: NOW.wall - 240_000,
            awake: 1,
            boot: 2,
        };
        assert_eq!(
            due(&chore(), &begun(before), NOW),
            Some(NOW.plus(Period::from_mins(6)))
        );
    }

    #[test]
    fn who_asks_for_patience_gets_it_and_who_asks_for_a_run_too() {
        let later = NOW.plus(Period::from_hours(1));
        let limited = ChoreHistory {
            not_before: Some(later),
            ..begun(NOW.minus(Period::from_mins(30)))
        };
        assert_eq!(due(&chore(), &limited, NOW), Some(later));
        assert_eq!(
            due(
                &chore(),
                &ChoreHistory {
                    asked: true,
                    ..limited
                },
                NOW
            ),
            None
        );
    }

    #[test]
    fn the_wake_is_the_earliest() {
        let at = |mins| Timed {
            chore: "c".into(),
            when: ChoreTime::At(NOW.plus(Period::from_mins(mins))),
        };
        assert_eq!(
            wake(
                &[
                    at(5),
                    at(3),
                    Timed {
                        when: ChoreTime::Now,
                        ..at(1)
                    }
                ],
                NOW
            ),
            Some(NOW.plus(Period::from_mins(3)))
        );
        assert_eq!(wake(&[], NOW), None);
    }
}
