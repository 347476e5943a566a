//! The hosts of a town: where its sessions run, and how one host reaches another.

use super::{Desired, Fleet, Leave, SessionName, SessionStatus};
use crate::model::{SortedMap, SortedSet};
use std::fmt;

/// The name of a host, as the manifest gives it in `[hosts.NAME]`. It has the alphabet of a
/// session's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(SessionName);

impl HostName {
    /// Parses a name.
    ///
    /// # Errors
    /// Like [`SessionName::new`].
    pub fn new(text: &str) -> Result<Self, super::NameFault> {
        SessionName::new(text).map(Self)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a text can be the destination of ssh, and no option of it.
#[must_use]
pub fn is_ssh_destination(text: &str) -> bool {
    let is_fit = |c: char| !c.is_whitespace() && !c.is_control();
    !text.is_empty() && !text.starts_with('-') && text.chars().all(is_fit)
}

/// How a host is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAddress {
    /// What `ssh` gets as the destination. None if no other host can reach it.
    pub ssh: Option<String>,
    /// The gtctl program on that host.
    pub gtctl: String,
    /// Where the manifest is on that host: absolute, or relative to the user's home directory there.
    pub town: String,
}

/// The hosts of a town. Empty for a town on one host, which is the usual case.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hosts {
    /// The host that this machine is. None if it is none of them: then it only looks at the others.
    pub here: Option<HostName>,
    /// All hosts, by name.
    pub all: SortedMap<HostName, HostAddress>,
    /// The declared sessions of all other hosts, each with its host. They are no part of
    /// [`Town::sessions`](super::Town::sessions).
    pub elsewhere: SortedMap<SessionName, (HostName, Desired)>,
    /// What the hosts share by a store. None for a town without one. Else it has all sessions, and
    /// [`Town::sessions`](super::Town::sessions) and [`Hosts::elsewhere`] have none: the store says
    /// where they are.
    pub fleet: Option<Fleet>,
    /// How the sessions of other hosts are, as their hosts say. Empty in a town without a store.
    pub statuses: SortedMap<SessionName, SessionStatus>,
    /// The sessions that have come from another host and were not started here since. Their host is
    /// lost or gave them away, so each gets one start beside the limits on starts.
    pub arrivals: SortedSet<SessionName>,
    /// The sessions of [`Town::sessions`](super::Town::sessions) that shall leave this host. They are
    /// ended here when they are idle, and not started.
    pub leaving: SortedMap<SessionName, Leave>,
}

impl Hosts {
    /// Whether the town declares no host.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether the town declares a host of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.all.keys().any(|host| host.as_str() == name)
    }

    /// Whether the store shares out a session of this name: then it may be on another host, or on
    /// none yet.
    #[must_use]
    pub fn is_shared(&self, session: &SessionName) -> bool {
        let fleet = self.fleet.as_ref();
        fleet.is_some_and(|fleet| fleet.sessions.contains_key(session))
    }

    /// Whether this machine only looks: the town has hosts, and this machine is none of them.
    #[must_use]
    pub fn is_onlooker(&self) -> bool {
        !self.is_empty() && self.here.is_none()
    }

    /// All hosts but this one.
    pub fn others(&self) -> impl Iterator<Item = (&HostName, &HostAddress)> {
        self.all
            .iter()
            .filter(|(name, _)| Some(*name) != self.here.as_ref())
    }

    /// The other host that a session is declared for. None for a session of this host, and for one
    /// that is not declared.
    #[must_use]
    pub fn host_of(&self, session: &str) -> Option<&HostName> {
        self.elsewhere.get(session).map(|(host, _)| host)
    }

    /// The sessions that are declared for a host other than this one.
    pub fn sessions_of<'h>(
        &'h self,
        host: &'h HostName,
    ) -> impl Iterator<Item = (&'h SessionName, &'h Desired)> {
        self.elsewhere
            .iter()
            .filter(move |(_, (at, _))| at == host)
            .map(|(name, (_, desired))| (name, desired))
    }
}
