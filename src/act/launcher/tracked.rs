//! The processes of a life that is being ended by somebody else: all that were ever seen of its
//! tree, so that what is cut off from it is still known.

use super::super::tree;
use crate::model::{ProcId, Stopping};
use crate::proc::signal::{Signal, wait_gone};
use crate::proc::{process, tree as forest};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the tree is looked at meanwhile.
const TICK: Duration = Duration::from_millis(100);

/// A tree, and what it was.
pub(super) struct Tracked {
    root: Option<ProcId>,
    /// Never touched.
    server: ProcId,
    seen: RefCell<BTreeSet<ProcId>>,
}

impl Tracked {
    /// `found` are its processes now, that of the pane first.
    pub(super) fn new(found: Vec<ProcId>, server: ProcId) -> Self {
        Self {
            root: found.first().copied(),
            server,
            seen: RefCell::new(found.into_iter().collect()),
        }
    }

    /// Looks at it again and again while `work` goes on.
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
            if seen.len() < Stopping::MAX_TREE && member.id != self.server {
                seen.insert(member.id);
            }
        }
    }

    /// Whether the pane's own process lives.
    pub(super) fn is_root_alive(&self) -> bool {
        self.root.is_some_and(process::may_live)
    }

    /// What lives of it, with what that has started since.
    pub(super) fn living(&self) -> Vec<ProcId> {
        let lives = |process: &ProcId| *process != self.server && process::may_live(*process);
        let known: Vec<ProcId> = self.seen.borrow().iter().copied().filter(lives).collect();
        self.add(known);
        self.seen.borrow().iter().copied().filter(lives).collect()
    }

    /// TERM, and what still lives after `grace`, KILL. Gives what survives that.
    pub(super) async fn end(&self, grace: Duration) -> Vec<ProcId> {
        let living = self.living();
        tree::send(&living, Signal::TERM);
        wait_gone(&living, Instant::now() + grace).await;
        tree::kill_all(|| self.living()).await
    }
}
