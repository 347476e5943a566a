use super::*;
use crate::model::{Incarnation, Moment};

fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap()
}

fn history(generation: u64) -> History {
    let started = Moment {
        wall: 1,
        awake: 1,
        boot: 1,
    };
    History {
        generation: Generation(generation),
        run: Some(Incarnation::new(Generation(generation), started, None)),
        restarts: 3,
        ..History::default()
    }
}

fn memory(sessions: &[(&str, History)]) -> Memory {
    let of = |(session, history): &(&str, History)| (name(session), history.clone());
    Memory {
        sessions: sessions.iter().map(of).collect(),
        ..Memory::default()
    }
}

#[test]
fn the_history_follows_and_what_the_user_asked_for_stays() {
    let asked = History {
        stopped: true,
        prune: true,
        generation: Generation(9),
        ..History::default()
    };
    let mut memory = memory(&[("old", history(5)), ("new", asked)]);
    follow(&mut memory, &name("old"), &name("new"), Some(Generation(5)));
    let followed = memory.sessions.get(&name("new")).unwrap();
    assert!(followed.stopped && !followed.went_down && followed.prune);
    assert_eq!((followed.restarts, followed.generation), (3, Generation(9)));
    assert!(followed.run_of(Generation(5)).is_some());
    assert!(!memory.sessions.contains_key(&name("old")));
    let before = memory.clone();
    follow(&mut memory, &name("old"), &name("new"), Some(Generation(5)));
    assert_eq!(memory, before, "a second time changes nothing");
}

#[test]
fn a_run_of_its_own_keeps_its_history() {
    let mut memory = memory(&[("old", history(5)), ("new", history(7))]);
    let before = memory.clone();
    for runs_on in [None, Some(Generation(7)), Some(Generation(8))] {
        follow(&mut memory, &name("old"), &name("new"), runs_on);
        assert_eq!(memory, before, "{runs_on:?}");
    }
    // It is the run of the former name that has the new name now.
    follow(&mut memory, &name("old"), &name("new"), Some(Generation(5)));
    let followed = memory.sessions.get(&name("new")).unwrap();
    assert!(followed.run_of(Generation(5)).is_some());
}
