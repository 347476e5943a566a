//! The texts that an agent was given at its start: its command line, the files named there, its
//! environment and its instructions. A client shows them on its screen, so a completion marker in
//! such a text does not come from the agent.
//!
//! They are read once for each incarnation, at the first look that listens to it. Only the text
//! around markers is kept. A file is opened without blocking, must be regular, and is read up to a
//! bound.

use crate::files::{self, Links, Opened};
use crate::model::SortedSet;
use crate::model::{Desired, Given, Marker, Origin, ProcId, Program};
use crate::proc::{process, tree};
use crate::screen::output::Matcher;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The most bytes read of one file.
const MAX_FILE: u64 = 256 << 10;
/// The most files read for one session.
const MAX_FILES: usize = 16;
/// The most words of a command line that are tried as file names.
const MAX_WORDS: usize = 256;
/// The most processes whose command lines are read, for a session that gtctl has not started.
const MAX_PROCESSES: usize = 16;
/// Shells that take a script after `-c`.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "fish"];
/// Commands that print their arguments. Those are output of the session, and no task.
const PRINTERS: [&str; 3] = ["echo", "printf", "print"];

/// A digest of the markers. It tells whether a former search used the same ones.
pub(super) fn digest(markers: &[Marker]) -> u64 {
    let text = format!("{markers:?}");
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The parts of the given texts that contain markers. `pane` is the process of the agent's pane.
pub(super) fn given(desired: &Desired, origin: Origin, pane: Option<ProcId>) -> Given {
    let markers = &desired.completion.markers;
    let matcher = Matcher::new(markers, &[]);
    let mut pieces: Vec<String> = Vec::new();
    for text in texts(desired, origin, pane) {
        // An argument that is only the marker is no task: a script prints it at its end.
        let is_only_marker = markers
            .iter()
            .any(|marker| matches!(marker, Marker::Text(own) if own.trim() == text.trim()));
        if !is_only_marker {
            pieces.extend(matcher.pieces(&text));
        }
    }
    pieces.sort();
    pieces.dedup();
    pieces.truncate(Given::MAX);
    Given {
        markers: digest(markers),
        pieces,
    }
}

fn texts(desired: &Desired, origin: Origin, pane: Option<ProcId>) -> Vec<String> {
    let mut texts = Vec::new();
    let mut files: SortedSet<PathBuf> = desired.instructions.iter().cloned().collect();
    let mut take = |argv: &[String], dir: &Path| {
        texts.extend(arguments(argv));
        files.extend(named_files(argv, dir));
    };
    take(&desired.command, &desired.dir);
    if origin != Origin::Started {
        for (argv, dir) in pane.map(command_lines).unwrap_or_default() {
            take(&argv, dir.as_deref().unwrap_or(&desired.dir));
        }
    }
    texts.extend(desired.env.values().cloned());
    texts.extend(
        files
            .iter()
            .take(MAX_FILES)
            .filter_map(|path| text_of(path)),
    );
    texts
}

/// The command lines of a pane's processes, with their working directories.
fn command_lines(pane: ProcId) -> Vec<(Vec<String>, Option<PathBuf>)> {
    let members = tree::tree(pane);
    let of = |pid| process::argv(pid, Program::MAX_ARGV).map(|argv| (argv, process::cwd(pid)));
    members
        .iter()
        .take(MAX_PROCESSES)
        .filter_map(|member| of(member.id.pid))
        .collect()
}

/// The texts of a command line: each argument, and the commands of a shell script except those that
/// print.
fn arguments(argv: &[String]) -> Vec<String> {
    let script = script_of(argv);
    let plain = argv
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(at, _)| Some(*at) != script)
        .map(|(_, text)| text.clone());
    let commands = script
        .and_then(|at| argv.get(at))
        .map(|text| commands_of(text))
        .unwrap_or_default();
    let tasks = commands
        .into_iter()
        .filter(|command| !is_printer(command))
        .map(str::to_owned);
    plain.chain(tasks).collect()
}

/// The index of the script in `sh -c SCRIPT`.
fn script_of(argv: &[String]) -> Option<usize> {
    let shell = argv
        .iter()
        .position(|word| SHELLS.contains(&basename(word)))?;
    let is_flag =
        |word: &String| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c');
    let flag = argv.iter().skip(shell + 1).position(is_flag)?;
    Some(shell + flag + 2)
}

/// Splits a script into simple commands at separators outside of quotation marks.
fn commands_of(script: &str) -> Vec<&str> {
    let mut commands = Vec::new();
    let (mut begin, mut quote, mut escaped) = (0, None, false);
    for (at, c) in script.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', None | Some('"')) => escaped = true,
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (';' | '|' | '&' | '\n' | '{' | '}', None) => {
                commands.extend(script.get(begin..at));
                begin = at + c.len_utf8();
            }
            _ => {}
        }
    }
    commands.extend(script.get(begin..));
    commands
}

fn is_printer(command: &str) -> bool {
    let mut words = command
        .split_whitespace()
        .filter(|word| !matches!(*word, "then" | "else" | "do" | "if" | "(" | "!"));
    words
        .next()
        .is_some_and(|word| PRINTERS.contains(&basename(word.trim_start_matches('('))))
}

/// The files that a command line names: as an argument, after `=` or `@`, or in a script.
///
/// Programs are sorted out later, by [`text_of`].
fn named_files(argv: &[String], dir: &Path) -> Vec<PathBuf> {
    let script = script_of(argv);
    let whole = argv
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(at, _)| Some(*at) != script)
        .map(|(_, text)| text.as_str());
    let words = script.and_then(|at| argv.get(at)).into_iter();
    let words =
        words.flat_map(|text| text.split(|c: char| c.is_whitespace() || "<>()|;&\"'`".contains(c)));
    let candidates = whole
        .chain(words)
        .filter(|word| !word.is_empty() && !word.contains('\n'));
    let paths = candidates.take(MAX_WORDS).flat_map(|word| {
        let after = word.split_once('=').map(|(_, value)| value);
        [Some(word), after]
            .into_iter()
            .flatten()
            .map(|name| name.trim_start_matches('@'))
    });
    paths
        .filter(|name| !name.is_empty() && !name.starts_with('-'))
        .map(|name| dir.join(name))
        .collect()
}

/// The text of a regular file that is neither executable nor binary.
fn text_of(path: &Path) -> Option<String> {
    let Opened { file, metadata } = files::open(path, Links::Follow).ok()?;
    if metadata.mode() & 0o111 != 0 {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    let is_binary = bytes.contains(&0);
    (!is_binary).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn arguments_are_texts_and_what_a_script_prints_is_none() {
        assert_eq!(
            arguments(&argv(&["claude", "-p", "do it"])),
            ["-p", "do it"]
        );
        let script = "cd /x && codex exec 'say; DONE' | tee log; echo DONE";
        let texts = arguments(&argv(&["/bin/bash", "-lc", script]));
        assert_eq!(
            texts,
            ["-lc", "cd /x ", "", " codex exec 'say; DONE' ", " tee log"]
        );
    }

    #[test]
    fn files_are_found_in_arguments_options_and_redirections() {
        let dir = Path::new("/d");
        let found = |words: &[&str]| named_files(&argv(words), dir);
        assert!(found(&["codex", "file", "brief.md"]).contains(&PathBuf::from("/d/brief.md")));
        assert!(found(&["x", "--prompt-file=/a/b"]).contains(&PathBuf::from("/a/b")));
        assert!(found(&["gemini", "-p", "@task.md"]).contains(&PathBuf::from("/d/task.md")));
        assert!(
            found(&["sh", "-c", "codex exec - <brief.md"]).contains(&PathBuf::from("/d/brief.md"))
        );
        assert!(
            found(&["sh", "-c", "claude -p \"$(cat brief.md)\""])
                .contains(&PathBuf::from("/d/brief.md"))
        );
    }

    #[test]
    fn only_regular_files_that_are_no_programs_are_read() {
        let dir = std::env::temp_dir().join(format!("gtctl-given-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let at = |name: &str| dir.join(name);
        std::fs::write(at("text"), "words").unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(text_of(&at("text")).as_deref(), Some("words"));
        assert_eq!(
            (text_of(&at("pipe")), text_of(&dir), text_of(&at("none"))),
            (None, None, None)
        );
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
