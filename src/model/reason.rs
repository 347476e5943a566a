//! Why: the evidence for a step, and what holds one back. Each has a stable code.

use super::{
    Block, Change, ContextLimit, Flaw, GastownHold, Leave, NotReady, Period, SessionName, Source,
};
use crate::model::SortedMap;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::mem::discriminant;
use std::path::PathBuf;
use strum::{EnumDiscriminants, EnumString, IntoStaticStr};

/// How an agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Death {
    /// It exited with this status.
    Exit(i32),
    /// This signal ended it.
    Signal(i32),
    /// It ended and tmux lost how: Debian's 3.3a does so under load. Never read as success.
    StatusLost,
    /// Its pane or its whole session is gone, though the server stayed.
    Vanished,
    /// The tmux server went, and it with it.
    ServerLost,
    /// The pane lives, but no process of the agent's is in it.
    NoAgent,
    /// It could not even be started.
    NeverStarted,
}

impl Death {
    /// Whether the agent left of its own will and said that all was well.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Exit(0))
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(status) => write!(f, "exit status {status}"),
            Self::Signal(9) => f.write_str("signal 9 (KILL)"),
            Self::Signal(15) => f.write_str("signal 15 (TERM)"),
            Self::Signal(11) => f.write_str("signal 11 (SEGV)"),
            Self::Signal(6) => f.write_str("signal 6 (ABRT)"),
            Self::Signal(2) => f.write_str("signal 2 (INT)"),
            Self::Signal(1) => f.write_str("signal 1 (HUP)"),
            Self::Signal(n) => write!(f, "signal {n}"),
            Self::StatusLost => f.write_str("ended; tmux lost its exit status"),
            Self::Vanished => f.write_str("somebody else removed its session"),
            Self::ServerLost => f.write_str("lost with the tmux server"),
            Self::NoAgent => f.write_str("no agent process in its pane"),
            Self::NeverStarted => f.write_str("could not be started"),
        }
    }
}

/// Why a step is taken, or a finding is reported, with its evidence.
#[derive(Debug, Clone, PartialEq, EnumDiscriminants)]
#[strum_discriminants(
    name(ReasonCode),
    derive(EnumString, IntoStaticStr),
    strum(serialize_all = "kebab-case"),
    doc = "The stable code of a [`Reason`], without its evidence."
)]
pub enum Reason {
    /// Declared and not there.
    Missing {
        /// How its last run ended, if it is known to have run.
        last: Option<Death>,
    },
    /// Its agent ended.
    Died {
        /// How.
        death: Death,
        /// Crashes in a row, this one included; 0 when it counts as none.
        crashes: u32,
    },
    /// A task that ended.
    Completed {
        /// How.
        death: Death,
    },
    /// Its output says that it is done, and nothing came after.
    Marked {
        /// The marker.
        marker: String,
        /// For how long nothing has come after it.
        quiet: Period,
    },
    /// Its client has reported the end of a turn, and nothing came after.
    TurnEnded {
        /// Who told that.
        by: Source,
        /// The client's name for what told it, unsanitised.
        event: String,
        /// For how long nothing has come after it.
        quiet: Period,
    },
    /// Its output says that it has failed.
    MarkedFailed {
        /// The marker.
        marker: String,
        /// The line, unsanitised.
        line: String,
    },
    /// Older than its limit, in awake time.
    TooOld {
        /// How old.
        age: Period,
        /// How old it may be.
        limit: Period,
    },
    /// Nothing changed on its screen, and nothing worked behind it, for longer than its limit.
    TooQuiet {
        /// For how long.
        quiet: Period,
        /// For how long it may be.
        limit: Period,
    },
    /// Its screen says that it works, but is frozen, and nothing works behind it.
    Stuck {
        /// For how long.
        frozen: Period,
        /// For how long it may be.
        limit: Period,
    },
    /// Its process tree holds more memory than it may.
    TooLarge {
        /// How much, in bytes.
        used: u64,
        /// How much it may, in bytes.
        limit: u64,
    },
    /// This run has used as many tokens as it may.
    TooManyTokens {
        /// How many.
        used: u64,
        /// How many it may.
        limit: u64,
    },
    /// So much of its context is in use that it is nearly full.
    ContextNearFull {
        /// How much, in the unit of the limit.
        used: u64,
        /// How much may be.
        limit: ContextLimit,
    },
    /// It ended well, but before it was ready: that is no service.
    FailedStart {
        /// How long after its start.
        after: Period,
        /// Crashes in a row, this one included.
        crashes: u32,
    },
    /// Its screen still says that it is signed out, and its agent has been found signed in since.
    SignedIn {
        /// Which agent.
        agent: String,
    },
    /// Its screen still shows a usage limit that has ended.
    LimitOver {
        /// For how long it is over.
        over: Period,
    },
    /// It asks what the manifest declares an answer to.
    AnswerDeclared {
        /// The question, unsanitised.
        question: String,
        /// The answer, such as `1. Yes`, unsanitised.
        answer: String,
    },
    /// It is signed out or at its usage limit: a fresh process would be as well.
    Blocked {
        /// By what.
        kind: Block,
        /// Which agent.
        agent: String,
        /// The line on its screen that says so, unsanitised.
        evidence: String,
        /// What a person types to sign the agent in.
        fix: Option<String>,
    },
    /// It runs with other fields than declared.
    Drifted {
        /// Their names.
        fields: Vec<&'static str>,
        /// What they were and are, as far as it is known what they were.
        changes: Vec<Change>,
        /// Where the declared value of each stands, such as `[roles.crew] town.toml:12`: by the field,
        /// or by `env.NAME`. Empty where only the plan is known.
        origins: SortedMap<String, String>,
    },
    /// The file of its program was replaced since it was started, by an upgrade for example.
    Upgraded {
        /// The process in its pane.
        process: String,
    },
    /// It has the declared name and runs the declared agent, but no label.
    Adoptable {
        /// The process that was recognised.
        process: String,
    },
    /// Others started it, and a policy covers it.
    Covered {
        /// The policy's pattern.
        policy: String,
    },
    /// Others started it, and the policy that covered it no longer does: it is let go.
    Uncovered,
    /// The manifest names it anew, with `moved`.
    NameChanged {
        /// The name that it has.
        from: SessionName,
    },
    /// Ours, and no longer declared.
    Orphaned,
    /// Declared with `enabled = false`.
    Disabled,
    /// Outside of the hours in its `schedule`.
    OffSchedule {
        /// When it runs again, such as `Mon 08:00`. None if that is not known.
        until: Option<String>,
        /// The time zone of the schedule.
        zone: String,
    },
    /// The store says that it leaves this host. It is ended here when it is idle.
    LeavesHost {
        /// Why it leaves.
        why: Leave,
    },
    /// Ours, and declared for another host: this host leaves it alone.
    DeclaredElsewhere {
        /// The host that it is declared for.
        host: String,
    },
    /// Somebody asked for it by hand.
    Asked,
    /// A command that starts or stops it is under way.
    UnderWay {
        /// What is run, in order.
        argvs: Vec<Vec<String>>,
        /// For how long.
        waited: Period,
        /// How long it may take.
        limit: Period,
    },
    /// The commands that should start it came to nothing.
    NotStarted {
        /// Why, unsanitised.
        said: String,
        /// Crashes in a row, this one included.
        crashes: u32,
    },
    /// A planned stop was begun for this and is carried on.
    StopBegun {
        /// How long ago.
        waited: Period,
        /// The reason that the stop was begun for.
        purpose: RecordedReason,
    },
}

impl Reason {
    /// The stable code, for JSON and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        ReasonCode::from(self).word()
    }

    /// The reason that people read as the cause: of a stop under way, what it was begun for.
    #[must_use]
    pub fn cause(&self) -> RecordedReason {
        match self {
            Self::StopBegun { purpose, waited: _ } => purpose.clone(),
            other => ReasonCode::from(other).into(),
        }
    }
}

impl ReasonCode {
    /// The word, in JSON, in logs and on disk.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// The code of a reason as it stands in a file that another version of gtctl may have written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum RecordedReason {
    /// A reason of this version.
    Known(ReasonCode),
    /// A code that this version does not have, unsanitised. It is shown as it is.
    Unknown(String),
}

impl RecordedReason {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(code) => code.word(),
            Self::Unknown(text) => text,
        }
    }

    /// Whether it is this one.
    #[must_use]
    pub fn is(&self, code: ReasonCode) -> bool {
        *self == Self::Known(code)
    }
}

impl From<ReasonCode> for RecordedReason {
    fn from(code: ReasonCode) -> Self {
        Self::Known(code)
    }
}

impl From<&Reason> for RecordedReason {
    fn from(reason: &Reason) -> Self {
        Self::Known(reason.into())
    }
}

impl From<&str> for RecordedReason {
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Unknown(text.to_owned()), Self::Known)
    }
}

impl From<String> for RecordedReason {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<RecordedReason> for String {
    fn from(reason: RecordedReason) -> Self {
        reason.as_str().to_owned()
    }
}

impl fmt::Display for RecordedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What holds a step back.
#[derive(Debug, Clone, PartialEq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Hold {
    /// Waiting after a crash.
    BackOff {
        /// Crashes in a row.
        crashes: u32,
        /// The whole delay.
        delay: Period,
    },
    /// Too many crashes in too short a time.
    CrashLoop {
        /// Crashes in a row.
        crashes: u32,
        /// The window they fell into.
        window: Period,
        /// The last lines of its screen, unsanitised.
        tail: Vec<String>,
    },
    /// The last planned restart was too recent.
    HandoffGap {
        /// How long ago it was.
        since: Period,
        /// The gap asked for.
        gap: Period,
    },
    /// Somebody is attached.
    Attached {
        /// How many clients.
        clients: u32,
    },
    /// gtctl itself runs in this session.
    OwnSession,
    /// A former wave is not ready.
    Wave {
        /// Its number.
        wave: u32,
        /// A session of it that is waited for.
        waiting_for: SessionName,
    },
    /// A session named in `after` is not as far as asked.
    After {
        /// Which.
        waiting_for: SessionName,
        /// What it is that keeps it waiting.
        why: NotReady,
    },
    /// As many as may are starting.
    ConcurrentStarts {
        /// Sessions starting now.
        starting: u32,
        /// How many may.
        allowed: u32,
    },
    /// The starts of ten minutes are used up.
    StartBudget {
        /// Starts in the last ten minutes.
        used: u32,
        /// How many may be.
        allowed: u32,
    },
    /// As many sessions as may be are down or not ready.
    Rolling {
        /// How many are.
        unavailable: u32,
        /// How many may be.
        allowed: u32,
        /// One that is waited for.
        waiting_for: SessionName,
    },
    /// A planned restart failed, so no other is begun.
    RollStopped {
        /// Which session has failed.
        failed: SessionName,
    },
    /// The same was tried, and failed.
    Failed {
        /// Why, unsanitised.
        said: String,
        /// How often in a row.
        times: u32,
    },
    /// Too much of the town would be killed at once.
    MassGuard {
        /// Sessions that would be killed.
        kills: u32,
        /// Sessions in the town.
        town: u32,
    },
    /// The clocks jumped apart: suspend, or a step of the wall clock.
    ClockJump {
        /// Cycles to wait still.
        cycles: u32,
    },
    /// Waiting for the session to fall idle.
    Draining {
        /// How long it has been quiet.
        quiet: Period,
    },
    /// It was asked to end and has time to.
    Stopping {
        /// How much it has in all.
        grace: Period,
    },
    /// An unlabelled session has this name and does not run the declared agent.
    NameTaken {
        /// What runs there.
        process: String,
    },
    /// The session of this name has a label that is not believed: it may be the agent, or somebody
    /// else's work.
    LabelUnproved {
        /// Why not.
        flaw: Flaw,
        /// What runs there.
        process: String,
    },
    /// The manifest renames it from a name in `moved`, and sessions of both names exist.
    BothNames {
        /// The former name.
        from: SessionName,
    },
    /// A session has its former name, and is not ours.
    FormerNameTaken {
        /// The former name.
        from: SessionName,
    },
    /// Its agent lives on in a pane that somebody has moved into another session.
    MovedOut {
        /// Its process.
        pid: u32,
        /// That session, unsanitised.
        into: String,
    },
    /// Another town's session has this name.
    ForeignTown {
        /// Which town.
        town: String,
    },
    /// Its agent is signed out, or at its usage limit: a fresh process would be as well.
    Blocked {
        /// By what.
        kind: Block,
        /// Which agent.
        agent: String,
        /// The line on a screen that says so, unsanitised; empty where it was the end of former
        /// runs that said so.
        evidence: String,
        /// What a person types to sign the agent in.
        fix: Option<String>,
    },
    /// Escape was pressed, and it has time to move.
    #[strum(serialize = "roused")]
    EscapeSent {
        /// How long ago.
        waited: Period,
    },
    /// The command that should have ended or restarted it failed just now.
    LauncherFailed {
        /// Why, unsanitised.
        said: String,
    },
    /// Its program or its directory is missing. It is started as soon as that is there.
    CannotStart {
        /// What is missing, unsanitised.
        why: String,
        /// Paths at which something new may change that.
        awaited: Vec<PathBuf>,
    },
    /// Lacks a second agreeing look.
    SecondLook,
    /// The operator paused the town.
    Paused,
    /// Gas Town's own files ask for it.
    #[strum(transparent)]
    Gastown(GastownHold),
    /// The tmux server was lost too often.
    ServerLosses {
        /// How often in ten minutes.
        losses: u32,
    },
    /// The intent could not be written down.
    NotDurable,
    /// The manifest declares no session at all: that never expires a town.
    EmptyTown,
    /// The manifest has changed and is not read again yet, so the entry of this session may be
    /// another by now.
    ManifestChanging,
}

impl Hold {
    /// The stable code, for JSON and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }

    /// Whether the other has the same code, whatever its evidence.
    ///
    /// A back-off after two crashes is like one after three.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Gastown(one), Self::Gastown(other)) => discriminant(one) == discriminant(other),
            (one, other) => discriminant(one) == discriminant(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_reason_keeps_its_text_whether_it_is_known_or_not() {
        for text in ["too-old", "limit-over", "of-tomorrow", ""] {
            let reason = RecordedReason::from(text);
            assert_eq!(reason.as_str(), text);
            let written = serde_json::to_string(&reason).unwrap();
            assert_eq!(written, format!("\"{text}\""));
            assert_eq!(
                serde_json::from_str::<RecordedReason>(&written).unwrap(),
                reason
            );
        }
        assert!(RecordedReason::from("too-old").is(ReasonCode::TooOld));
        assert_eq!(
            RecordedReason::from("of-tomorrow"),
            RecordedReason::Unknown("of-tomorrow".to_owned())
        );
    }

    #[test]
    fn the_cause_of_a_stop_is_what_it_was_begun_for() {
        let stop = Reason::StopBegun {
            waited: Period::ZERO,
            purpose: ReasonCode::Asked.into(),
        };
        assert_eq!(stop.code(), "stop-begun");
        assert!(stop.cause().is(ReasonCode::Asked));
        assert!(Reason::Orphaned.cause().is(ReasonCode::Orphaned));
    }

    #[test]
    fn holds_are_alike_by_their_code() {
        let after = |crashes| Hold::BackOff {
            crashes,
            delay: Period::ZERO,
        };
        assert!(after(2).is_like(&after(3)));
        assert!(!after(2).is_like(&Hold::Paused));
        let daemon = Hold::Gastown(GastownHold::Daemon);
        assert!(!daemon.is_like(&Hold::Gastown(GastownHold::ShuttingDown)));
    }
}
