//! Who listens on the path of a Unix socket, even after its file was removed.
//!
//! Clients cannot find a tmux server whose socket file was removed. The kernel's table still lists
//! the socket.

use super::file;
use super::machine::machine;
use super::process::{self, Presence};
use crate::model::ProcId;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Who listens on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listening {
    /// Nothing listens there.
    Nobody,
    /// These sockets, by inode.
    Somebody(Vec<u64>),
    /// It could not be determined, for this reason.
    Unreadable(String),
}

/// The most bytes read of `/proc/net/unix`.
const MAX_TABLE: u64 = 64 << 20;
/// The state of a listening TCP socket: `TCP_LISTEN`.
const LISTENS: &str = "0A";
/// The flag of a listening socket: `__SO_ACCEPTCON`.
const ACCEPTS: &[u8] = b"00010000";
/// The most open files read of one process.
const MAX_FILES: usize = 4096;

/// Who listens on this absolute path, in our network namespace.
///
/// An empty result is checked twice: the kernel gives its table in pieces, and a socket may be
/// missed between two of them.
#[must_use]
pub fn listening_on(path: &Path) -> Listening {
    match machine().listening_on(path) {
        Listening::Nobody => machine().listening_on(path),
        listening @ (Listening::Somebody(_) | Listening::Unreadable(_)) => listening,
    }
}

/// The same, once, by the kernel's table.
pub(super) fn listening_in_table(path: &Path) -> Listening {
    if path.as_os_str().as_bytes().contains(&b'\n') {
        return Listening::Unreadable("a socket path with a line break cannot be looked up".into());
    }
    match file::read("/proc/net/unix", MAX_TABLE) {
        Err(e) => Listening::Unreadable(format!("/proc/net/unix cannot be read: {e}")),
        Ok(table) if table.len() as u64 == MAX_TABLE => {
            Listening::Unreadable("/proc/net/unix is too long".into())
        }
        Ok(table) => {
            let listeners = table.split(|b| *b == b'\n').filter_map(listener);
            let inodes: Vec<u64> = listeners
                .filter(|(_, at)| same_place(at, path))
                .map(|(inode, _)| inode)
                .collect();
            if inodes.is_empty() {
                Listening::Nobody
            } else {
                Listening::Somebody(inodes)
            }
        }
    }
}

/// The tmux process of our user that has one of these sockets open.
#[must_use]
pub fn tmux_owner(inodes: &[u64]) -> Option<ProcId> {
    let links: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    file::pids()
        .into_iter()
        .filter(|pid| file::is_own(*pid))
        .find_map(|pid| {
            let Presence::Alive(stat) = process::look(pid) else {
                return None;
            };
            (stat.comm.starts_with("tmux") && holds(pid, &links)).then_some(ProcId {
                pid,
                start: stat.start,
            })
        })
}

/// The absolute paths on which this process listens, as it wrote them. Empty where that cannot be
/// read.
#[must_use]
pub fn paths_of(process: ProcId) -> Vec<PathBuf> {
    let Ok(table) = file::read("/proc/net/unix", MAX_TABLE) else {
        return Vec::new();
    };
    let links = links_of(process.pid);
    let is_its = |inode: u64| {
        links
            .iter()
            .any(|link| link.as_os_str() == OsStr::new(&format!("socket:[{inode}]")))
    };
    let listeners = table.split(|b| *b == b'\n').filter_map(listener);
    let absolute = listeners.filter(|(_, path)| path.is_absolute());
    absolute
        .filter(|(inode, _)| is_its(*inode))
        .map(|(_, path)| path.to_path_buf())
        .collect()
}

/// Whether a process of our user listens on this TCP port of this host, at 127.0.0.1 or at all
/// addresses.
#[must_use]
pub fn is_own_listener(port: u16) -> bool {
    let Ok(table) = file::read("/proc/net/tcp", MAX_TABLE) else {
        return false;
    };
    let us = rustix::process::geteuid().as_raw();
    let text = String::from_utf8_lossy(&table);
    text.lines()
        .filter_map(tcp_listener)
        .any(|(at, uid)| at == port && uid == us)
}

/// The port and the user in the line of a TCP socket that listens on loopback or everywhere. The
/// fields are `number local remote state queues timer retransmits user …`.
fn tcp_listener(line: &str) -> Option<(u16, u32)> {
    let mut fields = line.split_ascii_whitespace();
    let (_, local, _, state) = (
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    );
    let uid = fields.nth(3)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    let is_here = matches!(address, "0100007F" | "00000000");
    let port = u16::from_str_radix(port, 16).ok()?;
    (is_here && state == LISTENS).then_some((port, uid))
}

/// The targets of a process's open files, at most [`MAX_FILES`].
fn links_of(pid: u32) -> Vec<PathBuf> {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    files
        .flatten()
        .take(MAX_FILES)
        .filter_map(|f| std::fs::read_link(f.path()).ok())
        .collect()
}

/// Whether this process has one of these sockets open, as far as we may read its files.
#[must_use]
pub fn holds_any(process: ProcId, inodes: &[u64]) -> bool {
    let links: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    holds(process.pid, &links)
}

fn holds(pid: u32, links: &[String]) -> bool {
    links_of(pid).into_iter().any(|target| {
        links
            .iter()
            .any(|link| target.as_os_str() == OsStr::new(link))
    })
}

/// The inode and the path in the line of a listening socket. The fields are
/// `num refs protocol flags type state inode path`.
fn listener(line: &[u8]) -> Option<(u64, &Path)> {
    let mut unread = line;
    let mut fields = [&[][..]; 7];
    for field in &mut fields {
        unread = unread.trim_ascii_start();
        let end = unread.iter().position(|b| *b == b' ')?;
        (*field, unread) = unread.split_at_checked(end)?;
    }
    let [_, _, _, flags, _, _, inode] = fields;
    let path = Path::new(OsStr::from_bytes(unread.strip_prefix(b" ")?));
    let inode = std::str::from_utf8(inode).ok()?.parse().ok()?;
    (flags == ACCEPTS).then_some((inode, path))
}

/// Whether both paths name one file. Compares their resolved directories, because a server may have
/// been started with another spelling of the path.
fn same_place(a: &Path, b: &Path) -> bool {
    let resolved = |path: &Path| path.parent().and_then(|parent| parent.canonicalize().ok());
    a == b
        || (a.is_absolute() && a.file_name() == b.file_name() && {
            let (a, b) = (resolved(a), resolved(b));
            a.is_some() && a == b
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn lines_are_read_with_any_path() {
        let line = b"000000003cb1dfe8: 00000002 00000000 00010000 0001 01 13406 /tmp/a b  c";
        assert_eq!(listener(line), Some((13406, Path::new("/tmp/a b  c"))));
        assert_eq!(
            listener(b"00000000f34eea08: 00000003 00000000 00000000 0001 03  1078"),
            None
        );
        assert_eq!(
            listener(b"00000000f34eea08: 00000003 00000000 00000000 0001 03 78 /x"),
            None
        );
        assert_eq!(
            listener(b"Num       RefCount Protocol Flags    Type St Inode Path"),
            None
        );
    }

    #[test]
    fn a_tcp_listener_of_ours_is_seen() {
        let line = "   0: 0100007F:1000 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41";
        assert_eq!(tcp_listener(line), Some((0x1000, 1000)));
        assert_eq!(tcp_listener(&line.replace(" 0A ", " 01 ")), None);
        assert_eq!(tcp_listener(&line.replace("0100007F", "0200A8C0")), None);
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(is_own_listener(socket.local_addr().unwrap().port()));
    }

    #[test]
    fn a_listener_is_seen_without_its_file_until_it_closes() {
        let dir = std::env::temp_dir().join(format!("gtctl-sockets-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("s");
        let socket = UnixListener::bind(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let Listening::Somebody(inodes) = listening_on(&path) else {
            panic!("not seen")
        };
        assert!(matches!(
            listening_on(&dir.join("./../").join(dir.file_name().unwrap()).join("s")),
            Listening::Somebody(_)
        ));
        assert_eq!(tmux_owner(&inodes), None, "we are no tmux");
        drop(socket);
        // A child that another test is just starting may hold the socket until it executes.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while listening_on(&path) != Listening::Nobody {
            assert!(std::time::Instant::now() < deadline);
        }
        std::fs::remove_dir(&dir).unwrap();
    }
}
