//! The files that a manifest includes: found, checked and read.

use super::exit::Trouble;
use crate::files::{self, Links};
use crate::manifest::{Included, Unread, has_wildcard};
use crate::model::matches_pattern;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The most entries of a folder that are looked at for a pattern.
const MAX_ENTRIES: usize = 10_000;

/// The files that a path of `include` names, with their texts, at most `limit` bytes each.
///
/// `check` says whether a file may be trusted.
///
/// # Errors
/// If the folder of a pattern cannot be read.
pub(super) fn read(
    pattern: &Path,
    limit: u64,
    check: &dyn Fn(&Path, &fs::Metadata) -> Result<(), Trouble>,
) -> Result<Vec<Included>, Unread> {
    let paths = paths(pattern).map_err(|error| unreadable(pattern, &error))?;
    let included = paths.into_iter().filter_map(|path| {
        let text = text(&path, limit, check).transpose()?;
        Some(Included { path, text })
    });
    Ok(included.collect())
}

/// The paths that a pattern matches, sorted. A path without `*` and `?` is its own only match.
///
/// A file whose name begins with a dot is left out, as in a shell.
///
/// # Errors
/// If the folder cannot be read. A missing folder has no files.
pub(super) fn paths(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), true) = (pattern.parent(), has_wildcard(pattern)) else {
        return Ok(vec![pattern.to_path_buf()]);
    };
    let wanted = pattern.file_name().unwrap_or_default().to_string_lossy();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for (count, entry) in entries.enumerate() {
        if count == MAX_ENTRIES {
            let why = format!("the folder has more than {MAX_ENTRIES} files");
            return Err(io::Error::other(why));
        }
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && matches_pattern(&wanted, &name) && !entry.path().is_dir() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// The text of a file. `None` if there is no such file.
fn text(
    path: &Path,
    limit: u64,
    check: &dyn Fn(&Path, &fs::Metadata) -> Result<(), Trouble>,
) -> Result<Option<String>, Unread> {
    let opened = match files::open(path, Links::Follow) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, &error)),
    };
    check(path, &opened.metadata).map_err(|trouble| Unread {
        message: trouble.message,
        help: trouble.help.unwrap_or_default(),
    })?;
    let read = files::read_opened(opened, limit).and_then(files::text_of);
    read.map(Some).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Unread {
    Unread {
        message: format!("cannot read {}: {error}", path.display()),
        help: "see who owns it and its folders: ls -l".to_owned(),
    }
}
