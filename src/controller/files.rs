//! Watched files.

use crate::model::SortedSet;
use crate::proc::ready::Ready;
use crate::store::Watcher;
use std::path::PathBuf;

/// A set of watched files. Where the kernel cannot watch them, there are no events.
pub(super) struct Files {
    watcher: Watcher,
    /// While somebody listens.
    ready: Option<Ready>,
    watched: SortedSet<PathBuf>,
}

impl Files {
    /// Watches no file yet.
    pub(super) fn new() -> Self {
        Self {
            watcher: Watcher::new(),
            ready: None,
            watched: SortedSet::new(),
        }
    }

    /// Watches these files and no others. Returns those that were not watched before: their changes
    /// until now make no event.
    pub(super) fn watch(&mut self, paths: SortedSet<PathBuf>) -> Vec<PathBuf> {
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

    /// Listens no more until [`Self::changed`] is called again. What changes meanwhile wakes nobody,
    /// and is told then.
    pub(super) fn rest(&mut self) {
        self.ready = None;
    }

    /// Returns when a file may have changed since the last call. May be dropped at any time.
    pub(super) async fn changed(&mut self) {
        if self.ready.is_none() {
            let fd = self.watcher.fd();
            self.ready = fd.and_then(|fd| Ready::new(fd.try_clone_to_owned().ok()?).ok());
        }
        let Some(ready) = &self.ready else {
            return std::future::pending().await;
        };
        let watcher = &mut self.watcher;
        ready.until(|| watcher.has_changed().then_some(())).await;
    }
}
