//! `hosts.json`: for each other host, the revision of the manifest that this host last wrote there.
//!
//! `apply` replaces a manifest there only if it still has this revision. So an edit that somebody
//! has made there, or that a third host has sent, is never overwritten silently.

use super::{StateDir, StoreFault, View, file};
use crate::model::SortedMap;
use crate::model::written::from_bytes;

const FILE: &str = "hosts.json";
/// The most bytes read.
const LIMIT: u64 = 1 << 20;

impl View {
    /// The revision that was last written to each host, by the host's name. Empty if there is none
    /// or it cannot be read.
    #[must_use]
    pub fn revisions(&self) -> SortedMap<String, String> {
        let bytes = file::read(&self.path.join(FILE), LIMIT).map(|(bytes, _)| bytes);
        let bytes = bytes.unwrap_or_default();
        from_bytes(&bytes).unwrap_or_default()
    }
}

impl StateDir {
    /// Notes that a host has this revision now.
    ///
    /// # Errors
    /// The system's error. The former note is then still there.
    pub fn keep_revision(
        &self,
        host: impl std::fmt::Display,
        revision: &str,
    ) -> Result<(), StoreFault> {
        let mut revisions = self.view().revisions();
        revisions.insert(host.to_string(), revision.to_owned());
        let text = serde_json::to_vec(&revisions).unwrap_or_default();
        file::replace_beside_others(&self.path().join(FILE), &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HostName;

    #[test]
    fn a_half_written_note_of_another_process_is_in_nobodys_way() {
        let name = format!("gtctl-revisions-two-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let store = StateDir::open(&folder).unwrap();
        let other = folder.join("hosts.json.1.tmp");
        std::fs::write(&other, "half").unwrap();
        store.keep_revision("@store", "1").unwrap();
        assert_eq!(store.view().revisions()["@store"], "1");
        assert!(other.exists(), "it is not ours to remove");
        drop(std::fs::remove_dir_all(folder));
    }

    #[test]
    fn the_last_revision_of_each_host_is_kept() {
        let folder = std::env::temp_dir().join(format!("gtctl-revisions-{}", std::process::id()));
        let store = StateDir::open(&folder).unwrap();
        let (a, b) = (HostName::new("a").unwrap(), HostName::new("b").unwrap());
        for (host, revision) in [(&a, "1"), (&b, "2"), (&a, "3")] {
            store.keep_revision(host, revision).unwrap();
        }
        let found = store.view().revisions();
        let expected = [("a", "3"), ("b", "2")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(found, expected.into());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
