//! The record of a controller: files of lines, one for each hour, all but the last compressed.
//!
//! Each file begins with a line that stands alone, so the oldest files can be dropped.

use super::StoreFault;
use super::dir::View;
use super::file::options_without_surprises;
use crate::files::{self, Links};
use crate::model::{Moment, Period};
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder, in the state directory.
const FOLDER: &str = "record";
/// A file spans at most this.
const SPAN: Period = Period::from_hours(1);
/// A file that has so many bytes is followed by another.
const FULL: u64 = 16 << 20;
/// The largest file that is read, in bytes, compressed or not.
const LARGEST: u64 = 64 << 20;
/// All files together, in bytes. The oldest are dropped.
const MOST: u64 = 256 << 20;
/// So many files are listed.
const MOST_FILES: usize = 20_000;
/// The level of compression: the usual one.
const LEVEL: u8 = 6;
/// The end of the name of a file that is written.
const OPEN: &str = "jsonl";
/// The end of the name of a compressed file.
const CLOSED: &str = "jsonl.z";

/// One file of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordPart {
    /// When it begins, in wall-clock ms since the epoch.
    pub from: i64,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

/// Writes a record.
#[derive(Debug)]
pub struct RecordFiles {
    folder: PathBuf,
    keep: Period,
    open: Option<OpenPart>,
}

#[derive(Debug)]
struct OpenPart {
    file: File,
    path: PathBuf,
    began: Moment,
    size: u64,
}

impl RecordFiles {
    /// A record in this state directory, of which `keep` is kept. Writes nothing yet.
    #[must_use]
    pub fn new(state: &Path, keep: Period) -> Self {
        Self {
            folder: state.join(FOLDER),
            keep,
            open: None,
        }
    }

    /// How much is kept.
    #[must_use]
    pub fn keep(&self) -> Period {
        self.keep
    }

    /// Whether the next line begins a file, and so must stand alone.
    #[must_use]
    pub fn begins(&self, now: Moment) -> bool {
        let is_over = |open: &OpenPart| {
            now.since(&open.began) >= SPAN || open.size >= FULL || now.boot != open.began.boot
        };
        self.open.as_ref().is_none_or(is_over)
    }

    /// Writes a line. Where it begins a file, compresses the one before and drops what is too old.
    ///
    /// # Errors
    /// The system's error. The next line begins a file then.
    pub fn append(&mut self, line: &str, now: Moment) -> Result<(), StoreFault> {
        if self.begins(now) {
            self.open = None;
            self.open = Some(self.begin(now)?);
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let bytes = [line.as_bytes(), b"\n"].concat();
        match open.file.write_all(&bytes) {
            Ok(()) => {
                let written = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                open.size = open.size.saturating_add(written);
                Ok(())
            }
            Err(source) => {
                let path = open.path.clone();
                self.open = None;
                Err(StoreFault::io("write", &path)(source))
            }
        }
    }

    fn begin(&self, now: Moment) -> Result<OpenPart, StoreFault> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(StoreFault::io("create", &self.folder))?;
        for part in parts_in(&self.folder) {
            if part.path.extension().is_some_and(|end| end == OPEN) {
                close(&part)?;
            }
        }
        self.drop_old(now);
        let path = self.folder.join(format!("{}.{OPEN}", now.wall));
        let file = options_without_surprises()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(StoreFault::io("create", &path))?;
        Ok(OpenPart {
            file,
            path,
            began: now,
            size: 0,
        })
    }

    /// Drops the files that end before the time that is kept, and the oldest of too many bytes.
    fn drop_old(&self, now: Moment) {
        let oldest = now.minus(self.keep.plus(SPAN)).wall;
        let mut size: u64 = 0;
        for part in parts_in(&self.folder).iter().rev() {
            size = size.saturating_add(part.size);
            if part.from < oldest || size > MOST {
                // What cannot be removed now is removed with the next file.
                let _ = fs::remove_file(&part.path);
            }
        }
    }
}

/// Compresses a file that is written no more.
fn close(part: &RecordPart) -> Result<(), StoreFault> {
    let text = files::read(&part.path, Links::Refuse, LARGEST)
        .map_err(StoreFault::io("read", &part.path))?;
    let closed = part.path.with_extension(CLOSED);
    let mut file = options_without_surprises()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&closed)
        .map_err(StoreFault::io("create", &closed))?;
    file.write_all(&compress_to_vec_zlib(&text, LEVEL))
        .map_err(StoreFault::io("write", &closed))?;
    fs::remove_file(&part.path).map_err(StoreFault::io("remove", &part.path))
}

impl View {
    /// The folder of the record. It need not exist.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.path.join(FOLDER)
    }
}

/// The files of a record: of a folder, by time, or the one at this path.
///
/// # Errors
/// The path cannot be looked at.
pub fn record_parts(path: &Path) -> Result<Vec<RecordPart>, StoreFault> {
    let metadata = fs::metadata(path).map_err(StoreFault::io("look at", path))?;
    if metadata.is_dir() {
        return Ok(parts_in(path));
    }
    Ok(vec![RecordPart {
        from: 0,
        path: path.to_path_buf(),
        size: metadata.len(),
    }])
}

fn parts_in(folder: &Path) -> Vec<RecordPart> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let part = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let (from, end) = name.split_once('.')?;
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        (end == OPEN || end == CLOSED).then_some(RecordPart {
            from: from.parse().ok()?,
            path: entry.path(),
            size: metadata.len(),
        })
    };
    let mut parts: Vec<RecordPart> = entries.filter_map(part).take(MOST_FILES).collect();
    parts.sort();
    // While a file is compressed both are there. The one that is not is whole, and comes first.
    parts.dedup_by_key(|part| part.from);
    parts
}

/// The lines of one file of a record. A last line without an end is left out: it is still written.
///
/// # Errors
/// The system's error; `InvalidData` where it is no record.
pub fn record_lines(part: &RecordPart) -> Result<String, StoreFault> {
    let fault = |source| StoreFault::io("read", &part.path)(source);
    let bytes = files::read(&part.path, Links::Follow, LARGEST).map_err(fault)?;
    let bytes = if bytes.first() == Some(&b'{') {
        bytes
    } else {
        let limit = usize::try_from(LARGEST).unwrap_or(usize::MAX);
        decompress_to_vec_zlib_with_limit(&bytes, limit).map_err(|_| {
            fault(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is no record",
            ))
        })?
    };
    let mut text = String::from_utf8(bytes)
        .map_err(|_| fault(io::Error::new(io::ErrorKind::InvalidData, "it is no text")))?;
    let end = text.rfind('\n').map_or(0, |at| at + 1);
    text.truncate(end);
    Ok(text)
}

/// Writes these lines into one new file, compressed.
///
/// # Errors
/// The file exists, or the system's error.
pub fn export_record(path: &Path, lines: &str) -> Result<(), StoreFault> {
    let mut file = options_without_surprises()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(StoreFault::io("create", path))?;
    file.write_all(&compress_to_vec_zlib(lines.as_bytes(), LEVEL))
        .map_err(StoreFault::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn at(minutes: u64) -> Moment {
        Moment {
            wall: 1_790_000_000_000,
            awake: 5_000_000,
            boot: 7,
        }
        .plus(Period::from_mins(minutes))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn each_hour_has_a_file_and_old_ones_are_dropped() {
        let state = std::env::temp_dir().join(format!("gtctl-record-{}", std::process::id()));
        let _ = fs::remove_dir_all(&state);
        let mut record = RecordFiles::new(&state, Period::from_hours(2));
        for minute in 0..300 {
            let begins = record.begins(at(minute));
            assert_eq!(begins, minute % 60 == 0, "{minute}");
            record
                .append(&format!("{{\"minute\":{minute}}}"), at(minute))
                .unwrap();
        }
        let folder = View::of(&state).record();
        let parts = record_parts(&folder).unwrap();
        // The last two hours, the hour in which these begin, and the one that is written.
        let hours: Vec<i64> = parts
            .iter()
            .map(|part| (part.from - at(0).wall) / 3_600_000)
            .collect();
        assert_eq!(hours, [1, 2, 3, 4]);
        assert_eq!(mode(&folder), 0o700);
        let lines: Vec<String> = parts
            .iter()
            .map(|part| {
                assert_eq!(mode(&part.path), 0o600);
                record_lines(part).unwrap()
            })
            .collect();
        assert!(lines.iter().all(|text| text.lines().count() == 60));
        assert!(lines[0].starts_with("{\"minute\":60}"));

        let export = state.join("export.z");
        export_record(&export, &lines.concat()).unwrap();
        let part = &record_parts(&export).unwrap()[0];
        assert_eq!(record_lines(part).unwrap(), lines.concat());
        assert!(export_record(&export, "").is_err(), "it exists");
        fs::write(&export, "garbage").unwrap();
        assert!(record_lines(part).is_err());
        fs::remove_dir_all(&state).unwrap();
    }
}
