//! The client that a controller holds open: when it is used, and what becomes of it when it does not serve.
//!
//! Any doubt ends it: no answer in time, an answer that breaks off, another socket at its place. Then calls go to fresh
//! clients, and another is opened after a while, ever later when that fails as well. Nothing depends on it but speed.

use super::held::{AskFault, GivenUp, HeldClient, PREFIX};
use super::{Answer, CallFault};
use crate::model::SessionName;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

/// How long a client may take to come up.
const OPENING: Duration = Duration::from_secs(1);
/// How soon after a failure another is opened; twice as late after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What came of a question to the client that is held.
#[derive(Debug)]
pub(super) enum Held {
    /// There is none, or it was ended before it was asked: the server has heard nothing.
    Unasked,
    /// It was asked. After a fault it is held no longer.
    Answered(Result<Answer, CallFault>),
}

/// Room for one client.
#[derive(Debug)]
pub(super) struct Control {
    session: String,
    given_up: GivenUp,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    open: Option<Open>,
    /// Not before this is another one opened.
    retry: Option<Instant>,
    pause: Duration,
}

/// A client, and the socket file that led to its server.
#[derive(Debug)]
struct Open {
    client: HeldClient,
    socket: (u64, u64),
}

impl Control {
    /// Holds nothing yet.
    pub(super) fn new(town: &SessionName) -> Self {
        let state = State { open: None, retry: None, pause: FIRST_PAUSE };
        let session = format!("{PREFIX}{town}-{}", std::process::id());
        Self { session, given_up: GivenUp::default(), state: Mutex::new(state) }
    }

    /// Opens a client where none is held, unless the last has failed too recently.
    pub(super) async fn connect(&self, tmux: impl FnOnce() -> Command, socket_path: &Path) {
        let mut state = self.state.lock().await;
        let is_due = state.retry.is_none_or(|at| Instant::now() >= at);
        let Some(socket) = identity(socket_path) else { return };
        if state.open.is_some() || !is_due || !self.given_up.has_room() {
            return;
        }
        let mut command = tmux();
        command.stderr(Stdio::null());
        match timeout(OPENING, HeldClient::open(command, &self.session, self.given_up.clone())).await {
            Ok(Ok(client)) => {
                tracing::debug!("a control client is held");
                state.open = Some(Open { client, socket });
            }
            Ok(Err(fault)) => state.fail(&fault.to_string()),
            Err(_) => state.fail("it does not come up"),
        }
    }

    /// Ends the client.
    pub(super) async fn release(&self) {
        self.state.lock().await.open = None;
    }

    /// Has the client carry out a script, when one is held to the server at this socket.
    pub(super) async fn ask(&self, script: &str, socket_path: &Path, deadline: Duration) -> Held {
        let begun = Instant::now();
        let Ok(mut state) = timeout(deadline, self.state.lock()).await else { return Held::Unasked };
        // Taken out meanwhile: whoever drops this future drops the client too, and withdraws what it was asked.
        let Some(mut open) = state.open.take() else { return Held::Unasked };
        if identity(socket_path) != Some(open.socket) {
            state.fail("another socket is at its place");
            return Held::Unasked;
        }
        match timeout(deadline.saturating_sub(begun.elapsed()), open.client.ask(script)).await {
            Ok(Ok(answer)) => {
                state.open = Some(open);
                state.pause = FIRST_PAUSE;
                Held::Answered(Ok(answer))
            }
            Ok(Err(AskFault::Unsent)) => {
                state.fail("it has ended");
                Held::Unasked
            }
            Ok(Err(AskFault::Doubtful(fault))) => {
                state.fail(&fault.to_string());
                Held::Answered(Err(fault))
            }
            Err(_) => {
                drop(open);
                state.fail("it does not answer");
                Held::Answered(Err(CallFault::Timeout(deadline)))
            }
        }
    }

    /// Returns when the server has news, when the client has ended, and when another may be opened after that.
    pub(super) async fn news(&self) {
        let mut state = self.state.lock().await;
        let Some(open) = &mut state.open else {
            // Once that time has come it is for the next look to open one, which another call here must not hurry.
            let retry = state.retry.filter(|at| *at > Instant::now());
            drop(state);
            return match retry {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            };
        };
        if let Err(fault) = open.client.news().await {
            state.open = None;
            state.fail(&fault.to_string());
        }
    }
}

impl State {
    fn fail(&mut self, why: &str) {
        tracing::debug!(why, pause = ?self.pause, "no control client is held");
        self.retry = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// Which socket file is there.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}
