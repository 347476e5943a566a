//! Server-sent events: each reader gets the newest snapshot, and none that it was too slow for.

use super::demand::Counted;
use super::server::Shared;
use super::snapshot::Shown;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// The most streams that are open at once.
const STREAMS: usize = 100;
/// A line that says nothing is sent after so long without an event, so that a reader that has gone
/// away is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const NOTHING: Bytes = Bytes::from_static(b": still here\n\n");

/// What the events of a stream are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The status, as JSON.
    Status,
    /// The parts of the page that have changed.
    Page,
}

/// A stream of what is shown from now on. What was shown last is its first event, unless that is
/// older than `fresh`. None where too many are open.
pub(super) fn stream(shared: &Shared, kind: Kind, fresh: Duration) -> Option<Response> {
    let counted = shared.demand.read(STREAMS)?;
    let shown = shared.shown.subscribe();
    let passed_over = {
        let last = shown.borrow();
        if last.is_fresh(fresh) {
            0
        } else {
            last.version
        }
    };
    let reader = Reader {
        shown,
        kind,
        sent: None,
        passed_over,
        _counted: counted,
    };
    let body = Body::from_stream(unfold(reader, Reader::next));
    Some(([(CONTENT_TYPE, "text/event-stream")], body).into_response())
}

struct Reader {
    shown: watch::Receiver<Arc<Shown>>,
    kind: Kind,
    /// The version that was sent last.
    sent: Option<u64>,
    /// A version that was too old when the stream was opened.
    passed_over: u64,
    _counted: Counted,
}

impl Reader {
    /// The next bytes for the reader; none where the site has gone.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            let shown = self.shown.borrow_and_update().clone();
            if shown.version > self.sent.unwrap_or(self.passed_over) {
                let bytes = self.message(&shown);
                self.sent = Some(shown.version);
                return Some((Ok(bytes), self));
            }
            tokio::select! {
                changed = self.shown.changed() => changed.ok()?,
                () = sleep(KEEP_ALIVE) => return Some((Ok(NOTHING), self)),
            }
        }
    }

    fn message(&self, shown: &Shown) -> Bytes {
        let has_the_last = self.sent.is_some_and(|sent| sent + 1 == shown.version);
        match self.kind {
            Kind::Status => shown.status.clone(),
            Kind::Page if has_the_last => shown.changed.clone(),
            Kind::Page => shown.whole.clone(),
        }
    }
}
