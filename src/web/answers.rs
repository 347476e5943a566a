//! What is answered to each request.

use super::admit::Admission;
use super::server::{Peer, Served, Shared};
use super::snapshot::Shown;
use super::stream::{Kind, stream};
use super::{Ask, WebAction, WebReply};
use crate::model::SessionName;
use crate::model::written::from_bytes;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// A snapshot that is not older is served without another look.
const FRESH: Duration = Duration::from_secs(1);
/// How long a request waits for a look. Then the last one is served, whatever its age.
const LOOK_WITHIN: Duration = Duration::from_secs(10);
/// How long the owner may take over what a reader asks of it.
const ASK_WITHIN: Duration = Duration::from_secs(60);
/// The longest body of a request, in bytes.
const BODY: usize = 64 << 10;
/// How long a client may take to send a body.
const BODY_WITHIN: Duration = Duration::from_secs(5);
/// How long a browser keeps its cookie, in seconds: 30 days.
const COOKIE_AGE: u32 = 30 * 24 * 60 * 60;

const HTML: &str = "text/html; charset=utf-8";
const SVG: &str = "image/svg+xml";
const JSON: &str = "application/json";
const JSON_LINES: &str = "application/x-ndjson";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
/// Carries the word that a page must know to ask for an action.
const CSRF: HeaderName = HeaderName::from_static("x-gtctl-csrf");

/// What all answers of a whole site need.
#[derive(Debug)]
struct Whole {
    shared: Arc<Shared>,
    served: Served,
    policy: HeaderValue,
}

type Here = State<Arc<Whole>>;

pub(super) fn router(shared: Arc<Shared>, served: Served, policy: HeaderValue) -> Router {
    let whole = Arc::new(Whole {
        shared,
        served,
        policy,
    });
    Router::new()
        .route("/", get(page))
        .route("/icon.svg", get(icon))
        .route("/metrics", get(metrics))
        .route("/api/v1/status", get(status))
        .route("/api/v1/diff", get(diff))
        .route("/api/v1/events", get(events))
        .route("/api/v1/stream", get(open_stream))
        .route("/api/v1/session", get(exchange))
        .route("/api/v1/panes/{session}", get(pane))
        .route("/api/v1/actions", post(act))
        .fallback(nothing_here)
        .layer(from_fn_with_state(Arc::clone(&whole), admit))
        .with_state(whole)
}

/// `/metrics` alone, for a collector on this host.
pub(super) fn metrics_router(shared: Arc<Shared>) -> Router {
    let last = move || async move {
        let shown = shared.shown.borrow().clone();
        if shown.version == 0 {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "no cycle yet\n");
        }
        text(METRICS, shown.snapshot.metrics.clone())
    };
    Router::new()
        .route("/metrics", get(last))
        .fallback(|| async { plain(StatusCode::NOT_FOUND, "look at /metrics\n") })
        .layer(from_fn(only_this_host))
}

async fn only_this_host(request: Request, next: Next) -> Response {
    let guard = super::Guard::new(&[], None, &super::Secret::new(""));
    match guard.admit(request.uri(), request.headers()) {
        Admission::Welcome | Admission::WithToken => next.run(request).await,
        Admission::NeedsToken | Admission::Refused(_) => {
            plain(StatusCode::FORBIDDEN, "only for this host\n")
        }
    }
}

/// Answers those who may read, and says to all what a page may do.
async fn admit(State(whole): Here, mut request: Request, next: Next) -> Response {
    let admission = whole.served.guard.admit(request.uri(), request.headers());
    let mut answer = match (admission, request.uri().path()) {
        (Admission::Refused(why), _) => plain(StatusCode::FORBIDDEN, &format!("{why}\n")),
        (Admission::NeedsToken, "/") => text(HTML, whole.served.sign_in.clone()),
        (Admission::NeedsToken, "/icon.svg") => text(SVG, whole.served.icon.to_owned()),
        (Admission::NeedsToken, _) => plain(
            StatusCode::UNAUTHORIZED,
            "send the token: Authorization: Bearer TOKEN\n",
        ),
        (Admission::Welcome | Admission::WithToken, _) => {
            request.extensions_mut().insert(admission);
            next.run(request).await
        }
    };
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, whole.policy.clone());
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

async fn page(State(whole): Here) -> Response {
    fresh(&whole, HTML, |shown| shown.snapshot.document.clone()).await
}

async fn status(State(whole): Here) -> Response {
    fresh(&whole, JSON, |shown| shown.snapshot.status.clone()).await
}

async fn diff(State(whole): Here) -> Response {
    fresh(&whole, JSON, |shown| shown.snapshot.diff.clone()).await
}

async fn events(State(whole): Here) -> Response {
    fresh(&whole, JSON_LINES, |shown| shown.snapshot.events.clone()).await
}

async fn metrics(State(whole): Here) -> Response {
    fresh(&whole, METRICS, |shown| shown.snapshot.metrics.clone()).await
}

async fn icon(State(whole): Here) -> Response {
    text(SVG, whole.served.icon.to_owned())
}

async fn nothing_here() -> Response {
    plain(StatusCode::NOT_FOUND, "there is nothing here: look at /\n")
}

/// A part of a snapshot that is fresh, or of the last one where no look comes in time.
async fn fresh(whole: &Whole, kind: &'static str, part: impl Fn(&Shown) -> String) -> Response {
    let shared = &whole.shared;
    let last = shared.shown.borrow().clone();
    if last.is_fresh(FRESH) {
        return text(kind, part(&last));
    }
    let mut next = shared.shown.subscribe();
    let _waiting = shared.demand.wait();
    // Where it comes too late, the last one has to do.
    let _ = timeout(LOOK_WITHIN, next.changed()).await;
    let shown = next.borrow().clone();
    if shown.version == 0 {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "no look yet: try again\n");
    }
    text(kind, part(&shown))
}

/// `?of=page` asks for the parts of the page; without it each event is the status.
async fn open_stream(State(whole): Here, uri: Uri) -> Response {
    let kind = match uri.query() {
        Some("of=page") => Kind::Page,
        Some(_) | None => Kind::Status,
    };
    stream(&whole.shared, kind, FRESH).unwrap_or_else(|| {
        let busy = "as many streams are open as may be: close one\n";
        plain(StatusCode::SERVICE_UNAVAILABLE, busy)
    })
}

/// Gives a cookie for the token.
async fn exchange(State(whole): Here, request: Request) -> Response {
    let came_by = request.extensions().get::<Admission>().copied();
    let cookie = whole.served.guard.cookie();
    let mut answer = StatusCode::NO_CONTENT.into_response();
    if let (Some(Admission::WithToken), Some((name, value))) = (came_by, cookie) {
        let value = value.text();
        let cookie =
            format!("{name}={value}; Path=/; Max-Age={COOKIE_AGE}; HttpOnly; SameSite=Strict");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            answer.headers_mut().insert(SET_COOKIE, cookie);
        }
    }
    answer
}

async fn pane(State(whole): Here, Path(session): Path<String>) -> Response {
    let Some(owner) = &whole.served.panes else {
        let why = "screens are not shown: start it with --show-panes\n";
        return plain(StatusCode::FORBIDDEN, why);
    };
    let Ok(session) = SessionName::new(&session) else {
        return plain(StatusCode::NOT_FOUND, "no session has such a name\n");
    };
    // The owner knows the panes of the last look.
    drop(fresh(&whole, PLAIN, |_| String::new()).await);
    match ask(owner, |reply| Ask::Pane(session, reply)).await {
        WebReply::Done(screen) => text(PLAIN, screen),
        // A session without a screen is nothing that a console should complain of.
        WebReply::Failed(_) => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn act(State(whole): Here, request: Request) -> Response {
    let Some(owner) = &whole.served.actions else {
        let why = "it only shows: start it with --allow-actions";
        return told(StatusCode::FORBIDDEN, &WebReply::Failed(why.to_owned()));
    };
    if !may_act(&whole, &request) {
        let why = "the page is older than the server: reload it";
        return told(StatusCode::FORBIDDEN, &WebReply::Failed(why.to_owned()));
    }
    let from = request
        .extensions()
        .get::<Peer>()
        .map(|peer| peer.0.clone());
    let Some(action) = read_action(request.into_body(), from.unwrap_or_default()).await else {
        let why = "send {\"verb\": …, \"session\": …}";
        return told(StatusCode::BAD_REQUEST, &WebReply::Failed(why.to_owned()));
    };
    // That the verb refuses is an answer, too: `done` says it.
    told(
        StatusCode::OK,
        &ask(owner, |reply| Ask::Act(action, reply)).await,
    )
}

/// Whether it comes from our own page, which knows the word, or from a program that has the token.
fn may_act(whole: &Whole, request: &Request) -> bool {
    let came_by = request.extensions().get::<Admission>().copied();
    let sent = header(request.headers(), &CSRF).unwrap_or_default();
    came_by == Some(Admission::WithToken) || whole.served.guard.csrf().is(sent)
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

async fn read_action(body: Body, from: String) -> Option<WebAction> {
    let bytes = timeout(BODY_WITHIN, to_bytes(body, BODY))
        .await
        .ok()?
        .ok()?;
    let sent: Value = from_bytes(&bytes).ok()?;
    let word = |key: &str| sent.get(key).and_then(Value::as_str);
    Some(WebAction {
        verb: word("verb")?.to_owned(),
        session: SessionName::new(word("session")?).ok()?,
        text: word("text").map(str::to_owned),
        from,
    })
}

/// Asks the owner of the site, who may be busy or gone.
async fn ask(
    owner: &mpsc::Sender<Ask>,
    question: impl FnOnce(oneshot::Sender<WebReply>) -> Ask,
) -> WebReply {
    let (reply, answer) = oneshot::channel();
    if owner.try_send(question(reply)).is_err() {
        return WebReply::Failed("too much was asked at once: try again".to_owned());
    }
    match timeout(ASK_WITHIN, answer).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(_)) => WebReply::Failed("nobody answers".to_owned()),
        Err(_) => WebReply::Failed("it takes long: what comes of it will show".to_owned()),
    }
}

fn told(status: StatusCode, reply: &WebReply) -> Response {
    let (is_done, message) = match reply {
        WebReply::Done(message) => (true, message),
        WebReply::Failed(message) => (false, message),
    };
    let body = json!({ "version": 1, "kind": "action", "done": is_done, "message": message });
    (status, [(CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

fn text(kind: &'static str, body: String) -> Response {
    ([(CONTENT_TYPE, kind)], body).into_response()
}

fn plain(status: StatusCode, body: &str) -> Response {
    (status, [(CONTENT_TYPE, PLAIN)], body.to_owned()).into_response()
}
