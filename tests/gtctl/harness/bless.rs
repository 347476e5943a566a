//! Compares a text with a committed file: a schema or a golden page. `GTCTL_BLESS=1` writes it.

use std::fs;
use std::path::PathBuf;

/// Panics unless each file holds this page. With `GTCTL_BLESS=1` in the environment it writes them
/// instead: read what it writes before you commit it.
#[track_caller]
pub(crate) fn pages_are(pages: impl IntoIterator<Item = (PathBuf, String)>) {
    let blesses = std::env::var_os("GTCTL_BLESS").is_some();
    let mut wrong = Vec::new();
    for (path, page) in pages {
        if blesses {
            fs::write(&path, &page).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(&page) {
            wrong.push(format!("{} should be:\n{page}", path.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nGTCTL_BLESS=1 writes them",
        wrong.join("\n")
    );
}
