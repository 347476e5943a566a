//! Sessions whose output is not kept any more: the sink has ended while the agent lives.
//!
//! No agent is ended or started for it, so it is no step. A fresh sink harms nobody at any time.
//! Without one, markers in the output would never be seen again.

use crate::model::{
    Desired, Generation, Label, Life, Logs, Observed, Origin, Ownership, Seen, SessionName, Target,
    Town, Whose,
};

/// A session that needs a fresh sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpiped {
    /// The session's name.
    pub session: SessionName,
    /// The exact pane.
    pub target: Target,
    /// The generation, which names the log.
    pub generation: Generation,
    /// The log's bounds.
    pub logs: Logs,
}

/// Our living sessions whose panes have no sink.
#[must_use]
pub fn unpiped(town: &Town, observed: &Observed) -> Vec<Unpiped> {
    let Observed::Up(server) = observed else {
        return Vec::new();
    };
    if server.unpiped.is_empty() {
        return Vec::new();
    }
    let silent = server
        .sessions
        .values()
        .filter(|seen| server.unpiped.contains(&seen.pane));
    let found = silent.filter_map(|seen| {
        let (Ownership::Ours(label), Life::Alive { process, .. }) = (&seen.ownership, &seen.life)
        else {
            return None;
        };
        let desired = town
            .sessions
            .get(&label.session)
            .filter(|desired| is_kept(desired, label, seen))?;
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
            attached: desired.when_attached,
        };
        Some(Unpiped {
            session: label.session.clone(),
            target,
            generation: label.generation,
            logs: desired.logs,
        })
    });
    found.collect()
}

/// Whether gtctl keeps the output of this run at all. It keeps the output of sessions that others
/// started only for their markers.
fn is_kept(desired: &Desired, label: &Label, seen: &Seen) -> bool {
    let listens = !desired.completion.markers.is_empty() && desired.completion.log.is_none();
    seen.pane == label.pane && (label.origin != Origin::Policy || listens)
}
