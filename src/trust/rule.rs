//! The rules of trust: for one file, for one folder, and for all folders above a path.

use super::{name_of, own_uid, people};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many folders above a path are checked. No real path has more.
const MOST_FOLDERS: usize = 256;
/// The mode bit that lets the group write.
const GROUP_WRITES: u32 = 0o020;
/// The mode bit that lets everybody write.
const OTHERS_WRITE: u32 = 0o002;
/// The mode bit of a folder in which only a file's owner may remove or rename the file.
const STICKY: u32 = 0o1000;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file that gtctl reads, or a socket that it sends to.
    File,
    /// A folder.
    Folder,
}

/// Why gtctl does not trust a file or a folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Its owner is neither our user nor root.
    #[error("{} belongs to {}", path.display(), name_of(*uid))]
    Owner {
        /// The file or folder.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Users other than our user and root may write to it.
    #[error("{} can be written by others (mode {:04o})", path.display(), mode & 0o7777)]
    Writable {
        /// The file or folder.
        path: PathBuf,
        /// Its mode, with the bits of its type.
        mode: u32,
    },
    /// Its owner and mode could not be read.
    #[error("{} cannot be checked: {why}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        why: String,
    },
}

impl Distrust {
    /// The file or folder that is not trusted.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Owner { path, .. }
            | Self::Writable { path, .. }
            | Self::Unreadable { path, .. } => path,
        }
    }

    /// The command that fixes it, or the next step if no single command does.
    ///
    /// Example: `chmod go-w /home/alice/gt`.
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

/// Checks the owner and the mode of one file or folder.
///
/// For a file, pass the metadata of the open file. Then nobody can replace the file between the
/// check and the read.
///
/// # Errors
/// Returns [`Distrust`] if the owner is wrong or others may write.
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
        // Nobody needs a manifest that the group may write to, so a private group is no excuse.
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

/// Checks an open file and all folders above the path that it was opened by.
///
/// # Errors
/// Returns [`Distrust`] of the file, or else of the nearest folder that is not trusted.
pub fn check_open_file(file: &fs::File, path: &Path) -> Result<(), Distrust> {
    let meta = file.metadata();
    let meta = meta.map_err(|why| Distrust::Unreadable {
        path: path.to_path_buf(),
        why: why.to_string(),
    })?;
    check_meta(path, &meta, Kind::File)?;
    check_folders_above(path)
}

/// Checks every folder above a path: first of the path as written, then of the path without links.
///
/// A folder that does not exist is skipped. Only those who may write to its parent can make it, and
/// the parent is checked.
///
/// # Errors
/// Returns [`Distrust`] of the nearest folder that is not trusted.
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
    // The last part of the path may be a link to a file in another folder.
    let parent_of_target = absolute
        .canonicalize()
        .ok()
        .and_then(|real| real.parent().map(Path::to_path_buf));
    // A file that does not exist yet has no target, but its folder has.
    let real_parent = parent_of_target.or_else(|| parent.canonicalize().ok());
    match real_parent {
        Some(real_parent) if real_parent != parent => check_each(&real_parent),
        // The first check has covered the same folders.
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

/// Whether users other than our user and root may make files in the folder.
///
/// If so, a file that does not exist now may be theirs in a moment. A folder whose mode cannot be
/// read counts as not shared.
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

/// Whether the uid is the one that a user namespace shows for every user it has no entry for.
///
/// In a rootless container the host's root appears so, and the host's folders belong to it.
fn is_unmapped(uid: u32) -> bool {
    let text = |path| fs::read_to_string(path).unwrap_or_default();
    let is_overflow_uid = || text("/proc/sys/kernel/overflowuid").trim().parse() == Ok(uid);
    let maps_all_users = || {
        text("/proc/self/uid_map")
            .split_whitespace()
            .eq(["0", "0", "4294967295"])
    };
    is_overflow_uid() && !maps_all_users()
}
