//! One text on its way into a composer and out of it: what to do after each look, and when it ends.

use crate::model::{Delivery, NudgeText, Obstacle, Target};
use crate::screen::{Composer, Prompt};
use crate::tmux::script::Reply;
use crate::tmux::typing;
use std::time::Duration;

/// A screen on which no two looks agree for this long is busy.
const LOOKING: Duration = Duration::from_secs(2);
/// A text that does not show in the composer after this time is not there. On a busy machine clients
/// take seconds to show a whole text.
const ARRIVAL: Duration = Duration::from_secs(6);
/// If the text is still there after this time, the client did not take the key.
const SUBMISSION: Duration = Duration::from_secs(1);
/// The keys that clear a composer are pressed again after this time, if it still holds something.
const CLEARING: Duration = Duration::from_millis(300);
/// The most presses of these keys: a text of several lines may need several.
const CLEARS: u32 = 8;
/// The most presses of the submit key: once, and three times more.
const PRESSES: u32 = 4;

/// Whether a look at the prompt is all, or the text is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Look,
    Deliver,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Settled {
    /// The prompt is empty, and nothing was typed.
    Free,
    /// This came of the text.
    As(Delivery),
}

/// What to type, and what may be cleared for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) text: &'a NudgeText,
    /// Texts that gtctl may have left in the composer before.
    pub(super) left: &'a [String],
    /// Whether the agent has keys that clear its composer.
    pub(super) can_clear: bool,
}

/// What to do once a composer is clear.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Then {
    /// Type the text.
    Type,
    /// Report that the text could not be submitted.
    Report { why: String, presses: u32 },
}

/// How far a text has come. Times are since the beginning.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// Nothing is typed. The last look saw a free prompt, or this obstacle.
    Looking(Option<Result<(), Obstacle>>),
    Typed {
        at: Duration,
    },
    Pressed {
        at: Duration,
        presses: u32,
        /// Lines below the composer before the key was pressed.
        below: usize,
        /// Whether the last look no longer saw the text.
        gone: bool,
    },
    /// gtctl clears a text of its own from the composer.
    Clearing {
        at: Duration,
        tries: u32,
        /// What the composer held before.
        held: String,
        then: Then,
    },
    Settled(Settled),
}

/// What to do after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Look,
    Type,
    Press,
    Clear,
}

impl Stage {
    /// Takes in a look, and says what to do.
    pub(super) fn see(
        &mut self,
        prompt: &Prompt,
        task: Task<'_>,
        aim: Aim,
        passed: Duration,
    ) -> Move {
        let Task {
            text,
            left,
            can_clear,
        } = task;
        let holds = prompt.holds(text.as_str());
        match self {
            Self::Looking(last) => {
                let found = prompt.obstacle().map_or(Ok(()), Err);
                let agrees = last.as_ref() == Some(&found);
                match (agrees, found, aim) {
                    (true, Ok(()), Aim::Deliver) => return Move::Type,
                    (true, Ok(()), Aim::Look) => *self = Self::Settled(Settled::Free),
                    (true, Err(Obstacle::Composing), _)
                        if left.iter().any(|own| prompt.is_exactly(own)) =>
                    {
                        return self.take_own(prompt, task, aim, passed);
                    }
                    (true, Err(obstacle), _) => self.settle(Delivery::Refused(obstacle)),
                    (false, _, _) if passed > LOOKING => {
                        self.settle(Delivery::Refused(Obstacle::Works));
                    }
                    (false, found, _) => *last = Some(found),
                }
                Move::Look
            }
            Self::Typed { at } => {
                let waited = passed.saturating_sub(*at);
                let ready = matches!(prompt.obstacle(), Some(Obstacle::Composing));
                if ready && holds {
                    let (at, below) = (passed, prompt.below);
                    *self = Self::Pressed {
                        at,
                        presses: 0,
                        below,
                        gone: false,
                    };
                    return Move::Press;
                }
                if waited >= ARRIVAL {
                    self.settle(Delivery::NotSubmitted {
                        why: unseen(prompt),
                        presses: 0,
                    });
                }
                Move::Look
            }
            Self::Pressed {
                at,
                presses,
                below,
                gone,
            } => {
                let still = holds
                    && prompt.below <= *below
                    && prompt.obstacle() == Some(Obstacle::Composing);
                let (presses, waited) = (*presses, passed.saturating_sub(*at));
                if !still && std::mem::replace(gone, true) {
                    self.settle(Delivery::Delivered { presses });
                } else if still {
                    *gone = false;
                    if waited >= SUBMISSION && presses < PRESSES {
                        return Move::Press;
                    }
                    if waited >= SUBMISSION {
                        let why =
                            "the text stays in its composer, whatever key gtctl presses".to_owned();
                        let then = Then::Report { why, presses };
                        return self.begin_clearing(prompt, then, can_clear, passed);
                    }
                }
                Move::Look
            }
            Self::Clearing { .. } => self.clear(prompt, passed),
            Self::Settled(_) => Move::Look,
        }
    }

    /// The composer holds what gtctl has left there. The same text is submitted; another one is
    /// cleared.
    fn take_own(&mut self, prompt: &Prompt, task: Task<'_>, aim: Aim, passed: Duration) -> Move {
        match aim {
            Aim::Look => {
                *self = Self::Settled(Settled::Free);
                Move::Look
            }
            Aim::Deliver if prompt.is_exactly(task.text.as_str()) => {
                *self = Self::Pressed {
                    at: passed,
                    presses: 0,
                    below: prompt.below,
                    gone: false,
                };
                Move::Press
            }
            Aim::Deliver => self.begin_clearing(prompt, Then::Type, task.can_clear, passed),
        }
    }

    fn begin_clearing(
        &mut self,
        prompt: &Prompt,
        then: Then,
        can_clear: bool,
        passed: Duration,
    ) -> Move {
        match &prompt.composer {
            Composer::Holds(held) if can_clear => {
                *self = Self::Clearing {
                    at: passed,
                    tries: 0,
                    held: held.clone(),
                    then,
                };
                Move::Clear
            }
            Composer::Holds(_) | Composer::Empty | Composer::Missing => {
                self.settle(uncleared(then));
                Move::Look
            }
        }
    }

    /// Goes on clearing while the composer holds a part of the text and nothing else.
    fn clear(&mut self, prompt: &Prompt, passed: Duration) -> Move {
        let Self::Clearing {
            at,
            tries,
            held,
            then,
        } = self
        else {
            return Move::Look;
        };
        let waited = passed.saturating_sub(*at);
        match prompt.obstacle() {
            None => match then {
                Then::Type => *self = Self::Looking(Some(Ok(()))),
                Then::Report { why, presses } => {
                    let (why, presses) = (format!("{why}; it was cleared again"), *presses);
                    self.settle(Delivery::NotSubmitted { why, presses });
                }
            },
            Some(Obstacle::Composing) if prompt.is_rest_of(held) => {
                let is_due = *tries == 0 || waited >= CLEARING;
                if is_due && *tries < CLEARS {
                    return Move::Clear;
                }
                if is_due {
                    let then = then.clone();
                    self.settle(uncleared(then));
                }
            }
            Some(obstacle) if waited >= SUBMISSION => match then {
                Then::Type => self.settle(Delivery::Refused(obstacle)),
                Then::Report { why, presses } => {
                    let (why, presses) = (why.clone(), *presses);
                    self.settle(Delivery::NotSubmitted { why, presses });
                }
            },
            Some(_) => {}
        }
        Move::Look
    }

    /// Notes that tmux has done what was to be done.
    pub(super) fn acted(&mut self, passed: Duration) {
        match self {
            Self::Looking(_) => *self = Self::Typed { at: passed },
            Self::Pressed { at, presses, .. } => {
                (*at, *presses) = (passed, presses.saturating_add(1));
            }
            Self::Clearing { at, tries, .. } => (*at, *tries) = (passed, tries.saturating_add(1)),
            Self::Typed { .. } | Self::Settled(_) => {}
        }
    }

    /// Takes in a look that failed.
    pub(super) fn fail(&mut self, reply: Reply, target: &Target) -> Move {
        match (&*self, reply) {
            (Self::Looking(_), Reply::Unseen(why)) => {
                self.settle(Delivery::Refused(Obstacle::Untold(why)));
            }
            (_, reply) => self.refuse(reply, target),
        }
        Move::Look
    }

    /// Settles what tmux refused or did not answer.
    pub(super) fn refuse(&mut self, reply: Reply, target: &Target) {
        let (why, known) = match reply {
            Reply::Ok { .. } => return,
            Reply::Stale(fields) => (typing::explain(target, &fields), true),
            Reply::Refused(said) => (format!("tmux: {said}"), true),
            Reply::Unseen(why) => (why, false),
        };
        let delivery = match (&*self, known) {
            (
                Self::Looking(_)
                | Self::Clearing {
                    then: Then::Type, ..
                },
                true,
            ) => Delivery::Stale(why),
            (Self::Typed { .. }, true) => Delivery::NotSubmitted { why, presses: 0 },
            (Self::Pressed { presses, .. }, true) => Delivery::NotSubmitted {
                why,
                presses: *presses,
            },
            (
                Self::Clearing {
                    then: Then::Report { why, presses },
                    ..
                },
                _,
            ) => Delivery::NotSubmitted {
                why: why.clone(),
                presses: *presses,
            },
            (
                Self::Clearing {
                    then: Then::Type, ..
                },
                false,
            ) => Delivery::Refused(Obstacle::Untold(why)),
            (Self::Looking(_) | Self::Typed { .. } | Self::Pressed { .. }, false) => {
                Delivery::Unknown(why)
            }
            (Self::Settled(_), _) => return,
        };
        self.settle(delivery);
    }

    pub(super) fn give_up(&mut self) {
        match self {
            Self::Looking(_) => self.settle(Delivery::Refused(Obstacle::Works)),
            Self::Typed { .. } => {
                self.settle(Delivery::NotSubmitted {
                    why: "no time was left".to_owned(),
                    presses: 0,
                });
            }
            Self::Pressed { presses, .. } => {
                let (why, presses) = (
                    "no time was left to see whether it was submitted".to_owned(),
                    *presses,
                );
                self.settle(Delivery::NotSubmitted { why, presses });
            }
            Self::Clearing { then, .. } => {
                let then = then.clone();
                self.settle(uncleared(then));
            }
            Self::Settled(_) => {}
        }
    }

    fn settle(&mut self, delivery: Delivery) {
        *self = Self::Settled(Settled::As(delivery));
    }
}

/// The delivery where a text of gtctl's own stays in the composer.
fn uncleared(then: Then) -> Delivery {
    match then {
        Then::Type => Delivery::Refused(Obstacle::OwnText),
        Then::Report { why, presses } => Delivery::NotSubmitted { why, presses },
    }
}

/// What stands in the composer instead of the text.
fn unseen(prompt: &Prompt) -> String {
    match (prompt.obstacle(), &prompt.composer) {
        (Some(Obstacle::Composing), _) => "its composer holds another text".to_owned(),
        (Some(obstacle), _) => obstacle.to_string(),
        (None, Composer::Empty | Composer::Missing | Composer::Holds(_)) => {
            "the text does not show in its composer".to_owned()
        }
    }
}

#[cfg(test)]
#[path = "typist_tests.rs"]
mod tests;
