//! Checks the time after the storm: the town must become as declared, and stay so.

use super::driver::Driver;
use super::judge::label_of;
use super::ledger::Breach;
use gtctl::memory::ask;
use gtctl::model::{
    Desired, Held, Hold, Idling, Life, Memory, Milestone, Observed, OnDrift, Ownership, Period,
    Plan, Request, SessionName, TokenLimits, Town,
};
use std::fmt;

/// A broken invariant, and how to see it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The seed of the run.
    pub(crate) seed: u64,
    /// In which cycle.
    pub(crate) cycle: u64,
    /// What was broken.
    pub(crate) breach: Breach,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            cycle,
            breach: Breach { law, detail },
        } = self;
        writeln!(f, "{law} broken in cycle {cycle}: {detail}")?;
        write!(
            f,
            "GTCTL_SEED={seed} cargo test --test gtctl sim::seeds::replay -- --nocapture"
        )
    }
}

/// More than all pacing in a row: a usage limit, the handoff gap, a crash loop's hold, two start
/// budgets, drain and grace.
const LONGEST: Period = Period::from_hours(7);
/// For so long a look with an older generation than remembered may be taken for stale.
const DOUBT: Period = Period::from_mins(11);
/// Cycles that may pass without a step, without a moment to wait for, and without the town being as
/// declared.
const IDLE_CYCLES: u32 = 3;
/// No pacing takes more cycles than this.
const MOST_CYCLES: u32 = 1500;

impl Driver<'_> {
    /// The last fault has happened: waits until all is as declared, and then for `quiet` cycles of
    /// nothing.
    pub(super) fn settle(&mut self, quiet: u32) -> Result<(), Breach> {
        self.stormy = false;
        self.disk_is_full = false;
        self.hung = 0;
        self.late.clear();
        self.memory.paused = false;
        self.missing.clear();
        self.go_up();
        self.choose_names();
        self.town.sessions.values_mut().for_each(|desired| {
            desired.max_age = None;
            desired.max_memory = None;
            desired.tokens = TokenLimits::default();
            desired.idling = Idling::default();
            desired.schedule = None;
            desired.completion.turn_ended = None;
        });
        self.town
            .policies
            .iter_mut()
            .for_each(|policy| (policy.max_age, policy.idle_limit) = (None, None));
        self.world.calm();
        let mut held = self.come_to_rest()?.held;
        for _ in 0..quiet {
            let plan = self.cycle()?;
            if !plan.steps.is_empty() {
                return Err(Breach {
                    law: "L1 quiet",
                    detail: format!("{:?}\nheld before: {held:?}", plan.steps),
                });
            }
            held = plan.held;
        }
        let reset = self.memory.sessions.values().find(|history| {
            let since = history
                .run
                .as_ref()
                .map(|run| self.world.now.since(&run.started));
            let healthy = history
                .run
                .as_ref()
                .is_some_and(|run| run.ended.is_none() && run.ready.is_some());
            healthy
                && since.is_some_and(|since| since >= Period::from_hours(9))
                && !history.crashes.is_empty()
        });
        let declared = reset.is_some_and(|history| {
            self.town
                .sessions
                .keys()
                .any(|n| self.memory.sessions.get(n) == Some(history))
        });
        if declared {
            Err(Breach {
                law: "L5 backoff",
                detail: format!("{reset:?}"),
            })
        } else {
            Ok(())
        }
    }

    /// What people have stopped is started again, in one part of all runs: in the others it stays
    /// stopped.
    fn go_up(&mut self) {
        if self.random.clone().chance(500) {
            return;
        }
        let names: Vec<SessionName> = self.town.sessions.keys().cloned().collect();
        for name in names {
            let history = self.memory.sessions.get(&name);
            if history.is_some_and(|history| history.stopped) {
                self.memory = ask(std::mem::take(&mut self.memory), &name, Request::Start);
            }
        }
        self.save();
    }

    /// Where sessions of a former and of the present name exist, a person keeps both.
    fn choose_names(&mut self) {
        let observed = self.world.observe();
        let Observed::Up(server) = &observed else {
            return;
        };
        for desired in self.town.sessions.values_mut() {
            let exists = |name: &SessionName| label_of(&observed, name).is_some();
            let former = desired.moved.iter().filter(|name| exists(name)).count();
            let is_named = server.sessions.contains_key(desired.name.as_str());
            let present = usize::from(is_named || exists(&desired.name));
            if former > 0 && former + present > 1 {
                desired.moved.clear();
            }
        }
        self.world.former_names = self.town.former_names();
    }

    fn come_to_rest(&mut self) -> Result<Plan, Breach> {
        let begun = self.report.awake;
        let mut idle = 0;
        for _ in 0..MOST_CYCLES {
            let plan = self.cycle()?;
            if self.is_at_rest(&plan) {
                return Ok(plan);
            }
            let waits = plan.wake.is_some() || !plan.steps.is_empty();
            idle = if waits { 0 } else { idle + 1 };
            let passed = self.report.awake.minus(begun);
            let late = passed > LONGEST.plus(self.town.resync).plus(self.town.resync);
            if (idle > IDLE_CYCLES && passed > DOUBT) || late {
                return Err(self.unrest(&plan));
            }
        }
        let plan = self.cycle()?;
        Err(self.unrest(&plan))
    }

    fn unrest(&self, plan: &Plan) -> Breach {
        let observed = self.world.observe();
        let mut detail = vec![format!("{} held, wake {:?}", plan.held.len(), plan.wake)];
        for held in plan.held.iter().take(2) {
            let history = self.memory.sessions.get(&held.session);
            detail.push(format!("{held:?}\n{history:?}"));
        }
        for desired in self
            .town
            .sessions
            .values()
            .filter(|desired| !self.is_as_declared(&observed, desired))
            .take(2)
        {
            let calm = plan
                .unchanged
                .iter()
                .find(|calm| calm.session == desired.name);
            let history = self.memory.sessions.get(&desired.name);
            let seen: Vec<_> = match &observed {
                Observed::Up(server) => server
                    .sessions
                    .iter()
                    .filter(|(n, _)| *n == desired.name.as_str())
                    .collect(),
                Observed::Down | Observed::Unknown(_) => vec![],
            };
            detail.push(format!(
                "{} {:?} {calm:?}\n{history:?}\n{seen:?}",
                desired.name, desired.restart
            ));
        }
        Breach {
            law: "L1 converges",
            detail: detail.join("\n"),
        }
    }

    fn is_at_rest(&self, plan: &Plan) -> bool {
        let observed = self.world.observe();
        let is_over = |held: &Held| {
            // What time alone can end is not over.
            let waits = matches!(held.hold, Hold::After { .. }) && held.until.is_none();
            let in_vain = waits && never_starts(&self.town, &self.memory, &observed, &held.session);
            in_vain || matches!(held.hold, Hold::EmptyTown)
        };
        let waiting = plan.held.iter().any(|held| !is_over(held));
        let coming = plan.unchanged.iter().any(|calm| calm.next.is_some());
        let waits = |name: &SessionName| {
            plan.held
                .iter()
                .any(|held| held.session == *name && is_over(held))
        };
        let is_as_told =
            |desired: &Desired| waits(&desired.name) || self.is_as_declared(&observed, desired);
        let as_declared = || self.town.sessions.values().all(is_as_told);
        plan.steps.is_empty() && !waiting && !coming && !self.doubts(&observed) && as_declared()
    }

    /// Whether a label has an older generation than is remembered. For ten minutes it may be an old
    /// look, and nothing is learned from it.
    fn doubts(&self, observed: &Observed) -> bool {
        let Observed::Up(server) = observed else {
            return false;
        };
        server.sessions.values().any(|seen| {
            let Ownership::Ours(label) = &seen.ownership else {
                return false;
            };
            let run = self
                .memory
                .sessions
                .get(&label.session)
                .and_then(|history| history.run.as_ref());
            run.is_some_and(|run| label.generation < run.generation)
        })
    }

    fn is_as_declared(&self, observed: &Observed, desired: &Desired) -> bool {
        let history = self.memory.sessions.get(&desired.name);
        let is_stopped = history.is_some_and(|history| history.stopped);
        if !desired.enabled || (is_stopped && desired.policy.is_none()) {
            // It must not run.
            return label_of(observed, &desired.name).is_none();
        }
        if desired.is_task() && history.is_some_and(|history| history.finished.is_some()) {
            return true;
        }
        let Observed::Up(server) = observed else {
            return false;
        };
        server.sessions.values().any(|seen| {
            let Ownership::Ours(label) = &seen.ownership else {
                return false;
            };
            let current = label
                .fingerprint
                .is_none_or(|print| print == desired.fingerprint())
                || desired.on_drift == OnDrift::Report
                || desired.is_task();
            label.session == desired.name && current && matches!(seen.life, Life::Alive { .. })
        })
    }
}

/// Whether a session is down because of what it waits for: a task that has failed or does not end,
/// or one that is itself down for such a reason.
fn never_starts(town: &Town, memory: &Memory, observed: &Observed, name: &SessionName) -> bool {
    let lives = |name: &SessionName| {
        label_of(observed, name).is_some_and(|seen| matches!(seen.life, Life::Alive { .. }))
    };
    let Some(desired) = town.sessions.get(name).filter(|_| !lives(name)) else {
        return false;
    };
    let rests = |name: &SessionName| {
        let is_disabled = town.sessions.get(name).is_some_and(|other| !other.enabled);
        let history = memory.sessions.get(name);
        is_disabled || history.is_some_and(|history| history.stopped)
    };
    let is_earlier = |other: &SessionName| {
        let other = town.sessions.get(other);
        other.is_some_and(|other| other.wave <= desired.wave)
    };
    let waits_for = |other: &SessionName| is_earlier(other) && rests(other);
    if desired.after.keys().any(waits_for) {
        return true;
    }
    desired.after.iter().any(|(other, awaited)| {
        let Some(task) = town
            .sessions
            .get(other)
            .filter(|other| other.wave <= desired.wave)
        else {
            return false;
        };
        let ended = memory
            .sessions
            .get(other)
            .and_then(|history| history.finished)
            .filter(|_| task.is_task());
        let fails = match awaited.milestone {
            Milestone::Started => false,
            Milestone::Ready => !lives(other) && ended.is_some_and(|ended| !ended.well),
            Milestone::Completed => lives(other) || ended.is_some_and(|ended| !ended.well),
        };
        fails || never_starts(town, memory, observed, other)
    })
}
