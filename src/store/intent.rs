//! The intent file: what gtctl is about to do, as a difference to the state file.
//!
//! A restart is written down before it is done. For one session of hundreds the intent takes about
//! a thousand bytes. Writing the whole state would take as long as all other work of a restart.
//!
//! `gtctl.intent.json` has the format of the state file. It contains the checksum of the state file
//! to which it belongs, and is ignored beside any other. So each save makes it void. Nothing has
//! been done for an intent file that is malformed.

use super::encoding::VERSION;
use super::file::{self, Stamp, Sync};
use super::state::{frame, unframe};
use super::{StateDir, StoreFault, View, encoding};
use crate::model::Memory;
use std::fs;
use std::path::PathBuf;

const INTENT: &str = "gtctl.intent.json";
/// The most bytes read or written. A larger intent is saved as a state file.
const LIMIT: usize = 1 << 20;

/// How an intent was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenIntent {
    /// Into the intent file.
    Beside,
    /// As a whole state file.
    Saved,
}

/// A state file together with its intent file.
#[derive(Debug)]
pub(super) struct Beside {
    /// The stamp of the intent file, even if that is malformed.
    pub(super) stamp: Option<Stamp>,
    /// The memory of both together.
    pub(super) memory: Memory,
}

impl View {
    pub(super) fn intent_file(&self) -> PathBuf {
        self.path.join(INTENT)
    }

    /// Applies the intent file, if it belongs to the state file with checksum `state`.
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
                memory: encoding::decode_beside(framed.version, framed.payload, state, memory),
            }),
            Err(_) => Ok(Beside { stamp, memory }),
        }
    }
}

impl StateDir {
    /// Writes down what is about to be done. It survives a crash of gtctl, but perhaps not a power
    /// failure.
    ///
    /// `saved` is the memory of the last save. The whole state is saved instead if the state file
    /// may have changed, or if the difference is too large.
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

    /// Removes the intent file.
    pub(super) fn forget_intent(&mut self) -> Result<(), StoreFault> {
        let path = self.view.intent_file();
        let removed = file::remove_if_there(&path).map_err(StoreFault::io("remove", &path));
        self.known.beside = Stamp::of(&path);
        removed
    }
}
