//! The controller's side: finds the guard, starts one where there is none, and gives it orders.

use super::serve::LOCK;
use super::socket;
use super::words::{GuardStanding, Order, line};
use crate::model::SortedSet;
use crate::model::{BootTime, ProcId, SessionName};
use crate::proc::child::Companion;
use crate::proc::locks;
use crate::proc::signal::{Signal, signal};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

/// How long a guard may take for an answer. One that is stopped never answers.
const PATIENCE: Duration = Duration::from_millis(400);
/// How long a guard that was just started may take until it listens.
const STARTS_WITHIN: Duration = Duration::from_secs(2);

/// What a guard has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarded {
    /// The deadline that its timer has.
    pub deadline: Option<BootTime>,
}

/// The way to the guard of a state directory.
#[derive(Debug)]
pub struct Link {
    state: PathBuf,
    command: Vec<OsString>,
    open: Option<Open>,
    /// The guard that this process has started. It is waited for once it has ended.
    started: Option<Companion>,
}

#[derive(Debug)]
struct Open {
    guard: ProcId,
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    /// The sessions that it was last told.
    told: Option<Arc<SortedSet<SessionName>>>,
}

impl Link {
    /// A way to the guard of this state directory. `command` starts one.
    #[must_use]
    pub fn new(state: PathBuf, command: Vec<OsString>) -> Self {
        Self {
            state,
            command,
            open: None,
            started: None,
        }
    }

    /// Finds the guard that runs, or starts one. Returns what its timer has: a guard that outlived
    /// its controller still has a deadline.
    ///
    /// # Errors
    /// No guard can be started, or none answers.
    pub async fn open(&mut self) -> io::Result<Guarded> {
        if let Some(found) = self.connect().await {
            return Ok(found);
        }
        self.end_mute_guard();
        if let Some(started) = &mut self.started {
            started.reap();
        }
        self.started = Some(Companion::start(&self.command)?);
        let wait = async {
            loop {
                sleep(Duration::from_millis(10)).await;
                if let Some(found) = self.connect().await {
                    return found;
                }
            }
        };
        timeout(STARTS_WITHIN, wait)
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the guard does not answer"))
    }

    /// Kills a guard that has the lock and does not answer: it is stopped, or hangs.
    fn end_mute_guard(&self) {
        let path = self.state.join(LOCK);
        for (guard, file) in locks::holders(LOCK) {
            if file.path == path {
                signal(guard, Signal::KILL);
            }
        }
    }

    async fn connect(&mut self) -> Option<Guarded> {
        let stream = socket::connect(&self.state).ok()?;
        stream.set_nonblocking(true).ok()?;
        let stream = UnixStream::from_std(stream).ok()?;
        let (reader, writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let first = timeout(PATIENCE, lines.next_line()).await.ok()?.ok()??;
        let standing: GuardStanding = serde_json::from_str(&first).ok()?;
        self.open = Some(Open {
            guard: ProcId {
                pid: standing.pid,
                start: standing.start,
            },
            lines,
            writer,
            told: None,
        });
        Some(Guarded {
            deadline: standing.deadline,
        })
    }

    /// Whether a guard is connected, as far as is known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The process of the guard.
    #[must_use]
    pub fn guard(&self) -> Option<ProcId> {
        self.open.as_ref().map(|open| open.guard)
    }

    /// Gives an order about these sessions, and waits until the guard has taken it in.
    ///
    /// # Errors
    /// The guard is gone or does not answer. One that does not answer is killed, so that another
    /// can take its place: nothing is guarded until [`Link::open`] has found it.
    pub async fn order(
        &mut self,
        sessions: &Arc<SortedSet<SessionName>>,
        order: Order,
    ) -> io::Result<Guarded> {
        let Some(open) = &mut self.open else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let is_news = open.told.as_ref() != Some(sessions);
        let order = Order {
            sessions: is_news.then(|| (**sessions).clone()),
            ..order
        };
        let exchange = async {
            open.writer.write_all(&line(&order)).await?;
            let answer = open.lines.next_line().await?;
            let answer = answer.ok_or(io::ErrorKind::UnexpectedEof)?;
            serde_json::from_str::<GuardStanding>(&answer).map_err(io::Error::other)
        };
        let answer = match timeout(PATIENCE, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        match answer {
            Ok(standing) if standing.deadline == order.deadline => {
                open.told = Some(Arc::clone(sessions));
                Ok(Guarded {
                    deadline: standing.deadline,
                })
            }
            Ok(_) => Err(io::ErrorKind::InvalidData.into()),
            Err(fault) => {
                signal(open.guard, Signal::KILL);
                self.open = None;
                Err(fault)
            }
        }
    }
}
