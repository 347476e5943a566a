//! `plan()` alone: nanoseconds per session at a thousand, ten thousand and a hundred thousand sessions.
//!
//! The goal is linear, and at most a microsecond per session.

#![expect(clippy::expect_used, reason = "fixed names parse")]

use gtctl::model::{
    Generation, Label, Life, Memory, Moment, Observed, Orders, Origin, Ownership, PaneId, Period, ProcId, Seen, Server,
    ServerId, SessionId, SessionName, Town,
};
use gtctl::plan::{Situation, plan};
use gtctl::remember::learn;
use gtctl::sim::{Random, random_town, session};
use std::collections::BTreeMap;
use std::time::Instant;

const NOW: Moment = Moment { wall: 1_790_000_000_000, awake: 500_000_000, boot: 1 };

fn main() {
    for size in [1_000, 10_000, 100_000] {
        let (town, all, none) = world(size);
        report("nothing to do", size, &town, &all);
        report("all to start", size, &town, &none);
    }
}

fn report(what: &str, size: u32, town: &Town, observed: &Observed) {
    let memory = learn(Memory::default(), town, observed, NOW);
    let situation = Situation { town, observed, memory: &memory, orders: Orders::default(), now: NOW };
    let runs = (2_000_000 / size).max(5);
    let mut best = f64::INFINITY;
    for _ in 0..runs {
        let begun = Instant::now();
        std::hint::black_box(plan(std::hint::black_box(&situation)));
        best = best.min(begun.elapsed().as_secs_f64());
    }
    println!("plan: {size:>7} sessions, {what:<14} {:>7.0} ns per session", best * 1e9 / f64::from(size));
}

/// A town, a look in which all of it runs, and one in which nothing does.
fn world(size: u32) -> (Town, Observed, Observed) {
    let name = SessionName::new("town").expect("valid");
    let mut town = random_town(name, &mut Random::new(1));
    town.sessions.clear();
    let mut server = Server {
        id: ServerId(ProcId { pid: 1, start: 1 }),
        version: String::new(),
        sessions: BTreeMap::new(),
        own: None,
    };
    let none = Observed::Up(server.clone());
    for at in 0..size {
        let mut desired = session(SessionName::new(&format!("gt-shop-crew-{at}")).expect("valid"));
        desired.max_age = Some(Period::from_hours(500));
        desired.wave = at % 3;
        server.sessions.insert(desired.name.to_string(), seen(&desired, at));
        town.sessions.insert(desired.name.clone(), desired);
    }
    (town, Observed::Up(server), none)
}

fn seen(desired: &gtctl::model::Desired, at: u32) -> Seen {
    let label = Label {
        session: desired.name.clone(),
        generation: Generation(1),
        started: NOW.minus(Period::from_mins(30)),
        pane: PaneId(at),
        fingerprint: Some(desired.fingerprint()),
        handoff: None,
        origin: Origin::Started,
    };
    Seen {
        id: SessionId(at),
        attached: 0,
        created: 0,
        quiet: Period::from_secs(1),
        ownership: Ownership::Ours(label),
        pane: PaneId(at),
        life: Life::Alive { process: ProcId { pid: at, start: 1 }, matches: true, comm: "claude".to_owned() },
        usage: None,
    }
}
