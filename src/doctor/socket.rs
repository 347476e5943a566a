//! Whether a tmux server can have its socket where it should be.

use super::{Patient, shown};
use crate::model::{Checked, Fix, Socket};
use rustix::process::geteuid;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

const CHECK: &str = "socket";
/// The longest path that the kernel takes for a socket, in bytes.
const LONGEST: usize = 107;

/// What is wrong with the socket's place; nothing when all is well.
pub(super) fn check(patient: &Patient<'_>) -> Option<Checked> {
    let path = patient.client.socket_path();
    let named = !matches!(patient.socket, Socket::Path(_));
    too_long(path).or_else(|| folder(path.parent()?, named)).or_else(|| no_socket(path))
}

fn too_long(path: &Path) -> Option<Checked> {
    let length = path.as_os_str().as_bytes().len();
    (length > LONGEST).then(|| {
        let said = format!("{} has {length} bytes, and no socket may have more than {LONGEST}", shown(path));
        Checked::failing(CHECK, said, Fix::line("export GTCTL_SOCKET=default"))
    })
}

/// tmux makes the folder of its named sockets itself, and uses none that others may enter.
fn folder(folder: &Path, named: bool) -> Option<Checked> {
    let at = shown(folder);
    let meta = match fs::metadata(folder) {
        Ok(meta) => meta,
        Err(_) if named => return None,
        Err(fault) => {
            let said = format!("its folder {at} cannot be used: {fault}");
            return Some(Checked::failing(CHECK, said, Fix::run(["mkdir", "-p", "-m", "700", &at])));
        }
    };
    if !meta.is_dir() {
        let aside = format!("{at}.old");
        return Some(Checked::failing(CHECK, format!("{at} is no folder"), Fix::run(["mv", &at, &aside])));
    }
    if named && meta.uid() != geteuid().as_raw() {
        let said = format!("{at} belongs to uid {}, so tmux does not use it", meta.uid());
        let fix = "mkdir -p -m 700 \"$HOME/.tmux-sockets\" && export TMUX_TMPDIR=\"$HOME/.tmux-sockets\"";
        return Some(Checked::failing(CHECK, said, Fix::line(fix)));
    }
    (named && meta.mode() & 0o007 != 0).then(|| {
        let said = format!("others may enter {at} (mode {:o}), so tmux does not use it", meta.mode() & 0o777);
        Checked::failing(CHECK, said, Fix::run(["chmod", "700", &at]))
    })
}

fn no_socket(path: &Path) -> Option<Checked> {
    let meta = fs::metadata(path).ok().filter(|meta| !meta.file_type().is_socket())?;
    let (at, what) = (shown(path), if meta.is_dir() { "a folder" } else { "a file" });
    let aside = format!("{at}.old");
    Some(Checked::failing(CHECK, format!("{at} is {what}, no socket"), Fix::run(["mv", &at, &aside])))
}
