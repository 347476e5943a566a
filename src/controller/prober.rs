//! Questions to agents, asked beside the cycles: none of them waits for an answer.

use crate::act::{self, PROBE_DEADLINE};
use crate::model::{Moment, Probe};
use crate::reconcile::ProbeAnswer;
use tokio::task::JoinSet;

/// The questions that are out, and the answers that nobody has taken yet. Dropping it ends what was
/// started.
#[derive(Debug, Default)]
pub(super) struct Prober {
    out: JoinSet<ProbeAnswer>,
    received: Vec<ProbeAnswer>,
}

impl Prober {
    /// Asks. The planner never wants a second question of one agent before the first has had its
    /// time.
    pub(super) fn ask(&mut self, probe: Probe, now: Moment) {
        self.out.spawn(async move {
            let answer = act::probe(&probe, PROBE_DEADLINE).await;
            ProbeAnswer {
                agent: probe.agent,
                asked: now,
                answer,
            }
        });
    }

    /// The answers that have come since they were last taken.
    pub(super) fn take(&mut self) -> Vec<ProbeAnswer> {
        while let Some(answer) = self.out.try_join_next() {
            self.received.extend(answer);
        }
        std::mem::take(&mut self.received)
    }

    /// Waits for an answer; for ever where no question is out. May be dropped at any time.
    pub(super) async fn wait(&mut self) {
        match self.out.join_next().await {
            Some(answer) => self.received.extend(answer),
            None => std::future::pending().await,
        }
    }
}
