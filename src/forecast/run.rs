//! Check after check, until the horizon.

use super::obedient::Machine;
use super::{Assumptions, Forecast, Foreseen, Happening, Present};
use crate::model::{
    Action, ChoreEnd, ChoreResult, ChoreTime, Done, Hold, LastReports, Memory, Moment, Orders,
    Period, Plan, ProcId, Rung, Scope, SessionName, Step, Town, covered,
};
use crate::model::{SortedMap, SortedSet};
use crate::reconcile::{
    Arrivals, Beside, ChoreArrivals, EndedChore, Observation, Shipped, learn, take_in,
};
use std::borrow::Cow;

/// The process that would act.
const ME: ProcId = ProcId { pid: 1, start: 1 };
/// The next check after steps were taken, and never an earlier one.
const SOON: Period = Period::from_secs(1);
/// Sessions looked at in all the checks of a forecast: this bounds how long it takes.
const EFFORT: u64 = 300_000;
/// So many checks every forecast may have, however large the town.
const FEWEST_CHECKS: u64 = 300;
/// Of these, so many may be at the beginning.
const HEAD_START: u64 = 100;

/// A forecast in the making.
pub(super) struct Run {
    /// What is declared, without the sessions of others that a policy covers.
    town: Town,
    machine: Machine,
    memory: Memory,
    assumptions: Assumptions,
    from: Moment,
    checks: u64,
    most_checks: u64,
    /// What the first look has shown beside the sessions.
    first: Option<(LastReports, Scope)>,
    /// The chores that were begun at the last check.
    chores: Vec<String>,
    /// What each session waited for at the last check.
    held: SortedMap<SessionName, Hold>,
    /// The sessions whose stop was begun and told.
    stopping: SortedSet<SessionName>,
    events: Vec<Foreseen>,
    late: Period,
}

impl Run {
    pub(super) fn new(present: Present<'_>, assumptions: Assumptions) -> Self {
        let Present {
            town,
            observed,
            last_reports,
            scope,
            memory,
            now,
        } = present;
        let sessions = u64::try_from(town.sessions.len())
            .unwrap_or(u64::MAX)
            .max(1);
        let mut town = town.clone();
        town.sessions.retain(|_, desired| desired.policy.is_none());
        let horizon = assumptions.horizon.min(Assumptions::FURTHEST);
        Self {
            town,
            machine: Machine::new(observed, &memory, assumptions.agents, now),
            memory,
            assumptions: Assumptions {
                horizon,
                ..assumptions
            },
            from: now,
            checks: 0,
            most_checks: (EFFORT / sessions).max(FEWEST_CHECKS),
            first: Some((last_reports, scope)),
            chores: Vec::new(),
            held: SortedMap::new(),
            stopping: SortedSet::new(),
            events: Vec::new(),
            late: Period::ZERO,
        }
    }

    pub(super) fn live(mut self) -> Forecast {
        let to = self.from.plus(self.assumptions.horizon);
        loop {
            let plan = self.check();
            let Some(pause) = self.pause(&plan) else {
                break;
            };
            let is_over = self.machine.now().until(&to) < pause;
            if is_over || self.is_full() || self.checks > self.most_checks {
                break;
            }
            self.machine.pass(pause);
        }
        let is_cut = self.is_full();
        self.events.truncate(Forecast::MAX_EVENTS);
        Forecast {
            from: self.from,
            to,
            assumptions: self.assumptions,
            events: self.events,
            is_cut,
            late: self.late,
        }
    }

    fn is_full(&self) -> bool {
        self.events.len() > Forecast::MAX_EVENTS
    }

    /// One check: looks, decides, and has the machine do it.
    fn check(&mut self) -> Plan {
        self.checks = self.checks.saturating_add(1);
        let now = self.machine.now();
        let arrivals = self.arrivals(now);
        let memory = take_in(std::mem::take(&mut self.memory), arrivals, |_| true).memory;
        let observed = self.machine.take_look();
        let (last_reports, scope) = self.first.take().unwrap_or_default();
        let town = match covered(&self.town, &observed) {
            Cow::Borrowed(_) => Cow::Borrowed(&self.town),
            Cow::Owned(town) => Cow::Owned(town),
        };
        let observation = Observation {
            now,
            town,
            observed,
            last_reports,
            scope,
        };
        let decided = learn(&Shipped, memory, observation).decide(Orders::default());
        // Here every step is done.
        let intended = decided.intend_surely(ME, Beside::ChoresAndLaunchers);
        let outcomes: Vec<(Done, ProcId)> = intended
            .plan()
            .steps
            .iter()
            .map(|step| self.machine.outcome_of(step))
            .collect();
        let (outcomes, processes): (Vec<Done>, Vec<ProcId>) = outcomes.into_iter().unzip();
        let (settled, _) = intended.settle(&outcomes).forget_departures();
        let (decided, memory) = settled.into_parts();
        let (observation, _, plan) = decided.into_parts();
        self.memory = memory;
        self.machine.give_back(observation.observed);
        for (step, process) in plan.steps.iter().zip(processes) {
            self.machine.apply(step, process);
        }
        self.note(&plan, now);
        plan
    }

    /// What has ended since the last check: every chore that was begun then.
    fn arrivals(&mut self, now: Moment) -> Arrivals {
        if self.first.is_some() {
            return Arrivals::default();
        }
        let ended = |chore: String| EndedChore {
            chore,
            end: ChoreEnd {
                at: now,
                result: ChoreResult::Done,
                said: String::new(),
            },
            not_before: None,
            proposals: Vec::new(),
        };
        Arrivals {
            chores: Some(ChoreArrivals {
                now,
                ended: self.chores.drain(..).map(ended).collect(),
                running: SortedSet::new(),
            }),
            ..Arrivals::default()
        }
    }

    /// Notes what this check brings.
    fn note(&mut self, plan: &Plan, now: Moment) {
        let mut before = std::mem::take(&mut self.held);
        let mut events = Vec::new();
        for step in &plan.steps {
            let waited = before.remove(&step.session);
            if self.is_told(step) {
                events.push(Happening::Step {
                    session: step.session.clone(),
                    verb: step.action.verb(),
                    reason: step.reason.clone(),
                    waited,
                });
            }
        }
        for held in &plan.held {
            before.remove(&held.session);
            self.held.insert(held.session.clone(), held.hold.clone());
        }
        let is_stopping = |session: &SessionName| self.stopping.contains(session);
        let ends = before
            .into_iter()
            .filter(|(session, _)| !is_stopping(session));
        events.extend(ends.map(|(session, hold)| Happening::HoldEnds { session, hold }));
        for timed in plan
            .chores
            .iter()
            .filter(|timed| timed.when == ChoreTime::Now)
        {
            self.chores.push(timed.chore.clone());
            let chore = timed.chore.clone();
            events.push(Happening::Chore { chore });
        }
        self.events
            .extend(events.into_iter().map(|what| Foreseen { at: now, what }));
    }

    /// Whether a step is told. The later rungs of a stop belong to the first.
    fn is_told(&mut self, step: &Step) -> bool {
        let goes_on = match &step.action {
            Action::Restart { rung, .. } | Action::Expire { rung, .. } => *rung != Rung::Finish,
            Action::Start { .. }
            | Action::Adopt { .. }
            | Action::Rename { .. }
            | Action::Nudge(_)
            | Action::SendEscape { .. }
            | Action::Answer(_) => false,
        };
        let is_first = if goes_on {
            self.stopping.insert(step.session.clone())
        } else {
            !self.stopping.remove(&step.session)
        };
        is_first || self.checks == 1
    }

    /// How long until the next check. None if nothing more will happen.
    fn pause(&mut self, plan: &Plan) -> Option<Period> {
        let now = self.machine.now();
        // Two looks have to agree on some things.
        let is_soon = self.checks == 1 || !plan.steps.is_empty() || !self.chores.is_empty();
        let wake = plan.wake.map(|at| now.until(&at));
        let wanted = wake
            .into_iter()
            .chain(is_soon.then_some(SOON))
            .min()?
            .max(SOON);
        let granted = self.next_granted(now);
        if granted > wanted {
            self.late = self.late.max(granted.minus(wanted));
        }
        Some(wanted.max(granted))
    }

    /// How long until the effort allows another check: after a head start they are spread evenly.
    fn next_granted(&self, now: Moment) -> Period {
        let spread = self.most_checks.saturating_sub(HEAD_START).max(1);
        let beyond = self.checks.saturating_sub(HEAD_START);
        let horizon = self.assumptions.horizon.millis();
        let at = u128::from(horizon) * u128::from(beyond) / u128::from(spread);
        let at = Period::from_millis(u64::try_from(at).unwrap_or(u64::MAX));
        at.minus(now.since(&self.from))
    }
}
