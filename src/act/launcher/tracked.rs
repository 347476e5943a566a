//! The processes of a run that a launcher ends. It remembers all processes of the tree that were
//! ever seen, so that those cut off from the tree are still found.

use super::super::tree;
use crate::model::SortedSet;
use crate::model::{ProcId, Stopping};
use crate::proc::{process, tree as forest};
use std::cell::RefCell;
use std::time::Duration;
use tokio::time::sleep;

/// How often the tree is read meanwhile.
const TICK: Duration = Duration::from_millis(100);

/// A process tree, and all members it ever had.
pub(super) struct Tracked {
    root: Option<ProcId>,
    /// Processes that are never touched.
    server: Option<ProcId>,
    seen: RefCell<SortedSet<ProcId>>,
}

impl Tracked {
    /// `processes` are those of the run now, that of the pane first. `server` is the tmux server.
    pub(super) fn new(processes: Vec<ProcId>, server: Option<ProcId>) -> Self {
        Self {
            root: processes.first().copied(),
            server,
            seen: RefCell::new(processes.into_iter().collect()),
        }
    }

    /// Reads the tree again and again while `work` goes on.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = sleep(TICK) => self.add(self.root),
            }
        }
    }

    fn add(&self, roots: impl IntoIterator<Item = ProcId>) {
        let mut seen = self.seen.borrow_mut();
        for member in roots.into_iter().flat_map(forest::tree) {
            if seen.len() < Stopping::MAX_TREE && Some(member.id) != self.server {
                seen.insert(member.id);
            }
        }
    }

    /// Whether the pane's own process lives.
    pub(super) fn is_root_alive(&self) -> bool {
        self.root.is_some_and(process::may_live)
    }

    /// The living members, and what they have started since.
    pub(super) fn living(&self) -> Vec<ProcId> {
        let lives = |process: &ProcId| Some(*process) != self.server && process::may_live(*process);
        let known: Vec<ProcId> = self.seen.borrow().iter().copied().filter(lives).collect();
        self.add(known);
        self.seen.borrow().iter().copied().filter(lives).collect()
    }

    /// Sends TERM, and waits at most `grace` until all have ended.
    pub(super) async fn ask_to_end(&self, grace: Duration) {
        tree::ask_to_end(&self.living(), grace).await;
    }

    /// Sends TERM, and after `grace` KILL to what still lives. Returns what survives KILL.
    pub(super) async fn end(&self, grace: Duration) -> Vec<ProcId> {
        self.ask_to_end(grace).await;
        tree::kill_all(|| self.living()).await
    }
}
