//! Forecasts of small towns.

use super::*;
use crate::model::{
    Content, Generation, History, Incarnation, Label, Life, Origin, Ownership, PaneId, ProcId,
    ScreenState, Seen, Server, ServerId, SessionId, Told, Town,
};
use crate::model::{SortedMap, SortedSet};
use crate::sim::{Random, random_town, session};

const NOW: Moment = Moment {
    wall: 1_790_000_000_000,
    awake: 900_000_000,
    boot: 7,
};

fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap()
}

/// A town of these sessions, each with this age limit.
fn town(names: &[&str], max_age: Period) -> Town {
    let mut random = Random::new(1);
    let mut town = random_town(name("town"), &mut random);
    town.policies.clear();
    town.chores.clear();
    town.limits = crate::model::Limits::default();
    town.sessions = names
        .iter()
        .map(|text| {
            let mut desired = session(name(text));
            desired.max_age = Some(max_age);
            desired.handoff_gap = Period::ZERO;
            desired.ready_after = Period::from_secs(5);
            desired.drain = Period::from_mins(5);
            (name(text), desired)
        })
        .collect();
    town
}

fn alive(town: &Town, text: &str, id: u32, age: Period) -> Seen {
    let label = Label {
        session: name(text),
        started_as: None,
        generation: Generation(1),
        started: NOW.minus(age),
        pane: PaneId(id),
        fingerprint: Some(town.sessions[text].fingerprint()),
        handoff: None,
        origin: Origin::Started,
        conversation: None,
    };
    Seen {
        id: SessionId(id),
        attached: 0,
        created: NOW.minus(age).wall,
        quiet: Period::from_mins(1),
        activity: 0,
        title: String::new(),
        screen: None,
        heard: None,
        reported: None,
        ownership: Ownership::Ours(label),
        pane: PaneId(id),
        life: Life::Alive {
            process: ProcId { pid: id, start: 1 },
            matches: true,
            comm: "claude".to_owned(),
        },
        usage: None,
        footprint: None,
        is_replaced: None,
        commands: None,
    }
}

fn history(state: ScreenState, age: Period) -> History {
    let content = Content {
        digest: 0,
        turn: 0,
        progress: 0,
        since: NOW.minus(age.min(Period::from_mins(1))),
        activity: 0,
        state,
        state_since: NOW.minus(age.min(Period::from_mins(1))),
        looks: 2,
        evidence: String::new(),
        cpu: None,
        background: false,
        commands: false,
        told: Told::default(),
        title: crate::model::Title::Unread,
        reported: None,
        by_screen: None,
        has_begun_turn: false,
        dialog: None,
    };
    History {
        generation: Generation(1),
        run: Some(Incarnation {
            ready: Some(NOW.minus(age)),
            content: Some(content),
            ..Incarnation::new(Generation(1), NOW.minus(age), None)
        }),
        ..History::default()
    }
}

/// What happens to a town of these sessions, all of which live.
fn foreseen(town: &Town, state: ScreenState, age: Period, assumptions: Assumptions) -> Forecast {
    let names: Vec<&SessionName> = town.sessions.keys().collect();
    let sessions: SortedMap<String, Seen> = names
        .iter()
        .zip(1..)
        .map(|(name, id)| (name.to_string(), alive(town, name.as_str(), id, age)))
        .collect();
    let memory = Memory {
        server: Some(ServerId(ProcId { pid: 1, start: 1 })),
        last_look: Some(NOW.minus(Period::from_secs(1))),
        sessions: names
            .iter()
            .map(|name| ((*name).clone(), history(state, age)))
            .collect(),
        ..Memory::default()
    };
    let observed = Observed::Up(Server {
        id: ServerId(ProcId { pid: 1, start: 1 }),
        version: "3.5a".to_owned(),
        sessions,
        moved: SortedMap::new(),
        own: None,
        ended: SortedMap::new(),
        unpiped: SortedSet::new(),
    });
    foresee(
        Present {
            town,
            observed,
            last_reports: LastReports::new(),
            scope: Scope::Town,
            memory,
            now: NOW,
        },
        assumptions,
    )
}

const DAY: Assumptions = Assumptions {
    horizon: Period::from_hours(24),
    agents: AgentsDo::StayAsTheyAre,
};

/// Hours and codes of the steps.
fn told(forecast: &Forecast) -> Vec<(u64, String)> {
    let told = |event: &Foreseen| {
        let minutes = event.at.since(&forecast.from).millis() / 60_000;
        match &event.what {
            Happening::Step {
                session,
                verb,
                reason,
                ..
            } => (
                minutes,
                format!("{} {session} {}", verb.word(), reason.code()),
            ),
            Happening::HoldEnds { session, hold } => {
                (minutes, format!("{session} {}", hold.code()))
            }
            Happening::Chore { chore } => (minutes, format!("chore {chore}")),
        }
    };
    forecast.events.iter().map(told).collect()
}

#[test]
fn an_idle_agent_is_restarted_whenever_it_is_too_old() {
    let town = town(&["a"], Period::from_hours(8));
    let forecast = foreseen(&town, ScreenState::Ready, Period::from_hours(1), DAY);
    let restart = "restart a too-old".to_owned();
    assert_eq!(
        told(&forecast),
        [
            (7 * 60, restart.clone()),
            (15 * 60, restart.clone()),
            (23 * 60, restart)
        ]
    );
    assert!(!forecast.is_cut && forecast.late.is_zero());
}

#[test]
fn an_agent_at_work_is_waited_for_unless_it_falls_idle() {
    let town = town(&["a"], Period::from_hours(2));
    let hours = |agents| Assumptions {
        horizon: Period::from_hours(2),
        agents,
    };
    let age = Period::from_hours(1);
    let works = foreseen(
        &town,
        ScreenState::Busy,
        age,
        hours(AgentsDo::StayAsTheyAre),
    );
    let told_of = told(&works);
    assert_eq!(told_of, [(65, "restart a too-old".to_owned())]);
    let Happening::Step { waited, .. } = &works.events[0].what else {
        panic!("{works:?}");
    };
    assert_eq!(waited.as_ref().map(Hold::code), Some("draining"));
    let idle = foreseen(
        &town,
        ScreenState::Busy,
        age,
        hours(AgentsDo::FallIdleAfter(Period::from_mins(10))),
    );
    assert_eq!(told(&idle), [(60, "restart a too-old".to_owned())]);
}

#[test]
fn the_same_present_gives_the_same_forecast_and_a_large_town_is_done() {
    let names: Vec<String> = (0..200).map(|n| format!("s{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let town = town(&names, Period::from_hours(4));
    let once = foreseen(&town, ScreenState::Ready, Period::from_mins(5), DAY);
    let again = foreseen(&town, ScreenState::Ready, Period::from_mins(5), DAY);
    assert_eq!(once, again);
    let restarts = told(&once);
    assert!(
        restarts.len() >= 5 * names.len(),
        "{} restarts, late by {:?}",
        restarts.len(),
        once.late
    );
}

#[test]
fn a_schedule_stops_a_session_and_starts_it_again() {
    let mut town = town(&["a"], Period::from_hours(800));
    // `NOW` is a Monday, 14:13:20 in UTC.
    let at = |hours: u64| NOW.plus(Period::from_hours(hours)).wall;
    let label = |hours: u64| {
        let time = jiff::Timestamp::from_millisecond(at(hours)).unwrap();
        time.strftime("%H:00").to_string()
    };
    let hours = format!("{}-{}", label(23), label(3));
    town.sessions.values_mut().for_each(|desired| {
        desired.schedule = Some(crate::model::Schedule {
            hours: hours.parse().unwrap(),
            zone: crate::model::Zone::default(),
        });
    });
    let forecast = foreseen(&town, ScreenState::Ready, Period::from_hours(1), DAY);
    let steps = told(&forecast);
    let words: Vec<&str> = steps.iter().map(|(_, step)| step.as_str()).collect();
    assert_eq!(words, ["expire a off-schedule", "start a missing"]);
    let minutes: Vec<u64> = steps.iter().map(|(minute, _)| *minute).collect();
    assert!((120..180).contains(&minutes[0]), "{minutes:?}");
    assert!((22 * 60..23 * 60).contains(&minutes[1]), "{minutes:?}");
}
