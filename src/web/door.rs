//! Where a site listens: an address, or a unix socket that only its owner can reach.

use crate::model::WebAddress;
use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

/// A connection, whatever it came by.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Why a site cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum DoorFault {
    /// The system refuses.
    #[error("cannot listen at {place}")]
    Refused {
        /// The address or the path.
        place: WebAddress,
        /// Why.
        source: io::Error,
    },
    /// Something else is at the path.
    #[error("{} is there and is no socket", .0.display())]
    NoSocket(PathBuf),
    /// Another process listens at the path.
    #[error("another process listens at {}", .0.display())]
    Taken(PathBuf),
}

/// A listening place. A unix socket is removed when this is dropped.
#[derive(Debug)]
pub struct Door {
    listener: Listener,
    place: WebAddress,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Listens there, in the present tokio runtime.
///
/// # Errors
/// [`DoorFault`]. Nothing listens then.
pub fn bind(place: &WebAddress) -> Result<Door, DoorFault> {
    let refused = |source| DoorFault::Refused {
        place: place.clone(),
        source,
    };
    match place {
        WebAddress::Tcp(address) => {
            let listener = bind_tcp(*address).map_err(refused)?;
            let place = WebAddress::Tcp(listener.local_addr().map_err(refused)?);
            Ok(Door {
                listener: Listener::Tcp(listener),
                place,
            })
        }
        WebAddress::Unix(path) => {
            make_room(path)?;
            let listener = bind_unix(path).map_err(refused)?;
            Ok(Door {
                listener: Listener::Unix(listener),
                place: place.clone(),
            })
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Nobody may connect before the socket has its mode, so it is renamed to its place afterwards.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let mut hidden = path.as_os_str().to_owned();
    hidden.push(format!(".{}", std::process::id()));
    let hidden = PathBuf::from(hidden);
    let listener = UnixListener::bind(&hidden)?;
    let placed = fs::set_permissions(&hidden, Permissions::from_mode(0o600))
        .and_then(|()| fs::rename(&hidden, path));
    if placed.is_err() {
        let _ = fs::remove_file(&hidden);
    }
    placed.map(|()| listener)
}

/// A socket that nobody listens at any more may be replaced; nothing else may.
fn make_room(path: &Path) -> Result<(), DoorFault> {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !meta.file_type().is_socket() {
        return Err(DoorFault::NoSocket(path.to_path_buf()));
    }
    match StdUnixStream::connect(path) {
        Ok(_) => Err(DoorFault::Taken(path.to_path_buf())),
        Err(_) => Ok(()),
    }
}

impl Door {
    /// Where it listens: the port in it is the one that the system has chosen for port 0.
    #[must_use]
    pub fn place(&self) -> &WebAddress {
        &self.place
    }

    /// The next connection, and who made it.
    pub(super) async fn accept(&self) -> io::Result<(Box<dyn Connection>, String)> {
        match &self.listener {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // An event of a stream is small, and shall leave at once.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), peer.ip().to_string()))
            }
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), "unix socket".to_owned()))
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let WebAddress::Unix(path) = &self.place {
            let _ = fs::remove_file(path);
        }
    }
}
