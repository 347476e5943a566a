//! How a host signs in, and what it must end before it takes part.

use crate::model::{
    Compare, Epoch, FleetKey, FleetView, Generation, HostName, HostRecord, Revision, SessionName,
    Stored, Transaction, Write,
};

/// How a host can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// By this transaction. The host's key is then made in the revision of the transaction.
    Anew(Transaction),
    /// By this transaction, which goes on with the sign-in of the controller before. The host's key
    /// was made in this revision, and stays.
    GoOn(Transaction, Revision),
    /// Not now: the name belongs to another machine, or to a boot that has ended. Its lease must
    /// end first.
    Taken,
}

/// How the host signs in, given what the store has under its name.
///
/// A sign-in of the same boot is gone on with: the controller has started again.
#[must_use]
pub fn sign_in(view: &FleetView, here: &HostName, record: &HostRecord) -> SignIn {
    let key = FleetKey::Host(here.clone());
    let Ok(text) = serde_json::to_string(record) else {
        return SignIn::Taken;
    };
    if !view.is_present(here) {
        let known = Write::Put(FleetKey::Known(here.clone()), text.clone());
        return SignIn::Anew(Transaction {
            compares: vec![Compare::Absent(key.clone())],
            writes: vec![Write::PutLeased(key, text), known],
        });
    }
    let is_own = |there: &&Stored<HostRecord>| there.value.boot == record.boot;
    match view.hosts.get(here).filter(is_own) {
        None => SignIn::Taken,
        Some(there) => {
            let unchanged = Compare::Modified(key.clone(), there.modified);
            let transaction = Transaction {
                compares: vec![unchanged],
                writes: vec![Write::PutLeased(key, text)],
            };
            SignIn::GoOn(transaction, there.created)
        }
    }
}

/// A run that lives on a host, by its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetRun {
    /// The session.
    pub session: SessionName,
    /// The epoch that it was started in.
    pub epoch: Epoch,
    /// Its generation.
    pub generation: Generation,
}

/// The runs on a host that are not its own any more: their session was placed elsewhere, or left
/// and came back, or was let go, or a later run of it had a permit.
///
/// A host that signs in ends them and sees them dead before anything else. `view` must have been
/// read from a quorum after the sign-in: then no other host can get what is this host's now.
#[must_use]
pub fn stale<'r>(view: &FleetView, here: &HostName, runs: &'r [FleetRun]) -> Vec<&'r FleetRun> {
    let is_stale = |run: &&FleetRun| !is_own(view, here, run);
    runs.iter().filter(is_stale).collect()
}

fn is_own(view: &FleetView, here: &HostName, run: &FleetRun) -> bool {
    let Some(place) = view.places.get(&run.session) else {
        return false;
    };
    let epoch = place.epoch();
    let hist = view.hists.get(&run.session);
    let is_released = hist.is_some_and(|hist| hist.value.released == Some(epoch));
    let is_older = hist.is_some_and(|hist| hist.value.epoch > run.epoch);
    place.value.host == *here && epoch == run.epoch && !is_released && !is_older
}
