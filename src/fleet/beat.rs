//! Beats, the sign-in, and the end of what can move when beats fail.

use super::agent::Agent;
use super::forgive::FenceEnd;
use super::guard::{Link, Order, sweep};
use crate::etcd::{EtcdFault, Freshness};
use crate::fence::{Beat, Beaten, FenceState, KeepaliveAnswer, KeyAnswer, SignIn, sign_in};
use crate::model::{BootTime, FleetKey, Moment, Period, ProcId, Revision};
use crate::proc::{clock, process};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// What can move is ended so long before the deadline by the controller itself. Then the guard has
/// nothing to do, and the controller lives on.
const AHEAD: Period = Period::from_millis(400);
/// The least pause between two beats, also after a failure.
const LEAST: Duration = Duration::from_millis(100);

impl Agent {
    /// Beats until the end.
    pub(super) async fn beats(&self) {
        loop {
            let due = Instant::now() + self.settings().beat.to_std();
            let went_well = match self.beat().await {
                Ok(()) => {
                    self.shared.trouble(None);
                    true
                }
                Err(why) => {
                    self.shared.trouble(Some(why));
                    false
                }
            };
            if went_well {
                sleep_until(due.max(Instant::now() + LEAST)).await;
            } else {
                sleep(LEAST).await;
            }
        }
    }

    /// One beat, with all that must be true before it.
    async fn beat(&self) -> Result<(), String> {
        self.guarded().await?;
        if self.state().sign_in().is_none() {
            self.sign_in().await.map_err(|fault| fault.to_string())?;
        }
        if !self.state().takes_part() {
            self.clear().await?;
        }
        let Some(lease) = self.lease.get() else {
            return Err("this host has no lease".to_owned());
        };
        let client = &self.store.client;
        let sent = clock::boot_time();
        let keepalive = match client.keep_alive(lease).await {
            Ok(_) => KeepaliveAnswer::Alive,
            Err(EtcdFault::NoLease) => KeepaliveAnswer::Gone,
            Err(_) => KeepaliveAnswer::Failed,
        };
        let key = self.store.keys.text(&FleetKey::Host(self.here.clone()));
        let read = client.get(&key, Freshness::Quorum).await;
        let key = match &read {
            Ok(Some(pair)) => KeyAnswer::Made(Revision(pair.created)),
            Ok(None) => KeyAnswer::Gone,
            Err(_) => KeyAnswer::Failed,
        };
        let beat = Beat {
            sent,
            keepalive,
            key,
        };
        let (state, beaten) = self.state().beaten(&beat, self.settings().fence);
        match beaten {
            Beaten::Confirmed => {
                // The guard has the deadline before it counts. Nobody gives it another in between.
                let mut link = self.link.lock().await;
                self.order(&mut link, state.deadline()).await?;
                let mut inner = self.shared.lock();
                inner.look.fence = state;
                inner.ended_at = None;
                drop(inner);
                Ok(())
            }
            Beaten::Unconfirmed => {
                let why = read.err().map_or_else(
                    || "the store does not renew the lease".to_owned(),
                    |fault| fault.to_string(),
                );
                Err(why)
            }
            Beaten::SignedOut => {
                self.lease.set(None);
                self.shared.lock().look.fence = state;
                Err("the store has taken this host for lost: it signs in anew".to_owned())
            }
        }
    }

    pub(super) fn state(&self) -> FenceState {
        self.shared.lock().look.fence
    }

    /// Makes sure that the guard is there and has the deadline. Without a guard there is no beat.
    async fn guarded(&self) -> Result<(), String> {
        let mut link = self.link.lock().await;
        if !link.is_open() {
            let no_guard = |fault| format!("the guard does not run: {fault}");
            let found = link.open().await.map_err(no_guard)?;
            if !self.is_taken_over.replace(true) {
                self.shared.lock().look.fence = FenceState::taken_over(found.deadline);
                if found.deadline.is_none() {
                    // Nobody knows until when it might live. A guard may have ended it already.
                    self.end_movable(None).await;
                    return self.order(&mut link, None).await;
                }
            }
        }
        let deadline = self.state().deadline();
        let is_ended = self.shared.lock().ended_at == deadline;
        self.order(&mut link, deadline.filter(|_| !is_ended)).await
    }

    /// Gives the guard a deadline.
    async fn order(&self, link: &mut Link, deadline: Option<BootTime>) -> Result<(), String> {
        let me = process::identify(std::process::id()).unwrap_or(ProcId {
            pid: std::process::id(),
            start: 0,
        });
        let order = Order {
            pid: me.pid,
            start: me.start,
            host: self.here.clone(),
            sessions: None,
            deadline,
        };
        let movable = self.shared.lock().movable();
        let answer = link.order(&movable, order).await;
        answer
            .map(drop)
            .map_err(|fault| format!("the guard does not answer: {fault}"))
    }

    async fn sign_in(&self) -> Result<(), EtcdFault> {
        let view = self.store.view().await?;
        let lease = if let Some(lease) = self.lease.get() {
            lease
        } else {
            let ttl = self.settings().lease.to_std();
            let (lease, _) = self.store.client.grant(ttl).await?;
            self.lease.set(Some(lease));
            lease
        };
        let way = sign_in(&view, &self.here, &self.record.borrow());
        let (transaction, made) = match way {
            SignIn::Anew(transaction) => (transaction, None),
            SignIn::GoOn(transaction, made) => (transaction, Some(made)),
            SignIn::Taken => {
                // The wait for the other lease may be longer than this one lasts.
                self.store.client.keep_alive(lease).await?;
                return Err(EtcdFault::Refused(format!(
                    "another machine is signed in as host {}",
                    self.here
                )));
            }
        };
        let result = match self.store.commit(&transaction, Some(lease)).await {
            Err(EtcdFault::NoLease) => {
                self.lease.set(None);
                return Err(EtcdFault::NoLease);
            }
            result => result?,
        };
        if !result.held {
            return Err(EtcdFault::Refused(
                "the sign-in has changed meanwhile".to_owned(),
            ));
        }
        let made = made.unwrap_or(Revision(result.revision));
        let mut inner = self.shared.lock();
        inner.look.fence = inner.look.fence.signed_in(made);
        tracing::info!(host = %self.here, revision = made.0, "signed in");
        Ok(())
    }

    /// Ends what can move shortly before the deadline. So the guard need not, and the controller
    /// stays to care for the rest.
    pub(super) async fn end_in_time(&self) {
        loop {
            let (deadline, is_done) = {
                let inner = self.shared.lock();
                let deadline = inner.look.fence.deadline();
                (deadline, inner.ended_at == deadline)
            };
            let now = clock::boot_time();
            match deadline {
                Some(at) if !is_done => {
                    let left = at.since(now).minus(AHEAD);
                    if left.is_zero() {
                        self.end_movable(Some(clock::now())).await;
                        let mut link = self.link.lock().await;
                        // A beat may have been confirmed meanwhile: then its deadline stays.
                        if self.state().deadline() == Some(at) {
                            self.shared.lock().ended_at = Some(at);
                            let told = self.order(&mut link, None).await;
                            tracing::warn!(?told, "the store is lost: what can move was ended");
                        }
                    } else {
                        // A beat moves the deadline meanwhile.
                        sleep(left.to_std().min(Duration::from_millis(200))).await;
                    }
                }
                Some(_) | None => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Kills all that can move, and waits until it is dead. `began` is when that began, None where
    /// somebody else may have begun it.
    async fn end_movable(&self, began: Option<Moment>) {
        let movable = self.shared.lock().movable();
        let (town, here) = (self.town.clone(), self.here.clone());
        let work = move || sweep(&town, &here, |name| movable.contains(name));
        let swept = tokio::task::spawn_blocking(work).await;
        let done = clock::now();
        self.shared.lock().look.ended = Some(FenceEnd { began, done });
        if let Ok(swept) = swept
            && swept.killed > 0
        {
            tracing::warn!(killed = swept.killed, left = swept.left.len(), "ended");
        }
    }
}
