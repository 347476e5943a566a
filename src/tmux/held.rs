//! A connection that is kept from one call to the next, and let go in time.
//!
//! What a call costs among a thousand sessions is mostly its connection: the server walks through
//! all that it has open for each thing that it hears of one. But a server without sessions, or one
//! that was told to end, waits for its last client to go: so a connection is kept for a moment
//! only, and none once its server has something to say.

use super::direct::{Access, Connection};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// For so long it is kept after its last use. Whoever freezes us meanwhile keeps a server from
/// ending.
const KEEP: Duration = Duration::from_secs(2);

/// The place of one connection. Dropped, it is closed.
#[derive(Debug, Default)]
pub(super) struct Held(Arc<Place>);

#[derive(Debug, Default)]
struct Place {
    kept: Mutex<Kept>,
    /// One was put back.
    back: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    connection: Option<(Connection, Instant)>,
    /// Somebody sees to it that it is let go.
    is_watched: bool,
}

impl Held {
    /// Takes it out, where there is one that serves this purpose.
    pub(super) fn take(&self, purpose: Access) -> Option<Connection> {
        let (connection, since) = self.0.kept().connection.take()?;
        (since.elapsed() < KEEP && connection.serves(purpose)).then_some(connection)
    }

    /// Puts one there, in the place of any other.
    pub(super) fn put(&self, connection: Connection) {
        // Without a runtime nobody could let it go.
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

    /// Until when it is kept; none where there is none any more, and then nobody watches.
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

/// Lets the connection go when its time is over, or as soon as the server says anything on it.
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
