//! What is about to be done, beside the state file: only what that changes of it.
//!
//! A restart is written down before it is made. For one session of hundreds that is a file of a
//! thousand bytes instead of all that is remembered, which alone took as long as all else that
//! gtctl does for a restart. `gtctl.intent.json` has the form of the state file, with the checksum
//! of the one that it goes with; beside any other it means nothing. So the next save does away with
//! it by being made, and a broken one is one that nobody has acted on.

use super::file::{self, Stamp, Sync};
use super::state::{VERSION, frame, unframe};
use super::{StateDir, StoreFault, View, encoding};
use crate::model::Memory;
use std::fs;
use std::path::PathBuf;

const INTENT: &str = "gtctl.intent.json";
/// The largest one taken or written, in bytes; more is written as a state file.
const LIMIT: usize = 1 << 20;

/// How an intent was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenIntent {
    /// In a file of its own.
    Beside,
    /// All was saved.
    Saved,
}

/// A state file with what stands beside it.
#[derive(Debug)]
pub(super) struct Beside {
    /// The file beside it, whatever that holds.
    pub(super) stamp: Option<Stamp>,
    /// What both say together.
    pub(super) memory: Memory,
}

impl View {
    pub(super) fn intent_file(&self) -> PathBuf {
        self.path.join(INTENT)
    }

    /// What is about to be done, if it goes with the state file of this checksum and memory.
    ///
    /// # Errors
    /// [`StoreFault::Newer`].
    pub(super) fn intent(&self, state: u64, memory: Memory) -> Result<Beside, StoreFault> {
        let path = self.intent_file();
        let Ok((bytes, stamp)) = file::read(&path, LIMIT as u64) else {
            return Ok(Beside {
                stamp: Stamp::of(&path),
                memory,
            });
        };
        let stamp = Some(stamp);
        match unframe(&bytes) {
            Ok(framed) if framed.version > VERSION => Err(StoreFault::Newer {
                path,
                version: framed.version,
            }),
            Ok(framed) => Ok(Beside {
                stamp,
                memory: encoding::decode_beside(framed.payload, state, memory),
            }),
            Err(_) => Ok(Beside { stamp, memory }),
        }
    }
}

impl StateDir {
    /// Writes down what is about to be done, so that it outlives our own end, whenever that comes;
    /// a loss of power may lose it. `saved` is what the last save here wrote. Where it is not known
    /// what the state file holds now, or what is to be done changes too much of it, all is saved.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn intend(&mut self, memory: &Memory, saved: &Memory) -> Result<WrittenIntent, StoreFault> {
        let Some((_, state)) = self.known.main.filter(|_| !self.changed_elsewhere()) else {
            return self.save(memory).map(|_| WrittenIntent::Saved);
        };
        let forgets = saved
            .sessions
            .keys()
            .any(|name| !memory.sessions.contains_key(name));
        let payload =
            encoding::encode_beside(memory, state, saved).map_err(StoreFault::Encoding)?;
        if forgets || payload.len() > LIMIT / 2 {
            return self.save(memory).map(|_| WrittenIntent::Saved);
        }
        let (path, temporary) = (
            self.view.intent_file(),
            self.view.path.join("gtctl.intent.json.tmp"),
        );
        let stamp = file::write_aside(&temporary, frame(&payload).as_bytes(), Sync::Later)?;
        fs::rename(&temporary, &path).map_err(StoreFault::io("replace", &path))?;
        self.known.beside = Some(stamp);
        Ok(WrittenIntent::Beside)
    }

    /// Does away with what was about to be done.
    pub(super) fn forget_intent(&mut self) -> Result<(), StoreFault> {
        let path = self.view.intent_file();
        let removed = file::remove_if_there(&path).map_err(StoreFault::io("remove", &path));
        self.known.beside = Stamp::of(&path);
        removed
    }
}
