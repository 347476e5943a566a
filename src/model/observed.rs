//! What one look at tmux and its processes has seen.

use super::written::is_default;
use crate::model::{
    ConversationId, Death, Fingerprint, Generation, Marks, Moment, PaneId, Period, ProcId,
    Reported, Screen, ServerId, SessionId, SessionName,
};
use crate::model::{SortedMap, SortedSet};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// The result of one look. A failed look is not an empty town: only [`Observed::Down`] and
/// [`Observed::Up`] are certain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Observed {
    /// The server answered.
    Up(Server),
    /// There certainly is no server: nothing listens on its socket.
    Down,
    /// It could not be determined. It carries the reason, for people.
    Unknown(String),
}

/// A tmux server and every session on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// The process of the server.
    pub id: ServerId,
    /// Its version, such as `3.3a`.
    pub version: String,
    /// All sessions by name, ours and others. Names are as tmux has them, so they may be any text.
    pub sessions: SortedMap<String, Seen>,
    /// Agents of declared sessions whose panes somebody has moved into other sessions. Their own
    /// sessions are gone, or exist without them with [`Life::Unknown`].
    pub moved: SortedMap<SessionName, MovedOut>,
    /// The session that gtctl itself runs in, if it is on this server.
    pub own: Option<SessionId>,
    /// Our sessions whose agent has ended, by tmux's own knowledge. Each has the note about the
    /// variables that its run was given: any text, for the process that starts the next run.
    pub ended: SortedMap<SessionId, String>,
    /// Living panes whose output is not piped to a process.
    pub unpiped: SortedSet<PaneId>,
}

/// An agent of ours in a pane of another session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedOut {
    /// Its process.
    pub process: ProcId,
    /// The name in tmux of the session that has its pane now. It may be any text.
    pub session: String,
}

/// One session as seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Its id in the server.
    pub id: SessionId,
    /// How many clients are attached now: to it, or to another session that shows its agent's
    /// window (grouped or linked).
    pub attached: u32,
    /// When tmux created it, in wall-clock ms since the epoch, to the second.
    pub created: i64,
    /// How long its agent's window has had no output, by `window_activity`, to the second.
    pub quiet: Period,
    /// When that window had its last output, in whole seconds since the epoch.
    pub activity: i64,
    /// The title of its agent's pane. It may be any text, and it may be that of an earlier program.
    /// Its length is bounded. It is not sanitised.
    pub title: String,
    /// The screen of its agent. None if it was not read in this look.
    pub screen: Option<Screen>,
    /// The completion markers in its output. Only for sessions whose output is watched.
    pub heard: Option<Marks>,
    /// What its client says of it; none where it says nothing, or nobody listens.
    pub reported: Option<Reported>,
    /// Its owner.
    pub ownership: Ownership,
    /// The pane that its agent runs in: the labelled one, or without a label the first. For a
    /// session that a policy covers, it is the only living pane if there is just one.
    pub pane: PaneId,
    /// Whether the agent lives.
    pub life: Life,
    /// What its process tree uses. Only in a full look, or if it decides whether the session is
    /// idle.
    pub usage: Option<Usage>,
    /// The memory of its process tree in bytes. A page that several processes share counts once.
    /// Only for sessions with a limit on memory, and not in every look.
    pub footprint: Option<u64>,
    /// Whether the file of its agent's program was replaced since it was started. Not in every
    /// look.
    pub is_replaced: Option<bool>,
    /// Whether a command of its agent runs in the background. Only if it decides whether the
    /// session is idle.
    pub commands: Option<bool>,
}

/// The owner of a session, by its label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Ownership {
    /// No town has labelled it.
    Unlabelled,
    /// Another town has labelled it.
    Foreign(String),
    /// This town has labelled it.
    Ours(Label),
    /// It has a label that is not trusted. It counts as nobody's until somebody removes the label,
    /// or gtctl can adopt the session again.
    Unproved(Unproved),
}

/// A label that is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unproved {
    /// Its text, not sanitised.
    pub text: String,
    /// Why it is not trusted.
    pub flaw: Flaw,
}

/// Why a label is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, Serialize, Deserialize)]
#[strum(serialize_all = "kebab-case")]
pub enum Flaw {
    /// It cannot be read.
    Garbled,
    /// It was written for another session. Somebody has copied it, or has set it for a whole window
    /// or server.
    Copied,
    /// It was written for another process than the one in the pane now.
    Replaced,
}

impl Flaw {
    /// The stable code, for JSON and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// The label of one of our sessions. It survives the loss of all files.
///
/// On the session it is the options `@gtctl_label` and `@gtctl_handoff`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The name that the manifest declares it by.
    pub session: SessionName,
    /// The name in the environment of its processes, if that is another one: it was renamed since
    /// they were started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_as: Option<SessionName>,
    /// Its run.
    pub generation: Generation,
    /// When this run started.
    pub started: Moment,
    /// The pane that the agent was started in.
    pub pane: PaneId,
    /// What it was started with. Unknown for adopted sessions.
    pub fingerprint: Option<Fingerprint>,
    /// The last planned restart, or the adoption. None if nothing is known.
    pub handoff: Option<Moment>,
    /// How it became ours.
    pub origin: Origin,
    /// The conversation of its agent, where gtctl has chosen or learned one for this run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub conversation: Option<ConversationId>,
}

impl Label {
    /// The name in the environment of its processes.
    #[must_use]
    pub fn tag(&self) -> &SessionName {
        self.started_as.as_ref().unwrap_or(&self.session)
    }
}

/// How a session became ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// gtctl started its agent as the pane's own process.
    Started,
    /// It existed before, and only got a label.
    Adopted,
    /// Others started it, and a policy covered it when it got its label.
    Policy,
    /// The commands of its launcher started it, such as gt. The agent runs somewhere in its pane.
    Launcher,
}

/// Whether an agent is alive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Life {
    /// The process in its pane is alive.
    Alive {
        /// The pane's process.
        process: ProcId,
        /// Whether the agent runs there: gtctl started it, or a process with one of the agent's
        /// names is in the tree. Also true if nobody says which agent it should be.
        matches: bool,
        /// The name of the pane's process, for messages.
        comm: String,
    },
    /// It has ended.
    Dead {
        /// How it ended.
        death: Death,
        /// The pane's process, if it is alive without the agent ([`Death::NoAgent`]).
        process: Option<ProcId>,
        /// When it ended, if tmux knows, in wall-clock ms since the epoch.
        at: Option<i64>,
        /// The last lines on its screen, not sanitised, at most 20.
        tail: Vec<String>,
    },
    /// It could not be determined in this look. It carries the reason.
    Unknown(String),
}

/// What a process tree uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// The processor time since the processes started, in ms, with that of children that have
    /// ended.
    pub cpu_ms: u64,
    /// The client's own share of it, in ms: of its first process and of those that it started at
    /// once.
    pub client_ms: u64,
    /// How many processes it started later that have run for a while. They are commands that it
    /// waits for.
    pub commands: u32,
    /// The resident memory in bytes. A shared page counts for each process.
    pub rss: u64,
    /// The number of processes.
    pub processes: u32,
}
