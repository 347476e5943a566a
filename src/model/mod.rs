//! The nouns of gtctl: plain values, no I/O, no clock.
//!
//! All other rooms use these types. A value of them is valid:
//!
//! - A name is parsed once, where it comes in ([`SessionName`]).
//! - A duration carries its unit ([`Period`]).
//! - Ids of different kinds cannot be mixed up ([`SessionId`], [`PaneId`], [`ServerId`]).
//! - A time is always an argument ([`Moment`]).
//!
//! **Architecture invariant:** nothing here reads a file, a clock or an environment variable, and
//! nothing here decides what to do. `plan/` decides.

mod after;
pub mod agent;
pub mod answer;
mod bounds;
mod bytes;
pub mod checkup;
pub mod chore;
mod client;
pub mod content;
mod conversation;
mod coverage;
pub mod desired;
pub mod environment;
pub mod evidence;
pub mod fingerprint;
pub mod fleet;
pub mod gastown;
pub mod heartbeat;
pub mod history;
pub mod host;
mod hours;
pub mod identity;
pub mod incarnation;
pub mod invisible;
pub mod journal;
pub mod launch;
mod layers;
pub mod limits;
pub mod marks;
pub mod memory;
pub mod name;
pub mod news;
pub mod nudge;
pub mod observed;
pub mod outcome;
pub mod period;
pub mod phase;
pub mod plan;
pub mod policy;
pub mod population;
pub mod probe;
pub mod ran;
mod reach;
pub mod ready;
pub mod reason;
mod renames;
pub mod report;
pub mod sample;
pub mod screen;
mod shell;
pub mod signed;
pub mod sorted;
pub mod text;
pub mod time;
mod timetable;
pub mod token_limits;
pub mod town;
pub mod usage;
pub mod walk;
pub(crate) mod written;

pub use after::{Awaited, Milestone, NotReady};
pub use agent::{Agent, Hooks, HourlyCost};
pub use answer::{
    AnswerEnd, AnswerGiven, AnswerKey, AnswerStep, Choice, ChoiceFault, DeclaredAnswer, Dialog,
    DialogOption, Meaning, NoAnswer, Takes,
};
pub use bounds::keep_newest;
pub use bytes::parse_bytes;
pub use checkup::{Checked, Fix, Health};
pub use chore::{
    Accept, Advice, Chore, ChoreEnd, ChoreHistory, ChoreKind, ChoreResult, ChoreTime, ChoreTimes,
    Judged, Proposal, ProposalStanding, Refusal, Timed,
};
pub use client::{client_of, client_word, plain_name};
pub use content::{Content, Cpu, SeenDialog, Shown};
pub use conversation::{AskedConversation, KnownConversation, ResumePolicy, Turns};
pub use coverage::{cover, covered, misnamed};
pub use desired::{
    Backoff, Completion, Desired, EnvFile, Idling, Logs, Marker, OnDrift, OnIdle, OnLimitEnd,
    OnUpgrade, RestartPolicy, WhenAttached,
};
pub use evidence::Evidence;
pub use fingerprint::{Fingerprint, FingerprintFault};
pub use fleet::{
    AskAnswer, AskVerb, BootTime, Compare, Epoch, Fleet, FleetAsk, FleetKey, FleetSession,
    FleetView, Hist, HostChoice, HostLack, HostMark, HostRecord, Keyspace, LeaderRecord, Leave,
    LossPolicy, Permit, PlaceReason, Placement, Revision, SessionStatus, StoreSettings, Stored,
    Transaction, Write,
};
pub use gastown::{Gastown, GastownHold, Rest};
pub use heartbeat::{Counts, Heartbeat, InForce, Keeper};
pub use history::{Finished, History, Purpose, Refused, Refuted, Replacing, Stopping};
pub use host::{HostAddress, HostName, Hosts, is_ssh_destination};
pub use hours::{HoursFault, Schedule, ScheduleState, WeekHours, Zone};
pub use identity::{Generation, PaneId, ProcId, ServerId, SessionId};
pub use incarnation::{Ended, Footprint, Incarnation, Limited, ProgramCheck, Typed};
pub use journal::{Entry, Level};
pub use launch::{Commands, Complaint, Launch, Launcher, LauncherJob, LauncherStop, StopCommand};
pub use layers::Layers;
pub use limits::{Limits, StartBudget, Unavailable};
pub use marks::{Given, Marks, Position, Sighting, Standing, Verdict};
pub use memory::{Departure, Memory};
pub use name::{NameFault, SessionName};
pub use news::{Announced, News, Topic};
pub use nudge::{Delivery, NudgeFault, NudgeText, Obstacle};
pub use observed::{
    Flaw, Label, Life, MovedOut, Observed, Origin, Ownership, Seen, Server, Unproved, Usage,
};
pub use outcome::{Done, Effect, Outcome, Outcomes};
pub use period::{Period, PeriodFault};
pub use phase::{Phase, PhaseKind};
pub use plan::{
    Action, Definition, Durability, Held, Mass, Next, Orders, Orphans, Plan, Request, Rung, Scope,
    Step, Target, Unchanged, Verb, Whose,
};
pub use policy::{Policy, matches_pattern};
pub use population::{Inhabitant, Program};
pub use probe::{Answer, Answered, Probe, Probed};
pub use ran::{Change, RanWith};
pub use reach::Unreached;
pub use ready::{Readiness, ReadyAnswer, ReadyCheck, ReadyProbe, ReadyQuestion};
pub use reason::{Death, Hold, Reason, ReasonCode, RecordedReason};
pub use renames::Renames;
pub use report::{
    Activity, AgentReport, Conversation, ConversationId, ConversationIdFault, LastReports,
    Reported, ReportingClient,
};
pub use sample::{Grain, PhaseChange, Reading, Sample};
pub use screen::{Asks, Block, Screen, ScreenState, Source, Title, Told};
pub use shell::shell_word;
pub use sorted::{SortedMap, SortedSet};
pub use text::{Asker, TextEnd, TextRequest, TextStep, Typable};
pub use time::Moment;
pub use timetable::{CronFault, CronTimes, Timetable};
pub use token_limits::{ContextLimit, ConversationTokens, TokenLimits, UsedTokens, parse_tokens};
pub use town::{CannotStart, Metrics, Notify, Socket, Town, WebAddress};
pub use usage::TokenUsage;
pub use walk::Walk;
