//! Completion in a shell: the shell asks gtctl itself, which knows the town.

use super::args::{Cli, Global, TownArg};
use super::exit::Exit;
use super::init::KNOWN;
use super::manifest::ManifestFile;
use crate::model::SortedSet;
use crate::model::{Desired, Town};
use clap::{CommandFactory, Parser};
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// A shell that asks for completions sets this to its own name.
pub(super) const VARIABLE: &str = "GTCTL_COMPLETE";

/// Whether a shell asks.
pub(super) fn is_asked() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|shell| !shell.is_empty())
}

/// Answers a shell: prints what can follow the words so far.
pub(super) fn run(words: Vec<OsString>) -> Exit {
    let here = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(Cli::command)
        .var(VARIABLE)
        .try_complete(words, here.as_deref());
    match answered {
        Ok(_) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}

/// The script with which a shell asks.
pub(super) fn script(shell: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let shells = Shells::builtins();
    let known = shells.completer(shell);
    let asker = known.ok_or_else(|| io::Error::other("no such shell"))?;
    asker.write_registration(VARIABLE, "gtctl", "gtctl", "gtctl", &mut text)?;
    Ok(text)
}

/// The declared sessions.
pub(super) fn sessions() -> Vec<CompletionCandidate> {
    of_town(|town| {
        let described = |desired: &Desired| {
            let rig = desired.rig.as_deref().map(|rig| format!(", rig {rig}"));
            let about = format!("{}{}", desired.role, rig.unwrap_or_default());
            CompletionCandidate::new(desired.name.as_str()).help(Some(about.into()))
        };
        town.sessions.values().map(described).collect()
    })
}

/// The roles that sessions have.
pub(super) fn roles() -> Vec<CompletionCandidate> {
    words_of(|desired| Some(desired.role.as_str()))
}

/// The rigs that sessions have.
pub(super) fn rigs() -> Vec<CompletionCandidate> {
    words_of(|desired| desired.rig.as_deref())
}

/// The chores of the town.
pub(super) fn chores() -> Vec<CompletionCandidate> {
    of_town(|town| {
        let names = town.chores.iter().map(|chore| chore.name.as_str());
        names.map(CompletionCandidate::new).collect()
    })
}

/// The agents that gtctl knows.
pub(super) fn agents() -> Vec<CompletionCandidate> {
    KNOWN
        .iter()
        .copied()
        .map(CompletionCandidate::new)
        .collect()
}

fn words_of(word: fn(&Desired) -> Option<&str>) -> Vec<CompletionCandidate> {
    of_town(|town| {
        let words: SortedSet<&str> = town.sessions.values().filter_map(word).collect();
        words.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// What a town offers. Nothing where its manifest cannot be read: a shell has no place for faults.
fn of_town(offer: impl Fn(&Town) -> Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    let file = ManifestFile::of(&typed(), &TownArg { town: None });
    match file.try_load() {
        Ok(Ok(loaded)) => offer(&loaded.town),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

/// The options of every verb, as far as the unfinished line has them.
fn typed() -> Global {
    let words: Vec<OsString> = std::env::args_os().collect();
    let line = words.iter().position(|word| word == "--");
    let line = words
        .get(line.map_or(words.len(), |at| at + 1)..)
        .unwrap_or_default();
    let file = |flag: &str| {
        let at = line.iter().position(|word| word == flag)?;
        line.get(at + 1).map(PathBuf::from)
    };
    let file = file("-f").or_else(|| file("--file"));
    let mut typed = Cli::parse_from(["gtctl", "pause"]).global;
    typed.file = file.or(typed.file);
    typed
}
