//! Drafts a manifest from the files of other tools: tmuxinator, tmuxp, process-compose, a Procfile
//! and systemd units.
//!
//! Each file says which programs there shall be. What a program means in `town.toml` is written
//! there. All else is listed as left out, with the reason, and a person decides.

mod compose;
mod document;
mod procfile;
mod text;
mod tmuxinator;
mod tmuxp;
mod unit;
mod yaml;

use crate::model::SessionName;
use crate::model::{SortedMap, SortedSet};
use std::path::Path;

/// The tools whose files can be read, for messages.
pub const TOOLS: &str = "tmuxinator, tmuxp, process-compose, a Procfile, and systemd units";

/// A manifest drafted from files of other tools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conversion {
    /// The text of the manifest.
    pub text: String,
    /// The sessions that it declares, in the order of the text.
    pub programs: Vec<ForeignProgram>,
    /// What it does not declare.
    pub left: Vec<LeftOut>,
}

/// A program that a file of another tool starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForeignProgram {
    /// The name of its session.
    pub session: String,
    /// Its program and arguments.
    pub command: Vec<String>,
    /// Its directory, as the file has it.
    pub dir: Option<String>,
    /// Its own variables.
    pub env: SortedMap<String, String>,
    /// Files with more variables.
    pub env_files: Vec<String>,
    /// The programs that must be up before it.
    pub after: Vec<String>,
    /// `always`, `on-failure` or `never`, where the file says it.
    pub restart: Option<&'static str>,
    /// How long it may take to end, such as `10s`, where the file says it.
    pub stop_grace: Option<String>,
    /// How many there shall be.
    pub count: u32,
    /// Whether the file keeps it from starting.
    pub is_disabled: bool,
}

/// Something in a file that the manifest does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The file, and the part of it.
    pub what: String,
    /// Why not, or what to do instead.
    pub why: String,
}

/// What one file says.
#[derive(Debug, Default)]
struct Findings {
    /// The name of the whole, if it has one.
    title: Option<String>,
    /// The name of the tmux socket, if it has one.
    socket: Option<String>,
    programs: Vec<ForeignProgram>,
    left: Vec<LeftOut>,
}

impl Findings {
    fn leave(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.left.push(LeftOut {
            what: what.into(),
            why: why.into(),
        });
    }
}

/// Drafts a manifest from files of other tools, each with its text.
///
/// # Errors
/// A sentence that says which file cannot be read, and why.
pub fn convert(town: Option<&str>, files: &[(&Path, &str)]) -> Result<Conversion, String> {
    let mut all = Findings::default();
    for (path, content) in files {
        let shown = path.display();
        let found = read(path, content).map_err(|why| format!("{shown}: {why}"))?;
        all.title = all.title.or(found.title);
        all.socket = all.socket.or(found.socket);
        all.programs.extend(found.programs);
        let named = found.left.into_iter().map(|left| LeftOut {
            what: format!("{shown}: {}", left.what),
            ..left
        });
        all.left.extend(named);
    }
    name_once(&mut all);
    let title = town.map(str::to_owned).or(all.title.take());
    let title = title.map_or_else(|| "town".to_owned(), |title| session_name(&title));
    let text = text::write(&title, all.socket.as_deref(), &all.programs, &all.left);
    Ok(Conversion {
        text,
        programs: all.programs,
        left: all.left,
    })
}

/// Reads a file by its name, or by what is in it.
fn read(path: &Path, content: &str) -> Result<Findings, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if name.ends_with(".service") {
        return Ok(unit::read(&stem, content));
    }
    if name.starts_with("Procfile") {
        return Ok(procfile::read(content));
    }
    let document = yaml::parse(content)?;
    if document.get("processes").is_some() {
        Ok(compose::read(&document))
    } else if document.get("session_name").is_some() {
        Ok(tmuxp::read(&document))
    } else if document.get("windows").or(document.get("tabs")).is_some() {
        Ok(tmuxinator::read(&document))
    } else {
        Err(format!("this is no file of a known tool ({TOOLS})"))
    }
}

/// A name that tmux and gtctl take: other characters become `-`.
fn session_name(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let clean = clean.trim_matches(['-', '_']);
    let short = clean
        .get(..SessionName::MAX_LEN.min(clean.len()))
        .unwrap_or_default();
    if short.is_empty() {
        "session".to_owned()
    } else {
        short.to_owned()
    }
}

/// A command line as an argv. What needs a shell gets one.
fn argv(line: &str) -> Vec<String> {
    let needs_shell = line.contains(['|', '&', ';', '<', '>', '$', '`', '*', '?', '~', '(', '\n']);
    let is_assignment = line
        .split_whitespace()
        .next()
        .is_some_and(|word| word.contains('='));
    match shlex::split(line).filter(|words| !words.is_empty()) {
        Some(words) if !needs_shell && !is_assignment => words,
        Some(_) | None => ["sh", "-c", line].map(str::to_owned).into(),
    }
}

/// Two sessions of one name: the later one gets a number.
fn name_once(all: &mut Findings) {
    let mut taken = SortedSet::new();
    for program in &mut all.programs {
        let wanted = program.session.clone();
        let numbered = (2..).map(|n: u32| format!("{wanted}-{n}"));
        let mut names = std::iter::once(wanted.clone()).chain(numbered);
        if let Some(free) = names.find(|name| !taken.contains(name)) {
            taken.insert(free.clone());
            program.session = free;
        }
    }
    // A name that is waited for is one of this file's own.
    for program in &mut all.programs {
        program.after.retain(|name| taken.contains(name));
    }
}

#[cfg(test)]
mod tests;
