//! Asks agents beside the cycles. No cycle waits for an answer.

use crate::act::{self, PROBE_DEADLINE};
use crate::model::{Moment, Probe};
use crate::reconcile::ProbeAnswer;
use tokio::task::JoinSet;

/// The questions without an answer yet, and the answers that nobody has taken yet. Dropping it ends
/// the started processes.
#[derive(Debug, Default)]
pub(super) struct Prober {
    out: JoinSet<ProbeAnswer>,
    received: Vec<ProbeAnswer>,
}

impl Prober {
    /// Asks an agent. The planner asks the same agent again only after the deadline of the first
    /// question.
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

    /// The answers that have come since the last call.
    pub(super) fn take(&mut self) -> Vec<ProbeAnswer> {
        while let Some(answer) = self.out.try_join_next() {
            self.received.extend(answer);
        }
        std::mem::take(&mut self.received)
    }

    /// Waits for an answer, and without end where no question waits for one. May be dropped at any
    /// time.
    pub(super) async fn wait(&mut self) {
        match self.out.join_next().await {
            Some(answer) => self.received.extend(answer),
            None => std::future::pending().await,
        }
    }
}
