//! Follows a file that others write. Returns only new bytes, through rotation, truncation and
//! replacement.
//!
//! A file is identified by device, inode and birth time, not by name. So its position stays valid
//! when gtctl restarts. A look at an unchanged file is one `stat`. No file stays open between
//! looks, so a thousand quiet logs take no file descriptors.
//!
//! **Architecture invariant:** only regular files are opened, so nothing here can block.

use super::file;
use crate::files::{self, Links, Opened};
use crate::model::Position;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The most rotated files (`.1`, `.2`, …) that are searched for the one read last.
const MAX_ROTATED: u32 = 100;
/// How often a look is repeated because the file was replaced meanwhile.
const MAX_RACES: u32 = 8;

/// Where following begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At the start of the file.
    Beginning,
    /// At the current end of the file. A file that is created later is read from its start.
    End,
    /// At a position from earlier.
    Position(Position),
}

/// The result of a look.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct NewBytes {
    /// The new bytes, in order. Empty if nothing was written.
    pub bytes: Vec<u8>,
    /// Set if bytes may be missing before these.
    pub gap: Option<Gap>,
}

/// Why bytes may be missing. The new bytes do not continue the former ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// The file was truncated below the position. It is read from its start.
    Truncated,
    /// Another file has its name, and the former file cannot be found.
    Replaced,
}

/// Why a file cannot be followed now. This may change.
#[derive(Debug, thiserror::Error)]
pub enum FollowFault {
    /// It is a pipe, a folder, a device or a socket.
    #[error("{} is {kind}, not a regular file", .path.display())]
    NotAFile {
        /// The path of the file.
        path: PathBuf,
        /// What it is, with an article: `a pipe`.
        kind: &'static str,
    },
    /// The system's error, also for a loop of links.
    #[error("cannot read {}", .path.display())]
    Io {
        /// The path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Follows one file. Links are followed too, because people point them at their logs.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    links: Links,
    from: From,
    reads: u64,
}

impl Follower {
    /// Follows the file at `path`, which need not exist. Reads nothing yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, from: From) -> Self {
        Self {
            path: path.into(),
            links: Links::Follow,
            from,
            reads: 0,
        }
    }

    /// Follows a log of a sink from its start. A link is an error here, because no sink creates
    /// one.
    #[must_use]
    pub fn of_log(path: impl Into<PathBuf>) -> Self {
        Self {
            links: Links::Refuse,
            ..Self::new(path, From::Beginning)
        }
    }

    /// Moves to `bytes` before the current end of the file, or to its start. Returns its size in
    /// bytes, 0 if it does not exist.
    ///
    /// # Errors
    /// [`FollowFault`].
    pub fn skip_to_last(&mut self, bytes: u64) -> Result<u64, FollowFault> {
        let Some(seen) = self.metadata(&self.path)? else {
            return Ok(0);
        };
        let size = seen.len();
        self.from = From::Position(position_in(&seen, size.saturating_sub(bytes)));
        Ok(size)
    }

    /// Moves to this offset in bytes, at most to the end of the file.
    ///
    /// # Errors
    /// [`FollowFault`].
    pub fn skip_to(&mut self, offset: u64) -> Result<(), FollowFault> {
        if let Some(seen) = self.metadata(&self.path)? {
            self.from = From::Position(position_in(&seen, offset.min(seen.len())));
        }
        Ok(())
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The current position. `None` before a file was seen.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self.from {
            From::Position(position) => Some(position),
            From::Beginning | From::End => None,
        }
    }

    /// The number of reads so far.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// Whether a look would find something. Takes one `stat`. `None` if the file does not exist.
    ///
    /// # Errors
    /// [`FollowFault`].
    pub fn has_news(&self) -> Result<Option<bool>, FollowFault> {
        let Some(seen) = self.metadata(&self.path)? else {
            return Ok(None);
        };
        Ok(Some(match self.from {
            From::Beginning => seen.len() > 0,
            From::End => true,
            From::Position(position) => !is_in(&position, &seen) || seen.len() != position.offset,
        }))
    }

    /// When the file was created, in milliseconds since 1970. `None` if it does not exist or its
    /// file system does not say.
    #[must_use]
    pub fn born(&self) -> Option<i64> {
        let seen = fs::metadata(&self.path).ok()?;
        i64::try_from(born(&seen)? / 1_000_000).ok()
    }

    /// When the file was last written, in milliseconds since 1970. `None` if it does not exist.
    #[must_use]
    pub fn modified(&self) -> Option<i64> {
        let since = fs::metadata(&self.path)
            .ok()?
            .modified()
            .ok()?
            .duration_since(UNIX_EPOCH)
            .ok()?;
        i64::try_from(since.as_millis()).ok()
    }

    /// Returns what was added since the last look, at most `limit` bytes. More is returned next
    /// time.
    ///
    /// A missing file is no error: it may have been moved away and come back. A file that was
    /// truncated and has grown past the old position looks as if it had only grown.
    ///
    /// # Errors
    /// [`FollowFault`]. The position does not change.
    pub fn read_new(&mut self, limit: usize) -> Result<NewBytes, FollowFault> {
        for _ in 0..MAX_RACES {
            if let Some(new) = self.look(limit)? {
                return Ok(new);
            }
        }
        // The file is replaced again and again. The next look will read it.
        Ok(NewBytes::default())
    }

    /// One look. `None` if the file was replaced meanwhile.
    fn look(&mut self, limit: usize) -> Result<Option<NewBytes>, FollowFault> {
        let Some(seen) = self.metadata(&self.path)? else {
            if self.from == From::End {
                self.from = From::Beginning;
            }
            return Ok(Some(NewBytes::default()));
        };
        let mut position = match self.from {
            From::Beginning => position_in(&seen, 0),
            From::End => position_in(&seen, seen.len()),
            From::Position(position) => position,
        };
        let (mut path, mut size, mut gap) = (self.path.clone(), seen.len(), None);
        if !is_in(&position, &seen) {
            match self.older(&position)? {
                Older::Unfinished { at, length } => (path, size) = (at, length),
                Older::Finished { next } => {
                    path = next;
                    let Some(seen) = self.metadata(&path)? else {
                        return Ok(None);
                    };
                    (position, size) = (position_in(&seen, 0), seen.len());
                }
                Older::Gone => (position, gap) = (position_in(&seen, 0), Some(Gap::Replaced)),
            }
        }
        if size < position.offset {
            position.offset = 0;
            gap = Some(Gap::Truncated);
        }
        let bytes = if size > position.offset {
            let Some(bytes) = self.read(&path, &position, limit)? else {
                return Ok(None);
            };
            bytes
        } else {
            Vec::new()
        };
        position.offset += bytes.len() as u64;
        self.from = From::Position(position);
        let moved_on = bytes.is_empty() && gap.is_none() && !is_in(&position, &seen);
        // The file ended empty because of a rotation. The next look reads its successor at once.
        Ok((!moved_on).then_some(NewBytes { bytes, gap }))
    }

    /// Searches the file that was read last among those to which it may have been renamed.
    fn older(&self, position: &Position) -> Result<Older, FollowFault> {
        // Rotated files are beside the log itself, not beside a link to it.
        let base = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let mut next = base.clone();
        for number in 1..=MAX_ROTATED {
            let at = file::beside(&base, &number.to_string());
            let Ok(seen) = fs::symlink_metadata(&at) else {
                break;
            };
            if is_in(position, &seen) {
                return Ok(judged(position, at, &seen, next));
            }
            next = at;
        }
        let Some((dir, name)) = base.parent().zip(base.file_name()) else {
            return Ok(Older::Gone);
        };
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(source) => {
                return Err(FollowFault::Io {
                    path: dir.to_path_buf(),
                    source,
                });
            }
        };
        // Some tools name rotated files by date or insert the number: `run.log-2026`, `run.1.log`.
        let stem = Path::new(name)
            .file_stem()
            .unwrap_or(name)
            .as_encoded_bytes();
        for entry in entries
            .flatten()
            .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(stem))
        {
            let Ok(seen) = entry.metadata() else { continue };
            if is_in(position, &seen) {
                return Ok(judged(position, entry.path(), &seen, base.clone()));
            }
        }
        Ok(Older::Gone)
    }

    /// The metadata of `path`. `None` if nothing is there.
    fn metadata(&self, path: &Path) -> Result<Option<Metadata>, FollowFault> {
        let seen = match self.links {
            Links::Follow => fs::metadata(path),
            Links::Refuse => fs::symlink_metadata(path),
        };
        match seen {
            Ok(seen) if seen.is_file() => Ok(Some(seen)),
            Ok(seen) => Err(FollowFault::NotAFile {
                path: self.path.clone(),
                kind: kind_of(&seen),
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FollowFault::Io {
                path: self.path.clone(),
                source,
            }),
        }
    }

    /// Reads from `position` on. `None` if another file is at `path` now.
    fn read(
        &mut self,
        path: &Path,
        position: &Position,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, FollowFault> {
        let fault = |source| FollowFault::Io {
            path: path.to_path_buf(),
            source,
        };
        let Opened {
            file,
            metadata: seen,
        } = match files::open(path, self.links) {
            Ok(opened) => opened,
            Err(e) if is_replaced(&e) => return Ok(None),
            Err(e) => return Err(fault(e)),
        };
        if !is_in(position, &seen) {
            return Ok(None);
        }
        let available =
            usize::try_from(seen.len().saturating_sub(position.offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; available.min(limit)];
        let mut filled = 0;
        while let Some(unfilled) = bytes
            .get_mut(filled..)
            .filter(|unfilled| !unfilled.is_empty())
        {
            self.reads += 1;
            match file.read_at(unfilled, position.offset + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(fault(e)),
            }
        }
        bytes.truncate(filled);
        Ok(Some(bytes))
    }
}

/// Where the file is that was read last.
enum Older {
    /// It was renamed, and has bytes left to read.
    Unfinished { at: PathBuf, length: u64 },
    /// It was renamed, and was read to its end.
    Finished { next: PathBuf },
    /// It cannot be found.
    Gone,
}

fn judged(position: &Position, at: PathBuf, seen: &Metadata, next: PathBuf) -> Older {
    if seen.len() > position.offset {
        Older::Unfinished {
            at,
            length: seen.len(),
        }
    } else {
        Older::Finished { next }
    }
}

fn position_in(seen: &Metadata, offset: u64) -> Position {
    Position {
        device: seen.dev(),
        inode: seen.ino(),
        born: born(seen),
        offset,
    }
}

/// Whether the position belongs to this file.
fn is_in(position: &Position, seen: &Metadata) -> bool {
    position.device == seen.dev() && position.inode == seen.ino() && position.born == born(seen)
}

fn born(seen: &Metadata) -> Option<u64> {
    let since = seen.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// Whether the error means that the file was removed or replaced after the look.
fn is_replaced(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::InvalidData
    )
}

fn kind_of(seen: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = seen.file_type();
    if kind.is_symlink() {
        "a link"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
