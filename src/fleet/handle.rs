//! The controller's side of the fleet.

use super::forgive::FenceEnd;
use super::shared::{FleetLook, Shared};
use crate::model::{AskAnswer, Fleet, Generation, History, HostName, SessionName, SessionStatus};
use crate::model::{SortedMap, SortedSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How long the controller waits for permits. Later ones are not used.
const PATIENCE: Duration = Duration::from_secs(4);

/// A session that the controller wants to start.
#[derive(Debug, Clone)]
pub struct StartAsk {
    /// The session.
    pub session: SessionName,
    /// The generation that would start.
    pub generation: Generation,
    /// What is remembered of the session.
    pub history: History,
}

/// How a session of this host is, after a cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionReport {
    /// What is remembered of it.
    pub history: History,
    /// How it is. None for one that is not seen.
    pub status: Option<SessionStatus>,
    /// Whether its `prepare` command has succeeded here.
    pub is_prepared: bool,
    /// Whether nothing of it lives here, by a look that saw everything.
    pub is_gone: bool,
}

/// What the controller asks of the thread.
#[derive(Debug)]
pub(super) enum Wish {
    Permits(
        Vec<StartAsk>,
        oneshot::Sender<SortedMap<SessionName, String>>,
    ),
    Report(SortedMap<SessionName, SessionReport>),
    Answer(String, AskAnswer),
    /// The agents that are signed out here.
    SignedOut(SortedSet<String>),
}

/// The way to the thread of the fleet.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) wishes: mpsc::UnboundedSender<Wish>,
}

impl Handle {
    /// The host that this machine is.
    #[must_use]
    pub fn here(&self) -> &HostName {
        &self.shared.here
    }

    /// What is known now.
    #[must_use]
    pub fn look(&self) -> FleetLook {
        self.shared.lock().look.clone()
    }

    /// When all that can move was last ended here.
    #[must_use]
    pub fn ended(&self) -> Option<FenceEnd> {
        self.shared.lock().look.ended
    }

    /// Takes in what the manifest says now.
    pub fn declare(&self, fleet: &Fleet) {
        let mut inner = self.shared.lock();
        if inner.fleet != *fleet {
            inner.declare(fleet.clone());
            drop(inner);
            self.shared.to_place.notify_one();
        }
    }

    /// Waits until something has changed that matters to the controller.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Asks for leave to start sessions. Returns those that may not start, with the reason.
    pub async fn refused(&self, asks: Vec<StartAsk>) -> SortedMap<SessionName, String> {
        let all: Vec<SessionName> = asks.iter().map(|ask| ask.session.clone()).collect();
        let none = |why: &str| {
            all.iter()
                .map(|name| (name.clone(), why.to_owned()))
                .collect()
        };
        let (answer, answered) = oneshot::channel();
        if self.wishes.send(Wish::Permits(asks, answer)).is_err() {
            return none("the fleet's thread has ended");
        }
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(refused)) => refused,
            Ok(Err(_)) => none("the fleet's thread has ended"),
            Err(_) => none("the store did not answer in time"),
        }
    }

    /// Tells how the sessions of this host are. What has not changed is not written.
    pub fn report(&self, sessions: SortedMap<SessionName, SessionReport>) {
        let is_known = {
            let inner = self.shared.lock();
            let settled = inner.settled.as_ref();
            settled.is_some_and(|(at, known)| *at == inner.look.revision() && *known == sessions)
        };
        if is_known {
            return;
        }
        let _ = self.wishes.send(Wish::Report(sessions));
    }

    /// Notes the revision of the manifest by which the controller acts from now on.
    pub fn acts_by(&self, manifest: &str) {
        manifest.clone_into(&mut self.shared.lock().manifest);
    }

    /// The revision of the manifest by which the controller acts. Empty if it is not known.
    #[must_use]
    pub fn manifest(&self) -> String {
        self.shared.lock().manifest.clone()
    }

    /// Tells which agents are signed out here: no session of theirs is placed here meanwhile.
    pub fn tell_signed_out(&self, agents: SortedSet<String>) {
        let mut inner = self.shared.lock();
        if inner.signed_out.as_ref() != Some(&agents) {
            inner.signed_out = Some(agents.clone());
            drop(inner);
            let _ = self.wishes.send(Wish::SignedOut(agents));
        }
    }

    /// Answers what somebody has asked.
    pub fn answer(&self, id: &str, answer: AskAnswer) {
        self.shared.lock().look.asks.remove(id);
        let _ = self.wishes.send(Wish::Answer(id.to_owned(), answer));
    }
}
