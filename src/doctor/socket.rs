//! Checks that a tmux server can have its socket at its path.

use super::{Patient, shown};
use crate::model::{Checked, Fix, Socket};
use crate::tmux::{OWN_FOLDER, SocketRefusal};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

const CHECK: &str = "socket";
/// The longest path of a socket that Linux allows, in bytes: see `sun_path` in unix(7).
const LONGEST: usize = 107;

/// What is wrong with the socket's path. `None` if nothing is.
pub(super) fn check(patient: &Patient<'_>) -> Option<Checked> {
    let path = patient.client.socket_path();
    let not_ours = || {
        patient
            .client
            .check_place()
            .err()
            .map(|refusal| refused(CHECK, &refusal))
    };
    too_long(path)
        .or_else(|| folder(path.parent()?, patient.socket))
        .or_else(not_ours)
        .or_else(|| no_socket(path))
}

fn too_long(path: &Path) -> Option<Checked> {
    let length = path.as_os_str().as_bytes().len();
    (length > LONGEST).then(|| {
        let message = format!(
            "{} has {length} bytes; the path of a socket can have at most {LONGEST}",
            shown(path)
        );
        Checked::failing(CHECK, message, Fix::line("export GTCTL_SOCKET=default"))
    })
}

/// A socket that gtctl refuses to use.
pub(super) fn refused(check: &'static str, refusal: &SocketRefusal) -> Checked {
    let fix = match refusal {
        SocketRefusal::Folder { .. } | SocketRefusal::NoFolder { .. } => Fix::line(OWN_FOLDER),
        SocketRefusal::Open { folder, .. } => Fix::run(["chmod", "700", &shown(folder)]),
        SocketRefusal::Replaceable { why, .. } => Fix::line(why.fix()),
        SocketRefusal::File { path, .. }
        | SocketRefusal::Server { path, .. }
        | SocketRefusal::Unseen { path, .. } => Fix::run(["ls", "-la", &shown(path)]),
    };
    Checked::failing(check, refusal.to_string(), fix)
}

/// What is wrong with the folder of the socket. tmux creates only the folder of named sockets.
fn folder(folder: &Path, socket: &Socket) -> Option<Checked> {
    let at = shown(folder);
    let meta = match (fs::metadata(folder), socket) {
        (Ok(meta), _) => meta,
        (Err(_), Socket::Default | Socket::Gastown | Socket::Name(_)) => return None,
        (Err(error), Socket::Path(_)) => {
            let message = format!("its folder {at} cannot be used: {error}");
            let fix = Fix::run(["mkdir", "-p", "-m", "700", &at]);
            return Some(Checked::failing(CHECK, message, fix));
        }
    };
    if meta.is_dir() {
        return None;
    }
    let fix = Fix::run(["mv", &at, &format!("{at}.old")]);
    Some(Checked::failing(
        CHECK,
        format!("{at} is not a folder"),
        fix,
    ))
}

/// A file or a folder at the path of the socket.
fn no_socket(path: &Path) -> Option<Checked> {
    let meta = fs::metadata(path).ok()?;
    if meta.file_type().is_socket() {
        return None;
    }
    let at = shown(path);
    let kind = if meta.is_dir() { "a folder" } else { "a file" };
    let fix = Fix::run(["mv", &at, &format!("{at}.old")]);
    Some(Checked::failing(
        CHECK,
        format!("{at} is {kind}, not a socket"),
        fix,
    ))
}
