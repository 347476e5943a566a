//! Where the state directory is, and how it is opened.

use super::StoreFault;
use super::file::options_without_surprises;
use super::lock::{CONTROLLER_LOCK, TURN_LOCK};
use super::state::Known;
use crate::files;
use crate::files::aside::{self, Late};
use crate::model::SessionName;
use nix::unistd::Uid;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The state directory of the older automonitor, below a Gas Town root.
const AUTOMONITOR: &str = "settings/automonitor";
/// The most files of a directory that [`View::touch`] reads.
const MOST_TOUCHED: usize = 64;
/// The most directories that [`all`] returns.
const MOST_TOWNS: usize = 100;

/// The inputs that decide where the state directory is. The caller reads the environment. An empty
/// or relative path counts as unset.
#[derive(Debug, Clone, Copy, Default)]
pub struct Places<'a> {
    /// `--state-dir`, used unchanged.
    pub explicit: Option<&'a Path>,
    /// The Gas Town root.
    pub root: Option<&'a Path>,
    /// `$XDG_STATE_HOME`.
    pub xdg_state_home: Option<&'a Path>,
    /// `$HOME`.
    pub home: Option<&'a Path>,
}

/// The state directory of a town. Creates nothing. It is the first of these:
///
/// - `explicit`;
/// - `<root>/settings/automonitor`, if that exists;
/// - `$XDG_STATE_HOME/gtctl/<town>`;
/// - `~/.local/state/gtctl/<town>`.
///
/// # Errors
/// [`StoreFault::Nowhere`] if none of them is known.
pub fn locate(town: &SessionName, places: Places<'_>) -> Result<PathBuf, StoreFault> {
    let Places {
        explicit,
        root,
        xdg_state_home,
        home,
    } = places;
    if let Some(path) = explicit {
        return Ok(path.to_path_buf());
    }
    if let Some(older) = root.map(|r| r.join(AUTOMONITOR)).filter(|p| p.is_dir()) {
        return Ok(older);
    }
    shared(xdg_state_home, home)
        .map(|folder| folder.join(town.as_str()))
        .ok_or(StoreFault::Nowhere)
}

/// The folder with the state directories of all towns: `explicit`, or the parent that [`locate`]
/// uses without a root. Creates nothing.
#[must_use]
pub fn folder(places: Places<'_>) -> Option<PathBuf> {
    places
        .explicit
        .map(Path::to_path_buf)
        .or_else(|| shared(places.xdg_state_home, places.home))
}

/// All state directories that can be found without knowing a town, sorted by path, at most
/// [`MOST_TOWNS`].
///
/// They may be empty. Those within a Gas Town root are not found.
#[must_use]
pub fn all(places: Places<'_>) -> Vec<View> {
    if let Some(path) = places.explicit {
        return vec![View::of(path)];
    }
    let entries =
        shared(places.xdg_state_home, places.home).and_then(|folder| fs::read_dir(folder).ok());
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .take(MOST_TOWNS)
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.into_iter().map(View::of).collect()
}

/// The folder with the state directories of all towns.
fn shared(xdg_state_home: Option<&Path>, home: Option<&Path>) -> Option<PathBuf> {
    let absolute = |p: Option<&Path>| p.filter(|p| p.is_absolute()).map(Path::to_path_buf);
    let state =
        absolute(xdg_state_home).or_else(|| absolute(home).map(|h| h.join(".local/state")))?;
    Some(state.join("gtctl"))
}

/// A state directory for reading. It creates and changes nothing, and waits for no lock. The
/// directory need not exist.
#[derive(Debug, Clone)]
pub struct View {
    pub(super) path: PathBuf,
}

impl View {
    /// A view of the directory at `path`.
    #[must_use]
    pub fn of(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that the directory's disk answers. Waits at most
    /// [`aside::PATIENCE`](crate::files::aside::PATIENCE), and not at all if an earlier check still
    /// hangs.
    ///
    /// # Errors
    /// The path that is read, and for how long.
    pub fn answers(&self) -> Result<(), Late> {
        let lock = self.path.join(CONTROLLER_LOCK);
        aside::ask(&self.path, move || drop(fs::metadata(lock)))
    }

    /// Reads one byte of each file in the directory. It hangs if the disk does not answer.
    pub fn touch(&self) {
        let entries = fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten()
            .take(MOST_TOUCHED);
        entries.for_each(|entry| files::touch(&entry.path()));
    }
}

/// Creates the lock files early. So they exist even if the file system later becomes read-only.
fn create_lock_files(path: &Path) {
    for name in [CONTROLLER_LOCK, TURN_LOCK] {
        // The process that locks will report the error.
        let _ = options_without_surprises()
            .append(true)
            .create(true)
            .open(path.join(name));
    }
}

/// A state directory for writing. Whoever acts on a town holds its turn lock meanwhile.
#[derive(Debug)]
pub struct StateDir {
    pub(super) view: View,
    pub(super) known: Known,
}

impl StateDir {
    /// Opens the directory at `path`. Creates it and its parents for the owner only.
    ///
    /// Corrects the mode of an existing directory, except that of the older automonitor, which
    /// other programs use too.
    ///
    /// # Errors
    /// The directory belongs to another user, is no directory, or cannot be created.
    pub fn open(path: &Path) -> Result<Self, StoreFault> {
        check_home(path)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|e| refused(path, e))?;
        let metadata = fs::metadata(path).map_err(StoreFault::io("look at", path))?;
        if !metadata.is_dir() {
            return Err(StoreFault::NotADirectory {
                path: path.to_path_buf(),
            });
        }
        let (owner, ours) = (metadata.uid(), Uid::effective().as_raw());
        if owner != ours {
            return Err(StoreFault::NotOurs {
                path: path.to_path_buf(),
                owner,
                ours,
            });
        }
        if metadata.mode() & 0o077 != 0 && !path.ends_with(AUTOMONITOR) {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))
                .map_err(StoreFault::io("close to others", path))?;
        }
        create_lock_files(path);
        Ok(Self {
            view: View::of(path),
            known: Known::default(),
        })
    }

    /// A view of the same directory.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.view.path()
    }
}

/// Refuses to create a folder in a folder of another user. Root with a user's HOME would otherwise
/// lock that user out.
fn check_home(path: &Path) -> Result<(), StoreFault> {
    let existing = path
        .ancestors()
        .skip(1)
        .find_map(|folder| Some((folder, fs::metadata(folder).ok()?)));
    let Some((folder, metadata)) = existing.filter(|_| !path.exists()) else {
        return Ok(());
    };
    let (owner, ours) = (metadata.uid(), Uid::effective().as_raw());
    let is_open_to_all = metadata.mode() & 0o1000 != 0;
    if owner == ours || owner == 0 || is_open_to_all {
        return Ok(());
    }
    Err(StoreFault::NotOurs {
        path: folder.to_path_buf(),
        owner,
        ours,
    })
}

fn refused(path: &Path, source: io::Error) -> StoreFault {
    match source.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => StoreFault::NotADirectory {
            path: path.to_path_buf(),
        },
        _ => StoreFault::Io {
            doing: "create",
            path: path.to_path_buf(),
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::*;

    fn town() -> SessionName {
        SessionName::new("shop").unwrap()
    }

    #[test]
    fn places_in_their_order() {
        let scratch = Scratch::new("places");
        let home = Places {
            home: Some(Path::new("/h")),
            ..Places::default()
        };
        assert_eq!(
            locate(&town(), home).unwrap(),
            Path::new("/h/.local/state/gtctl/shop")
        );
        let xdg = Places {
            xdg_state_home: Some(Path::new("/x")),
            ..home
        };
        assert_eq!(locate(&town(), xdg).unwrap(), Path::new("/x/gtctl/shop"));
        let relative = Places {
            xdg_state_home: Some(Path::new("x")),
            ..Places::default()
        };
        assert!(matches!(
            locate(&town(), relative),
            Err(StoreFault::Nowhere)
        ));
        assert!(all(relative).is_empty() && all(home).is_empty());
        let state = scratch.path().join("state");
        fs::create_dir_all(state.join("gtctl/b")).unwrap();
        fs::create_dir_all(state.join("gtctl/a")).unwrap();
        let found = all(Places {
            xdg_state_home: Some(&state),
            ..home
        });
        let paths: Vec<&Path> = found.iter().map(View::path).collect();
        assert_eq!(paths, [state.join("gtctl/a"), state.join("gtctl/b")]);
        let rooted = Places {
            root: Some(scratch.path()),
            ..xdg
        };
        assert_eq!(locate(&town(), rooted).unwrap(), Path::new("/x/gtctl/shop"));
        fs::create_dir_all(scratch.path().join(AUTOMONITOR)).unwrap();
        assert_eq!(
            locate(&town(), rooted).unwrap(),
            scratch.path().join(AUTOMONITOR)
        );
    }

    #[test]
    fn is_made_and_kept_owner_only() {
        let scratch = Scratch::new("mode");
        let path = scratch.path().join("a/b");
        let mode = |p: &Path| fs::metadata(p).unwrap().mode() & 0o777;
        StateDir::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        StateDir::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn a_file_in_its_place_is_said_so() {
        let scratch = Scratch::new("infile");
        let path = scratch.path().join("f");
        fs::write(&path, "x").unwrap();
        assert!(matches!(
            StateDir::open(&path),
            Err(StoreFault::NotADirectory { .. })
        ));
        assert!(matches!(
            StateDir::open(&path.join("below")),
            Err(StoreFault::NotADirectory { .. })
        ));
    }
}
