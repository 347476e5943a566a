//! Nudges: a text typed at a prompt, once, and seen to leave it.
//!
//! Nothing is typed but at a prompt that two looks found empty; nothing is submitted but our own text, seen in the
//! composer; and that it was submitted is only said when two looks no longer found it there. All nudges go on side by
//! side, so that many take no longer than one.

use crate::model::{Agent, Delivery, Effect, Moment, NudgeText, Obstacle, Outcome, Target};
use crate::screen::{self, Composer, Prompt};
use crate::tmux::script::{Batch, NoServer, Reply};
use crate::tmux::{Client, typing};
use jiff::tz::TimeZone;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks.
const TICK: Duration = Duration::from_millis(120);
/// A screen that does not hold still for so long is busy.
const LOOKING: Duration = Duration::from_secs(2);
/// A text shows in the composer after so long, or is not there.
const ARRIVAL: Duration = Duration::from_secs(2);
/// A text that was submitted is gone after so long, or the key was not taken.
const SUBMISSION: Duration = Duration::from_secs(1);
/// The submit key is pressed so often at most: once, and three times more.
const PRESSES: u32 = 4;
/// No nudge takes longer, but for calls that get no answer.
const DEADLINE: Duration = Duration::from_secs(12);

/// A text for one session.
#[derive(Debug, Clone, Copy)]
pub struct Nudge<'a> {
    /// Exactly which session.
    pub target: &'a Target,
    /// How its prompt is known, and how a text is submitted.
    pub agent: &'a Agent,
    /// What is typed.
    pub text: &'a NudgeText,
    /// When it was decided: the same moment is typed once.
    pub decided: Moment,
}

/// Looks whether the text could be typed now, and types nothing.
///
/// # Errors
/// What keeps it from being typed.
pub async fn may_nudge(client: &Client, nudge: Nudge<'_>) -> Result<(), Delivery> {
    match work(client, &[nudge], Aim::Look).await.pop() {
        Some(Settled::Free) => Ok(()),
        Some(Settled::As(delivery)) => Err(delivery),
        None => Err(Delivery::Refused(Obstacle::Works)),
    }
}

/// Types them all, each at most once, and tells what came of each, in their order.
pub async fn nudge_all(client: &Client, nudges: &[Nudge<'_>]) -> Vec<Delivery> {
    let settled = work(client, nudges, Aim::Deliver).await;
    let told = |settled| match settled {
        Settled::As(delivery) => delivery,
        Settled::Free => Delivery::Refused(Obstacle::Works),
    };
    settled.into_iter().map(told).collect()
}

/// The same as an outcome of a step.
pub(super) fn outcome(delivery: Delivery) -> Outcome {
    match delivery {
        Delivery::Delivered { .. } => Outcome::Done(Effect::Nudged),
        Delivery::Refused(obstacle) => Outcome::Stale(obstacle.to_string()),
        Delivery::Stale(why) => Outcome::Stale(why),
        Delivery::NotSubmitted { .. } => Outcome::Failed(delivery.to_string()),
        Delivery::Failed(why) => Outcome::Failed(why),
        Delivery::Unknown(why) => Outcome::Unknown(why),
    }
}

/// How far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    Look,
    Deliver,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
enum Settled {
    /// At an empty prompt, with nothing typed.
    Free,
    As(Delivery),
}

/// How far one has come. Times are since the beginning.
#[derive(Debug, Clone, PartialEq)]
enum Stage {
    /// Nothing is typed; what the last look found in the way.
    Looking(Option<Option<Obstacle>>),
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
enum Move {
    Look,
    Type,
    Press,
}

async fn work(client: &Client, nudges: &[Nudge<'_>], aim: Aim) -> Vec<Settled> {
    let begun = Instant::now();
    let zone = TimeZone::system();
    let mut stages: Vec<Stage> = nudges.iter().map(|_| Stage::Looking(None)).collect();
    loop {
        let mut looks = Batch::default();
        let mut open: Vec<(&Nudge<'_>, &mut Stage)> =
            nudges.iter().zip(&mut stages).filter(|(_, stage)| !matches!(stage, Stage::Settled(_))).collect();
        if open.is_empty() {
            break;
        }
        open.iter().for_each(|(nudge, _)| looks.push(|tag| typing::look(tag, nudge.target)));
        let replies = looks.run(client, NoServer::Stale).await;
        let passed = begun.elapsed();
        let mut moves = Vec::new();
        for ((nudge, stage), reply) in open.iter_mut().zip(replies) {
            let next = match reply {
                Reply::Ok { text, .. } => {
                    let prompt = screen::prompt(nudge.agent, &text, nudge.decided, &zone);
                    stage.see(&prompt, nudge.text, aim, passed)
                }
                Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => stage.fail(reply, nudge.target),
            };
            moves.push(next);
        }
        carry_out(client, &mut open, &moves, begun).await;
        if begun.elapsed() > DEADLINE {
            stages.iter_mut().for_each(Stage::give_up);
        } else {
            sleep(TICK).await;
        }
    }
    let settled = |stage| match stage {
        Stage::Settled(settled) => settled,
        Stage::Looking(_) | Stage::Typed { .. } | Stage::Pressed { .. } => {
            Settled::As(Delivery::Unknown("it was not waited for".to_owned()))
        }
    };
    stages.into_iter().map(settled).collect()
}

/// Types and presses what the looks allow, and notes which of it was refused.
async fn carry_out(client: &Client, open: &mut [(&Nudge<'_>, &mut Stage)], moves: &[Move], begun: Instant) {
    let mut batch = Batch::default();
    let mut acting = Vec::new();
    for ((nudge, stage), next) in open.iter_mut().zip(moves) {
        let Nudge { target, agent, text, decided } = **nudge;
        match next {
            Move::Look => continue,
            Move::Type => {
                batch.push(|tag| typing::leave_mode(tag, target));
                batch.push(|tag| typing::paste(tag, target, text, decided));
            }
            Move::Press => {
                batch.push(|tag| typing::leave_mode(tag, target));
                batch.push(|tag| typing::press(tag, target, &agent.submit));
            }
        }
        acting.push((target, stage));
    }
    if acting.is_empty() {
        return;
    }
    let replies = batch.run(client, NoServer::Stale).await;
    let passed = begun.elapsed();
    // The first of each two only left a mode.
    for ((target, stage), reply) in acting.into_iter().zip(replies.into_iter().skip(1).step_by(2)) {
        match reply {
            Reply::Ok { .. } => stage.acted(passed),
            Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => stage.refuse(reply, target),
        }
    }
}

impl Stage {
    /// Takes in a look; says what is to be done.
    fn see(&mut self, prompt: &Prompt, text: &NudgeText, aim: Aim, passed: Duration) -> Move {
        let holds = prompt.holds(text.as_str());
        match self {
            Self::Looking(last) => {
                let obstacle = prompt.obstacle();
                let agrees = last.as_ref() == Some(&obstacle);
                match (agrees, obstacle, aim) {
                    (true, None, Aim::Deliver) => return Move::Type,
                    (true, None, Aim::Look) => *self = Self::Settled(Settled::Free),
                    (true, Some(obstacle), _) => self.settle(Delivery::Refused(obstacle)),
                    (false, _, _) if passed > LOOKING => self.settle(Delivery::Refused(Obstacle::Works)),
                    (false, obstacle, _) => *last = Some(obstacle),
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
    fn acted(&mut self, passed: Duration) {
        match self {
            Self::Looking(_) => *self = Self::Typed { at: passed },
            Self::Pressed { at, presses, .. } => (*at, *presses) = (passed, presses.saturating_add(1)),
            Self::Typed { .. } | Self::Settled(_) => {}
        }
    }

    /// A look that could not be had.
    fn fail(&mut self, reply: Reply, target: &Target) -> Move {
        match (&*self, reply) {
            (Self::Looking(_), Reply::Unseen(why)) => self.settle(Delivery::Refused(Obstacle::Untold(why))),
            (_, reply) => self.refuse(reply, target),
        }
        Move::Look
    }

    /// Settles what tmux would not do, or did not answer for.
    fn refuse(&mut self, reply: Reply, target: &Target) {
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

    fn give_up(&mut self) {
        match self {
            Self::Looking(_) => self.settle(Delivery::Refused(Obstacle::Works)),
            Self::Typed { .. } => {
                self.settle(Delivery::NotSubmitted { why: "no time was left".to_owned(), presses: 0 })
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
