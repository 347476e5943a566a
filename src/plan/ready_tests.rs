use super::*;
use crate::model::{
    Generation, History, Incarnation, Label, Life, Memory, Observed, Orders, Origin, Ownership,
    PaneId, Period, ProcId, Readiness, ReadyProbe, ReadyQuestion, Seen, Server, ServerId,
    SessionId, SessionName, Town,
};
use crate::model::{SortedMap, SortedSet};
use crate::plan::plan;
use crate::sim::{Random, random_town, session};

const NOW: Moment = Moment {
    wall: 1_790_000_000_000,
    awake: 90_000_000,
    boot: 7,
};

fn name() -> SessionName {
    SessionName::new("db").unwrap()
}

fn town() -> Town {
    let mut town = random_town(SessionName::new("t").unwrap(), &mut Random::new(1));
    let mut db = session(name());
    db.ready = Some(ReadyProbe {
        question: ReadyQuestion::Port(8080),
        every: Period::from_secs(2),
    });
    town.sessions = [(name(), db)].into();
    town
}

fn observed(life: Life, age: Period) -> Observed {
    let label = Label {
        session: name(),
        started_as: None,
        generation: Generation(3),
        started: NOW.minus(age),
        pane: PaneId(1),
        fingerprint: Some(session(name()).fingerprint()),
        handoff: None,
        origin: Origin::Started,
        conversation: None,
    };
    let seen = Seen {
        id: SessionId(1),
        attached: 0,
        created: NOW.minus(age).wall,
        quiet: Period::ZERO,
        activity: NOW.wall / 1000,
        title: String::new(),
        screen: None,
        heard: None,
        reported: None,
        ownership: Ownership::Ours(label),
        pane: PaneId(1),
        life,
        usage: None,
        footprint: None,
        is_replaced: None,
        commands: None,
    };
    Observed::Up(Server {
        id: ServerId(ProcId { pid: 1, start: 1 }),
        version: "3.5a".to_owned(),
        sessions: [(name().to_string(), seen)].into(),
        moved: SortedMap::new(),
        own: None,
        ended: SortedMap::new(),
        unpiped: SortedSet::new(),
    })
}

fn alive() -> Life {
    Life::Alive {
        process: ProcId { pid: 2, start: 2 },
        matches: true,
        comm: "db".to_owned(),
    }
}

fn memory(run: Incarnation) -> Memory {
    let history = History {
        generation: Generation(3),
        run: Some(run),
        ..History::default()
    };
    Memory {
        sessions: [(name(), history)].into(),
        ..Memory::default()
    }
}

/// A run of this age that was asked so long ago, and what was shown.
fn run(age: Period, asked: Option<(Period, Option<&str>)>) -> Incarnation {
    Incarnation {
        readiness: asked.map(|(ago, fault)| Readiness {
            asked: NOW.minus(ago),
            fault: fault.map(str::to_owned),
        }),
        ..Incarnation::new(Generation(3), NOW.minus(age), None)
    }
}

/// When the session is asked next, from now, and when the plan wakes.
fn asked_in(
    memory: &Memory,
    observed: &Observed,
    orders: Orders,
) -> (Option<Period>, Option<Period>) {
    let town = town();
    let plan = plan(&Situation {
        town: &town,
        observed,
        memory,
        orders,
        now: NOW,
    });
    let next = plan.checks.first().map(|check| NOW.until(&check.at));
    (next, plan.wake.map(|at| NOW.until(&at)))
}

const MINUTE: Period = Period::from_mins(1);

#[test]
fn what_was_never_asked_is_asked_now_and_the_plan_wakes_for_the_next_question() {
    let seen = observed(alive(), MINUTE);
    let memory = memory(run(MINUTE, None));
    let two = Some(Period::from_secs(2));
    assert_eq!(
        asked_in(&memory, &seen, Orders::default()),
        (Some(Period::ZERO), two)
    );
}

#[test]
fn a_question_waits_until_it_is_due_and_none_follows_once_one_has_passed() {
    let seen = observed(alive(), MINUTE);
    let ago = |millis, fault| {
        let asked = Some((Period::from_millis(millis), fault));
        memory(run(MINUTE, asked))
    };
    let due = Some(Period::from_millis(1500));
    let failed = ago(500, Some("port 8080 refuses"));
    assert_eq!(asked_in(&failed, &seen, Orders::default()), (due, due));
    let late = ago(60_000, Some("port 8080 refuses"));
    assert_eq!(
        asked_in(&late, &seen, Orders::default()).0,
        Some(Period::ZERO)
    );
    let passed = ago(500, None);
    assert_eq!(asked_in(&passed, &seen, Orders::default()).0, None);
}

#[test]
fn what_was_ready_before_the_probe_was_declared_is_not_asked() {
    let run = Incarnation {
        ready: Some(NOW.minus(MINUTE)),
        ..run(MINUTE, None)
    };
    let seen = observed(alive(), MINUTE);
    assert_eq!(asked_in(&memory(run), &seen, Orders::default()).0, None);
}

#[test]
fn who_has_ended_or_is_another_run_is_not_asked() {
    let dead = Life::Dead {
        death: crate::model::Death::Exit(1),
        process: None,
        at: None,
        tail: vec![],
    };
    let fresh = || memory(run(MINUTE, None));
    for life in [dead, Life::Unknown("gone while looking".to_owned())] {
        let seen = observed(life, MINUTE);
        assert_eq!(asked_in(&fresh(), &seen, Orders::default()).0, None);
    }
    assert_eq!(
        asked_in(&fresh(), &Observed::Down, Orders::default()).0,
        None
    );
    let other = Incarnation::new(Generation(2), NOW.minus(MINUTE), None);
    let seen = observed(alive(), MINUTE);
    assert_eq!(asked_in(&memory(other), &seen, Orders::default()).0, None);
}

#[test]
fn while_nothing_is_done_nothing_is_asked() {
    let seen = observed(alive(), MINUTE);
    let paused = Memory {
        paused: true,
        ..memory(run(MINUTE, None))
    };
    assert_eq!(asked_in(&paused, &seen, Orders::default()).0, None);
    let failing = Orders {
        durability: Durability::Failing,
        ..Orders::default()
    };
    assert_eq!(asked_in(&memory(run(MINUTE, None)), &seen, failing).0, None);
}
