//! What the store says of a session: where it is, what outlives its moves, and how it is.

use super::{BootTime, Epoch, Revision, UnknownFields};
use crate::model::SortedSet;
use crate::model::written::{is_default, written_as_text};
use crate::model::{
    Desired, Finished, Generation, History, HostName, Moment, NameFault, PhaseKind, SessionName,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which hosts may run a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostChoice {
    /// This one only.
    Name(HostName),
    /// Each one.
    Any,
    /// Each one with this label.
    Label(String),
}

/// What happens to a session whose host is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum LossPolicy {
    /// It starts on another host. So it must die where it was, once that host may be taken for
    /// lost.
    Move,
    /// It stays where it is, and runs on there without the store.
    #[default]
    Stay,
}

/// A session of a town with a store, as far as its place is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetSession {
    /// Which hosts may run it.
    pub choice: HostChoice,
    /// What happens when its host is lost.
    pub on_host_loss: LossPolicy,
    /// The command that runs once on each host before the first start there. Empty for none.
    pub prepare: Vec<String>,
    /// All else that is declared of it.
    pub desired: Desired,
}

/// Where a session is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Its host.
    pub host: HostName,
    /// The epoch in which it came there, where this value is not the first that says so. Then the
    /// revision of the key is later than the epoch.
    #[serde(default, skip_serializing_if = "is_default")]
    pub since: Option<Epoch>,
    /// Why it shall leave its host. Then its host stops it, and says so in [`Hist::released`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub leave: Option<Leave>,
    /// Fields of a newer gtctl.
    #[serde(flatten)]
    pub rest: UnknownFields,
}

impl Placement {
    /// The placement of a session that has just come to a host.
    #[must_use]
    pub fn new(host: HostName) -> Self {
        Self {
            host,
            since: None,
            leave: None,
            rest: UnknownFields::new(),
        }
    }
}

/// Why a session shall leave the host that it is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leave {
    /// The host is drained.
    Drained,
    /// The manifest does not allow this host any more.
    NotAllowed,
    /// Somebody asked to spread the sessions anew.
    Rebalance,
}

/// What is remembered of a session wherever it runs. Its host writes it before the effect.
///
/// Moments of another host count by their wall clock, because the boot is another. So a wrong clock
/// shifts gaps and back-offs, and nothing else.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hist {
    /// The highest generation that was ever given out.
    pub generation: Generation,
    /// The epoch of the last start that was permitted.
    pub epoch: Epoch,
    /// The host of the last start that was permitted.
    #[serde(skip_serializing_if = "is_default")]
    pub host: Option<HostName>,
    /// The epoch in which its host has stopped it for a move, and will not start it again.
    #[serde(skip_serializing_if = "is_default")]
    pub released: Option<Epoch>,
    /// The hosts on which its `prepare` command has succeeded.
    #[serde(skip_serializing_if = "is_default")]
    pub prepared: SortedSet<HostName>,
    /// As [`History::handoff`].
    #[serde(skip_serializing_if = "is_default")]
    pub handoff: Option<Moment>,
    /// As [`History::crashes`].
    #[serde(skip_serializing_if = "is_default")]
    pub crashes: Vec<Moment>,
    /// As [`History::restarts`].
    #[serde(skip_serializing_if = "is_default")]
    pub restarts: u32,
    /// As [`History::stopped`].
    #[serde(skip_serializing_if = "is_default")]
    pub stopped: bool,
    /// As [`History::went_down`].
    #[serde(skip_serializing_if = "is_default")]
    pub went_down: bool,
    /// As [`History::finished`].
    #[serde(skip_serializing_if = "is_default")]
    pub finished: Option<Finished>,
    /// Fields of a newer gtctl.
    #[serde(flatten)]
    pub rest: UnknownFields,
}

impl Hist {
    /// Takes over what a host remembers of the session. What only the store knows stays.
    pub fn take_in(&mut self, history: &History) {
        self.generation = self.generation.max(history.generation);
        self.handoff = history.handoff;
        self.crashes.clone_from(&history.crashes);
        self.restarts = history.restarts;
        self.stopped = history.stopped;
        self.went_down = history.went_down;
        self.finished = history.finished;
    }

    /// Gives a host what is remembered of the session. What only that host knows stays.
    pub fn give_to(&self, history: &mut History) {
        history.generation = history.generation.max(self.generation);
        history.handoff = self.handoff;
        history.crashes.clone_from(&self.crashes);
        history.restarts = self.restarts;
        history.stopped = self.stopped;
        history.went_down = self.went_down;
        history.finished = self.finished;
    }
}

/// How a session is, as its host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// Its host.
    pub host: HostName,
    /// The epoch of its placement.
    pub epoch: Epoch,
    /// The generation of its run. 0 if there was none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub generation: Generation,
    /// The code of its phase, such as `running`.
    pub phase: String,
    /// Whether it is ready.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ready: bool,
    /// Whether it is a task that has completed without an error.
    #[serde(default, skip_serializing_if = "is_default")]
    pub completed: bool,
    /// What its host does next, or would do if nothing held it: the verb and the code of the reason,
    /// as in `restart: max-age`. Without numbers that change by themselves.
    #[serde(default, skip_serializing_if = "is_default")]
    pub next: Option<String>,
    /// The code of what holds [`Self::next`] back. None if nothing does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub held: Option<String>,
    /// The revision of the manifest that its host acts by. Empty if the host cannot tell.
    #[serde(default, skip_serializing_if = "is_default")]
    pub manifest: String,
}

impl SessionStatus {
    /// Which phase it is in. None for a phase of a newer gtctl.
    #[must_use]
    pub fn kind(&self) -> Option<PhaseKind> {
        self.phase.parse().ok()
    }

    /// Whether its process runs, as far as its phase tells. Of an unknown phase it does not tell.
    #[must_use]
    pub fn runs(&self) -> bool {
        match self.kind() {
            Some(
                PhaseKind::Starting
                | PhaseKind::Working
                | PhaseKind::Background
                | PhaseKind::Idle
                | PhaseKind::Waiting
                | PhaseKind::Blocked
                | PhaseKind::Stopping,
            ) => true,
            Some(
                PhaseKind::Absent
                | PhaseKind::Completed
                | PhaseKind::Dead
                | PhaseKind::Stopped
                | PhaseKind::Unknown
                | PhaseKind::Foreign,
            )
            | None => false,
        }
    }

    /// Whether it is as a person or the manifest wants it: ready, stopped by hand, or a task that
    /// has ended.
    #[must_use]
    pub fn is_as_declared(&self) -> bool {
        let is_over = matches!(self.kind(), Some(PhaseKind::Stopped | PhaseKind::Completed));
        self.ready || is_over
    }
}

/// The leave to start a session once. The store has it in [`Hist`] before it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// The session.
    pub session: SessionName,
    /// The epoch of its placement when the permit was given.
    pub epoch: Epoch,
    /// The generation of the run that may start.
    pub generation: Generation,
    /// The sign-in of the host when the permit was given: the revision in which its key was made.
    pub signed_in: Revision,
    /// When the permit ends. At this time the run may not begin any more.
    pub until: BootTime,
}

impl fmt::Display for LossPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Move => "move",
            Self::Stay => "stay",
        })
    }
}

impl FromStr for HostName {
    type Err = NameFault;

    fn from_str(text: &str) -> Result<Self, NameFault> {
        Self::new(text)
    }
}

written_as_text!(HostName, "the name of a host");
