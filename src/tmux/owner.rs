//! Whether we may use a socket: who could put one at its path, and who listens there.
//!
//! Somebody else could create `/tmp/tmux-UID` first and run a server there. Our scripts contain the
//! values of `env_file`, and the answers decide which processes end. So we send nothing and run no
//! `tmux` before these checks pass. They check the folder as tmux does. On each connection the
//! kernel says who made the socket.

use crate::model::Socket;
use crate::trust::{self, Distrust, name_of, own_uid};
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// The permission bits that tmux forbids on its folder: any access for others.
const FOR_OTHERS: u32 = 0o007;
/// What to type if tmux's folder is not ours.
pub const OWN_FOLDER: &str =
    "mkdir -p -m 700 ~/.tmux-sockets && export TMUX_TMPDIR=~/.tmux-sockets";

/// Why a socket is refused. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SocketRefusal {
    /// The folder of tmux's own sockets belongs to somebody else.
    #[error(
        "the tmux folder {} belongs to {}: nothing was sent. To use one of your own: {OWN_FOLDER}",
        folder.display(),
        name_of(*uid)
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The owner of the folder.
        uid: u32,
    },
    /// The folder of tmux's own sockets is open to others.
    #[error(
        "others may enter the tmux folder {} (mode {:03o}): nothing was sent. Type: chmod 700 {}",
        folder.display(),
        mode & 0o777,
        folder.display()
    )]
    Open {
        /// The folder.
        folder: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The folder is a link or a file.
    #[error(
        "the tmux folder {} is a link or a file: nothing was sent. Move it away, or use another folder: {OWN_FOLDER}",
        folder.display()
    )]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// Others may replace the socket.
    #[error("others may replace the tmux socket {}: {why}. Nothing was sent to a server there. Type: {}", path.display(), why.fix())]
    Replaceable {
        /// The socket.
        path: PathBuf,
        /// In which way.
        why: Distrust,
    },
    /// The socket's file belongs to somebody else.
    #[error(
        "the tmux socket {} belongs to {}, not to you ({}): nothing was sent. Run gtctl as that user, or name a socket of \
         your own with --socket",
        path.display(),
        name_of(*uid),
        name_of(own_uid())
    )]
    File {
        /// The socket.
        path: PathBuf,
        /// The owner of the file.
        uid: u32,
    },
    /// The server runs as another user.
    #[error(
        "the tmux server at {} runs as {}, not as you ({}): nothing was sent. Run gtctl as that user, or name a socket of \
         your own with --socket",
        path.display(),
        name_of(*uid),
        name_of(own_uid())
    )]
    Server {
        /// The socket.
        path: PathBuf,
        /// The user who made it.
        uid: u32,
    },
    /// The kernel does not say who listens.
    #[error("who listens at the tmux socket {} could not be determined: {why}. Nothing was sent", path.display())]
    Unseen {
        /// The socket.
        path: PathBuf,
        /// The system's error.
        why: String,
    },
}

/// Checks the path of a socket, whether the socket exists or not.
///
/// # Errors
/// [`SocketRefusal`]: somebody else could run a server there.
pub fn check_place(socket: &Socket, path: &Path) -> Result<(), SocketRefusal> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    match socket {
        Socket::Default | Socket::Gastown | Socket::Name(_) => check_named_folder(folder)?,
        Socket::Path(_) => {
            let replaceable = |why| SocketRefusal::Replaceable {
                path: path.to_path_buf(),
                why,
            };
            trust::check_folders_above(path).map_err(replaceable)?;
            // Our own link is as safe as its target.
            if let Some(real) = path.canonicalize().ok().filter(|real| real != path) {
                trust::check_folders_above(&real).map_err(replaceable)?;
                check_file(&real)?;
            }
        }
    }
    check_file(path)
}

/// Checks the folder of tmux's `-L` sockets as tmux does. tmux creates a missing folder itself.
fn check_named_folder(folder: &Path) -> Result<(), SocketRefusal> {
    let at = || folder.to_path_buf();
    // A link is not followed, because it could be changed later.
    let Ok(meta) = fs::symlink_metadata(folder) else {
        return Ok(());
    };
    if !meta.is_dir() {
        return Err(SocketRefusal::NoFolder { folder: at() });
    }
    if meta.uid() != own_uid() {
        return Err(SocketRefusal::Folder {
            folder: at(),
            uid: meta.uid(),
        });
    }
    let is_open = meta.mode() & FOR_OTHERS != 0
        || trust::check_meta(folder, &meta, trust::Kind::Folder).is_err();
    if is_open {
        Err(SocketRefusal::Open {
            folder: at(),
            mode: meta.mode(),
        })
    } else {
        Ok(())
    }
}

/// Refuses a socket of another user in a folder that everybody may write to. This holds for root
/// too.
fn check_file(path: &Path) -> Result<(), SocketRefusal> {
    let is_foreign = |meta: &Metadata| {
        let file = meta.file_type();
        (file.is_socket() || file.is_symlink()) && meta.uid() != own_uid()
    };
    match fs::symlink_metadata(path) {
        Ok(meta) if is_foreign(&meta) => Err(SocketRefusal::File {
            path: path.to_path_buf(),
            uid: meta.uid(),
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Checks who made the socket of a connection, which is the server. Each connection is checked,
/// because a path may soon lead to another server.
///
/// Returns the pid of the server, if it is visible from here.
///
/// # Errors
/// [`SocketRefusal`]: it is not ours.
pub(super) fn check_peer(stream: &UnixStream, path: &Path) -> Result<Option<u32>, SocketRefusal> {
    let peer = stream.peer_cred();
    let peer = peer.map_err(|why| SocketRefusal::Unseen {
        path: path.to_path_buf(),
        why: why.to_string(),
    })?;
    let uid = peer.uid();
    if uid != own_uid() {
        return Err(SocketRefusal::Server {
            path: path.to_path_buf(),
            uid,
        });
    }
    // The pid is 0 for a process in another pid namespace.
    Ok(peer
        .pid()
        .and_then(|pid| u32::try_from(pid).ok())
        .filter(|pid| *pid != 0))
}

/// Who listens at a path that [`check_place`] has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listener {
    /// A server of ours, with its pid if visible. It may accept no connection at the moment.
    Ours(Option<u32>),
    /// Nobody.
    Nobody,
}

/// Whether somebody else could create the missing socket, as in a folder like `/tmp`.
pub(super) fn may_be_taken(socket: &Socket, path: &Path) -> bool {
    match socket {
        Socket::Default | Socket::Gastown | Socket::Name(_) => false,
        Socket::Path(_) => path.parent().is_some_and(trust::is_shared),
    }
}

/// Connects to see who listens, and closes the connection.
///
/// # Errors
/// [`SocketRefusal`]: it is not ours.
pub(super) async fn check_listener(path: &Path) -> Result<Listener, SocketRefusal> {
    match UnixStream::connect(path).await {
        Ok(stream) => check_peer(&stream, path).map(Listener::Ours),
        Err(why) => match why.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory => {
                Ok(Listener::Nobody)
            }
            // The path is ours, so nobody else can have put a socket there.
            _ => Ok(Listener::Ours(None)),
        },
    }
}
