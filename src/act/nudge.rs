//! Types texts at prompts, each once, and sees that they are submitted.
//!
//! A text is typed only at a prompt that two looks found empty. It is submitted only once it is
//! seen in the composer. It counts as delivered once two looks no longer find it there.
//!
//! A text that gtctl typed before and did not see leave is no obstacle. The same text is submitted
//! again; another one is cleared first. What cannot be submitted is cleared, too.
//!
//! [`type_all`] types the texts of a plan side by side, so many take no longer than one. An
//! [`Approach`] types one text for the caller who holds the town's turn: from the last look before
//! the text until the key is pressed. While the text is waited for, others may have the turn.

use super::typist::{Aim, Move, Settled, Stage, Task};
use crate::model::{Delivery, Effect, Moment, Obstacle, Outcome, TextStep};
use crate::screen::{self, Prompt};
use crate::tmux::script::{Batch, NoServer, Reply};
use crate::tmux::{Client, typing};
use jiff::tz::TimeZone;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The time between two looks.
const TICK: Duration = Duration::from_millis(120);
/// The longest time for one text, without the calls that get no answer.
const DEADLINE: Duration = Duration::from_secs(12);

/// A text to be typed, and the moment of the decision: the same moment is typed once.
#[derive(Debug, Clone, Copy)]
struct Text<'a> {
    step: &'a TextStep,
    decided: Moment,
}

/// Looks whether the text could be typed now. Types nothing.
///
/// # Errors
/// What is in the way.
pub async fn may_type(client: &Client, step: &TextStep, decided: Moment) -> Result<(), Delivery> {
    let text = Text { step, decided };
    match work(client, &[text], Aim::Look).await.pop() {
        Some(Settled::Free) => Ok(()),
        Some(Settled::As(delivery)) => Err(delivery),
        None => Err(Delivery::Refused(Obstacle::Works)),
    }
}

/// Types them all, each at most once. Gives what came of each, in their order.
pub(super) async fn type_all(
    client: &Client,
    steps: &[&TextStep],
    decided: Moment,
) -> Vec<Delivery> {
    let texts: Vec<Text<'_>> = steps.iter().map(|step| Text { step, decided }).collect();
    work(client, &texts, Aim::Deliver)
        .await
        .into_iter()
        .map(delivery_of)
        .collect()
}

fn delivery_of(settled: Settled) -> Delivery {
    match settled {
        Settled::As(delivery) => delivery,
        Settled::Free => Delivery::Refused(Obstacle::Works),
    }
}

/// One text on its way, typed by turns with others who act on the town.
#[derive(Debug)]
pub struct Approach<'a> {
    client: &'a Client,
    text: Text<'a>,
    stage: Stage,
    /// The time spent so far, without the time in which it was left alone.
    spent: Duration,
}

impl<'a> Approach<'a> {
    /// A text of which nothing is typed yet. The same `decided` is typed once.
    #[must_use]
    pub fn new(client: &'a Client, step: &'a TextStep, decided: Moment) -> Self {
        Self {
            client,
            text: Text { step, decided },
            stage: Stage::Looking(None),
            spent: Duration::ZERO,
        }
    }

    /// Types the text if that was not done yet, and presses the key once. Nobody else may act on
    /// the session meanwhile. Gives what came of it; none where it must be [watched](Self::watch)
    /// first.
    pub async fn press(&mut self) -> Option<Delivery> {
        self.go_on(Rest::AfterKey).await
    }

    /// Looks whether the text leaves, and does nothing to the session. Gives what came of it; none
    /// where the key must be pressed once more.
    pub async fn watch(&mut self) -> Option<Delivery> {
        self.go_on(Rest::BeforeKey).await
    }

    async fn go_on(&mut self, rest: Rest) -> Option<Delivery> {
        let begun = Instant::now()
            .checked_sub(self.spent)
            .unwrap_or_else(Instant::now);
        go(
            self.client,
            &[self.text],
            std::slice::from_mut(&mut self.stage),
            Goal {
                aim: Aim::Deliver,
                rest,
            },
            begun,
        )
        .await;
        self.spent = begun.elapsed();
        match &self.stage {
            Stage::Settled(settled) => Some(delivery_of(settled.clone())),
            Stage::Looking(_)
            | Stage::Typed { .. }
            | Stage::Pressed { .. }
            | Stage::Clearing { .. } => None,
        }
    }
}

/// How far one call goes.
#[derive(Debug, Clone, Copy)]
struct Goal {
    aim: Aim,
    rest: Rest,
}

/// Where a text is left alone before it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Never,
    AfterKey,
    BeforeKey,
}

/// A delivery as the outcome of a step.
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

async fn work(client: &Client, texts: &[Text<'_>], aim: Aim) -> Vec<Settled> {
    let mut stages: Vec<Stage> = texts.iter().map(|_| Stage::Looking(None)).collect();
    let goal = Goal {
        aim,
        rest: Rest::Never,
    };
    go(client, texts, &mut stages, goal, Instant::now()).await;
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
async fn go(client: &Client, texts: &[Text<'_>], stages: &mut [Stage], goal: Goal, begun: Instant) {
    let Goal { aim, rest } = goal;
    let zone = TimeZone::system();
    loop {
        let mut open: Vec<(&Text<'_>, &mut Stage)> = texts
            .iter()
            .zip(&mut *stages)
            .filter(|(_, stage)| !matches!(stage, Stage::Settled(_)))
            .collect();
        if open.is_empty() {
            break;
        }
        let mut looks = Batch::default();
        for (text, _) in &open {
            looks.push(|tag| typing::look(tag, &text.step.target));
        }
        let replies = looks.run(client, NoServer::Stale).await;
        let passed = begun.elapsed();
        let mut moves = Vec::new();
        for ((text, stage), reply) in open.iter_mut().zip(replies) {
            let next = match reply {
                Reply::Ok { text: screen, .. } => {
                    let prompt = prompt(text, &screen, &zone);
                    stage.see(&prompt, task(text.step), aim, passed)
                }
                Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => {
                    stage.fail(reply, &text.step.target)
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

fn prompt(text: &Text<'_>, screen: &str, zone: &TimeZone) -> Prompt {
    let prompt = screen::prompt(&text.step.agent, screen, text.decided, zone);
    if text.step.limit_over {
        prompt.past_limit()
    } else {
        prompt
    }
}

fn task(step: &TextStep) -> Task<'_> {
    Task {
        text: &step.text,
        left: &step.left,
        can_clear: !step.agent.clear.is_empty(),
    }
}

/// Types and presses what the looks allow, and notes what tmux refused.
async fn carry_out(
    client: &Client,
    open: &mut [(&Text<'_>, &mut Stage)],
    moves: &[Move],
    begun: Instant,
) {
    let mut batch = Batch::default();
    let mut acting = Vec::new();
    for ((text, stage), next) in open.iter_mut().zip(moves) {
        let Text { step, decided } = **text;
        let target = &step.target;
        let agent = &step.agent;
        if *next != Move::Look {
            batch.push(|tag| typing::leave_mode(tag, target));
        }
        match next {
            Move::Look => continue,
            Move::Type => batch.push(|tag| typing::paste(tag, target, &step.text, decided)),
            Move::Press => batch.push(|tag| typing::press(tag, target, &agent.submit)),
            Move::Clear => batch.push(|tag| typing::press(tag, target, &agent.clear)),
        }
        acting.push((target, stage));
    }
    if acting.is_empty() {
        return;
    }
    let replies = batch.run(client, NoServer::Stale).await;
    let passed = begun.elapsed();
    // The first of each two replies is that of `leave_mode`.
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
