//! Sends Escape to sessions that seem stuck. It does so only while the screen still shows work, or
//! the pane's title does, and never while somebody is attached.

use super::{Placed, Scene, not_done};
use crate::model::{Agent, Effect, Outcome, ScreenState, Source, Target};
use crate::screen;
use crate::tmux::fence::{Clients, Fence, Pane};
use crate::tmux::ops;
use crate::tmux::script::{Batch, NoServer, Reply};
use crate::tmux::tail;
use jiff::tz::TimeZone;

/// The key.
const ESCAPE: &str = "Escape";

/// A session that gets an Escape.
pub(super) struct SendEscape<'a> {
    pub(super) place: usize,
    pub(super) target: &'a Target,
    pub(super) agent: &'a Agent,
}

/// Sends Escape to all of these. A session that now shows a question or a menu is left alone: there
/// an Escape would be an answer.
pub(super) async fn all(scene: &Scene<'_>, rouses: Vec<SendEscape<'_>>) -> Vec<Placed> {
    let mut settled = vec![];
    let mut working = vec![];
    for some in rouses.chunks(tail::MAX_PANES) {
        let panes: Vec<_> = some
            .iter()
            .map(|send_escape| send_escape.target.pane)
            .collect();
        let mut screens = tail::screens(scene.client, &panes)
            .await
            .unwrap_or_default();
        for send_escape in some {
            match screens
                .remove(&send_escape.target.pane)
                .map(|lines| works(scene, send_escape, &lines))
            {
                Some(true) => working.push(send_escape),
                Some(false) => {
                    let why = "its screen no longer looks busy".to_owned();
                    settled.push((send_escape.place, Outcome::Stale(why)));
                }
                None => settled.push((
                    send_escape.place,
                    Outcome::Failed("its screen cannot be read".to_owned()),
                )),
            }
        }
    }
    let mut batch = Batch::default();
    for send_escape in &working {
        batch.push(|tag| ops::send_keys(tag, send_escape.target, &[ESCAPE.to_owned()]));
    }
    let replies = batch.run(scene.client, NoServer::Stale).await;
    settled.extend(
        working
            .into_iter()
            .zip(replies)
            .map(|(send_escape, reply)| (send_escape.place, told(send_escape, reply))),
    );
    settled
}

fn told(send_escape: &SendEscape<'_>, reply: Reply) -> Outcome {
    match reply {
        Reply::Ok { .. } => Outcome::Done(Effect::EscapeSent),
        Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => {
            let fence = Fence::new(
                send_escape.target,
                Clients::for_asking(send_escape.target),
                Pane::Present,
            );
            not_done(reply, |fields| fence.explain(fields))
        }
    }
}

fn works(scene: &Scene<'_>, send_escape: &SendEscape<'_>, lines: &[String]) -> bool {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let state = screen::read(send_escape.agent, &lines, scene.now, &TimeZone::system()).state;
    let says_nothing_else = matches!(state, ScreenState::Ready | ScreenState::Unclear);
    state.is_at_work() || (says_nothing_else && is_told_by_title(scene, send_escape.target))
}

/// Whether the title of its pane showed that it works.
fn is_told_by_title(scene: &Scene<'_>, target: &Target) -> bool {
    let history = target
        .whose
        .as_ref()
        .and_then(|whose| scene.memory.sessions.get(&whose.session));
    let run = history
        .zip(target.generation)
        .and_then(|(history, generation)| history.run_of(generation));
    let content = run.and_then(|run| run.content.as_ref());
    content.is_some_and(|content| content.told.by == Source::Title)
}
