//! Sessions that other hosts have, or had.

use crate::model::SortedMap;
use crate::model::{
    Awaited, Epoch, Fleet, FleetSession, Generation, Hold, HostChoice, HostName, Leave, LossPolicy,
    Memory, Milestone, Moment, NotReady, Observed, Orders, SessionName, SessionStatus, StartBudget,
    StoreSettings, Town,
};
use crate::plan::{Situation, explain, plan};
use crate::sim::{Random, random_town, session};

const NOW: Moment = Moment {
    wall: 1_790_000_000_000,
    awake: 90_000_000,
    boot: 7,
};

fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap()
}

/// A town with a store and these sessions, of which those in `here` are on this host.
fn town(all: &[&str], here: &[&str]) -> Town {
    let mut town = random_town(name("t"), &mut Random::new(1));
    let sessions = all.iter().map(|text| {
        let shared = FleetSession {
            choice: HostChoice::Any,
            on_host_loss: LossPolicy::Move,
            prepare: Vec::new(),
            desired: session(name(text)),
        };
        (name(text), shared)
    });
    town.hosts.fleet = Some(Fleet {
        settings: StoreSettings::default(),
        sessions: sessions.collect(),
    });
    let here = here.iter().map(|text| (name(text), session(name(text))));
    town.sessions = here.collect();
    town
}

/// The sessions that would start now, and why each other one is held.
fn decided(town: &Town) -> (Vec<String>, SortedMap<String, Hold>) {
    let memory = Memory::default();
    let plan = plan(&Situation {
        town,
        observed: &Observed::Down,
        memory: &memory,
        orders: Orders::default(),
        now: NOW,
    });
    let starts = plan.steps.iter().map(|step| step.session.to_string());
    let held = plan.held.into_iter();
    let held = held.map(|held| (held.session.to_string(), held.hold));
    (starts.collect(), held.collect())
}

#[test]
fn what_comes_from_another_host_starts_beside_the_limits() {
    let all = ["a", "b", "c", "d", "e"];
    let mut town = town(&all, &all);
    town.limits.concurrent_starts = 1;
    town.limits.starts = StartBudget::Fixed(1);
    let (starts, held) = decided(&town);
    assert_eq!((starts.len(), held.len()), (1, 4));
    town.hosts.arrivals = ["b", "c", "d", "e"].map(name).into();
    let (starts, held) = decided(&town);
    assert_eq!(starts, ["b", "c", "d", "e"]);
    // They come up, so there is no room for an ordinary start meanwhile.
    assert!(
        matches!(held["a"], Hold::ConcurrentStarts { starting: 4, .. }),
        "{held:?}"
    );
}

#[test]
fn what_leaves_and_what_is_disabled_is_explained_by_two_rules() {
    let mut town = town(&["a", "b"], &["a", "b"]);
    town.hosts.leaving = [(name("a"), Leave::Drained)].into();
    town.sessions.get_mut(&name("b")).unwrap().enabled = false;
    let memory = Memory::default();
    let situation = Situation {
        town: &town,
        observed: &Observed::Down,
        memory: &memory,
        orders: Orders::default(),
        now: NOW,
    };
    let first = |session| {
        let opinions = explain(&situation, &name(session));
        let mut speaks = opinions.iter().filter(|opinion| opinion.says.is_some());
        speaks.next().unwrap().rule
    };
    assert_eq!((first("a"), first("b")), ("leaves-host", "disabled"));
}

#[test]
fn a_session_waits_for_one_on_another_host_by_what_that_host_says() {
    let mut town = town(&["db", "web"], &["web"]);
    let at = |phase: &str, ready, completed| SessionStatus {
        host: HostName::new("b").unwrap(),
        epoch: Epoch::default(),
        generation: Generation(1),
        phase: phase.to_owned(),
        ready,
        completed,
        next: None,
        held: None,
        manifest: String::new(),
    };
    let mut why = |milestone, status: Option<SessionStatus>| {
        let awaited = Awaited {
            milestone,
            within: None,
        };
        let web = town.sessions.get_mut(&name("web")).unwrap();
        web.after = [(name("db"), awaited)].into();
        town.hosts.statuses = status
            .map(|status| (name("db"), status))
            .into_iter()
            .collect();
        match decided(&town).1.remove("web") {
            None => None,
            Some(Hold::After { why, .. }) => Some(why),
            Some(other) => panic!("{other:?}"),
        }
    };
    let coming = Some(NotReady::Coming);
    let (started, ready, completed) = (Milestone::Started, Milestone::Ready, Milestone::Completed);
    assert_eq!(why(ready, None), coming, "its host is lost, or it has none");
    assert_eq!(why(ready, Some(at("starting", false, false))), coming);
    assert_eq!(why(started, Some(at("starting", false, false))), None);
    assert_eq!(why(ready, Some(at("working", true, false))), None);
    assert_eq!(
        why(completed, Some(at("working", true, false))),
        Some(NotReady::Runs)
    );
    assert_eq!(why(completed, Some(at("completed", false, true))), None);
    assert_eq!(why(ready, Some(at("completed", false, true))), None);
    assert_eq!(
        why(completed, Some(at("completed", false, false))),
        Some(NotReady::Failed { death: None })
    );
    assert_eq!(
        why(ready, Some(at("stopped", true, false))),
        Some(NotReady::Stopped)
    );
    assert_eq!(why(ready, Some(at("dead", true, false))), coming);
}

#[test]
fn a_session_that_nobody_declares_is_said_to_be_undeclared() {
    let mut town = town(&["web"], &["web"]);
    let awaited = Awaited {
        milestone: Milestone::Ready,
        within: None,
    };
    let web = town.sessions.get_mut(&name("web")).unwrap();
    web.after = [(name("db"), awaited)].into();
    let held = decided(&town).1;
    assert!(matches!(
        &held["web"],
        Hold::After {
            why: NotReady::Undeclared,
            ..
        }
    ));
}
