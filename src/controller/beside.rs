//! What goes on beside the cycles: questions to agents, chores, launcher jobs. The next cycle takes in
//! what has ended.

use super::cycle::CycleFault;
use super::prober::Prober;
use super::setup::Controller;
use crate::chores::Chores;
use crate::model::{Moment, Orders, Plan, Scope, Town};
use crate::reconcile::ProbeAnswer;
use crate::store::StateDir;
use crate::web::Demand;

impl Controller {
    /// Asks agents whether they are signed in, where the plan says so. Later cycles take in the
    /// answers.
    pub(super) fn ask_agents(&mut self) {
        self.prober.get_or_insert_default();
    }

    /// Looks whenever a reader of the page wants it.
    pub fn heed_readers(&mut self, readers: Demand) {
        self.readers = readers;
    }

    /// Waits for the sessions that were asked whether they are ready, and remembers what they have
    /// shown. For a process that ends after its cycle.
    ///
    /// # Errors
    /// As [`Controller::cycle`].
    pub async fn learn_readiness(&mut self, town: &Town, orders: Orders) -> Result<(), CycleFault> {
        if self.ready.settle().await {
            let nobody = Scope::Sessions(Vec::new());
            Box::pin(self.cycle(town, orders, &nobody)).await?;
        }
        Ok(())
    }

    /// What the watcher waits for between two cycles: a change of the state directory, the answer of
    /// an agent, a session that has become ready, the end of a chore, the end of a start or a stop by commands, and a reader of its
    /// page.
    pub(super) fn senses(&mut self) -> (&StateDir, impl Future<Output = ()>) {
        let Self {
            store,
            prober,
            ready,
            chores,
            launcher_jobs,
            readers,
            fleet,
            ..
        } = self;
        let beside = async move {
            tokio::select! {
                () = readers.wanted() => {}
                () = answered(prober.as_mut()) => {}
                () = ready.passed() => {}
                () = chore_ended(chores.as_mut()) => {}
                () = launcher_jobs.wait() => {}
                () = fleet.wait() => {}
            }
        };
        (store, beside)
    }

    /// The answers that have come since the last cycle.
    pub(super) fn take_answers(&mut self) -> Vec<ProbeAnswer> {
        self.prober.as_mut().map(Prober::take).unwrap_or_default()
    }

    /// Asks the agents whose time has come.
    pub(super) fn ask_due(&mut self, plan: &Plan, now: Moment) {
        let Some(prober) = &mut self.prober else {
            return;
        };
        plan.probes
            .iter()
            .filter(|probe| probe.is_due(now))
            .for_each(|probe| prober.ask(probe.clone(), now));
    }
}

/// Waits for an agent's answer, and without end where none was asked.
async fn answered(prober: Option<&mut Prober>) {
    match prober {
        Some(prober) => prober.wait().await,
        None => std::future::pending().await,
    }
}

/// Waits for the end of a run, and without end where none is under way. The next cycle takes it in.
async fn chore_ended(chores: Option<&mut Chores>) {
    match chores {
        Some(chores) => chores.wait().await,
        None => std::future::pending().await,
    }
}
