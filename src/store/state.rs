//! The state file. It may contain any bytes when it is loaded, and a complete file exists at every
//! moment of a save.
//!
//! `gtctl.json` is one line of JSON in exactly this form:
//! `{"version":2,"checksum":"…","memory":{…}}`. The checksum is FNV-1a over version and memory.
//! Version 1 is read, too, and written as version 2 by the next save.
//! `gtctl.prev.json` is the previous state. If a file does not match its checksum, the previous one
//! is loaded, and the broken one is kept as `gtctl.json.broken`.

use super::encoding::VERSION;
use super::file::{self, Stamp, Sync};
use super::intent::Beside;
use super::{StateDir, StoreFault, View, encoding};
use crate::model::{Memory, Moment};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The most bytes read or written: enough for some hundred thousand sessions.
const LIMIT: usize = 64 << 20;

const MAIN: &str = "gtctl.json";
const PREVIOUS: &str = "gtctl.prev.json";
const BROKEN: &str = "gtctl.json.broken";

/// The result of a load.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadedState {
    /// The memory. The default one if there was no file.
    pub memory: Memory,
    /// Messages for people about problems of the load. Empty if all was well.
    pub notices: Vec<String>,
}

/// The result of a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The file was written.
    Written,
    /// The file already contained this state.
    Same,
}

/// The files as we have last read or written them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// The stamp of the state file, and its checksum.
    pub(super) main: Option<(Stamp, u64)>,
    /// The stamp of the intent file, even if that is malformed.
    pub(super) beside: Option<Stamp>,
}

/// The content of a state file.
enum Content {
    Nothing,
    Broken(String),
    Newer(u32),
    Good {
        memory: Box<Memory>,
        stamp: Stamp,
        digest: u64,
    },
}

impl View {
    /// The path of the state file. The file need not exist.
    #[must_use]
    pub fn main_file(&self) -> PathBuf {
        self.path.join(MAIN)
    }

    /// Reads the memory, and the times in `handoffs.json`. Accepts any bytes and changes nothing.
    ///
    /// # Errors
    /// [`StoreFault::Newer`] only. Acting on a state that we half understand is worse than not
    /// acting.
    pub fn load(&self, now: Moment) -> Result<LoadedState, StoreFault> {
        self.load_state(now).map(|(loaded, _)| loaded)
    }

    fn load_state(&self, now: Moment) -> Result<(LoadedState, Known), StoreFault> {
        let path = self.path.join(MAIN);
        let (mut loaded, known) = match inspect(&path) {
            Content::Good {
                memory,
                stamp,
                digest,
            } => {
                let Beside {
                    stamp: beside,
                    memory,
                } = self.intent(digest, *memory)?;
                (
                    LoadedState {
                        memory,
                        notices: Vec::new(),
                    },
                    Known {
                        main: Some((stamp, digest)),
                        beside,
                    },
                )
            }
            Content::Newer(version) => return Err(StoreFault::Newer { path, version }),
            Content::Nothing => (self.load_previous(None)?, self.unknown()),
            Content::Broken(why) => (
                self.load_previous(Some(&format!("{} {why}", path.display())))?,
                self.unknown(),
            ),
        };
        self.merge_handoffs_into(&mut loaded, now);
        Ok((loaded, known))
    }

    /// The stamps when there is no valid state file.
    fn unknown(&self) -> Known {
        Known {
            main: None,
            beside: Stamp::of(&self.intent_file()),
        }
    }

    /// Loads the previous state. `trouble` says what is wrong with the current file; `None` if it
    /// is missing.
    fn load_previous(&self, trouble: Option<&str>) -> Result<LoadedState, StoreFault> {
        let path = self.path.join(PREVIOUS);
        let (memory, fallback) = match inspect(&path) {
            Content::Good { memory, .. } => (*memory, "the previous one is used".to_owned()),
            Content::Newer(version) => return Err(StoreFault::Newer { path, version }),
            Content::Nothing if trouble.is_none() => return Ok(LoadedState::default()),
            Content::Nothing => (
                Memory::default(),
                "there is no previous one: gtctl starts with an empty memory".to_owned(),
            ),
            Content::Broken(why) => (
                Memory::default(),
                format!(
                    "{} {why} too: gtctl starts with an empty memory",
                    path.display()
                ),
            ),
        };
        let trouble = trouble.map_or_else(
            || format!("{} is missing", self.path.join(MAIN).display()),
            str::to_owned,
        );
        Ok(LoadedState {
            memory,
            notices: vec![format!("{trouble}; {fallback}")],
        })
    }
}

impl StateDir {
    /// As [`View::load`]. Remembers the content, so that saving an equal state writes nothing.
    ///
    /// # Errors
    /// As [`View::load`].
    pub fn load(&mut self, now: Moment) -> Result<LoadedState, StoreFault> {
        let (loaded, known) = self.view.load_state(now)?;
        self.known = known;
        Ok(loaded)
    }

    /// Whether another process has written the state since we loaded or saved it.
    #[must_use]
    pub fn changed_elsewhere(&self) -> bool {
        let Known { main, beside } = self.known;
        Stamp::of(&self.main_file()) != main.map(|(stamp, _)| stamp)
            || Stamp::of(&self.view.intent_file()) != beside
    }

    /// The path of the state file. The file need not exist.
    #[must_use]
    pub fn main_file(&self) -> PathBuf {
        self.view.main_file()
    }

    /// Saves `memory` and syncs it to the disk. Writes nothing if the file already contains it.
    ///
    /// # Errors
    /// The system's error; the file is then unchanged. [`StoreFault::Newer`] if a newer gtctl has
    /// written the file meanwhile: it is never overwritten.
    pub fn save(&mut self, memory: &Memory) -> Result<Saved, StoreFault> {
        let payload = encoding::encode(memory).map_err(StoreFault::Encoding)?;
        let digest = checksum(VERSION, &payload);
        let undisturbed = !self.changed_elsewhere();
        if undisturbed && self.known.main.is_some_and(|(_, known)| known == digest) {
            self.forget_intent()?;
            return Ok(Saved::Same);
        }
        let main = self.main_file();
        let text = framed(&payload, digest);
        if text.len() > LIMIT {
            return Err(StoreFault::TooLarge {
                path: main,
                size: text.len(),
                limit: LIMIT,
            });
        }
        let temporary = self.view.path.join("gtctl.json.tmp");
        let stamp = file::write_aside(&temporary, text.as_bytes(), Sync::Now)?;
        let way = match self.known.main {
            Some(_) if undisturbed => self.keep_previous(),
            Some(_) | None => self.make_way(&main),
        };
        if way.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        way?;
        fs::rename(&temporary, &main).map_err(StoreFault::io("replace", &main))?;
        self.known.main = Some((stamp, digest));
        // The intent belongs to the former state.
        let _ = self.forget_intent();
        file::sync_parent(&main)?;
        Ok(Saved::Written)
    }

    /// Makes room for a new state file, when the current one is not the one we know.
    fn make_way(&self, main: &Path) -> Result<(), StoreFault> {
        match inspect(main) {
            Content::Nothing => Ok(()),
            Content::Good { .. } => self.keep_previous(),
            Content::Newer(version) => Err(StoreFault::Newer {
                path: main.to_path_buf(),
                version,
            }),
            Content::Broken(_) => {
                let aside = self.view.path.join(BROKEN);
                file::remove_if_there(&aside).map_err(StoreFault::io("remove", &aside))?;
                fs::rename(main, &aside).map_err(StoreFault::io("set aside", main))
            }
        }
    }

    /// Makes the current file the previous one as well. The current name exists all the time.
    fn keep_previous(&self) -> Result<(), StoreFault> {
        let [main, previous] = [MAIN, PREVIOUS].map(|n| self.view.path.join(n));
        let spare: PathBuf = self.view.path.join("gtctl.prev.json.tmp");
        let fault = |e| StoreFault::io("keep", &previous)(e);
        file::remove_if_there(&spare).map_err(fault)?;
        // Some file systems have no hard links.
        fs::hard_link(&main, &spare)
            .or_else(|_| fs::copy(&main, &spare).map(|_| ()))
            .map_err(fault)?;
        if fs::symlink_metadata(&previous).is_ok_and(|m| m.is_dir()) {
            file::remove_if_there(&previous).map_err(fault)?;
        }
        fs::rename(&spare, &previous).map_err(fault)?;
        // Renaming one hard link onto another of the same file does nothing, so the spare name must
        // be removed.
        file::remove_if_there(&spare).map_err(fault)
    }
}

fn inspect(path: &Path) -> Content {
    match file::read(path, LIMIT as u64) {
        Ok((bytes, stamp)) => parse(&bytes, stamp),
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Content::Nothing
        }
        Err(e) => Content::Broken(format!("cannot be read ({e})")),
    }
}

fn parse(bytes: &[u8], stamp: Stamp) -> Content {
    match unframe(bytes) {
        Err(why) => Content::Broken(why.to_owned()),
        Ok(Framed { version, .. }) if version > VERSION => Content::Newer(version),
        Ok(Framed {
            version,
            digest,
            payload,
        }) => match encoding::decode(version, payload) {
            Ok(memory) => Content::Good {
                memory: Box::new(memory),
                stamp,
                digest,
            },
            Err(e) => Content::Broken(format!("is not understood ({e})")),
        },
    }
}

/// The parts of a state or intent file.
pub(super) struct Framed<'a> {
    pub(super) version: u32,
    pub(super) digest: u64,
    pub(super) payload: &'a str,
}

/// The text of a file with this payload.
pub(super) fn frame(payload: &str) -> String {
    framed(payload, checksum(VERSION, payload))
}

fn framed(payload: &str, digest: u64) -> String {
    format!("{{\"version\":{VERSION},\"checksum\":\"{digest:016x}\",\"memory\":{payload}}}\n")
}

/// Splits a file into its parts and checks the checksum. The error says what is wrong.
pub(super) fn unframe(bytes: &[u8]) -> Result<Framed<'_>, &'static str> {
    let framed = std::str::from_utf8(bytes)
        .ok()
        .and_then(parts)
        .ok_or("is cut off")?;
    let agrees = checksum(framed.version, framed.payload) == framed.digest;
    if agrees {
        Ok(framed)
    } else {
        Err("does not match its checksum")
    }
}

fn parts(text: &str) -> Option<Framed<'_>> {
    let (version, unparsed) = text
        .strip_prefix("{\"version\":")?
        .split_once(",\"checksum\":\"")?;
    let (digest, unparsed) = unparsed.split_once("\",\"memory\":")?;
    let payload = unparsed.strip_suffix("}\n")?;
    Some(Framed {
        version: version.parse().ok()?,
        digest: u64::from_str_radix(digest, 16).ok()?,
        payload,
    })
}

/// FNV-1a with 64 bits over the version in decimal, a colon and the payload.
fn checksum(version: u32, payload: &str) -> u64 {
    let version = version.to_string();
    version
        .bytes()
        .chain([b':'])
        .chain(payload.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
#[path = "state_tests.rs"]
pub(super) mod tests;
