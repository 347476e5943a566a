//! The results of a plan's steps.

use super::{Generation, ProcId, SessionName, Verb};

/// The results of a plan's steps, in the plan's order.
pub type Outcomes = Vec<Done>;

/// The result of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The session.
    pub session: SessionName,
    /// What gtctl tried to do.
    pub verb: Verb,
    /// The result.
    pub outcome: Outcome,
}

/// The result of one operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was done, and gtctl has seen it.
    Done(Effect),
    /// Something had changed meanwhile, so nothing was touched. This is normal: the next check
    /// makes a new plan.
    Stale(String),
    /// It was refused before anything was touched, or it failed and left nothing behind. It carries
    /// the reason and what to do.
    Failed(String),
    /// It may have happened or not: the call timed out. The next check shows. Nothing is tried
    /// again blindly.
    Unknown(String),
}

/// What an operation did.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A process runs, in a new run of the session.
    Started {
        /// The run.
        generation: Generation,
        /// Its process.
        process: Option<ProcId>,
    },
    /// The session was labelled.
    Adopted {
        /// Its first run as ours.
        generation: Generation,
    },
    /// The session has its declared name.
    Renamed,
    /// The process tree was asked to end, or was killed.
    Signalled {
        /// The processes of the tree.
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
    /// A dialog was answered, and has gone.
    Answered,
    /// It was given to the commands of the launcher. Their result comes later.
    Begun {
        /// The commands, in order.
        argvs: Vec<Vec<String>>,
    },
}
