//! 7: the decision alone.

use crate::Result;
use crate::measure::{in_turns, worked};
use crate::stage::{parsed, session};
use crate::table::{Against, Row};
use gtctl::forecast::{AgentsDo, Assumptions, Present, foresee};
use gtctl::memory::learn;
use gtctl::model::{
    Generation, Label, LastReports, Life, Memory, Moment, Observed, Orders, Origin, Ownership,
    PaneId, Period, ProcId, Scope, Seen, Server, ServerId, SessionId, SessionName, Town,
};
use gtctl::plan::{Situation, plan};
use gtctl::proc::clock;
use std::time::Duration;

/// Sessions and rounds.
const SIZES: [(usize, usize); 3] = [(1_000, 101), (10_000, 31), (100_000, 11)];
const MOST_PER_SESSION: Duration = Duration::from_micros(1);

pub(crate) fn run() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (sessions, rounds) in SIZES {
        let now = clock::now();
        let town = town(sessions)?;
        rows.push(row(
            "7 plan(), nothing to do",
            sessions,
            rounds,
            &town,
            &seen(&town, now)?,
            now,
        )?);
        rows.push(row(
            "7 plan(), all to start",
            sessions,
            rounds,
            &town,
            &Observed::Down,
            now,
        )?);
    }
    rows.push(forecast()?);
    Ok(rows)
}

/// A day of a thousand agents, each of which is restarted every hour.
fn forecast() -> Result<Row> {
    const SESSIONS: usize = 1_000;
    let now = clock::now();
    let mut town = town(SESSIONS)?;
    for desired in town.sessions.values_mut() {
        desired.max_age = Some(Period::from_hours(1));
        desired.handoff_gap = Period::ZERO;
    }
    let observed = seen(&town, now)?;
    let memory = learn(Memory::default(), &town, &observed, now);
    let assumptions = Assumptions {
        horizon: Period::from_hours(24),
        agents: AgentsDo::StayAsTheyAre,
    };
    let day = || {
        let present = Present {
            town: &town,
            observed: observed.clone(),
            last_reports: LastReports::new(),
            scope: Scope::Town,
            memory: memory.clone(),
            now,
        };
        let forecast = foresee(present, assumptions);
        eprintln!(
            "{} events, late by at most {} s",
            forecast.events.len(),
            forecast.late.millis() / 1000
        );
        Ok(forecast)
    };
    let [took] = in_turns(3, [Box::new(|| worked(day))])?;
    Ok(Row {
        what: "7 forecast of 24 h",
        sessions: SESSIONS,
        gtctl: took,
        against: Against::Limit(Duration::from_secs(1)),
    })
}

fn row(
    what: &'static str,
    sessions: usize,
    rounds: usize,
    town: &Town,
    observed: &Observed,
    now: Moment,
) -> Result<Row> {
    let memory = learn(Memory::default(), town, observed, now);
    let situation = Situation {
        town,
        observed,
        memory: &memory,
        orders: Orders::default(),
        now,
    };
    let [took] = in_turns(rounds, [Box::new(|| worked(|| Ok(plan(&situation))))])?;
    Ok(Row {
        what,
        sessions,
        gtctl: took,
        against: Against::Limit(MOST_PER_SESSION * u32::try_from(sessions)?),
    })
}

/// More sessions than a manifest may have, all alike.
fn town(sessions: usize) -> Result<Town> {
    let mut town = parsed(
        "[town]\nname = \"bench\"\n[[session]]\nsession = \"one\"\ncommand = [\"sleep\", \"1\"]\n",
    )?;
    let (_, one) = town.sessions.pop_first().ok_or("no session")?;
    for n in 0..sessions {
        let mut another = one.clone();
        another.name = SessionName::new(&session(n))?;
        town.sessions.insert(another.name.clone(), another);
    }
    Ok(town)
}

/// All of them up for a minute.
fn seen(town: &Town, now: Moment) -> Result<Observed> {
    let server = ServerId(ProcId { pid: 1, start: 1 });
    let mut sessions = gtctl::model::SortedMap::new();
    for (name, n) in town.sessions.keys().zip(1..) {
        let started = now.minus(Period::from_mins(1));
        let fingerprint = town
            .sessions
            .get(name)
            .map(gtctl::model::Desired::fingerprint);
        let label = Label {
            session: name.clone(),
            generation: Generation(1),
            started,
            pane: format!("%{n}").parse()?,
            fingerprint,
            handoff: None,
            origin: Origin::Started,
            conversation: None,
            started_as: None,
        };
        let life = Life::Alive {
            process: ProcId { pid: n, start: 1 },
            matches: true,
            comm: "sleep".to_owned(),
        };
        let seen = Seen {
            id: SessionId(n),
            attached: 0,
            created: started.wall,
            quiet: Period::from_secs(30),
            activity: 0,
            title: String::new(),
            screen: None,
            heard: None,
            ownership: Ownership::Ours(label),
            pane: PaneId(n),
            life,
            usage: None,
            footprint: None,
            commands: None,
            is_replaced: None,
            reported: None,
        };
        sessions.insert(name.to_string(), seen);
    }
    Ok(Observed::Up(Server {
        id: server,
        version: "3.3a".to_owned(),
        sessions,
        moved: gtctl::model::SortedMap::new(),
        own: None,
        ended: gtctl::model::SortedMap::new(),
        unpiped: gtctl::model::SortedSet::new(),
    }))
}
