//! Following a file that others write: only new bytes, through rotation, truncation and
//! replacement.
//!
//! What was read last is known by device, inode and birth, not by name, and can be kept over a
//! restart of gtctl. A look at a file that has not grown is one `stat`, without an open or a read.
//! No file is held open between looks: a thousand quiet logs take no descriptors.
//!
//! **Architecture invariant:** only regular files are opened, and nothing here can block on one
//! that is none.

use super::file;
use crate::files::{self, Links, Opened};
use crate::model::Position;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The most older files (`.1`, `.2` and on) that are looked through for the one read last.
const MAX_ROTATED: u32 = 100;
/// How often a look begins anew because the file was replaced under it.
const MAX_RACES: u32 = 8;

/// Where following begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With all that is in the file.
    Beginning,
    /// With what is added after the first look; a file that is made later is read from its
    /// beginning.
    End,
    /// Where it ended before.
    Position(Position),
}

/// What was added to the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct NewBytes {
    /// The bytes, in their order. Empty when nothing was written.
    pub bytes: Vec<u8>,
    /// What may be missing before them.
    pub gap: Option<Gap>,
}

/// Why bytes may be missing, and what follows is no continuation of what was read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// The file was cut shorter than what had been read of it, and is read anew.
    Truncated,
    /// Another file is in its place and the former one cannot be found.
    Replaced,
}

/// Why a file cannot be followed. Later it may be.
#[derive(Debug, thiserror::Error)]
pub enum FollowFault {
    /// A pipe, a folder, a device or a socket.
    #[error("{} is {kind}, not a regular file", .path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// What the system says; a loop of links too.
    #[error("cannot read {}", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// One followed file. Links are followed, unless they are refused: people point them at their logs.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    links: Links,
    from: From,
    reads: u64,
}

impl Follower {
    /// Follows the file at `path`, which need not exist. Nothing is looked at yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, from: From) -> Self {
        Self {
            path: path.into(),
            links: Links::Follow,
            from,
            reads: 0,
        }
    }

    /// Follows a log that a sink writes, from its beginning. A link in its place is a fault: no
    /// sink makes one.
    #[must_use]
    pub fn of_log(path: impl Into<PathBuf>) -> Self {
        Self {
            links: Links::Refuse,
            ..Self::new(path, From::Beginning)
        }
    }

    /// Goes on so many bytes before the end of the file as it is now, or at its beginning. Gives
    /// the size of the file in bytes; 0 where there is none.
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

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How far it has been read; none before a file was seen.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self.from {
            From::Position(position) => Some(position),
            From::Beginning | From::End => None,
        }
    }

    /// How many reads were made so far.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// Whether a look would find something, by one `stat`; none where there is no file.
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

    /// When the file was made, in milliseconds since 1970; none where it is not there or that
    /// cannot be determined.
    #[must_use]
    pub fn born(&self) -> Option<i64> {
        let seen = fs::metadata(&self.path).ok()?;
        i64::try_from(born(&seen)? / 1_000_000).ok()
    }

    /// When the file was last written, in milliseconds since 1970; none where it is not there or
    /// that cannot be determined.
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

    /// What was added since the last look, at most `limit` bytes; what is left comes next time.
    /// That the file does not exist is no fault: it may have been moved away, and comes back.
    ///
    /// A file that was cut and has grown beyond what was read before looks as if it had only grown.
    ///
    /// # Errors
    /// [`FollowFault`]; the position stays.
    pub fn read_new(&mut self, limit: usize) -> Result<NewBytes, FollowFault> {
        for _ in 0..MAX_RACES {
            if let Some(new) = self.look(limit)? {
                return Ok(new);
            }
        }
        // A file that is replaced all the time is read next time.
        Ok(NewBytes::default())
    }

    /// One look; none when the file was replaced during it.
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
        // An empty file in the midst of a rotation: the one after it is looked at now.
        Ok((!moved_on).then_some(NewBytes { bytes, gap }))
    }

    /// Finds the file that was read last among those it may have been renamed to.
    fn older(&self, position: &Position) -> Result<Older, FollowFault> {
        // Older files lie beside the log, not beside a link to it.
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
        // Others name what they rotate by date, or put the number elsewhere: `run.log-2026`,
        // `run.1.log`.
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

    /// What is at `path`; none when nothing is, and a fault when it is no regular file.
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

    /// Reads on from `position`; none when another file is at `path` by now.
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
        let there =
            usize::try_from(seen.len().saturating_sub(position.offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; there.min(limit)];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            self.reads += 1;
            match file.read_at(rest, position.offset + filled as u64) {
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

/// What became of the file that was read last.
enum Older {
    /// It was renamed, with bytes left to read.
    Unfinished { at: PathBuf, length: u64 },
    /// It was renamed, and all of it has been read.
    Finished { next: PathBuf },
    /// It is not to be found.
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

/// Whether the position is one in this file.
fn is_in(position: &Position, seen: &Metadata) -> bool {
    position.device == seen.dev() && position.inode == seen.ino() && position.born == born(seen)
}

fn born(seen: &Metadata) -> Option<u64> {
    let since = seen.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// Whether the file is gone, or something that is no file was put in its place after the look.
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
