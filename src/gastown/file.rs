//! Reads Gas Town's small files, up to a bound.

use crate::files::{self, Links};
use serde_json::Value;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The largest file that is read, in bytes.
const LIMIT: u64 = 1 << 20;

/// The text of a file below the root, or `None` if there is no such file.
///
/// # Errors
/// Returns a sentence for people if the file cannot be read.
pub(super) fn text_of(root: &Path, path: &str) -> Result<Option<String>, String> {
    match files::read_text(&root.join(path), Links::Follow, LIMIT) {
        Ok(text) => Ok(Some(text)),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(format!("{path} cannot be read ({e})")),
    }
}

/// The JSON in a file below the root, or `None` if there is no such file.
///
/// # Errors
/// Returns a sentence for people if the file cannot be read or is no JSON.
pub(super) fn json(root: &Path, path: &str) -> Result<Option<Value>, String> {
    let Some(text) = text_of(root, path)? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|e| format!("{path} is no JSON ({e})"))
}

/// The text at a JSON pointer such as `/name`, or `None` if there is no text.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// Whether the error means that there is no such file.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
