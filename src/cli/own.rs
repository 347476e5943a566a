//! This very program: its file, its process, and the command line that runs it as a child with the
//! same manifest, server and state.

use super::args::Global;
use super::place::Place;
use crate::model::ProcId;
use crate::proc;
use crate::proc::process::Presence;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The command line up to the verb.
pub(super) fn command(place: &Place, global: &Global) -> Vec<OsString> {
    let program = program().unwrap_or_else(|| "/proc/self/exe".into());
    let file = place.file.absolute();
    let file = file.unwrap_or_else(|_| place.file.path.clone());
    let mut argv: Vec<OsString> = vec![program.into(), "--file".into(), file.into()];
    if let Some(socket) = &global.socket {
        argv.extend(["--socket".into(), socket.into()]);
    }
    if let Some(state) = &global.state_dir {
        argv.extend(["--state-dir".into(), state.into()]);
    }
    argv.extend(global.trust.then(|| "--trust".into()));
    argv.extend(global.take_over.then(|| "--take-over".into()));
    argv
}

/// This program's file, by the path of the call. A link to the present version stays right when
/// that version's folder is gone. Where the path leads to another file, the file itself.
pub(super) fn program() -> Option<PathBuf> {
    let word = std::env::args_os().next();
    let called = word.and_then(|word| called_by(&word));
    called.filter(|path| is_me(path)).or_else(own_file)
}

/// The file of a command line's first word: a path, or a name that is searched in PATH.
fn called_by(word: &OsStr) -> Option<PathBuf> {
    if word.as_encoded_bytes().contains(&b'/') {
        return std::path::absolute(word).ok();
    }
    proc::program::find(word.to_str()?, &std::env::var_os("PATH")?)
}

/// Whether this path leads to the running program.
fn is_me(path: &Path) -> bool {
    let identity = |path: &Path| {
        std::fs::metadata(path)
            .map(|meta| (meta.dev(), meta.ino()))
            .ok()
    };
    let found = identity(path);
    found.is_some() && found == identity(Path::new("/proc/self/exe"))
}

/// This program's file, with all links resolved. If it was replaced while it runs, this is the new
/// file.
fn own_file() -> Option<PathBuf> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let path = std::env::current_exe().ok()?;
    let bytes = path.as_os_str().as_bytes();
    let path = bytes
        .strip_suffix(b" (deleted)")
        .filter(|_| !path.exists())
        .unwrap_or(bytes);
    Some(PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())))
}

/// This process, as others can identify it.
pub(super) fn myself() -> ProcId {
    let pid = std::process::id();
    match proc::process::look(pid) {
        Presence::Alive(stat) | Presence::Zombie(stat) => ProcId {
            pid,
            start: stat.start,
        },
        Presence::Gone | Presence::Unreadable(_) => ProcId { pid, start: 0 },
    }
}
