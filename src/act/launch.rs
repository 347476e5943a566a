//! What a start needs. It is checked first, because tmux reports success even if the program or the
//! directory is missing.
//!
//! A separate thread asks the file system, with a deadline ([`find_all`]). So a disk that does not
//! answer, or an `env_file` that is a pipe without a writer, delays no other session.

use super::inject::{Injected, Reports, inject};
use super::{Scene, env_file};
use crate::files::aside::{self, Asking, Late};
use crate::model::{
    CannotStart, Conversation, Desired, EnvFile, Generation, Moment, Origin, SessionName,
};
use crate::model::{SortedMap, SortedSet};
use crate::proc::program::{find, is_executable};
use crate::tmux::ops::{Labels, SessionLaunch, is_variable};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The longest argument or variable that the kernel accepts, in bytes.
const MAX_WORD: usize = (128 << 10) - 1;
/// The largest size of arguments and environment together, in bytes: half of what the kernel
/// accepts with the usual 8 MiB stack.
const MAX_TOTAL: usize = 1 << 20;

/// The most paths that are watched for one session that cannot be started.
const MOST_AWAITED: usize = 64;

/// Why a session cannot be started. Nothing was touched.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchFault {
    #[error("its directory {} does not exist: create it, or change `dir`", .0.display())]
    NoDir(PathBuf),
    #[error("its command is empty: set `command`")]
    NoCommand,
    #[error("`{program}` not found in {searched}: install it, or give its full path in `command`")]
    NoProgram { program: String, searched: String },
    #[error("{} is not an executable file: `chmod +x` it, or change `command`", .0.display())]
    NotExecutable(PathBuf),
    #[error("its env_file {}: {fault}", .path.display())]
    EnvFile {
        path: PathBuf,
        fault: env_file::EnvFileFault,
    },
    #[error("its directory, program or env_file cannot be looked at: {0}")]
    Late(#[from] Late),
    #[error(
        "its environment has an invalid name: `{0}` (use letters, digits and `_`, no digit first)"
    )]
    BadName(String),
    #[error("{} has a `=` in its path, which `env` takes for a variable: give it another path", .0.display())]
    Assignment(PathBuf),
    #[error("{0} contains a NUL character: remove it")]
    Nul(String),
    #[error(
        "{what} has {bytes} bytes, more than the {most} that can be given to a program: pass it in a file"
    )]
    TooLong {
        what: String,
        bytes: usize,
        most: usize,
    },
}

/// The declared command, directory and files: what the file system must be asked about.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    command: Vec<String>,
    dir: PathBuf,
    pass_env: Vec<String>,
    identity_env: SortedMap<String, String>,
    env_files: Vec<EnvFile>,
    env: SortedMap<String, String>,
}

impl Wanted {
    /// A session's own command.
    pub(super) fn of(desired: &Desired) -> Self {
        Self::beside(desired, &desired.command)
    }

    /// What can be checked of a session before its start. If a launcher's commands start it, those
    /// are checked.
    fn to_check(desired: &Desired) -> Self {
        match desired.commands() {
            None => Self::of(desired),
            Some(commands) => Self {
                command: commands.start.clone(),
                dir: commands.dir.clone(),
                pass_env: Vec::new(),
                identity_env: SortedMap::new(),
                env_files: Vec::new(),
                env: SortedMap::new(),
            },
        }
    }

    /// Another command with the directory and the environment of a session.
    pub(super) fn beside(desired: &Desired, command: &[String]) -> Self {
        Self {
            command: command.to_vec(),
            dir: desired.dir.clone(),
            pass_env: desired.pass_env.iter().cloned().collect(),
            identity_env: desired.identity_env.clone(),
            env_files: desired.env_files.clone(),
            env: desired.env.clone(),
        }
    }
}

/// The result: the argv with the absolute path of its program, and the whole environment.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) argv: Vec<String>,
    pub(super) env: SortedMap<String, String>,
}

/// Finds all of these, in their order. Takes at most [`aside::PATIENCE`]. Later answers are
/// [`LaunchFault::Late`].
pub(super) async fn find_all(wanted: Vec<Wanted>) -> Vec<Result<Found, LaunchFault>> {
    ask_all(wanted, look_up).await
}

async fn ask_all<T: Send + 'static>(
    wanted: Vec<Wanted>,
    ask: fn(&Wanted, Instant) -> Result<T, LaunchFault>,
) -> Vec<Result<T, LaunchFault>> {
    if wanted.is_empty() {
        return vec![];
    }
    let places: Vec<(Vec<EnvFile>, PathBuf)> = wanted
        .iter()
        .map(|wanted| (wanted.env_files.clone(), wanted.dir.clone()))
        .collect();
    let found = aside::many(aside::PATIENCE, wanted, ask).await;
    found
        .into_iter()
        .zip(places)
        .map(|(answer, (env_files, dir))| {
            answer.unwrap_or_else(|late| {
                let late = env_files
                    .iter()
                    .fold(late, |late, file| late.about(&file.path));
                Err(late.about(&dir).into())
            })
        })
        .collect()
}

/// The sessions whose program or directory is missing, whose `env_file` has a fault in its text, or
/// whose disk does not answer. Reads no pipe. If an `env_file` may set PATH, the program is searched
/// only at the start.
///
/// Takes at most [`aside::PATIENCE`].
pub async fn cannot_start(sessions: Vec<&Desired>) -> SortedMap<SessionName, CannotStart> {
    let names: Vec<SessionName> = sessions
        .iter()
        .map(|desired| desired.name.clone())
        .collect();
    let wanted = sessions.into_iter().map(Wanted::to_check).collect();
    let lacking = ask_all(wanted, |wanted, deadline| Ok(lacks(wanted, deadline)))
        .await
        .into_iter()
        .map(|answer| match answer {
            Ok(lacking) => lacking,
            Err(fault) => Some(CannotStart {
                why: fault.to_string(),
                awaited: SortedSet::new(),
            }),
        });
    names
        .into_iter()
        .zip(lacking)
        .filter_map(|(name, lacking)| Some((name, lacking?)))
        .collect()
}

/// What is missing, if anything. May hang.
fn lacks(wanted: &Wanted, deadline: Instant) -> Option<CannotStart> {
    let late = |late: Late| CannotStart {
        why: LaunchFault::Late(late).to_string(),
        awaited: SortedSet::new(),
    };
    if let Err(fault) = check_files(wanted, deadline) {
        // What one file lacks may come from an earlier one.
        let awaited = if let LaunchFault::EnvFile { .. } = &fault {
            let files = wanted.env_files.iter().map(|file| file.path.clone());
            files.take(MOST_AWAITED).collect()
        } else {
            SortedSet::new()
        };
        return Some(CannotStart {
            why: fault.to_string(),
            awaited,
        });
    }
    let _asking = match Asking::about(&wanted.dir) {
        Ok(asking) => asking,
        Err(fault) => return Some(late(fault)),
    };
    let found = if wanted.dir.is_dir() {
        let env = declared(wanted);
        let may_change = !wanted.env_files.is_empty() && !wanted.env.contains_key("PATH");
        let is_searched = wanted
            .command
            .first()
            .is_some_and(|program| !program.contains('/'));
        if may_change && is_searched {
            return None;
        }
        resolved(&wanted.command, &wanted.dir, &env).map(drop)
    } else {
        Err(LaunchFault::NoDir(wanted.dir.clone()))
    };
    let fault = found.err()?;
    let missing: Vec<PathBuf> = match &fault {
        LaunchFault::NoDir(path) | LaunchFault::NotExecutable(path) => vec![path.clone()],
        LaunchFault::NoProgram { program, .. } if program.contains('/') => {
            vec![wanted.dir.join(program)]
        }
        LaunchFault::NoProgram { program, .. } => {
            let path = search_path(&declared(wanted)).0;
            std::env::split_paths(&path)
                .filter(|dir| dir.is_absolute())
                .map(|dir| dir.join(program))
                .collect()
        }
        LaunchFault::NoCommand
        | LaunchFault::EnvFile { .. }
        | LaunchFault::Late(_)
        | LaunchFault::BadName(_)
        | LaunchFault::Assignment(_)
        | LaunchFault::Nul(_)
        | LaunchFault::TooLong { .. } => return None,
    };
    let awaited = missing
        .iter()
        .take(MOST_AWAITED)
        .map(|path| first_missing(path))
        .collect();
    Some(CannotStart {
        why: fault.to_string(),
        awaited,
    })
}

/// Whether the disks of the files answer, and whether what they say can be used.
///
/// If one is a pipe, none is read: its writer waits for its one reader, which is the start. A file
/// that is missing or not to be trusted is a fault of the start, too.
fn check_files(wanted: &Wanted, deadline: Instant) -> Result<(), LaunchFault> {
    let mut is_plain = true;
    for file in &wanted.env_files {
        let _asking = Asking::about(&file.path)?;
        let is_other = |metadata: fs::Metadata| !metadata.is_file();
        is_plain &= !fs::metadata(&file.path).is_ok_and(is_other);
    }
    if !is_plain {
        return Ok(());
    }
    match variables_of_files(wanted, deadline) {
        Err(LaunchFault::EnvFile { fault, .. }) if !fault.is_in_text() => Ok(()),
        checked => checked.map(drop),
    }
}

/// The first part of a path that does not exist. The whole path if all of it exists.
fn first_missing(path: &Path) -> PathBuf {
    let missing = path.ancestors().take_while(|part| !part.exists()).last();
    missing.unwrap_or(path).to_path_buf()
}

/// As [`find_all`], for one.
pub(super) async fn find_one(wanted: Wanted) -> Result<Found, LaunchFault> {
    let found = find_all(vec![wanted]).await.pop();
    found.unwrap_or(Err(LaunchFault::Late(Late::NoThread)))
}

/// Asks the file system. May hang. A pipe is waited for until `deadline`.
///
/// It asks about the directory first and the `env_file` later, so that other sessions with the same
/// directory do not wait for the file.
fn look_up(wanted: &Wanted, deadline: Instant) -> Result<Found, LaunchFault> {
    let is_dir = Asking::about(&wanted.dir).map(|_asking| wanted.dir.is_dir())?;
    if !is_dir {
        return Err(LaunchFault::NoDir(wanted.dir.clone()));
    }
    let env = environment(wanted, deadline)?;
    let _asking = Asking::about(&wanted.dir)?;
    let argv = resolved(&wanted.command, &wanted.dir, &env)?;
    check_sizes(&argv, &env)?;
    Ok(Found { argv, env })
}

/// Everything with which a new process begins.
pub(super) struct Beginning<'a> {
    pub(super) generation: Generation,
    pub(super) handoff: Option<Moment>,
    pub(super) crashes: u32,
    pub(super) conversation: &'a Conversation,
}

/// Puts together what a start needs, without I/O except for one thing: it writes the files that
/// tell a client its hooks.
pub(super) fn prepare(
    scene: &Scene<'_>,
    desired: &Desired,
    found: Found,
    beginning: &Beginning<'_>,
) -> SessionLaunch {
    let Beginning {
        generation,
        handoff,
        crashes,
        conversation,
    } = *beginning;
    let Found { argv, mut env } = found;
    let reports = scene
        .logs
        .sink
        .map(|(program, state)| Reports { program, state });
    let Injected { argv, env: added } = inject(desired, argv, conversation, reports, &env);
    env.extend(added);
    let mut marker: SortedMap<String, String> = [
        ("GTCTL_TOWN", scene.town.name.to_string()),
        ("GTCTL_SESSION", desired.name.to_string()),
        ("GTCTL_GENERATION", generation.to_string()),
        ("GTCTL_CRASHES", crashes.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    // Of the variables that gtctl adds, its own are no part of the environment above.
    let own = desired.identity_env.iter();
    let own = own.filter(|(name, _)| name.starts_with("GTCTL_"));
    marker.extend(own.map(|(name, value)| (name.clone(), value.clone())));
    let program = scene.logs.sink.map(|(program, _)| program);
    let argv = by_leave_of_the_guard(program, &marker, argv);
    if let Some((_, state)) = scene.logs.sink.filter(|_| desired.agent.reports()) {
        let folder = state.reports_dir().to_string_lossy().into_owned();
        marker.insert("GTCTL_REPORTS".to_owned(), folder);
    }
    let labels = Labels {
        town: scene.town.name.clone(),
        session: desired.name.clone(),
        generation,
        started: scene.now,
        fingerprint: desired.fingerprint(),
        handoff,
        origin: Origin::Started,
        conversation: conversation.id().cloned(),
    };
    let pipe = scene.logs.pipe(&desired.name, generation, desired.logs);
    SessionLaunch {
        name: desired.name.clone(),
        dir: desired.dir.clone(),
        argv,
        env,
        marker,
        labels,
        pipe,
    }
}

/// There is no such file, and its name says in the log what is wrong.
const NO_PROGRAM: &str = "/nonexistent/gtctl-cannot-be-run-so-nothing-that-can-move-may-start";

/// The command of a session that can move from host to host: it first asks the guard of this host
/// whether it still may begin, as tmux can carry out a start late.
///
/// Where gtctl's own program is gone, nothing can ask the guard. Then the start must fail: a command
/// that began all the same could live twice.
fn by_leave_of_the_guard(
    program: Option<&Path>,
    marker: &SortedMap<String, String>,
    argv: Vec<String>,
) -> Vec<String> {
    if !marker.contains_key("GTCTL_GUARD") {
        return argv;
    }
    let program = program.unwrap_or(Path::new(NO_PROGRAM));
    let enter = [&*program.to_string_lossy(), "guard", "enter", "--"].map(str::to_owned);
    enter.into_iter().chain(argv).collect()
}

/// Checks that commands can run in this directory. Waits at most [`aside::PATIENCE`].
pub(super) fn check_programs(commands: Vec<Vec<String>>, dir: &Path) -> Result<(), LaunchFault> {
    let at = dir.to_path_buf();
    aside::ask(dir, move || {
        if !at.is_dir() {
            return Err(LaunchFault::NoDir(at));
        }
        commands
            .iter()
            .try_for_each(|command| resolved(command, &at, &SortedMap::new()).map(drop))
    })?
}

/// The environment: inherited variables, then gtctl's own, then those of the files in their order,
/// then those of the manifest. Later ones win.
fn environment(
    wanted: &Wanted,
    deadline: Instant,
) -> Result<SortedMap<String, String>, LaunchFault> {
    let mut env = given(wanted);
    env.extend(variables_of_files(wanted, deadline)?);
    env.extend(wanted.env.clone());
    // Only gtctl sets its own variables.
    env.retain(|name, _| !name.starts_with("GTCTL_"));
    let bad = env.keys().find(|name| !is_variable(name)).cloned();
    bad.map_or(Ok(env), |name| Err(LaunchFault::BadName(name)))
}

/// The variables of all files. A missing file that is optional has none.
fn variables_of_files(
    wanted: &Wanted,
    deadline: Instant,
) -> Result<SortedMap<String, String>, LaunchFault> {
    let mut variables = env_file::Variables::new(&wanted.env);
    for EnvFile { path, optional } in &wanted.env_files {
        let _asking = Asking::about(path)?;
        match env_file::read(path, deadline, &mut variables) {
            Err(fault) if *optional && fault.is_missing() => {}
            read => read.map_err(|fault| LaunchFault::EnvFile {
                path: path.clone(),
                fault,
            })?,
        }
    }
    Ok(variables.into_found())
}

/// The inherited variables and gtctl's own.
fn given(wanted: &Wanted) -> SortedMap<String, String> {
    let from_ours = |name: &String| Some((name.clone(), std::env::var(name).ok()?));
    let mut env: SortedMap<String, String> = wanted.pass_env.iter().filter_map(from_ours).collect();
    env.extend(wanted.identity_env.clone());
    env
}

/// The environment without the variables of the files.
fn declared(wanted: &Wanted) -> SortedMap<String, String> {
    let mut env = given(wanted);
    env.extend(wanted.env.clone());
    env
}

/// The command with the absolute path of its program, which is an executable file.
fn resolved(
    command: &[String],
    dir: &Path,
    env: &SortedMap<String, String>,
) -> Result<Vec<String>, LaunchFault> {
    let (program, arguments) = command
        .split_first()
        .filter(|(p, _)| !p.is_empty())
        .ok_or(LaunchFault::NoCommand)?;
    let found = if program.contains('/') {
        let path = dir.join(program);
        if !path.exists() {
            let searched = if program.starts_with('/') {
                "the file system".to_owned()
            } else {
                dir.display().to_string()
            };
            return Err(LaunchFault::NoProgram {
                program: program.clone(),
                searched,
            });
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
    // A path that is not UTF-8 can only come from PATH.
    let found = found
        .to_str()
        .ok_or_else(|| LaunchFault::NotExecutable(found.clone()))?
        .to_owned();
    Ok(std::iter::once(found)
        .chain(arguments.iter().cloned())
        .collect())
}

fn search(program: &str, env: &SortedMap<String, String>) -> Result<PathBuf, LaunchFault> {
    let (path, searched) = search_path(env);
    find(program, &path).ok_or_else(|| LaunchFault::NoProgram {
        program: program.to_owned(),
        searched,
    })
}

/// The folders in which the programs of this environment are searched, and the name of their
/// source.
fn search_path(env: &SortedMap<String, String>) -> (OsString, String) {
    match env.get("PATH") {
        Some(path) => (path.into(), format!("its PATH ({path})")),
        None => (
            std::env::var_os("PATH").unwrap_or_default(),
            "PATH".to_owned(),
        ),
    }
}

fn check_sizes(argv: &[String], env: &SortedMap<String, String>) -> Result<(), LaunchFault> {
    let arguments = argv
        .iter()
        .zip(0..)
        .map(|(word, n)| (format!("argument {n} of its command"), word.len(), word));
    let variables = env.iter().map(|(name, value)| {
        (
            format!("its variable {name}"),
            name.len() + 1 + value.len(),
            value,
        )
    });
    let mut total = 0;
    for (what, bytes, text) in arguments.chain(variables) {
        if text.contains('\0') {
            return Err(LaunchFault::Nul(what));
        }
        if bytes > MAX_WORD {
            return Err(LaunchFault::TooLong {
                what,
                bytes,
                most: MAX_WORD,
            });
        }
        total += bytes + 1;
    }
    if total > MAX_TOTAL {
        let what = "its command and environment together".to_owned();
        return Err(LaunchFault::TooLong {
            what,
            bytes: total,
            most: MAX_TOTAL,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_move_never_begins_without_the_guards_leave() {
        let argv = || vec!["claude".to_owned()];
        let stays = SortedMap::new();
        let moves = SortedMap::from([("GTCTL_GUARD".to_owned(), "/state".to_owned())]);
        let own = Path::new("/bin/gtctl");
        assert_eq!(by_leave_of_the_guard(Some(own), &stays, argv()), argv());
        let asks = by_leave_of_the_guard(Some(own), &moves, argv());
        assert_eq!(asks, ["/bin/gtctl", "guard", "enter", "--", "claude"]);
        let lost = by_leave_of_the_guard(None, &moves, argv());
        assert_eq!(lost.last(), Some(&"claude".to_owned()));
        assert!(lost.len() == 5 && !Path::new(&lost[0]).exists(), "{lost:?}");
    }
}
