//! The values of a fleet in the store's own terms.

use crate::etcd::{self, EtcdClient, EtcdFault, Freshness, LeaseId, Mirror, Pair, Txn, TxnResult};
use crate::model::fleet::Compare;
use crate::model::{FleetKey, FleetView, Keyspace, Revision, Transaction, Write};

/// A town's part of the store.
#[derive(Debug, Clone)]
pub struct FleetStore {
    /// The client of the store.
    pub client: EtcdClient,
    /// The town's keys.
    pub keys: Keyspace,
}

impl FleetStore {
    /// Reads all that the store has of the town, from a quorum.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub async fn view(&self) -> Result<FleetView, EtcdFault> {
        let prefix = self.keys.prefix();
        let (pairs, revision) = self.client.list(prefix, Freshness::Quorum).await?;
        let mut view = FleetView {
            revision: Revision(revision),
            ..FleetView::default()
        };
        for pair in &pairs {
            self.put(&mut view, pair);
        }
        Ok(view)
    }

    /// Takes a pair into a view.
    pub(super) fn put(&self, view: &mut FleetView, pair: &Pair) {
        if let Some(key) = self.keys.parse(&pair.key) {
            let (created, written) = (Revision(pair.created), Revision(pair.written));
            view.put(&key, &pair.text(), created, written);
        }
    }

    /// The view that a mirror has.
    pub(super) fn view_of(&self, mirror: &Mirror) -> FleetView {
        let mut view = FleetView {
            revision: Revision(mirror.revision()),
            ..FleetView::default()
        };
        for pair in mirror.pairs().values() {
            self.put(&mut view, pair);
        }
        view
    }

    /// Carries out a transaction.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub async fn commit(
        &self,
        transaction: &Transaction,
        lease: Option<LeaseId>,
    ) -> Result<TxnResult, EtcdFault> {
        self.client.txn(&self.txn([transaction], lease)).await
    }

    /// Carries out several transactions as one: all or none.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub(super) async fn commit_all(
        &self,
        transactions: &[&Transaction],
        lease: Option<LeaseId>,
    ) -> Result<TxnResult, EtcdFault> {
        let txn = self.txn(transactions.iter().copied(), lease);
        self.client.txn(&txn).await
    }

    fn txn<'t>(
        &self,
        transactions: impl IntoIterator<Item = &'t Transaction>,
        lease: Option<LeaseId>,
    ) -> Txn {
        let mut txn = Txn::new();
        let mut known: Vec<&Compare> = Vec::new();
        for transaction in transactions {
            for compare in &transaction.compares {
                if !known.contains(&compare) {
                    known.push(compare);
                    txn = txn.when(self.compare(compare));
                }
            }
            for write in &transaction.writes {
                txn = txn.then(self.deed(write, lease));
            }
        }
        txn
    }

    fn compare(&self, compare: &Compare) -> etcd::TxnCondition {
        let text = |key: &FleetKey| self.keys.text(key);
        match compare {
            Compare::Absent(key) => etcd::TxnCondition::Absent(text(key)),
            Compare::Created(key, at) => etcd::TxnCondition::CreatedAt(text(key), at.0),
            Compare::Modified(key, at) => etcd::TxnCondition::WrittenAt(text(key), at.0),
        }
    }

    fn deed(&self, write: &Write, lease: Option<LeaseId>) -> etcd::TxnDeed {
        let text = |key: &FleetKey| self.keys.text(key);
        match write {
            Write::Put(key, value) => etcd::TxnDeed::Put(text(key), value.clone().into(), None),
            Write::PutLeased(key, value) => {
                etcd::TxnDeed::Put(text(key), value.clone().into(), lease)
            }
            Write::Delete(key) => etcd::TxnDeed::Delete(text(key)),
        }
    }
}
