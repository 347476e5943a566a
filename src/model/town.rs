//! What the user wants of a town as a whole: its sessions, and what holds for all of them.

use super::{Chore, Desired, Gastown, Hosts, Limits, Period, Policy, SessionName, Topic};
use crate::model::{SortedMap, SortedSet};
use core::net::SocketAddr;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A whole town as declared. The planner compares it with what tmux has.
#[derive(Debug, Clone, PartialEq)]
pub struct Town {
    /// The town's name. It is in the label of each of our sessions, and it names the state
    /// directory. It has the alphabet of a session name.
    pub name: SessionName,
    /// The Gas Town root, absolute.
    pub root: Option<PathBuf>,
    /// What Gas Town's files ask, by one look. Empty in a town as declared.
    pub gastown: Gastown,
    /// Sessions that cannot be started now, by one look. Empty in a town as declared.
    pub unstartable: SortedMap<SessionName, CannotStart>,
    /// The tmux server.
    pub socket: Socket,
    /// The declared sessions, by name.
    pub sessions: SortedMap<SessionName, Desired>,
    /// Rules for sessions that others start. Such sessions are only ever expired. If several rules
    /// match, the first counts.
    pub policies: Vec<Policy>,
    /// The chores: work that gtctl does at its own times, beside the sessions.
    pub chores: Vec<Chore>,
    /// Limits on what may happen at once.
    pub limits: Limits,
    /// The longest time from one look of the controller to the next.
    pub resync: Period,
    /// Where the controller offers metrics. None if it does not.
    pub metrics: Option<Metrics>,
    /// Where the controller serves its page. None if it does not.
    pub web: Option<WebAddress>,
    /// How long the controller keeps a record of what it sees and decides. None if it keeps none.
    pub record: Option<Period>,
    /// What to run for notifications. None if nothing.
    pub notify: Option<Notify>,
    /// The hosts of the town, and the sessions of all other hosts. Empty for a town on one host.
    pub hosts: Hosts,
}

impl Town {
    /// The sessions that the manifest declares, without those of policies.
    pub fn declared(&self) -> impl Iterator<Item = &Desired> {
        self.sessions
            .values()
            .filter(|desired| desired.policy.is_none())
    }

    /// The present name of each session, by its former names.
    #[must_use]
    pub fn former_names(&self) -> SortedMap<SessionName, SessionName> {
        let moved = self.sessions.values();
        let moved = moved.filter(|desired| !desired.moved.is_empty());
        let of = |desired: &Desired| {
            let present = desired.name.clone();
            let former = desired.moved.clone().into_iter();
            former.map(move |former| (former, present.clone()))
        };
        moved.flat_map(of).collect()
    }
}

/// Why a session cannot be started: its program or its directory is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CannotStart {
    /// What is missing and what to do, for people.
    pub why: String,
    /// Paths where a new file may change that.
    pub awaited: SortedSet<PathBuf>,
}

/// The tmux server of a town.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Socket {
    /// The user's default server.
    Default,
    /// `tmux -L NAME`.
    Name(String),
    /// `tmux -S PATH`, absolute.
    Path(PathBuf),
    /// The server that Gas Town uses for the town's root.
    Gastown,
}

/// The command for notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Its argv. It gets JSON on its standard input.
    pub command: Vec<String>,
    /// The topics that it runs for.
    pub on: SortedSet<Topic>,
}

/// Where metrics are offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metrics {
    /// In this file, absolute, for a collector that reads files.
    File(PathBuf),
    /// By HTTP, on an address that only this host can reach.
    Listen(SocketAddr),
}

/// Where pages are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebAddress {
    /// By TCP.
    Tcp(SocketAddr),
    /// By a unix socket, absolute, that only its owner can reach.
    Unix(PathBuf),
}

impl WebAddress {
    /// What stands before the path of a unix socket.
    pub const UNIX: &str = "unix:";

    /// Reads `127.0.0.1:7433`, `localhost:7433` or `unix:/run/user/1000/town.sock`. None if it is
    /// neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix(Self::UNIX) {
            let path = PathBuf::from(path);
            return path.is_absolute().then_some(Self::Unix(path));
        }
        let numbered = text.replacen("localhost:", "127.0.0.1:", 1);
        numbered.parse().ok().map(Self::Tcp)
    }

    /// Whether other hosts can reach it.
    #[must_use]
    pub fn is_open_to_others(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl std::fmt::Display for WebAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{}{}", Self::UNIX, path.display()),
        }
    }
}
