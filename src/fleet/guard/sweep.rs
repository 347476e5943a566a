//! Ends the processes of sessions, wherever they are.

use super::HOST_VARIABLE;
use crate::model::SortedSet;
use crate::model::{HostName, ProcId, SessionName};
use crate::proc::process::Presence;
use crate::proc::signal::{Signal, signal};
use crate::proc::{env_tag, process, tree};
use std::time::{Duration, Instant};

/// The longest time of one sweep. A process that cannot be killed is waited for no longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a sweep has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// How many processes were killed.
    pub killed: usize,
    /// The processes that were killed and may live on: they wait for a disk or for the kernel.
    pub left: Vec<ProcId>,
}

/// Whether a process of the town runs for this host. One that does not say for which host it runs
/// counts as ours.
#[must_use]
pub fn is_of(process: ProcId, here: &HostName) -> bool {
    env_tag::variable(process.pid, HOST_VARIABLE).is_none_or(|host| host == here.as_str())
}

/// Kills all of this host that has the tag of one of these sessions, with all below it, and looks again until
/// nothing is left. tmux servers are spared.
#[must_use]
pub fn sweep(town: &SessionName, here: &HostName, wanted: impl Fn(&SessionName) -> bool) -> Swept {
    let until = Instant::now() + PATIENCE;
    let mut swept = Swept::default();
    let mut killed: SortedSet<(u32, u64)> = SortedSet::new();
    loop {
        let marked = env_tag::carrying_those(town, &wanted);
        let marked: Vec<ProcId> = marked
            .into_values()
            .flatten()
            .map(|(_, process)| process)
            .filter(|process| is_of(*process, here))
            .collect();
        let mut all: Vec<ProcId> = Vec::new();
        for root in &marked {
            // What a marked process has started may have cleaned its environment.
            all.extend(tree::tree(*root).into_iter().map(|member| member.id));
            all.push(*root);
        }
        let is_server = |process: &ProcId| match process::look_at(*process) {
            Presence::Alive(stat) => stat.comm.starts_with("tmux: server"),
            Presence::Zombie(_) | Presence::Gone | Presence::Unreadable(_) => false,
        };
        all.retain(|process| !is_server(process));
        for process in &all {
            signal(*process, Signal::KILL);
            killed.insert((process.pid, process.start));
        }
        swept.killed = killed.len();
        swept.left = all
            .into_iter()
            .filter(|process| process::may_live(*process))
            .collect();
        if marked.is_empty() || Instant::now() >= until {
            return swept;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
