//! One word per idea: a public type's name stands in one room only.

use super::source::sources;
use std::collections::{BTreeMap, BTreeSet};

/// Names that several rooms use today. Take out what is renamed; add none.
const SHARED: [&str; 18] = [
    "Answer",
    "Backoff",
    "Completion",
    "Event",
    "Intended",
    "Job",
    "Launch",
    "Loaded",
    "Logs",
    "Marker",
    "Memory",
    "Origin",
    "Outcome",
    "Purpose",
    "Refusal",
    "Row",
    "Standing",
    "Unavailable",
];

/// The names of the public types that a bare text defines.
fn public_types(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let line = line.trim_start().strip_prefix("pub ")?;
        let (kind, rest) = line.split_once(' ')?;
        let is_type = ["struct", "enum", "trait", "type", "union"].contains(&kind);
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        is_type.then(|| &rest[..end.unwrap_or(rest.len())])
    })
}

#[test]
fn public_type_names_are_unique_across_rooms() {
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        for name in public_types(&source.code) {
            rooms
                .entry(name.to_owned())
                .or_default()
                .insert(source.room.clone());
        }
    }
    rooms.retain(|_, rooms| rooms.len() > 1);
    let fresh = rooms
        .iter()
        .filter(|(name, _)| !SHARED.contains(&name.as_str()));
    let fresh: Vec<String> = fresh
        .map(|(name, rooms)| format!("{name}: {rooms:?} have one each"))
        .collect();
    assert!(fresh.is_empty(), "{}", fresh.join("\n"));
    let gone: Vec<&&str> = SHARED
        .iter()
        .filter(|name| !rooms.contains_key(**name))
        .collect();
    assert!(
        gone.is_empty(),
        "take out of SHARED, they are unique by now: {gone:?}"
    );
}
