//! Writes programs that a test runs.
//!
//! Not by this process itself: another test may start a program meanwhile, whose process has the
//! open file for an instant. A file that is open for writing cannot be run: "Text file busy".

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Copies a program.
#[track_caller]
pub(crate) fn copy_program(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    let (from, to) = (from.as_ref(), to.as_ref());
    let status = Command::new("cp").arg("--").args([from, to]).status();
    assert!(status.unwrap().success(), "{from:?} to {to:?}");
}

/// Writes a program with this text.
#[track_caller]
pub(crate) fn write_program(path: impl AsRef<Path>, text: &str) {
    let path = path.as_ref();
    let mut writer = Command::new("sh")
        .args(["-c", "cat >\"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = writer.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    assert!(writer.wait().unwrap().success(), "{path:?}");
}
