//! What a site serves of one look: the page, the verbs' JSON, metrics.

use crate::model::SortedMap;
use crate::model::invisible::visible_json;
use crate::model::{Moment, Period, PhaseChange, SessionName};
use crate::render::web::{self as page, May, WebScene};
use crate::render::{Books, Paper, Scene, Selection, json, metrics};
use crate::store::{JournalReader, View};
use crate::timeline::{Past, Window, tracks};
use crate::web::{PageParts, Part, Snapshot};
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::path::Path;

/// The events that are kept for the timeline. Older ones are left out.
const EVENTS: usize = 10_000;
/// The events that `/api/v1/events` has, as many as `gtctl events` prints.
const LAST: usize = 50;
/// How long the timeline of the page is, in milliseconds: a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// The phases are read again after so long: a bar shows five minutes at least.
const PHASES_EVERY: Period = Period::from_secs(15);

/// The past of a town: the end of the journal, read on as it grows, and the phases of a day.
pub(super) struct Ledger {
    view: View,
    reader: JournalReader,
    events: VecDeque<Value>,
    is_begun: bool,
    phases: SortedMap<SessionName, Vec<PhaseChange>>,
    /// When the phases were read.
    read: Option<Moment>,
}

impl Ledger {
    /// Of this state directory. Nothing is read yet.
    pub(super) fn new(state: &Path) -> Self {
        Self {
            view: View::of(state),
            reader: JournalReader::new(state),
            events: VecDeque::new(),
            is_begun: false,
            phases: SortedMap::new(),
            read: None,
        }
    }

    /// Reads what is new.
    pub(super) fn read_on(&mut self, now: Moment) {
        let fresh = if std::mem::replace(&mut self.is_begun, true) {
            self.reader.read_new()
        } else {
            self.reader.last(EVENTS, |_| true)
        };
        self.events.extend(fresh);
        let beyond = self.events.len().saturating_sub(EVENTS);
        self.events.drain(..beyond);
        self.events.make_contiguous();
        if self
            .read
            .is_none_or(|read| now.since(&read) >= PHASES_EVERY)
        {
            self.read = Some(now);
            self.phases = self.view.all_phases(now.wall.saturating_sub(DAY));
        }
    }
}

/// A look, and what is known beside it.
pub(super) struct Board<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) books: &'a Books,
    /// The past, as far as it was read.
    pub(super) ledger: &'a Ledger,
    /// The local clock; without colour.
    pub(super) paper: &'a Paper,
    /// What a reader may do.
    pub(super) may: May,
    /// What a page sends with an action.
    pub(super) csrf: &'a str,
}

impl Board<'_> {
    /// All of it, as text.
    pub(super) fn snapshot(&self) -> Snapshot {
        let now = self.scene.now.wall;
        let window = Window {
            from: now.saturating_sub(DAY),
            to: now,
        };
        let (events, _) = self.ledger.events.as_slices();
        let past = Past {
            phases: &self.ledger.phases,
            events,
            declared: &self.scene.town.sessions.keys().cloned().collect(),
            window,
        };
        let web = WebScene {
            scene: self.scene,
            books: self.books,
            events,
            tracks: &tracks(&past),
            window,
            paper: self.paper,
            may: self.may,
        };
        let parts = page::parts(&web);
        let document = page::document(&web, &parts, self.csrf);
        let last = events.len().saturating_sub(LAST);
        let mut lines = String::new();
        for event in events.iter().skip(last) {
            lines.push_str(&event.to_string());
            lines.push('\n');
        }
        Snapshot {
            document,
            places: places(parts),
            status: line(&json::status(self.scene, self.books, Selection::All)),
            diff: line(&json::diff(self.scene)),
            events: visible_json(lines),
            metrics: metrics::page(self.scene, self.books),
        }
    }
}

fn places(parts: page::WebParts) -> PageParts {
    let part = |part: page::WebPart| Part {
        id: part.id,
        html: part.html,
    };
    parts
        .into_iter()
        .map(|(place, parts)| (place.to_owned(), parts.into_iter().map(part).collect()))
        .collect()
}

/// A page of JSON on one line.
fn line(page: &impl Serialize) -> String {
    // Every shape has text keys and plain values: none of them can fail.
    visible_json(serde_json::to_string(page).unwrap_or_default())
}
