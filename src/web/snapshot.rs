//! What is served of one look, and what has changed since the look before.

use super::PageParts;
use crate::model::SortedMap;
use axum::body::Bytes;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// A piece of the page. Its HTML is one element with this id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The id of the element.
    pub id: String,
    /// The element.
    pub html: String,
}

/// All that is served of one look.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The whole page.
    pub document: String,
    /// The parts of the page that change, by the place that they stand in.
    pub places: PageParts,
    /// What `gtctl status -o json` prints, on one line.
    pub status: String,
    /// What `gtctl diff -o json` prints, on one line.
    pub diff: String,
    /// What `gtctl events -o json` prints: one event a line.
    pub events: String,
    /// What `gtctl metrics` prints.
    pub metrics: String,
}

/// A snapshot that is being served, and its messages to readers of the stream.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Counts the snapshots; 0 before the first.
    pub(super) version: u64,
    /// When it was shown; none before the first.
    at: Option<Instant>,
    pub(super) snapshot: Snapshot,
    /// The status as a message.
    pub(super) status: Bytes,
    /// The whole page as a message.
    pub(super) whole: Bytes,
    /// What has changed since the version before, as a message.
    pub(super) changed: Bytes,
}

impl Shown {
    /// The next snapshot.
    pub(super) fn follow(&self, snapshot: Snapshot) -> Self {
        let version = self.version + 1;
        let known = html_by_id(&self.snapshot.places);
        let is_new = |part: &&Part| known.get(part.id.as_str()) != Some(&part.html.as_str());
        Self {
            version,
            at: Some(Instant::now()),
            status: message("status", version, &snapshot.status),
            whole: page_message(version, &snapshot.places, |_| true),
            changed: page_message(version, &snapshot.places, is_new),
            snapshot,
        }
    }

    /// Whether it was shown no longer ago than this.
    pub(super) fn is_fresh(&self, limit: Duration) -> bool {
        self.at.is_some_and(|at| at.elapsed() < limit)
    }
}

fn html_by_id(places: &PageParts) -> SortedMap<&str, &str> {
    let parts = places.values().flatten();
    parts
        .map(|part| (part.id.as_str(), part.html.as_str()))
        .collect()
}

/// The order of all parts, and the HTML of those that are wanted.
fn page_message(version: u64, places: &PageParts, wanted: impl Fn(&&Part) -> bool) -> Bytes {
    let ids =
        |parts: &[Part]| -> Vec<String> { parts.iter().map(|part| part.id.clone()).collect() };
    let order: SortedMap<&String, Vec<String>> = places
        .iter()
        .map(|(place, parts)| (place, ids(parts)))
        .collect();
    let parts: SortedMap<&str, &str> = places
        .values()
        .flatten()
        .filter(wanted)
        .map(|part| (part.id.as_str(), part.html.as_str()))
        .collect();
    let data = json!({ "order": order, "parts": parts }).to_string();
    message("page", version, &data)
}

/// One server-sent event. `data` is one line.
fn message(kind: &str, version: u64, data: &str) -> Bytes {
    Bytes::from(format!("id: {version}\nevent: {kind}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(parts: &[(&str, &str)]) -> Snapshot {
        let parts = parts.iter().map(|(id, html)| Part {
            id: (*id).to_owned(),
            html: (*html).to_owned(),
        });
        Snapshot {
            places: [("rows".to_owned(), parts.collect())].into(),
            status: "{}".to_owned(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn a_message_has_only_the_parts_that_changed() {
        let first = Shown::default().follow(snapshot(&[("a", "<p>1"), ("b", "<p>1")]));
        let second = first.follow(snapshot(&[("b", "<p>1"), ("a", "<p>2")]));
        assert_eq!((first.version, second.version), (1, 2));
        assert_eq!(
            second.changed,
            "id: 2\nevent: page\ndata: {\"order\":{\"rows\":[\"b\",\"a\"]},\"parts\":{\"a\":\"<p>2\"}}\n\n"
        );
        let whole = String::from_utf8(second.whole.to_vec()).unwrap();
        assert!(whole.contains("\"b\":\"<p>1\""), "{whole}");
        assert_eq!(second.status, "id: 2\nevent: status\ndata: {}\n\n");
    }
}
