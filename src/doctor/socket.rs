//! Whether a tmux server can have its socket where it should be.

use super::{Patient, shown};
use crate::model::{Checked, Fix, Socket};
use crate::tmux::{OWN_FOLDER, SocketRefusal};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

const CHECK: &str = "socket";
/// The longest path that the kernel takes for a socket, in bytes.
const LONGEST: usize = 107;

/// What is wrong with the socket's place; nothing when all is well.
pub(super) fn check(patient: &Patient<'_>) -> Option<Checked> {
    let path = patient.client.socket_path();
    let named = !matches!(patient.socket, Socket::Path(_));
    let not_ours = || {
        patient
            .client
            .check_place()
            .err()
            .map(|refusal| refused(CHECK, &refusal))
    };
    too_long(path)
        .or_else(|| folder(path.parent()?, named))
        .or_else(not_ours)
        .or_else(|| no_socket(path))
}

fn too_long(path: &Path) -> Option<Checked> {
    let length = path.as_os_str().as_bytes().len();
    (length > LONGEST).then(|| {
        let said = format!(
            "{} has {length} bytes; the path of a socket can have at most {LONGEST}",
            shown(path)
        );
        Checked::failing(CHECK, said, Fix::line("export GTCTL_SOCKET=default"))
    })
}

/// What to type where a socket is not ours to use.
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

/// tmux makes the folder of its named sockets itself; any other must be there.
fn folder(folder: &Path, named: bool) -> Option<Checked> {
    let at = shown(folder);
    let meta = match fs::metadata(folder) {
        Ok(meta) => meta,
        Err(_) if named => return None,
        Err(fault) => {
            let said = format!("its folder {at} cannot be used: {fault}");
            return Some(Checked::failing(
                CHECK,
                said,
                Fix::run(["mkdir", "-p", "-m", "700", &at]),
            ));
        }
    };
    (!meta.is_dir()).then(|| {
        let aside = format!("{at}.old");
        Checked::failing(
            CHECK,
            format!("{at} is not a folder"),
            Fix::run(["mv", &at, &aside]),
        )
    })
}

fn no_socket(path: &Path) -> Option<Checked> {
    let meta = fs::metadata(path)
        .ok()
        .filter(|meta| !meta.file_type().is_socket())?;
    let (at, what) = (
        shown(path),
        if meta.is_dir() { "a folder" } else { "a file" },
    );
    let aside = format!("{at}.old");
    Some(Checked::failing(
        CHECK,
        format!("{at} is {what}, not a socket"),
        Fix::run(["mv", &at, &aside]),
    ))
}
