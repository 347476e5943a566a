//! Gives the output of a pane to a fresh sink where the old sink has ended.

use super::{LogKeeping, not_done};
use crate::model::{Generation, Outcome, SessionName};
use crate::plan::Unpiped;
use crate::tmux::Client;
use crate::tmux::fence::{Clients, Fence, Pane};
use crate::tmux::ops::{self, CaptureDepth};
use crate::tmux::script::{Batch, NoServer, Reply};

/// Adds text to the log of one run.
pub type AddToLog<'a> = &'a dyn Fn(&SessionName, Generation, &str) -> std::io::Result<()>;

/// The line in a log where output is missing. The present screen follows it.
const GAP: &str =
    "\n[gtctl: output is missing here, because its recorder had stopped; the screen now shows:]\n";

/// Gives each of these panes a fresh sink. First it adds the pane's screen to the log, so that a
/// marker that was printed meanwhile is still found. Returns an outcome for each.
pub async fn repipe(
    client: &Client,
    unpiped: &[Unpiped],
    logs: LogKeeping<'_>,
    add: AddToLog<'_>,
) -> Vec<Result<(), String>> {
    let mut screens = Batch::default();
    for one in unpiped {
        screens.push(|tag| ops::capture(tag, &one.target, CaptureDepth::Screen));
    }
    for (one, reply) in unpiped
        .iter()
        .zip(screens.run(client, NoServer::Stale).await)
    {
        let Reply::Ok { text, .. } = reply else {
            continue;
        };
        let text = format!("{GAP}{}\n", text.trim_end());
        if let Err(fault) = add(&one.session, one.generation, &text) {
            tracing::debug!(%fault, session = %one.session, "the screen was not added to the log");
        }
    }
    let mut pipes = Batch::default();
    let mut settled: Vec<(usize, Result<(), String>)> = Vec::new();
    let mut begun = Vec::new();
    for (place, one) in unpiped.iter().enumerate() {
        let Some(command) = logs.pipe(&one.session, one.generation, one.logs) else {
            settled.push((place, Err("there is no program to record it".to_owned())));
            continue;
        };
        pipes.push(|tag| ops::pipe(tag, &one.target, &command));
        begun.push((place, one));
    }
    let replies = pipes.run(client, NoServer::Stale).await;
    settled.extend(
        begun
            .into_iter()
            .zip(replies)
            .map(|((place, one), reply)| (place, told(one, reply))),
    );
    settled.sort_by_key(|(place, _)| *place);
    settled.into_iter().map(|(_, outcome)| outcome).collect()
}

fn told(one: &Unpiped, reply: Reply) -> Result<(), String> {
    if let Reply::Ok { .. } = reply {
        return Ok(());
    }
    let fence = Fence::new(&one.target, Clients::Ignore, Pane::Present);
    match not_done(reply, |fields| fence.explain(fields)) {
        Outcome::Done(_) => Ok(()),
        Outcome::Failed(why) | Outcome::Stale(why) | Outcome::Unknown(why) => Err(why),
    }
}
