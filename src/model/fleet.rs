//! A town on several hosts that share a store: what is written there, under which keys.
//!
//! Each value in the store is JSON. A newer gtctl may write fields that this one does not know. A
//! value that only one host ever writes drops them. A value that several hosts write in turn keeps
//! them, in `rest`.

mod ask;
mod clock;
mod host;
mod key;
mod reason;
mod session;
mod settings;
mod transaction;
mod view;

pub use ask::{AskAnswer, AskVerb, FleetAsk};
pub use clock::{BootTime, Epoch, Revision};
pub use host::{HostMark, HostRecord, LeaderRecord, PROTOCOL};
pub use key::{FleetKey, Keyspace};
pub use reason::{HostLack, PlaceReason};
pub use session::{
    FleetSession, Hist, HostChoice, Leave, LossPolicy, Permit, Placement, SessionStatus,
};
pub use settings::{Fleet, StoreSettings};
pub use transaction::{Compare, Transaction, Write};
pub use view::{FleetView, Stored};

use crate::model::SortedMap;
use serde_json::Value;

/// The fields of a value in the store that this gtctl does not know.
pub type UnknownFields = SortedMap<String, Value>;

#[cfg(test)]
mod tests;
