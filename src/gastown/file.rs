//! Small files of others, read up to a bound.

use nix::libc::O_NONBLOCK;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The most that is read of a file, in bytes.
const LIMIT: u64 = 1 << 20;

/// The text of a file below the root; none where there is no file. As an error, what is wrong with it, for people.
pub(super) fn text_of(root: &Path, path: &str) -> Result<Option<String>, String> {
    match open(&root.join(path)).and_then(read) {
        Ok(text) => Ok(Some(text)),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(format!("{path} cannot be read ({e})")),
    }
}

/// The JSON in a file below the root, likewise.
pub(super) fn json(root: &Path, path: &str) -> Result<Option<Value>, String> {
    let Some(text) = text_of(root, path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|e| format!("{path} is no JSON ({e})"))
}

/// The text at a place in a JSON document.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

/// Opens for reading, without waiting as a pipe would have it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn read(file: File) -> io::Result<String> {
    let invalid = |what| io::Error::new(ErrorKind::InvalidData, what);
    if !file.metadata()?.is_file() {
        return Err(invalid("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(invalid("larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| invalid("not UTF-8"))
}
