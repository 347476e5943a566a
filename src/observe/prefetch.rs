//! What is known of a server's processes before its listing is there: what the kernel would have
//! told of, and what `/proc` says, read while the server works. In a large town the one takes about
//! as long as the other.

use super::reap::reaped;
use crate::model::{Life, Observed, Ownership, PaneId, ProcId, Seen, ServerId};
use crate::proc::env_tag::Scan;
use crate::proc::own;
use crate::proc::process::{self, Presence};
use crate::proc::tree;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;

/// So many processes are read before the server is listened to again, some hundredths of a
/// millisecond.
const AT_ONCE: usize = 4;

/// The most panes whose last lines are read together with the listing, so that both fit into one
/// frame.
pub(super) const MOST_TAILS: usize = 100;

/// The processes of panes that live, with their names, as far as that need not be asked: somebody
/// holds them by a descriptor that tells of their end. `Living::default()` is none.
#[derive(Debug, Clone, Default)]
pub struct Living {
    server: Option<ServerId>,
    panes: BTreeMap<u32, Watched>,
    /// Those that have ended since.
    ended: Vec<Watched>,
    /// What those have left behind, looked for in the same time.
    scan: Option<Rc<RefCell<Scan>>>,
}

#[derive(Debug, Clone)]
struct Watched {
    process: ProcId,
    comm: String,
    pane: PaneId,
}

impl Living {
    /// Those of our sessions in this look that are watched.
    #[must_use]
    pub fn of(observed: &Observed, is_watched: impl Fn(ProcId) -> bool) -> Self {
        let Observed::Up(server) = observed else {
            return Self::default();
        };
        let ours = server
            .sessions
            .values()
            .filter(|seen| matches!(seen.ownership, Ownership::Ours(_)));
        let watched = |seen: &Seen| match &seen.life {
            Life::Alive { process, comm, .. } if is_watched(*process) => Some((
                process.pid,
                Watched {
                    process: *process,
                    comm: comm.clone(),
                    pane: seen.pane,
                },
            )),
            Life::Alive { .. } | Life::Dead { .. } | Life::Unknown(_) => None,
        };
        Self {
            server: Some(server.id),
            panes: ours.filter_map(watched).collect(),
            ended: Vec::new(),
            scan: None,
        }
    }

    /// And has a step of this scan done whenever there is time for it.
    #[must_use]
    pub fn scanning(self, scan: Rc<RefCell<Scan>>) -> Self {
        Self {
            scan: Some(scan),
            ..self
        }
    }

    /// Without those that have ended since.
    pub fn retain(&mut self, is_watched: impl Fn(ProcId) -> bool) {
        let (panes, ended) = std::mem::take(&mut self.panes)
            .into_iter()
            .partition(|(_, one)| is_watched(one.process));
        let ended: BTreeMap<u32, Watched> = ended;
        self.panes = panes;
        self.ended.extend(ended.into_values());
    }

    /// Those of these processes that are not known to be our sessions'.
    #[must_use]
    pub fn others(&self, panes: Vec<u32>) -> Vec<u32> {
        let has_ended = |pid: &u32| self.ended.iter().any(|one| one.process.pid == *pid);
        panes
            .into_iter()
            .filter(|pid| !self.panes.contains_key(pid) && !has_ended(pid))
            .collect()
    }

    /// Whose panes they are.
    #[must_use]
    pub fn server(&self) -> Option<ServerId> {
        self.server
    }

    /// Waits for a moment until the server has heard of those that have ended.
    async fn heard(&self) {
        let Some(server) = self.server else { return };
        let mut scan = self.scan.as_ref();
        let work = || scan = scan.take().filter(|scan| scan.borrow_mut().step(AT_ONCE));
        reaped(server, self.ended.iter().map(|one| one.process.pid), work).await;
    }

    /// The panes of some that have ended, whose last lines will be wanted.
    pub(super) fn ended(&self) -> Vec<PaneId> {
        self.ended.iter().map(|one| one.pane).collect()
    }
}

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    known: Living,
    living: BTreeMap<u32, Presence>,
    line: Vec<u32>,
}

impl Ahead {
    /// What there is of this pid. It was seen to live since the look began, or is looked at now.
    pub(super) fn look(&self, pid: u32) -> Presence {
        self.living
            .get(&pid)
            .cloned()
            .unwrap_or_else(|| process::look(pid))
    }

    /// The process of a pane of this server, where it is known to live.
    pub(super) fn pane(&self, pid: u32, server: ServerId) -> Option<(ProcId, String)> {
        let found = self
            .known
            .panes
            .get(&pid)
            .filter(|_| self.known.server == Some(server))?;
        Some((found.process, found.comm.clone()))
    }

    /// Our own process and those above it, as of [`own::line`].
    pub(super) fn line(self) -> Vec<u32> {
        if self.line.is_empty() {
            own::line()
        } else {
            self.line
        }
    }
}

/// Does the work, and meanwhile reads as much as there is time for: of the server, as soon as that
/// is known, and of those that had its panes, or of all its children where nobody knows.
pub(super) async fn beside<T>(
    server: impl Fn() -> Option<u32>,
    panes: &[u32],
    living: Living,
    work: impl Future<Output = T>,
) -> (T, Ahead) {
    living.heard().await;
    let mut ahead = Ahead {
        known: living,
        ..Ahead::default()
    };
    let mut work = pin!(work);
    // Nothing is known of them until the first turn: the work comes first.
    let mut left: Option<Vec<u32>> = None;
    let mut scan = ahead.known.scan.take();
    loop {
        let has_more = scan.is_some() || left.as_ref().is_none_or(|left| !left.is_empty());
        tokio::select! {
            biased;
            done = &mut work => return (done, ahead),
            () = tokio::task::yield_now(), if has_more => {}
        }
        let left = left.get_or_insert_with(|| {
            ahead.line = own::line();
            let server = server();
            let children = || server.and_then(tree::children).unwrap_or_default();
            let mut pids = match (ahead.known.panes.is_empty(), panes) {
                (false, panes) => ahead.known.others(panes.to_vec()),
                (true, []) => children(),
                (true, panes) => panes.to_vec(),
            };
            pids.extend(server);
            pids
        });
        for pid in left.split_off(left.len().saturating_sub(AT_ONCE)) {
            if let found @ Presence::Alive(_) = process::look(pid) {
                ahead.living.insert(pid, found);
            }
        }
        scan = scan.filter(|scan| scan.borrow_mut().step(AT_ONCE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_read_counts_and_the_rest_is_read_when_asked_for() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let us = std::process::id();
        let ((), ahead) = beside(
            || Some(us),
            &[],
            Living::default(),
            tokio::time::sleep(std::time::Duration::from_millis(200)),
        )
        .await;
        assert!(ahead.living.contains_key(&child.id()) && ahead.living.contains_key(&us));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            matches!(ahead.look(child.id()), Presence::Alive(_)),
            "it lived during the look"
        );
        assert_eq!(ahead.look(1), process::look(1));
        assert_eq!(ahead.line(), own::line());
        let ((), none) = beside(|| None, &[], Living::default(), async {}).await;
        assert_eq!(none.look(child.id()), Presence::Gone);
    }
}
