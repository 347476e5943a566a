use super::super::cycle::tests::{NOW, happened};
use super::super::of_cycle;
use super::*;
use crate::model::{
    Asks, Done, Label, Memory, Origin, PaneId, Period, Plan, ProcId, ServerId, SessionId,
    Unchanged, Verb,
};

const SERVER: ServerId = ServerId(ProcId { pid: 100, start: 1 });

fn name() -> SessionName {
    SessionName::new("a").unwrap()
}

/// The session, with this process or none.
fn seen_with(generation: u64, process: Option<u32>) -> Observed {
    let label = Label {
        session: name(),
        started_as: None,
        generation: Generation(generation),
        started: NOW,
        pane: PaneId(1),
        fingerprint: None,
        handoff: None,
        origin: Origin::Started,
        conversation: None,
    };
    let life = match process {
        Some(pid) => Life::Alive {
            process: ProcId { pid, start: 1 },
            matches: true,
            comm: "claude".into(),
        },
        None => Life::Dead {
            death: Death::Signal(9),
            process: None,
            at: Some(NOW.wall - 400),
            tail: vec![],
        },
    };
    let seen = Seen {
        id: SessionId(1),
        attached: 0,
        created: 0,
        quiet: Period::ZERO,
        activity: 0,
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
        id: SERVER,
        version: "3.3a".into(),
        sessions: [("a".to_owned(), seen)].into(),
        moved: SortedMap::new(),
        own: None,
        ended: SortedMap::new(),
        unpiped: crate::model::SortedSet::new(),
    })
}

fn plan(phase: Phase) -> Plan {
    let same = Unchanged {
        session: name(),
        phase,
        note: None,
        next: None,
    };
    Plan {
        unchanged: vec![same],
        ..Plan::default()
    }
}

fn take_in(book: &mut PhaseBook, observed: &Observed, plan: &Plan) -> Vec<PhaseChange> {
    let memory = Memory::default();
    book.take_in(&happened(observed, plan, &memory), &[], |_| false)
}

fn started(generation: u64) -> Vec<TownEvent> {
    let process = Some(ProcId { pid: 9, start: 9 });
    let effect = Effect::Started {
        generation: Generation(generation),
        process,
    };
    let done = Done {
        session: name(),
        verb: Verb::Restart,
        outcome: Outcome::Done(effect),
    };
    let (plan, memory) = (Plan::default(), Memory::default());
    let mut cycle = happened(&Observed::Down, &plan, &memory);
    let outcomes = [done];
    cycle.outcomes = &outcomes;
    let mut events = of_cycle(&cycle);
    events[0].reason = Some(crate::model::Reason::Died {
        death: Death::Signal(9),
        crashes: 2,
    });
    events
}

#[test]
fn a_killed_agent_is_dead_and_then_works_in_another_run_for_that() {
    let mut book = PhaseBook::default();
    let first = take_in(&mut book, &seen_with(3, Some(70)), &plan(Phase::Working));
    assert_eq!(
        (first[0].phase, first[0].pid),
        (PhaseKind::Working, Some(70))
    );
    assert!(take_in(&mut book, &seen_with(3, Some(70)), &plan(Phase::Working)).is_empty());
    let dead = take_in(
        &mut book,
        &seen_with(3, None),
        &plan(Phase::Dead(Death::Signal(9))),
    );
    let expected = PhaseChange {
        session: name(),
        phase: PhaseKind::Dead,
        since: NOW.wall,
        cause: None,
        generation: Some(Generation(3)),
        pid: Some(70),
        death: Some(Death::Signal(9)),
        source: None,
    };
    assert_eq!(dead, [expected], "not before the phase that came before");
    let memory = Memory::default();
    let nothing = Plan::default();
    let cycle = happened(&Observed::Down, &nothing, &memory);
    assert!(
        book.take_in(&cycle, &started(4), |_| true).is_empty(),
        "it is only left out"
    );
    let fresh = take_in(&mut book, &seen_with(4, Some(71)), &plan(Phase::Starting));
    assert_eq!(fresh[0].cause.as_deref(), Some("died"));
    assert_eq!(
        (fresh[0].generation, fresh[0].pid),
        (Some(Generation(4)), Some(71))
    );
    let works = take_in(&mut book, &seen_with(4, Some(71)), &plan(Phase::Working));
    assert_eq!(
        (works[0].phase, &works[0].cause),
        (PhaseKind::Working, &None)
    );
}

#[test]
fn what_a_session_waits_for_is_its_cause_and_a_look_without_answer_changes_nothing() {
    let mut book = PhaseBook::default();
    let there = seen_with(3, Some(70));
    let waits = take_in(&mut book, &there, &plan(Phase::Waiting(Asks::Permission)));
    assert_eq!(waits[0].cause.as_deref(), Some("permission"));
    let other = take_in(&mut book, &there, &plan(Phase::Waiting(Asks::Trust)));
    assert_eq!(other[0].cause.as_deref(), Some("trust"));
    let unknown = Observed::Unknown("no answer".into());
    assert!(take_in(&mut book, &unknown, &plan(Phase::Unknown)).is_empty());
    assert!(take_in(&mut book, &unknown, &Plan::default()).is_empty());
    let mut next = PhaseBook::of([(name(), other[0].clone())].into());
    assert!(
        take_in(&mut next, &there, &plan(Phase::Waiting(Asks::Trust))).is_empty(),
        "another process goes on"
    );
    let gone = take_in(&mut next, &Observed::Down, &Plan::default());
    assert_eq!(gone[0].phase, PhaseKind::Absent);
    assert!(take_in(&mut next, &Observed::Down, &Plan::default()).is_empty());
}
