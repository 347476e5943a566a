//! One text on its way into a composer and out of it: what is done after each look, and when it is over.

use crate::model::{Delivery, NudgeText, Obstacle, Target};
use crate::screen::{Composer, Prompt};
use crate::tmux::script::Reply;
use crate::tmux::typing;
use std::time::Duration;

/// A screen that does not hold still for so long is busy.
const LOOKING: Duration = Duration::from_secs(2);
/// A text shows in the composer after so long, or is not there. On a busy machine clients take seconds to show it whole.
const ARRIVAL: Duration = Duration::from_secs(6);
/// A text that was submitted is gone after so long, or the key was not taken.
const SUBMISSION: Duration = Duration::from_secs(1);
/// The submit key is pressed so often at most: once, and three times more.
const PRESSES: u32 = 4;

/// How far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Look,
    Deliver,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Settled {
    /// At an empty prompt, with nothing typed.
    Free,
    As(Delivery),
}

/// How far one has come. Times are since the beginning.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// Nothing is typed; what the last look found: a free prompt, or what is in the way.
    Looking(Option<Result<(), Obstacle>>),
    Typed {
        at: Duration,
    },
    Pressed {
        at: Duration,
        presses: u32,
        /// Lines below the composer before the key.
        below: usize,
        /// Whether the last look no longer found the text.
        gone: bool,
    },
    Settled(Settled),
}

/// What is to be done after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Look,
    Type,
    Press,
}

impl Stage {
    /// Takes in a look; says what is to be done.
    pub(super) fn see(&mut self, prompt: &Prompt, text: &NudgeText, aim: Aim, passed: Duration) -> Move {
        let holds = prompt.holds(text.as_str());
        match self {
            Self::Looking(last) => {
                let found = prompt.obstacle().map_or(Ok(()), Err);
                let agrees = last.as_ref() == Some(&found);
                match (agrees, found, aim) {
                    (true, Ok(()), Aim::Deliver) => return Move::Type,
                    (true, Ok(()), Aim::Look) => *self = Self::Settled(Settled::Free),
                    (true, Err(obstacle), _) => self.settle(Delivery::Refused(obstacle)),
                    (false, _, _) if passed > LOOKING => self.settle(Delivery::Refused(Obstacle::Works)),
                    (false, found, _) => *last = Some(found),
                }
                Move::Look
            }
            Self::Typed { at } => {
                let waited = passed.saturating_sub(*at);
                let ready = matches!(prompt.obstacle(), Some(Obstacle::Composing));
                if ready && holds {
                    let (at, below) = (passed, prompt.below);
                    *self = Self::Pressed { at, presses: 0, below, gone: false };
                    return Move::Press;
                }
                if waited >= ARRIVAL {
                    self.settle(Delivery::NotSubmitted { why: unseen(prompt), presses: 0 });
                }
                Move::Look
            }
            Self::Pressed { at, presses, below, gone } => {
                let still = holds && prompt.below <= *below && prompt.obstacle() == Some(Obstacle::Composing);
                let (presses, waited) = (*presses, passed.saturating_sub(*at));
                if !still && std::mem::replace(gone, true) {
                    self.settle(Delivery::Delivered { presses });
                } else if still {
                    *gone = false;
                    if waited >= SUBMISSION && presses < PRESSES {
                        return Move::Press;
                    }
                    if waited >= SUBMISSION {
                        let why = "the text stays in its composer, whatever is pressed".to_owned();
                        self.settle(Delivery::NotSubmitted { why, presses });
                    }
                }
                Move::Look
            }
            Self::Settled(_) => Move::Look,
        }
    }

    /// What was allowed has been done.
    pub(super) fn acted(&mut self, passed: Duration) {
        match self {
            Self::Looking(_) => *self = Self::Typed { at: passed },
            Self::Pressed { at, presses, .. } => (*at, *presses) = (passed, presses.saturating_add(1)),
            Self::Typed { .. } | Self::Settled(_) => {}
        }
    }

    /// A look that could not be had.
    pub(super) fn fail(&mut self, reply: Reply, target: &Target) -> Move {
        match (&*self, reply) {
            (Self::Looking(_), Reply::Unseen(why)) => self.settle(Delivery::Refused(Obstacle::Untold(why))),
            (_, reply) => self.refuse(reply, target),
        }
        Move::Look
    }

    /// Settles what tmux would not do, or did not answer for.
    pub(super) fn refuse(&mut self, reply: Reply, target: &Target) {
        let (why, known) = match reply {
            Reply::Ok { .. } => return,
            Reply::Stale(fields) => (typing::explain(target, &fields), true),
            Reply::Refused(said) => (format!("tmux: {said}"), true),
            Reply::Unseen(why) => (why, false),
        };
        let delivery = match (&*self, known) {
            (Self::Looking(_), true) => Delivery::Stale(why),
            (Self::Typed { .. }, true) => Delivery::NotSubmitted { why, presses: 0 },
            (Self::Pressed { presses, .. }, true) => Delivery::NotSubmitted { why, presses: *presses },
            (Self::Looking(_) | Self::Typed { .. } | Self::Pressed { .. }, false) => Delivery::Unknown(why),
            (Self::Settled(_), _) => return,
        };
        self.settle(delivery);
    }

    pub(super) fn give_up(&mut self) {
        match self {
            Self::Looking(_) => self.settle(Delivery::Refused(Obstacle::Works)),
            Self::Typed { .. } => {
                self.settle(Delivery::NotSubmitted { why: "no time was left".to_owned(), presses: 0 });
            }
            Self::Pressed { presses, .. } => {
                let (why, presses) = ("no time was left to see it go".to_owned(), *presses);
                self.settle(Delivery::NotSubmitted { why, presses });
            }
            Self::Settled(_) => {}
        }
    }

    fn settle(&mut self, delivery: Delivery) {
        *self = Self::Settled(Settled::As(delivery));
    }
}

/// What is seen where the text should be.
fn unseen(prompt: &Prompt) -> String {
    match (prompt.obstacle(), &prompt.composer) {
        (Some(Obstacle::Composing), _) => "its composer holds something else".to_owned(),
        (Some(obstacle), _) => obstacle.to_string(),
        (None, Composer::Empty | Composer::Missing | Composer::Holds(_)) => {
            "the text does not show in its composer".to_owned()
        }
    }
}

#[cfg(test)]
#[path = "typist_tests.rs"]
mod tests;
