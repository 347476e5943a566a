//! The simulation lives the days that a forecast has foreseen, and meets what was foreseen.
//!
//! Each seed is a town after a storm, so there is much to do: crashes to back off from, edits to
//! take over, agents that wait or work. From then on nothing interferes, and agents do what the
//! forecast takes for granted.

use super::driver::Driver;
use super::seeds::town_name;
use gtctl::forecast::{AgentsDo, Assumptions, Forecast, Foreseen, Happening, Present, foresee};
use gtctl::model::{
    Action, ChoreTime, Hold, LastReports, Moment, Period, Plan, Rung, Scope, SessionName, Step,
};
use gtctl::model::{SortedMap, SortedSet};
use gtctl::reconcile::Shipped;

/// Towns that are lived with, a day each.
const TOWNS: u64 = 200;
/// How far is looked ahead.
const DAY: Period = Period::from_hours(24);
/// An event may come so much earlier or later than foreseen: each restart takes some checks, which
/// come a little later in one of the two worlds.
const TOLERANCE: Period = Period::from_mins(1);

/// Checks between the storm and the look ahead.
const SETTLING: usize = 3;

/// One thing that was foreseen or lived: what, and when.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    at: Moment,
    what: String,
}

/// A town's day.
struct Day {
    foreseen: Vec<Event>,
    lived: Vec<Event>,
    /// What sessions still wait for at the end of the lived day.
    held: SortedMap<SessionName, Hold>,
    /// The end of the day.
    end: Moment,
    /// Looks of which nothing asks.
    resync: Period,
}

#[test]
fn two_hundred_days_go_as_foreseen() {
    let days = |parity: u64| -> Vec<Result<usize, String>> {
        let seeds = (0..TOWNS).filter(|seed| seed % 2 == parity);
        let told = |seed| {
            let met = live_a_day(seed).compare();
            met.map_err(|why| format!("seed {seed}: {why}"))
        };
        seeds.map(told).collect()
    };
    let results = std::thread::scope(|scope| {
        let other = scope.spawn(|| days(1));
        let mut results = days(0);
        results.extend(other.join().unwrap());
        results
    });
    let strange: Vec<&String> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .collect();
    assert!(strange.is_empty(), "{strange:#?}");
    let met: usize = results.iter().flatten().sum();
    println!("{met} events in {TOWNS} days");
    assert!(met > 5000, "the days have too few events: {met}");
}

fn live_a_day(seed: u64) -> Day {
    let mut driver = Driver::new(&town_name(), seed, &Shipped, None);
    for _ in 0..driver.weather.cycles {
        driver.cycle().unwrap();
    }
    driver.enter_calm();
    driver.town.sessions.values_mut().for_each(|desired| {
        desired.ready = None;
        desired.schedule = None;
        desired.moved.clear();
        desired.completion.turn_ended = None;
    });
    // What clients have reported in the storm is believed against the screen for some seconds.
    for _ in 0..SETTLING {
        driver.cycle().unwrap();
    }
    // More looks of which nothing asks find nothing else, and take long.
    driver.town.resync = driver.town.resync.max(Period::from_mins(5));
    let forecast = look_ahead(&driver);
    let diary = live(&mut driver, forecast.to);
    Day {
        foreseen: events_of(&forecast),
        lived: diary.events,
        held: diary.held,
        end: forecast.to,
        resync: driver.town.resync,
    }
}

fn look_ahead(driver: &Driver<'_>) -> Forecast {
    let present = Present {
        town: &driver.town,
        observed: driver.world.observe(),
        last_reports: LastReports::new(),
        scope: Scope::Town,
        memory: driver.memory.clone(),
        now: driver.world.now,
    };
    let assumptions = Assumptions {
        horizon: DAY,
        agents: AgentsDo::StayAsTheyAre,
    };
    foresee(present, assumptions)
}

impl Day {
    /// Each event was met and nothing else was, within [`TOLERANCE`]. Gives how many were lived.
    ///
    /// # Errors
    /// The earliest event of one of both that the other has not.
    fn compare(&self) -> Result<usize, String> {
        let mut open: Vec<&Event> = self.lived.iter().collect();
        let mut strays: Vec<(&Event, &str)> = Vec::new();
        for event in &self.foreseen {
            let apart = |other: &Event| event.at.since(&other.at).max(other.at.since(&event.at));
            let met = open
                .iter()
                .position(|other| other.what == event.what && apart(other) <= TOLERANCE);
            match met {
                Some(at) => drop(open.remove(at)),
                None => strays.push((event, "was foreseen and not lived")),
            }
        }
        strays.extend(
            open.iter()
                .map(|event| (*event, "was lived and not foreseen")),
        );
        // What comes at the very end of one day may come after the end of the other.
        let first = strays
            .iter()
            .filter(|(event, _)| event.at.until(&self.end) > TOLERANCE)
            .min_by_key(|(event, _)| event.at.awake);
        let Some((event, how)) = first else {
            return Ok(self.lived.len());
        };
        let left = event.at.until(&self.end);
        let (what, resync, held) = (&event.what, self.resync, &self.held);
        Err(format!(
            "{what}, {left} before the end, {how}; resync {resync}, still held: {held:?}"
        ))
    }
}

fn events_of(forecast: &Forecast) -> Vec<Event> {
    let told = |event: &Foreseen| Event {
        at: event.at,
        what: match &event.what {
            Happening::Step {
                session,
                verb,
                reason,
                waited: _,
            } => format!("{} {session}: {}", verb.word(), reason.code()),
            Happening::HoldEnds { session, hold } => hold_ends(session, hold),
            Happening::Chore { chore } => format!("chore {chore}"),
        },
    };
    forecast.events.iter().map(told).collect()
}

fn hold_ends(session: &SessionName, hold: &Hold) -> String {
    format!("hold of {session} ends: {}", hold.code())
}

/// Turns cycles until the end.
fn live(driver: &mut Driver<'_>, end: Moment) -> Diary {
    let mut diary = Diary::default();
    while !driver.world.now.reached(&end) {
        let at = driver.world.now;
        let plan = driver.cycle().unwrap();
        diary.write(&plan, at);
    }
    diary
}

/// What was lived.
#[derive(Default)]
struct Diary {
    events: Vec<Event>,
    stopping: SortedSet<SessionName>,
    held: SortedMap<SessionName, Hold>,
}

impl Diary {
    fn write(&mut self, plan: &Plan, at: Moment) {
        for step in &plan.steps {
            self.held.remove(&step.session);
            if self.is_first(step) {
                let (verb, reason) = (step.action.verb().word(), step.reason.code());
                self.note(at, format!("{verb} {}: {reason}", step.session));
            }
        }
        let held = plan
            .held
            .iter()
            .map(|held| (held.session.clone(), held.hold.clone()));
        let former = std::mem::replace(&mut self.held, held.collect());
        for (session, hold) in former {
            if !self.held.contains_key(&session) && !self.stopping.contains(&session) {
                self.note(at, hold_ends(&session, &hold));
            }
        }
        let due = plan
            .chores
            .iter()
            .filter(|timed| timed.when == ChoreTime::Now);
        for timed in due {
            self.note(at, format!("chore {}", timed.chore));
        }
    }

    fn note(&mut self, at: Moment, what: String) {
        self.events.push(Event { at, what });
    }

    /// Whether a step is an event of its own. The later rungs of a stop belong to the first.
    fn is_first(&mut self, step: &Step) -> bool {
        match &step.action {
            Action::Restart { rung, .. } | Action::Expire { rung, .. } if *rung != Rung::Finish => {
                self.stopping.insert(step.session.clone())
            }
            Action::Restart { .. }
            | Action::Expire { .. }
            | Action::Start { .. }
            | Action::Adopt { .. }
            | Action::Rename { .. }
            | Action::Nudge(_)
            | Action::SendEscape { .. }
            | Action::Answer(_) => !self.stopping.remove(&step.session),
        }
    }
}
