//! Looks that follow each other, for verbs that look again and again and write nothing.

use super::exit::Trouble;
use super::output::Terminal;
use super::place::Place;
use crate::controller::{Eyes, Survey};
use crate::model::{Memory, Orders};
use crate::observe::{Depth, LookCache};
use crate::store::View;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// What tells one content of the state file from another.
type Written = Option<(u64, u64, SystemTime)>;

/// Looks that follow each other. What a look has learned is kept for the next one, as a controller
/// keeps it, until somebody writes the state file.
#[derive(Default)]
pub(super) struct Looks {
    pub(super) memory: Option<Memory>,
    /// The state file as it was when the memory was read.
    written: Written,
    pub(super) cache: LookCache,
}

impl Looks {
    pub(super) async fn next<'p>(
        &mut self,
        place: &'p Place,
        view: &View,
        terminal: &Terminal,
    ) -> Result<Survey<'p>, Trouble> {
        let written = written(&view.main_file());
        let kept = self.memory.take().filter(|_| written == self.written);
        self.written = written;
        let memory = match kept {
            Some(memory) => memory,
            None => place.recall(terminal)?,
        };
        let eyes = Eyes {
            client: &place.client,
            state: view,
            depth: Depth::Plan,
            looks: &mut self.cache,
        };
        Ok(eyes.survey(&place.town, memory, Orders::default()).await)
    }
}

fn written(file: &Path) -> Written {
    let found = fs::metadata(file).ok()?;
    Some((found.ino(), found.len(), found.modified().ok()?))
}
