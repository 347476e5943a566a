//! Keeps the conversation of each agent on its session, so that it is known where the files of the
//! town are lost.

use super::setup::Controller;
use crate::act;
use crate::model::SortedMap;
use crate::model::{ConversationId, Generation, SessionName};
use crate::plan::{OutdatedLabel, Situation, outdated_labels};
use crate::reconcile::Intended;
use crate::tmux::Client;

/// What was last written, or tried, on each session. A label that tmux does not take is not written
/// again at each look.
pub(super) type Named = SortedMap<SessionName, (Generation, ConversationId)>;

impl Controller {
    /// Writes the conversations that have changed. Asks tmux nothing where none has.
    pub(super) async fn name_conversations(&mut self, client: &Client, intended: &Intended<'_>) {
        let decided = intended.decided();
        let mut outdated = outdated_labels(&Situation {
            town: decided.town(),
            observed: decided.observed(),
            memory: intended.memory(),
            orders: decided.orders(),
            now: decided.now(),
        });
        let steps = &decided.plan().steps;
        outdated.retain(|one| steps.iter().all(|step| step.session != one.session));
        outdated.retain(|one| self.named.get(&one.session) != Some(&value_of(one)));
        if outdated.is_empty() {
            return;
        }
        for (one, trouble) in outdated
            .iter()
            .zip(act::name_conversations(client, &outdated).await)
        {
            self.named.insert(one.session.clone(), value_of(one));
            if let Some(trouble) = trouble {
                tracing::debug!(%trouble, session = %one.session, "the label keeps its conversation");
            }
        }
        let town = decided.town();
        self.named
            .retain(|name, _| town.sessions.contains_key(name));
        self.looks.outdate();
    }
}

fn value_of(one: &OutdatedLabel) -> (Generation, ConversationId) {
    (
        one.target.generation.unwrap_or_default(),
        one.conversation.clone(),
    )
}
