//! Checks that no two rooms have a public type of the same name: one word means one idea.

use super::source::sources;
use gtctl::model::{SortedMap, SortedSet};

/// The names of the public types that a bare text defines.
fn public_types(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let line = line.trim_start().strip_prefix("pub ")?;
        let (kind, rest) = line.split_once(' ')?;
        let is_type = ["struct", "enum", "trait", "type", "union"].contains(&kind);
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let name = &rest[..end.unwrap_or(rest.len())];
        // A macro names its types elsewhere: `$name` is none.
        (is_type && !name.is_empty()).then_some(name)
    })
}

#[test]
fn public_type_names_are_unique_across_rooms() {
    let mut rooms: SortedMap<String, SortedSet<String>> = SortedMap::new();
    for source in sources() {
        for name in public_types(&source.code) {
            rooms
                .entry(name.to_owned())
                .or_default()
                .insert(source.room.clone());
        }
    }
    rooms.retain(|_, rooms| rooms.len() > 1);
    let shared: Vec<String> = rooms
        .iter()
        .map(|(name, rooms)| format!("{name}: {rooms:?} have one each"))
        .collect();
    assert!(shared.is_empty(), "{}", shared.join("\n"));
}
