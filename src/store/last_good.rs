//! `definition.json`: the last manifest that was good, and the layers that it came from.
//!
//! It holds the texts of the manifest and of the user's file as they were, and so no other secrets
//! than these. Verbs that only need to know the town go by it while the manifest is broken, and
//! whoever acts sees by it what others went by.

use super::file::{self, Stamp};
use super::{StateDir, StoreFault, View};
use crate::model::Layers;
use crate::model::invisible::visible_json;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

const FILE: &str = "definition.json";
/// The most that is read or written of it, in bytes: two texts of a manifest's size, escaped.
const LIMIT: u64 = 8 << 20;

/// A definition that was good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastGood {
    /// Where it came from.
    pub layers: Layers,
    /// The text of the manifest.
    pub town_text: String,
    /// The text of the user's own file, where there was one.
    #[serde(default)]
    pub user_text: Option<String>,
}

impl View {
    /// The file in which the last good definition is kept.
    #[must_use]
    pub fn last_good_file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// The last good definition; none when there is none, or none that is understood.
    #[must_use]
    pub fn last_good(&self) -> Option<LastGood> {
        let (bytes, _) = file::read(&self.path.join(FILE), LIMIT).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// What tells at any time whether the town still goes by these layers.
    #[must_use]
    pub fn watch_layers(&self, ours: Layers) -> LayersWatch {
        LayersWatch {
            path: self.path.join(FILE),
            ours,
            seen: Cell::new(None),
            still_ours: Cell::new(true),
        }
    }
}

impl StateDir {
    /// Keeps a definition that is good; writes nothing when it is the one that is kept. One that is
    /// too large to be kept is kept without its texts.
    ///
    /// # Errors
    /// What the system says; the former one is then still there.
    pub fn keep_last_good(&self, good: &LastGood) -> Result<(), StoreFault> {
        if self.view().last_good().as_ref() == Some(good) {
            return Ok(());
        }
        let mut text = written(good);
        if text.len() as u64 > LIMIT {
            let bare = LastGood {
                layers: good.layers.clone(),
                town_text: String::new(),
                user_text: None,
            };
            text = written(&bare);
        }
        let path = self.path().join(FILE);
        // A verb and a controller may write it at the same time: each has a file of its own until
        // it is whole.
        let temporary = file::beside(&path, &format!("{}.tmp", std::process::id()));
        file::write_durably(&temporary, text.as_bytes())?;
        if let Err(error) = fs::rename(&temporary, &path) {
            let _ = fs::remove_file(&temporary);
            return Err(StoreFault::io("replace", &path)(error));
        }
        file::sync_parent(&path)
    }
}

fn written(good: &LastGood) -> String {
    serde_json::to_string(good)
        .map(visible_json)
        .unwrap_or_default()
}

/// Notices that somebody has taken the town over. Costs a look at one file's times, and a read when
/// they change.
#[derive(Debug)]
pub struct LayersWatch {
    path: PathBuf,
    ours: Layers,
    seen: Cell<Option<Stamp>>,
    still_ours: Cell<bool>,
}

impl LayersWatch {
    /// Whether the town still goes by them. A file that is gone or broken says nothing against it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        let stamp = Stamp::of(&self.path);
        if stamp == self.seen.get() {
            return self.still_ours.get();
        }
        self.seen.set(stamp);
        let kept: Option<LastGood> = file::read(&self.path, LIMIT)
            .ok()
            .and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok());
        let is_ours = kept.is_none_or(|kept| kept.layers.are_those_of(&self.ours));
        self.still_ours.set(is_ours);
        is_ours
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::tests::Scratch;
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn good(file: &str) -> LastGood {
        let layers = Layers {
            file: file.into(),
            variables: [("GTCTL_X".to_owned(), 1)].into(),
            ..Layers::default()
        };
        LastGood {
            layers,
            town_text: "[town]".to_owned(),
            user_text: None,
        }
    }

    #[test]
    fn is_kept_for_its_owner_and_written_once() {
        let scratch = Scratch::new("lastgood");
        let dir = StateDir::open(scratch.path()).unwrap();
        assert_eq!(dir.view().last_good(), None);
        dir.keep_last_good(&good("/a")).unwrap();
        assert_eq!(dir.view().last_good(), Some(good("/a")));
        let meta = || fs::metadata(scratch.path().join(FILE)).unwrap();
        let inode = meta().ino();
        assert_eq!(meta().mode() & 0o777, 0o600);
        dir.keep_last_good(&good("/a")).unwrap();
        assert_eq!(meta().ino(), inode);
        for bytes in [&b""[..], b"{}", b"\xff"] {
            fs::write(scratch.path().join(FILE), bytes).unwrap();
            assert_eq!(dir.view().last_good(), None);
        }
    }

    #[test]
    fn another_definition_is_noticed_and_a_newer_text_is_not_another() {
        let scratch = Scratch::new("layerswatch");
        let dir = StateDir::open(scratch.path()).unwrap();
        let watch = dir.view().watch_layers(good("/a").layers);
        assert!(watch.is_ours());
        dir.keep_last_good(&LastGood {
            town_text: "edited".to_owned(),
            ..good("/a")
        })
        .unwrap();
        assert!(watch.is_ours());
        dir.keep_last_good(&good("/b")).unwrap();
        assert!(!watch.is_ours() && !watch.is_ours());
        dir.keep_last_good(&good("/a")).unwrap();
        assert!(watch.is_ours());
    }
}
