//! The path of a server's socket, computed as tmux does.

use crate::model::Socket;
use std::path::{Path, PathBuf};

/// The socket path of a server. The file need not exist.
///
/// A named socket is in `tmux-UID` under `$TMUX_TMPDIR`, or under `/tmp` if that does not exist,
/// with symbolic links resolved. [`Socket::Gastown`] must be resolved before; here it means the
/// default server.
#[must_use]
pub fn socket_path(socket: &Socket) -> PathBuf {
    let tmpdir = std::env::var_os("TMUX_TMPDIR").filter(|dir| !dir.is_empty());
    socket_path_in(socket, tmpdir.as_deref().map(Path::new))
}

fn socket_path_in(socket: &Socket, tmpdir: Option<&Path>) -> PathBuf {
    let name = match socket {
        Socket::Path(path) => return path.clone(),
        Socket::Name(name) => name.as_str(),
        Socket::Default | Socket::Gastown => "default",
    };
    let mut places = tmpdir.into_iter().chain([Path::new("/tmp")]);
    let base = places
        .find_map(|dir| dir.canonicalize().ok())
        .unwrap_or_else(|| "/tmp".into());
    base.join(format!("tmux-{}", rustix::process::getuid().as_raw()))
        .join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_live_in_a_directory_per_user() {
        let uid = rustix::process::getuid().as_raw();
        let at = |socket, dir: Option<&str>| socket_path_in(&socket, dir.map(Path::new));
        assert_eq!(
            at(Socket::Path("/x/y".into()), Some("/proc")),
            PathBuf::from("/x/y")
        );
        assert_eq!(
            at(Socket::Name("n".into()), Some("/proc/../proc")),
            PathBuf::from(format!("/proc/tmux-{uid}/n"))
        );
        let tmp = Path::new("/tmp").canonicalize().unwrap();
        assert_eq!(
            at(Socket::Default, None),
            tmp.join(format!("tmux-{uid}/default"))
        );
        assert_eq!(
            at(Socket::Default, Some("/no/such/place")),
            tmp.join(format!("tmux-{uid}/default"))
        );
    }
}
