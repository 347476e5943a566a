//! Questions to agents, asked beside the cycles: none of them waits for an answer.

use crate::act::{self, PROBE_DEADLINE};
use crate::model::{Answer, Moment, Probe};
use tokio::task::JoinSet;

/// An answer, by the agent and the moment of its question.
pub(super) type Told = (String, Moment, Answer);

/// The questions that are out, and the answers that nobody has taken yet. Dropping it ends what was started.
#[derive(Debug, Default)]
pub(super) struct Prober {
    out: JoinSet<Told>,
    told: Vec<Told>,
}

impl Prober {
    /// Asks. The planner never wants a second question of one agent before the first has had its time.
    pub(super) fn ask(&mut self, probe: Probe, now: Moment) {
        self.out.spawn(async move {
            let answer = act::probe(&probe, PROBE_DEADLINE).await;
            (probe.agent, now, answer)
        });
    }

    /// The answers that have come since they were last taken.
    pub(super) fn take(&mut self) -> Vec<Told> {
        while let Some(told) = self.out.try_join_next() {
            self.told.extend(told);
        }
        std::mem::take(&mut self.told)
    }

    /// Waits for an answer; for ever where no question is out. May be dropped at any time.
    pub(super) async fn wait(&mut self) {
        match self.out.join_next().await {
            Some(told) => self.told.extend(told),
            None => std::future::pending().await,
        }
    }
}
