//! `phases.jsonl`: a line for each change of a session's phase, in the form of the journal's lines:
//! `ts`, `component` (`phase`), and the fields of a [`PhaseChange`].
//!
//! It is a file of its own, so that sessions that change all day push no event out of the journal.
//! Three files of 3 MiB are kept: some 55,000 changes, which is a month of 40 sessions with 45
//! changes a day each. Nothing is written while nothing changes.

use super::file::beside;
use super::journal::{Kept, add_lines, rfc3339};
use super::{StateDir, StoreFault, View};
use crate::files::{self, Links};
use crate::model::SortedMap;
use crate::model::invisible::visible_json;
use crate::model::written::from_bytes;
use crate::model::{Moment, PhaseChange, SessionName};
use memchr::memmem;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How much is kept.
pub(super) const PHASES: Kept = Kept {
    size: 3 << 20,
    files: 3,
};

/// The last phases are searched in so many bytes at the end. A session that has not changed for
/// longer gets its line anew.
const END: u64 = 3 << 20;

/// The component of each line.
const COMPONENT: &str = "phase";

impl StateDir {
    /// Appends these changes. Writes nothing if there are none.
    ///
    /// # Errors
    /// The system's error. The caller goes on without these lines.
    pub fn note_phases(&self, now: Moment, changes: &[PhaseChange]) -> Result<(), StoreFault> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for change in changes {
            text.push_str(&line(now, change).map_err(StoreFault::Encoding)?);
        }
        add_lines(&file_in(self.path()), text, PHASES)
    }
}

fn file_in(state: &Path) -> PathBuf {
    state.join("phases.jsonl")
}

fn line(now: Moment, change: &PhaseChange) -> Result<String, serde_json::Error> {
    let fields = visible_json(serde_json::to_string(change)?);
    let fields = fields.strip_prefix('{').unwrap_or_default();
    let ts = rfc3339(now.wall);
    Ok(format!(
        "{{\"ts\":\"{ts}\",\"component\":\"{COMPONENT}\",{fields}\n"
    ))
}

impl View {
    /// The phases of a session since then, oldest first. `since` is in wall-clock milliseconds since
    /// the epoch.
    ///
    /// A phase lasts until the next one. The first one may begin before `since`: it is the one that
    /// counts then. Empty where nothing is known. At most what `phases.jsonl` keeps.
    #[must_use]
    pub fn phases(&self, session: &SessionName, since: i64) -> Vec<PhaseChange> {
        self.phases_of(since, Some(session))
            .remove(session)
            .unwrap_or_default()
    }

    /// The same of all sessions.
    #[must_use]
    pub fn all_phases(&self, since: i64) -> SortedMap<SessionName, Vec<PhaseChange>> {
        self.phases_of(since, None)
    }

    /// The last phase of each session, as far as the end of the file has it.
    #[must_use]
    pub fn last_phases(&self) -> SortedMap<SessionName, PhaseChange> {
        let path = file_in(self.path());
        let mut last = SortedMap::new();
        for file in [beside(&path, "1"), path] {
            for change in changes_in(&read_end(&file, END), None) {
                last.insert(change.session.clone(), change);
            }
        }
        last
    }

    fn phases_of(
        &self,
        since: i64,
        only: Option<&SessionName>,
    ) -> SortedMap<SessionName, Vec<PhaseChange>> {
        let path = file_in(self.path());
        let older = (1..PHASES.files)
            .rev()
            .map(|nth| beside(&path, &nth.to_string()));
        let files: Vec<PathBuf> = older.chain([path.clone()]).collect();
        let mut found: SortedMap<SessionName, Vec<PhaseChange>> = SortedMap::new();
        for file in files {
            for change in changes_in(&read_end(&file, PHASES.size.saturating_mul(2)), only) {
                let known = found.entry(change.session.clone()).or_default();
                // Only the newest of those before the time asked for counts.
                if change.since <= since {
                    known.clear();
                }
                let is_known = known.last().is_some_and(|last| *last == change);
                if !is_known {
                    known.push(change);
                }
            }
        }
        found
    }
}

/// The changes of these lines. What is no such line is passed over.
fn changes_in(bytes: &[u8], only: Option<&SessionName>) -> Vec<PhaseChange> {
    // Most lines of others need not be read.
    let named = only.map(|name| format!("\"session\":\"{name}\""));
    let may_be = |line: &&[u8]| {
        let named = named.as_ref().map(String::as_bytes);
        named.is_none_or(|named| memmem::find(line, named).is_some())
    };
    let lines = bytes.split(|byte| *byte == b'\n').filter(may_be);
    lines
        .filter_map(|line| from_bytes::<PhaseChange>(line).ok())
        .filter(|change| only.is_none_or(|name| change.session == *name))
        .collect()
}

/// The last bytes of a file. Empty where it cannot be read.
fn read_end(path: &Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(opened) = files::open(path, Links::Refuse) else {
        return bytes;
    };
    let mut file = opened.file;
    let from = opened.metadata.len().saturating_sub(most);
    let read = file
        .seek(SeekFrom::Start(from))
        .and_then(|_| file.take(most).read_to_end(&mut bytes));
    if let Err(fault) = read {
        tracing::debug!(%fault, path = %path.display(), "the phases cannot be read");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{NOW, Scratch};
    use super::*;
    use crate::model::{Death, Generation, PhaseKind};
    use std::fs;

    fn name(text: &str) -> SessionName {
        SessionName::new(text).unwrap()
    }

    fn change(session: &str, phase: PhaseKind, since: i64) -> PhaseChange {
        PhaseChange {
            session: name(session),
            phase,
            since,
            cause: None,
            generation: Some(Generation(3)),
            pid: Some(13_056),
            death: None,
            source: None,
        }
    }

    #[test]
    fn a_line_has_the_form_of_the_journal_and_comes_back() {
        let dead = PhaseChange {
            death: Some(Death::Signal(9)),
            ..change("a", PhaseKind::Dead, 5)
        };
        let text = line(NOW, &dead).unwrap();
        assert_eq!(
            text,
            "{\"ts\":\"2025-11-21T04:40:00Z\",\"component\":\"phase\",\"session\":\"a\",\"phase\":\"dead\",\
             \"since_ms\":5,\"generation\":3,\"pid\":13056,\"death\":{\"signal\":9}}\n"
        );
        assert_eq!(changes_in(text.as_bytes(), None), [dead]);
    }

    #[test]
    fn a_reader_gets_what_counts_then_and_what_came_after() {
        let scratch = Scratch::new("phases");
        let state = StateDir::open(scratch.path()).unwrap();
        let note = |changes: &[PhaseChange]| state.note_phases(NOW, changes).unwrap();
        note(&[
            change("a", PhaseKind::Starting, 10),
            change("aa", PhaseKind::Working, 10),
        ]);
        note(&[change("a", PhaseKind::Working, 20)]);
        fs::write(
            scratch.path().join("phases.jsonl"),
            fs::read_to_string(scratch.path().join("phases.jsonl")).unwrap() + "{\"torn",
        )
        .unwrap();
        note(&[change("a", PhaseKind::Idle, 30)]);
        let view = View::of(scratch.path());
        let kinds = |since| -> Vec<PhaseKind> {
            let phases = view.phases(&name("a"), since);
            phases.iter().map(|change| change.phase).collect()
        };
        assert_eq!(
            kinds(0),
            [PhaseKind::Starting, PhaseKind::Working, PhaseKind::Idle]
        );
        assert_eq!(kinds(25), [PhaseKind::Working, PhaseKind::Idle]);
        assert_eq!(kinds(99), [PhaseKind::Idle]);
        assert_eq!(view.all_phases(0).len(), 2);
        assert_eq!(view.last_phases()[&name("a")].phase, PhaseKind::Idle);
        assert!(view.phases(&name("nobody"), 0).is_empty());
    }

    #[test]
    fn the_files_keep_their_bound() {
        let scratch = Scratch::new("phases-bound");
        let state = StateDir::open(scratch.path()).unwrap();
        let many: Vec<PhaseChange> = (0..1000)
            .map(|n| change(&format!("gt-shop-polecat-{n}"), PhaseKind::Working, n))
            .collect();
        for _ in 0..120 {
            state.note_phases(NOW, &many).unwrap();
        }
        let files = fs::read_dir(scratch.path()).unwrap().flatten();
        let phases = files.filter(|file| file.file_name().to_string_lossy().starts_with("phases"));
        let sizes: Vec<u64> = phases.map(|file| file.metadata().unwrap().len()).collect();
        assert_eq!(sizes.len(), 3);
        assert!(sizes.iter().sum::<u64>() <= 9 << 20, "{sizes:?}");
        assert_eq!(View::of(scratch.path()).last_phases().len(), 1000);
    }
}
