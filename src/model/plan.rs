//! What shall happen: steps, what is held, what is unchanged, and when to look again.

use super::{
    Agent, Conversation, Desired, Fingerprint, Generation, Hold, Judged, Launch, Logs, Moment,
    Origin, PaneId, Phase, Probe, ProcId, Purpose, Reason, ReasonCode, ServerId, SessionId,
    SessionName, TextStep, Timed, WhenAttached,
};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// A whole decision. Every declared session, and every one of ours that is no longer declared, is
/// in exactly one of `steps`, `held` and `unchanged`; each list is ordered by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// To be done now.
    pub steps: Vec<Step>,
    /// To be done, but not now.
    pub held: Vec<Held>,
    /// As it should be, or only to be reported.
    pub unchanged: Vec<Unchanged>,
    /// Agents to be asked whether they are signed in, by name: each when its moment has come.
    pub probes: Vec<Probe>,
    /// Every chore of the town, in its order.
    pub chores: Vec<Timed>,
    /// What the last runs of chores propose, as judged now.
    pub proposals: Vec<Judged>,
    /// The next moment at which this answer can change if nothing else does.
    pub wake: Option<Moment>,
    /// The digest of the kills the mass guard held, for the second look.
    pub mass: Option<u64>,
}

/// Something to do now.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// To which session.
    pub session: SessionName,
    /// What.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// What it is before that.
    pub phase: Phase,
}

/// What is done to a session. Each carries all that `act/` needs: nothing is looked up or chosen
/// later.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Create the session.
    Start {
        /// What to run.
        desired: Box<Desired>,
        /// The life this begins.
        generation: Generation,
        /// The last planned restart, to be carried in the labels.
        handoff: Option<Moment>,
        /// Crashes in a row before this life, told to the agent as `GTCTL_CRASHES`.
        crashes: u32,
        /// With which conversation its agent begins.
        conversation: Conversation,
    },
    /// Give the session a fresh process.
    Restart {
        /// What to run.
        desired: Box<Desired>,
        /// Exactly which session.
        target: Target,
        /// How far the stop is.
        rung: Rung,
        /// The life this begins.
        generation: Generation,
        /// The planned restart to be carried in the labels: this one, or the last.
        handoff: Option<Moment>,
        /// Crashes in a row before this life, told to the agent as `GTCTL_CRASHES`.
        crashes: u32,
        /// With which conversation its agent begins.
        conversation: Conversation,
    },
    /// End the session and remove it.
    Expire {
        /// Exactly which session.
        target: Target,
        /// How far the stop is.
        rung: Rung,
        /// What its agent is: the keys by which it leaves, and how its prompt is known. Without
        /// keys for one that is not declared.
        agent: Box<Agent>,
        /// By what it is ended.
        launch: Launch,
    },
    /// Label the session as ours.
    Adopt {
        /// Exactly which session.
        target: Target,
        /// What it counts as.
        fingerprint: Fingerprint,
        /// Its first life as ours.
        generation: Generation,
        /// When its present process was started, as far as can be told.
        started: Moment,
        /// The last planned restart: the adoption, unless more is known. None where nothing is ever
        /// restarted.
        handoff: Option<Moment>,
        /// How it becomes ours.
        origin: Origin,
        /// Bounds on the log that its pane is piped to from now on; none where it is not.
        log: Option<Logs>,
        /// The label that it has and that is not believed, unsanitised: it is written over, and no
        /// other is.
        over: Option<String>,
    },
    /// Type a text at its prompt and submit it.
    Nudge(Box<TextStep>),
    /// Press Escape in its pane, if its screen still shows that it works.
    SendEscape {
        /// Exactly which session. An attached client always forbids it.
        target: Target,
        /// By which its screen is read again just before.
        agent: Box<Agent>,
    },
}

/// Whom a label names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    /// The town.
    pub town: SessionName,
    /// The session, by the name that it was declared under.
    pub session: SessionName,
}

/// The session an operation is meant for. It has no effect on any other, nor on a later life of the
/// same.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// On this server.
    pub server: ServerId,
    /// This session.
    pub session: SessionId,
    /// Its agent's pane.
    pub pane: PaneId,
    /// In this life; none for a session without a label.
    pub generation: Option<Generation>,
    /// Whom its label must name beside that; none for a session without a label.
    pub whose: Option<Whose>,
    /// The pane's process, when it lives.
    pub process: Option<ProcId>,
    /// Whether an attached client forbids it.
    pub attached: WhenAttached,
}

/// How far a stop is. One rung per cycle, so that a slow stop delays nobody.
///
/// All sessions have the same rungs. Those of a launcher differ in the first one only: see
/// [`LauncherStop`](super::LauncherStop).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// Ask: the agent's own quit keys at its prompt, else TERM to the whole tree. A launcher's
    /// session is asked by the launcher's command, beside the cycles.
    Ask,
    /// TERM to the whole tree: it was asked by its keys or by its launcher, and lives on.
    Term,
    /// KILL the whole tree: its grace has passed.
    Kill,
    /// Nothing of it lives: restart or remove now.
    Finish,
}

/// Something that should be done, and what holds it back.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Which session.
    pub session: SessionName,
    /// What would be done.
    pub verb: Verb,
    /// Why it would be.
    pub reason: Reason,
    /// What holds it back.
    pub hold: Hold,
    /// Until when; none where only an event or a person can lift it.
    pub until: Option<Moment>,
    /// What the session is meanwhile.
    pub phase: Phase,
}

/// A session to which nothing is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Unchanged {
    /// Which.
    pub session: SessionName,
    /// What it is.
    pub phase: Phase,
    /// Something to be said of it.
    pub note: Option<Reason>,
    /// What will happen to it next, if time alone passes.
    pub next: Option<Next>,
}

/// An event that time alone brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// What.
    pub verb: Verb,
    /// Why, without evidence: there is none yet.
    pub reason: ReasonCode,
    /// When.
    pub at: Moment,
}

/// The verbs of a plan, as people see them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Verb {
    /// Create a session.
    Start,
    /// Fresh process, same session.
    Restart,
    /// End and remove.
    Expire,
    /// Label as ours.
    Adopt,
    /// Type a text.
    Nudge,
    /// Press Escape.
    #[serde(alias = "rouse")]
    #[strum(serialize = "rouse")]
    SendEscape,
}

impl Verb {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

impl Action {
    /// The verb people see.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Start { .. } => Verb::Start,
            Self::Restart { .. } => Verb::Restart,
            Self::Expire { .. } => Verb::Expire,
            Self::Adopt { .. } => Verb::Adopt,
            Self::Nudge { .. } => Verb::Nudge,
            Self::SendEscape { .. } => Verb::SendEscape,
        }
    }

    /// The life it begins, if it begins one.
    #[must_use]
    pub fn begins(&self) -> Option<Generation> {
        match self {
            Self::Start { generation, .. }
            | Self::Adopt { generation, .. }
            | Self::Restart {
                generation,
                rung: Rung::Finish,
                ..
            } => Some(*generation),
            // Commands end it and start it in one go.
            Self::Restart { generation, .. } if self.commands().is_some() => Some(*generation),
            Self::Restart {
                rung: Rung::Ask | Rung::Term | Rung::Kill,
                ..
            }
            | Self::Expire { .. }
            | Self::Nudge { .. }
            | Self::SendEscape { .. } => None,
        }
    }
}

impl From<Verb> for Option<Purpose> {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Restart => Some(Purpose::Restart),
            Verb::Expire => Some(Purpose::Expire),
            Verb::Start | Verb::Adopt | Verb::Nudge | Verb::SendEscape => None,
        }
    }
}

/// What the caller allows beyond the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orders {
    /// Sessions that are no longer declared.
    pub orphans: Orphans,
    /// Killing much of the town.
    pub mass: Mass,
    /// Whether intents can be written down.
    pub durability: Durability,
    /// Whether the town's definition is the one on disk.
    pub definition: Definition,
}

/// Which of a plan's steps are asked for. The rest stay in the plan of the next cycle that asks for
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// All of them.
    #[default]
    Town,
    /// Those of these sessions.
    Sessions(Vec<SessionName>),
    /// Expiries, what carries on a stop, and the adoption of what others start, which is only ever
    /// expired.
    Expiries,
    /// One chore, by its name, and no session.
    Chore(String),
}

/// What a person can ask of one session by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// End it, and keep it ended until it is started again.
    Stop,
    /// Lift a stop, and start a task that has ended once more.
    Start,
    /// Give it a fresh process.
    Restart,
    /// Forget its crashes, so that nothing holds it on their account.
    Reset,
}

/// What to do with sessions of ours that are no longer declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orphans {
    /// Report them.
    #[default]
    Report,
    /// Expire them: `--prune`.
    Prune,
}

/// What to do when much of the town would be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mass {
    /// Go on after a second agreeing look.
    #[default]
    SecondLook,
    /// Go on: `--allow-mass`.
    Allow,
    /// Hold: somebody is at the terminal and can be asked for `--allow-mass`.
    Hold,
}

/// Whether intents can be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// They can.
    #[default]
    Durable,
    /// The state directory cannot be written: only missing sessions are started.
    Failing,
}

/// Whether what is planned from is what the files say now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Definition {
    /// It is, as far as is known.
    #[default]
    Current,
    /// A file of the manifest has changed since it was read, and is not read again yet: any entry
    /// may be another by now.
    Changing,
}
