//! The rule itself: for one file, one folder, and all folders above a path.

use super::{name_of, own_uid, people};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// More folders above a path than this are not walked: no path has them.
const MOST_FOLDERS: usize = 256;
/// The mode's bits by which a group and all others may write.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// In a folder with this bit only its owner removes or renames a file.
const STICKY: u32 = 0o1000;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file whose content counts.
    File,
    /// A folder.
    Folder,
}

/// Why something is not trusted: who owns it or may change it, and what mends that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It belongs neither to us nor to root.
    #[error("{} belongs to {}", path.display(), name_of(*uid))]
    Owner {
        /// What.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Users who are neither we nor root may write to it.
    #[error("{} can be written by others (mode {:04o})", path.display(), mode & 0o7777)]
    Writable {
        /// What.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It could not be looked at.
    #[error("{} cannot be checked: {why}", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

impl Distrust {
    /// What is not trusted.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Owner { path, .. }
            | Self::Writable { path, .. }
            | Self::Unreadable { path, .. } => path,
        }
    }

    /// What to type, as far as one command mends it.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::Owner { path, uid } => {
                format!(
                    "run gtctl as {}, or make it yours: chown {} {}",
                    name_of(*uid),
                    own_uid(),
                    path.display()
                )
            }
            Self::Writable { path, .. } => format!("chmod go-w {}", path.display()),
            Self::Unreadable { path, .. } => format!("see who owns it: ls -ld {}", path.display()),
        }
    }
}

/// Checks one file or folder by what was read of it. For a file pass the metadata of the open file,
/// so that nobody can replace it between the check and the use.
///
/// # Errors
/// [`Distrust`].
pub fn check_meta(path: &Path, meta: &Metadata, kind: Kind) -> Result<(), Distrust> {
    let uid = meta.uid();
    let is_trusted = uid == own_uid() || uid == 0 || (kind == Kind::Folder && is_unmapped(uid));
    if !is_trusted {
        return Err(Distrust::Owner {
            path: path.to_path_buf(),
            uid,
        });
    }
    let is_writable = match kind {
        // A file's mode says what it is for: nobody needs the group to write to it.
        Kind::File => meta.mode() & (GROUP_WRITES | OTHERS_WRITE) != 0,
        Kind::Folder => is_writable_by_others(meta) && meta.mode() & STICKY == 0,
    };
    if is_writable {
        return Err(Distrust::Writable {
            path: path.to_path_buf(),
            mode: meta.mode(),
        });
    }
    Ok(())
}

/// Checks an open file and all folders above the path by which it was opened.
///
/// # Errors
/// [`Distrust`].
pub fn check_open_file(file: &fs::File, path: &Path) -> Result<(), Distrust> {
    let meta = file.metadata();
    let meta = meta.map_err(|why| Distrust::Unreadable {
        path: path.to_path_buf(),
        why: why.to_string(),
    })?;
    check_meta(path, &meta, Kind::File)?;
    check_folders_above(path)
}

/// Checks every folder above a path, as it is spelled and as it is without links. Folders that are
/// not there are left out: whoever may make them is checked by the folder above.
///
/// # Errors
/// [`Distrust`] of the nearest folder that is not trusted.
pub fn check_folders_above(path: &Path) -> Result<(), Distrust> {
    let unreadable = |why: std::io::Error| Distrust::Unreadable {
        path: path.to_path_buf(),
        why: why.to_string(),
    };
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    let Some(parent) = absolute.parent() else {
        return Ok(());
    };
    check_each(parent)?;
    // A link leads to a file elsewhere; of what is not there yet the folder is.
    let real = absolute
        .canonicalize()
        .ok()
        .and_then(|real| real.parent().map(Path::to_path_buf));
    match real.or_else(|| parent.canonicalize().ok()) {
        Some(real) if real != parent => check_each(&real),
        // The first walk has seen all there is.
        Some(_) | None => Ok(()),
    }
}

fn check_each(folder: &Path) -> Result<(), Distrust> {
    for folder in folder.ancestors().take(MOST_FOLDERS) {
        match fs::metadata(folder) {
            Ok(meta) => check_meta(folder, &meta, Kind::Folder)?,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {}
            Err(why) => {
                return Err(Distrust::Unreadable {
                    path: folder.to_path_buf(),
                    why: why.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Whether users who are neither we nor root may make files in a folder: then a file that is not
/// there may be theirs in a moment.
#[must_use]
pub fn is_shared(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|meta| is_writable_by_others(&meta))
}

fn is_writable_by_others(meta: &Metadata) -> bool {
    let mode = meta.mode();
    if mode & OTHERS_WRITE != 0 {
        return true;
    }
    mode & GROUP_WRITES != 0 && !people::is_private_group(meta.gid(), own_uid())
}

/// Whether this is the user that a user namespace shows for all whom it does not know, among them
/// the host's root: a container without root sees the host's folders so.
fn is_unmapped(uid: u32) -> bool {
    let text = |path| fs::read_to_string(path).unwrap_or_default();
    let is_unknown = || text("/proc/sys/kernel/overflowuid").trim().parse() == Ok(uid);
    let has_all = || {
        text("/proc/self/uid_map")
            .split_whitespace()
            .eq(["0", "0", "4294967295"])
    };
    is_unknown() && !has_all()
}
