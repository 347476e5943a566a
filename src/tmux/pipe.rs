//! The command that keeps a pane's output: read by tmux's parser, then as a format and as a date,
//! then by a shell.
//!
//! `pipe-pane` expands `#(..)`, which runs a shell, and `%H`, before it gives the rest to
//! `/bin/sh`. How a doubled `#` is read depends on what follows it and on tmux's version, so the
//! command holds neither `#` nor `%`: the shell makes them.

use crate::model::Generation;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A server that was started from within an agent has that agent's marker in its environment; a
/// sink is no process of any agent's.
const FORGET: &str = "unset GTCTL_TOWN GTCTL_SESSION GTCTL_GENERATION GTCTL_CRASHES";

/// The shell command of the sink for one life of a session: `exe sink …`, as `gtctl sink` takes it.
/// Plain ASCII.
///
/// Both paths are absolute, and may hold anything but NUL.
#[must_use]
pub fn pipe_command(
    exe: &Path,
    log_dir: &Path,
    generation: Generation,
    size: u64,
    files: u32,
) -> String {
    let (exe, log_dir) = (
        shell_word(exe.as_os_str().as_bytes()),
        shell_word(log_dir.as_os_str().as_bytes()),
    );
    format!(
        "{FORGET}; exec {exe} sink --log-dir {log_dir} --generation {generation} --size {size} --files {files}"
    )
}

/// One word for the shell, in which tmux finds nothing to expand.
fn shell_word(text: &[u8]) -> String {
    let mut word = String::from("'");
    for &byte in text {
        match byte {
            // Writing to a String cannot fail.
            b'\'' | b'#' | b'%' | 0x80.. => drop(write!(word, "'\"$(printf '\\{byte:03o}')\"'")),
            _ => word.push(char::from(byte)),
        }
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::process::Command;

    #[test]
    fn every_byte_reaches_the_program() {
        let every: Vec<u8> = (1..=255).collect();
        let word = shell_word(&every);
        assert!(word.is_ascii() && !word.contains(['#', '%']));
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("printf '%s' {word}"))
            .output()
            .unwrap();
        assert_eq!(output.stdout, every);
    }

    #[test]
    fn a_plain_path_is_easy_to_read() {
        let command = pipe_command(
            Path::new("/bin/gtctl"),
            Path::new(OsStr::new("/s/a b")),
            Generation(7),
            10,
            5,
        );
        assert_eq!(
            command.strip_prefix(FORGET).unwrap(),
            "; exec '/bin/gtctl' sink --log-dir '/s/a b' --generation 7 --size 10 --files 5"
        );
    }
}
