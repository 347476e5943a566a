//! What happened in a town: one list of typed events for each cycle, and what others read of it.
//!
//! ```text
//!  plan before, look, plan, outcomes, memory after ──► of_cycle ──► events ─┬─► journal        (the journal's lines)
//!                                                                          ├─► notifications  (the command of [notify])
//!                                                                          ├─► counted        (metrics)
//!                                                                          ├─► PhaseBook      (the history of phases)
//!                                                                          └─► sentence       (the terminal)
//! ```
//!
//! [`of_cycle`] computes the list once. The others are views of it, so they cannot disagree:
//! [`sentence()`] has the words for each of them. What happens beside the cycles (a run of a chore, a
//! text that a person types) is an event too, with the same views.
//!
//! **Architecture invariant:** pure. Nothing here changes a memory or chooses an action.

mod counts;
mod cycle;
mod journal;
mod notifications;
mod phases;
mod sentence;

pub use counts::counted;
pub use cycle::{EndedStep, Happened, of_cycle};
pub use journal::{DEPARTURE_KEYS, departure_entry, journal};
pub use notifications::{notification, notifications};
pub use phases::PhaseBook;
pub use sentence::sentence;

use crate::model::{
    Answer, Asks, Block, ChoreResult, Conversation, Death, Delivery, Departure, Evidence,
    Generation, Hold, Judged, Moment, NudgeText, Outcome, Reason, SessionName, Verb,
};

/// One thing that happened in a town, or that goes on in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TownEvent {
    /// The session that it is about. None where it is about an agent, a chore or the town.
    pub session: Option<SessionName>,
    /// When it happened, or when a look has shown it.
    pub at: Moment,
    /// Whether it is new.
    pub novelty: Novelty,
    /// Who caused it.
    pub actor: Actor,
    /// Why a step was taken, or is wanted.
    pub reason: Option<Reason>,
    /// The run that it began or ended.
    pub generation: Option<Generation>,
    /// What it is.
    pub what: What,
}

/// Whether an event is new or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// It has just happened or begun. The journal has it.
    New,
    /// The cycle before has shown it too.
    Lasting,
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A controller, by the manifest.
    Controller,
    /// A verb such as `apply`, by the manifest.
    Verb,
    /// A person, by hand.
    Person,
    /// A chore.
    Chore,
}

impl Actor {
    /// The word in the journal.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Verb => "verb",
            Self::Person => "person",
            Self::Chore => "chore",
        }
    }
}

/// What an event is.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A step came to this.
    Step {
        /// What gtctl tried to do.
        verb: Verb,
        /// The result.
        outcome: Outcome,
        /// The conversation that the fresh process resumes or begins, where one was started.
        conversation: Option<Conversation>,
    },
    /// A session that was asked to end was gone before gtctl removed it.
    Departed(Departure),
    /// A step waits.
    Held {
        /// What is to be done.
        verb: Verb,
        /// What it waits for.
        hold: Hold,
        /// When the wait ends. None if only an event or a person can end it.
        until: Option<Moment>,
    },
    /// An agent cannot go on, with these of its sessions.
    Blocked {
        /// The agent.
        agent: String,
        /// By what.
        kind: Block,
        /// What shows it, and what fixes it.
        evidence: Evidence,
        /// Its sessions, by name.
        sessions: Vec<SessionName>,
        /// When its usage limit ends, in wall milliseconds, where a screen says so.
        until: Option<i64>,
    },
    /// An agent is no longer blocked.
    Unblocked {
        /// The agent.
        agent: String,
        /// By what it was.
        kind: Block,
        /// What had shown it.
        evidence: Evidence,
    },
    /// A session that was sent an Escape works again.
    ActiveAgain,
    /// A session asks a person something.
    Asks {
        /// What for.
        asks: Asks,
        /// The answers that its screen offers, such as `1. Yes`, unsanitised.
        answers: Vec<String>,
        /// The line that asks, unsanitised. None where no screen was read.
        line: Option<String>,
    },
    /// A task has ended.
    Completed(Option<Death>),
    /// The state of the town is unknown. It carries the reason.
    Unreachable(String),
    /// An agent has answered whether it is signed in.
    Answered {
        /// The agent.
        agent: String,
        /// What it answered.
        answer: Answer,
    },
    /// A run of a chore has ended, or was skipped.
    ChoreRun {
        /// The word for its kind.
        kind: &'static str,
        /// The chore.
        chore: String,
        /// How it ended.
        result: ChoreResult,
        /// What it said, unsanitised.
        said: String,
        /// More for programs.
        details: Evidence,
    },
    /// A chore proposes something.
    Proposed(Judged),
    /// A person has had a text typed.
    Typed {
        /// The text.
        text: NudgeText,
        /// What came of it.
        delivery: Delivery,
    },
    /// The process that keeps a session's output has ended.
    RecorderEnded {
        /// None: another keeps it. Else why none does.
        trouble: Option<String>,
    },
    /// A person has had an idle shell removed that had a session's name.
    ShellRemoved {
        /// Which shell.
        shell: String,
    },
    /// A defect of gtctl has broken a cycle off. It carries what is known of it.
    Defect(String),
    /// The manifest on disk has become broken. It carries the errors.
    ManifestBroken(String),
    /// The controller started or ended.
    ControllerIs {
        /// What it did.
        said: String,
        /// More for programs.
        details: Evidence,
    },
}

impl TownEvent {
    /// A new event about a session.
    #[must_use]
    pub fn of(session: &SessionName, at: Moment, what: What) -> Self {
        Self {
            session: Some(session.clone()),
            ..Self::of_town(at, what)
        }
    }

    /// A new event about the town.
    #[must_use]
    pub fn of_town(at: Moment, what: What) -> Self {
        Self {
            session: None,
            at,
            novelty: Novelty::New,
            actor: Actor::Controller,
            reason: None,
            generation: None,
            what,
        }
    }

    /// The same by this actor.
    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }

    /// The same, as something that goes on.
    #[must_use]
    fn lasting(self) -> Self {
        Self {
            novelty: Novelty::Lasting,
            ..self
        }
    }

    /// The same for this reason. Who asked for it by hand is the actor.
    #[must_use]
    fn because(self, reason: &Reason) -> Self {
        let actor = if is_by_hand(reason) {
            Actor::Person
        } else {
            self.actor
        };
        Self {
            actor,
            reason: Some(reason.clone()),
            ..self
        }
    }
}

/// Whether a person asked for a step. An end that a person asked for is a stop, not an expiry.
fn is_by_hand(reason: &Reason) -> bool {
    reason.cause().is(crate::model::ReasonCode::Asked)
}
