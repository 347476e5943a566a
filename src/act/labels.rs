//! Writes into the labels of sessions which conversations their agents hold.

use super::not_done;
use crate::model::Outcome;
use crate::plan::OutdatedLabel;
use crate::tmux::Client;
use crate::tmux::fence::{Clients, Fence, Pane};
use crate::tmux::ops;
use crate::tmux::script::{Batch, NoServer, Reply};

/// Names the conversation on each of these sessions, in one call. Returns why it was not done, for
/// each where it was not.
pub async fn name_conversations(
    client: &Client,
    outdated: &[OutdatedLabel],
) -> Vec<Option<String>> {
    let mut batch = Batch::default();
    for one in outdated {
        batch.push(|tag| ops::name_conversation(tag, &one.target, &one.conversation));
    }
    let replies = batch.run(client, NoServer::Stale).await;
    let told = outdated.iter().zip(replies);
    told.map(|(one, reply)| trouble(one, reply)).collect()
}

fn trouble(one: &OutdatedLabel, reply: Reply) -> Option<String> {
    if let Reply::Ok { .. } = reply {
        return None;
    }
    let fence = Fence::new(&one.target, Clients::Ignore, Pane::Present);
    match not_done(reply, |fields| fence.explain(fields)) {
        Outcome::Done(_) => None,
        Outcome::Failed(why) | Outcome::Stale(why) | Outcome::Unknown(why) => Some(why),
    }
}
