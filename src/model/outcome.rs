//! What came of a step.

use super::{Generation, ProcId, SessionName, Verb};

/// What came of a plan's steps, in the plan's order.
pub type Outcomes = Vec<Done>;

/// What came of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// Which session.
    pub session: SessionName,
    /// What was tried.
    pub verb: Verb,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of one operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was done, and seen to be.
    Done(Effect),
    /// The world had moved on; nothing was touched. An ordinary outcome: the next check plans anew.
    Stale(String),
    /// It was refused before anything was touched, or failed and left nothing; says why, and what
    /// to do.
    Failed(String),
    /// It may or may not have happened: the call timed out. The next check tells; nothing is tried
    /// again blindly.
    Unknown(String),
}

/// What a done operation did.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A process runs in this life.
    Started {
        /// Which life.
        generation: Generation,
        /// Its process.
        process: Option<ProcId>,
    },
    /// The session was labelled.
    Adopted {
        /// Its first life as ours.
        generation: Generation,
    },
    /// The tree was asked to end, or killed.
    Signalled {
        /// Its processes then.
        tree: Vec<ProcId>,
    },
    /// Its launcher was asked to end it, and it lives on. The next rung is the plan's to choose.
    NotEnded {
        /// Its processes then.
        tree: Vec<ProcId>,
        /// What was tried, and what came of it. Unsanitised.
        said: String,
    },
    /// The session is gone.
    Removed,
    /// A text was typed, and has left the composer.
    Nudged,
    /// Escape was pressed.
    EscapeSent,
    /// It was handed to the commands that carry it out beside the cycles; what comes of it is told
    /// later.
    Begun {
        /// What is run, in order.
        argvs: Vec<Vec<String>>,
    },
}
