//! Renames: each is one line for tmux, which gives the session its new name and label.

use super::{Placed, Scene, not_done};
use crate::model::{Effect, Outcome, SessionName, Target};
use crate::tmux::fence::{Clients, Fence, Pane};
use crate::tmux::ops::{self, NewName};
use crate::tmux::script::{Batch, NoServer, Reply};

/// A session to rename.
pub(super) struct Rename<'a> {
    pub(super) place: usize,
    pub(super) target: &'a Target,
    pub(super) new: NewName<'a>,
}

/// Renames all of these.
pub(super) async fn all(scene: &Scene<'_>, renames: Vec<Rename<'_>>) -> Vec<Placed> {
    let mut batch = Batch::default();
    for rename in &renames {
        batch.push(|tag| ops::rename(tag, rename.target, &rename.new));
    }
    let replies = batch.run(scene.client, NoServer::Stale).await;
    let judge = |(rename, reply): (&Rename<'_>, Reply)| (rename.place, judged(rename, reply));
    renames.iter().zip(replies).map(judge).collect()
}

fn judged(rename: &Rename<'_>, reply: Reply) -> Outcome {
    let name = rename.new.name;
    match reply {
        Reply::Ok { fields, .. } if names(&fields, name) => Outcome::Done(Effect::Renamed),
        Reply::Ok { .. } => Outcome::Failed(
            "a label that is set for its window or its pane hides its own label".to_owned(),
        ),
        Reply::Refused(said) if said.starts_with("duplicate session") => {
            Outcome::Stale(format!("a session named {name} already exists"))
        }
        Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => {
            let fence = Fence::new(rename.target, Clients::Ignore, Pane::Any);
            not_done(reply, |fields| fence.explain(fields))
        }
    }
}

/// Whether a label names this session.
fn names(label: &str, session: &SessionName) -> bool {
    let word = format!("session={session}");
    label.split(' ').any(|other| other == word)
}
