//! Transactions: the deeds are done only if all comparisons hold at that moment.

use super::client::{LeaseId, Pair};
use super::wire::{
    CompareMessage, CompareResult, CompareTarget, CompareWith, DeleteRequest, PutRequest,
    RangeRequest, Request, RequestOp, TxnRequest,
};

/// What must hold for a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxnCondition {
    /// There is no such key.
    Absent(String),
    /// The key has existed without a break since this revision.
    CreatedAt(String, i64),
    /// The key was last written at this revision. 0: it must not exist.
    WrittenAt(String, i64),
}

/// What a transaction does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxnDeed {
    /// Writes a key, for ever or for as long as a lease lasts.
    Put(String, Vec<u8>, Option<LeaseId>),
    /// Removes a key.
    Delete(String),
    /// Reads a key.
    Get(String),
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Txn {
    compares: Vec<TxnCondition>,
    deeds: Vec<TxnDeed>,
    otherwise: Vec<TxnDeed>,
}

impl Txn {
    /// A transaction that compares nothing and does nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition.
    #[must_use]
    pub fn when(mut self, compare: TxnCondition) -> Self {
        self.compares.push(compare);
        self
    }

    /// Adds what is done where all conditions hold.
    #[must_use]
    pub fn then(mut self, deed: TxnDeed) -> Self {
        self.deeds.push(deed);
        self
    }

    /// Adds what is done where one of them does not hold.
    #[must_use]
    pub fn otherwise(mut self, deed: TxnDeed) -> Self {
        self.otherwise.push(deed);
        self
    }

    /// How many deeds it has where its conditions hold. etcd takes 128 at most.
    #[must_use]
    pub fn size(&self) -> usize {
        self.deeds.len()
    }

    /// Whether it only reads. Then the same once more is the same.
    pub(super) fn only_reads(&self) -> bool {
        let mut all = self.deeds.iter().chain(&self.otherwise);
        all.all(|deed| matches!(deed, TxnDeed::Get(_)))
    }

    pub(super) fn message(&self) -> TxnRequest {
        TxnRequest {
            compare: self.compares.iter().map(compare).collect(),
            success: self.deeds.iter().map(deed).collect(),
            failure: self.otherwise.iter().map(deed).collect(),
        }
    }
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnResult {
    /// Whether all conditions held, so that the deeds are done.
    pub held: bool,
    /// The revision of the store after it.
    pub revision: i64,
    /// What was read, in the order of the reads. None for a key that does not exist.
    pub read: Vec<Option<Pair>>,
}

fn compare(compare: &TxnCondition) -> CompareMessage {
    let (key, target, with) = match compare {
        TxnCondition::Absent(key) => (key, CompareTarget::Create, CompareWith::CreateRevision(0)),
        TxnCondition::CreatedAt(key, at) => {
            (key, CompareTarget::Create, CompareWith::CreateRevision(*at))
        }
        TxnCondition::WrittenAt(key, at) => {
            (key, CompareTarget::Mod, CompareWith::ModRevision(*at))
        }
    };
    CompareMessage {
        result: CompareResult::Equal.into(),
        target: target.into(),
        key: key.clone().into_bytes(),
        with: Some(with),
    }
}

fn deed(deed: &TxnDeed) -> RequestOp {
    let request = match deed {
        TxnDeed::Put(key, value, lease) => Request::Put(PutRequest {
            key: key.clone().into_bytes(),
            value: value.clone(),
            lease: lease.map_or(0, |lease| lease.0),
        }),
        TxnDeed::Delete(key) => Request::Delete(DeleteRequest {
            key: key.clone().into_bytes(),
            range_end: Vec::new(),
        }),
        TxnDeed::Get(key) => Request::Range(RangeRequest {
            key: key.clone().into_bytes(),
            ..RangeRequest::default()
        }),
    };
    RequestOp {
        request: Some(request),
    }
}
