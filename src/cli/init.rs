//! `gtctl init`: a first town.toml, and what to type next.

mod choice;

use super::args::{Global, Init, TownArg};
use super::ask::Questions;
use super::exit::{Exit, Trouble};
use super::manifest::{ManifestFile, print_faults};
use super::output::Terminal;
use crate::manifest::{Loaded, schema_text};
use crate::model::Town;
use crate::render::json::{InitPage, VERSION};
use crate::render::words::{count, shell};
pub(super) use choice::KNOWN;
use choice::{Choice, INSTRUCTIONS};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file name of the schema beside the manifest. Editors read it.
const SCHEMA: &str = "town.schema.json";

/// The instructions of a watcher.
const WATCHER: &str = include_str!("../../examples/watcher.md");

/// Whether an existing file may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overwrite {
    Never,
    Forced,
}

pub(super) fn run(global: &Global, args: &Init, terminal: &Terminal) -> Result<Exit, Trouble> {
    let overwrite = if args.force {
        Overwrite::Forced
    } else {
        Overwrite::Never
    };
    if let Some(file) = &args.watcher {
        write(file, WATCHER, overwrite)?;
        terminal.print(&format!(
            "wrote {}: read it, and change what does not fit your town\n",
            file.display()
        ));
        return Ok(Exit::Done);
    }
    let file = place(global, args);
    if overwrite == Overwrite::Never && fs::symlink_metadata(&file).is_ok() {
        return Err(is_there(&file));
    }
    let questions = if args.yes {
        Questions::Assume
    } else {
        Questions::to_terminal()
    };
    let dir = absolute(&file)?
        .parent()
        .map_or_else(|| "/".into(), Path::to_path_buf);
    let choice = Choice::make(args, &dir, questions)?;
    fs::create_dir_all(&dir)
        .map_err(|e| Trouble::new(format!("cannot make {}", dir.display())).because(&e))?;
    write(&file, &choice.text(&format!("./{SCHEMA}")), overwrite)?;
    // An existing schema may be of another version or a link. It serves as well.
    let schema = dir.join(SCHEMA);
    let wrote_schema = write(&schema, schema_text(), overwrite).is_ok();
    let watcher = dir.join(INSTRUCTIONS);
    if choice.instructs() && fs::symlink_metadata(&watcher).is_err() {
        write(&watcher, WATCHER, Overwrite::Never)?;
    }
    let manifest = ManifestFile::of(
        global,
        &TownArg {
            town: Some(file.clone()),
        },
    );
    match manifest.try_load()? {
        Ok(Loaded { town, .. }) => tell(&file, wrote_schema, &town, &choice, terminal),
        Err(faults) => {
            terminal.note(&format!(
                "wrote {}, but settings from other places have errors:",
                file.display()
            ));
            print_faults(&faults, terminal);
            return Err(Trouble::told());
        }
    }
    Ok(Exit::Done)
}

/// The file to write. A path that ends in `.toml` is the file, any other path its folder.
fn place(global: &Global, args: &Init) -> PathBuf {
    let named = args
        .place
        .clone()
        .or_else(|| global.file.clone())
        .unwrap_or_else(|| "town.toml".into());
    let is_file = named
        .extension()
        .is_some_and(|extension| extension == "toml")
        && !named.is_dir();
    if is_file {
        named
    } else {
        named.join("town.toml")
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Trouble> {
    std::path::absolute(path)
        .map_err(|e| Trouble::new("cannot determine the current directory").because(&e))
}

fn is_there(file: &Path) -> Trouble {
    let file = file.display();
    Trouble::new(format!("{file} already exists")).help(format!(
        "`gtctl validate {file}` checks it; `gtctl init --force` replaces it"
    ))
}

/// Writes a file that only its owner may write to, whatever the umask. gtctl refuses a manifest
/// that others could write.
fn write(file: &Path, text: &str, overwrite: Overwrite) -> Result<(), Trouble> {
    let fault = |e: std::io::Error| match e.kind() {
        ErrorKind::AlreadyExists => is_there(file),
        _ => Trouble::new(format!("cannot write {}", file.display())).because(&e),
    };
    let new = |path: &Path| {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(path)?;
        file.write_all(text.as_bytes())
    };
    if overwrite == Overwrite::Never {
        return new(file).map_err(fault);
    }
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let replaced = new(&temporary).and_then(|()| fs::rename(&temporary, file));
    if replaced.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    replaced.map_err(fault)
}

fn tell(file: &Path, wrote_schema: bool, town: &Town, choice: &Choice, terminal: &Terminal) {
    let next = next(file, town);
    if terminal.is_json() {
        terminal.print_json(&InitPage {
            version: VERSION,
            kind: "init".to_owned(),
            town: town.name.to_string(),
            file: file.display().to_string(),
            agent: choice.runs().to_owned(),
            sessions: town.sessions.keys().map(ToString::to_string).collect(),
            next: next.into_iter().map(|(command, _)| command).collect(),
        });
        return;
    }
    let sessions = count(town.sessions.len(), "session");
    let mut lines = vec![format!(
        "wrote {}: town {} with {sessions}, running {}",
        file.display(),
        town.name,
        choice.runs()
    )];
    lines
        .extend(wrote_schema.then(|| format!("and {SCHEMA} beside it, for completion in editors")));
    let told = || {
        format!(
            "and {INSTRUCTIONS}, the watcher's instructions: read it, and change what does not fit"
        )
    };
    lines.extend(choice.instructs().then(told));
    lines.push("next:".to_owned());
    let wide = next
        .iter()
        .map(|(command, _)| command.chars().count())
        .max()
        .unwrap_or(0);
    lines.extend(
        next.iter()
            .map(|(command, why)| format!("  {command:<wide$}   # {why}")),
    );
    terminal.print(&lines.join("\n"));
    choice.notes().iter().for_each(|note| terminal.note(note));
}

/// The commands to type next, each with its purpose.
fn next(file: &Path, town: &Town) -> Vec<(String, &'static str)> {
    let of_verb = |verb: &[&str]| {
        let is_usual = file == Path::new("town.toml") && std::env::var_os("GTCTL_FILE").is_none();
        let file = [String::from("-f"), file.display().to_string()];
        let place = if is_usual { &[][..] } else { &file[..] };
        let words = ["gtctl".to_owned()]
            .into_iter()
            .chain(place.iter().cloned());
        shell(
            &words
                .chain(verb.iter().map(|word| (*word).to_owned()))
                .collect::<Vec<_>>(),
        )
    };
    let mut next = vec![
        (
            of_verb(&["diff"]),
            "what gtctl would do, and why; changes nothing",
        ),
        (
            of_verb(&["apply"]),
            "do it, and wait until everything is ready",
        ),
    ];
    let first = town.sessions.keys().next();
    next.extend(first.map(|name| {
        (
            of_verb(&["attach", name.as_str()]),
            "show it; C-b d leaves it again",
        )
    }));
    next
}
