//! Sessions whose label names another conversation than the one that their agent holds now.
//!
//! No agent is ended or started for it, so it is no step. The label is what is left of a
//! conversation where the files of the town are lost.

use super::Situation;
use crate::model::{
    ConversationId, Label, Life, Observed, Origin, Ownership, SessionName, Target, WhenAttached,
    Whose,
};

/// A session whose label must name another conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct OutdatedLabel {
    /// The session's name.
    pub session: SessionName,
    /// The exact pane.
    pub target: Target,
    /// The conversation that its agent holds.
    pub conversation: ConversationId,
}

/// Our living sessions whose clients hold another conversation than their labels say.
#[must_use]
pub fn outdated_labels(situation: &Situation<'_>) -> Vec<OutdatedLabel> {
    let Situation {
        town,
        observed,
        memory,
        ..
    } = situation;
    let Observed::Up(server) = observed else {
        return Vec::new();
    };
    let found = server.sessions.values().filter_map(|seen| {
        let (Ownership::Ours(label), Life::Alive { process, .. }) = (&seen.ownership, &seen.life)
        else {
            return None;
        };
        let history = memory.sessions.get(&label.session)?;
        let known = history.conversation.as_ref()?;
        let is_of_this_run = known.generation == label.generation && seen.pane == label.pane;
        if !is_of_this_run || label.origin == Origin::Policy || names(label, &known.id) {
            return None;
        }
        let target = Target {
            server: server.id,
            session: seen.id,
            pane: seen.pane,
            generation: Some(label.generation),
            whose: Some(Whose {
                town: town.name.clone(),
                session: label.session.clone(),
            }),
            process: Some(*process),
            attached: WhenAttached::Proceed,
        };
        Some(OutdatedLabel {
            session: label.session.clone(),
            target,
            conversation: known.id.clone(),
        })
    });
    found.collect()
}

fn names(label: &Label, id: &ConversationId) -> bool {
    label.conversation.as_ref() == Some(id)
}
