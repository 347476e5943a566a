//! The files that a manifest is read from, and whether they have changed since then.

use super::includes;
use crate::files::aside::{self, Late};
use crate::manifest::has_wildcard;
use crate::model::SortedSet;
use crate::model::{Moment, Period};
use std::cell::RefCell;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A file that has not changed for this long is whole.
const SETTLE: Period = Period::from_millis(500);
/// A file that keeps changing for this long is read anyway.
const SETTLE_AT_MOST: Period = Period::from_secs(5);

/// The kernel follows at most so many links.
const MAX_LINKS: usize = 40;

/// What changes when a file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    /// None where there is no such file. Its appearance is a change too.
    ///
    /// Of a pattern it is the stamp of the list of files that match: another file is a change.
    fn of(path: &Path) -> Option<Self> {
        aside::reads(path);
        let Ok(meta) = fs::metadata(path) else {
            return Self::of_pattern(path);
        };
        Some(Self {
            inode: (meta.dev(), meta.ino()),
            size: meta.size(),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }

    /// None for a path without `*` and `?`, and where the folder cannot be read.
    fn of_pattern(path: &Path) -> Option<Self> {
        let files = has_wildcard(path).then(|| includes::paths(path).ok())??;
        let mut hasher = DefaultHasher::new();
        files.hash(&mut hasher);
        Some(Self {
            inode: (0, hasher.finish()),
            size: files.len() as u64,
            changed: (0, 0),
        })
    }

    /// The same, on its own thread: a disk may not answer.
    fn soon(path: &Path) -> Result<Option<Self>, Late> {
        let at = path.to_path_buf();
        aside::ask(path, move || Self::of(&at))
    }
}

/// Files as they were at one moment: `town.toml` with what it includes, the user's `config.toml` and
/// the root's `rigs.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

impl Stamps {
    /// Adds a file as it is now, once. Waits for its disk.
    pub(super) fn take(&mut self, path: &Path) {
        if !self.0.iter().any(|(known, _)| known == path) {
            self.0.push((path.to_path_buf(), Stamp::of(path)));
        }
    }

    /// The same files in their present state.
    fn now(&self) -> Result<Self, Late> {
        let now = self
            .0
            .iter()
            .map(|(path, _)| Ok((path.clone(), Stamp::soon(path)?)));
        now.collect::<Result<_, _>>().map(Self)
    }

    /// Whether all are unchanged. An unreadable file counts as unchanged: what was read last stays
    /// in force.
    fn is_current(&self) -> bool {
        self.0
            .iter()
            .all(|(path, stamp)| Stamp::soon(path).map_or(true, |now| now == *stamp))
    }

    fn paths(&self) -> SortedSet<PathBuf> {
        self.0
            .iter()
            .filter_map(|(path, _)| std::path::absolute(path).ok())
            .flat_map(with_links)
            .collect()
    }
}

/// A path, the links on the way to its file, and the target of each link. If somebody exchanges one
/// of the links, the path leads to another file, although its own entry is unchanged.
fn with_links(path: PathBuf) -> SortedSet<PathBuf> {
    let mut found = SortedSet::from([path.clone()]);
    let mut path = path;
    for _ in 0..MAX_LINKS {
        let Some((link, target)) = first_link(&path) else {
            break;
        };
        let rest = path
            .strip_prefix(&link)
            .map(Path::to_path_buf)
            .unwrap_or_default();
        let folder = link.parent().unwrap_or(Path::new("/"));
        let led_to = folder.join(target);
        path = if rest.as_os_str().is_empty() {
            led_to
        } else {
            led_to.join(rest)
        };
        found.extend([link, path.clone()]);
    }
    found
}

/// The first part of a path that is a link, and the link's target.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    parts.into_iter().find_map(|part| {
        fs::read_link(part)
            .ok()
            .map(|target| (part.to_path_buf(), target))
    })
}

/// Watches the files of the definition in force.
#[derive(Debug)]
pub(super) struct Followed {
    read: Rc<RefCell<Stamps>>,
    settling: Option<Settling>,
    /// Whether one of them could not be read the last time.
    is_late: bool,
}

/// Files that have changed since they were read.
#[derive(Debug)]
struct Settling {
    /// Their state at the last look.
    stamps: Stamps,
    /// Since when they have this state.
    since: Moment,
    /// When a change was first seen.
    begun: Moment,
}

/// What has happened to the files since they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// They change and may be half-written. Read them after this time at the earliest.
    Settling(Period),
    /// They have changed and are whole. Or they can be read again after a time when they could not.
    Settled,
    /// One of them cannot be read.
    Late(Late),
}

impl Followed {
    /// Begins to watch the files of a definition.
    pub(super) fn new(read: Stamps) -> Self {
        Self {
            read: Rc::new(RefCell::new(read)),
            settling: None,
            is_late: false,
        }
    }

    /// The files were read again.
    pub(super) fn read_again(&mut self, stamps: Stamps) {
        *self.read.borrow_mut() = stamps;
        self.settling = None;
    }

    /// The paths of the files, whether they exist or not.
    pub(super) fn paths(&self) -> SortedSet<PathBuf> {
        self.read.borrow().paths()
    }

    /// Tells at any time whether the files are unchanged since the last read.
    pub(super) fn is_current(&self) -> impl Fn() -> bool + 'static {
        let read = Rc::clone(&self.read);
        move || read.borrow().is_current()
    }

    /// Whether a change was seen that is not read yet.
    pub(super) fn is_settling(&self) -> bool {
        self.settling.is_some()
    }

    /// They could not be read. Read them as soon as that is possible.
    pub(super) fn read_late(&mut self) {
        self.is_late = true;
    }

    /// Looks at the files. A half-written file may be a good manifest of half a town, so a change
    /// has to settle first.
    pub(super) fn look(&mut self, now: Moment) -> Change {
        let read = self.read.borrow().now();
        let stamps = match read {
            Ok(stamps) => stamps,
            Err(late) => {
                self.is_late = true;
                return Change::Late(late);
            }
        };
        let was_late = std::mem::take(&mut self.is_late);
        if stamps == *self.read.borrow() {
            return if self.settling.is_none() && !was_late {
                Change::None
            } else {
                Change::Settled
            };
        }
        let settling = self.settling.get_or_insert(Settling {
            stamps: stamps.clone(),
            since: now,
            begun: now,
        });
        if settling.stamps != stamps {
            (settling.stamps, settling.since) = (stamps, now);
        }
        let quiet = SETTLE.minus(now.since(&settling.since));
        let left = quiet.min(SETTLE_AT_MOST.minus(now.since(&settling.begun)));
        if left.is_zero() {
            Change::Settled
        } else {
            Change::Settling(left)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(awake: u64) -> Moment {
        Moment {
            wall: 0,
            awake,
            boot: 1,
        }
    }

    #[test]
    fn links_on_the_way_to_a_file_are_followed() {
        let dir = std::env::temp_dir().join(format!("gtctl-links-{}", std::process::id()));
        fs::create_dir_all(dir.join("v1")).unwrap();
        fs::write(dir.join("v1/town.toml"), "a").unwrap();
        std::os::unix::fs::symlink("v1", dir.join("now")).unwrap();
        std::os::unix::fs::symlink("now/town.toml", dir.join("town.toml")).unwrap();
        std::os::unix::fs::symlink("loop", dir.join("loop")).unwrap();
        let mut stamps = Stamps::default();
        stamps.take(&dir.join("town.toml"));
        stamps.take(&dir.join("loop"));
        let paths = stamps.paths();
        for name in ["town.toml", "now", "now/town.toml", "v1/town.toml", "loop"] {
            assert!(paths.contains(&dir.join(name)), "{name}: {paths:?}");
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_file_that_appears_or_goes_is_a_change_that_settles() {
        let dir = std::env::temp_dir().join(format!("gtctl-stamps-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let [town, user] = ["town.toml", "config.toml"].map(|name| dir.join(name));
        fs::write(&town, "a").unwrap();
        let mut stamps = Stamps::default();
        stamps.take(&town);
        stamps.take(&user);
        let mut followed = Followed::new(stamps);
        let is_current = followed.is_current();
        assert_eq!((followed.look(at(0)), is_current()), (Change::None, true));
        fs::write(&user, "b").unwrap();
        assert!(!is_current());
        assert_eq!(followed.look(at(1)), Change::Settling(SETTLE));
        assert_eq!(
            followed.look(at(301)),
            Change::Settling(Period::from_millis(200))
        );
        assert_eq!(followed.look(at(501)), Change::Settled);
        let read = followed.read.borrow().now().unwrap();
        followed.read_again(read);
        assert_eq!((followed.look(at(502)), is_current()), (Change::None, true));
        fs::remove_file(&user).unwrap();
        assert!(!is_current());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_never_rests_is_read_all_the_same() {
        let dir = std::env::temp_dir().join(format!("gtctl-restless-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let town = dir.join("town.toml");
        let mut stamps = Stamps::default();
        stamps.take(&town);
        let mut followed = Followed::new(stamps);
        let changed = |round: u64| {
            fs::write(&town, "x".repeat(usize::try_from(round).unwrap() + 1)).unwrap();
            round * 400
        };
        let settled = (0..20)
            .map(changed)
            .find(|now| followed.look(at(*now)) == Change::Settled);
        assert_eq!(settled, Some(5_200));
        fs::remove_dir_all(&dir).unwrap();
    }
}
