//! `definition.json`: the last valid manifest and the files (layers) it was made of.
//!
//! It contains the unchanged texts of the manifest and the user's file, so no further secrets.
//! Verbs that only need to know the town use it while the manifest is invalid. It also shows
//! whether another process works with other files.

use super::file::{self, Stamp};
use super::{StateDir, StoreFault, View};
use crate::model::Layers;
use crate::model::invisible::visible_json;
use crate::model::written::from_bytes;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

const FILE: &str = "definition.json";
/// The most bytes read or written: two texts of the size of a manifest, escaped.
const LIMIT: u64 = 8 << 20;

/// A definition that was valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastGood {
    /// The files it was made of.
    pub layers: Layers,
    /// The text of the manifest.
    pub town_text: String,
    /// The text of the user's own file, if there was one.
    #[serde(default)]
    pub user_text: Option<String>,
    /// Absolute path and text of each file that the manifest includes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub included: Vec<(PathBuf, String)>,
}

impl View {
    /// The path of the file.
    #[must_use]
    pub fn last_good_file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// The last valid definition. `None` if there is none or it cannot be read.
    #[must_use]
    pub fn last_good(&self) -> Option<LastGood> {
        let (bytes, _) = file::read(&self.path.join(FILE), LIMIT).ok()?;
        from_bytes(&bytes).ok()
    }

    /// Watches whether the town still uses these layers.
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
    /// Writes a valid definition, unless the file already contains it. If it is too large, the
    /// texts are left out.
    ///
    /// # Errors
    /// The system's error. The former definition is then still there.
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
                included: Vec::new(),
            };
            text = written(&bare);
        }
        let path = self.path().join(FILE);
        // A verb and a controller may write at the same time, so each process has its own temporary
        // file.
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

/// Notices that another process has taken over the town. Costs one `stat`, and a read if the file
/// has changed.
#[derive(Debug)]
pub struct LayersWatch {
    path: PathBuf,
    ours: Layers,
    seen: Cell<Option<Stamp>>,
    still_ours: Cell<bool>,
}

impl LayersWatch {
    /// Whether the town still uses our layers. A missing or malformed file counts as a yes.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        let stamp = Stamp::of(&self.path);
        if stamp == self.seen.get() {
            return self.still_ours.get();
        }
        self.seen.set(stamp);
        let kept: Option<LastGood> = file::read(&self.path, LIMIT)
            .ok()
            .and_then(|(bytes, _)| from_bytes(&bytes).ok());
        let is_ours = kept.is_none_or(|kept| kept.layers.are_those_of(&self.ours));
        self.still_ours.set(is_ours);
        is_ours
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
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
            included: Vec::new(),
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
