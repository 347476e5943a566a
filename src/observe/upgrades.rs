//! Looks whether the programs of sessions were replaced since they were started.

use super::screens::living;
use crate::files::aside;
use crate::model::SortedMap;
use crate::model::{Desired, Label, Life, Memory, Moment, Period, ProcId, Server, Town};
use crate::proc::process::{self, ProgramFile};
use crate::proc::tree;
use std::path::PathBuf;

/// A session's program is looked at again after this time: an upgrade is rare and never urgent.
const LOOK_AGAIN: Period = Period::from_mins(1);

/// Looks at the sessions that are due.
pub(super) fn add_upgrades(town: &Town, memory: &Memory, server: &mut Server, now: Moment) {
    let mut programs: SortedMap<PathBuf, Vec<ProgramFile>> = SortedMap::new();
    let mut clients: Vec<(String, u32)> = Vec::new();
    for (name, seen) in &server.sessions {
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
        if let Some(file) = process::program_file(client.pid) {
            clients.push((name.clone(), client.pid));
            programs.entry(file.path.clone()).or_default().push(file);
        }
    }
    let replaced = are_replaced(programs);
    for (name, pid) in clients {
        if let Some(seen) = server.sessions.get_mut(&name) {
            seen.is_replaced = replaced.get(&pid).copied();
        }
    }
}

/// Whether the program of each process was replaced. A process whose program's disk does not answer
/// is left out.
///
/// Hundreds of sessions run the same few programs, so each program is asked about once.
fn are_replaced(programs: SortedMap<PathBuf, Vec<ProgramFile>>) -> SortedMap<u32, bool> {
    let answers = programs.into_iter().filter_map(|(path, files)| {
        let look = move || -> Vec<(u32, bool)> {
            let one = |file: &ProgramFile| (file.pid, file.is_replaced());
            files.iter().map(one).collect()
        };
        aside::ask(&path, look).ok()
    });
    answers.flatten().collect()
}

fn is_due(memory: &Memory, label: &Label, now: Moment) -> bool {
    let history = memory.sessions.get(&label.session);
    let last = history
        .and_then(|history| history.run_of(label.generation))
        .and_then(|run| run.program);
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
