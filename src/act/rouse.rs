//! Escape, for those that seem stuck: only at a screen that still shows work, or nothing else where the pane's title was
//! what told of work, and never over somebody's shoulder.

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

/// A session to rouse.
pub(super) struct Rouse<'a> {
    pub(super) place: usize,
    pub(super) target: &'a Target,
    pub(super) agent: &'a Agent,
}

/// Rouses them all. What shows a question or a menu by now is left alone: there an Escape would be an answer.
pub(super) async fn all(scene: &Scene<'_>, rouses: Vec<Rouse<'_>>) -> Vec<Placed> {
    let mut settled = vec![];
    let mut working = vec![];
    for some in rouses.chunks(tail::MAX_PANES) {
        let panes: Vec<_> = some.iter().map(|rouse| rouse.target.pane).collect();
        let mut screens = tail::screens(scene.client, &panes).await.unwrap_or_default();
        for rouse in some {
            match screens.remove(&rouse.target.pane).map(|lines| works(scene, rouse, &lines)) {
                Some(true) => working.push(rouse),
                Some(false) => {
                    let why = "its screen no longer shows that it works".to_owned();
                    settled.push((rouse.place, Outcome::Stale(why)));
                }
                None => settled.push((rouse.place, Outcome::Failed("its screen cannot be read".to_owned()))),
            }
        }
    }
    let mut batch = Batch::default();
    for rouse in &working {
        batch.push(|tag| ops::send_keys(tag, rouse.target, &[ESCAPE.to_owned()]));
    }
    let replies = batch.run(scene.client, NoServer::Stale).await;
    settled.extend(working.into_iter().zip(replies).map(|(rouse, reply)| (rouse.place, told(rouse, reply))));
    settled
}

fn told(rouse: &Rouse<'_>, reply: Reply) -> Outcome {
    match reply {
        Reply::Ok { .. } => Outcome::Done(Effect::Roused),
        Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => {
            let fence = Fence::new(rouse.target, Clients::for_asking(rouse.target), Pane::Present);
            not_done(reply, |fields| fence.explain(fields))
        }
    }
}

fn works(scene: &Scene<'_>, rouse: &Rouse<'_>, lines: &[String]) -> bool {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let state = screen::read(rouse.agent, &lines, scene.now, &TimeZone::system()).state;
    let says_nothing_else = matches!(state, ScreenState::Ready | ScreenState::Unclear);
    state.is_at_work() || (says_nothing_else && is_told_by_title(scene, rouse.target))
}

/// Whether the title of its pane was what told that it works.
fn is_told_by_title(scene: &Scene<'_>, target: &Target) -> bool {
    let history = target.whose.as_ref().and_then(|whose| scene.memory.sessions.get(&whose.session));
    let content = history.and_then(|history| history.content.as_ref());
    content.is_some_and(|content| Some(content.generation) == target.generation && content.told.by == Source::Title)
}
