//! What our living sessions use: reads their process trees once, for the samples.

use crate::model::{Generation, Life, Ownership, Server, SessionName, Usage};
use crate::proc::tree::{self, Forest};

/// More trees than this are read from one scan of all processes.
const FEW_TREES: usize = 20;

/// What one living session uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InUse {
    /// The session.
    pub session: SessionName,
    /// Its run.
    pub generation: Generation,
    /// What its process tree uses.
    pub usage: Usage,
}

/// Reads what each living session of ours uses. It costs a scan of `/proc` at most.
#[must_use]
pub fn in_use(server: &Server) -> Vec<InUse> {
    let ours = server.sessions.values().filter_map(|seen| {
        let (Ownership::Ours(label), Life::Alive { process, .. }) = (&seen.ownership, &seen.life)
        else {
            return None;
        };
        Some((label, *process))
    });
    let ours: Vec<_> = ours.collect();
    let forest = (ours.len() > FEW_TREES).then(Forest::scan);
    let in_use = |(label, process): (&crate::model::Label, _)| {
        let members = forest
            .as_ref()
            .map_or_else(|| tree::tree(process), |forest| forest.tree(process));
        let usage = (!members.is_empty()).then(|| tree::usage(&members))?;
        Some(InUse {
            session: label.session.clone(),
            generation: label.generation,
            usage,
        })
    };
    ours.into_iter().filter_map(in_use).collect()
}
