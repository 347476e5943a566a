//! The sink of one pane. It reads all output of the pane, keeps the newest within limits, and never
//! blocks the pane.
//!
//! tmux starts one for each incarnation (`pipe-pane`). tmux keeps output in memory until the sink
//! reads it, so the sink goes on reading whatever happens to the disk. It drops and counts what
//! cannot be written. Once there is space again, the log says how many bytes are missing. The
//! newest output is in `<generation>.log`, older output in `.log.1`, `.log.2` and so on, and the times of all in `.log.times`.
//!
//! **Architecture invariant:** a sink waits only for input, and ends only at the end of its input.

use super::file;
use super::log_times::Times;
use crate::model::Generation;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// Bytes per read. Few reads in a flood, little memory for a thousand quiet sinks.
const CHUNK: usize = 64 << 10;

/// How much output of one incarnation is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The bytes per file; 0 counts as 1.
    pub size: u64,
    /// The number of files; 0 counts as 1.
    pub files: u32,
}

/// The log of one incarnation that is being written.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    bounds: Bounds,
    open: Option<Open>,
    times: Times,
    missing: Option<Missing>,
}

#[derive(Debug)]
struct Open {
    file: File,
    inode: u64,
    length: u64,
    full: bool,
}

/// Output that was dropped.
#[derive(Debug)]
struct Missing {
    bytes: u64,
    why: io::Error,
}

impl Sink {
    /// A sink into `dir`, which it creates. It cannot fail, because any error may be gone later.
    #[must_use]
    pub fn new(dir: &Path, generation: Generation, bounds: Bounds) -> Self {
        let bounds = Bounds {
            size: bounds.size.max(1),
            files: bounds.files.max(1),
        };
        let path = dir.join(format!("{generation}.log"));
        Self {
            times: Times::of_log(&path),
            path,
            bounds,
            open: None,
            missing: None,
        }
    }

    /// Reads `input` to its end.
    pub fn drain(&mut self, input: &mut impl Read) {
        // Creates the log and its link before the first output.
        self.keep(&[]);
        let mut chunk = vec![0; CHUNK];
        loop {
            match input.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => self.keep(chunk.get(..n).unwrap_or_default()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // The last chance to note missing output.
        self.keep(&[]);
    }

    /// Writes `bytes`, or drops what cannot be written.
    fn keep(&mut self, bytes: &[u8]) {
        if let Some(missing) = self.missing.take() {
            let note = format!(
                "\n[gtctl: {} bytes of output are missing here: {}]\n",
                missing.bytes, missing.why
            );
            if let Err((_, why)) = self.put(note.as_bytes()) {
                let bytes = missing.bytes.saturating_add(bytes.len() as u64);
                self.missing = Some(Missing { bytes, why });
                return;
            }
        }
        if let Err((written, why)) = self.put(bytes) {
            let lost = bytes.len().saturating_sub(written) as u64;
            // An empty write that fails loses nothing. The next write will fail too.
            self.missing = (lost > 0).then_some(Missing { bytes: lost, why });
        }
    }

    /// Writes all bytes, or returns how many were written before the error.
    fn put(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        loop {
            let unwritten = bytes.get(written..).unwrap_or_default();
            match self.put_some(unwritten) {
                Ok(n) => written += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err((written, e)),
            }
            if written >= bytes.len() {
                return Ok(());
            }
        }
    }

    fn put_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::at(&self.path)?,
        };
        if !bytes.is_empty() && (open.full || open.length >= self.bounds.size) {
            // If no new file can be created, the full one stays open but is not written: its limit
            // always holds.
            open = match self.rotate() {
                Ok(fresh) => fresh,
                Err(e) => {
                    self.open = Some(Open { full: true, ..open });
                    return Err(e);
                }
            };
        }
        let open = self.open.insert(open);
        if bytes.is_empty() {
            return Ok(0);
        }
        let fits = fitting(bytes, self.bounds.size.saturating_sub(open.length));
        let part = bytes.get(..fits).unwrap_or(bytes);
        match open.file.write(part) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                self.times.note(open.inode, open.length);
                open.length += n as u64;
                open.full = n == fits && fits < bytes.len();
                Ok(n)
            }
            // The process has a limit on the size of its files. So the files become shorter.
            Err(e) if e.kind() == io::ErrorKind::FileTooLarge && open.length > 0 => {
                open.full = true;
                Ok(0)
            }
            Err(e) => Err(e),
        }
    }

    /// Renames each file to the next number and creates an empty first file. The first file exists
    /// all the time, so `latest.log` never points at nothing.
    fn rotate(&self) -> io::Result<Open> {
        let oldest = self.bounds.files - 1;
        if oldest > 0 {
            file::remove_if_there(&numbered(&self.path, oldest))?;
        }
        for number in (1..oldest).rev() {
            if_there(fs::rename(
                numbered(&self.path, number),
                numbered(&self.path, number + 1),
            ))?;
        }
        let fresh = file::beside(&self.path, "new");
        file::remove_if_there(&fresh)?;
        let opened = file::options_without_surprises()
            .append(true)
            .create_new(true)
            .open(&fresh)?;
        if oldest > 0 && if_there(fs::hard_link(&self.path, numbered(&self.path, 1))).is_err() {
            // Some file systems have no hard links.
            if_there(fs::rename(&self.path, numbered(&self.path, 1)))?;
        }
        fs::rename(&fresh, &self.path)?;
        Ok(Open {
            inode: opened.metadata()?.ino(),
            file: opened,
            length: 0,
            full: false,
        })
    }
}

impl Open {
    /// Opens the log at `path`. Continues an existing one.
    fn at(path: &Path) -> io::Result<Self> {
        let dir = path.parent().unwrap_or(path);
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let file = file::options_without_surprises()
            .append(true)
            .create(true)
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not a regular file",
            ));
        }
        // A log without a link is still a log.
        let _ = point(path);
        Ok(Self {
            file,
            inode: metadata.ino(),
            length: metadata.len(),
            full: false,
        })
    }
}

/// Points `latest.log` in the folder of `log` at it.
pub(super) fn point(log: &Path) -> io::Result<()> {
    let link = log.with_file_name(super::logs::LATEST);
    let name = Path::new(log.file_name().unwrap_or_default());
    if fs::read_link(&link).is_ok_and(|to| to == name) {
        return Ok(());
    }
    let temporary = file::beside(&link, "tmp");
    file::remove_if_there(&temporary)?;
    symlink(name, &temporary)?;
    fs::rename(&temporary, link)
}

/// The path of the older file with this number.
fn numbered(path: &Path, number: u32) -> PathBuf {
    file::beside(path, &number.to_string())
}

/// How many of `bytes` to write into `room` bytes: complete lines, if there is one.
fn fitting(bytes: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    match bytes.get(..room) {
        None => bytes.len(),
        Some(all) if all.len() == bytes.len() => room,
        Some(part) => memchr::memrchr(b'\n', part).map_or(room, |at| at + 1),
    }
}

fn if_there(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn sink(scratch: &Scratch, size: u64, files: u32) -> Sink {
        Sink::new(
            &scratch.path().join("s"),
            Generation(7),
            Bounds { size, files },
        )
    }

    fn text(scratch: &Scratch, name: &str) -> String {
        fs::read_to_string(scratch.path().join("s").join(name)).unwrap_or_default()
    }

    #[test]
    fn the_newest_lines_stay_whole_within_the_bounds() {
        let scratch = Scratch::new("sink-rotate");
        let mut sink = sink(&scratch, 10, 3);
        sink.drain(&mut "aaa\nbbb\nccc\nddd\neee\nfff\nggg\n".as_bytes());
        assert_eq!(text(&scratch, "7.log"), "ggg\n");
        assert_eq!(text(&scratch, "7.log.1"), "eee\nfff\n");
        assert_eq!(text(&scratch, "7.log.2"), "ccc\nddd\n");
        assert_eq!(text(&scratch, "latest.log"), "ggg\n");
        assert_eq!(fs::read_dir(scratch.path().join("s")).unwrap().count(), 5);
        let mode = fs::metadata(scratch.path().join("s/7.log"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_line_without_end_and_a_single_file_keep_the_bound() {
        let scratch = Scratch::new("sink-one");
        let mut sink = sink(&scratch, 10, 1);
        sink.drain(&mut "x".repeat(1005).as_bytes());
        assert_eq!(text(&scratch, "7.log"), "xxxxx");
        assert_eq!(fs::read_dir(scratch.path().join("s")).unwrap().count(), 3);
    }

    #[test]
    fn a_second_sink_of_a_life_goes_on_where_the_first_ended() {
        let scratch = Scratch::new("sink-again");
        sink(&scratch, 10, 2).drain(&mut "aaa\n".as_bytes());
        sink(&scratch, 10, 2).drain(&mut "bbb\nccc\n".as_bytes());
        assert_eq!(
            (text(&scratch, "7.log.1"), text(&scratch, "7.log")),
            ("aaa\nbbb\n".into(), "ccc\n".into())
        );
    }

    #[test]
    fn what_cannot_be_written_is_dropped_and_told_later() {
        let scratch = Scratch::new("sink-blocked");
        let blocker = scratch.path().join("s");
        fs::write(&blocker, "a file where the folder should be").unwrap();
        let mut sink = sink(&scratch, 1000, 2);
        sink.keep(b"lost\n");
        sink.keep(b"gone\n");
        fs::remove_file(&blocker).unwrap();
        sink.keep(b"kept\n");
        let text = text(&scratch, "7.log");
        assert!(
            text.starts_with("\n[gtctl: 10 bytes of output are missing here: "),
            "{text}"
        );
        assert!(text.ends_with("]\nkept\n"), "{text}");
    }

    #[test]
    fn a_link_or_a_pipe_in_its_place_is_not_written_to() {
        let scratch = Scratch::new("sink-link");
        fs::create_dir(scratch.path().join("s")).unwrap();
        let elsewhere = scratch.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        symlink(&elsewhere, scratch.path().join("s/7.log")).unwrap();
        sink(&scratch, 1000, 2).drain(&mut "x\n".as_bytes());
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "");
        fs::remove_file(scratch.path().join("s/7.log")).unwrap();
        nix::unistd::mkfifo(
            &scratch.path().join("s/7.log"),
            nix::sys::stat::Mode::S_IRWXU,
        )
        .unwrap();
        sink(&scratch, 1000, 2).drain(&mut "x\n".as_bytes());
    }
}
