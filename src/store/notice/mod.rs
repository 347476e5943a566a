//! Watches many followed files for changes, by what the kernel tells of them.
//!
//! The result is only a hint: a reported file may be unchanged. A file that cannot be watched,
//! because of the kernel's limits, is reported at every call. A look at it then costs one `stat`.
//! No change is lost: a file is also reported when its folder gets an entry of its name, and all
//! files are reported when events were lost.

mod kernel;

use self::kernel::{Kernel, News, Watch, What};
use crate::files::aside;
use crate::model::matches_pattern;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// Watches many files, whether they exist or not.
#[derive(Debug)]
pub struct Watcher {
    kernel: Option<Kernel>,
    files: BTreeMap<PathBuf, Watched>,
    /// The files of each watch. A watch is on a file or on its folder.
    watches: BTreeMap<Watch, BTreeSet<PathBuf>>,
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
    /// A watcher without files. If the kernel tells nothing, every file is reported at each call.
    #[must_use]
    pub fn new() -> Self {
        Self {
            kernel: Kernel::new(),
            files: BTreeMap::new(),
            watches: BTreeMap::new(),
        }
    }

    /// A watcher that does not ask the kernel.
    #[must_use]
    pub fn polling() -> Self {
        Self {
            kernel: None,
            files: BTreeMap::new(),
            watches: BTreeMap::new(),
        }
    }

    /// A descriptor that is readable when [`changed`](Self::changed) would report something. `None`
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
        let news = self.kernel.as_ref().map(Kernel::news).unwrap_or_default();
        for news in news {
            self.note(news, &mut changed);
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

    fn note(&mut self, news: News, changed: &mut BTreeSet<PathBuf>) {
        let News::Of { watch, name, what } = news else {
            changed.extend(self.files.keys().cloned());
            return;
        };
        let Some(paths) = self.watches.get(&watch) else {
            return;
        };
        let named = |path: &&PathBuf| {
            let name = name.as_deref();
            name.is_none_or(|name| path.file_name().is_some_and(|own| is_named(own, name)))
        };
        let paths: Vec<PathBuf> = paths.iter().filter(named).cloned().collect();
        if what == What::Ended {
            self.watches.remove(&watch);
        }
        for path in paths {
            if let Some(watched) = self.files.get_mut(&path) {
                if what == What::Ended {
                    for gone in [&mut watched.file, &mut watched.folder] {
                        gone.take_if(|other| *other == watch);
                    }
                }
                if what != What::Written {
                    self.arm(&path);
                }
            }
            changed.insert(path);
        }
    }

    /// Adds the watches that `path` lacks.
    fn arm(&mut self, path: &Path) {
        let Some(kernel) = &self.kernel else { return };
        let at = path.to_path_buf();
        // Adding a watch on a disk that hangs would block. Such a file is reported at each call
        // until its disk answers.
        if aside::ask(path, move || fs::symlink_metadata(at)).is_err() {
            return;
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let folder = kernel.watch_folder(folder);
        let file = kernel.watch_file(path);
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
