//! Small files of others, read up to a bound.

use crate::files::{self, Links};
use serde_json::Value;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The most that is read of a file, in bytes.
const LIMIT: u64 = 1 << 20;

/// The text of a file below the root; none where there is no file. As an error, what is wrong with
/// it, for people.
pub(super) fn text_of(root: &Path, path: &str) -> Result<Option<String>, String> {
    match files::read_text(&root.join(path), Links::Follow, LIMIT) {
        Ok(text) => Ok(Some(text)),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(format!("{path} cannot be read ({e})")),
    }
}

/// The JSON in a file below the root, likewise.
pub(super) fn json(root: &Path, path: &str) -> Result<Option<Value>, String> {
    let Some(text) = text_of(root, path)? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|e| format!("{path} is no JSON ({e})"))
}

/// The text at a place in a JSON document.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
