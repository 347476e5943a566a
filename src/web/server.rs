//! Connections: how many there may be, and how long each may take.

use super::answers::{metrics_router, router};
use super::demand::Demand;
use super::door::{Connection, Door};
use super::snapshot::{Shown, Snapshot};
use super::{Ask, Guard};
use crate::model::WebAddress;
use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, header::HeaderValue};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

/// Connections served at once. One more closes the oldest, so that those that dawdle keep nobody
/// out. A browser opens a stream that was closed again by itself.
const CONNECTIONS: usize = 128;
/// The longest head of a request that is read, in bytes. hyper takes no less than 8 KiB.
const HEAD: usize = 8 << 10;
/// The most headers of a request.
const HEADERS: usize = 64;
/// How long a client may take to send the head of a request, and how long a connection may rest
/// between two requests.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// What rests the listener after a connection that could not be taken, as when all file descriptors
/// are in use.
const REST: Duration = Duration::from_millis(200);

/// A site as its readers see it.
#[derive(Debug)]
pub struct Served {
    /// Who may read.
    pub guard: Guard,
    /// What pages may do: the value of `Content-Security-Policy`.
    pub policy: String,
    /// The page of those who lack the token.
    pub sign_in: String,
    /// The icon, an SVG.
    pub icon: &'static str,
    /// Who is asked for the text of a screen; none where nobody may see one.
    pub panes: Option<mpsc::Sender<Ask>>,
    /// Who carries out actions; none where nobody may ask for one.
    pub actions: Option<mpsc::Sender<Ask>>,
}

/// What a site offers.
#[derive(Debug)]
pub enum Offer {
    /// The page, the JSON of the verbs, streams, metrics.
    Whole(Box<Served>),
    /// `/metrics` alone, as it was shown last.
    Metrics,
}

/// What the answers of a site share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) shown: watch::Sender<Arc<Shown>>,
    pub(super) demand: Demand,
}

/// A site that listens, until it is dropped.
#[derive(Debug)]
pub struct Site {
    place: WebAddress,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

/// Who has sent a request.
#[derive(Debug, Clone)]
pub(super) struct Peer(pub(super) String);

impl Site {
    /// Serves at a door, in the present tokio runtime: it answers whenever that waits. `demand`
    /// counts its readers.
    ///
    /// # Errors
    /// When the policy of its pages is no text for a header.
    pub fn open(
        door: Door,
        offer: Offer,
        demand: Demand,
    ) -> Result<Self, hyper::header::InvalidHeaderValue> {
        let shared = Arc::new(Shared {
            shown: watch::Sender::default(),
            demand,
        });
        let router = match offer {
            Offer::Whole(served) => {
                let policy = HeaderValue::from_str(&served.policy)?;
                router(Arc::clone(&shared), *served, policy)
            }
            Offer::Metrics => metrics_router(Arc::clone(&shared)),
        };
        Ok(Self {
            place: door.place().clone(),
            shared,
            listener: tokio::spawn(listen(door, router)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn place(&self) -> &WebAddress {
        &self.place
    }

    /// What is served from now on.
    pub fn show(&self, snapshot: Snapshot) {
        let shown = self.shared.shown.borrow().follow(snapshot);
        self.shared.shown.send_replace(Arc::new(shown));
        self.shared.demand.shown();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen(door: Door, router: Router) {
    let mut served = JoinSet::new();
    // The oldest first.
    let mut handles: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let taken = door.accept().await;
        while served.try_join_next().is_some() {}
        handles.retain(|handle| !handle.is_finished());
        let Ok((stream, peer)) = taken else {
            tokio::time::sleep(REST).await;
            continue;
        };
        if handles.len() >= CONNECTIONS
            && let Some(oldest) = handles.pop_front()
        {
            oldest.abort();
        }
        handles.push_back(served.spawn(serve(stream, Peer(peer), router.clone())));
    }
}

/// Answers the requests of one connection, until it ends.
async fn serve(stream: Box<dyn Connection>, peer: Peer, router: Router) {
    let answer = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        answer.call(request)
    });
    // One that is too slow, too long or broken is cut off: it will come again.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
