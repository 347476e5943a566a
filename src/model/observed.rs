//! What is there: one look at tmux and its processes.

use crate::model::{
    Death, Fingerprint, Generation, Marks, Moment, PaneId, Period, ProcId, Reported, Screen,
    ServerId, SessionId, SessionName,
};
use std::collections::{BTreeMap, BTreeSet};
use strum::IntoStaticStr;

/// The result of one look. A failed look is not an empty town: only [`Observed::Down`] and
/// [`Observed::Up`] are knowledge.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// The server answered.
    Up(Server),
    /// There is provably no server: nothing listens on its socket.
    Down,
    /// It could not be determined; says why, for people.
    Unknown(String),
}

/// A tmux server and every session on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Which server process.
    pub id: ServerId,
    /// Its version, such as `3.3a`.
    pub version: String,
    /// All its sessions by name, ours and others'. Names are as tmux has them, so any text.
    pub sessions: BTreeMap<String, Seen>,
    /// Agents of declared sessions whose panes somebody has moved into other sessions. Their own
    /// are gone, or stand without them: the life of such a one is [`Life::Unknown`].
    pub moved: BTreeMap<SessionName, MovedOut>,
    /// The session gtctl itself runs in, if it runs in one of this server's.
    pub own: Option<SessionId>,
    /// Sessions of ours whose agent has ended as tmux itself knows, with what is noted there of the
    /// variables that its life was given: any text, for whoever begins the next.
    pub ended: BTreeMap<SessionId, String>,
    /// Living panes whose output no process takes.
    pub unpiped: BTreeSet<PaneId>,
}

/// An agent of ours in a pane of another session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedOut {
    /// Its process.
    pub process: ProcId,
    /// The session that holds its pane now, by its name in tmux: any text.
    pub session: String,
}

/// One session as seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its id in the server.
    pub id: SessionId,
    /// Clients attached now: to it, or to another session that shows its agent's window (grouped or
    /// linked).
    pub attached: u32,
    /// When tmux created it, by the wall clock, in ms since the epoch (whole seconds).
    pub created: i64,
    /// For how long its agent's window has been silent: from 1 s grained `window_activity`.
    pub quiet: Period,
    /// That window's last output, in whole seconds since the epoch.
    pub activity: i64,
    /// The title of its agent's pane: any text, bounded, not sanitised. It may be an earlier
    /// program's.
    pub title: String,
    /// What is on its agent's screen; none when that was not read this time.
    pub screen: Option<Screen>,
    /// What its output says about its end; only where that is listened for.
    pub heard: Option<Marks>,
    /// What its client says of it; none where it says nothing, or nobody listens.
    pub reported: Option<Reported>,
    /// Whose it is.
    pub ownership: Ownership,
    /// The pane its agent runs in: the labelled one, or for others the first. Where a policy covers
    /// it, another one if only that lives.
    pub pane: PaneId,
    /// Whether the agent lives.
    pub life: Life,
    /// What its process tree uses; only on a full look, or where it decides whether the session
    /// rests.
    pub usage: Option<Usage>,
    /// The memory of its process tree in bytes, a page that several processes share counted once;
    /// only where that is limited, and not at every look.
    pub footprint: Option<u64>,
    /// Whether a command that its agent has started runs behind its prompt; only where that decides
    /// whether it is idle.
    pub commands: Option<bool>,
}

/// Whose a session is, by its labels.
#[derive(Debug, Clone, PartialEq)]
pub enum Ownership {
    /// Not labelled by any town.
    Unlabelled,
    /// Another town's.
    Foreign(String),
    /// This town's.
    Ours(Label),
    /// It bears a label that is not believed: it counts as nobody's, until somebody takes the label
    /// off or gtctl can adopt it anew.
    Unproved(Unproved),
}

/// A label that is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproved {
    /// Its text, unsanitised.
    pub text: String,
    /// Why it is not believed.
    pub flaw: Flaw,
}

/// Why a label is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Flaw {
    /// It cannot be read.
    Garbled,
    /// It was written for another session: somebody copied it, or set it for a whole window or
    /// server.
    Copied,
    /// It was written for another process than the one that runs in the pane now.
    Replaced,
}

impl Flaw {
    /// The stable code, for JSON and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// The labels of a session of ours: the part of the truth that survives any loss of files.
///
/// On the session they are the options `@gtctl_label` and `@gtctl_handoff`.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The name it was declared under.
    pub session: SessionName,
    /// Which life of it this is.
    pub generation: Generation,
    /// When this life began.
    pub started: Moment,
    /// The pane the agent was started in.
    pub pane: PaneId,
    /// What it was started with; unknown for adopted sessions.
    pub fingerprint: Option<Fingerprint>,
    /// The last planned restart, or the adoption: before it nothing is known.
    pub handoff: Option<Moment>,
    /// How it came to be ours.
    pub origin: Origin,
}

/// How a session came to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// gtctl started its agent as the pane's own process.
    Started,
    /// It was there before and only got its labels.
    Adopted,
    /// Others started it, and a policy covered it when it got its labels.
    Policy,
    /// The commands of its launcher started it, such as gt: somewhere in its pane the agent runs.
    Launcher,
}

/// Whether an agent lives.
#[derive(Debug, Clone, PartialEq)]
pub enum Life {
    /// The agent's process (or, in a stranger's session, the pane's), and whether the pane's tree
    /// holds a process of the declared agent's names.
    Alive {
        /// The pane's process.
        process: ProcId,
        /// Started by gtctl, or a process of the agent's names was found in its tree, or nobody
        /// says which agent it runs.
        matches: bool,
        /// The name of the pane's process, for messages.
        comm: String,
    },
    /// It has ended.
    Dead {
        /// How.
        death: Death,
        /// The pane's process, where that lives on without the agent ([`Death::NoAgent`]).
        process: Option<ProcId>,
        /// When, if tmux knows; wall clock in ms since the epoch.
        at: Option<i64>,
        /// The last lines on its screen, unsanitised, at most 20.
        tail: Vec<String>,
    },
    /// It could not be determined this time; says why.
    Unknown(String),
}

/// What a process tree uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Processor time used since their starts, in ms, children that ended included.
    pub cpu_ms: u64,
    /// How much of that by the client itself: its first process and what that started at once.
    pub client_ms: u64,
    /// Processes that it started later and that have run for a while: commands that it waits for.
    pub commands: u32,
    /// Resident memory in bytes; shared pages count for each process.
    pub rss: u64,
    /// Number of processes.
    pub processes: u32,
}
