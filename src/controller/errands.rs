//! Starts and stops by commands within the cycle: what has ended is taken in, what was written down is begun.

use super::chores::Farewell;
use super::cycle::{Controller, CycleFault, chain, server_of};
use crate::act::{ErrandJob, ErrandReport};
use crate::model::{Done, Effect, Entry, Outcome, Outcomes};
use crate::proc;
use crate::reconcile::{Arrivals, EndedJob, Intended, LauncherArrivals, take_in};
use crate::remember::{entries, stands_alone};
use std::sync::Arc;

/// Errands that have ended since the last cycle.
#[derive(Debug, Default)]
pub(super) struct Heard(Vec<ErrandReport>);

impl Heard {
    /// What there is to write down of them.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.0.iter().flat_map(entries_of).collect()
    }

    /// What came of them.
    pub(super) fn outcomes(&self) -> Outcomes {
        self.0.iter().map(ErrandReport::done).collect()
    }

    /// What came of them, and then of the cycle.
    pub(super) fn before(self, outcomes: Outcomes) -> Outcomes {
        self.outcomes().into_iter().chain(outcomes).collect()
    }
}

impl Controller {
    /// What has ended since the last cycle, and what goes on.
    pub(super) fn launcher_arrivals(&mut self) -> (LauncherArrivals, Heard) {
        let reports = self.errands.ended();
        let ended = reports.iter().map(ended_job).collect();
        let arrivals = LauncherArrivals { me: self.me, ended, running: self.errands.running() };
        (arrivals, Heard(reports))
    }

    /// Begins what was found fit to be begun.
    pub(super) fn begin_errands(&mut self, intended: &Intended<'_>, outcomes: &[Done]) {
        let (decided, memory, plan) = (intended.decided(), intended.memory(), intended.plan());
        let is_begun = |done: &&Done| matches!(done.outcome, Outcome::Done(Effect::Begun { .. }));
        let mut begun = outcomes.iter().filter(is_begun).peekable();
        if begun.peek().is_none() {
            return;
        }
        let (town, shared) = (Arc::new(decided.town().clone()), Arc::new(memory.clone()));
        for done in begun {
            let step = plan.steps.iter().find(|step| step.session == done.session);
            let errand = memory.sessions.get(&done.session).and_then(|history| history.errand);
            let Some((step, errand)) = step.zip(errand) else { continue };
            let job = ErrandJob {
                step: step.clone(),
                town: town.clone(),
                memory: shared.clone(),
                server: server_of(decided.observed()),
                client: self.client.clone(),
                state: self.store.path().to_path_buf(),
                sink: self.sink_program(),
                now: decided.now(),
            };
            self.errands.begin(job, errand);
        }
    }

    /// Whether anything is started or stopped by commands now.
    #[must_use]
    pub fn has_errands(&self) -> bool {
        !self.errands.running().is_empty()
    }

    /// Lets the starts and stops by commands that are under way end, and remembers what came of them.
    ///
    /// # Errors
    /// [`CycleFault`]; they have ended all the same.
    pub async fn end_errands(&mut self, farewell: Farewell) -> Result<Outcomes, CycleFault> {
        match farewell {
            Farewell::Wait => self.errands.settle().await,
            Farewell::Break => self.errands.close().await,
        }
        let (launcher, Heard(reports)) = self.launcher_arrivals();
        if reports.is_empty() {
            return Ok(Outcomes::new());
        }
        let arrivals = Arrivals { launcher: Some(launcher), ..Arrivals::default() };
        self.amend(|memory| take_in(memory, arrivals, proc::process::may_live).memory)?;
        for report in &reports {
            if let Err(fault) = self.store.journal(report.at, &entries_of(report)) {
                tracing::warn!(fault = chain(&fault), "the journal was not written");
            }
        }
        Ok(Heard(reports).outcomes())
    }
}

fn ended_job(report: &ErrandReport) -> EndedJob {
    let ErrandReport { step, outcome, at } = report;
    EndedJob { step: step.clone(), outcome: outcome.clone(), at: *at }
}

fn entries_of(report: &ErrandReport) -> Vec<Entry> {
    let plan = stands_alone(report.step.clone());
    entries(&plan, &plan, &[report.done()])
}
