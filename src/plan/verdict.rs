//! What a rule says of one session, before the town as a whole is asked.

use crate::model::{Hold, Moment, Next, Phase, Reason, Rung, Verb};

/// What one session would need.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Nothing.
    Keep(Keep),
    /// Something, unless pacing holds it.
    Want(Want),
    /// Something that the rule itself holds.
    Hold(Want, Hold, Option<Moment>),
}

/// A session left as it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Keep {
    pub(super) phase: Phase,
    pub(super) note: Option<Reason>,
    pub(super) next: Option<Next>,
    /// Another moment at which this verdict changes.
    pub(super) wake: Option<Moment>,
}

impl Keep {
    pub(super) fn as_is(phase: Phase) -> Verdict {
        Verdict::Keep(Self {
            phase,
            note: None,
            next: None,
            wake: None,
        })
    }
}

/// A wish for a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Want {
    pub(super) verb: Verb,
    pub(super) reason: Reason,
    pub(super) kind: Kind,
    pub(super) phase: Phase,
}

impl Want {
    /// Whether a fresh process comes of it at once.
    pub(super) fn starts(&self) -> bool {
        self.verb != Verb::Expire && self.kind.starts()
    }
}

/// What a wish comes to, which is what pacing asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Create what is missing.
    Create,
    /// A fresh process where the last one died.
    Revive,
    /// End a living agent for a fresh one.
    Replace(Patience),
    /// End a living agent for good.
    Retire(Patience),
    /// Remove what has already ended.
    Remove,
    /// Label.
    Adopt,
    /// Type a text because it is too quiet.
    Nudge,
    /// Type the notice that it is about to be ended.
    Notice,
    /// Press Escape.
    SendEscape,
    /// Carry on a stop that was begun.
    Continue(Rung),
}

/// Whether a kill waits for the session to fall idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It does, for `drain` at most.
    Drain,
    /// It does not.
    None,
    /// It does not, nor does it mind the handoff gap: somebody asked for it.
    ByHand,
}

impl Kind {
    /// Whether it ends something that lives, and was not begun before.
    pub(super) fn kills(self) -> bool {
        match self {
            Self::Replace(_) | Self::Retire(_) => true,
            Self::Create
            | Self::Revive
            | Self::Remove
            | Self::Adopt
            | Self::Nudge
            | Self::Notice
            | Self::SendEscape
            | Self::Continue(_) => false,
        }
    }

    /// Whether it carries on a stop by signalling something that lives, or types into it.
    pub(super) fn signals(self) -> bool {
        match self {
            Self::Continue(rung) => rung != Rung::Finish,
            Self::SendEscape => true,
            Self::Create
            | Self::Revive
            | Self::Replace(_)
            | Self::Retire(_)
            | Self::Remove
            | Self::Adopt
            | Self::Nudge
            | Self::Notice => false,
        }
    }

    /// Whether a fresh process comes of it at once, unless the session is to go.
    fn starts(self) -> bool {
        match self {
            Self::Create | Self::Revive => true,
            Self::Continue(rung) => rung == Rung::Finish,
            Self::Replace(_)
            | Self::Retire(_)
            | Self::Remove
            | Self::Adopt
            | Self::Nudge
            | Self::Notice
            | Self::SendEscape => false,
        }
    }
}
