//! Leads: one host at a time places the sessions.

use super::agent::Agent;
use crate::model::fleet::PROTOCOL;
use crate::model::{Period, PlaceReason, Revision, Transaction};
use crate::place::{Absences, Placing, claim, led_by, place};
use crate::proc::clock;
use std::time::Duration;

/// How often a host looks whether it can lead, and a leader while something waits for a time.
const EVERY: Duration = Duration::from_millis(500);
/// How often a leader looks while nothing waits. What changes in the store wakes it.
const CALM: Duration = Duration::from_secs(5);
/// The most changes in one transaction: etcd takes 128 conditions.
const AT_ONCE: usize = 16;

/// What a leader has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Each session is where it should be, until the store changes.
    Calm,
    /// Something was written, cannot be decided yet, or waits for a time.
    Waits,
}

impl Agent {
    /// Tries to lead, and places the sessions while it does.
    pub(super) async fn lead(&self) {
        let mut absences = Absences::default();
        let mut led: Option<Revision> = None;
        loop {
            let leading = self.leads().await;
            if leading != led {
                absences = Absences::default();
                led = leading;
                self.shared.lock().look.leads = led.is_some();
            }
            let mut pause = EVERY;
            if let Some(leader) = led {
                absences = self.look_after(&absences);
                if self.place(leader, &absences).await == Standing::Calm {
                    pause = CALM;
                }
                let end = self.lock_delay.get().and_then(|it| absences.next_end(it));
                pause = end.map_or(pause, |end| pause.min(end.to_std()));
            }
            let woken = self.shared.to_place.notified();
            let _ = tokio::time::timeout(pause.max(Duration::from_millis(10)), woken).await;
        }
    }

    fn look_after(&self, absences: &Absences) -> Absences {
        let inner = self.shared.lock();
        let seen = inner.look.view.as_ref();
        seen.map_or_else(Absences::default, |view| {
            absences.seen(view, clock::boot_time())
        })
    }

    /// The revision in which this host became the leader. None if another leads.
    async fn leads(&self) -> Option<Revision> {
        let signed_in = self.state().sign_in()?;
        let claim = {
            let inner = self.shared.lock();
            if !inner.look.fence.takes_part() {
                return None;
            }
            let view = inner.look.view.as_ref()?;
            if let Some(led) = led_by(view, &self.here) {
                return Some(led);
            }
            claim(view, &self.here, &self.record.borrow().instance, signed_in)?
        };
        let lease = self.lease.get()?;
        let result = self.store.commit(&claim, Some(lease)).await.ok()?;
        self.seen(result.revision).await;
        result.held.then_some(Revision(result.revision))
    }

    /// Decides, and writes what has changed.
    async fn place(&self, leader: Revision, absences: &Absences) -> Standing {
        let Some(lock_delay) = self.lock_delay.get() else {
            // Whether the store can be believed is not known yet.
            return Standing::Waits;
        };
        let changes = {
            let inner = self.shared.lock();
            let Some(view) = &inner.look.view else {
                return Standing::Waits;
            };
            if inner.fleet.sessions.is_empty() && view.places.is_empty() {
                return Standing::Calm;
            }
            let placing = Placing {
                view,
                sessions: &inner.fleet.sessions,
                absences,
                lock_delay,
                protocol: PROTOCOL,
                leader,
                rebalance: false,
                now: clock::now(),
            };
            let verdicts = place(&placing);
            let waits = |reason: &PlaceReason| matches!(reason, PlaceReason::GapNotOver { .. });
            if verdicts
                .values()
                .all(|verdict| verdict.change.is_none() && !waits(&verdict.reason))
            {
                return Standing::Calm;
            }
            let changes = verdicts.into_values().filter_map(|verdict| verdict.change);
            changes.collect::<Vec<Transaction>>()
        };
        for some in changes.chunks(AT_ONCE) {
            self.write(some).await;
        }
        Standing::Waits
    }

    /// Writes changes together. Where one of them rests on what is not so any more, each alone.
    async fn write(&self, changes: &[Transaction]) {
        let all: Vec<&Transaction> = changes.iter().collect();
        let together = self.store.commit_all(&all, None).await;
        let revision = match together {
            Ok(result) if result.held => Some(result.revision),
            Ok(_) if changes.len() > 1 => {
                let mut last = None;
                for change in changes {
                    let alone = self.store.commit(change, None).await;
                    last = alone.ok().map(|result| result.revision).or(last);
                }
                last
            }
            Ok(result) => Some(result.revision),
            Err(fault) => {
                tracing::warn!(%fault, "the places were not written");
                tokio::time::sleep(Period::from_millis(100).to_std()).await;
                None
            }
        };
        if let Some(revision) = revision {
            self.seen(revision).await;
        }
    }
}
