//! Watches many followed files for changes, by inotify.
//!
//! The result is only a hint: a reported file may be unchanged. A file that cannot be watched,
//! because of the kernel's limits, is reported at every call. A look at it then costs one `stat`.
//! No change is lost: a file is also reported when its folder gets an entry of its name, and all
//! files are reported when events were lost.

use crate::files::aside;
use crate::model::matches_pattern;
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// The most batches of events read in one call, so that a flood does not block the caller.
const MAX_BATCHES: usize = 64;

/// Watches many files, whether they exist or not.
#[derive(Debug)]
pub struct Watcher {
    inotify: Option<Inotify>,
    files: BTreeMap<PathBuf, Watched>,
    /// The files of each watch. A watch is on a file or on its folder.
    watches: BTreeMap<WatchDescriptor, BTreeSet<PathBuf>>,
}

#[derive(Debug, Default)]
struct Watched {
    file: Option<WatchDescriptor>,
    folder: Option<WatchDescriptor>,
}

impl Default for Watcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Watcher {
    /// A watcher without files. If the kernel gives no inotify instance, every file is reported at
    /// each call.
    #[must_use]
    pub fn new() -> Self {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok();
        Self {
            inotify,
            files: BTreeMap::new(),
            watches: BTreeMap::new(),
        }
    }

    /// A watcher that does not use inotify.
    #[must_use]
    pub fn polling() -> Self {
        Self {
            inotify: None,
            files: BTreeMap::new(),
            watches: BTreeMap::new(),
        }
    }

    /// A descriptor that is readable when [`changed`](Self::changed) would report something. `None`
    /// without inotify.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(Inotify::as_fd)
    }

    /// Watches the file at `path`. Read it once after this call, because earlier changes are not
    /// reported.
    pub fn watch(&mut self, path: &Path) {
        self.files.entry(path.to_path_buf()).or_default();
        self.arm(path);
    }

    /// Stops watching the file.
    pub fn forget(&mut self, path: &Path) {
        let Some(Watched { file, folder }) = self.files.remove(path) else {
            return;
        };
        for watch in [file, folder].into_iter().flatten() {
            self.release(watch, path);
        }
    }

    /// The number of files that cannot be watched and are reported at each call.
    #[must_use]
    pub fn polled(&self) -> usize {
        self.files
            .values()
            .filter(|watched| watched.folder.is_none())
            .count()
    }

    /// The files that may have changed since the last call. Does not block.
    pub fn changed(&mut self) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        for _ in 0..MAX_BATCHES {
            match self.inotify.as_ref().map(Inotify::read_events) {
                Some(Ok(events)) => events
                    .iter()
                    .for_each(|event| self.note(event, &mut changed)),
                Some(Err(Errno::EINTR)) => {}
                Some(Err(_)) | None => break,
            }
        }
        let unwatched: Vec<PathBuf> = self
            .files
            .iter()
            .filter(|(_, watched)| watched.folder.is_none())
            .map(|(path, _)| path.clone())
            .collect();
        // A missing folder may exist by now.
        for path in &unwatched {
            self.arm(path);
        }
        changed.extend(unwatched);
        changed
    }

    fn note(&mut self, event: &InotifyEvent, changed: &mut BTreeSet<PathBuf>) {
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            changed.extend(self.files.keys().cloned());
            return;
        }
        let Some(paths) = self.watches.get(&event.wd) else {
            return;
        };
        let named = |path: &&PathBuf| {
            let name = event.name.as_deref();
            name.is_none_or(|name| path.file_name().is_some_and(|own| is_named(own, name)))
        };
        let paths: Vec<PathBuf> = paths.iter().filter(named).cloned().collect();
        if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            self.watches.remove(&event.wd);
        }
        for path in paths {
            if let Some(watched) = self.files.get_mut(&path) {
                if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                    for gone in [&mut watched.file, &mut watched.folder] {
                        gone.take_if(|watch| *watch == event.wd);
                    }
                }
                // Another file may have this name now.
                if !event.mask.contains(AddWatchFlags::IN_MODIFY) {
                    self.arm(&path);
                }
            }
            changed.insert(path);
        }
    }

    /// Adds the watches that `path` lacks.
    fn arm(&mut self, path: &Path) {
        let Some(inotify) = &self.inotify else { return };
        let at = path.to_path_buf();
        // Adding a watch on a disk that hangs would block. Such a file is reported at each call
        // until its disk answers.
        if aside::ask(path, move || fs::symlink_metadata(at)).is_err() {
            return;
        }
        let (of_file, of_folder) = (
            AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_ATTRIB,
            AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO,
        );
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let folder = inotify
            .add_watch(folder, of_folder | AddWatchFlags::IN_ONLYDIR)
            .ok();
        let file = inotify.add_watch(path, of_file).ok();
        let Some(watched) = self.files.get_mut(path) else {
            return;
        };
        let former = std::mem::replace(watched, Watched { file, folder });
        for watch in [file, folder].into_iter().flatten() {
            self.watches
                .entry(watch)
                .or_default()
                .insert(path.to_path_buf());
        }
        for watch in [former.file, former.folder].into_iter().flatten() {
            if Some(watch) != file && Some(watch) != folder {
                self.release(watch, path);
            }
        }
    }

    /// Removes `path` from a watch, and the watch after its last file.
    fn release(&mut self, watch: WatchDescriptor, path: &Path) {
        let Some(paths) = self.watches.get_mut(&watch) else {
            return;
        };
        paths.remove(path);
        if paths.is_empty() {
            self.watches.remove(&watch);
            // The watch may have ended together with its file.
            let _ = self.inotify.as_ref().map(|inotify| inotify.rm_watch(watch));
        }
    }
}

/// Whether a file of this name may be the watched one, or one of those that a watched pattern with
/// `*` and `?` matches.
fn is_named(watched: &OsStr, name: &OsStr) -> bool {
    let (pattern, text) = (watched.to_string_lossy(), name.to_string_lossy());
    watched == name || pattern.contains(['*', '?']) && matches_pattern(&pattern, &text)
}

#[cfg(test)]
mod tests {
    use super::super::state::tests::Scratch;
    use super::*;
    use std::fs;
    use std::io::Write;

    fn append(path: &Path, text: &str) {
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    fn check(mut watcher: Watcher, scratch: &Scratch) {
        let paths: Vec<PathBuf> = (0..3)
            .map(|n| scratch.path().join(format!("{n}.log")))
            .collect();
        append(&paths[0], "x");
        for path in &paths {
            watcher.watch(path);
        }
        watcher.changed();
        let mut expect = |n: usize, what: &str| {
            let changed = watcher.changed();
            assert!(changed.contains(&paths[n]), "{what}");
            assert!(
                watcher.polled() > 0 || changed.len() == 1,
                "{what}: {changed:?}"
            );
        };
        append(&paths[0], "y");
        expect(0, "grown");
        append(&paths[1], "x");
        expect(1, "made");
        append(&paths[1], "x");
        expect(1, "grown after it was made");
        fs::rename(&paths[1], scratch.path().join("1.log.1")).unwrap();
        append(&paths[1], "x");
        expect(1, "rotated");
        append(&paths[1], "x");
        expect(1, "grown after it was rotated");
        fs::remove_file(&paths[1]).unwrap();
        append(&paths[1], "x");
        expect(1, "replaced");
        let quiet = watcher.changed();
        assert_eq!(quiet.len(), watcher.polled());
        for path in &paths {
            watcher.forget(path);
        }
        append(&paths[0], "z");
        assert!(watcher.changed().is_empty());
    }

    #[test]
    fn changes_are_told_with_and_without_the_kernel() {
        check(Watcher::new(), &Scratch::new("notice"));
        check(Watcher::polling(), &Scratch::new("notice-poll"));
    }

    #[test]
    fn a_folder_that_is_made_later_is_polled_until_then() {
        let scratch = Scratch::new("notice-later");
        let path = scratch.path().join("later/run.log");
        let mut watcher = Watcher::new();
        watcher.watch(&path);
        assert_eq!((watcher.polled(), watcher.changed().len()), (1, 1));
        fs::create_dir(path.parent().unwrap()).unwrap();
        append(&path, "x");
        assert_eq!((watcher.changed().len(), watcher.polled()), (1, 0));
        append(&path, "x");
        assert_eq!(watcher.changed().into_iter().collect::<Vec<_>>(), [path]);
        assert!(watcher.changed().is_empty());
    }
}
