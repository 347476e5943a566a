//! Markers in a line: as text, or as conditions on a line that is JSON.
//!
//! A line that is a JSON object, alone or after a prefix, is judged as JSON and never as text. A
//! marker that is itself a piece of JSON (`"subtype":"success"`) is then a condition; any other
//! text counts in the object's own strings, not in those deeper down, where agents carry what they
//! read. An object whose `is_error` is true is no completion, whatever it says of success: it is a
//! failure.

use super::said::{self, Given, Place};
use crate::model::{Marker, Verdict};
use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The most pieces kept of one text.
const MAX_PIECES: usize = 8;
/// Bytes kept of a text on each side of a marker.
const AROUND: usize = 512;

/// The markers of a session, made ready.
#[derive(Debug)]
pub struct Matcher {
    markers: Vec<Compiled>,
    /// Finds the lines that are worth a judgement. None when nothing is looked for.
    search: Option<AhoCorasick>,
    /// The pairs of bytes that a marker may be broken between.
    seams: Box<[u64]>,
    given: Given,
}

#[derive(Debug)]
struct Compiled {
    /// As it was declared.
    name: String,
    text: Option<String>,
    json: Option<BTreeMap<String, Value>>,
}

impl Matcher {
    /// Makes markers ready. `given` is what was typed into the session, and texts that stand in its
    /// command line.
    #[must_use]
    pub fn new(markers: &[Marker], given: &[String]) -> Self {
        let markers: Vec<Compiled> = markers.iter().filter_map(Compiled::of).collect();
        let mut needles: Vec<String> = markers.iter().map(Compiled::needle).collect();
        needles.extend(markers.iter().filter_map(|marker| marker.text.clone()));
        if markers.iter().any(|marker| marker.json.is_some()) {
            needles.extend([
                "\"is_error\":true".to_owned(),
                "\"is_error\": true".to_owned(),
            ]);
        }
        let search = (!markers.is_empty()).then(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostFirst)
                .build(&needles)
                .ok()
        });
        let mut seams = vec![0; 1 << 10].into_boxed_slice();
        for marker in &markers {
            marker
                .text
                .iter()
                .for_each(|text| note_seams(&mut seams, text.as_bytes()));
        }
        Self {
            markers,
            search: search.flatten(),
            seams,
            given: Given::new(given),
        }
    }

    /// Replaces what was given.
    pub fn set_given(&mut self, given: &[String]) {
        self.given = Given::new(given);
    }

    /// The pieces of a text around what is looked for: at most [`MAX_PIECES`], each with at most
    /// [`AROUND`] bytes before and after it. All that [`given`](Self::set_given) texts are needed
    /// for is in them.
    #[must_use]
    pub fn pieces(&self, text: &str) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut from = 0;
        while let Some(at) = self
            .next(text.as_bytes(), from)
            .filter(|_| pieces.len() < MAX_PIECES)
        {
            let begin = boundary_before(text, at.saturating_sub(AROUND));
            let end = boundary_before(text, at.saturating_add(AROUND));
            pieces.extend(text.get(begin..end).map(str::to_owned));
            // Others nearby are in the same piece, with enough before them.
            from = boundary_before(text, at.saturating_add(AROUND / 2));
        }
        pieces
    }

    /// Where the next line that is worth a judgement has something, from `at` on.
    pub(super) fn next(&self, text: &[u8], at: usize) -> Option<usize> {
        let rest = text.get(at..)?;
        self.search
            .as_ref()?
            .find(rest)
            .map(|found| at + found.start())
    }

    /// Whether a marker may be broken between these two bytes.
    pub(super) fn may_break(&self, before: u8, after: u8) -> bool {
        let pair = usize::from(before) << 8 | usize::from(after);
        self.seams
            .get(pair >> 6)
            .is_some_and(|bits| bits >> (pair & 63) & 1 == 1)
    }

    /// What a whole line says, and by which marker.
    #[must_use]
    pub fn judge(&self, line: &str) -> Option<(&str, Verdict)> {
        self.judge_after(b"", line)
    }

    /// The same of a line that comes after these rows.
    pub(super) fn judge_after(&self, rows: &[u8], line: &str) -> Option<(&str, Verdict)> {
        let line = line.trim();
        if said::is_quoted(line) {
            return None;
        }
        if let Some(object) = object_in(line) {
            return if self.given.has_line(line) {
                None
            } else {
                self.judge_object(&object)
            };
        }
        if line.contains("\"is_error\":true") || line.contains("\"is_error\": true") {
            let marker = self
                .markers
                .iter()
                .find(|marker| marker.text.as_ref().is_some_and(|t| line.contains(t)))?;
            return Some((&marker.name, Verdict::Failed));
        }
        // JSON that was cut tells nothing unless it got as far as to deny an error.
        let cut = line.contains("{\"")
            && !line.contains("\"is_error\":false")
            && !line.contains("\"is_error\": false");
        // A piece of JSON is no prose: nobody asks for it in the words around it.
        let denied = line.contains("{\"") && !cut;
        let stated = |marker: &&Compiled| {
            let holds = |text: &String| {
                denied && marker.json.is_some() && line.contains(text)
                    || self.states(rows, line, text)
            };
            marker.text.as_ref().is_some_and(holds)
        };
        self.markers
            .iter()
            .filter(|_| !cut)
            .find(stated)
            .map(|marker| (marker.name.as_str(), Verdict::Completed))
    }

    /// What a line says whose rows were joined, if it says so across its seam.
    pub(super) fn judge_across(
        &self,
        rows: &[u8],
        line: &str,
        seam: usize,
    ) -> Option<(&str, Verdict)> {
        let across = |text: &str| {
            line.match_indices(text)
                .any(|(at, _)| at < seam && seam < at + text.len())
        };
        self.markers
            .iter()
            .any(|m| m.text.as_deref().is_some_and(across))
            .then(|| self.judge_after(rows, line))?
    }

    /// The letters that the rows after this one begin with if it shows a given text from this
    /// marker on.
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

    fn states(&self, rows: &[u8], line: &str, marker: &str) -> bool {
        let said = |at| {
            said::is_stated(line, at, marker)
                && !self.given.shows(Place {
                    rows,
                    line,
                    at,
                    marker,
                })
        };
        line.match_indices(marker).any(|(at, _)| said(at))
    }

    /// Whether a string of an object states a marker.
    fn is_said_in(&self, text: &str, marker: &str) -> bool {
        let mut rows = 0;
        text.split_inclusive('\n').any(|line| {
            let before = text.as_bytes().get(..rows).unwrap_or_default();
            rows += line.len();
            !said::is_quoted(line) && self.states(before, line, marker)
        })
    }

    fn judge_object(&self, object: &Map<String, Value>) -> Option<(&str, Verdict)> {
        let failed = object.get("is_error") == Some(&Value::Bool(true));
        for marker in &self.markers {
            let verdict = match (&marker.json, &marker.text) {
                (Some(conditions), _) => judge_conditions(conditions, object, failed),
                (None, Some(text)) => object
                    .values()
                    .filter_map(Value::as_str)
                    .any(|said| self.is_said_in(said, text))
                    .then_some(if failed {
                        Verdict::Failed
                    } else {
                        Verdict::Completed
                    }),
                (None, None) => None,
            };
            if let Some(verdict) = verdict {
                return Some((&marker.name, verdict));
            }
        }
        // The last word of an agent, in other words than the markers'.
        let last = failed && object.get("type").and_then(Value::as_str) == Some("result");
        self.markers
            .iter()
            .find(|marker| last && marker.json.is_some())
            .map(|m| (m.name.as_str(), Verdict::Failed))
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

    /// What any line must hold that this marker can be in.
    fn needle(&self) -> String {
        let Some(conditions) = &self.json else {
            return self.name.clone();
        };
        let plain = |text: &&String| {
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
            .filter(plain)
            .max_by_key(|text| text.len())
            .or_else(|| keys.max_by_key(|key| key.len()));
        format!("\"{}\"", chosen.map_or("is_error", String::as_str))
    }
}

/// Whether the object has these fields; but for an error that was not asked for.
fn judge_conditions(
    conditions: &BTreeMap<String, Value>,
    object: &Map<String, Value>,
    failed: bool,
) -> Option<Verdict> {
    let holds = |(key, wanted): (&String, &Value)| {
        object.get(key).is_some_and(|found| is_met(wanted, found))
    };
    if conditions.iter().all(holds) {
        let asked = conditions.contains_key("is_error");
        return Some(if failed && !asked {
            Verdict::Failed
        } else {
            Verdict::Completed
        });
    }
    let others = conditions
        .iter()
        .filter(|(key, _)| *key != "is_error")
        .all(holds);
    (failed && others).then_some(Verdict::Failed)
}

/// An object meets one that has fewer fields; everything else must be equal. Numbers are equal as
/// numbers.
fn is_met(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted
            .iter()
            .all(|(key, value)| found.get(key).is_some_and(|f| is_met(value, f))),
        (Value::Number(wanted), Value::Number(found)) => {
            wanted == found || wanted.as_f64() == found.as_f64()
        }
        (wanted, found) => wanted == found,
    }
}

/// The last place up to `at` where a character begins, or the end of the text.
fn boundary_before(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// The object that a line is, or ends with.
fn object_in(line: &str) -> Option<Map<String, Value>> {
    let from = line.find('{').filter(|_| line.ends_with('}'))?;
    serde_json::from_str(line.get(from..)?).ok()
}

/// Notes each pair of neighbours, also those that blanks are between.
fn note_seams(seams: &mut [u64], text: &[u8]) {
    let mut note = |before: u8, after: u8| {
        let pair = usize::from(before) << 8 | usize::from(after);
        if let Some(bits) = seams.get_mut(pair >> 6) {
            *bits |= 1 << (pair & 63);
        }
    };
    let inked: Vec<u8> = text
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    for pair in inked.windows(2) {
        if let [before, after] = pair {
            note(*before, *after);
        }
    }
}

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;
