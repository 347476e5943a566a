//! Reads, writes, leases and the state of a member.

use super::channel::{Again, Channels, EtcdAccess};
use super::end_of_prefix;
use super::fault::EtcdFault;
use super::txn::{Txn, TxnResult};
use super::wire::{
    CompactRequest, CompactResponse, DeleteRequest, DeleteResponse, GrantRequest, GrantResponse,
    KeepAliveRequest, KeepAliveResponse, KeyValue, PutRequest, PutResponse, RangeRequest,
    RangeResponse, Response, RevokeRequest, RevokeResponse, StatusRequest, StatusResponse,
    TxnRequest, TxnResponse,
};
use crate::fence::StoreVersion;
use std::time::Duration;

/// The number of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub i64);

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Vec<u8>,
    /// The revision since which the key has existed without a break.
    pub created: i64,
    /// The revision at which it was last written.
    pub written: i64,
    /// Its lease, if it has one.
    pub lease: Option<LeaseId>,
}

impl Pair {
    /// The value as text. Bytes that are no text are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.value).into_owned()
    }
}

impl From<KeyValue> for Pair {
    fn from(pair: KeyValue) -> Self {
        Self {
            key: String::from_utf8_lossy(&pair.key).into_owned(),
            value: pair.value,
            created: pair.create_revision,
            written: pair.mod_revision,
            lease: (pair.lease != 0).then_some(LeaseId(pair.lease)),
        }
    }
}

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// As fresh as can be: more than half of the members agree. It proves that the store still has
    /// a leader.
    Quorum,
    /// What this member has, which may be old. It answers also where the store has no leader.
    Local,
}

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its version. None where it is not understood.
    pub version: Option<StoreVersion>,
    /// Its version as it said it.
    pub said: String,
    /// Whether it knows a leader.
    pub has_leader: bool,
}

/// A client of the store. A copy uses the same connections.
#[derive(Debug, Clone)]
pub struct EtcdClient {
    channels: Channels,
}

impl EtcdClient {
    /// A client. It connects with its first call.
    ///
    /// # Errors
    /// [`EtcdFault::Settings`].
    pub fn new(access: &EtcdAccess) -> Result<Self, EtcdFault> {
        Ok(Self {
            channels: Channels::new(access)?,
        })
    }

    pub(super) fn channels(&self) -> &Channels {
        &self.channels
    }

    /// The longest time of one call.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.channels.limit()
    }

    /// Reads one key.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub async fn get(&self, key: &str, reading: Freshness) -> Result<Option<Pair>, EtcdFault> {
        let (pairs, _) = self.range(key.into(), Vec::new(), reading).await?;
        Ok(pairs.into_iter().next())
    }

    /// Reads all keys that begin with `prefix`, and the revision at which they are so.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub async fn list(
        &self,
        prefix: &str,
        reading: Freshness,
    ) -> Result<(Vec<Pair>, i64), EtcdFault> {
        self.range(prefix.into(), end_of_prefix(prefix), reading)
            .await
    }

    async fn range(
        &self,
        key: Vec<u8>,
        range_end: Vec<u8>,
        reading: Freshness,
    ) -> Result<(Vec<Pair>, i64), EtcdFault> {
        let request = RangeRequest {
            key,
            range_end,
            revision: 0,
            serializable: reading == Freshness::Local,
        };
        let again = match reading {
            Freshness::Quorum => Again::May,
            Freshness::Local => Again::MayWithoutLeader,
        };
        let answer: RangeResponse = self
            .channels
            .call("/etcdserverpb.KV/Range", request, again)
            .await?;
        let revision = answer.header.as_ref().map_or(0, |header| header.revision);
        Ok((answer.kvs.into_iter().map(Pair::from).collect(), revision))
    }

    /// Writes one key, whatever it was. Returns the revision.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub async fn put(
        &self,
        key: &str,
        value: impl Into<Vec<u8>>,
        lease: Option<LeaseId>,
    ) -> Result<i64, EtcdFault> {
        let request = PutRequest {
            key: key.into(),
            value: value.into(),
            lease: lease.map_or(0, |lease| lease.0),
        };
        let answer: PutResponse = self
            .channels
            .call("/etcdserverpb.KV/Put", request, Again::MustNot)
            .await?;
        Ok(answer.header.map_or(0, |header| header.revision))
    }

    /// Removes one key. Returns whether there was one.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub async fn delete(&self, key: &str) -> Result<bool, EtcdFault> {
        let request = DeleteRequest {
            key: key.into(),
            range_end: Vec::new(),
        };
        let answer: DeleteResponse = self
            .channels
            .call("/etcdserverpb.KV/DeleteRange", request, Again::MustNot)
            .await?;
        Ok(answer.deleted > 0)
    }

    /// Compares, then does.
    ///
    /// # Errors
    /// [`EtcdFault`]. Where it is not [without effect](EtcdFault::is_without_effect), the deeds may
    /// be done all the same: the caller must look.
    pub async fn txn(&self, txn: &Txn) -> Result<TxnResult, EtcdFault> {
        let again = if txn.only_reads() {
            Again::May
        } else {
            Again::MustNot
        };
        let request: TxnRequest = txn.message();
        let answer: TxnResponse = self
            .channels
            .call("/etcdserverpb.KV/Txn", request, again)
            .await?;
        let read = answer.responses.into_iter().filter_map(|response| {
            let Some(Response::Range(range)) = response.response else {
                return None;
            };
            Some(range.kvs.into_iter().next().map(Pair::from))
        });
        Ok(TxnResult {
            held: answer.succeeded,
            revision: answer.header.map_or(0, |header| header.revision),
            read: read.collect(),
        })
    }

    /// Makes a lease that lasts `ttl` without a renewal, in whole seconds, at least one. Returns its
    /// number and how long it lasts: the store may make it longer.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub async fn grant(&self, ttl: Duration) -> Result<(LeaseId, Duration), EtcdFault> {
        let seconds = ttl.as_millis().div_ceil(1000).max(1);
        let request = GrantRequest {
            ttl: i64::try_from(seconds).unwrap_or(i64::MAX),
            id: 0,
        };
        let answer: GrantResponse = self
            .channels
            .call("/etcdserverpb.Lease/LeaseGrant", request, Again::MustNot)
            .await?;
        if !answer.error.is_empty() {
            return Err(EtcdFault::Refused(answer.error));
        }
        let lasts = Duration::from_secs(u64::try_from(answer.ttl).unwrap_or(0));
        Ok((LeaseId(answer.id), lasts))
    }

    /// Renews a lease. Returns how long it lasts from now on.
    ///
    /// An answer is no proof that the lease's keys are still there: a leader that hangs answers,
    /// too. Read a key of the lease by [`Freshness::Quorum`] for that.
    ///
    /// # Errors
    /// [`EtcdFault::NoLease`] where it has ended.
    pub async fn keep_alive(&self, lease: LeaseId) -> Result<Duration, EtcdFault> {
        let answer: KeepAliveResponse = self
            .channels
            .exchange(
                "/etcdserverpb.Lease/LeaseKeepAlive",
                KeepAliveRequest { id: lease.0 },
            )
            .await?;
        match u64::try_from(answer.ttl) {
            Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
            Ok(_) | Err(_) => Err(EtcdFault::NoLease),
        }
    }

    /// Ends a lease, with all its keys.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub async fn revoke(&self, lease: LeaseId) -> Result<(), EtcdFault> {
        let request = RevokeRequest { id: lease.0 };
        let _: RevokeResponse = self
            .channels
            .call("/etcdserverpb.Lease/LeaseRevoke", request, Again::May)
            .await?;
        Ok(())
    }

    /// Forgets all that was before a revision.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub async fn compact(&self, revision: i64) -> Result<(), EtcdFault> {
        let request = CompactRequest {
            revision,
            physical: true,
        };
        let _: CompactResponse = self
            .channels
            .call("/etcdserverpb.KV/Compact", request, Again::MustNot)
            .await?;
        Ok(())
    }

    /// What each member says of itself, in the order of the endpoints.
    pub async fn status(&self) -> Vec<Result<Status, EtcdFault>> {
        let ask = |place| async move {
            let path = "/etcdserverpb.Maintenance/Status";
            let answer: StatusResponse =
                self.channels.call_at(place, path, StatusRequest {}).await?;
            Ok(Status {
                version: answer.version.parse().ok(),
                said: answer.version,
                has_leader: answer.leader != 0,
            })
        };
        futures_util::future::join_all((0..self.channels.len()).map(ask)).await
    }
}
