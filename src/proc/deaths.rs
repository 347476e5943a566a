//! Waits for the end of many processes. On Linux the kernel reports it by a pidfd, and nothing is
//! polled. Where there are no handles, each process is looked at once in [`POLL`].
//!
//! A report is only a hint; the receiver looks again.

use super::handles::Handles;
use super::machine::machine;
use super::process;
use crate::model::ProcId;
use crate::model::{SortedMap, SortedSet};
use rustix::process::{Resource, getrlimit};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// File descriptors that are left to the rest of the program.
const SPARE: usize = 256;
/// How often a process without a handle is looked at.
const POLL: Duration = Duration::from_millis(250);

/// A set of watched processes. Each end is reported once.
#[derive(Debug)]
pub struct Deaths {
    handles: Handles,
    /// Each with its handle, where there are handles.
    watched: SortedMap<ProcId, Option<OwnedFd>>,
    most: usize,
}

/// How many of the requested processes are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// All of them.
    All,
    /// All that live, but at least one has already ended.
    Ended,
    /// Some are not watched, because file descriptors ran out.
    InPart,
}

impl Deaths {
    /// Watches no process yet.
    ///
    /// # Errors
    /// The kernel refuses a set of handles.
    pub fn new() -> io::Result<Self> {
        let limit = getrlimit(Resource::Nofile)
            .current
            .and_then(|most| usize::try_from(most).ok());
        Ok(Self {
            handles: Handles::new()?,
            watched: SortedMap::new(),
            most: limit.unwrap_or(usize::MAX).saturating_sub(SPARE),
        })
    }

    /// Watches these processes and no others. A process that is already watched costs nothing.
    pub fn watch(&mut self, processes: &SortedSet<ProcId>) -> Watched {
        self.retain(|process| processes.contains(&process));
        let mut result = Watched::All;
        for &process in processes {
            if self.watched.contains_key(&process) {
                continue;
            }
            if self.watched.len() >= self.most {
                return Watched::InPart;
            }
            match self.add(process) {
                Ok(true) => {}
                Ok(false) => result = Watched::Ended,
                Err(_) => return Watched::InPart,
            }
        }
        result
    }

    /// Whether this process is watched. A process whose end was reported is not.
    #[must_use]
    pub fn watches(&self, process: ProcId) -> bool {
        self.watched.contains_key(&process)
    }

    /// Watches a process. Returns false if it has already ended.
    fn add(&mut self, process: ProcId) -> io::Result<bool> {
        let handle = match machine().handle(process.pid) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        // The pid may have been reused. Only a check after opening shows whose handle it is.
        if !process::may_live(process) {
            return Ok(false);
        }
        if let Some(handle) = &handle {
            self.handles.add(process.pid, handle)?;
        }
        self.watched.insert(process, handle);
        Ok(true)
    }

    /// Returns once at least one watched process has ended, and stops watching those that have.
    /// The future may be dropped at any time.
    pub async fn ended(&mut self) {
        if self.watched.values().any(Option::is_none) {
            return self.ended_by_polling().await;
        }
        let pids = self.handles.ended().await;
        self.retain(|process| !pids.contains(&process.pid));
    }

    /// Watches only those of the processes that `stays` names.
    fn retain(&mut self, stays: impl Fn(ProcId) -> bool) {
        let handles = &self.handles;
        self.watched.retain(|&process, handle| {
            let stays = stays(process);
            if let Some(handle) = handle.as_ref().filter(|_| !stays) {
                handles.remove(handle);
            }
            stays
        });
    }

    async fn ended_by_polling(&mut self) {
        let before = self.watched.len();
        loop {
            self.watched
                .retain(|process, _| process::may_live(*process));
            if self.watched.len() < before {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn each_end_is_told_once_and_only_of_the_very_process() {
        let mut children: Vec<_> = (0..3)
            .map(|_| Command::new("sleep").arg("600").spawn().unwrap())
            .collect();
        let ids: Vec<ProcId> = children
            .iter()
            .map(|child| process::identify(child.id()).unwrap())
            .collect();
        let mut deaths = Deaths::new().unwrap();
        assert_eq!(deaths.watch(&ids.iter().copied().collect()), Watched::All);
        assert_eq!(
            deaths.watch(&ids[..2].iter().copied().collect()),
            Watched::All
        );
        let mut end = |n: usize| {
            children[n].kill().unwrap();
            children[n].wait().unwrap();
        };
        end(2);
        assert!(
            timeout(Duration::from_millis(50), deaths.ended())
                .await
                .is_err(),
            "watched no longer"
        );
        end(0);
        timeout(PATIENCE, deaths.ended()).await.unwrap();
        assert!(
            timeout(Duration::from_millis(50), deaths.ended())
                .await
                .is_err(),
            "told once"
        );
        let other = ProcId {
            start: ids[1].start + 1,
            ..ids[1]
        };
        assert_eq!(deaths.watch(&SortedSet::from([other])), Watched::Ended);
        assert_eq!(
            deaths.watch(&SortedSet::from([ids[1], other])),
            Watched::Ended
        );
        end(1);
        timeout(PATIENCE, deaths.ended()).await.unwrap();
    }

    #[tokio::test]
    async fn where_descriptors_are_few_some_are_not_watched() {
        let me = process::identify(std::process::id()).unwrap();
        let mut deaths = Deaths {
            most: 0,
            ..Deaths::new().unwrap()
        };
        assert_eq!(deaths.watch(&SortedSet::from([me])), Watched::InPart);
        deaths.most = 1;
        assert_eq!(deaths.watch(&SortedSet::from([me])), Watched::All);
    }
}
