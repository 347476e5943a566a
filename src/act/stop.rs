//! The first rungs of a stop: ask, TERM, KILL. Each returns at once, and the plan of a later cycle
//! has the next one.

use super::tree::{Aimed, Trees};
use super::{Placed, Scene, not_done};
use crate::model::{
    Agent, Effect, Launch, Moment, Obstacle, Outcome, ProcId, Rung, ScreenState, SessionName,
    Stopping, Target,
};
use crate::proc::signal::Signal;
use crate::screen;
use crate::tmux::fence::{Clients, Fence, Pane};
use crate::tmux::ops::{self, PaneAtEnd};
use crate::tmux::script::{Batch, NoServer, Reply};
use crate::tmux::typing;
use jiff::tz::TimeZone;
use std::time::Instant;

/// A rung of a stop, and the session that it is for.
pub(super) struct Stop<'a> {
    pub(super) place: usize,
    pub(super) session: &'a SessionName,
    pub(super) target: &'a Target,
    pub(super) rung: Rung,
    pub(super) agent: &'a Agent,
    /// The planned restart to be written on the session.
    pub(super) handoff: Option<Moment>,
    /// What becomes of its pane.
    pub(super) pane_at_end: PaneAtEnd,
}

/// What becomes of the pane of a session that is signalled.
///
/// The pane of a launcher's session would be removed with its process. The last rung needs it.
pub(super) fn pane_at_end(launch: &Launch) -> PaneAtEnd {
    match launch {
        Launch::Tmux => PaneAtEnd::AsSet,
        Launch::Commands(_) => PaneAtEnd::Stays,
    }
}

/// A stop with a handle on each of its processes.
struct Ready<'a> {
    stop: Stop<'a>,
    aimed: Aimed,
}

/// Takes the rung of each stop.
///
/// A client can attach at any time, and must not see its agent signalled. So the slow work comes
/// first: one scan of all processes, and a handle on each process of the run. Then the fence is
/// asked in tmux, one session at a time, and the signals are sent as soon as it holds. Between the
/// fence and the last signal are the way of the reply and one system call for each process. There
/// are at most [`Stopping::MAX_TREE`] processes.
///
/// Measured from before tmux is asked until after the last signal, over 300 stops each, with two
/// cores under a load of seven: 3 ms in the median for one process, 7 ms for ten, 13 ms for a
/// hundred, and never more than 92 ms. The ignored test
/// `how_long_a_stop_takes_between_its_fence_and_its_last_signal` prints it.
pub(super) async fn all(scene: &Scene<'_>, stops: Vec<Stop<'_>>) -> Vec<Placed> {
    if stops.is_empty() {
        return vec![];
    }
    let trees = Trees::look(scene, &stops.iter().map(|stop| stop.session).collect());
    let (mut by_keys, mut by_signal) = (vec![], vec![]);
    for stop in stops {
        let aimed = Aimed::at(trees.of(stop.session, stop.target, None));
        let has_keys =
            stop.rung == Rung::Ask && !stop.agent.quit.is_empty() && stop.target.process.is_some();
        let ready = Ready { stop, aimed };
        if has_keys {
            by_keys.push(ready);
        } else {
            by_signal.push(ready);
        }
    }
    let (mut settled, without_prompt) = press(scene, by_keys).await;
    for ready in by_signal.into_iter().chain(without_prompt) {
        settled.push(signalled_if_free(scene, ready).await);
    }
    settled
}

/// Asks the fence of one session, and signals its whole tree as soon as the fence holds.
async fn signalled_if_free(scene: &Scene<'_>, Ready { stop, aimed }: Ready<'_>) -> Placed {
    let signal = match stop.rung {
        Rung::Ask | Rung::Term => Signal::TERM,
        Rung::Kill | Rung::Finish => Signal::KILL,
    };
    let asked = Instant::now();
    let reply = Batch::run_one(scene.client, |tag| {
        ops::begin_stop(tag, stop.target, stop.handoff, stop.pane_at_end)
    })
    .await;
    if !matches!(reply, Reply::Ok { .. }) {
        let fence = Fence::new(stop.target, Clients::for_asking(stop.target), Pane::Any);
        return (stop.place, not_done(reply, |fields| fence.explain(fields)));
    }
    let refused = aimed.send(signal);
    let micros = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(processes = aimed.tree.len(), micros, "fenced and signalled");
    let outcome = if refused.is_empty() || refused.len() < aimed.tree.len() {
        signalled(aimed.tree)
    } else {
        Outcome::Failed(refused.join("; "))
    };
    (stop.place, outcome)
}

/// Sends the quit keys to the agents that show their prompt. Gives back the others.
async fn press<'a>(scene: &Scene<'_>, stops: Vec<Ready<'a>>) -> (Vec<Placed>, Vec<Ready<'a>>) {
    let mut batch = Batch::default();
    for Ready { stop, .. } in &stops {
        batch.push(|tag| typing::look(tag, stop.target));
    }
    let screens = batch.run(scene.client, NoServer::Stale).await;
    let (mut ready, mut others) = (vec![], vec![]);
    let zone = TimeZone::system();
    for (stop, screen) in stops.into_iter().zip(screens) {
        match screen {
            Reply::Ok { text, .. } if waits(stop.stop.agent, &text, scene.now, &zone) => {
                ready.push(stop);
            }
            Reply::Ok { .. } | Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => {
                others.push(stop);
            }
        }
    }
    let mut batch = Batch::default();
    for Ready { stop, .. } in &ready {
        batch.push(|tag| ops::quit(tag, stop.target, &stop.agent.quit, stop.handoff));
    }
    let replies = batch.run(scene.client, NoServer::Stale).await;
    let told = |(Ready { stop, aimed }, reply): (Ready<'a>, Reply)| {
        let outcome = match reply {
            Reply::Ok { .. } => signalled(aimed.tree),
            Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => {
                let fence =
                    Fence::new(stop.target, Clients::for_asking(stop.target), Pane::Present);
                not_done(reply, |fields| fence.explain(fields))
            }
        };
        (stop.place, outcome)
    };
    (ready.into_iter().zip(replies).map(told).collect(), others)
}

fn signalled(mut tree: Vec<ProcId>) -> Outcome {
    tree.truncate(Stopping::MAX_TREE);
    Outcome::Done(Effect::Signalled { tree })
}

/// Whether the agent waits at an empty prompt. Anywhere else the quit keys do harm: they would
/// answer a question, or submit a text.
fn waits(agent: &Agent, styled: &str, now: Moment, zone: &TimeZone) -> bool {
    let prompt = screen::prompt(agent, styled, now, zone);
    match prompt.obstacle() {
        // Some agents show a prompt whose composer cannot be read.
        None => true,
        Some(Obstacle::NoPrompt) => prompt.state == ScreenState::Ready,
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_for_a_prompt_and_for_nothing_else_that_is_asked() {
        let list = |phrase: &str| vec![phrase.to_owned()];
        let agent = Agent {
            ready: list("❯"),
            busy: list("*(esc to interrupt"),
            asks_permission: list("Do you want to proceed?"),
            ..Agent::default()
        };
        let now = Moment {
            wall: 0,
            awake: 0,
            boot: 0,
        };
        let waits = |text: &str| waits(&agent, text, now, &TimeZone::UTC);
        assert!(waits("hello\n❯ \n\n"));
        assert!(
            !waits("hello\n❯ a text\n"),
            "it would be submitted with them"
        );
        assert!(
            waits("\u{1b}[2m❯ Try \"fix the tests\"\u{1b}[0m\n"),
            "a placeholder is no text"
        );
        assert!(!waits("hello\n"));
        assert!(!waits("✢ Thinking… (esc to interrupt)\n❯ \n"));
        assert!(!waits("Do you want to proceed?\n❯ 1. Yes\n  2. No\n"));
        assert!(!waits(&format!("❯ \n{}", "line\n".repeat(15))));
    }
}
