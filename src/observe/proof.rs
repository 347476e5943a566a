//! Whether a label is believed. A label is text that anybody can write: a person may copy it to
//! another session, set it for a whole server, or give the pane another process. So it counts only
//! with a proof.
//!
//! - It names the session that it was written for. A copy names another one.
//! - It names the process of its pane. Where it does not (0.1.0 wrote no such word), the pane's
//!   process or one below it must bear the tag of this incarnation in its environment, which only
//!   gtctl gives.
//! - Where nothing lives in the pane, nothing can be harmed: then the session alone must be right.
//!
//! A quiet look reads no file for it: what a label names stands in the listing. Only a label that
//! names no process, or a wrong one, costs the reading of an environment.

use super::life::Pane;
use super::sessions::Judged;
use crate::model::{Flaw, Label, Moment, Origin, Ownership, Period, ProcId, SessionName, Unproved};
use crate::proc::{clock, env_tag, tree};
use crate::tmux::labels::Claim;
use crate::tmux::list::PaneRow;

/// So much younger than its label a process may seem: a label says when its start was decided.
const SLACK: Period = Period::from_mins(1);

/// The owner by the label of this session, if that is believed. `panes` are the session's.
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

/// Whether the label names this process. A process that began long after the label only has the
/// same pid.
fn is_recorded(claim: Claim, label: &Label, process: ProcId, now: Moment) -> bool {
    let is_comparable = label.started.boot == now.boot;
    let is_of_then = || clock::age(process.start).plus(SLACK) >= now.since(&label.started);
    claim.process == Some(process.pid) && (!is_comparable || is_of_then())
}

/// Whether somebody has given the agent's pane another process: the label is this session's own,
/// and what runs there is neither the process that it names nor bears the tag of this incarnation.
/// The agent is gone then, and its pane is its no more.
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

/// Whether the label was written for this session, by a start of ours, and for another process than
/// this one. Only what gtctl has started bears a tag by which it would be known here.
fn names_another(claim: Claim, label: &Label, row: &PaneRow, process: ProcId) -> bool {
    let is_own = claim.session == Some(row.session);
    is_own && label.origin == Origin::Started && claim.process.is_some_and(|pid| pid != process.pid)
}

/// Whether the process, or one below it, was given the tag of this incarnation. What was adopted
/// never was.
fn is_tagged(label: &Label, process: ProcId, town: &SessionName) -> bool {
    if label.origin != Origin::Started {
        return false;
    }
    let bears_it = |pid: u32| {
        let tag = env_tag::borne(pid, town);
        tag.is_some_and(|(session, generation)| {
            session == label.session && generation == label.generation
        })
    };
    bears_it(process.pid)
        || tree::tree(process)
            .iter()
            .skip(1)
            .any(|member| bears_it(member.id.pid))
}
