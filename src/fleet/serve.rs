//! What the controller asks of the thread: permits, histories, states and answers.

use super::agent::Agent;
use super::handle::{SessionReport, StartAsk, Wish};
use crate::etcd::{EtcdFault, LeaseId};
use crate::fence::{PermitAsk, PermitRefusal, release};
use crate::model::fleet::Compare;
use crate::model::written::from_bytes;
use crate::model::{
    AskAnswer, FleetKey, FleetView, Hist, LossPolicy, SessionName, SessionStatus, Transaction,
    Write,
};
use crate::model::{SortedMap, SortedSet};
use crate::proc::clock;
use tokio::sync::mpsc;

/// The most permits in one transaction.
const AT_ONCE: usize = 30;

/// What was last written of the states of sessions.
#[derive(Debug, Default)]
pub(super) struct Published {
    lease: Option<LeaseId>,
    statuses: SortedMap<SessionName, SessionStatus>,
}

/// What can still become of a session here.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// A permit is open.
    may_begin: bool,
    is_declared: bool,
}

impl Agent {
    pub(super) async fn serve(&self, mut heard: mpsc::UnboundedReceiver<Wish>) {
        while let Some(wish) = heard.recv().await {
            match wish {
                Wish::Permits(asks, answer) => {
                    let refused = self.permits(asks).await;
                    // Who does not wait any more starts nothing.
                    let _ = answer.send(refused);
                }
                Wish::Report(sessions) => self.report(sessions).await,
                Wish::Answer(id, answer) => self.answer(&id, answer).await,
                Wish::SignedOut(agents) => self.tell_signed_out(agents).await,
            }
        }
    }

    /// Gets permits. Returns those that were refused.
    async fn permits(&self, asks: Vec<StartAsk>) -> SortedMap<SessionName, String> {
        let mut refused = SortedMap::new();
        let mut ready: Vec<PermitAsk> = Vec::new();
        for ask in &asks {
            match self.permit_ask(ask) {
                Ok(asked) => ready.push(asked),
                Err(why) => drop(refused.insert(ask.session.clone(), words(why).to_owned())),
            }
        }
        for some in ready.chunks(AT_ONCE) {
            let all: Vec<&Transaction> = some.iter().map(|ask| &ask.transaction).collect();
            match self.store.commit_all(&all, None).await {
                Ok(result) if result.held => {
                    self.give(some);
                    self.seen(result.revision).await;
                }
                Ok(_) => {
                    for ask in some {
                        self.one_permit(ask, &mut refused).await;
                    }
                }
                Err(fault) => {
                    let names = some.iter().map(|ask| ask.permit.session.clone());
                    refused.extend(names.map(|name| (name, fault.to_string())));
                }
            }
        }
        let now = clock::boot_time();
        let inner = self.shared.lock();
        for ask in ready {
            let place = inner.look.view.as_ref();
            let place = place.and_then(|view| view.places.get(&ask.permit.session));
            let epoch = place.map(crate::model::Stored::epoch);
            let known = (&inner.look.fence, epoch);
            let (name, generation) = (&ask.permit.session, ask.permit.generation);
            if let Err(why) = inner.permits.may_start(name, generation, known, now) {
                let why = format!("its permit does not hold: {why:?}");
                refused.entry(name.clone()).or_insert(why);
            }
        }
        refused
    }

    fn give(&self, asks: &[PermitAsk]) {
        let mut inner = self.shared.lock();
        for ask in asks {
            inner.permits.give(ask.permit.clone());
        }
    }

    async fn one_permit(&self, ask: &PermitAsk, refused: &mut SortedMap<SessionName, String>) {
        let name = ask.permit.session.clone();
        match self.store.commit(&ask.transaction, None).await {
            Ok(result) if result.held => {
                self.shared.lock().permits.give(ask.permit.clone());
                self.seen(result.revision).await;
            }
            Ok(result) => {
                self.seen(result.revision).await;
                refused.insert(
                    name,
                    "what the store says of it has just changed".to_owned(),
                );
            }
            Err(fault) => drop(refused.insert(name, fault.to_string())),
        }
    }

    fn permit_ask(&self, ask: &StartAsk) -> Result<PermitAsk, PermitRefusal> {
        let inner = self.shared.lock();
        let view = inner.look.view.as_ref().ok_or(PermitRefusal::NotSignedIn)?;
        let declared = inner.fleet.sessions.get(&ask.session);
        let on_host_loss = declared.map_or(LossPolicy::Move, |session| session.on_host_loss);
        if on_host_loss == LossPolicy::Move && inner.is_ended() {
            return Err(PermitRefusal::Over);
        }
        let mut hist = hist_of(view, &ask.session);
        hist.take_in(&ask.history);
        hist.generation = hist.generation.max(ask.generation);
        let who = (&self.here, &ask.session, on_host_loss);
        let when = (clock::boot_time(), inner.fleet.settings.fence);
        let asked = PermitAsk::new(view, &inner.look.fence, who, &hist, when)?;
        if asked.permit.generation == ask.generation {
            Ok(asked)
        } else {
            // The store has a later one: the next cycle knows it.
            Err(PermitRefusal::Unreadable)
        }
    }

    /// Writes what has changed of the sessions, and lets go of those that shall leave and are gone.
    async fn report(&self, sessions: SortedMap<SessionName, SessionReport>) {
        let mut transactions = Vec::new();
        let mut is_settled = true;
        let revision = {
            let now = clock::boot_time();
            let mut inner = self.shared.lock();
            for (name, report) in &sessions {
                if let Some(status) = &report.status {
                    inner.permits.settle(name, status.generation);
                }
            }
            let Some(view) = &inner.look.view else {
                return;
            };
            for (name, report) in &sessions {
                let fate = Fate {
                    may_begin: inner.permits.open_until(name, now).is_some(),
                    is_declared: inner.fleet.sessions.contains_key(name),
                };
                // What it comes to changes by itself, once the permit is over.
                is_settled &= !fate.may_begin;
                transactions.extend(self.news_of(view, name, report, fate));
            }
            view.revision
        };
        for some in transactions.chunks(AT_ONCE) {
            if let Err(fault) = self.write_news(some).await {
                tracing::debug!(%fault, "histories were not written");
                return;
            }
        }
        let has_published = self.publish(&sessions).await;
        is_settled &= transactions.is_empty() && !has_published;
        self.shared.lock().settled = is_settled.then_some((revision, sessions));
    }

    /// Writes what is new of some sessions together. Where that rests for one of them on what is not
    /// so any more, each alone: the next report has what was not written.
    async fn write_news(&self, some: &[Transaction]) -> Result<(), EtcdFault> {
        let all: Vec<&Transaction> = some.iter().collect();
        let together = self.store.commit_all(&all, None).await?;
        let mut revision = together.revision;
        if !together.held && some.len() > 1 {
            for transaction in some {
                revision = self.store.commit(transaction, None).await?.revision;
            }
        }
        self.seen(revision).await;
        Ok(())
    }

    /// What is to be written of one session. None if nothing is.
    fn news_of(
        &self,
        view: &FleetView,
        name: &SessionName,
        report: &SessionReport,
        fate: Fate,
    ) -> Option<Transaction> {
        let place = view.places.get(name)?;
        if place.value.host != self.here {
            return None;
        }
        let known = view.hists.get(name);
        let mut hist = hist_of(view, name);
        hist.take_in(&report.history);
        if report.is_prepared {
            hist.prepared.insert(self.here.clone());
        }
        let shall_leave = place.value.leave.is_some() || !fate.is_declared;
        if shall_leave && report.is_gone && !fate.may_begin {
            return release(view, &self.here, name, &hist);
        }
        if known.is_none_or(|known| known.value == hist) {
            return None;
        }
        let key = FleetKey::Hist(name.clone());
        let modified = known.map(|known| known.modified).unwrap_or_default();
        Some(Transaction {
            compares: vec![
                Compare::Modified(FleetKey::Place(name.clone()), place.modified),
                Compare::Modified(key.clone(), modified),
            ],
            writes: vec![Write::Put(key, serde_json::to_string(&hist).ok()?)],
        })
    }

    /// Writes the states that have changed, under the lease. Returns whether there were any.
    async fn publish(&self, sessions: &SortedMap<SessionName, SessionReport>) -> bool {
        let Some(lease) = self.lease.get() else {
            return true;
        };
        let changed: Vec<(SessionName, SessionStatus)> = {
            let mut published = self.published.borrow_mut();
            if published.lease != Some(lease) {
                *published = Published {
                    lease: Some(lease),
                    statuses: SortedMap::new(),
                };
            }
            let all = sessions.iter();
            let all = all.filter_map(|(name, report)| Some((name, report.status.clone()?)));
            let is_new = |(name, status): &(&SessionName, SessionStatus)| {
                published.statuses.get(*name) != Some(status)
            };
            let fresh = all.filter(is_new);
            fresh.map(|(name, status)| (name.clone(), status)).collect()
        };
        for some in changed.chunks(AT_ONCE) {
            let write = |(name, status): &(SessionName, SessionStatus)| {
                let text = serde_json::to_string(status).ok()?;
                Some(Write::PutLeased(FleetKey::Status(name.clone()), text))
            };
            let transaction = Transaction {
                compares: Vec::new(),
                writes: some.iter().filter_map(write).collect(),
            };
            match self.store.commit(&transaction, Some(lease)).await {
                Ok(_) => self
                    .published
                    .borrow_mut()
                    .statuses
                    .extend(some.iter().cloned()),
                Err(fault) => {
                    tracing::debug!(%fault, "the states were not written");
                    return true;
                }
            }
        }
        !changed.is_empty()
    }

    /// Says in the host's own record which agents are signed out here. A sign-in that comes later
    /// says it, too.
    async fn tell_signed_out(&self, agents: SortedSet<String>) {
        let text = {
            let mut record = self.record.borrow_mut();
            record.signed_out = agents;
            serde_json::to_string(&*record).unwrap_or_default()
        };
        let (Some(lease), Some(signed_in)) = (self.lease.get(), self.state().sign_in()) else {
            return;
        };
        let key = FleetKey::Host(self.here.clone());
        let transaction = Transaction {
            compares: vec![Compare::Created(key.clone(), signed_in)],
            writes: vec![Write::PutLeased(key, text)],
        };
        if let Err(fault) = self.store.commit(&transaction, Some(lease)).await {
            tracing::warn!(%fault, "which agents are signed out here was not written");
            // The next cycle tells it again.
            self.shared.lock().signed_out = None;
        }
    }

    async fn answer(&self, id: &str, answer: AskAnswer) {
        let key = self.store.keys.text(&FleetKey::Ask(id.to_owned()));
        let told: Result<(), EtcdFault> = async {
            let reading = crate::etcd::Freshness::Quorum;
            let Some(pair) = self.store.client.get(&key, reading).await? else {
                return Ok(());
            };
            let Ok(mut ask) = from_bytes::<crate::model::FleetAsk>(&pair.value) else {
                return Ok(());
            };
            ask.answer = Some(answer);
            let value = serde_json::to_vec(&ask).unwrap_or_default();
            // Who asked may be gone. Then the lease takes the answer away.
            let lease = pair.lease;
            self.store.client.put(&key, value, lease).await.map(drop)
        }
        .await;
        if let Err(fault) = told {
            tracing::warn!(%fault, id, "an answer was not written");
        }
    }
}

fn hist_of(view: &FleetView, name: &SessionName) -> Hist {
    let known = view.hists.get(name);
    known.map(|known| known.value.clone()).unwrap_or_default()
}

fn words(why: PermitRefusal) -> &'static str {
    match why {
        PermitRefusal::NotSignedIn => "this host does not take part in the fleet now",
        PermitRefusal::Over => "this host has lost the store",
        PermitRefusal::NotHere => "it is not placed on this host",
        PermitRefusal::Leaves => "it shall leave this host",
        PermitRefusal::Unreadable => "what the store says of it is not as this host knows it",
    }
}
