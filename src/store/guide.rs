//! The files `handoffs.json` and `state.json` of the older automonitor, which other programs use
//! too.
//!
//! Unknown keys and values stay unchanged. A malformed file never keeps gtctl from starting.

use super::journal::rfc3339;
use super::{LoadedState, StateDir, StoreFault, View, file};
use crate::model::written::from_bytes;
use crate::model::{Memory, Moment, Period, SessionName};
use serde_json::{Map, Value};
use std::io;
use std::path::Path;

/// The most bytes read or written of each file.
const LIMIT: usize = 4 << 20;

const HANDOFFS: &str = "handoffs.json";
const COUNTERS: &str = "state.json";
const IDLE_SAVED: &str = "idle_seconds_saved";
const LAST_CHECK: &str = "last_check_ts";
const LAST_UPGRADE: &str = "last_upgrade_ts";

/// A larger number is a time in milliseconds. In seconds it would be after the year 5000.
const SECONDS_AT_MOST: f64 = 1e11;

/// What is added to the counters in `state.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Cycles run.
    pub cycles: u64,
    /// Planned restarts.
    pub handoffs: u64,
    /// Answered analyses.
    pub analyses: u64,
    /// Idle time that early stops have saved.
    pub idle_saved: Period,
}

/// The counters of the older automonitor in `state.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Automonitor {
    /// Whether it knows a release or a commit of gt.
    pub checks_upstream: bool,
    /// The analyses it has run.
    pub analyses: u64,
    /// The cycles it has run.
    pub cycles: u64,
}

impl View {
    /// Adds the times in `handoffs.json` to the loaded memory.
    pub(super) fn merge_handoffs_into(&self, loaded: &mut LoadedState, now: Moment) {
        match read_object(&self.path.join(HANDOFFS)) {
            Ok(known) => merge_handoffs(&mut loaded.memory, &known, now),
            Err(why) => loaded
                .notices
                .push(format!("{HANDOFFS} {why}; it is left as it is")),
        }
    }

    /// The counters of the older automonitor. `None` if there are none or they cannot be read.
    #[must_use]
    pub fn automonitor(&self) -> Option<Automonitor> {
        let counters = read_object(&self.path.join(COUNTERS))
            .ok()
            .filter(|counters| !counters.is_empty())?;
        let known = |key| {
            counters
                .get(key)
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty())
        };
        Some(Automonitor {
            checks_upstream: known("last_known_release") || known("last_known_commit"),
            analyses: counters
                .get("ai_analyses_run")
                .and_then(Value::as_u64)
                .unwrap_or(0),
            cycles: counters
                .get("cycles_run")
                .and_then(Value::as_u64)
                .unwrap_or(0),
        })
    }

    /// The idle time that early stops have saved so far. Zero if it cannot be read.
    #[must_use]
    pub fn idle_saved(&self) -> Period {
        let counters = read_object(&self.path.join(COUNTERS)).unwrap_or_default();
        Period::from_secs(
            counters
                .get(IDLE_SAVED)
                .and_then(Value::as_u64)
                .unwrap_or(0),
        )
    }
}

impl StateDir {
    /// Writes the times of planned restarts into `handoffs.json`, in whole seconds since 1970.
    /// Other keys stay.
    ///
    /// # Errors
    /// The system's error. `InvalidData` if the file contains no JSON object; it then stays
    /// unchanged.
    pub fn write_handoffs(&self, handoffs: &[(SessionName, Moment)]) -> Result<(), StoreFault> {
        if handoffs.is_empty() {
            return Ok(());
        }
        self.edit(HANDOFFS, |object| {
            for (session, at) in handoffs {
                object.insert(session.to_string(), Value::from(at.wall.div_euclid(1000)));
            }
        })
    }

    /// Adds to the counters in `state.json` and sets `last_check_ts`. Other keys stay.
    ///
    /// # Errors
    /// As [`StateDir::write_handoffs`].
    pub fn count(&self, now: Moment, counted: Counted) -> Result<(), StoreFault> {
        self.edit(COUNTERS, |object| {
            begin(object);
            add(object, "cycles_run", counted.cycles);
            add(object, "handoffs_triggered", counted.handoffs);
            add(object, IDLE_SAVED, counted.idle_saved.millis() / 1000);
            if counted.analyses > 0 {
                add(object, "ai_analyses_run", counted.analyses);
            }
            stamp(object, LAST_CHECK, now);
        })
    }

    /// Sets `last_known_release` and `last_known_commit` in `state.json`, as far as they are known,
    /// and `last_check_ts`. Other keys stay.
    ///
    /// # Errors
    /// As [`StateDir::write_handoffs`].
    pub fn note_upstream(
        &self,
        now: Moment,
        release: Option<&str>,
        commit: Option<&str>,
    ) -> Result<(), StoreFault> {
        self.edit(COUNTERS, |object| {
            begin(object);
            for (key, value) in [
                ("last_known_release", release),
                ("last_known_commit", commit),
            ] {
                object.extend(value.map(|value| (key.to_owned(), Value::from(value))));
            }
            stamp(object, LAST_CHECK, now);
        })
    }

    /// Increments `upgrades_applied` in `state.json` and sets `last_upgrade_ts`. Other keys stay.
    ///
    /// # Errors
    /// As [`StateDir::write_handoffs`].
    pub fn note_upgrade(&self, now: Moment) -> Result<(), StoreFault> {
        self.edit(COUNTERS, |object| {
            begin(object);
            add(object, "upgrades_applied", 1);
            stamp(object, LAST_UPGRADE, now);
        })
    }

    pub(super) fn edit(
        &self,
        name: &str,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<(), StoreFault> {
        let path = self.path().join(name);
        let mut object = read_object(&path).map_err(|why| {
            StoreFault::io("understand", &path)(io::Error::new(io::ErrorKind::InvalidData, why))
        })?;
        change(&mut object);
        let text = format!("{:#}\n", Value::Object(object));
        if text.len() > LIMIT {
            return Err(StoreFault::TooLarge {
                path,
                size: text.len(),
                limit: LIMIT,
            });
        }
        file::replace(&path, text.as_bytes())
    }
}

/// Adds the planned restarts in `handoffs.json` to a memory.
///
/// A time is a number or a text: seconds or milliseconds since 1970, or RFC 3339. If both know a
/// time, the later one counts. A time in the future counts as now. Malformed names and times are
/// ignored.
pub fn merge_handoffs(memory: &mut Memory, object: &Map<String, Value>, now: Moment) {
    for (key, value) in object {
        let (Ok(session), Some(wall)) = (SessionName::new(key), wall_ms(value)) else {
            continue;
        };
        let at = moment_at(wall, now);
        let history = memory.sessions.entry(session).or_default();
        history.handoff = Some(
            history
                .handoff
                .map_or(at, |known| Moment::later_of(known, at)),
        );
    }
}

/// Converts a wall clock time to a moment. A time before this boot gets another boot id, because
/// its awake clock is unknown.
fn moment_at(wall: i64, now: Moment) -> Moment {
    let ago = Period::from_millis(u64::try_from(now.wall.saturating_sub(wall)).unwrap_or(0));
    if ago.millis() > now.awake {
        Moment {
            wall,
            awake: 0,
            boot: !now.boot,
        }
    } else {
        now.minus(ago)
    }
}

fn wall_ms(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => from_number(n.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            text.parse()
                .ok()
                .and_then(from_number)
                .or_else(|| from_rfc3339(text))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn from_number(n: f64) -> Option<i64> {
    let ms = if n.abs() > SECONDS_AT_MOST {
        n
    } else {
        n * 1000.0
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole milliseconds suffice, and the cast saturates"
    )]
    (ms > 0.0).then_some(ms as i64)
}

fn from_rfc3339(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_millisecond)
}

/// Fills a new `state.json` with all its keys, because its readers expect each of them.
fn begin(object: &mut Map<String, Value>) {
    if !object.is_empty() {
        return;
    }
    for key in [
        "last_known_release",
        "last_known_commit",
        LAST_CHECK,
        LAST_UPGRADE,
    ] {
        object.insert(key.to_owned(), Value::from(""));
    }
    for key in [
        "cycles_run",
        "upgrades_applied",
        "handoffs_triggered",
        "ai_analyses_run",
    ] {
        object.insert(key.to_owned(), Value::from(0));
    }
}

/// Sets a time, in the form of the existing times: seconds as a number, or RFC 3339.
fn stamp(object: &mut Map<String, Value>, key: &str, now: Moment) {
    let times = [key, LAST_CHECK, LAST_UPGRADE];
    let present = times.into_iter().find_map(|key| object.get(key));
    let stamp = match present {
        Some(Value::Number(_)) => Value::from(now.wall.div_euclid(1000)),
        Some(_) | None => Value::from(rfc3339(now.wall)),
    };
    object.insert(key.to_owned(), stamp);
}

fn add(object: &mut Map<String, Value>, key: &str, more: u64) {
    let before = object.get(key).and_then(Value::as_u64).unwrap_or(0);
    object.insert(key.to_owned(), Value::from(before.saturating_add(more)));
}

/// Reads the JSON object in a file. A missing file is an empty object.
fn read_object(path: &Path) -> Result<Map<String, Value>, String> {
    let bytes = match file::read(path, LIMIT as u64) {
        Ok((bytes, _)) => bytes,
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Map::new());
        }
        Err(e) => return Err(format!("cannot be read ({e})")),
    };
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match from_bytes(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("holds no JSON object".to_owned()),
        Err(e) => Err(format!("is no JSON ({e})")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{NOW, Scratch};
    use super::*;
    use serde_json::json;
    use std::fs;

    fn merged(text: &str) -> (Memory, Vec<String>) {
        let scratch = Scratch::new("handoffs");
        fs::write(scratch.path().join(HANDOFFS), text).unwrap();
        let loaded = View::of(scratch.path()).load(NOW).unwrap();
        (loaded.memory, loaded.notices)
    }

    fn ago(memory: &Memory, session: &str) -> Option<Period> {
        memory.sessions.get(session)?.handoff.map(|h| NOW.since(&h))
    }

    #[test]
    fn every_way_of_writing_a_time_is_taken() {
        let s = NOW.wall / 1000 - 600;
        let text = json!({
            "a": s, "b": s * 1000, "c": s.to_string(), "d": rfc3339(s * 1000), "e": s + 9999,
            "f": s - 1_000_000, "no name": s, "g": {"x": 1}, "h": null, "i": "soon", "j": -5, "k": 0
        });
        let (memory, notices) = merged(&text.to_string());
        assert!(notices.is_empty());
        for name in ["a", "b", "c", "d"] {
            assert_eq!(ago(&memory, name), Some(Period::from_mins(10)), "{name}");
        }
        assert_eq!(ago(&memory, "e"), Some(Period::ZERO));
        assert_eq!(
            ago(&memory, "f"),
            Some(Period::from_secs(1_000_600)),
            "over a boot"
        );
        assert_eq!(memory.sessions.len(), 6);
    }

    #[test]
    fn the_later_of_both_counts() {
        let mut memory = Memory::default();
        let name = SessionName::new("a").unwrap();
        memory.sessions.entry(name).or_default().handoff = Some(NOW.minus(Period::from_mins(5)));
        let object = |minutes: i64| {
            Map::from_iter([("a".to_owned(), json!(NOW.wall / 1000 - minutes * 60))])
        };
        merge_handoffs(&mut memory, &object(10), NOW);
        assert_eq!(ago(&memory, "a"), Some(Period::from_mins(5)));
        merge_handoffs(&mut memory, &object(2), NOW);
        assert_eq!(ago(&memory, "a"), Some(Period::from_mins(2)));
    }

    #[test]
    fn what_is_no_object_is_said_and_left_alone() {
        for text in ["[1]", "{", "\u{0}"] {
            let (memory, notices) = merged(text);
            assert_eq!((memory, notices.len()), (Memory::default(), 1));
        }
        let scratch = Scratch::new("left");
        let dir = StateDir::open(scratch.path()).unwrap();
        fs::write(scratch.path().join(HANDOFFS), "[1]").unwrap();
        assert!(
            dir.write_handoffs(&[(SessionName::new("a").unwrap(), NOW)])
                .is_err()
        );
        assert_eq!(
            fs::read_to_string(scratch.path().join(HANDOFFS)).unwrap(),
            "[1]"
        );
    }

    #[test]
    fn foreign_keys_survive_our_writing() {
        let scratch = Scratch::new("keys");
        let dir = StateDir::open(scratch.path()).unwrap();
        fs::write(scratch.path().join(HANDOFFS), "{\"z y\":[1],\"a\":5}").unwrap();
        dir.write_handoffs(&[(SessionName::new("a").unwrap(), NOW)])
            .unwrap();
        let read = |name| {
            serde_json::from_str::<Value>(&fs::read_to_string(scratch.path().join(name)).unwrap())
        };
        assert_eq!(
            read(HANDOFFS).unwrap(),
            json!({"z y": [1], "a": 1_763_700_000})
        );
        fs::write(
            scratch.path().join(COUNTERS),
            "{\"last_known_release\":\"v1\",\"cycles_run\":4}",
        )
        .unwrap();
        let counted = Counted {
            cycles: 1,
            handoffs: 2,
            idle_saved: Period::from_mins(2),
            analyses: 0,
        };
        dir.count(NOW, counted).unwrap();
        dir.count(
            NOW,
            Counted {
                cycles: 0,
                handoffs: 0,
                ..counted
            },
        )
        .unwrap();
        assert_eq!(dir.view().idle_saved(), Period::from_mins(4));
        assert_eq!(
            read(COUNTERS).unwrap(),
            json!({"last_known_release": "v1", "cycles_run": 5, "handoffs_triggered": 2, "idle_seconds_saved": 240,
                   "last_check_ts": "2025-11-21T04:40:00Z"})
        );
        dir.note_upstream(NOW, Some("v2"), None).unwrap();
        assert_eq!(read(COUNTERS).unwrap()["last_known_release"], "v2");
        assert_eq!(read(COUNTERS).unwrap()["cycles_run"], 5);
        dir.note_upgrade(NOW).unwrap();
        let counters = read(COUNTERS).unwrap();
        assert_eq!(
            (&counters["upgrades_applied"], &counters["last_upgrade_ts"]),
            (&json!(1), &json!("2025-11-21T04:40:00Z"))
        );
        fs::write(scratch.path().join(COUNTERS), "{\"last_check_ts\":5}").unwrap();
        dir.note_upgrade(NOW).unwrap();
        assert_eq!(
            read(COUNTERS).unwrap()["last_upgrade_ts"],
            json!(1_763_700_000),
            "a file of numbers keeps to them"
        );
    }

    #[test]
    fn a_fresh_file_has_every_key_of_the_guide() {
        let scratch = Scratch::new("fresh");
        let dir = StateDir::open(scratch.path()).unwrap();
        dir.count(
            NOW,
            Counted {
                cycles: 1,
                ..Counted::default()
            },
        )
        .unwrap();
        let text = fs::read_to_string(scratch.path().join(COUNTERS)).unwrap();
        let want = json!({
            "last_known_release": "", "last_known_commit": "", "last_check_ts": "2025-11-21T04:40:00Z",
            "last_upgrade_ts": "", "cycles_run": 1, "upgrades_applied": 0, "handoffs_triggered": 0,
            "ai_analyses_run": 0, "idle_seconds_saved": 0,
        });
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), want);
    }
}
