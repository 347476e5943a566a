//! Files whose changes are waited for.

use crate::proc::ready::Ready;
use crate::store::Watcher;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A set of files. Where the kernel cannot watch them, nothing is ever told.
pub(super) struct Files {
    watcher: Watcher,
    ready: Option<Ready>,
    watched: BTreeSet<PathBuf>,
}

impl Files {
    /// Of none yet.
    pub(super) fn new() -> Self {
        let watcher = Watcher::new();
        let ready = watcher
            .fd()
            .and_then(|fd| Ready::new(fd.try_clone_to_owned().ok()?).ok());
        Self {
            watcher,
            ready,
            watched: BTreeSet::new(),
        }
    }

    /// Watches these and no others. Gives those that were not watched before: what happened to them
    /// until now is not told.
    pub(super) fn watch(&mut self, paths: BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let fresh = paths.difference(&self.watched).cloned().collect();
        for gone in self.watched.difference(&paths) {
            self.watcher.forget(gone);
        }
        for new in paths.difference(&self.watched) {
            self.watcher.watch(new);
        }
        self.watched = paths;
        fresh
    }

    /// Returns when some may have changed since they were last asked about. May be dropped at any
    /// time.
    pub(super) async fn changed(&mut self) {
        let Some(ready) = &self.ready else {
            return std::future::pending().await;
        };
        let watcher = &mut self.watcher;
        // What is polled for want of a watch is named at each call, and no news.
        let mut news = || {
            let polled = watcher.polled();
            (watcher.changed().len() > polled).then_some(())
        };
        ready.until(&mut news).await;
    }
}
