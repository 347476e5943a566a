//! Ending a child with all that it has started.

use super::Leftovers;
use crate::model::ProcId;
use crate::proc::process::{self, Presence};
use crate::proc::signal::{Signal, signal, wait_gone};
use crate::proc::{env_tag, tree};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// How long processes have between TERM and KILL.
const GRACE: Duration = Duration::from_millis(500);
/// How long killed processes may take to be gone.
pub(super) const VANISH: Duration = Duration::from_secs(2);
/// So often it is looked for processes that were started meanwhile, before all are killed.
const STOP_ROUNDS: usize = 8;

/// The processes that a child has started, as far as they can be found: below it, in its process
/// group, and by their tag ([`env_tag::CHORE`]).
///
/// Dropping this kills them at once, unless it was [let go](Self::let_go).
#[derive(Debug)]
pub(super) struct Started {
    /// None once nothing is to be ended any more.
    leader: Option<ProcId>,
    leftovers: Leftovers,
    /// All that were ever seen: what is cut off from the tree is still known.
    seen: BTreeSet<ProcId>,
}

impl Started {
    /// What this process has started, which leads its group.
    pub(super) fn by(leader: Option<ProcId>, leftovers: Leftovers) -> Self {
        Self {
            leader,
            leftovers,
            seen: BTreeSet::new(),
        }
    }

    /// Leaves alone what still lives.
    pub(super) fn let_go(&mut self) {
        (self.leader, self.leftovers) = (None, Leftovers::Stay);
        self.seen.clear();
    }

    /// TERM, and what still lives after [`GRACE`], KILL. Then waits until all are gone, but not
    /// beyond [`VANISH`].
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

    /// KILL to all; says to which. They are stopped first, until no new one is found: what is
    /// stopped starts nothing, and what hangs below the dead is not found any more.
    fn kill(&mut self) -> Vec<ProcId> {
        let mut stopped = BTreeSet::new();
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

    /// Those that live now.
    fn living(&mut self) -> Vec<ProcId> {
        let mut found = BTreeSet::new();
        for root in self.leader.into_iter().chain(self.seen.clone()) {
            if !found.contains(&root) {
                found.extend(below(root));
            }
        }
        found.extend(self.leader.into_iter().flat_map(tree::group));
        match &self.leftovers {
            Leftovers::Stay => {
                let servers = found.iter().filter(|process| is_tmux_server(**process));
                let spared: BTreeSet<ProcId> = servers.copied().flat_map(below).collect();
                found.retain(|process| !spared.contains(process));
            }
            Leftovers::End => {}
            Leftovers::EndTagged(tag) => found.extend(env_tag::of_chore(tag)),
        }
        found.retain(|process| process::may_live(*process));
        self.seen = found;
        self.seen.iter().copied().collect()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The identity of a child that nobody has waited for yet: what it started must be found when it
/// has ended at once, too.
pub(super) fn leader(pid: u32) -> Option<ProcId> {
    match process::look(pid) {
        Presence::Alive(stat) | Presence::Zombie(stat) => Some(ProcId {
            pid,
            start: stat.start,
        }),
        Presence::Gone | Presence::Unreadable(_) => None,
    }
}

/// The process itself and what it has started.
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
