//! `monitor.jsonl`: one JSON object per line and event. Its first fields are `ts`, `level`,
//! `component` and `message`.
//!
//! Each append is one write in append mode, so lines of two processes never mix. Five files of 3
//! MiB are kept: `monitor.jsonl`, then `monitor.jsonl.1` to `.4`, which is the oldest. Files that an
//! older gtctl has left larger go in their turn.

use super::file::{beside, options_without_surprises};
use super::{StateDir, StoreFault};
use crate::files::{self, Links};
use crate::model::invisible::visible_json;
use crate::model::written::from_bytes;
use crate::model::{Entry, Moment};
use serde_json::{Map, Value};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How much of the journal is kept: the number of files counts the current one.
pub(super) const JOURNAL: Kept = Kept {
    size: 3 << 20,
    files: 5,
};

/// The number of files kept, including the current one.
const FILES: u32 = JOURNAL.files;

/// How much of a file of lines is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// The size in bytes above which a file is rotated.
    pub(super) size: u64,
    /// The number of files, including the current one.
    pub(super) files: u32,
}

/// The most bytes of a line. A longer one loses its additional fields.
const LINE: usize = 64 << 10;

/// How many bytes at the end of a file are searched.
const END: u64 = 1 << 20;

impl StateDir {
    /// Appends `entries`, all with the time `now`. Writes nothing if there are none.
    ///
    /// # Errors
    /// The system's error. The caller goes on without a journal.
    pub fn journal(&self, now: Moment, entries: &[Entry]) -> Result<(), StoreFault> {
        if entries.is_empty() {
            return Ok(());
        }
        let path = self.path().join("monitor.jsonl");
        let text: String = entries.iter().map(|e| visible_json(line(now, e))).collect();
        add_lines(&path, text, JOURNAL)
    }
}

/// Appends whole lines in one write, and rotates before.
pub(super) fn add_lines(path: &Path, text: String, kept: Kept) -> Result<(), StoreFault> {
    rotate(path, text.len() as u64, kept).map_err(StoreFault::io("rotate", path))?;
    append(path, text).map_err(StoreFault::io("append to", path))
}

impl StateDir {
    /// The entries that the end of the journal does not contain yet. Entries are compared by the
    /// fields in `keys`. A file that cannot be read contains none.
    #[must_use]
    pub fn untold(&self, entries: Vec<Entry>, keys: &[&str]) -> Vec<Entry> {
        if entries.is_empty() {
            return entries;
        }
        let path = self.path().join("monitor.jsonl");
        let written: Vec<Value> = [beside(&path, "1"), path]
            .iter()
            .flat_map(|file| last_events(file))
            .collect();
        let holds = |event: &Value, entry: &Entry| {
            keys.iter()
                .all(|key| event.get(*key) == entry.fields.get(key))
        };
        entries
            .into_iter()
            .filter(|entry| !written.iter().any(|event| holds(event, entry)))
            .collect()
    }
}

impl StateDir {
    /// The entries that are new to a reader of the journal.
    ///
    /// A hold or a block is not new if the newest event about the same session or agent says the
    /// same. Only the end of the journal is searched. A file that cannot be read contains nothing.
    #[must_use]
    pub fn news_among(&self, entries: Vec<Entry>) -> Vec<Entry> {
        let is_standing = |entry: &Entry| entry.component == "plan";
        if !entries.iter().any(is_standing) {
            return entries;
        }
        let path = self.path().join("monitor.jsonl");
        let written: Vec<Value> = [beside(&path, "1"), path]
            .iter()
            .flat_map(|file| last_events(file))
            .collect();
        let is_known = |entry: &Entry| {
            let about: &[&str] = if entry.fields.contains_key("session") {
                &["session"]
            } else {
                &["agent", "kind"]
            };
            let newest = written.iter().rev().find(|event| {
                about
                    .iter()
                    .all(|key| event.get(*key) == entry.fields.get(key))
            });
            newest.is_some_and(|event| {
                let text_of = |key: &str| event.get(key).and_then(Value::as_str);
                (text_of("component"), text_of("message"))
                    == (Some(entry.component), Some(entry.message.as_str()))
            })
        };
        entries
            .into_iter()
            .filter(|entry| !is_standing(entry) || !is_known(entry))
            .collect()
    }
}

fn last_events(path: &Path) -> Vec<Value> {
    let size = fs::symlink_metadata(path).map_or(0, |meta| meta.len());
    let events = events_in(path, size.saturating_sub(END), END);
    events.map(|(events, _)| events).unwrap_or_default()
}

fn append(path: &Path, mut text: String) -> io::Result<()> {
    let mut file = options_without_surprises()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    if ends_midline(&file)? {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes())
}

/// Whether the last line is incomplete, after a crash or on a full disk.
fn ends_midline(file: &File) -> io::Result<bool> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else {
        return Ok(false);
    };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

fn rotate(path: &Path, more: u64, kept: Kept) -> io::Result<()> {
    let size = fs::symlink_metadata(path).map_or(0, |m| m.len());
    if size == 0 || size.saturating_add(more) <= kept.size {
        return Ok(());
    }
    let numbered = |n: u32| beside(path, &n.to_string());
    for n in (1..kept.files - 1).rev() {
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
    let head: Vec<String> = head
        .iter()
        .map(|(name, text)| format!("\"{name}\":{}", Value::String(text.clone())))
        .collect();
    let head = head.join(",");
    let further: Map<String, Value> = entry
        .fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let further = Value::Object(further).to_string();
    let further = further
        .strip_prefix('{')
        .and_then(|f| f.strip_suffix('}'))
        .unwrap_or_default();
    if entry.fields.is_empty() || head.len() + further.len() > LINE {
        return format!("{{{head}}}\n");
    }
    format!("{{{head},{further}}}\n")
}

fn clip(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

/// A time in UTC and whole seconds: `2026-11-21T10:42:34Z`. A time outside the calendar becomes its
/// limit.
pub(super) fn rfc3339(wall_ms: i64) -> String {
    let seconds = wall_ms.div_euclid(1000);
    jiff::Timestamp::from_second(seconds)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

/// Reads the journal as it grows, starting with its oldest line.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    /// The device and inode of the file read last, and the position in it.
    at: Option<((u64, u64), u64)>,
}

impl JournalReader {
    /// The most bytes read at once.
    const AT_ONCE: u64 = 16 << 20;
    /// The most bytes of lines that one request keeps. Older lines are left out.
    const MOST_KEPT: usize = 32 << 20;

    /// A reader for this state directory, which need not exist.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self {
            path: state.join("monitor.jsonl"),
            at: None,
        }
    }

    /// The last `count` wanted events, oldest first. The next [`read_new`](Self::read_new)
    /// continues after them.
    ///
    /// It reads backwards from the end, no more than needed, and keeps at most [`Self::MOST_KEPT`]
    /// bytes.
    pub fn last(&mut self, count: usize, is_wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let lines = self.last_lines(count, is_wanted).into_iter();
        lines.filter_map(|line| event_of(&line)).collect()
    }

    /// As [`last`](Self::last), but returns the lines. Parsed values would take several times the
    /// memory.
    pub fn last_lines(
        &mut self,
        count: usize,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Vec<Box<[u8]>> {
        let older = (1..FILES).map(|nth| beside(&self.path, &nth.to_string()));
        let files: Vec<PathBuf> = std::iter::once(self.path.clone()).chain(older).collect();
        let mut tail = Tail {
            count,
            kept: 0,
            read: 0,
            newest_first: Vec::new(),
        };
        for file in &files {
            let Some(id) = id_of(file) else { continue };
            let read = tail.read(file, &is_wanted);
            // The newest file decides where `read_new` continues.
            if let (None, Ok(end)) = (self.at, read) {
                self.at = Some((id, end));
            }
            if tail.is_full() {
                break;
            }
        }
        tail.newest_first.into_iter().rev().collect()
    }

    /// The events since the last call, oldest first. Skips lines that are no JSON object. If the
    /// journal was rotated meanwhile, the old file is read to its end first.
    pub fn read_new(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        let older = (1..FILES)
            .rev()
            .map(|nth| beside(&self.path, &nth.to_string()));
        let files: Vec<PathBuf> = older.chain([self.path.clone()]).collect();
        let place = self
            .at
            .and_then(|(id, _)| files.iter().position(|file| id_of(file) == Some(id)));
        for file in files.iter().skip(place.unwrap_or(0)) {
            let Some(id) = id_of(file) else { continue };
            let from = self
                .at
                .filter(|(last, _)| *last == id)
                .map_or(0, |(_, from)| from);
            let Ok((new_events, read)) = events_in(file, from, Self::AT_ONCE) else {
                continue;
            };
            events.extend(new_events);
            self.at = Some((id, read));
        }
        events
    }
}

/// Reads the end of the journal backwards.
struct Tail {
    count: usize,
    /// The number of bytes kept.
    kept: usize,
    /// The number of bytes read.
    read: u64,
    newest_first: Vec<Box<[u8]>>,
}

impl Tail {
    /// Bytes per read, enough for several of the longest lines.
    const PIECE: u64 = 1 << 20;
    /// The most bytes read. All files of a journal have fewer.
    const MOST_READ: u64 = 128 << 20;

    fn is_full(&self) -> bool {
        self.newest_first.len() >= self.count
            || self.kept >= JournalReader::MOST_KEPT
            || self.read >= Self::MOST_READ
    }

    /// Reads one file backwards. Returns where its last complete line ends.
    fn read(&mut self, path: &Path, is_wanted: &impl Fn(&Value) -> bool) -> io::Result<u64> {
        let file = File::open(path)?;
        let mut from = file.metadata()?.len();
        let mut end = None;
        // The start of a line whose end was in the piece read before.
        let mut line_end: Vec<u8> = Vec::new();
        loop {
            let size = from.min(Self::PIECE);
            from -= size;
            self.read += size;
            let mut piece = vec![0; usize::try_from(size).unwrap_or_default()];
            file.read_exact_at(&mut piece, from)?;
            piece.append(&mut line_end);
            if end.is_none() {
                let whole = piece
                    .iter()
                    .rposition(|byte| *byte == b'\n')
                    .map_or(0, |at| at + 1);
                piece.truncate(whole);
                end = Some(from.saturating_add(whole as u64));
            }
            let begins = if from == 0 {
                0
            } else {
                piece
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .map_or(piece.len(), |at| at + 1)
            };
            let lines = piece.split_off(begins);
            for line in lines.rsplit(|byte| *byte == b'\n') {
                self.take(line, is_wanted);
                if self.is_full() {
                    return Ok(end.unwrap_or_default());
                }
            }
            // We write no lines of this length, so this is none of ours.
            if piece.len() <= LINE.saturating_mul(4) {
                line_end = piece;
            }
            if from == 0 || self.is_full() {
                return Ok(end.unwrap_or_default());
            }
        }
    }

    fn take(&mut self, line: &[u8], is_wanted: &impl Fn(&Value) -> bool) {
        if event_of(line).is_some_and(|event| is_wanted(&event)) {
            // Includes the size of the list entry.
            self.kept += line.len() + size_of::<Box<[u8]>>();
            self.newest_first.push(line.into());
        }
    }
}

/// Parses a line of the journal. `None` if it is no JSON object.
#[must_use]
pub fn event_of(line: &[u8]) -> Option<Value> {
    from_bytes(line).ok().filter(Value::is_object)
}

fn id_of(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path)
        .ok()
        .filter(fs::Metadata::is_file)
        .map(|meta| (meta.dev(), meta.ino()))
}

/// The events of the complete lines from `from` on, and the position after them.
fn events_in(path: &Path, from: u64, limit: u64) -> io::Result<(Vec<Value>, u64)> {
    let mut file = files::open(path, Links::Refuse)?.file;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let lines = bytes
        .get(..whole)
        .unwrap_or_default()
        .split(|byte| *byte == b'\n');
    let events = lines.filter_map(event_of).collect();
    Ok((events, from.saturating_add(whole as u64)))
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{NOW, Scratch};
    use super::*;
    use crate::model::{Evidence, Level};
    use serde_json::json;

    fn entry(message: &str) -> Entry {
        let fields: Evidence = [("session", json!("a")), ("nested", json!({"x": {"y": 1}}))].into();
        Entry {
            level: Level::Warn,
            component: "act",
            message: message.into(),
            fields,
        }
    }

    #[test]
    fn the_guides_four_fields_come_first() {
        let text = line(NOW, &entry("two\nlines \u{1b}[31m"));
        assert_eq!(
            text,
            "{\"ts\":\"2025-11-21T04:40:00Z\",\"level\":\"WARN\",\"component\":\"act\",\
             \"message\":\"two\\nlines \\u001b[31m\",\"nested\":{\"x\":{\"y\":1}},\"session\":\"a\"}\n"
        );
        let bare = Entry {
            fields: Evidence::new(),
            ..entry("m")
        };
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
        let whole = text
            .lines()
            .filter(|l| serde_json::from_str::<Value>(l).is_ok())
            .count();
        assert_eq!((text.lines().count(), whole), (3, 2));
    }

    #[test]
    fn a_hold_or_a_block_that_the_journal_ends_with_is_no_news_to_whoever_comes_next() {
        let scratch = Scratch::new("news");
        let dir = StateDir::open(scratch.path()).unwrap();
        let plan = |message: &str, fields: &[(&'static str, &str)]| Entry {
            level: Level::Warn,
            component: "plan",
            message: message.to_owned(),
            fields: fields
                .iter()
                .map(|(key, value)| (*key, json!(value)))
                .collect(),
        };
        let held = plan("a: start held", &[("session", "a")]);
        let blocked = plan("agent x is blocked", &[("agent", "x"), ("kind", "limit")]);
        let news = |entry: &Entry| dir.news_among(vec![entry.clone()]).len();
        assert_eq!((news(&held), news(&blocked)), (1, 1));
        dir.journal(NOW, &[held.clone(), blocked.clone()]).unwrap();
        assert_eq!((news(&held), news(&blocked)), (0, 0));
        let acted = Entry {
            component: "act",
            ..plan("a: started", &[("session", "a")])
        };
        let freed = plan("agent x is free", &[("agent", "x"), ("kind", "limit")]);
        assert_eq!(news(&acted), 1);
        dir.journal(NOW, &[acted, freed]).unwrap();
        assert_eq!((news(&held), news(&blocked)), (1, 1));
    }

    #[test]
    fn what_the_end_of_the_journal_holds_is_told() {
        let scratch = Scratch::new("untold");
        let dir = StateDir::open(scratch.path()).unwrap();
        let of = |session: &str, asked: u64| Entry {
            fields: [
                ("session", json!(session)),
                ("asked_ms", json!(asked)),
                ("waited_ms", json!(asked)),
            ]
            .into(),
            ..entry("m")
        };
        let untold =
            |entries: &[Entry]| dir.untold(entries.to_vec(), &["session", "asked_ms"]).len();
        assert_eq!(untold(&[of("a", 1)]), 1);
        dir.journal(NOW, &[of("a", 1), entry("without")]).unwrap();
        assert_eq!(untold(&[of("a", 1), of("a", 2), of("b", 1)]), 2);
        fs::rename(
            scratch.path().join("monitor.jsonl"),
            scratch.path().join("monitor.jsonl.1"),
        )
        .unwrap();
        assert_eq!(untold(&[of("a", 1)]), 0);
    }

    #[test]
    fn five_files_are_kept() {
        let scratch = Scratch::new("rotate");
        let dir = StateDir::open(scratch.path()).unwrap();
        let path = scratch.path().join("monitor.jsonl");
        for n in 0..8_u64 {
            dir.journal(NOW, &[entry(&n.to_string())]).unwrap();
            fs::OpenOptions::new()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(JOURNAL.size)
                .unwrap();
        }
        let names = fs::read_dir(scratch.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let journals = names.filter(|name| name.to_string_lossy().starts_with("monitor.jsonl"));
        assert_eq!(journals.count(), 5);
        dir.journal(NOW, &[entry("last")]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    }
}
