//! What the store says of a host.

use super::{Revision, UnknownFields};
use crate::model::HostName;
use crate::model::SortedSet;
use crate::model::written::is_default;
use serde::{Deserialize, Serialize};

/// The version of what is written to the store. It grows with each change that an older gtctl would
/// misread.
pub const PROTOCOL: u32 = 1;

/// What a host says of itself. It stands under the host's lease, so it vanishes with the host. A
/// copy without a lease stays, and is written only when the host signs in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HostRecord {
    /// The id of this start of the host's controller. Random, so no two starts have the same.
    pub instance: String,
    /// The boot of the machine, as in [`Moment`](crate::model::Moment). A controller that starts
    /// again within one boot may go on with the sign-in of the one before.
    #[serde(skip_serializing_if = "is_default")]
    pub boot: u64,
    /// The version of its gtctl.
    pub version: String,
    /// The newest [`PROTOCOL`] that it understands.
    pub protocol: u32,
    /// How many sessions it takes. None for as many as there are.
    #[serde(skip_serializing_if = "is_default")]
    pub slots: Option<u32>,
    /// Its labels.
    #[serde(skip_serializing_if = "is_default")]
    pub labels: SortedSet<String>,
    /// How other hosts reach it by ssh, where the manifest does not say it. None if it does not say.
    #[serde(skip_serializing_if = "is_default")]
    pub ssh: Option<String>,
    /// The agents that are signed out there, by their names in the manifest. An agent that is not
    /// named is taken to be signed in: not every agent can be asked.
    #[serde(skip_serializing_if = "is_default")]
    pub signed_out: SortedSet<String>,
    /// Whether its guard runs. Without one it gets no session that can move.
    #[serde(skip_serializing_if = "is_default")]
    pub guard: bool,
}

/// What people have said of a host. It stays when the host is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HostMark {
    /// Whether it shall get no session, and give away those that it has.
    #[serde(skip_serializing_if = "is_default")]
    pub drained: bool,
    /// The sign-in of the host that somebody has declared lost for good: the revision of
    /// [`FleetKey::Known`](super::FleetKey::Known) at that time. A later sign-in is not meant.
    #[serde(skip_serializing_if = "is_default")]
    pub lost: Option<Revision>,
    /// Fields of a newer gtctl.
    #[serde(flatten)]
    pub rest: UnknownFields,
}

/// Who places the sessions. It stands under the lease of that host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderRecord {
    /// The host that leads.
    pub host: HostName,
    /// The [`HostRecord::instance`] of that host.
    pub instance: String,
}
