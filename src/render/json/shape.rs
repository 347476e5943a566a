//! The shapes of the pages, flat and simple, and their schemas.

use super::chores::{ChoreLine, ProposalLine};
use super::doctor::DoctorPage;
use crate::manifest::Unwrapped;
use schemars::transform::Transform;
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What every page begins with.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Head {
    /// The version of the shape: 1.
    pub version: u32,
    /// Which page this is.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// When the look was taken, RFC 3339.
    pub observed_at: String,
    /// Whether the tmux server answered.
    pub server: ServerState,
    /// Its version.
    pub tmux: Option<String>,
    /// Why it could not be asked.
    pub trouble: Option<String>,
}

/// Whether the tmux server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServerState {
    /// It did.
    Up,
    /// There is provably none.
    Down,
    /// It could not be told: nothing is planned.
    Unknown,
}

/// A reason or a hold: a stable code, a sentence, and the evidence by name.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Why {
    /// Stable.
    pub code: String,
    /// For people; may change.
    pub text: String,
    /// Further fields by code; those in milliseconds end in `_ms`.
    #[serde(flatten)]
    pub evidence: BTreeMap<String, Value>,
}

/// A file that is written into a session's directory, unless it was edited there.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WrittenLine {
    /// Which.
    pub file: String,
    /// What it is written from.
    pub from: String,
}

/// Something to be done now.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StepLine {
    /// To which session.
    pub session: String,
    /// `start`, `restart`, `expire`, `adopt`, `nudge` or `rouse`.
    pub action: String,
    /// Why.
    pub reason: Why,
    /// What is run.
    pub argv: Option<Vec<String>>,
    /// What is run to end it, where a launcher's command does that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_argv: Option<Vec<String>>,
    /// The life that begins.
    pub generation: Option<u64>,
    /// What is written before it starts, where something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<WrittenLine>,
    /// What is typed, where something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<String>,
}

/// Something that should be done and is held back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HeldLine {
    /// Which session.
    pub session: String,
    /// What would be done.
    pub action: String,
    /// Why it would be.
    pub reason: Why,
    /// What holds it back.
    pub hold: Why,
    /// Until when, RFC 3339; null where only an event or a person can lift it.
    pub until: Option<String>,
    /// What the session is meanwhile.
    pub phase: String,
}

/// A session to which nothing is done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UnchangedLine {
    /// Which.
    pub session: String,
    /// What it is.
    pub phase: String,
    /// Something to be said of it.
    pub note: Option<Why>,
    /// What time alone will bring.
    pub next: Option<NextLine>,
}

/// An event that time alone brings.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NextLine {
    /// What.
    pub action: String,
    /// The code of the reason.
    pub reason: String,
    /// When, RFC 3339.
    pub at: String,
}

/// An agent to be asked whether it is signed in.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProbeLine {
    /// Which.
    pub agent: String,
    /// What keeps its sessions from going on: `auth` or `limit`.
    pub kind: String,
    /// What is run.
    pub argv: Vec<String>,
    /// When, RFC 3339.
    pub at: String,
    /// Whether that has come.
    pub due: bool,
    /// Questions in a row that did not end well.
    pub failed: u32,
}

/// What came of a step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OutcomeLine {
    /// Which session.
    pub session: String,
    /// What was tried.
    pub action: String,
    /// `done`, `stale`, `failed` or `unknown`.
    pub outcome: String,
    /// Why, where it was not done.
    pub why: Option<String>,
}

/// A controller that watches the town.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ControllerLine {
    /// Its process.
    pub pid: u32,
    /// Whether it should have had another cycle by now: it is stopped or hangs, and `gtctl status`
    /// exits 1.
    pub overdue: bool,
    /// When its last cycle ended, RFC 3339; null before its first.
    pub cycled_at: Option<String>,
    /// How long ago that is, in awake time.
    pub cycled_ago_ms: Option<u64>,
    /// How long that cycle took.
    pub took_ms: Option<u64>,
    /// How long it sleeps at most between two.
    pub resync_ms: Option<u64>,
    /// Why its last cycle could not run.
    pub trouble: Option<String>,
    /// Since when the manifest on disk has been broken, RFC 3339; null while it is the one in
    /// force.
    pub manifest_broken_since: Option<String>,
    /// What is wrong with it.
    pub manifest_trouble: Option<String>,
}

/// One session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SessionLine {
    /// Its name.
    pub session: String,
    /// What it is: `absent`, `starting`, `working`, `idle`, `waiting`, `blocked`, `completed`,
    /// `dead`, `stopping`, `stopped`, `unknown` or `foreign`.
    pub phase: String,
    /// How it ended, where it did.
    pub death: Option<String>,
    /// For how long it has been that, where this is known.
    pub since_ms: Option<u64>,
    /// Awake time since its process was started.
    pub age_ms: Option<u64>,
    /// For how long nothing has changed on its screen.
    pub idle_ms: Option<u64>,
    /// What its screen says, once that was read.
    pub screen: Option<ScreenLine>,
    /// Starts after the first.
    pub restarts: u32,
    /// Clients attached.
    pub attached: u32,
    /// Processor time of its process tree.
    pub cpu_ms: Option<u64>,
    /// Resident memory of its process tree.
    pub rss_bytes: Option<u64>,
    /// Processes in its tree.
    pub processes: Option<u32>,
    /// Its newest log.
    pub log: Option<String>,
    /// What comes next, or why nothing does.
    pub event: Option<EventLine>,
}

/// What a session's screen says.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ScreenLine {
    /// `ready`, `busy`, `retrying`, `asks-permission`, `asks-trust`, `auth`, `limit`, `context` or
    /// `unclear`.
    pub state: String,
    /// Whether two looks agree on it.
    pub agreed: bool,
    /// For how long it has been saying so.
    pub since_ms: u64,
    /// The line that says so, or the pane's title; empty where nothing was recognised.
    pub evidence: String,
    /// What says so: `text` or `title`.
    pub by: String,
    /// The state that the other of the two says, where that is another.
    pub against: Option<String>,
}

/// What the plan has for a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventLine {
    /// Something is done now.
    Step(StepLine),
    /// Something is held back.
    Held(HeldLine),
    /// Something is to be said.
    Note(Why),
    /// Time will bring something.
    Next(NextLine),
}

/// How one declared session was found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FindingLine {
    /// Which.
    pub session: String,
    /// `alive`, `resting`, `dead`, `missing` or `unknown`.
    pub finding: String,
    /// How it ended, or in what it rests.
    pub detail: Option<String>,
}

/// `gtctl diff -o json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DiffPage {
    #[serde(flatten)]
    #[expect(missing_docs, reason = "flattened: its fields have their own")]
    pub head: Head,
    /// What Gas Town's own files ask, and who else keeps the town; absent where there is nothing to
    /// be said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub remarks: Vec<Why>,
    /// To be done now.
    pub steps: Vec<StepLine>,
    /// To be done, but not now.
    pub held: Vec<HeldLine>,
    /// As it should be, or only to be reported.
    pub unchanged: Vec<UnchangedLine>,
    /// Agents that a running controller asks whether they are signed in.
    pub probes: Vec<ProbeLine>,
    /// Timed work beside the sessions.
    pub chores: Vec<ChoreLine>,
    /// What analyses propose.
    pub proposals: Vec<ProposalLine>,
    /// The next moment at which this answer can change of itself, RFC 3339.
    pub wake: Option<String>,
}

/// `gtctl apply -o json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ApplyPage {
    #[serde(flatten)]
    #[expect(missing_docs, reason = "flattened: its fields have their own")]
    pub head: Head,
    /// What came of each step, in their order.
    pub outcomes: Vec<OutcomeLine>,
    /// What is still to be done.
    pub steps: Vec<StepLine>,
    /// What is still held.
    pub held: Vec<HeldLine>,
    /// As it should be, or only to be reported.
    pub unchanged: Vec<UnchangedLine>,
    /// The next moment at which this answer can change of itself, RFC 3339.
    pub wake: Option<String>,
}

/// `gtctl status -o json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StatusPage {
    #[serde(flatten)]
    #[expect(missing_docs, reason = "flattened: its fields have their own")]
    pub head: Head,
    /// Whether the operator paused the town.
    pub paused: bool,
    /// What Gas Town's own files ask, and who else keeps the town; absent where there is nothing to
    /// be said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub remarks: Vec<Why>,
    /// The controller that keeps the town; null when none runs.
    pub controller: Option<ControllerLine>,
    /// Seconds of idling that early ends have saved: each session removed for being done, quiet or
    /// old would else have stood until it was 24 hours old.
    pub idle_saved_s: u64,
    /// By name.
    pub sessions: Vec<SessionLine>,
    /// Timed work beside the sessions; none where only some sessions were asked for.
    pub chores: Vec<ChoreLine>,
    /// What analyses propose.
    pub proposals: Vec<ProposalLine>,
    /// The next moment at which this answer can change of itself, RFC 3339.
    pub wake: Option<String>,
}

/// `gtctl verify -o json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VerifyPage {
    #[serde(flatten)]
    #[expect(missing_docs, reason = "flattened: its fields have their own")]
    pub head: Head,
    /// Whether every session is as it should be.
    pub well: bool,
    /// By name.
    pub sessions: Vec<FindingLine>,
}

/// `gtctl nudge -o json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NudgePage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `nudge`.
    pub kind: String,
    /// Which session.
    pub session: String,
    /// When it was over, RFC 3339.
    pub observed_at: String,
    /// `delivered`; `refused`, `not-delivered` or `stale`: nothing was typed; `not-submitted`;
    /// `unknown`: it may have been typed; `failed`.
    pub outcome: String,
    /// For people; may change.
    pub text: String,
    /// What kept it from being typed, as a stable code: `busy`, `auth`, `asks-permission` and so
    /// on.
    pub obstacle: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
    /// Presses of the submit key.
    pub presses: u32,
}

/// `gtctl reset -o json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ResetPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `reset`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// The sessions whose crashes and holds are forgotten.
    pub sessions: Vec<String>,
}

/// `gtctl pause -o json` and `gtctl resume -o json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PausePage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `pause` or `resume`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// Whether it is paused now.
    pub paused: bool,
}

/// `gtctl chore run -o json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ChoreRunPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `chore`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// Which chore.
    pub chore: String,
    /// How its run ended: `done`, `skipped`, `failed`, `timed-out` or `lost`; null where the
    /// controller is to run it.
    pub result: Option<String>,
    /// For people; may change.
    pub text: String,
}

/// The schema of every page by its kind, as text ended by a line end: committed as
/// `schema/<kind>.schema.json`.
#[must_use]
pub fn schemas() -> [(&'static str, String); 9] {
    [
        ("apply", schema_for!(ApplyPage)),
        ("chore", schema_for!(ChoreRunPage)),
        ("diff", schema_for!(DiffPage)),
        ("doctor", schema_for!(DoctorPage)),
        ("nudge", schema_for!(NudgePage)),
        ("pause", schema_for!(PausePage)),
        ("reset", schema_for!(ResetPage)),
        ("status", schema_for!(StatusPage)),
        ("verify", schema_for!(VerifyPage)),
    ]
    .map(|(kind, mut schema)| {
        Unwrapped.transform(&mut schema);
        (kind, super::text(&schema))
    })
}
