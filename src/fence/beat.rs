//! Beats, and the deadline that they move.

use crate::model::{BootTime, LossPolicy, Period, Revision};

/// What the store answered to the keepalive of the host's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepaliveAnswer {
    /// The lease lives.
    Alive,
    /// There is no such lease.
    Gone,
    /// No answer, or an error.
    Failed,
}

/// What the store answered to the read of the host's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAnswer {
    /// The key is there. It was made in this revision.
    Made(Revision),
    /// There is no such key.
    Gone,
    /// No answer, or an error.
    Failed,
}

/// One beat. Both calls go over one connection: the keepalive, then the read from a quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// When the first of the two calls was sent. Taken before it was sent.
    pub sent: BootTime,
    /// What the keepalive brought.
    pub keepalive: KeepaliveAnswer,
    /// What the read brought.
    pub key: KeyAnswer,
}

/// What came of a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beaten {
    /// The deadline has moved.
    Confirmed,
    /// Nothing is known. The deadline stays.
    Unconfirmed,
    /// The host is no more signed in. It must sign in anew. The deadline stays.
    SignedOut,
}

/// What a host knows of its own right to run sessions.
///
/// [`FenceState::default`] is a host that has not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FenceState {
    signed_in: Option<Revision>,
    is_cleared: bool,
    deadline: Option<BootTime>,
}

impl FenceState {
    /// A host whose controller has started again. `deadline` is what its guard still has.
    #[must_use]
    pub fn taken_over(deadline: Option<BootTime>) -> Self {
        Self {
            deadline,
            ..Self::default()
        }
    }

    /// Takes in that the host has signed in: its key was made in this revision. The deadline stays,
    /// until the host is rid of what is stale.
    #[must_use]
    pub fn signed_in(self, made: Revision) -> Self {
        Self {
            signed_in: Some(made),
            is_cleared: false,
            ..self
        }
    }

    /// Takes in that all [`stale`](super::stale) runs were ended, and seen to be dead, by a look at
    /// the store that was newer than this sign-in. Another sign-in changes nothing.
    #[must_use]
    pub fn cleared(self, signed_in: Revision) -> Self {
        let is_this = self.signed_in == Some(signed_in);
        Self {
            is_cleared: self.is_cleared || is_this,
            ..self
        }
    }

    /// Takes in a beat. A host without a guard sends none.
    #[must_use]
    pub fn beaten(self, beat: &Beat, fence: Period) -> (Self, Beaten) {
        let Some(signed_in) = self.signed_in else {
            return (self, Beaten::SignedOut);
        };
        let is_gone = match beat.key {
            KeyAnswer::Made(made) => made != signed_in,
            KeyAnswer::Gone => true,
            KeyAnswer::Failed => false,
        };
        if is_gone || beat.keepalive == KeepaliveAnswer::Gone {
            return (self.signed_out(), Beaten::SignedOut);
        }
        let is_good = beat.keepalive == KeepaliveAnswer::Alive && beat.key != KeyAnswer::Failed;
        if !is_good || !self.is_cleared {
            return (self, Beaten::Unconfirmed);
        }
        let deadline = self.deadline.max(Some(beat.sent.plus(fence)));
        (Self { deadline, ..self }, Beaten::Confirmed)
    }

    /// Takes in that the host is no more signed in. What runs may live on until the deadline.
    #[must_use]
    pub fn signed_out(self) -> Self {
        Self {
            signed_in: None,
            is_cleared: false,
            ..self
        }
    }

    /// The sign-in: the revision in which the host's key was made. None if it must sign in.
    #[must_use]
    pub fn sign_in(&self) -> Option<Revision> {
        self.signed_in
    }

    /// Whether the host is signed in and rid of what is stale.
    #[must_use]
    pub fn takes_part(&self) -> bool {
        self.signed_in.is_some() && self.is_cleared
    }

    /// The deadline. None before the first beat that was confirmed: then nothing that can move may
    /// live.
    #[must_use]
    pub fn deadline(&self) -> Option<BootTime> {
        self.deadline
    }

    /// Whether the deadline has come. From this moment all that can move is to be ended.
    #[must_use]
    pub fn is_over(&self, now: BootTime) -> bool {
        self.deadline.is_none_or(|deadline| deadline <= now)
    }

    /// When the end of a session begins unless another beat is confirmed. None for a session that
    /// stays, which lives on. A session that can move ends at once where there is no deadline.
    #[must_use]
    pub fn must_be_dead_at(&self, on_host_loss: LossPolicy) -> Option<BootTime> {
        match on_host_loss {
            LossPolicy::Move => Some(self.deadline.unwrap_or_default()),
            LossPolicy::Stay => None,
        }
    }
}
