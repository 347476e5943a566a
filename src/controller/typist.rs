//! Types the texts of chores as those of people are typed: by turns, once, and seen to be submitted.

use super::cycle::CycleFault;
use super::setup::Controller;
use crate::chores::Typist;
use crate::jobs::Cancel;
use crate::model::{ProcId, TextEnd, TextRequest, Town};
use crate::store::StateDir;
use crate::tmux::Client;
use crate::words::chain;
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
    /// Types through `client`, which must keep no connection open: the threads of the runs use it.
    /// `state` is the town's state directory, `me` this process.
    #[must_use]
    pub fn new(client: Client, state: PathBuf, me: ProcId) -> Self {
        Self { client, state, me }
    }

    async fn by_turns(
        &self,
        town: &Town,
        request: &TextRequest,
        cancel: &mut Cancel,
    ) -> Result<TextEnd, CycleFault> {
        let store = StateDir::open(&self.state).map_err(CycleFault::Store)?;
        let mut controller =
            Controller::new(self.client.clone(), store, self.me).of_town(&town.name);
        let stop = async {
            let _ = cancel.await;
        };
        controller.deliver(town, request, stop, |_, _| ()).await
    }
}

impl Typist for ByTurns {
    fn deliver<'a>(
        &'a self,
        town: &'a Town,
        request: &'a TextRequest,
        cancel: &'a mut Cancel,
    ) -> Pin<Box<dyn Future<Output = Result<TextEnd, String>> + 'a>> {
        Box::pin(async move {
            self.by_turns(town, request, cancel)
                .await
                .map_err(|fault| chain(&fault))
        })
    }
}
