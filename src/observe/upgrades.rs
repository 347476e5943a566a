//! Looks whether the programs of sessions were replaced since they were started.

use super::screens::living;
use crate::files::aside;
use crate::model::{Desired, Label, Life, Memory, Moment, Period, ProcId, Server, Town};
use crate::proc::process;
use crate::proc::tree;

/// A session's program is looked at again after this time: an upgrade is rare and never urgent.
const LOOK_AGAIN: Period = Period::from_mins(1);

/// Looks at the sessions that are due.
pub(super) fn add_upgrades(town: &Town, memory: &Memory, server: &mut Server, now: Moment) {
    for seen in server.sessions.values_mut() {
        let Some((desired, label)) = living(town, seen) else {
            continue;
        };
        if desired.policy.is_some() || !is_due(memory, label, now) {
            continue;
        }
        let Life::Alive { process, comm, .. } = &seen.life else {
            continue;
        };
        let client = client(desired, *process, comm);
        seen.is_replaced = process::program_file(client.pid).and_then(|file| {
            // The file may lie on a disk that does not answer.
            let place = file.path.clone();
            aside::ask(&place, move || file.is_replaced()).ok()
        });
    }
}

fn is_due(memory: &Memory, label: &Label, now: Moment) -> bool {
    let history = memory.sessions.get(&label.session);
    let last = history
        .and_then(|history| history.program)
        .filter(|last| last.generation == label.generation);
    last.is_none_or(|last| now.since(&last.at) >= LOOK_AGAIN)
}

/// The agent's process: the pane's, or the first below it that has one of the agent's names.
fn client(desired: &Desired, pane: ProcId, comm: &str) -> ProcId {
    let names = &desired.agent.process_names;
    let is_agent = |comm: &str| names.iter().any(|name| name == comm);
    if is_agent(comm) {
        return pane;
    }
    let members = tree::tree(pane);
    let below = members.iter().find(|member| is_agent(&member.stat.comm));
    below.map_or(pane, |member| member.id)
}
