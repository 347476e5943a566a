//! Whether a label is believed. Anybody can write such a text: copy it to another session, set it
//! for a whole server, or give the pane another process. So a label counts only with a proof.
//!
//! - The label names the session on which it was written. A copy names another session.
//! - The label names the process of its pane. Otherwise, as for a label of 0.1.0, the pane's
//!   process or a descendant must have the tag of this incarnation, which only gtctl gives.
//! - If nothing lives in the pane, nothing can be harmed. Then the right session is enough.
//!
//! A quiet look reads no file for this, because the listing has all that a label names. Only a
//! label with no process or a wrong one costs the reading of an environment.

use super::life::Pane;
use super::sessions::Judged;
use crate::model::{Flaw, Label, Moment, Origin, Ownership, Period, ProcId, SessionName, Unproved};
use crate::proc::{clock, env_tag, tree};
use crate::tmux::labels::Claim;
use crate::tmux::list::PaneRow;

/// A process may start this long after its label's time, which is when the start was decided.
const SLACK: Period = Period::from_mins(1);

/// The owner of this session, if its label is believed. `panes` are the panes of the session.
pub(super) fn proved(
    ownership: Ownership,
    row: &PaneRow,
    panes: &[Judged<'_>],
    town: &SessionName,
    now: Moment,
) -> Ownership {
    let Ownership::Ours(label) = ownership else {
        return ownership;
    };
    match flaw(&label, row, panes, town, now) {
        None => Ownership::Ours(label),
        Some(flaw) => Ownership::Unproved(Unproved {
            text: row.labels.label.clone(),
            flaw,
        }),
    }
}

fn flaw(
    label: &Label,
    row: &PaneRow,
    panes: &[Judged<'_>],
    town: &SessionName,
    now: Moment,
) -> Option<Flaw> {
    let claim = row.labels.claim();
    if claim.session.is_some_and(|session| session != row.session) {
        return Some(Flaw::Copied);
    }
    let agent = panes.iter().find(|judged| judged.row.pane == label.pane);
    match agent.map(|judged| judged.pane) {
        Some(Pane::Running(process, _)) => {
            let proved =
                is_recorded(claim, label, *process, now) || is_tagged(label, *process, town);
            (!proved && !names_another(claim, label, row, *process)).then_some(Flaw::Replaced)
        }
        Some(Pane::Ended(_) | Pane::Lost | Pane::Unknown(_)) | None => {
            let is_here = claim.session.is_some() || label.session.as_str() == row.name;
            (!is_here).then_some(Flaw::Copied)
        }
    }
}

/// Whether the label names this process. A process that started long after the label has only
/// reused the pid.
fn is_recorded(claim: Claim, label: &Label, process: ProcId, now: Moment) -> bool {
    let is_comparable = label.started.boot == now.boot;
    let is_of_then = || clock::age(process.start).plus(SLACK) >= now.since(&label.started);
    claim.process == Some(process.pid) && (!is_comparable || is_of_then())
}

/// Whether somebody has given the agent's pane another process.
///
/// The label is this session's own, but the process in the pane is neither the one named there nor
/// has it the tag of this incarnation. Then the agent is gone, and the pane no longer belongs to
/// it.
pub(super) fn is_taken(
    label: &Label,
    row: &PaneRow,
    pane: &Pane,
    town: &SessionName,
    now: Moment,
) -> bool {
    let Pane::Running(process, _) = pane else {
        return false;
    };
    let claim = row.labels.claim();
    names_another(claim, label, row, *process)
        && !is_recorded(claim, label, *process, now)
        && !is_tagged(label, *process, town)
}

/// Whether we wrote the label for this session at a start, but for another process. Only processes
/// that gtctl has started can be recognised by a tag.
fn names_another(claim: Claim, label: &Label, row: &PaneRow, process: ProcId) -> bool {
    let is_own = claim.session == Some(row.session);
    is_own && label.origin == Origin::Started && claim.process.is_some_and(|pid| pid != process.pid)
}

/// Whether the process or a descendant has the tag of this incarnation. An adopted agent has none.
fn is_tagged(label: &Label, process: ProcId, town: &SessionName) -> bool {
    if label.origin != Origin::Started {
        return false;
    }
    let bears_it = |pid: u32| {
        let tag = env_tag::borne(pid, town);
        tag.is_some_and(|(session, generation)| {
            session == *label.tag() && generation == label.generation
        })
    };
    bears_it(process.pid)
        || tree::tree(process)
            .iter()
            .skip(1)
            .any(|member| bears_it(member.id.pid))
}
