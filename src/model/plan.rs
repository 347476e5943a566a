//! The plan: what to do now, what waits, what stays as it is, and when to check again.

use super::{
    Agent, AnswerStep, Conversation, Desired, Fingerprint, Generation, Hold, Judged, Launch, Logs,
    Moment, Origin, PaneId, Phase, Probe, ProcId, Purpose, ReadyCheck, Reason, ReasonCode,
    ServerId, SessionId, SessionName, TextStep, Timed, WhenAttached,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use strum::IntoStaticStr;

/// A complete plan. Every declared session, and every session of ours that is no longer declared,
/// is in exactly one of `steps`, `held` and `unchanged`. Each list is ordered by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// What to do now.
    pub steps: Vec<Step>,
    /// What to do later.
    pub held: Vec<Held>,
    /// Sessions that are as they should be, or that are only reported.
    pub unchanged: Vec<Unchanged>,
    /// The agents to ask whether they are signed in, by name, with the time for each.
    pub probes: Vec<Probe>,
    /// The sessions that come up and are asked whether they are ready, by name, with the time for each.
    pub checks: Vec<ReadyCheck>,
    /// All chores of the town, in its order.
    pub chores: Vec<Timed>,
    /// The proposals of the last runs of chores, with the planner's judgement.
    pub proposals: Vec<Judged>,
    /// The next moment when the plan can change if nothing happens.
    pub wake: Option<Moment>,
    /// The digest of the kills that the mass guard has held. The second look compares it.
    pub mass: Option<u64>,
}

/// One thing to do now.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The session.
    pub session: SessionName,
    /// What to do.
    pub action: Action,
    /// The reason.
    pub reason: Reason,
    /// The session's phase before the step.
    pub phase: Phase,
}

/// What to do to a session. It has everything that `act/` needs: `act/` looks nothing up and
/// chooses nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Create the session.
    Start {
        /// The session as declared.
        desired: Box<Desired>,
        /// The run that this begins.
        generation: Generation,
        /// The last planned restart, for the label.
        handoff: Option<Moment>,
        /// How many crashes in a row came before. The agent gets the number as `GTCTL_CRASHES`.
        crashes: u32,
        /// With which conversation its agent begins.
        conversation: Conversation,
    },
    /// Give the session a fresh process.
    Restart {
        /// The session as declared.
        desired: Box<Desired>,
        /// The exact session.
        target: Target,
        /// The next rung of the stop.
        rung: Rung,
        /// The run that this begins.
        generation: Generation,
        /// The planned restart for the label: this one, or the last.
        handoff: Option<Moment>,
        /// How many crashes in a row came before. The agent gets the number as `GTCTL_CRASHES`.
        crashes: u32,
        /// With which conversation its agent begins.
        conversation: Conversation,
    },
    /// End the session and remove it.
    Expire {
        /// The exact session.
        target: Target,
        /// The next rung of the stop.
        rung: Rung,
        /// Its agent: the keys that make it leave, and the phrases of its prompt. An agent that is
        /// not declared has no keys.
        agent: Arc<Agent>,
        /// How it is ended.
        launch: Launch,
    },
    /// Label the session as ours.
    Adopt {
        /// The exact session.
        target: Target,
        /// The fingerprint to write into the label.
        fingerprint: Fingerprint,
        /// Its first run as ours.
        generation: Generation,
        /// When its present process started, as far as gtctl can determine.
        started: Moment,
        /// The last planned restart: the adoption, if no other is known. None for sessions that are
        /// never restarted.
        handoff: Option<Moment>,
        /// How it becomes ours.
        origin: Origin,
        /// Bounds on the log that its pane is piped to from now on. None if it is not piped.
        log: Option<Logs>,
        /// The untrusted label that it has, not sanitised. Only this label may be overwritten.
        over: Option<String>,
    },
    /// Give it its declared name, in tmux and in its label. Its process goes on.
    Rename {
        /// The exact session, which has its former name.
        target: Target,
        /// The name in the environment of its processes.
        started_as: SessionName,
        /// Bounds on its log, which follows it.
        log: Logs,
    },
    /// Type a text at its prompt and submit it.
    Nudge(Box<TextStep>),
    /// Press Escape in its pane, if its screen still shows that it works.
    SendEscape {
        /// The exact session. An attached client always forbids it.
        target: Target,
        /// Its agent: the phrases to read the screen once more before the key.
        agent: Arc<Agent>,
    },
    /// Give the declared answer to its dialog, if that still shows.
    Answer(Box<AnswerStep>),
}

/// The town and the session that a label names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    /// The town.
    pub town: SessionName,
    /// The session, by its declared name.
    pub session: SessionName,
}

/// The session that an operation is meant for. The operation has no effect on any other session,
/// nor on a later run of the same session.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The server.
    pub server: ServerId,
    /// The session's id.
    pub session: SessionId,
    /// The pane of its agent.
    pub pane: PaneId,
    /// The run. None for a session without a label.
    pub generation: Option<Generation>,
    /// The town and session that its label must name. None for a session without a label.
    pub whose: Option<Whose>,
    /// The pane's process, if it is alive.
    pub process: Option<ProcId>,
    /// What an attached client means.
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
    /// Send KILL to the whole tree: its time to end has passed.
    Kill,
    /// Nothing of the tree is alive: restart or remove the session now.
    Finish,
}

/// Something to do later, and what it waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The session.
    pub session: SessionName,
    /// What to do.
    pub verb: Verb,
    /// The reason to do it.
    pub reason: Reason,
    /// What it waits for.
    pub hold: Hold,
    /// When the wait ends. None if only an event or a person can end it.
    pub until: Option<Moment>,
    /// The session's phase meanwhile.
    pub phase: Phase,
}

/// A session that stays as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Unchanged {
    /// The session.
    pub session: SessionName,
    /// Its phase.
    pub phase: Phase,
    /// Something to report about it.
    pub note: Option<Reason>,
    /// What happens to it next if only time passes.
    pub next: Option<Next>,
}

/// Something that happens when time passes.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// What happens.
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
    /// Give the session a fresh process.
    Restart,
    /// End the session and remove it.
    Expire,
    /// Label the session as ours.
    Adopt,
    /// Give a session its declared name. Its process goes on.
    Rename,
    /// Type a text.
    Nudge,
    /// Press Escape.
    #[serde(alias = "rouse")]
    #[strum(serialize = "rouse")]
    SendEscape,
    /// Answer a dialog as declared.
    Answer,
}

impl Verb {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

impl Action {
    /// With which conversation its agent begins, if a fresh process comes of it.
    #[must_use]
    pub fn conversation(&self) -> Option<&Conversation> {
        match self {
            Self::Start { conversation, .. } | Self::Restart { conversation, .. } => {
                Some(conversation)
            }
            Self::Expire { .. }
            | Self::Adopt { .. }
            | Self::Rename { .. }
            | Self::Nudge { .. }
            | Self::SendEscape { .. }
            | Self::Answer(_) => None,
        }
    }

    /// The verb that people see.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Start { .. } => Verb::Start,
            Self::Restart { .. } => Verb::Restart,
            Self::Expire { .. } => Verb::Expire,
            Self::Adopt { .. } => Verb::Adopt,
            Self::Rename { .. } => Verb::Rename,
            Self::Nudge { .. } => Verb::Nudge,
            Self::SendEscape { .. } => Verb::SendEscape,
            Self::Answer(_) => Verb::Answer,
        }
    }

    /// The run that it begins, if it begins one.
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
            | Self::Rename { .. }
            | Self::Nudge { .. }
            | Self::SendEscape { .. }
            | Self::Answer(_) => None,
        }
    }
}

impl From<Verb> for Option<Purpose> {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Restart => Some(Purpose::Restart),
            Verb::Expire => Some(Purpose::Expire),
            Verb::Start
            | Verb::Adopt
            | Verb::Rename
            | Verb::Nudge
            | Verb::SendEscape
            | Verb::Answer => None,
        }
    }
}

/// What the caller allows or knows beyond the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Orders {
    /// What to do with sessions that are no longer declared.
    pub orphans: Orphans,
    /// What to do if much of the town would be killed.
    pub mass: Mass,
    /// Whether intents can be written down.
    pub durability: Durability,
    /// Whether the definition is still the one on disk.
    pub definition: Definition,
}

/// Which steps of a plan the caller asks for. The others stay for a later cycle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Scope {
    /// All steps.
    #[default]
    Town,
    /// The steps for these sessions.
    Sessions(Vec<SessionName>),
    /// Expiries, the next rung of a stop, and the adoption of sessions that others start. These are
    /// only ever expired.
    ///
    /// Of these sessions; of all where none is named.
    Expiries(Vec<SessionName>),
    /// One chore, by its name, and no step.
    Chore(String),
}

/// What a person can ask for one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// End it, and keep it ended until a person starts it.
    Stop,
    /// End it until a person starts it, or applies the manifest.
    Down,
    /// Undo a stop, or run an ended task again.
    Start,
    /// Give it a fresh process.
    Restart,
    /// Give it a fresh process that resumes its conversation.
    RestartResuming,
    /// Give it a fresh process with a new conversation.
    RestartFresh,
    /// Forget its crashes, so that it does not wait because of them.
    Reset,
}

/// What to do with our sessions that are no longer declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Orphans {
    /// Report them.
    #[default]
    Report,
    /// Expire them: `--prune`.
    Prune,
}

/// What to do if much of the town would be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Mass {
    /// Go on after a second look that agrees.
    #[default]
    SecondLook,
    /// Go on: `--allow-mass`.
    Allow,
    /// Wait: a person at the terminal can add `--allow-mass`.
    Hold,
}

/// Whether intents can be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Durability {
    /// Intents can be written.
    #[default]
    Durable,
    /// The state directory cannot be written, so only missing sessions are started.
    Failing,
}

/// Whether the definition is what the files say now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Definition {
    /// It is, as far as gtctl knows.
    #[default]
    Current,
    /// A file of the manifest has changed and was not read again yet. Any entry may be different
    /// now.
    Changing,
}
