//! Why a session is where it is.

use super::Leave;
use crate::model::{HostName, Period};
use strum::IntoStaticStr;

/// Why a session is where it is, moves, or has no place. Its code is its name in kebab case.
#[derive(Debug, Clone, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum PlaceReason {
    /// It is on a host that may have it.
    Placed,
    /// It had no place yet.
    New,
    /// Its host was lost.
    HostLost {
        /// The host that it was on.
        from: HostName,
    },
    /// Its host has stopped it for a move.
    Released {
        /// The host that it was on.
        from: HostName,
    },
    /// It shall leave its host as soon as that host has stopped it.
    Leaving {
        /// Why.
        why: Leave,
    },
    /// It need not leave its host after all.
    MayStay,
    /// It shall leave its host, but no other host can take it. So it stays.
    NowhereElse {
        /// Why it shall leave.
        why: Leave,
    },
    /// It shall leave its host, but its last planned restart is too recent.
    GapNotOver {
        /// Why it shall leave.
        why: Leave,
        /// For how long it still stays.
        wait: Period,
    },
    /// It shall leave its host, but enough other sessions are on their way.
    OthersLeaving {
        /// Why it shall leave.
        why: Leave,
    },
    /// Its host is gone. It stays there, because it does not move.
    HostGone,
    /// Its host is gone, but what ran there may not be dead yet.
    NotYetDead {
        /// How long the leader still waits.
        wait: Period,
    },
    /// No host can take it.
    NoHost {
        /// What most of the hosts lack.
        lack: HostLack,
    },
    /// What the store says of it cannot be read, so nothing is changed.
    Unreadable,
    /// It is not in the manifest any more, and its host has not stopped it yet.
    NotDeclared,
    /// It is not in the manifest any more, and its place is given up.
    GivenUp,
}

impl PlaceReason {
    /// Its code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

/// Why a host cannot take a session. In the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum HostLack {
    /// There is no such host now.
    NotThere,
    /// The session may not run on this host.
    NotAllowed,
    /// Its gtctl is too old for the manifest.
    TooOld,
    /// It is drained, or was declared lost.
    Drained,
    /// It has no guard, and the session can move.
    NoGuard,
    /// The session's agent is signed out there.
    SignedOut,
    /// All its slots are taken.
    Full,
}

impl HostLack {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}
