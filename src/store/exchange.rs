//! Takes a manifest that another host has sent, unless somebody has edited the one that is here.

use super::{StoreFault, file};
use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// The most bytes of a manifest.
const LIMIT: u64 = 1 << 20;

/// What became of a manifest that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// It is in its place now.
    Written,
    /// The same was there already.
    Same,
    /// Another one is there, with this revision, which the sender does not know.
    Conflict(String),
}

/// The revision of a manifest: the SHA-256 of its text, as 64 hexadecimal digits.
///
/// ```
/// assert!(gtctl::store::revision("").starts_with("e3b0c442"));
/// ```
#[must_use]
pub fn revision(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}

/// Writes a manifest to `path`, in one step, and makes its folder where there is none.
///
/// It is written only if no file is there, or the one that is there has the revision `last`.
///
/// # Errors
/// The system's error. Nothing has changed then.
pub fn receive(path: &Path, text: &str, last: Option<&str>) -> Result<Received, StoreFault> {
    // A link stays a link: the file that it leads to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(StoreFault::io("create", folder))?;
    // Of two hosts that send at the same time, the second one sees what the first has written.
    let opened = File::open(folder).map_err(StoreFault::io("open", folder))?;
    let _turn = Flock::lock(opened, FlockArg::LockExclusive)
        .map_err(|(_, errno)| StoreFault::io("lock", folder)(errno.into()))?;
    let there = match file::read(path, LIMIT) {
        Ok((bytes, _)) => Some(revision(&String::from_utf8_lossy(&bytes))),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => None,
        Err(fault) => return Err(StoreFault::io("read", path)(fault)),
    };
    match there {
        Some(there) if there == revision(text) => Ok(Received::Same),
        Some(there) if Some(there.as_str()) != last => Ok(Received::Conflict(there)),
        Some(_) | None => {
            file::replace(path, text.as_bytes())?;
            Ok(Received::Written)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_that_the_sender_does_not_know_stays() {
        let folder = std::env::temp_dir().join(format!("gtctl-exchange-{}", std::process::id()));
        let path = folder.join("town.toml");
        let [one, two, edited] = ["one", "two", "edited"];
        let take = |text: &str, last: Option<&str>| {
            receive(&path, text, last.map(revision).as_deref()).unwrap()
        };
        assert_eq!(take(one, None), Received::Written);
        assert_eq!(take(one, None), Received::Same);
        assert_eq!(take(two, None), Received::Conflict(revision(one)));
        assert_eq!(take(two, Some(one)), Received::Written);
        fs::write(&path, edited).unwrap();
        assert_eq!(take(one, Some(two)), Received::Conflict(revision(edited)));
        assert_eq!(fs::read_to_string(&path).unwrap(), edited);
        assert_eq!(take(one, Some(edited)), Received::Written);
        fs::remove_dir_all(&folder).unwrap();
    }
}
