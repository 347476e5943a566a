//! `monitor.jsonl`: one line of JSON per event, its first four fields `ts`, `level`, `component` and `message`.
//!
//! Each append is one write to a file opened for appending, so that lines of two processes never mix. Five files of
//! 10 MiB are kept: `monitor.jsonl`, `monitor.jsonl.1` … `.4`, the highest the oldest.

use super::file::{beside, options_without_surprises};
use super::{StateDir, StoreFault};
use crate::model::{Entry, Moment};
use serde_json::{Map, Value};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The size beyond which a file is put aside, in bytes.
const SIZE: u64 = 10 << 20;

/// How many are kept, the present one included.
const FILES: u32 = 5;

/// The longest line, in bytes. A longer one loses its further fields.
const LINE: usize = 64 << 10;

impl StateDir {
    /// Appends `entries`, all of them at `now`. Writes nothing for none.
    ///
    /// # Errors
    /// What the system says. The caller goes on without a journal.
    pub fn journal(&self, now: Moment, entries: &[Entry]) -> Result<(), StoreFault> {
        if entries.is_empty() {
            return Ok(());
        }
        let path = self.path().join("monitor.jsonl");
        let text: String = entries.iter().map(|e| line(now, e)).collect();
        rotate(&path, text.len() as u64).map_err(StoreFault::io("rotate", &path))?;
        append(&path, text).map_err(StoreFault::io("append to", &path))
    }
}

fn append(path: &Path, mut text: String) -> io::Result<()> {
    let mut file = options_without_surprises().read(true).append(true).create(true).open(path)?;
    if ends_midline(&file)? {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes())
}

/// Whether a crash or a full disk cut the last line short.
fn ends_midline(file: &File) -> io::Result<bool> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(false) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

fn rotate(path: &Path, more: u64) -> io::Result<()> {
    let size = fs::symlink_metadata(path).map_or(0, |m| m.len());
    if size == 0 || size.saturating_add(more) <= SIZE {
        return Ok(());
    }
    let numbered = |n: u32| beside(path, &n.to_string());
    for n in (1..FILES - 1).rev() {
        match fs::rename(numbered(n), numbered(n + 1)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            Ok(()) | Err(_) => {}
        }
    }
    fs::rename(path, numbered(1))
}

fn line(now: Moment, entry: &Entry) -> String {
    let head = [
        ("ts", rfc3339(now.wall)),
        ("level", entry.level.word().to_owned()),
        ("component", entry.component.to_owned()),
        ("message", clip(&entry.message, LINE / 8)),
    ];
    let head: Vec<String> =
        head.iter().map(|(name, text)| format!("\"{name}\":{}", Value::String(text.clone()))).collect();
    let head = head.join(",");
    let further: Map<String, Value> =
        entry.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let further = Value::Object(further).to_string();
    let further = further.strip_prefix('{').and_then(|f| f.strip_suffix('}')).unwrap_or_default();
    if entry.fields.is_empty() || head.len() + further.len() > LINE {
        return format!("{{{head}}}\n");
    }
    format!("{{{head},{further}}}\n")
}

fn clip(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

/// Whole seconds in UTC, as `2026-11-21T10:42:34Z`. Times beyond the calendar become its edge.
pub(super) fn rfc3339(wall_ms: i64) -> String {
    let seconds = wall_ms.div_euclid(1000);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::state::tests::{NOW, Scratch};
    use super::*;
    use crate::model::{Evidence, Level};
    use serde_json::json;

    fn entry(message: &str) -> Entry {
        let fields: Evidence = [("session", json!("a")), ("nested", json!({"x": {"y": 1}}))].into();
        Entry { level: Level::Warn, component: "act", message: message.into(), fields }
    }

    #[test]
    fn the_guides_four_fields_come_first() {
        let text = line(NOW, &entry("two\nlines \u{1b}[31m"));
        assert_eq!(
            text,
            "{\"ts\":\"2025-11-21T04:40:00Z\",\"level\":\"WARN\",\"component\":\"act\",\
             \"message\":\"two\\nlines \\u001b[31m\",\"nested\":{\"x\":{\"y\":1}},\"session\":\"a\"}\n"
        );
        let bare = Entry { fields: Evidence::new(), ..entry("m") };
        for text in [text, line(NOW, &bare), line(NOW, &entry(&"é".repeat(LINE)))] {
            serde_json::from_str::<Value>(&text).unwrap();
        }
    }

    #[test]
    fn a_torn_line_spoils_no_other() {
        let scratch = Scratch::new("torn");
        let dir = StateDir::open(scratch.path()).unwrap();
        let path = scratch.path().join("monitor.jsonl");
        fs::write(&path, "{\"ts\":\"20").unwrap();
        dir.journal(NOW, &[entry("1"), entry("2")]).unwrap();
        dir.journal(NOW, &[]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let whole = text.lines().filter(|l| serde_json::from_str::<Value>(l).is_ok()).count();
        assert_eq!((text.lines().count(), whole), (3, 2));
    }

    #[test]
    fn five_files_are_kept() {
        let scratch = Scratch::new("rotate");
        let dir = StateDir::open(scratch.path()).unwrap();
        let path = scratch.path().join("monitor.jsonl");
        for n in 0..8_u64 {
            dir.journal(NOW, &[entry(&n.to_string())]).unwrap();
            fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(SIZE).unwrap();
        }
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 5);
        dir.journal(NOW, &[entry("last")]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    }
}
