//! What tests of this room share: a directory of a test's own, and a moment.

use crate::model::Moment;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of a test's own, removed with it.
pub(in crate::store) struct Scratch(PathBuf);

impl Scratch {
    pub(in crate::store) fn new(word: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!(
            "gtctl-{word}-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(unique);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(in crate::store) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(in crate::store) const NOW: Moment = Moment {
    wall: 1_763_700_000_000,
    awake: 90_000_000,
    boot: 0xb007,
};
