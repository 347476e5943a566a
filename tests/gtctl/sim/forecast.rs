//! The simulation lives the days that a forecast has foreseen, and meets what it has foreseen.

use super::driver::Driver;
use gtctl::forecast::{AgentsDo, Assumptions, Forecast, Happening, Present, foresee};
use gtctl::model::{
    Action, LastReports, Moment, Period, Plan, Rung, Scope, SessionName, Step, Verb,
};
use gtctl::reconcile::Shipped;
use gtctl::sim::Agentry;
use std::collections::BTreeSet;

/// Towns that are lived with.
const TOWNS: u64 = 100;
/// Days of each.
const DAYS: u64 = 2;
/// Cycles in which a town comes up before somebody looks ahead.
const BEGINNING: u32 = 300;
/// So much later or earlier may a step come than foreseen: each restart takes some checks, and
/// these come a little later in one of the two worlds.
const SLACK: Period = Period::from_mins(5);
/// Looks of a controller of which nothing asks.
const RESYNC: Period = Period::from_mins(10);

/// A step that was told or lived.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    at: Moment,
    session: SessionName,
    verb: Verb,
    reason: &'static str,
}

#[test]
fn two_hundred_days_go_as_foreseen() {
    let mut met = 0;
    for seed in 0..TOWNS {
        let name = SessionName::new("town").unwrap();
        let mut driver = Driver::new(&name, seed, &Shipped, None);
        driver.stormy = false;
        driver.world.agentry = Agentry::Steady;
        driver.town.chores.clear();
        driver.town.resync = RESYNC;
        for _ in 0..BEGINNING {
            driver.cycle().unwrap();
        }
        let forecast = foresee(
            Present {
                town: &driver.town,
                observed: driver.world.observe(),
                last_reports: LastReports::new(),
                scope: Scope::Town,
                memory: driver.memory.clone(),
                now: driver.world.now,
            },
            Assumptions {
                horizon: Period::from_hours(24 * DAYS),
                agents: AgentsDo::StayAsTheyAre,
            },
        );
        let told = steps_of(&forecast);
        let lived = live(&mut driver, forecast.to);
        met += compare(seed, &told, &lived, forecast.to);
    }
    assert!(met > 1000, "the towns have too few events: {met}");
}

/// Everything that was told is met, in each session's own order, and nothing else is.
fn compare(seed: u64, told: &[Told], lived: &[Told], end: Moment) -> usize {
    let near_end = |step: &&Told| step.at.until(&end) < SLACK;
    let sessions: BTreeSet<&SessionName> =
        told.iter().chain(lived).map(|step| &step.session).collect();
    let mut met = 0;
    for session in sessions {
        let mut told = told.iter().filter(|step| step.session == *session);
        let mut lived = lived.iter().filter(|step| step.session == *session);
        loop {
            match (told.next(), lived.next()) {
                (None, None) => break,
                (Some(told), Some(lived)) => {
                    let apart = told.at.since(&lived.at).max(lived.at.since(&told.at));
                    let is_same = (told.verb, told.reason) == (lived.verb, lived.reason);
                    assert!(
                        is_same && apart <= SLACK,
                        "seed {seed}: foreseen {told:?}\nlived {lived:?}"
                    );
                    met += 1;
                }
                (rest, None) | (None, rest) => {
                    assert!(rest.as_ref().is_some_and(near_end), "seed {seed}: {rest:?}");
                }
            }
        }
    }
    met
}

fn steps_of(forecast: &Forecast) -> Vec<Told> {
    let step = |event: &gtctl::forecast::Foreseen| match &event.what {
        Happening::Step {
            session,
            verb,
            reason,
            waited: _,
        } => Some(Told {
            at: event.at,
            session: session.clone(),
            verb: *verb,
            reason: reason.code(),
        }),
        Happening::HoldEnds { .. } | Happening::Chore { .. } => None,
    };
    forecast.events.iter().filter_map(step).collect()
}

/// Turns cycles until the end. The later rungs of a stop belong to the first.
fn live(driver: &mut Driver<'_>, end: Moment) -> Vec<Told> {
    let mut stopping = BTreeSet::new();
    let mut lived = Vec::new();
    while !driver.world.now.reached(&end) {
        let at = driver.world.now;
        let Plan { steps, .. } = driver.cycle().unwrap();
        for step in steps {
            if is_first(&mut stopping, &step) {
                lived.push(Told {
                    at,
                    verb: step.action.verb(),
                    reason: step.reason.code(),
                    session: step.session,
                });
            }
        }
    }
    lived
}

fn is_first(stopping: &mut BTreeSet<SessionName>, step: &Step) -> bool {
    match &step.action {
        Action::Restart { rung, .. } | Action::Expire { rung, .. } if *rung != Rung::Finish => {
            stopping.insert(step.session.clone())
        }
        Action::Restart { .. }
        | Action::Expire { .. }
        | Action::Start { .. }
        | Action::Adopt { .. }
        | Action::Nudge(_)
        | Action::SendEscape { .. }
        | Action::Answer(_) => !stopping.remove(&step.session),
    }
}
