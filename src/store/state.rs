//! The state file: loaded from any bytes, saved so that a whole one is there at every instant.
//!
//! `gtctl.json` is one line of JSON, `{"version":1,"checksum":"…","memory":{…}}`, in exactly this form; the checksum is
//! FNV-1a over version and memory. `gtctl.prev.json` is the one before it. A file that does not agree with its
//! checksum is worth nothing: the previous one is read, and the broken one kept aside as `gtctl.json.broken`.

use super::file::{self, Stamp};
use super::{StateDir, StoreFault, View, wire};
use crate::model::{Memory, Moment};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The form that this version reads and writes.
const VERSION: u32 = 1;

/// The largest state file taken or written, in bytes: some hundred thousand sessions.
const LIMIT: usize = 64 << 20;

const MAIN: &str = "gtctl.json";
const PREVIOUS: &str = "gtctl.prev.json";
const BROKEN: &str = "gtctl.json.broken";

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The memory; the default one when there was none.
    pub memory: Memory,
    /// What people should know of how it was found; empty when all was well.
    pub notices: Vec<String>,
}

/// What a save did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The file was replaced.
    Written,
    /// It already says so.
    Same,
}

/// What a save is to outlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// Our own end, whenever it comes: the kernel has it all. A loss of power may lose it, and then the state is what was
    /// saved against one last.
    OurEnd,
    /// The end of the machine: it is on the disk. Costs two waits for that.
    PowerLoss,
}

/// What is in a state file.
enum Content {
    Nothing,
    Broken(String),
    Newer(u32),
    Good { memory: Box<Memory>, stamp: Stamp, digest: u64 },
}

impl View {
    /// Reads the memory, and the handoffs kept for others beside it. Takes any bytes; changes nothing.
    ///
    /// # Errors
    /// Only [`StoreFault::Newer`]: acting on half an understanding would be worse than not acting.
    pub fn load(&self, now: Moment) -> Result<Loaded, StoreFault> {
        self.load_state(now).map(|(loaded, _)| loaded)
    }

    fn load_state(&self, now: Moment) -> Result<(Loaded, Option<(Stamp, u64)>), StoreFault> {
        let path = self.path.join(MAIN);
        let (mut loaded, known) = match inspect(&path) {
            Content::Good { memory, stamp, digest } => {
                (Loaded { memory: *memory, notices: Vec::new() }, Some((stamp, digest)))
            }
            Content::Newer(version) => return Err(StoreFault::Newer { path, version }),
            Content::Nothing => (self.load_previous(None)?, None),
            Content::Broken(why) => (self.load_previous(Some(&format!("{} {why}", path.display())))?, None),
        };
        self.merge_handoffs_into(&mut loaded, now);
        Ok((loaded, known))
    }

    /// The previous state, when the present one is missing or, as `trouble` says, broken.
    fn load_previous(&self, trouble: Option<&str>) -> Result<Loaded, StoreFault> {
        let path = self.path.join(PREVIOUS);
        let (memory, found) = match inspect(&path) {
            Content::Good { memory, .. } => (*memory, "the previous one is used".to_owned()),
            Content::Newer(version) => return Err(StoreFault::Newer { path, version }),
            Content::Nothing if trouble.is_none() => return Ok(Loaded::default()),
            Content::Nothing => (Memory::default(), "there is no previous one: nothing is remembered".to_owned()),
            Content::Broken(why) => {
                (Memory::default(), format!("{} {why} as well: nothing is remembered", path.display()))
            }
        };
        let trouble = trouble.map_or_else(|| format!("{} is missing", self.path.join(MAIN).display()), str::to_owned);
        Ok(Loaded { memory, notices: vec![format!("{trouble}; {found}")] })
    }
}

impl StateDir {
    /// As [`View::load`], and remembers what the file held, so that an equal save writes nothing.
    ///
    /// # Errors
    /// As [`View::load`].
    pub fn load(&mut self, now: Moment) -> Result<Loaded, StoreFault> {
        let (loaded, known) = self.view.load_state(now)?;
        (self.known, self.safe) = (known, true);
        Ok(loaded)
    }

    /// Whether the state file is no longer the one last loaded or saved here: another process has had its turn.
    #[must_use]
    pub fn changed_elsewhere(&self) -> bool {
        Stamp::of(&self.view.path.join(MAIN)) != self.known.map(|(stamp, _)| stamp)
    }

    /// The state file, whether it exists or not.
    #[must_use]
    pub fn main_file(&self) -> PathBuf {
        self.view.path.join(MAIN)
    }

    /// Writes `memory` down. Writes nothing when the file already holds exactly this, as safely.
    ///
    /// # Errors
    /// When it cannot be written; the file then still holds what it held. [`StoreFault::Newer`] when a newer gtctl has
    /// written there meanwhile: that is never overwritten.
    pub fn save(&mut self, memory: &Memory, against: Against) -> Result<Saved, StoreFault> {
        let payload = wire::encode(memory).map_err(StoreFault::Encoding)?;
        let digest = checksum(VERSION, &payload);
        let undisturbed = !self.changed_elsewhere();
        let is_safe = self.safe || against == Against::OurEnd;
        if undisturbed && is_safe && self.known.is_some_and(|(_, known)| known == digest) {
            return Ok(Saved::Same);
        }
        let main = self.view.path.join(MAIN);
        let text = frame(&payload, digest);
        if text.len() > LIMIT {
            return Err(StoreFault::TooLarge { path: main, size: text.len(), limit: LIMIT });
        }
        let temporary = self.view.path.join("gtctl.json.tmp");
        let sync = match against {
            Against::OurEnd => file::Sync::Later,
            Against::PowerLoss => file::Sync::Now,
        };
        let stamp = file::write_aside(&temporary, text.as_bytes(), sync)?;
        let way = match self.known {
            // The previous one stays one that a loss of power leaves whole.
            Some(_) if undisturbed && !self.safe => Ok(()),
            Some(_) if undisturbed => self.keep_previous(),
            Some(_) | None => self.make_way(&main),
        };
        if way.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        way?;
        fs::rename(&temporary, &main).map_err(StoreFault::io("replace", &main))?;
        (self.known, self.safe) = (Some((stamp, digest)), false);
        if against == Against::PowerLoss {
            file::sync_parent(&main)?;
            self.safe = true;
        }
        Ok(Saved::Written)
    }

    /// Deals with a state file of which nothing is known yet.
    fn make_way(&self, main: &Path) -> Result<(), StoreFault> {
        match inspect(main) {
            Content::Nothing => Ok(()),
            Content::Good { .. } => self.keep_previous(),
            Content::Newer(version) => Err(StoreFault::Newer { path: main.to_path_buf(), version }),
            Content::Broken(_) => {
                let aside = self.view.path.join(BROKEN);
                file::remove_if_there(&aside).map_err(StoreFault::io("remove", &aside))?;
                fs::rename(main, &aside).map_err(StoreFault::io("set aside", main))
            }
        }
    }

    /// Gives the present file its second name, without ever taking away the first.
    fn keep_previous(&self) -> Result<(), StoreFault> {
        let [main, previous] = [MAIN, PREVIOUS].map(|n| self.view.path.join(n));
        let spare: PathBuf = self.view.path.join("gtctl.prev.json.tmp");
        let fault = |e| StoreFault::io("keep", &previous)(e);
        file::remove_if_there(&spare).map_err(fault)?;
        // Not every file system has hard links.
        fs::hard_link(&main, &spare).or_else(|_| fs::copy(&main, &spare).map(|_| ())).map_err(fault)?;
        if fs::symlink_metadata(&previous).is_ok_and(|m| m.is_dir()) {
            file::remove_if_there(&previous).map_err(fault)?;
        }
        fs::rename(&spare, &previous).map_err(fault)?;
        // Renaming between two names of one file does nothing and leaves both.
        file::remove_if_there(&spare).map_err(fault)
    }
}

fn inspect(path: &Path) -> Content {
    match file::read(path, LIMIT as u64) {
        Ok((bytes, stamp)) => parse(&bytes, stamp),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Content::Nothing,
        Err(e) => Content::Broken(format!("cannot be read ({e})")),
    }
}

fn parse(bytes: &[u8], stamp: Stamp) -> Content {
    let Some((version, sum, payload)) = std::str::from_utf8(bytes).ok().and_then(unframe) else {
        return Content::Broken("is not whole".to_owned());
    };
    if checksum(version, payload) != sum {
        return Content::Broken("does not agree with its checksum".to_owned());
    }
    if version > VERSION {
        return Content::Newer(version);
    }
    match wire::decode(payload) {
        Ok(memory) => Content::Good { memory: Box::new(memory), stamp, digest: sum },
        Err(e) => Content::Broken(format!("is not understood ({e})")),
    }
}

fn frame(payload: &str, sum: u64) -> String {
    format!("{{\"version\":{VERSION},\"checksum\":\"{sum:016x}\",\"memory\":{payload}}}\n")
}

fn unframe(text: &str) -> Option<(u32, u64, &str)> {
    let (version, rest) = text.strip_prefix("{\"version\":")?.split_once(",\"checksum\":\"")?;
    let (sum, rest) = rest.split_once("\",\"memory\":")?;
    let payload = rest.strip_suffix("}\n")?;
    Some((version.parse().ok()?, u64::from_str_radix(sum, 16).ok()?, payload))
}

/// FNV-1a, 64 bits, over the version in decimal, a colon and the payload.
fn checksum(version: u32, payload: &str) -> u64 {
    let version = version.to_string();
    version
        .bytes()
        .chain([b':'])
        .chain(payload.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
#[path = "state_tests.rs"]
pub(super) mod tests;
