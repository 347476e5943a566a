//! Errors of the state directory, with advice for people.

use std::io;
use std::path::{Path, PathBuf};

/// Why something in the state directory could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The operating system refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried, such as `write`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The directory belongs to another user.
    #[error("{} belongs to uid {owner}, not to uid {ours}", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// The uid of its owner.
        owner: u32,
        /// Our uid.
        ours: u32,
    },
    /// The path of the state directory is no directory.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// A newer gtctl wrote the file, in a format that we do not know.
    #[error("{} was written by a newer gtctl (form {version})", path.display())]
    Newer {
        /// The state file.
        path: PathBuf,
        /// The number of the format.
        version: u32,
    },
    /// The file would exceed its limit.
    #[error("{} would grow to {size} bytes; at most {limit} are written", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// No state directory can be derived from the environment.
    #[error("no directory for the state: neither XDG_STATE_HOME nor HOME is an absolute path")]
    Nowhere,
    /// The state could not be encoded.
    #[error("the state cannot be written as JSON")]
    Encoding(#[source] serde_json::Error),
}

impl StoreFault {
    /// Wraps a system error that occurred while doing something to `path`.
    pub(super) fn io<'a>(
        doing: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self::Io {
            doing,
            path: path.to_path_buf(),
            source,
        }
    }

    /// Advice for people.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Io { path, source, .. } => help_with_io(path, source.kind()),
            Self::NotOurs { .. } => {
                "run gtctl as its owner, or choose another place with --state-dir".to_owned()
            }
            Self::NotADirectory { path } => {
                format!(
                    "move {} away, or choose another place with --state-dir",
                    path.display()
                )
            }
            Self::Newer { path, .. } => format!(
                "use the newer gtctl; or, to begin with an empty history, move {} and its gtctl.prev.json away",
                path.display()
            ),
            Self::TooLarge { path, .. } => format!("move {} away", path.display()),
            Self::Nowhere => "set HOME, or choose a place with --state-dir".to_owned(),
            Self::Encoding(_) => "this is a defect of gtctl; please report it".to_owned(),
        }
    }
}

fn help_with_io(path: &Path, kind: io::ErrorKind) -> String {
    let home = path.parent().unwrap_or(path).display();
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!(
                "free some space: `df -h {home}` shows how full it is; meanwhile nothing running is touched"
            )
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only; remount it, or choose another place with --state-dir"
                .to_owned()
        }
        io::ErrorKind::PermissionDenied => format!("`ls -ld {home}` shows who may write there"),
        _ => format!("inspect it with `ls -la {home}`, or choose another place with --state-dir"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_and_a_read_only_disk_are_told_apart() {
        let help = |code| {
            StoreFault::io("write", Path::new("/s/gtctl.json"))(io::Error::from_raw_os_error(code))
                .help()
        };
        assert!(help(nix::libc::ENOSPC).contains("`df -h /s`"));
        assert!(help(nix::libc::EDQUOT).contains("`df -h /s`"));
        assert!(help(nix::libc::EROFS).contains("read-only"));
        assert!(help(nix::libc::EACCES).contains("`ls -ld /s`"));
        assert!(help(nix::libc::EIO).contains("--state-dir"));
    }
}
