//! Reads what a program prints, line by line, while it runs.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

/// The most bytes of a line. A longer one is handed over in several pieces.
const LINE: u64 = 256 << 10;

/// Runs a program that goes on and on, and hands each line that it prints to `take`.
///
/// It is in our process group, so that Ctrl-C at our terminal ends it, too. It reads nothing, and
/// what it says on standard error is lost. It is killed where the future is dropped.
///
/// # Errors
/// The system's error, where it cannot be started, read or waited for.
pub async fn read_lines(
    argv: &[&OsStr],
    dir: &Path,
    mut take: impl FnMut(&str),
) -> io::Result<ExitStatus> {
    let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(out) = child.stdout.take() {
        let mut reader = BufReader::new(out);
        let mut line = Vec::new();
        while (&mut reader)
            .take(LINE)
            .read_until(b'\n', &mut line)
            .await?
            > 0
        {
            take(String::from_utf8_lossy(&line).trim_end_matches('\n'));
            line.clear();
        }
    }
    child.wait().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::child::words;

    #[test]
    fn each_line_comes_by_itself_and_a_long_one_in_pieces() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let argv = [
            "sh",
            "-c",
            "echo a; printf 'b\\nc'; head -c 300000 /dev/zero | tr '\\0' x",
        ];
        let mut lines = Vec::new();
        let taken = |line: &str| lines.push(line.to_owned());
        let status = runtime
            .block_on(read_lines(&words(&argv), "/".as_ref(), taken))
            .unwrap();
        assert!(status.success());
        let lengths: Vec<usize> = lines.iter().map(String::len).collect();
        assert_eq!(lines.get(..2).unwrap(), ["a", "b"]);
        assert_eq!(lengths, [1, 1, 256 << 10, 300_001 - (256 << 10)]);
    }
}
