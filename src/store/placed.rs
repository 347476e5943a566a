//! Where the sessions of a town with a shared store are, as its controller here knew last.

use super::file::{read, replace};
use super::{StateDir, StoreFault, View};

/// The file's name. Only a town with a shared store has one.
const PLACED: &str = "placed.json";
/// The most bytes of the file.
const LARGEST: u64 = 16 << 20;

impl StateDir {
    /// Writes where the sessions are.
    ///
    /// # Errors
    /// The system's error. What was written before is then still there.
    pub fn write_placed(&self, text: &str) -> Result<(), StoreFault> {
        replace(&self.path().join(PLACED), text.as_bytes())
    }
}

impl View {
    /// What was written last. None where nothing was.
    #[must_use]
    pub fn placed(&self) -> Option<String> {
        let (bytes, _) = read(&self.path.join(PLACED), LARGEST).ok()?;
        String::from_utf8(bytes).ok()
    }
}
