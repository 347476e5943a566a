//! Judges a line by the markers of a session.
//!
//! ```text
//!  line                                         marker                   verdict
//!  All done. DONE                               DONE                     completed
//!  {"type":"result","subtype":"success"}        "subtype":"success"      completed
//!  {"result":"DONE","is_error":true}            DONE                     failed
//!  {"type":"turn.failed","error":{…}}           "type":"turn.completed"  failed
//! ```
//!
//! A line that is a JSON object, alone or after a prefix, is judged as JSON and never as text. A
//! marker that is a piece of JSON (`"subtype":"success"`) is a condition on the object. Any other
//! marker counts in the object's own strings. It does not count deeper in the object, because agents
//! put there what they have read. An object with `"is_error": true` is a failure, whatever else it
//! says. So is codex's `turn.failed`, for a marker that waits for its `turn.completed`.

use super::given::{Given, Place};
use super::stated::{is_quoted, is_stated};
use crate::model::SortedMap;
use crate::model::{Marker, Verdict};
use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::{Map, Value};

/// How many pieces of one text are kept.
const MAX_PIECES: usize = 8;
/// How many bytes of a text are kept on each side of a marker.
const AROUND: usize = 512;
/// How an object says that it is an error, in the two usual spellings.
const HAS_ERROR: [&str; 2] = ["\"is_error\":true", "\"is_error\": true"];
/// The type of codex's last event of a turn that went well (`codex exec --json`).
const TURN_COMPLETED: &str = "turn.completed";
/// The type of codex's last event of a turn that has failed.
const TURN_FAILED: &str = "turn.failed";
/// How an object says that it is no error.
const HAS_NO_ERROR: [&str; 2] = ["\"is_error\":false", "\"is_error\": false"];

/// The markers of a session, ready to search with.
#[derive(Debug)]
pub struct Matcher {
    markers: Vec<Compiled>,
    /// Finds lines that may have a marker. None if there are no markers.
    search: Option<AhoCorasick>,
    /// The pairs of neighbouring bytes in the text markers, one bit for each of the 2^16 pairs.
    seams: Box<[u64]>,
    given: Given,
}

/// One marker.
#[derive(Debug)]
struct Compiled {
    /// The marker as it was declared.
    name: String,
    /// The text, for a marker that is a text.
    text: Option<String>,
    /// The conditions on an object, for a marker that is JSON or a text that is a piece of it.
    json: Option<SortedMap<String, Value>>,
}

impl Matcher {
    /// Compiles markers. `given` are the texts that the agent was given: typed into the session, or
    /// in its command line.
    #[must_use]
    pub fn new(markers: &[Marker], given: &[String]) -> Self {
        let markers: Vec<Compiled> = markers.iter().filter_map(Compiled::of).collect();
        let mut seams = vec![0; 1 << 10].into_boxed_slice();
        for text in markers.iter().filter_map(|marker| marker.text.as_ref()) {
            note_seams(&mut seams, text.as_bytes());
        }
        Self {
            search: search(&markers),
            markers,
            seams,
            given: Given::new(given),
        }
    }

    /// Replaces the texts that the agent was given.
    pub fn set_given(&mut self, given: &[String]) {
        self.given = Given::new(given);
    }

    /// The pieces of a text around its markers: at most 8, each with at most 512 bytes before and
    /// after a marker. [`set_given`](Self::set_given) needs no more of a text.
    #[must_use]
    pub fn pieces(&self, text: &str) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut from = 0;
        while pieces.len() < MAX_PIECES
            && let Some(at) = self.next(text.as_bytes(), from)
        {
            let start = boundary_before(text, at.saturating_sub(AROUND));
            let end = boundary_before(text, at.saturating_add(AROUND));
            pieces.extend(text.get(start..end).map(str::to_owned));
            // A marker in the first half after this one is in the same piece.
            from = boundary_before(text, at.saturating_add(AROUND / 2));
        }
        pieces
    }

    /// Where the next candidate for a marker begins, at byte `from` or later.
    pub(super) fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        let rest = text.get(from..)?;
        let candidate = self.search.as_ref()?.find(rest)?;
        Some(from + candidate.start())
    }

    /// Whether a marker may be broken between these two bytes.
    pub(super) fn may_break(&self, before: u8, after: u8) -> bool {
        let (word, bit) = seam(before, after);
        self.seams
            .get(word)
            .is_some_and(|bits| bits >> bit & 1 == 1)
    }

    /// The verdict of a line, and the marker that gives it.
    #[must_use]
    pub fn judge(&self, line: &str) -> Option<(&str, Verdict)> {
        self.judge_after(b"", line)
    }

    /// The verdict of a line that comes after these rows.
    pub(super) fn judge_after(&self, rows: &[u8], line: &str) -> Option<(&str, Verdict)> {
        let line = line.trim();
        if is_quoted(line) {
            return None;
        }
        if let Some(object) = object_in(line) {
            return if self.given.has_line(line) {
                None
            } else {
                self.judge_object(&object)
            };
        }
        let says = |flags: [&str; 2]| flags.into_iter().any(|flag| line.contains(flag));
        if says(HAS_ERROR) {
            let has_marker =
                |marker: &&Compiled| marker.text.as_ref().is_some_and(|text| line.contains(text));
            let marker = self.markers.iter().find(has_marker)?;
            return Some((&marker.name, Verdict::Failed));
        }
        let has_json = line.contains("{\"");
        // JSON that was cut off before it denies an error may still be an error.
        if has_json && !says(HAS_NO_ERROR) {
            return None;
        }
        let is_stated = |marker: &&Compiled| {
            let is_stated = |text: &String| {
                // A piece of JSON is no prose, so the words around it do not make it a mention.
                let is_in_json = has_json && marker.json.is_some() && line.contains(text);
                is_in_json || self.states(rows, line, text)
            };
            marker.text.as_ref().is_some_and(is_stated)
        };
        let marker = self.markers.iter().find(is_stated)?;
        Some((&marker.name, Verdict::Completed))
    }

    /// The verdict of a line that was joined from rows, if a marker stands across byte `seam`.
    pub(super) fn judge_across(
        &self,
        rows: &[u8],
        line: &str,
        seam: usize,
    ) -> Option<(&str, Verdict)> {
        let crosses_seam = |text: &str| {
            line.match_indices(text)
                .any(|(at, _)| at < seam && seam < at + text.len())
        };
        self.markers
            .iter()
            .any(|marker| marker.text.as_deref().is_some_and(crosses_seam))
            .then(|| self.judge_after(rows, line))?
    }

    /// The letters that the next rows begin with if this line shows a given text that begins with
    /// the marker. One entry for each such text.
    pub(super) fn expected_after(&self, line: &str, marker: &str) -> Vec<String> {
        let place = |at| Place {
            rows: b"",
            line,
            at,
            marker,
        };
        line.find(marker)
            .map(|at| self.given.expected_after(place(at)))
            .unwrap_or_default()
    }

    /// Whether a line states the marker somewhere, and does not only show a given text there.
    fn states(&self, rows: &[u8], line: &str, marker: &str) -> bool {
        line.match_indices(marker).any(|(at, _)| {
            let place = Place {
                rows,
                line,
                at,
                marker,
            };
            is_stated(line, at, marker) && !self.given.shows(place)
        })
    }

    /// Whether a string of an object states the marker in one of its lines.
    fn states_in_string(&self, string: &str, marker: &str) -> bool {
        let mut line_start = 0;
        string.split_inclusive('\n').any(|line| {
            let rows_before = string.as_bytes().get(..line_start).unwrap_or_default();
            line_start += line.len();
            !is_quoted(line) && self.states(rows_before, line, marker)
        })
    }

    fn judge_object(&self, object: &Map<String, Value>) -> Option<(&str, Verdict)> {
        let has_failed = object.get("is_error") == Some(&Value::Bool(true));
        for marker in &self.markers {
            let verdict = match (&marker.json, &marker.text) {
                (Some(conditions), _) => judge_conditions(conditions, object, has_failed),
                (None, Some(text)) => object
                    .values()
                    .filter_map(Value::as_str)
                    .any(|string| self.states_in_string(string, text))
                    .then_some(verdict_of(has_failed)),
                (None, None) => None,
            };
            if let Some(verdict) = verdict {
                return Some((&marker.name, verdict));
            }
        }
        // The agent reports its own failure, without the words of a marker.
        let kind = object.get("type").and_then(Value::as_str);
        if kind == Some(TURN_FAILED) {
            let marker = self.markers.iter().find(|marker| marker.waits_for_turn())?;
            return Some((&marker.name, Verdict::Failed));
        }
        let is_result = kind == Some("result");
        if !has_failed || !is_result {
            return None;
        }
        let marker = self.markers.iter().find(|marker| marker.json.is_some())?;
        Some((&marker.name, Verdict::Failed))
    }
}

/// The search for all lines that may have a marker.
fn search(markers: &[Compiled]) -> Option<AhoCorasick> {
    if markers.is_empty() {
        return None;
    }
    let mut needles: Vec<String> = markers.iter().map(Compiled::needle).collect();
    needles.extend(markers.iter().filter_map(|marker| marker.text.clone()));
    if markers.iter().any(|marker| marker.json.is_some()) {
        needles.extend(HAS_ERROR.map(str::to_owned));
    }
    if markers.iter().any(Compiled::waits_for_turn) {
        needles.push(format!("\"{TURN_FAILED}\""));
    }
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(&needles)
        .ok()
}

fn verdict_of(has_failed: bool) -> Verdict {
    if has_failed {
        Verdict::Failed
    } else {
        Verdict::Completed
    }
}

impl Compiled {
    fn of(marker: &Marker) -> Option<Self> {
        match marker {
            Marker::Text(text) if text.trim().is_empty() => None,
            Marker::Text(text) => {
                let json = serde_json::from_str(&format!("{{{text}}}")).ok();
                Some(Self {
                    name: text.clone(),
                    text: Some(text.clone()),
                    json,
                })
            }
            Marker::Json(fields) => {
                let name = serde_json::to_string(fields).unwrap_or_default();
                Some(Self {
                    name,
                    text: None,
                    json: Some(fields.clone()),
                })
            }
        }
    }

    /// Whether it is met by codex's event that a turn is completed.
    fn waits_for_turn(&self) -> bool {
        let kind = self.json.as_ref().and_then(|fields| fields.get("type"));
        kind.and_then(Value::as_str) == Some(TURN_COMPLETED)
    }

    /// A text that every line with this marker contains. Of several texts the longest is the best:
    /// fewer lines have it by chance.
    fn needle(&self) -> String {
        let Some(conditions) = &self.json else {
            return self.name.clone();
        };
        // JSON can write other texts in several ways.
        let is_plain = |text: &&String| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "_- .".contains(c))
        };
        let values = conditions.values().filter_map(|value| match value {
            Value::String(text) => Some(text),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        });
        let keys = conditions.keys().filter(|key| *key != "is_error");
        let chosen = values
            .filter(is_plain)
            .max_by_key(|text| text.len())
            .or_else(|| keys.max_by_key(|key| key.len()));
        format!("\"{}\"", chosen.map_or("is_error", String::as_str))
    }
}

/// The verdict of an object by the conditions of one marker, or `None` if it does not meet them.
///
/// An object with an error is a failure, unless the conditions ask for an error.
fn judge_conditions(
    conditions: &SortedMap<String, Value>,
    object: &Map<String, Value>,
    has_failed: bool,
) -> Option<Verdict> {
    let holds = |(key, wanted): (&String, &Value)| {
        object.get(key).is_some_and(|value| is_met(wanted, value))
    };
    if conditions.iter().all(holds) {
        let asks_for_error = conditions.contains_key("is_error");
        return Some(verdict_of(has_failed && !asks_for_error));
    }
    let others_hold = conditions
        .iter()
        .filter(|(key, _)| *key != "is_error")
        .all(holds);
    (has_failed && others_hold).then_some(Verdict::Failed)
}

/// Whether a value is the wanted one. An object may have more fields than the wanted one. `1` and
/// `1.0` are the same number.
fn is_met(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::Object(wanted), Value::Object(object)) => wanted
            .iter()
            .all(|(key, wanted)| object.get(key).is_some_and(|value| is_met(wanted, value))),
        (Value::Number(wanted), Value::Number(number)) => {
            wanted == number || wanted.as_f64() == number.as_f64()
        }
        (wanted, value) => wanted == value,
    }
}

/// The last character boundary at or before `at`.
fn boundary_before(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// The JSON object that a line is, or that it ends with.
fn object_in(line: &str) -> Option<Map<String, Value>> {
    let start = line.find('{').filter(|_| line.ends_with('}'))?;
    serde_json::from_str(line.get(start..)?).ok()
}

/// The place of a pair of bytes in the seams: the word, and the bit in it.
fn seam(before: u8, after: u8) -> (usize, usize) {
    let pair = usize::from(before) << 8 | usize::from(after);
    (pair >> 6, pair & 63)
}

/// Notes each pair of neighbours of a text. Blanks between two bytes do not count.
fn note_seams(seams: &mut [u64], text: &[u8]) {
    let without_blanks: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    for pair in without_blanks.windows(2) {
        if let [before, after] = pair {
            let (word, bit) = seam(*before, *after);
            if let Some(bits) = seams.get_mut(word) {
                *bits |= 1 << bit;
            }
        }
    }
}

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;
