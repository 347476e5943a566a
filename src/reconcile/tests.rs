use super::{Beside, Learned, Observation, Shipped, learn};
use crate::model::{
    Durability, LastReports, Memory, Moment, Observed, Orders, ProcId, Scope, SessionName, Town,
};
use crate::sim::{Random, random_town};
use std::borrow::Cow;

const NOW: Moment = Moment {
    wall: 1_790_000_000_000,
    awake: 90_000_000,
    boot: 7,
};
const ME: ProcId = ProcId { pid: 7, start: 7 };

/// A town of which nothing runs yet.
fn town() -> Town {
    let name = SessionName::new("town").unwrap();
    let mut random = Random::new(1);
    let mut towns = std::iter::repeat_with(|| random_town(name.clone(), &mut random));
    towns.find(|town| town.sessions.len() > 3).unwrap()
}

fn learned(town: &Town) -> Learned<'_> {
    let observation = Observation {
        now: NOW,
        town: Cow::Borrowed(town),
        observed: Observed::Down,
        last_reports: LastReports::new(),
        scope: Scope::Town,
    };
    learn(&Shipped, Memory::default(), observation)
}

#[test]
fn what_was_not_asked_for_stays_out_of_every_later_plan() {
    let town = town();
    let all = learned(&town).decide(Orders::default());
    let started = all
        .plan()
        .steps
        .first()
        .expect("something is started")
        .session
        .clone();
    let decided = all.limited_to(&Scope::Sessions(vec![started.clone()]));
    assert_eq!(decided.plan().steps.len(), 1);
    let intended = decided.intend(ME, Beside::Launchers).not_durable();
    assert!(
        intended
            .plan()
            .steps
            .iter()
            .all(|step| step.session == started),
        "{:?}",
        intended.plan().steps
    );
}

#[test]
fn a_memory_that_cannot_be_written_is_decided_for_anew() {
    let town = town();
    let intended = learned(&town)
        .decide(Orders::default())
        .intend(ME, Beside::Launchers);
    assert_eq!(
        intended.decided().orders().durability,
        Durability::default()
    );
    assert!(!intended.memory().starts.is_empty());
    let cautious = intended.not_durable();
    assert_eq!(cautious.decided().orders().durability, Durability::Failing);
    assert_eq!(
        cautious.memory().starts.len(),
        cautious.plan().steps.len(),
        "nothing of the first intent is left"
    );
}

#[test]
fn what_settles_nothing_leaves_the_intent() {
    let town = town();
    let intended = learned(&town)
        .decide(Orders::default())
        .intend(ME, Beside::Launchers);
    let memory = intended.memory().clone();
    assert_eq!(*intended.settle(&[]).memory(), memory);
}
