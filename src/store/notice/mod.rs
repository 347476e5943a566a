//! Watches many followed files for changes, by what the kernel tells of them.
//!
//! The result is only a hint: perhaps no file has changed. No change of a watched file is lost: a
//! change is also told when a folder gets an entry of a file's name, and when events were lost.
//!
//! A file cannot be watched while its folder is missing, or where the kernel's limit is reached.
//! Nothing tells of its changes. So the controller also looks without a hint, every `resync`.

mod kernel;

use self::kernel::{Kernel, News, Watch, What};
use crate::files::aside;
use crate::model::matches_pattern;
use crate::model::{SortedMap, SortedSet};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// Watches many files, whether they exist or not.
#[derive(Debug)]
pub struct Watcher {
    kernel: Option<Kernel>,
    files: SortedMap<PathBuf, Watched>,
    /// The files of each watch. A watch is on a file or on its folder.
    watches: SortedMap<Watch, SortedSet<PathBuf>>,
    /// The files whose folders are not watched, by their folders.
    lacking: SortedMap<PathBuf, SortedSet<PathBuf>>,
}

#[derive(Debug, Default)]
struct Watched {
    file: Option<Watch>,
    folder: Option<Watch>,
}

impl Default for Watcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Watcher {
    /// A watcher without files.
    #[must_use]
    pub fn new() -> Self {
        Self {
            kernel: Kernel::new(),
            files: SortedMap::new(),
            watches: SortedMap::new(),
            lacking: SortedMap::new(),
        }
    }

    /// A descriptor that is readable when [`has_changed`](Self::has_changed) may be true. `None`
    /// where the kernel tells nothing.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.kernel.as_ref().map(Kernel::fd)
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
        self.lacks_no_more(path);
        for watch in [file, folder].into_iter().flatten() {
            self.release(watch, path);
        }
    }

    /// The number of files that cannot be watched now.
    #[cfg(test)]
    fn unwatched(&self) -> usize {
        self.lacking.values().map(SortedSet::len).sum()
    }

    /// Whether a file may have changed since the last call. Does not block.
    pub fn has_changed(&mut self) -> bool {
        let news = self.kernel.as_ref().map(Kernel::news).unwrap_or_default();
        let mut has_changed = false;
        for news in news {
            has_changed |= self.note(news);
        }
        self.watch_lacking() || has_changed
    }

    /// Whether this is about a watched file.
    fn note(&mut self, news: News) -> bool {
        let News::Of { watch, name, what } = news else {
            return true;
        };
        let Some(paths) = self.watches.get(&watch) else {
            return false;
        };
        if what == What::Written && name.is_none() {
            return true;
        }
        let named = |path: &&PathBuf| {
            let name = name.as_deref();
            name.is_none_or(|name| path.file_name().is_some_and(|own| is_named(own, name)))
        };
        let paths: Vec<PathBuf> = paths.iter().filter(named).cloned().collect();
        if what == What::Ended {
            self.watches.remove(&watch);
        }
        for path in &paths {
            let Some(watched) = self.files.get_mut(path) else {
                continue;
            };
            if what == What::Ended {
                for gone in [&mut watched.file, &mut watched.folder] {
                    gone.take_if(|other| *other == watch);
                }
            }
            if what != What::Written {
                self.arm(path);
            }
        }
        !paths.is_empty()
    }

    /// Watches the files whose folders were missing and are there now. Returns whether there are
    /// such: their changes until now were not told.
    fn watch_lacking(&mut self) -> bool {
        let first = |(folder, files): (&PathBuf, &SortedSet<PathBuf>)| {
            Some((folder.clone(), files.first()?.clone()))
        };
        let folders: Vec<(PathBuf, PathBuf)> = self.lacking.iter().filter_map(first).collect();
        let mut has_new = false;
        for (folder, first) in folders {
            // One look for all files of a folder: they may be many.
            if !self.can_watch(&folder, &first) {
                continue;
            }
            for path in self.lacking.get(&folder).cloned().unwrap_or_default() {
                self.arm(&path);
            }
            has_new |= !self.lacking.contains_key(&folder);
        }
        has_new
    }

    /// Whether the kernel watches this folder. `file` is one of its files: what is known of a folder
    /// itself the kernel may have kept from a time when its disk still answered.
    fn can_watch(&self, folder: &Path, file: &Path) -> bool {
        let Some(kernel) = &self.kernel else {
            return false;
        };
        if !answers(file) {
            return false;
        }
        let Some(watch) = kernel.watch_folder(folder) else {
            return false;
        };
        if !self.watches.contains_key(&watch) {
            kernel.unwatch(watch);
        }
        true
    }

    /// Adds the watches that `path` lacks.
    fn arm(&mut self, path: &Path) {
        let parent = folder_of(path);
        let lacking = self.lacking.entry(parent.to_path_buf()).or_default();
        lacking.insert(path.to_path_buf());
        let Some(kernel) = &self.kernel else { return };
        if !answers(path) {
            return;
        }
        let folder = kernel.watch_folder(parent);
        let file = kernel.watch_file(path);
        if folder.is_some() {
            self.lacks_no_more(path);
        }
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

    fn lacks_no_more(&mut self, path: &Path) {
        let folder = folder_of(path);
        let Some(lacking) = self.lacking.get_mut(folder) else {
            return;
        };
        lacking.remove(path);
        if lacking.is_empty() {
            self.lacking.remove(folder);
        }
    }

    /// Removes `path` from a watch, and the watch after its last file.
    fn release(&mut self, watch: Watch, path: &Path) {
        let Some(paths) = self.watches.get_mut(&watch) else {
            return;
        };
        paths.remove(path);
        if paths.is_empty() {
            self.watches.remove(&watch);
            if let Some(kernel) = &self.kernel {
                kernel.unwatch(watch);
            }
        }
    }
}

/// The folder of a file.
fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Whether the disk of this path answers. To add a watch on one that hangs would block.
fn answers(path: &Path) -> bool {
    let at = path.to_path_buf();
    aside::ask(path, move || fs::symlink_metadata(at)).is_ok()
}

/// Whether a file of this name may be the watched one, or one of those that a watched pattern with
/// `*` and `?` matches.
fn is_named(watched: &OsStr, name: &OsStr) -> bool {
    let (pattern, text) = (watched.to_string_lossy(), name.to_string_lossy());
    watched == name || pattern.contains(['*', '?']) && matches_pattern(&pattern, &text)
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
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

    #[test]
    fn every_change_is_told_once() {
        let scratch = Scratch::new("notice");
        let paths: Vec<PathBuf> = (0..3)
            .map(|n| scratch.path().join(format!("{n}.log")))
            .collect();
        append(&paths[0], "x");
        let mut watcher = Watcher::new();
        for path in &paths {
            watcher.watch(path);
        }
        assert_eq!(watcher.unwatched(), 0);
        assert!(!watcher.has_changed());
        let mut expect = |what: &str| {
            assert!(watcher.has_changed(), "{what}");
            assert!(!watcher.has_changed(), "{what}: told twice");
        };
        append(&paths[0], "y");
        expect("grown");
        append(&paths[1], "x");
        expect("made");
        append(&paths[1], "x");
        expect("grown after it was made");
        fs::rename(&paths[1], scratch.path().join("1.log.1")).unwrap();
        append(&paths[1], "x");
        expect("rotated");
        append(&paths[1], "x");
        expect("grown after it was rotated");
        fs::remove_file(&paths[1]).unwrap();
        append(&paths[1], "x");
        expect("replaced");
        for path in &paths {
            watcher.forget(path);
        }
        append(&paths[0], "z");
        assert!(!watcher.has_changed());
    }

    #[test]
    fn without_the_kernel_nothing_is_told() {
        let scratch = Scratch::new("notice-none");
        let path = scratch.path().join("run.log");
        let mut watcher = Watcher {
            kernel: None,
            ..Watcher::new()
        };
        watcher.watch(&path);
        append(&path, "x");
        assert_eq!(watcher.unwatched(), 1);
        assert!(!watcher.has_changed() && watcher.fd().is_none());
        watcher.forget(&path);
        assert_eq!(watcher.unwatched(), 0);
    }

    #[test]
    fn a_folder_that_is_made_later_is_watched_from_then_on() {
        let scratch = Scratch::new("notice-later");
        let paths = ["later/a.log", "later/b.log"].map(|file| scratch.path().join(file));
        let mut watcher = Watcher::new();
        for path in &paths {
            watcher.watch(path);
        }
        assert_eq!((watcher.unwatched(), watcher.has_changed()), (2, false));
        fs::create_dir(paths[0].parent().unwrap()).unwrap();
        append(&paths[0], "x");
        assert_eq!((watcher.has_changed(), watcher.unwatched()), (true, 0));
        watcher.has_changed();
        append(&paths[1], "x");
        assert!(watcher.has_changed());
        assert!(!watcher.has_changed());
    }
}
