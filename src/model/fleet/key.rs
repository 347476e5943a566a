//! The keys of the store: `/gtctl/TOWN/…`.

use crate::model::{HostName, SessionName};

/// One key of a town's part of the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FleetKey {
    /// `manifest`: the manifest in force.
    Manifest,
    /// `leader`: a [`LeaderRecord`](super::LeaderRecord), leased.
    Leader,
    /// `hosts/HOST`: a [`HostRecord`](super::HostRecord), leased.
    Host(HostName),
    /// `known/HOST`: the same record, not leased. A host writes both in one transaction when it
    /// signs in, and this one never else. So its revision tells one sign-in from another.
    Known(HostName),
    /// `marks/HOST`: a [`HostMark`](super::HostMark).
    Mark(HostName),
    /// `place/SESSION`: a [`Placement`](super::Placement). Only the leader writes it.
    Place(SessionName),
    /// `hist/SESSION`: a [`Hist`](super::Hist). Only the host of the session writes it.
    Hist(SessionName),
    /// `status/SESSION`: a [`SessionStatus`](super::SessionStatus), leased.
    Status(SessionName),
    /// `plans/HOST`: the plan of a host, as its `gtctl diff -o json` prints it, leased.
    Plan(HostName),
    /// `ask/ID`: a [`FleetAsk`](super::FleetAsk).
    Ask(String),
}

/// The part of the store that belongs to one town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyspace {
    prefix: String,
}

impl Keyspace {
    /// The keys of the town with this name.
    #[must_use]
    pub fn new(town: &SessionName) -> Self {
        let prefix = format!("/gtctl/{town}/");
        Self { prefix }
    }

    /// What all keys of the town begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A key as the store has it.
    #[must_use]
    pub fn text(&self, key: &FleetKey) -> String {
        let prefix = &self.prefix;
        match key {
            FleetKey::Manifest => format!("{prefix}manifest"),
            FleetKey::Leader => format!("{prefix}leader"),
            FleetKey::Host(host) => format!("{prefix}hosts/{host}"),
            FleetKey::Known(host) => format!("{prefix}known/{host}"),
            FleetKey::Mark(host) => format!("{prefix}marks/{host}"),
            FleetKey::Place(session) => format!("{prefix}place/{session}"),
            FleetKey::Hist(session) => format!("{prefix}hist/{session}"),
            FleetKey::Status(session) => format!("{prefix}status/{session}"),
            FleetKey::Plan(host) => format!("{prefix}plans/{host}"),
            FleetKey::Ask(id) => format!("{prefix}ask/{id}"),
        }
    }

    /// Reads a key of the store. None for a key of another town, and for one that no gtctl of this
    /// version writes.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<FleetKey> {
        let rest = text.strip_prefix(&self.prefix)?;
        let Some((kind, name)) = rest.split_once('/') else {
            return match rest {
                "manifest" => Some(FleetKey::Manifest),
                "leader" => Some(FleetKey::Leader),
                _ => None,
            };
        };
        let host = || HostName::new(name).ok();
        let session = || SessionName::new(name).ok();
        match kind {
            "hosts" => host().map(FleetKey::Host),
            "known" => host().map(FleetKey::Known),
            "marks" => host().map(FleetKey::Mark),
            "plans" => host().map(FleetKey::Plan),
            "place" => session().map(FleetKey::Place),
            "hist" => session().map(FleetKey::Hist),
            "status" => session().map(FleetKey::Status),
            // An id has the alphabet of a name.
            "ask" => session().map(|id| FleetKey::Ask(id.as_str().to_owned())),
            _ => None,
        }
    }
}
