//! What a start needs, checked before anything is done: tmux says yes to a missing program or directory alike.

use super::{Scene, env_file};
use crate::model::{Desired, Generation, Moment, Origin};
use crate::proc::program::{find, is_executable};
use crate::tmux::ops::{Labels, Launch, is_variable};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The kernel takes no longer argument or variable, in bytes.
const MAX_WORD: usize = (128 << 10) - 1;
/// Arguments and environment together, in bytes: half of what the kernel takes under the usual 8 MiB stack.
const MAX_TOTAL: usize = 1 << 20;

/// Why a session cannot be started. Nothing was touched.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchFault {
    #[error("its directory {} does not exist: create it, or change `dir`", .0.display())]
    NoDir(PathBuf),
    #[error("its command is empty: set `command`")]
    NoCommand,
    #[error("`{program}` was not found in {searched}: install it, or give its full path in `command`")]
    NoProgram { program: String, searched: String },
    #[error("{} is not an executable file: `chmod +x` it, or change `command`", .0.display())]
    NotExecutable(PathBuf),
    #[error("its env_file {}: {fault}", .path.display())]
    EnvFile { path: PathBuf, fault: env_file::EnvFileFault },
    #[error("its environment has a name that is none: `{0}` (letters, digits and `_`, no digit first)")]
    BadName(String),
    #[error("{} has a `=` in its path, which `env` takes for a variable: give it another path", .0.display())]
    Assignment(PathBuf),
    #[error("{0} holds a NUL, which no program can be given: remove it")]
    Nul(String),
    #[error("{what} has {bytes} bytes, more than the {most} that can be given to a program: pass it in a file")]
    TooLong { what: String, bytes: usize, most: usize },
}

/// Checks all that a start needs and puts it together. Reads the files it names, and changes nothing.
pub(super) fn prepare(
    scene: &Scene<'_>,
    desired: &Desired,
    generation: Generation,
    handoff: Option<Moment>,
    crashes: u32,
) -> Result<Launch, LaunchFault> {
    if !desired.dir.is_dir() {
        return Err(LaunchFault::NoDir(desired.dir.clone()));
    }
    let env = environment(desired)?;
    let marker: BTreeMap<String, String> = [
        ("GTCTL_TOWN", scene.town.name.to_string()),
        ("GTCTL_SESSION", desired.name.to_string()),
        ("GTCTL_GENERATION", generation.to_string()),
        ("GTCTL_CRASHES", crashes.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let argv = resolved(&desired.command, &desired.dir, &env)?;
    check_sizes(&argv, &env)?;
    let labels = Labels {
        town: scene.town.name.clone(),
        session: desired.name.clone(),
        generation,
        started: scene.now,
        fingerprint: desired.fingerprint(),
        handoff,
        origin: Origin::Started,
    };
    let pipe = scene.logs.pipe(&desired.name, generation, desired.logs);
    Ok(Launch { name: desired.name.clone(), dir: desired.dir.clone(), argv, env, marker, labels, pipe })
}

/// A command that is run beside a session: its argv with an absolute path, and the session's own environment.
pub(super) fn beside(
    desired: &Desired,
    command: &[String],
) -> Result<(Vec<String>, BTreeMap<String, String>), LaunchFault> {
    if !desired.dir.is_dir() {
        return Err(LaunchFault::NoDir(desired.dir.clone()));
    }
    let env = environment(desired)?;
    let argv = resolved(command, &desired.dir, &env)?;
    check_sizes(&argv, &env)?;
    Ok((argv, env))
}

/// Checks that a command can be run in this directory.
pub(super) fn check_program(command: &[String], dir: &Path) -> Result<(), LaunchFault> {
    if !dir.is_dir() {
        return Err(LaunchFault::NoDir(dir.to_path_buf()));
    }
    resolved(command, dir, &BTreeMap::new()).map(drop)
}

/// What is taken over from our own environment, then what gtctl adds, then the file, then what the manifest says: later ones win.
fn environment(desired: &Desired) -> Result<BTreeMap<String, String>, LaunchFault> {
    let from_ours = |name: &String| Some((name.clone(), std::env::var(name).ok()?));
    let mut env: BTreeMap<String, String> = desired.pass_env.iter().filter_map(from_ours).collect();
    env.extend(desired.identity_env.clone());
    if let Some(path) = &desired.env_file {
        env.extend(env_file::read(path).map_err(|fault| LaunchFault::EnvFile { path: path.clone(), fault })?);
    }
    env.extend(desired.env.clone());
    // Ours are given by us alone.
    env.retain(|name, _| !name.starts_with("GTCTL_"));
    match env.keys().find(|name| !is_variable(name)) {
        Some(name) => Err(LaunchFault::BadName(name.clone())),
        None => Ok(env),
    }
}

/// The command with its program as an absolute path, of an executable file.
fn resolved(command: &[String], dir: &Path, env: &BTreeMap<String, String>) -> Result<Vec<String>, LaunchFault> {
    let (program, arguments) = command.split_first().filter(|(p, _)| !p.is_empty()).ok_or(LaunchFault::NoCommand)?;
    let found = if program.contains('/') {
        let path = dir.join(program);
        if !path.exists() {
            let searched =
                if program.starts_with('/') { "the file system".to_owned() } else { dir.display().to_string() };
            return Err(LaunchFault::NoProgram { program: program.clone(), searched });
        }
        if !is_executable(&path) {
            return Err(LaunchFault::NotExecutable(path));
        }
        path
    } else {
        search(program, env)?
    };
    if found.as_os_str().as_encoded_bytes().contains(&b'=') {
        return Err(LaunchFault::Assignment(found));
    }
    // A path that is not UTF-8 can only come from PATH itself.
    let found = found.to_str().ok_or_else(|| LaunchFault::NotExecutable(found.clone()))?.to_owned();
    Ok(std::iter::once(found).chain(arguments.iter().cloned()).collect())
}

fn search(program: &str, env: &BTreeMap<String, String>) -> Result<PathBuf, LaunchFault> {
    let (path, searched) = match env.get("PATH") {
        Some(path) => (path.into(), format!("its PATH ({path})")),
        None => (std::env::var_os("PATH").unwrap_or_default(), "PATH".to_owned()),
    };
    find(program, &path).ok_or_else(|| LaunchFault::NoProgram { program: program.to_owned(), searched })
}

fn check_sizes(argv: &[String], env: &BTreeMap<String, String>) -> Result<(), LaunchFault> {
    let arguments = argv.iter().zip(0..).map(|(word, n)| (format!("argument {n} of its command"), word.len(), word));
    let variables =
        env.iter().map(|(name, value)| (format!("its variable {name}"), name.len() + 1 + value.len(), value));
    let mut total = 0;
    for (what, bytes, text) in arguments.chain(variables) {
        if text.contains('\0') {
            return Err(LaunchFault::Nul(what));
        }
        if bytes > MAX_WORD {
            return Err(LaunchFault::TooLong { what, bytes, most: MAX_WORD });
        }
        total += bytes + 1;
    }
    if total > MAX_TOTAL {
        let what = "its command and environment together".to_owned();
        return Err(LaunchFault::TooLong { what, bytes: total, most: MAX_TOTAL });
    }
    Ok(())
}
