//! Opens and reads files that somebody else can replace.
//!
//! A path in a manifest, a file of Gas Town, a log that an agent writes: each of them can be a
//! pipe, a device, or a file on a network disk that does not answer. Three rules make such a read
//! harmless:
//!
//! 1. [`open`] never waits, and it opens regular files only.
//! 2. [`read`] reads at most as many bytes as its caller allows.
//! 3. [`aside::ask`] and [`aside::many`] do the work on a separate thread, and wait for it up to a
//!    deadline. A read that hangs in the kernel then blocks only that thread.
//!
//! [`read_or_wait`] alone accepts a named pipe. Some people keep secrets behind a pipe that a
//! program fills on demand.
//!
//! **Architecture invariant:** nothing outside this room opens a file of others for reading in
//! another way.

pub mod aside;

use rustix::event::{PollFd, PollFlags, Timespec};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// What to do if the last part of the path is a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Open the file that it points to.
    Follow,
    /// Fail with `ELOOP`.
    Refuse,
}

/// An open file with its metadata.
///
/// Check owner and mode on `metadata`. It was read from the open file, so nobody can swap the file
/// between the check and the read.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: File,
    /// Its metadata.
    pub metadata: Metadata,
}

/// Opens a regular file for reading.
///
/// It does not wait for the writer of a pipe. A terminal that it opens does not become the
/// controlling terminal of gtctl.
///
/// # Errors
/// Returns the error of the system, or `InvalidData` if the file is not regular.
pub fn open(path: &Path, links: Links) -> io::Result<Opened> {
    let opened = open_any(path, links)?;
    if !opened.metadata.is_file() {
        return Err(not_regular(&opened.metadata));
    }
    Ok(opened)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open`], and `InvalidData` if the file is larger.
pub fn read(path: &Path, links: Links, limit: u64) -> io::Result<Vec<u8>> {
    read_opened(open(path, links)?, limit)
}

/// Reads a regular file of at most `limit` bytes as UTF-8.
///
/// # Errors
/// As [`read`], and `InvalidData` if the content is not UTF-8.
pub fn read_text(path: &Path, links: Links, limit: u64) -> io::Result<String> {
    text_of(read(path, links, limit)?)
}

/// Reads an open file of at most `limit` bytes to its end.
///
/// # Errors
/// Returns the error of the system, or `InvalidData` if the file is larger.
pub fn read_opened(opened: Opened, limit: u64) -> io::Result<Vec<u8>> {
    let Opened { file, metadata } = opened;
    let expected = metadata.len().min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    bounded(bytes, limit)
}

/// Makes text of bytes.
///
/// # Errors
/// Returns `InvalidData` if the bytes are not UTF-8.
pub fn text_of(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| invalid("not UTF-8"))
}

/// Opens a regular file or a named pipe for reading. It follows links and does not wait for a
/// writer.
///
/// # Errors
/// Returns the error of the system, or `InvalidData` if the file is neither.
pub fn open_or_pipe(path: &Path) -> io::Result<Opened> {
    let opened = open_any(path, Links::Follow)?;
    let kind = opened.metadata.file_type();
    if kind.is_file() || kind.is_fifo() {
        return Ok(opened);
    }
    Err(not_regular(&opened.metadata))
}

/// Reads an open file to its end, or a named pipe until its writer closes it. It reads at most
/// `limit` bytes, and it waits for the writer of a pipe until `deadline`.
///
/// # Errors
/// Returns the error of the system, or
///
/// - `InvalidData` if there are more bytes,
/// - `TimedOut` if at the deadline no writer has opened the pipe, or the writer has not closed it.
pub fn read_or_wait(opened: Opened, limit: u64, deadline: Instant) -> io::Result<Vec<u8>> {
    let kind = opened.metadata.file_type();
    if kind.is_fifo() {
        return read_pipe(opened.file, limit, deadline);
    }
    read_opened(opened, limit)
}

/// Reads the first byte of a regular file, to find out whether its disk answers.
///
/// It hangs if the disk does not answer, so call it on a thread of [`aside`].
pub fn touch(path: &Path) {
    aside::reads(path);
    if let Ok(Opened {
        mut file,
        metadata: _,
    }) = open(path, Links::Follow)
    {
        let _ = file.read(&mut [0]);
    }
}

fn open_any(path: &Path, links: Links) -> io::Result<Opened> {
    let mut flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    if links == Links::Refuse {
        flags |= nix::fcntl::OFlag::O_NOFOLLOW;
    }
    aside::reads(path);
    // The standard library adds O_CLOEXEC.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    let metadata = file.metadata()?;
    Ok(Opened { file, metadata })
}

fn read_pipe(mut pipe: File, limit: u64, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let mut had_writer = false;
    while bytes.len() as u64 <= limit {
        // A read without a writer reports the end of the file. Poll waits until there is a writer.
        if !wait_readable(&pipe, deadline)? {
            return Err(late(had_writer));
        }
        had_writer = true;
        match pipe.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    bounded(bytes, limit)
}

/// Waits until the pipe has bytes or its writer has closed it. Returns false at the deadline.
fn wait_readable(pipe: &File, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut polled = [PollFd::new(pipe, PollFlags::IN)];
        match rustix::event::poll(&mut polled, Some(&timespec(left))) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn timespec(left: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    }
}

fn late(had_writer: bool) -> io::Error {
    let why = if had_writer {
        "it is a named pipe, and its writer does not come to an end"
    } else {
        "it is a named pipe, and nobody writes to it"
    };
    io::Error::new(ErrorKind::TimedOut, why)
}

fn bounded(bytes: Vec<u8>, limit: u64) -> io::Result<Vec<u8>> {
    if bytes.len() as u64 <= limit {
        return Ok(bytes);
    }
    let shown = if limit >= 1 << 20 {
        format!("{} MiB", limit >> 20)
    } else {
        format!("{} KiB", limit >> 10)
    };
    Err(invalid(&format!("larger than {shown}")))
}

fn not_regular(metadata: &Metadata) -> io::Error {
    let kind = metadata.file_type();
    let what = if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    invalid(&format!("not a regular file but {what}"))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use std::path::PathBuf;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("gtctl-files-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn pipe(&self) -> PathBuf {
            let path = self.0.join("pipe");
            mkfifo(&path, Mode::S_IRWXU).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    #[test]
    fn only_regular_files_within_their_bound_are_read() {
        let folder = Folder::new("regular");
        let file = folder.0.join("file");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, Links::Refuse, 5).unwrap(), b"12345");
        assert_eq!(
            read(&file, Links::Refuse, 4).unwrap_err().kind(),
            ErrorKind::InvalidData
        );
        let link = folder.0.join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read(&link, Links::Follow, 5).unwrap(), b"12345");
        assert!(read(&link, Links::Refuse, 5).is_err());
        for other in [folder.pipe(), folder.0.clone(), PathBuf::from("/dev/zero")] {
            let fault = read(&other, Links::Follow, 5).unwrap_err();
            assert!(
                fault.to_string().starts_with("not a regular file but "),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_pipe_is_read_to_the_end_of_its_writer() {
        let folder = Folder::new("writer");
        let pipe = folder.pipe();
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::write(pipe, "A=1\n".repeat(10_000)).unwrap()
        });
        let deadline = Instant::now() + Duration::from_secs(20);
        let bytes = read_or_wait(open_or_pipe(&pipe).unwrap(), 1 << 20, deadline).unwrap();
        assert_eq!(bytes.len(), 40_000);
        writer.join().unwrap();
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_or_ends_is_left_at_the_deadline() {
        let folder = Folder::new("nobody");
        let pipe = folder.pipe();
        let fault = read_or_wait(open_or_pipe(&pipe).unwrap(), 10, soon()).unwrap_err();
        assert!(fault.to_string().contains("nobody writes"), "{fault}");
        let mut held = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&pipe)
            .unwrap();
        std::io::Write::write_all(&mut held, b"A=1").unwrap();
        let fault = read_or_wait(open_or_pipe(&pipe).unwrap(), 10, soon()).unwrap_err();
        assert!(
            fault.to_string().contains("does not come to an end"),
            "{fault}"
        );
        std::io::Write::write_all(&mut held, &[b'x'; 100]).unwrap();
        assert_eq!(
            read_or_wait(open_or_pipe(&pipe).unwrap(), 10, soon())
                .unwrap_err()
                .kind(),
            ErrorKind::InvalidData
        );
    }
}
