//! Texts of chores, typed as `gtctl nudge` types them: by turns, once, and seen to be submitted.

use super::cycle::{Controller, CycleFault, chain};
use crate::chores::{Typing, Typist};
use crate::model::{Delivery, NudgeText, ProcId, SessionName, Town};
use crate::store::StateDir;
use crate::tmux::Client;
use std::path::PathBuf;
use std::pin::Pin;

/// Takes turns with the controller and everybody else who acts on the town.
#[derive(Debug)]
pub struct ByTurns {
    client: Client,
    state: PathBuf,
    me: ProcId,
}

impl ByTurns {
    /// Types through `client`, which nobody holds open: it is used by threads of their own. `state`
    /// is the town's state directory, `me` this process.
    #[must_use]
    pub fn new(client: Client, state: PathBuf, me: ProcId) -> Self {
        Self { client, state, me }
    }

    async fn deliver(
        &self,
        town: &Town,
        session: &SessionName,
        text: &NudgeText,
    ) -> Result<Delivery, CycleFault> {
        let store = StateDir::open(&self.state).map_err(CycleFault::Store)?;
        let mut controller =
            Controller::new(self.client.clone(), store, self.me).of_town(&town.name);
        controller.nudge(town, session, text).await
    }
}

impl Typist for ByTurns {
    fn type_into<'a>(
        &'a self,
        town: &'a Town,
        session: &'a SessionName,
        text: &'a NudgeText,
    ) -> Pin<Box<dyn Future<Output = Typing> + 'a>> {
        Box::pin(async move {
            self.deliver(town, session, text)
                .await
                .map_or_else(|fault| Typing::Failed(chain(&fault)), typing)
        })
    }
}

fn typing(delivery: Delivery) -> Typing {
    match delivery {
        Delivery::Delivered { .. } | Delivery::Handed { .. } => Typing::Typed,
        Delivery::Refused(obstacle) if obstacle.passes() => Typing::NotYet(obstacle.to_string()),
        Delivery::Refused(obstacle) => Typing::Refused(obstacle.to_string()),
        // It has another life by now, which the next check finds.
        Delivery::Stale(why) => Typing::NotYet(why),
        Delivery::Failed(why) => Typing::Failed(why),
        Delivery::NotSubmitted { .. } | Delivery::Unknown(_) => {
            Typing::Failed(delivery.to_string())
        }
    }
}
