//! Who leads the town: one host, by a key that ends with its lease.

use crate::model::{
    Compare, FleetKey, FleetView, HostName, LeaderRecord, Revision, Transaction, Write,
};

/// The transaction by which a host becomes the leader. It succeeds only if nobody leads, and the
/// host is still signed in.
///
/// None if somebody leads. A host may ask only if it takes part and understands the manifest.
#[must_use]
pub fn claim(
    view: &FleetView,
    here: &HostName,
    instance: &str,
    signed_in: Revision,
) -> Option<Transaction> {
    let is_taken = view.leader.is_some() || view.unreadable.contains(&FleetKey::Leader);
    if is_taken {
        return None;
    }
    let record = LeaderRecord {
        host: here.clone(),
        instance: instance.to_owned(),
    };
    let text = serde_json::to_string(&record).ok()?;
    Some(Transaction {
        compares: vec![
            Compare::Absent(FleetKey::Leader),
            Compare::Created(FleetKey::Host(here.clone()), signed_in),
        ],
        writes: vec![Write::PutLeased(FleetKey::Leader, text)],
    })
}

/// The revision in which the leader's key was made, if this host leads. A controller that has
/// started again goes on with what the one before led.
#[must_use]
pub fn led_by(view: &FleetView, here: &HostName) -> Option<Revision> {
    let leader = view.leader.as_ref()?;
    (leader.value.host == *here).then_some(leader.created)
}
