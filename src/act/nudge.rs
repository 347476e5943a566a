//! Nudges: a text typed at a prompt, once, and seen to leave it.
//!
//! Nothing is typed but at a prompt that two looks found empty; nothing is submitted but our own
//! text, seen in the composer; and that it was submitted is only said when two looks no longer
//! found it there. A composer that holds exactly what gtctl has typed there before, and what was
//! not seen to leave it, is no obstacle: the same text is submitted again, another one's place is
//! cleared first. What cannot be submitted is cleared too. All nudges go on side by side, so that
//! many take no longer than one.
//!
//! A nudge by hand is an [`Approach`]: it needs the session for itself from the last look before
//! the text until the key is pressed, and not while it waits for the text to leave.

use super::typist::{Aim, Move, Settled, Stage, Task};
use crate::model::{Agent, Delivery, Effect, Moment, NudgeText, Obstacle, Outcome, Target};
use crate::screen;
use crate::tmux::script::{Batch, NoServer, Reply};
use crate::tmux::{Client, typing};
use jiff::tz::TimeZone;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks.
const TICK: Duration = Duration::from_millis(120);
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
    /// Texts that gtctl may have left in the composer before.
    pub left: &'a [String],
    /// When it was decided: the same moment is typed once.
    pub decided: Moment,
    /// Whether the limit that its screen may show has ended: then it keeps nothing from being
    /// typed.
    pub limit_over: bool,
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
    work(client, nudges, Aim::Deliver)
        .await
        .into_iter()
        .map(told)
        .collect()
}

fn told(settled: Settled) -> Delivery {
    match settled {
        Settled::As(delivery) => delivery,
        Settled::Free => Delivery::Refused(Obstacle::Works),
    }
}

/// A text by hand, on its way.
#[derive(Debug)]
pub struct Approach<'a> {
    client: &'a Client,
    nudge: Nudge<'a>,
    stage: Stage,
    /// How long it has taken, without what it was left alone.
    spent: Duration,
}

impl<'a> Approach<'a> {
    /// One of which nothing is typed yet.
    #[must_use]
    pub fn new(client: &'a Client, nudge: Nudge<'a>) -> Self {
        Self {
            client,
            nudge,
            stage: Stage::Looking(None),
            spent: Duration::ZERO,
        }
    }

    /// Types the text if that was not done yet, and presses the key once. Nobody else may act on
    /// the session meanwhile. Gives what came of it, if that is clear already; else it is to be
    /// [watched](Self::watch).
    pub async fn press(&mut self) -> Option<Delivery> {
        self.go(Rest::AfterKey).await
    }

    /// Looks whether the text leaves; does nothing to the session. None when the key must be
    /// pressed once more.
    pub async fn watch(&mut self) -> Option<Delivery> {
        self.go(Rest::BeforeKey).await
    }

    async fn go(&mut self, rest: Rest) -> Option<Delivery> {
        let begun = Instant::now()
            .checked_sub(self.spent)
            .unwrap_or_else(Instant::now);
        go(
            self.client,
            &[self.nudge],
            std::slice::from_mut(&mut self.stage),
            Aim::Deliver,
            rest,
            begun,
        )
        .await;
        self.spent = begun.elapsed();
        match &self.stage {
            Stage::Settled(settled) => Some(told(settled.clone())),
            Stage::Looking(_)
            | Stage::Typed { .. }
            | Stage::Pressed { .. }
            | Stage::Clearing { .. } => None,
        }
    }
}

/// Where it is left alone before it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Never,
    AfterKey,
    BeforeKey,
}

/// The same as an outcome of a step.
pub(super) fn outcome(delivery: Delivery) -> Outcome {
    match delivery {
        Delivery::Delivered { .. } | Delivery::Handed { .. } => Outcome::Done(Effect::Nudged),
        Delivery::Refused(obstacle) => Outcome::Stale(obstacle.to_string()),
        Delivery::Stale(why) => Outcome::Stale(why),
        Delivery::NotSubmitted { .. } => Outcome::Failed(delivery.to_string()),
        Delivery::Failed(why) => Outcome::Failed(why),
        Delivery::Unknown(why) => Outcome::Unknown(why),
    }
}

async fn work(client: &Client, nudges: &[Nudge<'_>], aim: Aim) -> Vec<Settled> {
    let mut stages: Vec<Stage> = nudges.iter().map(|_| Stage::Looking(None)).collect();
    go(
        client,
        nudges,
        &mut stages,
        aim,
        Rest::Never,
        Instant::now(),
    )
    .await;
    let settled = |stage| match stage {
        Stage::Settled(settled) => settled,
        Stage::Looking(_)
        | Stage::Typed { .. }
        | Stage::Pressed { .. }
        | Stage::Clearing { .. } => {
            Settled::As(Delivery::Unknown("it was not waited for".to_owned()))
        }
    };
    stages.into_iter().map(settled).collect()
}

/// Goes on until all are settled, or may rest.
async fn go(
    client: &Client,
    nudges: &[Nudge<'_>],
    stages: &mut [Stage],
    aim: Aim,
    rest: Rest,
    begun: Instant,
) {
    let zone = TimeZone::system();
    loop {
        let mut looks = Batch::default();
        let mut open: Vec<(&Nudge<'_>, &mut Stage)> = nudges
            .iter()
            .zip(&mut *stages)
            .filter(|(_, stage)| !matches!(stage, Stage::Settled(_)))
            .collect();
        if open.is_empty() {
            break;
        }
        for (nudge, _) in &open {
            looks.push(|tag| typing::look(tag, nudge.target));
        }
        let replies = looks.run(client, NoServer::Stale).await;
        let passed = begun.elapsed();
        let mut moves = Vec::new();
        for ((nudge, stage), reply) in open.iter_mut().zip(replies) {
            let next = match reply {
                Reply::Ok { text, .. } => {
                    let prompt = screen::prompt(nudge.agent, &text, nudge.decided, &zone);
                    let prompt = if nudge.limit_over {
                        prompt.past_limit()
                    } else {
                        prompt
                    };
                    let task = Task {
                        text: nudge.text,
                        left: nudge.left,
                        can_clear: !nudge.agent.clear.is_empty(),
                    };
                    stage.see(&prompt, task, aim, passed)
                }
                Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => {
                    stage.fail(reply, nudge.target)
                }
            };
            moves.push(next);
        }
        let presses = moves.contains(&Move::Press);
        let touches = presses || moves.contains(&Move::Clear);
        if touches && rest == Rest::BeforeKey {
            return;
        }
        carry_out(client, &mut open, &moves, begun).await;
        if presses && rest == Rest::AfterKey {
            return;
        }
        if begun.elapsed() > DEADLINE {
            stages.iter_mut().for_each(Stage::give_up);
        } else {
            sleep(TICK).await;
        }
    }
}

/// Types and presses what the looks allow, and notes which of it was refused.
async fn carry_out(
    client: &Client,
    open: &mut [(&Nudge<'_>, &mut Stage)],
    moves: &[Move],
    begun: Instant,
) {
    let mut batch = Batch::default();
    let mut acting = Vec::new();
    for ((nudge, stage), next) in open.iter_mut().zip(moves) {
        let Nudge {
            target,
            agent,
            text,
            left: _,
            decided,
            limit_over: _,
        } = **nudge;
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
            Move::Clear => {
                batch.push(|tag| typing::leave_mode(tag, target));
                batch.push(|tag| typing::press(tag, target, &agent.clear));
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
    for ((target, stage), reply) in acting
        .into_iter()
        .zip(replies.into_iter().skip(1).step_by(2))
    {
        match reply {
            Reply::Ok { .. } => stage.acted(passed),
            Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => stage.refuse(reply, target),
        }
    }
}
