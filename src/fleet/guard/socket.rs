//! The guard's socket. Its path may be longer than the kernel allows for a socket, so on Linux it is
//! reached by its folder.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The name of the socket in the state directory.
pub(super) const NAME: &str = "guard.sock";

/// A path that leads to the socket for as long as the folder is open. It is short on Linux.
fn reach(state: &Path, folder: &File) -> PathBuf {
    if cfg!(target_os = "linux") {
        PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()))
    } else {
        state.join(NAME)
    }
}

/// Connects to the guard of this state directory.
pub(super) fn connect(state: &Path) -> io::Result<UnixStream> {
    let folder = File::open(state)?;
    UnixStream::connect(reach(state, &folder))
}

/// Listens as the guard of this state directory. A socket that nobody listens on is replaced.
pub(super) fn listen(state: &Path) -> io::Result<UnixListener> {
    let folder = File::open(state)?;
    // Who calls this holds the lock, so nobody else listens.
    let _ = std::fs::remove_file(state.join(NAME));
    let listener = UnixListener::bind(reach(state, &folder))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
