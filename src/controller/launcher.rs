//! Starts and stops by commands within the cycle: takes in what has ended, and begins what was
//! written down.

use super::chores::Farewell;
use super::cycle::{CycleFault, server_of};
use super::setup::Controller;
use crate::act::{LauncherOrder, LauncherReport};
use crate::events::{EndedStep, TownEvent};
use crate::model::SortedMap;
use crate::model::{Done, Effect, LauncherJob, Outcome, Outcomes, SessionName};
use crate::proc;
use crate::reconcile::{Arrivals, EndedJob, Intended, LauncherArrivals, take_in};
use std::sync::Arc;

/// The launcher jobs that have ended since the last cycle.
#[derive(Debug, Default)]
pub(super) struct Heard(Vec<LauncherReport>);

impl Heard {
    /// They as ended steps, for the events of the cycle.
    pub(super) fn steps(&self) -> Vec<EndedStep> {
        self.0.iter().map(ended_step).collect()
    }

    /// What came of them.
    pub(super) fn outcomes(&self) -> Outcomes {
        self.0.iter().map(LauncherReport::done).collect()
    }

    /// Their outcomes, and then those of the cycle.
    pub(super) fn before(self, outcomes: Outcomes) -> Outcomes {
        self.outcomes().into_iter().chain(outcomes).collect()
    }
}

impl Controller {
    /// What has ended since the last cycle, and what goes on.
    pub(super) fn launcher_arrivals(&mut self) -> (LauncherArrivals, Heard) {
        let reports = self.launcher_jobs.ended();
        let ended = reports.iter().map(ended_job).collect();
        let arrivals = LauncherArrivals {
            me: self.me,
            ended,
            running: self.running_launcher_jobs(),
        };
        (arrivals, Heard(reports))
    }

    /// Begins the jobs whose steps have passed their checks.
    pub(super) fn begin_launcher_jobs(&mut self, intended: &Intended<'_>, outcomes: &[Done]) {
        let (decided, memory, plan) = (intended.decided(), intended.memory(), intended.plan());
        let is_begun = |done: &&Done| matches!(done.outcome, Outcome::Done(Effect::Begun { .. }));
        let mut begun = outcomes.iter().filter(is_begun).peekable();
        if begun.peek().is_none() {
            return;
        }
        let (town, shared) = (Arc::new(decided.town().clone()), Arc::new(memory.clone()));
        for done in begun {
            let step = plan.steps.iter().find(|step| step.session == done.session);
            let launcher_job = memory
                .sessions
                .get(&done.session)
                .and_then(|history| history.launcher_job);
            let Some((step, launcher_job)) = step.zip(launcher_job) else {
                continue;
            };
            let job = LauncherOrder {
                step: step.clone(),
                written: launcher_job,
                town: town.clone(),
                memory: shared.clone(),
                server: server_of(decided.observed()),
                client: self.client.clone(),
                state: self.store.path().to_path_buf(),
                sink: self.sink_program(),
                now: decided.now(),
            };
            self.launcher_jobs.begin(job);
        }
    }

    /// Whether anything is started or stopped by commands now.
    #[must_use]
    pub fn has_launcher_jobs(&self) -> bool {
        self.launcher_jobs.running().next().is_some()
    }

    /// The jobs under way, as they are remembered.
    pub(super) fn running_launcher_jobs(&self) -> SortedMap<SessionName, LauncherJob> {
        let running = self.launcher_jobs.running();
        running
            .map(|order| (order.step.session.clone(), order.written))
            .collect()
    }

    /// Waits for the starts and stops by commands that are under way, or ends them, and remembers
    /// what came of them.
    ///
    /// # Errors
    /// [`CycleFault`]; they have ended nevertheless.
    pub async fn end_launcher_jobs(&mut self, farewell: Farewell) -> Result<Outcomes, CycleFault> {
        match farewell {
            Farewell::Wait => self.launcher_jobs.settle().await,
            Farewell::Break => self.launcher_jobs.close().await,
        }
        let (launcher, Heard(reports)) = self.launcher_arrivals();
        if reports.is_empty() {
            return Ok(Outcomes::new());
        }
        let arrivals = Arrivals {
            launcher: Some(launcher),
            ..Arrivals::default()
        };
        self.amend(|memory| take_in(memory, arrivals, proc::process::may_live).memory)?;
        let event = |report| ended_step(report).event(self.actor.clone());
        let events: Vec<TownEvent> = reports.iter().map(event).collect();
        self.tell_journal(&events);
        Ok(Heard(reports).outcomes())
    }
}

fn ended_job(report: &LauncherReport) -> EndedJob {
    let LauncherReport { step, outcome, at } = report;
    EndedJob {
        step: step.clone(),
        outcome: outcome.clone(),
        at: *at,
    }
}

fn ended_step(report: &LauncherReport) -> EndedStep {
    let LauncherReport { step, outcome, at } = report;
    EndedStep {
        step: step.clone(),
        outcome: outcome.clone(),
        at: *at,
    }
}
