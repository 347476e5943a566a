//! The connections to the members of the store, and one call over them.
//!
//! A call has a deadline in all. A member that does not answer gets half of it: the other half is
//! for the next member. A call that may have written something is never sent a second time.

use super::codec::Messages;
use super::fault::EtcdFault;
use crate::words::chain;
use futures_util::{Stream, stream};
use http::uri::PathAndQuery;
use prost::Message;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tonic::client::Grpc;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Streaming};

/// The most bytes of one answer.
const LARGEST: usize = 64 << 20;
/// How long a member may take to accept a connection. A host that is gone takes no longer.
const CONNECT: Duration = Duration::from_millis(700);

/// The pause after a failed attempt, and the least time of another one.
const LEAST: Duration = Duration::from_millis(20);

/// The certificates of a client, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate that has signed the members' certificates.
    pub ca: Vec<u8>,
    /// The client's own certificate and key. None: the members ask for none.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// How the store is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdAccess {
    /// The members: `http://host:2379` or `https://host:2379`.
    pub endpoints: Vec<String>,
    /// The certificates. None: the members are reached without TLS.
    pub tls: Option<Tls>,
    /// The longest time of one call.
    pub limit: Duration,
}

/// Whether a call may be sent again after a failure that leaves open whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It changes nothing, or the same once more is the same.
    May,
    /// The same, and a member without a leader may answer it.
    MayWithoutLeader,
    /// It may have written.
    MustNot,
}

/// Connections to all members. One is used until it fails.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    members: Arc<Vec<Channel>>,
    current: Arc<AtomicUsize>,
    limit: Duration,
    /// Whether they ask for a certificate of ours.
    shows_certificate: bool,
}

impl Channels {
    /// Prepares the connections. Connects only when the first call is made.
    pub(super) fn new(access: &EtcdAccess) -> Result<Self, EtcdFault> {
        let members: Result<Vec<Channel>, EtcdFault> = access
            .endpoints
            .iter()
            .map(|address| member(address, access))
            .collect();
        let members = members?;
        if members.is_empty() {
            return Err(EtcdFault::Settings("the store has no endpoint".to_owned()));
        }
        Ok(Self {
            members: Arc::new(members),
            current: Arc::new(AtomicUsize::new(0)),
            limit: access.limit,
            shows_certificate: access.tls.as_ref().is_some_and(|tls| tls.own.is_some()),
        })
    }

    /// Says what else may be the cause. A member that takes no certificate of ours says so only after
    /// the connection stands for us (TLS 1.3), so all that is seen is that it broke.
    fn told(&self, fault: EtcdFault) -> EtcdFault {
        match fault {
            EtcdFault::Broken(said) if self.shows_certificate => EtcdFault::Broken(format!(
                "{said}; perhaps it does not take this host's certificate, which may have expired: \
                 `openssl x509 -noout -dates -in CERT` shows until when it is valid"
            )),
            other => other,
        }
    }

    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// The longest time of one call.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Uses another member from now on, unless somebody has changed it since `seen`.
    fn leave(&self, seen: usize) {
        let next = seen.wrapping_add(1);
        let _ = self
            .current
            .compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn at(&self, seen: usize) -> Result<Channel, EtcdFault> {
        let place = seen % self.members.len().max(1);
        let member = self.members.get(place).cloned();
        member.ok_or_else(|| EtcdFault::Settings("the store has no endpoint".to_owned()))
    }

    /// Sends one message and receives one, from the current member or from the next ones.
    pub(super) async fn call<Sent, Received>(
        &self,
        path: &'static str,
        message: Sent,
        again: Again,
    ) -> Result<Received, EtcdFault>
    where
        Sent: Message + Clone + Send + 'static,
        Received: Message + Default + Send + 'static,
    {
        let attempt = async |member: Channel, share: Duration| {
            let request = if again == Again::MayWithoutLeader {
                Request::new(message.clone())
            } else {
                with_leader(message.clone())
            };
            once(member, path, request, share).await
        };
        let received = self.attempts(again != Again::MustNot, attempt).await;
        received.map_err(|fault| self.told(fault))
    }

    /// Makes attempts at one member after the other, until one succeeds or the time is up.
    async fn attempts<Received>(
        &self,
        may_repeat: bool,
        attempt: impl AsyncFn(Channel, Duration) -> Result<Received, EtcdFault>,
    ) -> Result<Received, EtcdFault> {
        let until = Instant::now() + self.limit;
        let mut last = None;
        loop {
            let seen = self.current.load(Ordering::Relaxed);
            let left = until.saturating_duration_since(Instant::now());
            // An attempt that has no time would only hide why the one before has failed.
            if left < LEAST
                && let Some(fault) = last
            {
                return Err(fault);
            }
            let share = if self.members.len() > 1 && may_repeat {
                left.min(self.limit / 2)
            } else {
                left
            };
            let fault = match attempt(self.at(seen)?, share).await {
                Ok(received) => return Ok(received),
                Err(EtcdFault::Late(_)) => EtcdFault::Late(millis(self.limit)),
                Err(fault) => fault,
            };
            if !fault.is_of_the_endpoint() {
                return Err(fault);
            }
            self.leave(seen);
            if !may_repeat && !fault.is_without_effect() {
                return Err(fault);
            }
            // That the rest of the time was too short says less than what has failed before.
            last = match (last, fault) {
                (Some(known), EtcdFault::Late(_)) => Some(known),
                (_, fault) => Some(fault),
            };
            // All members may be down: no loop without a pause.
            tokio::time::sleep(LEAST).await;
        }
    }

    /// One call of one member, whatever the others do.
    pub(super) async fn call_at<Sent, Received>(
        &self,
        place: usize,
        path: &'static str,
        message: Sent,
    ) -> Result<Received, EtcdFault>
    where
        Sent: Message + Send + 'static,
        Received: Message + Default + Send + 'static,
    {
        let received = once(self.at(place)?, path, with_leader(message), self.limit).await;
        received.map_err(|fault| self.told(fault))
    }

    /// Opens a stream in both directions. The whole of `messages` is sent as it comes.
    pub(super) async fn stream<Sent, Received>(
        &self,
        path: &'static str,
        messages: impl Stream<Item = Sent> + Send + 'static,
    ) -> Result<Streaming<Received>, EtcdFault>
    where
        Sent: Message + Send + 'static,
        Received: Message + Default + Send + 'static,
    {
        let seen = self.current.load(Ordering::Relaxed);
        let opened = opened(self.at(seen)?, path, messages, self.limit).await;
        if opened.as_ref().is_err_and(EtcdFault::is_of_the_endpoint) {
            self.leave(seen);
        }
        opened
    }

    /// Sends one message over a stream and takes one answer, as etcd renews leases.
    pub(super) async fn exchange<Sent, Received>(
        &self,
        path: &'static str,
        message: Sent,
    ) -> Result<Received, EtcdFault>
    where
        Sent: Message + Clone + Send + 'static,
        Received: Message + Default + Send + 'static,
    {
        let attempt = async |member: Channel, share: Duration| {
            exchanged(member, path, message.clone(), share).await
        };
        let received = self.attempts(true, attempt).await;
        received.map_err(|fault| self.told(fault))
    }

    /// Uses another member for the next call.
    pub(super) fn move_on(&self) {
        self.leave(self.current.load(Ordering::Relaxed));
    }
}

fn millis(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
}

/// A message that a member with no leader refuses at once, where it would else wait.
fn with_leader<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = tonic::metadata::MetadataValue::from_static("true");
    request.metadata_mut().insert("hasleader", value);
    request
}

fn grpc(channel: Channel) -> Grpc<Channel> {
    Grpc::new(channel)
        .max_decoding_message_size(LARGEST)
        .max_encoding_message_size(LARGEST)
}

async fn ready(grpc: &mut Grpc<Channel>) -> Result<(), EtcdFault> {
    grpc.ready().await.map_err(|fault| {
        let mut said = fault.to_string();
        let mut source = std::error::Error::source(&fault);
        while let Some(cause) = source {
            said = cause.to_string();
            source = cause.source();
        }
        EtcdFault::Unreachable(said)
    })
}

async fn once<Sent, Received>(
    channel: Channel,
    path: &'static str,
    request: Request<Sent>,
    limit: Duration,
) -> Result<Received, EtcdFault>
where
    Sent: Message + Send + 'static,
    Received: Message + Default + Send + 'static,
{
    let work = async {
        let mut grpc = grpc(channel);
        ready(&mut grpc).await?;
        let path = PathAndQuery::from_static(path);
        let codec = Messages::<Sent, Received>::default();
        let answer = grpc.unary(request, path, codec).await;
        let answer = answer.map_err(|status| EtcdFault::of(&status, millis(limit)))?;
        Ok(answer.into_inner())
    };
    let answer = timeout(limit, work).await;
    answer.unwrap_or_else(|_| Err(EtcdFault::Late(millis(limit))))
}

async fn opened<Sent, Received>(
    channel: Channel,
    path: &'static str,
    messages: impl Stream<Item = Sent> + Send + 'static,
    limit: Duration,
) -> Result<Streaming<Received>, EtcdFault>
where
    Sent: Message + Send + 'static,
    Received: Message + Default + Send + 'static,
{
    let work = async {
        let mut grpc = grpc(channel);
        ready(&mut grpc).await?;
        let path = PathAndQuery::from_static(path);
        let codec = Messages::<Sent, Received>::default();
        let answer = grpc.streaming(with_leader(messages), path, codec).await;
        let answer = answer.map_err(|status| EtcdFault::of(&status, millis(limit)))?;
        Ok(answer.into_inner())
    };
    let answer = timeout(limit, work).await;
    answer.unwrap_or_else(|_| Err(EtcdFault::Late(millis(limit))))
}

async fn exchanged<Sent, Received>(
    channel: Channel,
    path: &'static str,
    message: Sent,
    limit: Duration,
) -> Result<Received, EtcdFault>
where
    Sent: Message + Send + 'static,
    Received: Message + Default + Send + 'static,
{
    let work = async {
        let one = stream::once(std::future::ready(message));
        let answers = opened::<Sent, Received>(channel, path, one, limit).await?;
        let mut answers = pin!(answers);
        match answers.message().await {
            Ok(Some(received)) => Ok(received),
            Ok(None) => Err(EtcdFault::Broken("it closed the stream".to_owned())),
            Err(status) => Err(EtcdFault::of(&status, millis(limit))),
        }
    };
    let answer = timeout(limit, work).await;
    answer.unwrap_or_else(|_| Err(EtcdFault::Late(millis(limit))))
}

/// The connection to one member, which is made with the first call.
fn member(address: &str, access: &EtcdAccess) -> Result<Channel, EtcdFault> {
    let wrong = |why: &dyn std::fmt::Display| {
        EtcdFault::Settings(format!("`{address}` is no endpoint: {why}"))
    };
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|fault| wrong(&fault))?;
    let endpoint = endpoint
        .connect_timeout(CONNECT.min(access.limit))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(2));
    let is_secure = endpoint.uri().scheme_str() == Some("https");
    let endpoint = match (&access.tls, is_secure) {
        (None, false) => endpoint,
        (Some(tls), true) => {
            let host = endpoint.uri().host().unwrap_or_default().to_owned();
            let config = ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(&tls.ca))
                .domain_name(host.trim_matches(['[', ']']));
            let config = match &tls.own {
                Some((certificate, key)) => config.identity(Identity::from_pem(certificate, key)),
                None => config,
            };
            let secure = endpoint.tls_config(config);
            secure.map_err(|fault| {
                EtcdFault::Settings(format!(
                    "the certificates cannot be used: {}",
                    chain(&fault)
                ))
            })?
        }
        (None, true) => return Err(wrong(&"https needs a `ca`")),
        (Some(_), false) => return Err(wrong(&"with certificates it must begin with https://")),
    };
    Ok(endpoint.connect_lazy())
}
