//! Series of numbers by session, one file for each stretch of time: `samples/<name>-<number>.bin`.
//!
//! A file has frames of two kinds: names of sessions, numbered by their order in the file; and the
//! values of some sessions at one slot of time. Only values that change are written. A file begins
//! with the values that count then, so each file can be read alone.

use super::file::{options_without_surprises, read};
use super::frames::{Frame, Frames, HEADER, push_number, take_number};
use crate::model::SessionName;
use crate::model::SortedMap;
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A frame with the names of sessions.
const NAMES: u8 = b'n';
/// A frame with the values of one slot.
const VALUES: u8 = b'v';

/// The shape and the bounds of a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// The first part of its files' names.
    pub(super) name: &'static str,
    /// How many slots a file has.
    pub(super) slots: i64,
    /// How many files are kept.
    pub(super) files: usize,
    /// The most bytes of a file. What comes beyond is not kept.
    pub(super) size: u64,
}

impl Shape {
    fn path(&self, dir: &Path, window: i64) -> PathBuf {
        dir.join(format!("{}-{window}.bin", self.name))
    }

    /// The windows of which there is a file, oldest first.
    pub(super) fn windows(&self, dir: &Path) -> Vec<i64> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let window = |name: &str| {
            let number = name.strip_prefix(self.name)?.strip_prefix('-')?;
            number.strip_suffix(".bin")?.parse().ok()
        };
        let mut windows: Vec<i64> = entries
            .filter_map(|entry| window(entry.file_name().to_str()?))
            .collect();
        windows.sort_unstable();
        windows
    }

    /// What the file of a window holds. Empty where there is none, or it cannot be read.
    pub(super) fn read<const N: usize>(&self, dir: &Path, window: i64) -> Contents<N> {
        // The last write may pass the bound.
        let limit = self.size.saturating_mul(2);
        let bytes = read(&self.path(dir, window), limit).map(|(bytes, _)| bytes);
        Contents::parse(
            &bytes.unwrap_or_default(),
            window.saturating_mul(self.slots),
        )
    }
}

/// Values of some sessions at one slot, by the numbers of the sessions.
type Slot<const N: usize> = (i64, Vec<(usize, [u64; N])>);

/// What one file holds.
#[derive(Debug, Default)]
pub(super) struct Contents<const N: usize> {
    /// The sessions, by their numbers.
    pub(super) names: Vec<SessionName>,
    /// The values of each slot, in the order in which they were written.
    pub(super) slots: Vec<Slot<N>>,
    /// Where its last whole frame ends, in bytes.
    end: u64,
}

impl<const N: usize> Contents<N> {
    fn parse(bytes: &[u8], first_slot: i64) -> Self {
        let mut contents = Self {
            names: Vec::new(),
            slots: Vec::new(),
            end: 0,
        };
        let mut frames = Frames::of(bytes);
        for frame in frames.by_ref() {
            match frame.kind {
                NAMES => contents.names.extend(names_in(frame.payload)),
                VALUES => contents.slots.extend(values_in(frame.payload, first_slot)),
                // A later version may add others.
                _ => {}
            }
        }
        contents.end = frames.end as u64;
        contents
    }

    /// The last values of each session.
    fn latest(&self) -> SortedMap<SessionName, [u64; N]> {
        let values = self.slots.iter().flat_map(|(_, values)| values);
        values
            .filter_map(|(nth, values)| Some((self.names.get(*nth)?.clone(), *values)))
            .collect()
    }
}

fn names_in(mut payload: &[u8]) -> Vec<SessionName> {
    let mut names = Vec::new();
    while let Some(name) = take_name(&mut payload) {
        names.push(name);
    }
    names
}

fn take_name(payload: &mut &[u8]) -> Option<SessionName> {
    let length = usize::try_from(take_number(payload)?).ok()?;
    let (name, rest) = payload.split_at_checked(length)?;
    *payload = rest;
    SessionName::new(std::str::from_utf8(name).ok()?).ok()
}

fn values_in<const N: usize>(mut payload: &[u8], first_slot: i64) -> Option<Slot<N>> {
    let offset = i64::try_from(take_number(&mut payload)?).ok()?;
    let mut values = Vec::new();
    let mut next = 0_usize;
    while !payload.is_empty() {
        let gap = usize::try_from(take_number(&mut payload)?).ok()?;
        let nth = next.checked_add(gap)?;
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = take_number(&mut payload)?;
        }
        values.push((nth, numbers));
        next = nth.checked_add(1)?;
    }
    Some((first_slot.saturating_add(offset), values))
}

/// Writes one series.
#[derive(Debug)]
pub(super) struct SeriesWriter<const N: usize> {
    dir: PathBuf,
    shape: Shape,
    window: Option<i64>,
    /// The numbers of the sessions in the file of this window.
    numbers: SortedMap<SessionName, usize>,
    /// The values that count now.
    latest: SortedMap<SessionName, [u64; N]>,
    /// The bytes of the file.
    length: u64,
}

impl<const N: usize> SeriesWriter<N> {
    /// A writer into this directory, which need not exist.
    pub(super) fn new(dir: PathBuf, shape: Shape) -> Self {
        Self {
            dir,
            shape,
            window: None,
            numbers: SortedMap::new(),
            latest: SortedMap::new(),
            length: 0,
        }
    }

    /// Writes the values of one slot, as far as `is_same` does not call them the same as before.
    /// Sessions that are not among them have zeros from now on.
    ///
    /// # Errors
    /// The system's error. The values count as not written.
    pub(super) fn write(
        &mut self,
        slot: i64,
        values: &SortedMap<SessionName, [u64; N]>,
        is_same: impl Fn(&[u64; N], &[u64; N]) -> bool,
    ) -> io::Result<()> {
        let window = slot.div_euclid(self.shape.slots);
        let is_fresh = self.window != Some(window) && self.begin(window)?;
        let zeros = [0; N];
        let mut changed: SortedMap<SessionName, [u64; N]> = SortedMap::new();
        for (name, now) in values {
            let before = self.latest.get(name).unwrap_or(&zeros);
            if !is_same(before, now) {
                changed.insert(name.clone(), *now);
            } else if is_fresh && *before != zeros {
                changed.insert(name.clone(), *before);
            }
        }
        let gone = self
            .latest
            .keys()
            .filter(|name| !values.contains_key(*name));
        let gone: Vec<SessionName> = gone.cloned().collect();
        changed.extend(gone.into_iter().map(|name| (name, zeros)));
        self.append(slot.rem_euclid(self.shape.slots), &changed)?;
        self.latest.extend(changed);
        self.latest.retain(|_, values| *values != zeros);
        Ok(())
    }

    /// Goes on with the file of this window, or begins it. Tells whether it is a fresh one.
    fn begin(&mut self, window: i64) -> io::Result<bool> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)?;
        let contents: Contents<N> = self.shape.read(&self.dir, window);
        let path = self.shape.path(&self.dir, window);
        let is_first = self.window.is_none();
        let is_fresh = contents.end == 0;
        if is_fresh {
            write_header(&path)?;
        } else {
            // What a crash has left behind its last whole frame goes.
            let file = options_without_surprises().write(true).open(&path)?;
            file.set_len(contents.end)?;
        }
        if is_first && !is_fresh {
            self.latest = contents.latest();
        }
        self.length = contents.end.max(HEADER.len() as u64);
        let numbered = contents.names.into_iter().enumerate();
        self.numbers = numbered.map(|(nth, name)| (name, nth)).collect();
        self.window = Some(window);
        self.remove_old();
        Ok(is_fresh)
    }

    /// Keeps the newest files. One that cannot be removed is tried again with the next window.
    fn remove_old(&self) {
        let windows = self.shape.windows(&self.dir);
        let excess = windows.len().saturating_sub(self.shape.files);
        for window in windows.into_iter().take(excess) {
            let _ = fs::remove_file(self.shape.path(&self.dir, window));
        }
    }

    /// Appends these values in one write.
    fn append(&mut self, offset: i64, values: &SortedMap<SessionName, [u64; N]>) -> io::Result<()> {
        let Some(window) = self.window else {
            return Ok(());
        };
        if values.is_empty() || self.length >= self.shape.size {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let known = self.numbers.len();
        let mut fresh_names = Vec::new();
        for name in values
            .keys()
            .filter(|name| !self.numbers.contains_key(*name))
        {
            push_number(&mut fresh_names, name.as_str().len() as u64);
            fresh_names.extend_from_slice(name.as_str().as_bytes());
        }
        let fresh = values
            .keys()
            .filter(|name| !self.numbers.contains_key(*name));
        let fresh: Vec<SessionName> = fresh.cloned().collect();
        if !fresh.is_empty() {
            Frame {
                kind: NAMES,
                payload: &fresh_names,
            }
            .write(&mut bytes);
        }
        let numbered = fresh.into_iter().enumerate();
        let fresh: SortedMap<SessionName, usize> =
            numbered.map(|(nth, name)| (name, known + nth)).collect();
        let number = |name| self.numbers.get(name).or_else(|| fresh.get(name)).copied();
        let by_number: SortedMap<usize, &[u64; N]> = values
            .iter()
            .filter_map(|(name, values)| Some((number(name)?, values)))
            .collect();
        Frame {
            kind: VALUES,
            payload: &payload_of(offset, &by_number),
        }
        .write(&mut bytes);
        let path = self.shape.path(&self.dir, window);
        let opened = options_without_surprises().append(true).open(&path);
        let written = opened.and_then(|mut file| file.write_all(&bytes));
        if let Err(fault) = written {
            // The next write reads the file again, and cuts off what is not whole.
            self.window = None;
            return Err(fault);
        }
        self.length = self.length.saturating_add(bytes.len() as u64);
        self.numbers.extend(fresh);
        Ok(())
    }
}

fn payload_of<const N: usize>(offset: i64, values: &SortedMap<usize, &[u64; N]>) -> Vec<u8> {
    let mut payload = Vec::new();
    push_number(&mut payload, offset.unsigned_abs());
    let mut next = 0;
    for (nth, numbers) in values {
        push_number(&mut payload, nth.saturating_sub(next) as u64);
        for number in *numbers {
            push_number(&mut payload, *number);
        }
        next = nth.saturating_add(1);
    }
    payload
}

/// Replaces whatever is at `path` by an empty file of frames.
fn write_header(path: &Path) -> io::Result<()> {
    super::file::remove_if_there(path)?;
    let mut file = options_without_surprises()
        .write(true)
        .create_new(true)
        .open(path)?;
    file.write_all(HEADER)
}
