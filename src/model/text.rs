//! Requests to type a text into a session: who asks, into which session, and until when.

use super::written::is_default;
use super::{
    Agent, Delivery, Generation, Moment, NudgeText, Obstacle, Period, SessionName, Target,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A text that somebody wants typed into a session.
///
/// Requests of chores and of accepted proposals are remembered: a controller that starts later goes
/// on with them. A person waits for his text at a terminal, so his request ends with his command.
/// What the rules of the plan want typed (`on_idle`, `handoff`, the end of a limit) is never
/// remembered as a request: each plan decides on it anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRequest {
    /// Who asks.
    pub asker: Asker,
    /// The session to type into.
    pub session: SessionName,
    /// The only incarnation to type into; none: whichever runs when its prompt is free.
    #[serde(default, skip_serializing_if = "is_default")]
    pub incarnation: Option<Generation>,
    /// What to type.
    pub text: NudgeText,
    /// When it was asked for.
    pub since: Moment,
    /// From this moment on it is not worth typing.
    pub until: Moment,
    /// Whether typing has begun. It is set before anything is typed and unset where nothing was.
    /// Where the process ended in between, the text may stand in the session already, so it is
    /// given up.
    #[serde(default, skip_serializing_if = "is_default")]
    pub begun: bool,
}

/// Who asks for a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asker {
    /// A person, at a terminal.
    Person,
    /// The chore of this name, of kind `nudge`.
    Chore(String),
    /// A proposal of the chore of this name that the manifest accepts.
    Proposal(String),
}

impl Asker {
    /// The chore that it comes from; none for a person.
    #[must_use]
    pub fn chore(&self) -> Option<&str> {
        match self {
            Self::Person => None,
            Self::Chore(name) | Self::Proposal(name) => Some(name),
        }
    }
}

impl TextRequest {
    /// How long an accepted proposal may wait for a free prompt.
    pub const PROPOSAL_PATIENCE: Period = Period::from_mins(2);

    /// The name of the job that carries it out. Of two requests of one name, one is carried out at
    /// a time.
    #[must_use]
    pub fn job(&self) -> String {
        match &self.asker {
            Asker::Person => format!("nudge-{}", self.session),
            Asker::Chore(name) => name.clone(),
            Asker::Proposal(chore) => format!("{chore}-nudge-{}", self.session),
        }
    }

    /// Whether it is the same request, whether begun or not.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.job() == other.job() && self.since == other.since
    }

    /// Whether it is tried again after this: nothing was typed, the reason may pass by itself, and
    /// its time is not over.
    ///
    /// A session that has become another meanwhile gets the text of a chore, as long as the request
    /// names no incarnation. A person is told instead.
    #[must_use]
    pub fn waits_after(&self, delivery: &Delivery, now: Moment) -> bool {
        let may_pass = match delivery {
            Delivery::Refused(obstacle) => obstacle.passes(),
            Delivery::Stale(_) => self.asker != Asker::Person,
            Delivery::Delivered { .. }
            | Delivery::Handed { .. }
            | Delivery::Failed(_)
            | Delivery::NotSubmitted { .. }
            | Delivery::Unknown(_) => false,
        };
        may_pass && !now.reached(&self.until)
    }
}

/// How the wait for a text has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextEnd {
    /// This came of it.
    Settled(Delivery),
    /// The wait was broken off before anything was typed; the last reason to wait.
    BrokenOff(Delivery),
}

/// All that is needed to type a text at one prompt and to submit it.
#[derive(Debug, Clone, PartialEq)]
pub struct TextStep {
    /// Exactly which session. Attached clients do not matter: a composer that somebody writes in
    /// is left alone.
    pub target: Target,
    /// How its prompt is recognised, and which keys submit and clear a text.
    pub agent: Arc<Agent>,
    /// What to type.
    pub text: NudgeText,
    /// Texts that gtctl may have left in the composer before.
    pub left: Vec<String>,
    /// Whether the limit that its screen may show has ended.
    pub limit_over: bool,
}

/// Whether a text can be typed now: the step that types it, or what is in the way. An obstacle
/// [passes](Obstacle::passes) or stays.
pub type Typable = Result<TextStep, Obstacle>;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment {
        wall: 1_700_000_000_000,
        awake: 50_000_000,
        boot: 1,
    };

    fn request(asker: Asker) -> TextRequest {
        TextRequest {
            asker,
            session: SessionName::new("a").unwrap(),
            incarnation: None,
            text: NudgeText::default(),
            since: NOW,
            until: NOW.plus(Period::from_mins(1)),
            begun: false,
        }
    }

    #[test]
    fn it_waits_for_what_passes_until_its_time_is_over() {
        let chore = request(Asker::Chore("c".into()));
        let busy = Delivery::Refused(Obstacle::Works);
        assert!(chore.waits_after(&busy, NOW));
        assert!(!chore.waits_after(&busy, chore.until));
        assert!(!chore.waits_after(&Delivery::Refused(Obstacle::Absent), NOW));
        assert!(!chore.waits_after(&Delivery::Unknown("no answer".into()), NOW));
        let restarted = Delivery::Stale("another incarnation".into());
        assert!(chore.waits_after(&restarted, NOW));
        assert!(!request(Asker::Person).waits_after(&restarted, NOW));
    }
}
