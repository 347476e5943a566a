//! The lines of a record: what has changed since the line before.

use super::delta::{apply, difference, without_nulls};
use super::{Circumstances, Decision, decisions_of, digest_of};
use crate::model::SortedMap;
use crate::model::written::from_value;
use crate::model::{
    CannotStart, Gastown, History, LastReports, Memory, Moment, Observed, Orders, Period, Plan,
    Scope, Seen, Server, SessionName,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Borrow;

/// The version of the lines.
const VERSION: u32 = 1;

/// A line of a record.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// The version: 1.
    v: u32,
    /// The town.
    town: SessionName,
    /// When the look began.
    at: Moment,
    /// Whether it depends on the line before. One that does not stands alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    follows: bool,
    /// What has changed of everything but the sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<Value>,
    /// What has changed of the memory of each session.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    memory: Map<String, Value>,
    /// What has changed of each session that is there, by its name in tmux.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    seen: Map<String, Value>,
    /// The digest of the decision.
    digest: String,
    /// What was decided, if that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decisions: Option<SortedMap<SessionName, Decision>>,
}

/// All but the sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RecordHead {
    memory: Memory,
    observed: Observed,
    last_reports: LastReports,
    scope: Scope,
    orders: Orders,
    gastown: Gastown,
    unstartable: SortedMap<SessionName, CannotStart>,
}

/// A session that is there. How long it has been quiet grows with each look: it is kept only where
/// the time of its last output does not tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RecordedSeen {
    seen: Seen,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quiet: Option<Period>,
}

impl RecordedSeen {
    fn of(seen: &Seen, now: Moment) -> Self {
        let is_told = seen.quiet == quiet_by_activity(seen, now);
        Self {
            quiet: (!is_told).then_some(seen.quiet),
            seen: Seen {
                quiet: Period::ZERO,
                ..seen.clone()
            },
        }
    }

    fn at(&self, now: Moment) -> Seen {
        let quiet = self
            .quiet
            .unwrap_or_else(|| quiet_by_activity(&self.seen, now));
        Seen {
            quiet,
            ..self.seen.clone()
        }
    }
}

/// As a look has it.
fn quiet_by_activity(seen: &Seen, now: Moment) -> Period {
    let silent = now.wall.saturating_sub(seen.activity.saturating_mul(1000));
    Period::from_millis(u64::try_from(silent).unwrap_or(0))
}

/// What one line adds up to.
#[derive(Debug, Clone, PartialEq)]
struct Frame {
    head: RecordHead,
    memory: SortedMap<SessionName, History>,
    seen: SortedMap<String, RecordedSeen>,
}

impl Frame {
    fn of(circumstances: Circumstances) -> Self {
        let Circumstances {
            now,
            mut memory,
            mut observed,
            last_reports,
            scope,
            orders,
            gastown,
            unstartable,
        } = circumstances;
        let sessions = std::mem::take(&mut memory.sessions);
        let seen = match &mut observed {
            Observed::Up(server) => {
                let Server {
                    id: _,
                    version: _,
                    sessions,
                    moved: _,
                    own: _,
                    ended,
                    unpiped,
                } = server;
                // No decision depends on these.
                ended.clear();
                unpiped.clear();
                std::mem::take(sessions)
            }
            Observed::Down | Observed::Unknown(_) => SortedMap::new(),
        };
        Self {
            head: RecordHead {
                memory,
                observed,
                last_reports,
                scope,
                orders,
                gastown,
                unstartable,
            },
            memory: sessions,
            seen: seen
                .into_iter()
                .map(|(name, seen)| (name, RecordedSeen::of(&seen, now)))
                .collect(),
        }
    }

    fn circumstances(&self, now: Moment) -> Circumstances {
        let RecordHead {
            mut memory,
            mut observed,
            last_reports,
            scope,
            orders,
            gastown,
            unstartable,
        } = self.head.clone();
        memory.sessions = self.memory.clone();
        if let Observed::Up(server) = &mut observed {
            let seen = self.seen.iter();
            server.sessions = seen
                .map(|(name, seen)| (name.clone(), seen.at(now)))
                .collect();
        }
        Circumstances {
            now,
            memory,
            observed,
            last_reports,
            scope,
            orders,
            gastown,
            unstartable,
        }
    }
}

/// Writes the lines.
#[derive(Debug, Default)]
pub struct Recorder {
    last: Option<Frame>,
    decisions: Option<SortedMap<SessionName, Decision>>,
}

impl Recorder {
    /// The next line stands alone.
    pub fn begin_anew(&mut self) {
        *self = Self::default();
    }

    /// The line of a check, without a line end.
    ///
    /// # Errors
    /// A value that cannot be written: a bug.
    pub fn line(
        &mut self,
        town: &SessionName,
        circumstances: Circumstances,
        plan: &Plan,
    ) -> Result<String, RecordFault> {
        let at = circumstances.now;
        let frame = Frame::of(circumstances);
        let (head, memory, seen) = match &self.last {
            Some(last) => (
                changed(&last.head, &frame.head)?,
                changes(&last.memory, &frame.memory)?,
                changes(&last.seen, &frame.seen)?,
            ),
            None => (
                Some(written(&frame.head)?),
                changes(&SortedMap::new(), &frame.memory)?,
                changes(&SortedMap::new(), &frame.seen)?,
            ),
        };
        let decisions = decisions_of(plan);
        let line = Line {
            v: VERSION,
            town: town.clone(),
            at,
            follows: self.last.is_some(),
            head,
            memory,
            seen,
            digest: format!("{:016x}", digest_of(plan)),
            decisions: (self.decisions.as_ref() != Some(&decisions)).then(|| decisions.clone()),
        };
        let text = serde_json::to_string(&line).map_err(|_| RecordFault::Unwritable)?;
        self.last = Some(frame);
        self.decisions = Some(decisions);
        Ok(text)
    }
}

fn written<T: Serialize>(value: &T) -> Result<Value, RecordFault> {
    serde_json::to_value(value)
        .map(without_nulls)
        .map_err(|_| RecordFault::Unwritable)
}

fn changed<T: Serialize + PartialEq>(old: &T, new: &T) -> Result<Option<Value>, RecordFault> {
    if old == new {
        return Ok(None);
    }
    Ok(difference(&written(old)?, &written(new)?))
}

/// What has changed of each entry; null for one that is gone.
fn changes<K: Ord + Borrow<str>, T: Serialize + PartialEq>(
    old: &SortedMap<K, T>,
    new: &SortedMap<K, T>,
) -> Result<Map<String, Value>, RecordFault> {
    let mut found = Map::new();
    for (name, value) in new {
        let patch = match old.get::<K>(name) {
            Some(before) => changed(before, value)?,
            None => Some(written(value)?),
        };
        found.extend(patch.map(|patch| (text_of(name), patch)));
    }
    let gone = old.keys().filter(|name| !new.contains_key::<K>(name));
    found.extend(gone.map(|name| (text_of(name), Value::Null)));
    Ok(found)
}

fn text_of(name: &impl Borrow<str>) -> String {
    name.borrow().to_owned()
}

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordFault {
    /// A value that cannot be written.
    #[error("the record cannot be written as JSON")]
    Unwritable,
    /// A line that is none of a record.
    #[error("line {line} is no line of a record")]
    Garbled {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A line of a newer gtctl.
    #[error("line {line} was written by a newer gtctl (version {version} of the record)")]
    Newer {
        /// Which, from 1.
        line: usize,
        /// The version.
        version: u32,
    },
    /// A line that depends on one that is not there.
    #[error("the record begins in the middle: line {line} depends on one that is not there")]
    Headless {
        /// Which, from 1.
        line: usize,
    },
}

/// One check of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The town.
    pub town: SessionName,
    /// What the decision depended on.
    pub circumstances: Circumstances,
    /// The digest of the decision.
    pub digest: u64,
    /// What was decided.
    pub decisions: SortedMap<SessionName, Decision>,
}

/// Reads the lines.
#[derive(Debug, Default)]
pub struct Player {
    lines: usize,
    head: Value,
    memory: SortedMap<String, Value>,
    seen: SortedMap<String, Value>,
    frame: Option<Frame>,
    decisions: SortedMap<SessionName, Decision>,
}

impl Player {
    /// The check of the next line.
    ///
    /// # Errors
    /// [`RecordFault`].
    pub fn read(&mut self, line: &str) -> Result<Recorded, RecordFault> {
        self.lines = self.lines.saturating_add(1);
        let at_line = self.lines;
        let garbled = |source| RecordFault::Garbled {
            line: at_line,
            source,
        };
        let line: Line = serde_json::from_str(line).map_err(garbled)?;
        if line.v > VERSION {
            let version = line.v;
            return Err(RecordFault::Newer {
                line: at_line,
                version,
            });
        }
        if line.follows && self.frame.is_none() {
            return Err(RecordFault::Headless { line: at_line });
        }
        if !line.follows {
            (self.head, self.frame) = (Value::Null, None);
            self.memory.clear();
            self.seen.clear();
        }
        let (memory, seen) = match self.frame.take() {
            Some(Frame { memory, seen, .. }) => (memory, seen),
            None => (SortedMap::new(), SortedMap::new()),
        };
        if let Some(patch) = line.head {
            apply(&mut self.head, patch);
        }
        let frame = Frame {
            head: from_value(&self.head).map_err(garbled)?,
            memory: patched(&mut self.memory, memory, line.memory).map_err(garbled)?,
            seen: patched(&mut self.seen, seen, line.seen).map_err(garbled)?,
        };
        let circumstances = frame.circumstances(line.at);
        self.frame = Some(frame);
        if let Some(decisions) = line.decisions {
            self.decisions = decisions;
        }
        Ok(Recorded {
            town: line.town,
            circumstances,
            digest: u64::from_str_radix(&line.digest, 16).unwrap_or(0),
            decisions: self.decisions.clone(),
        })
    }
}

/// The entries with what has changed of them. Only those are read anew.
fn patched<K, T>(
    values: &mut SortedMap<String, Value>,
    mut entries: SortedMap<K, T>,
    patches: Map<String, Value>,
) -> Result<SortedMap<K, T>, serde_json::Error>
where
    K: Ord + DeserializeOwned,
    T: DeserializeOwned,
{
    for (name, patch) in patches {
        let key: K = from_value(&Value::String(name.clone()))?;
        if patch.is_null() {
            values.remove(&name);
            entries.remove(&key);
            continue;
        }
        let value = values.entry(name).or_insert(Value::Null);
        apply(value, patch);
        entries.insert(key, from_value(value)?);
    }
    Ok(entries)
}
