//! Why the store did not do what was asked.

use tonic::{Code, Status};

/// Why a call of the store came to nothing, or may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EtcdFault {
    /// No endpoint could be reached. Nothing was sent.
    #[error("no endpoint of the store can be reached: {0}")]
    Unreachable(String),
    /// No answer in time. A write may have happened, or may still happen.
    #[error("the store did not answer within {0} ms")]
    Late(u64),
    /// The connection or the store broke while the call was under way. A write may have happened.
    #[error("the store broke off: {0}")]
    Broken(String),
    /// The members of the store have no leader, so nothing can be read or written.
    #[error("the store has no leader: more than half of its members must be up")]
    NoLeader,
    /// The certificate or the role does not allow it.
    #[error("the store refuses this host: {0}")]
    Denied(String),
    /// The lease has ended, or never was.
    #[error("the lease has ended")]
    NoLease,
    /// A revision that the store has compacted away. The second number is the oldest that it has.
    #[error("revision {0} was compacted; the oldest is {1}")]
    Compacted(i64, i64),
    /// The settings cannot work: an endpoint that is no address, a certificate that is none.
    #[error("{0}")]
    Settings(String),
    /// The store said no, for another reason.
    #[error("the store refused: {0}")]
    Refused(String),
}

impl EtcdFault {
    /// Whether nothing can have been written by the call. Else a write may have happened.
    #[must_use]
    pub fn is_without_effect(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Denied(_)
            | Self::NoLease
            | Self::Compacted(..)
            | Self::Settings(_)
            | Self::NoLeader
            | Self::Refused(_) => true,
            Self::Late(_) | Self::Broken(_) => false,
        }
    }

    /// Whether another endpoint may do better.
    pub(super) fn is_of_the_endpoint(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Late(_) | Self::Broken(_) | Self::NoLeader => true,
            Self::Denied(_)
            | Self::NoLease
            | Self::Compacted(..)
            | Self::Settings(_)
            | Self::Refused(_) => false,
        }
    }

    /// What a gRPC status means. `limit` is the call's deadline in milliseconds.
    pub(super) fn of(status: &Status, limit: u64) -> Self {
        let said = status.message().to_owned();
        match status.code() {
            Code::Unavailable if is_of_connecting(status) => {
                Self::Unreachable(said_in_full(status))
            }
            Code::Unavailable if said.contains("no leader") => Self::NoLeader,
            Code::NotFound if said.contains("lease not found") => Self::NoLease,
            Code::DeadlineExceeded => Self::Late(limit),
            Code::PermissionDenied | Code::Unauthenticated => Self::Denied(said),
            Code::InvalidArgument if said.contains("user name is empty") => {
                Self::Denied("it knows no user of this certificate's name".to_owned())
            }
            Code::Unavailable | Code::Cancelled | Code::Unknown | Code::Internal => {
                Self::Broken(said_in_full(status))
            }
            _ => Self::Refused(said),
        }
    }
}

/// Whether the call failed before anything was sent.
fn is_of_connecting(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(cause) = source {
        if cause.to_string().contains("tcp connect error")
            || cause.is::<tonic::ConnectError>()
            || cause.to_string().contains("dns error")
        {
            return true;
        }
        source = cause.source();
    }
    false
}

/// A status with its last cause, which says most.
fn said_in_full(status: &Status) -> String {
    let mut last = None;
    let mut source = std::error::Error::source(status);
    while let Some(cause) = source {
        last = Some(cause.to_string());
        source = cause.source();
    }
    match last {
        Some(last) if !status.message().contains(&last) => format!("{}: {last}", status.message()),
        _ => status.message().to_owned(),
    }
}
