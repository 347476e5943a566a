//! Reads processes while the server works on its listing. In a large town both take about as long.
//!
//! Processes that the kernel watches for us need not be read.

use super::reap::reaped;
use crate::model::SortedMap;
use crate::model::{Life, Observed, Ownership, PaneId, ProcId, Seen, ServerId};
use crate::proc::env_tag::Scan;
use crate::proc::own;
use crate::proc::process::{self, Presence};
use crate::proc::tree;
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

/// How many processes are read before the server is listened to again. They take a few hundredths
/// of a millisecond.
const AT_ONCE: usize = 4;

/// The most panes whose last lines are read together with the listing. So both fit into one frame.
pub(super) const MOST_TAILS: usize = 100;

/// Pane processes that are known to live, because a pidfd reports their end. They need no check.
///
/// `Living::default()` knows none.
#[derive(Debug, Clone, Default)]
pub struct Living {
    server: Option<ServerId>,
    panes: SortedMap<u32, Watched>,
    /// Processes that have ended since.
    ended: Vec<Watched>,
    /// The search for what those have left behind. It runs while the server works.
    scan: Option<Rc<RefCell<Scan>>>,
}

#[derive(Debug, Clone)]
struct Watched {
    process: ProcId,
    comm: String,
    pane: PaneId,
}

impl Living {
    /// The watched processes of our sessions in this look.
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

    /// Also runs steps of this scan whenever there is time.
    #[must_use]
    pub fn scanning(self, scan: Rc<RefCell<Scan>>) -> Self {
        Self {
            scan: Some(scan),
            ..self
        }
    }

    /// Moves processes that are no longer watched to those that have ended.
    pub fn retain(&mut self, is_watched: impl Fn(ProcId) -> bool) {
        let (panes, ended) = std::mem::take(&mut self.panes)
            .into_iter()
            .partition(|(_, watched)| is_watched(watched.process));
        let ended: SortedMap<u32, Watched> = ended;
        self.panes = panes;
        self.ended.extend(ended.into_values());
    }

    /// The pids in `panes` that do not belong to our watched sessions.
    #[must_use]
    pub fn others(&self, panes: Vec<u32>) -> Vec<u32> {
        let has_ended = |pid: &u32| self.ended.iter().any(|watched| watched.process.pid == *pid);
        panes
            .into_iter()
            .filter(|pid| !self.panes.contains_key(pid) && !has_ended(pid))
            .collect()
    }

    /// The server whose panes these are.
    #[must_use]
    pub fn server(&self) -> Option<ServerId> {
        self.server
    }

    /// Waits a moment until the server has noticed the ended processes.
    async fn heard(&self) {
        let Some(server) = self.server else { return };
        let mut scan = self.scan.as_ref();
        let work = || scan = scan.take().filter(|scan| scan.borrow_mut().step(AT_ONCE));
        reaped(
            server,
            self.ended.iter().map(|watched| watched.process.pid),
            work,
        )
        .await;
    }

    /// The panes of processes that have ended. Their last lines will be needed.
    pub(super) fn ended(&self) -> Vec<PaneId> {
        self.ended.iter().map(|watched| watched.pane).collect()
    }
}

/// What is known of processes before the listing comes.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    known: Living,
    living: SortedMap<u32, Presence>,
    line: Vec<u32>,
}

impl Ahead {
    /// The state of this pid. A process that was seen alive during this look counts as alive.
    pub(super) fn look(&self, pid: u32) -> Presence {
        self.living
            .get(&pid)
            .cloned()
            .unwrap_or_else(|| process::look(pid))
    }

    /// The process of this pane of the server and its name, if it is watched.
    pub(super) fn pane(&self, pid: u32, server: ServerId) -> Option<(ProcId, String)> {
        let watched = self
            .known
            .panes
            .get(&pid)
            .filter(|_| self.known.server == Some(server))?;
        Some((watched.process, watched.comm.clone()))
    }

    /// Our own pid and those of our ancestors, as [`own::line`].
    pub(super) fn line(self) -> Vec<u32> {
        if self.line.is_empty() {
            own::line()
        } else {
            self.line
        }
    }
}

/// Does `work`, and reads processes while it waits.
///
/// It reads the server, and the other pids in `panes`. If those are unknown, it reads all children
/// of the server.
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
    // The pids are collected after the first turn, so that the request goes out first.
    let mut unread: Option<Vec<u32>> = None;
    let mut scan = ahead.known.scan.take();
    loop {
        let has_more = scan.is_some() || unread.as_ref().is_none_or(|unread| !unread.is_empty());
        tokio::select! {
            biased;
            done = &mut work => return (done, ahead),
            () = tokio::task::yield_now(), if has_more => {}
        }
        let unread = unread.get_or_insert_with(|| {
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
        for pid in unread.split_off(unread.len().saturating_sub(AT_ONCE)) {
            if let presence @ Presence::Alive(_) = process::look(pid) {
                ahead.living.insert(pid, presence);
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
