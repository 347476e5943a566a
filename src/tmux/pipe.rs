//! The command that receives a pane's output. It is read by tmux's parser, as a format, as a date,
//! and then by a shell.
//!
//! `pipe-pane` expands `#(..)`, which runs a shell, and `%H`. The meaning of a doubled `#` depends
//! on the next character and the version of tmux. So the command contains neither `#` nor `%`; the
//! shell creates them with `printf`.

use crate::model::Generation;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Removes the env tag. A server started from within an agent has the agent's tag, but a sink
/// belongs to no agent.
const FORGET: &str = "unset GTCTL_TOWN GTCTL_SESSION GTCTL_GENERATION GTCTL_CRASHES";

/// The shell command of the sink for one incarnation: `exe sink …`, in plain ASCII.
///
/// Both paths are absolute and may contain any byte except NUL. `size` is in bytes per file,
/// `files` is the number of files.
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

/// Quotes a word for the shell, without anything that tmux would expand.
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
