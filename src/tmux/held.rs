//! Keeps a connection from one call to the next, and closes it in time.
//!
//! With a thousand sessions, most of the cost of a call is its connection: the server walks through
//! all its open files at each event. But an ending server waits for its last client to leave. So a
//! connection is kept only for a moment, and closed as soon as the server sends something.

use super::direct::{Access, Connection};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How long a connection is kept after its last use. If our process is frozen meanwhile, the server
/// cannot end.
const KEEP: Duration = Duration::from_secs(2);

/// A place for one connection. Dropping it closes the connection.
#[derive(Debug, Default)]
pub(super) struct Held(Arc<Place>);

#[derive(Debug, Default)]
struct Place {
    kept: Mutex<Kept>,
    /// Wakes [`watch`] after a connection was put back or removed.
    back: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    connection: Option<(Connection, Instant)>,
    /// Whether a task runs [`watch`].
    is_watched: bool,
}

impl Held {
    /// Takes the connection, if there is one that suits this purpose.
    pub(super) fn take(&self, purpose: Access) -> Option<Connection> {
        let (connection, since) = self.0.kept().connection.take()?;
        (since.elapsed() < KEEP && connection.serves(purpose)).then_some(connection)
    }

    /// Puts a connection here. Closes any other.
    pub(super) fn put(&self, connection: Connection) {
        // Without a runtime nobody could close it in time.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let mut kept = self.0.kept();
        kept.connection = Some((connection, Instant::now()));
        if kept.is_watched {
            self.0.back.notify_one();
        } else {
            kept.is_watched = true;
            runtime.spawn(watch(Arc::clone(&self.0)));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.kept().connection = None;
        self.0.back.notify_one();
    }
}

impl Place {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time at which the connection is closed. `None` if there is none; [`watch`] then ends.
    fn until(&self) -> Option<Instant> {
        let mut kept = self.kept();
        kept.connection = kept
            .connection
            .take()
            .filter(|(_, since)| since.elapsed() < KEEP);
        kept.is_watched = kept.connection.is_some();
        kept.connection.as_ref().map(|(_, since)| *since + KEEP)
    }
}

/// Closes the connection when its time is over, or as soon as the server sends anything on it.
async fn watch(place: Arc<Place>) {
    while let Some(until) = place.until() {
        let news = poll_fn(|context| {
            let mut kept = place.kept();
            let Some((connection, _)) = &kept.connection else {
                return Poll::Pending;
            };
            if connection.poll_news(context).is_pending() {
                return Poll::Pending;
            }
            kept.connection = None;
            Poll::Ready(())
        });
        tokio::select! {
            () = news => {}
            () = place.back.notified() => {}
            () = sleep_until(until) => {}
        }
    }
}
