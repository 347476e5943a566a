//! Finds the processes that belong to one test.

use gtctl::model::{ProcId, SessionName};
use gtctl::proc::signal::{Signal, signal};
use gtctl::proc::sockets::{self, Listening};
use gtctl::proc::{env_tag, tree};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The server at a socket, the agents of a town, and what else a test has started. All are killed
/// by id when this is dropped, with all below them.
#[derive(Debug)]
pub(crate) struct Owned {
    town: SessionName,
    socket: PathBuf,
    /// Servers whose socket may be gone, and other processes of the test's own.
    roots: Mutex<Vec<ProcId>>,
}

impl Owned {
    pub(crate) fn new(town: SessionName, socket: PathBuf) -> Self {
        Self {
            town,
            socket,
            roots: Mutex::default(),
        }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn listen_at(&mut self, socket: PathBuf) {
        self.socket = socket;
    }

    /// The process of the server, whether it answers or not.
    pub(crate) fn server(&self) -> Option<ProcId> {
        match sockets::listening_on(&self.socket) {
            Listening::Somebody(inodes) => sockets::tmux_owner(&inodes),
            Listening::Nobody | Listening::Unreadable(_) => None,
        }
    }

    /// Keeps the server in mind, for its socket may go.
    pub(crate) fn add_server(&self) {
        if let Some(server) = self.server() {
            self.add(server);
        }
    }

    /// Kills this process, and all below it, in the end.
    pub(crate) fn add(&self, process: ProcId) {
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        if !roots.contains(&process) {
            roots.push(process);
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.add_server();
        let roots = self.roots.get_mut().unwrap_or_else(PoisonError::into_inner);
        for root in roots {
            for member in tree::tree(*root).into_iter().rev() {
                signal(member.id, Signal::KILL);
            }
        }
        for (_, process) in env_tag::carrying_any(&self.town).into_values().flatten() {
            signal(process, Signal::KILL);
        }
    }
}
