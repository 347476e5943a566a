//! The past: the last day of each session, and the last events of the journal, read once and then as
//! they come.

use crate::model::SortedMap;
use crate::model::{Moment, SessionName};
use crate::render::events::EventLines;
use crate::render::top::{Series, TextLine};
use crate::render::{Colour, Paper, Role};
use crate::store::{JournalReader, View};
use serde_json::Value;
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// How often the last day is read again.
const DAY_EVERY: Duration = Duration::from_secs(60);
/// A day, in milliseconds.
const DAY: i64 = 24 * 3_600_000;

/// The last day of each session, from the changes of its phase.
#[derive(Debug, Default)]
pub(super) struct LastDay {
    read: Option<Instant>,
}

impl LastDay {
    /// The last day of all sessions; none where it was read within a minute.
    pub(super) fn read(
        &mut self,
        view: &View,
        now: Moment,
    ) -> Option<SortedMap<SessionName, Series>> {
        if self.read.is_some_and(|read| read.elapsed() < DAY_EVERY) {
            return None;
        }
        self.read = Some(Instant::now());
        let phases = view.all_phases(now.wall.saturating_sub(DAY));
        let series = phases
            .into_iter()
            .map(|(session, changes)| (session, Series::of(&changes, now.wall)));
        Some(series.collect())
    }
}

/// So many of the last events are kept.
const KEPT: usize = 4000;

/// The last events.
pub(super) struct Events {
    reader: JournalReader,
    kept: VecDeque<Value>,
    is_begun: bool,
}

impl Events {
    /// Those of this state directory. Nothing is read yet.
    pub(super) fn of(state: &Path) -> Self {
        Self {
            reader: JournalReader::new(state),
            kept: VecDeque::new(),
            is_begun: false,
        }
    }

    /// Whether it was read.
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// Reads what is new.
    pub(super) fn read(&mut self) {
        let new = if self.is_begun {
            self.reader.read_new()
        } else {
            self.reader.last(KEPT, |_| true)
        };
        self.is_begun = true;
        self.kept.extend(new);
        let surplus = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..surplus);
    }

    /// The lines of a session's events, the oldest first.
    pub(super) fn lines(&self, session: &str, paper: &Paper) -> Vec<TextLine> {
        let is_of = |event: &&Value| event.get("session").and_then(Value::as_str) == Some(session);
        let paper = Paper {
            colour: Colour::Off,
            ..*paper
        };
        let mut page = EventLines::on(&paper);
        let mut lines = Vec::new();
        for event in self.kept.iter().filter(is_of) {
            let role = match event.get("level").and_then(Value::as_str) {
                Some("ERROR") => Role::Bad,
                Some("WARN") => Role::Change,
                Some(_) | None => Role::Plain,
            };
            // A date line stands above the first event of a day.
            for text in page.line(event).lines() {
                let text = text.to_owned();
                lines.push(TextLine { text, role });
            }
        }
        lines
    }
}
