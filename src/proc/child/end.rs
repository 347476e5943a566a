//! Ends a child process together with all processes that it has started.

use super::Leftovers;
use crate::model::ProcId;
use crate::model::SortedSet;
use crate::proc::process::{self, Presence};
use crate::proc::signal::{Signal, signal, wait_gone};
use crate::proc::{env_tag, tree};
use std::time::Duration;
use tokio::time::Instant;

/// The time that processes have between TERM and KILL.
const GRACE: Duration = Duration::from_millis(500);
/// The longest wait for killed processes to disappear.
pub(super) const VANISH: Duration = Duration::from_secs(2);
/// How often [`Started::kill`] searches for new processes before it kills all of them.
const STOP_ROUNDS: usize = 8;

/// The processes that a child has started: its tree, its process group, and those with its tag
/// ([`env_tag::CHORE`]).
///
/// Dropping this value kills them at once, unless [`Self::let_go`] was called.
#[derive(Debug)]
pub(super) struct Started {
    /// The child itself, which leads its process group. `None` when nothing is left to end.
    leader: Option<ProcId>,
    leftovers: Leftovers,
    /// All processes seen so far. One that has left the tree can only be found here.
    seen: SortedSet<ProcId>,
}

impl Started {
    /// Takes charge of what `leader` starts.
    pub(super) fn by(leader: Option<ProcId>, leftovers: Leftovers) -> Self {
        Self {
            leader,
            leftovers,
            seen: SortedSet::new(),
        }
    }

    /// Spares the processes that still live.
    pub(super) fn let_go(&mut self) {
        (self.leader, self.leftovers) = (None, Leftovers::Stay);
        self.seen.clear();
    }

    /// Sends TERM, and KILL to what still lives after [`GRACE`]. Then waits until all processes are
    /// gone, at most for [`VANISH`].
    pub(super) async fn end(&mut self) {
        let living = self.living();
        if !living.is_empty() {
            send(&living, Signal::TERM);
            wait_gone(&living, Instant::now() + GRACE).await;
        }
        let deadline = Instant::now() + VANISH;
        loop {
            let killed = self.kill();
            if killed.is_empty() || Instant::now() >= deadline {
                break;
            }
            wait_gone(&killed, deadline).await;
        }
        self.let_go();
    }

    /// Kills all processes and returns them.
    ///
    /// It stops them first, until no new one appears. A stopped process starts nothing, and the
    /// children of a killed one could no longer be found.
    fn kill(&mut self) -> Vec<ProcId> {
        let mut stopped = SortedSet::new();
        for _ in 0..STOP_ROUNDS {
            let living = self.living().into_iter();
            let fresh: Vec<ProcId> = living.filter(|process| stopped.insert(*process)).collect();
            if fresh.is_empty() {
                break;
            }
            send(&fresh, Signal::STOP);
        }
        let stopped: Vec<ProcId> = stopped.into_iter().collect();
        send(&stopped, Signal::KILL);
        stopped
    }

    /// Finds the processes that live now.
    fn living(&mut self) -> Vec<ProcId> {
        let mut processes = SortedSet::new();
        for root in self.leader.into_iter().chain(self.seen.clone()) {
            if !processes.contains(&root) {
                processes.extend(below(root));
            }
        }
        processes.extend(self.leader.into_iter().flat_map(tree::group));
        match &self.leftovers {
            Leftovers::Stay => {
                let servers = processes.iter().filter(|process| is_tmux_server(**process));
                let spared: SortedSet<ProcId> = servers.copied().flat_map(below).collect();
                processes.retain(|process| !spared.contains(process));
            }
            Leftovers::End => {}
            Leftovers::EndTagged(tag) => processes.extend(env_tag::of_chore(tag)),
        }
        processes.retain(|process| process::may_live(*process));
        self.seen = processes;
        self.seen.iter().copied().collect()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Identifies a child that nobody has waited for yet.
///
/// A zombie counts: a child that ended at once may have started processes.
pub(super) fn leader(pid: u32) -> Option<ProcId> {
    match process::look(pid) {
        Presence::Alive(stat) | Presence::Zombie(stat) => Some(ProcId {
            pid,
            start: stat.start,
        }),
        Presence::Gone | Presence::Unreadable(_) => None,
    }
}

/// The process itself, then its descendants.
fn below(process: ProcId) -> impl Iterator<Item = ProcId> {
    tree::tree(process).into_iter().map(|member| member.id)
}

fn is_tmux_server(process: ProcId) -> bool {
    matches!(process::look_at(process), Presence::Alive(stat) if stat.comm.starts_with("tmux: server"))
}

fn send(processes: &[ProcId], what: Signal) {
    for process in processes {
        signal(*process, what);
    }
}
