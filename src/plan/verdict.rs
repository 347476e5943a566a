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
    /// Whether it starts a fresh process at once.
    pub(super) fn starts(&self) -> bool {
        self.verb != Verb::Expire && self.kind.starts()
    }
}

/// What a wish would do. Pacing asks for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Create a missing session.
    Create,
    /// Start a fresh process where the last one has ended.
    Revive,
    /// End a living agent for a fresh one.
    Replace(Patience),
    /// End a living agent for good.
    Retire(Patience),
    /// Remove a session that has ended already.
    Remove,
    /// Label the session as ours.
    Adopt,
    /// Give the session its declared name.
    Rename,
    /// Type a text because it is too quiet.
    Nudge,
    /// Type the notice that the session is about to be ended.
    Notice,
    /// Press Escape.
    SendEscape,
    /// Give a declared answer.
    Answer,
    /// Carry on a stop that was begun.
    Continue(Rung),
}

/// Whether a kill waits for the session to fall idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It waits, for at most `drain`.
    Drain,
    /// It does not wait.
    None,
    /// It does not wait, and ignores the handoff gap: a user asked for it.
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
            | Self::Rename
            | Self::Nudge
            | Self::Notice
            | Self::SendEscape
            | Self::Answer
            | Self::Continue(_) => false,
        }
    }

    /// Whether it carries on a stop by signalling something that lives, or types into it.
    pub(super) fn signals(self) -> bool {
        match self {
            Self::Continue(rung) => rung != Rung::Finish,
            Self::SendEscape | Self::Answer => true,
            Self::Create
            | Self::Revive
            | Self::Replace(_)
            | Self::Retire(_)
            | Self::Remove
            | Self::Adopt
            | Self::Rename
            | Self::Nudge
            | Self::Notice => false,
        }
    }

    /// Whether it starts a fresh process at once, unless the session is to be removed.
    fn starts(self) -> bool {
        match self {
            Self::Create | Self::Revive => true,
            Self::Continue(rung) => rung == Rung::Finish,
            Self::Replace(_)
            | Self::Retire(_)
            | Self::Remove
            | Self::Adopt
            | Self::Rename
            | Self::Nudge
            | Self::Notice
            | Self::SendEscape
            | Self::Answer => false,
        }
    }
}
