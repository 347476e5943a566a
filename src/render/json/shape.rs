//! The shapes of the pages, flat and simple, and their schemas.

use super::chores::{ChoreLine, ProposalLine};
use super::session::SessionLine;
#[cfg(test)]
use crate::manifest::made::unwrapped;
use crate::model::SortedMap;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What every page begins with.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Head {
    /// The version of the shape: 1.
    pub version: u32,
    /// Which page this is.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// When gtctl looked at the town, RFC 3339 in UTC.
    pub observed_at: String,
    /// 1 if the tmux server answered.
    pub server: ServerState,
    /// The version of tmux.
    pub tmux: Option<String>,
    /// Why the tmux server could not be asked.
    pub trouble: Option<String>,
}

/// 1 if the tmux server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ServerState {
    /// The server answered.
    Up,
    /// Certainly no server runs.
    Down,
    /// It could not be determined whether a server runs, so nothing is planned.
    Unknown,
}

/// A reason, or what a step waits for: a stable code, a sentence, and the evidence by name.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Why {
    /// A stable code, such as `too-old`.
    pub code: String,
    /// A sentence for people. Its words may change.
    pub message: String,
    /// The values behind it, by name. Names of durations end in `_ms`.
    pub evidence: SortedMap<String, Value>,
    /// Deprecated, removed in 0.3: the same as `message`.
    pub text: String,
    /// Deprecated, removed in 0.3: the fields of `evidence` once more.
    #[serde(flatten)]
    pub flat_evidence: SortedMap<String, Value>,
}

impl Why {
    /// The names that the shape itself has. Evidence of such a name is not repeated beside it.
    const OWN: [&'static str; 4] = ["code", "message", "evidence", "text"];

    /// A reason in the one form that all pages have.
    pub(in crate::render) fn new(
        code: &str,
        message: String,
        evidence: SortedMap<String, Value>,
    ) -> Self {
        let flat_evidence = evidence
            .iter()
            .filter(|(name, _)| !Self::OWN.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Self {
            code: code.to_owned(),
            text: message.clone(),
            message,
            evidence,
            flat_evidence,
        }
    }
}

/// A file that gtctl writes into a session's directory, unless somebody has edited it there.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct WrittenLine {
    /// The path of the file.
    pub file: String,
    /// The source of its text.
    pub from: String,
}

/// A step that gtctl takes now.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct StepLine {
    /// The session's name.
    pub session: String,
    /// `start`, `restart`, `expire`, `adopt`, `nudge` or `rouse`.
    pub action: String,
    /// Why the step is taken.
    pub reason: Why,
    /// The command that runs.
    pub argv: Option<Vec<String>>,
    /// The launcher's command that stops the session, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_argv: Option<Vec<String>>,
    /// The generation of the run that begins.
    pub generation: Option<u64>,
    /// The id of the conversation that it resumes, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumes: Option<String>,
    /// The id of the new conversation that it begins, where gtctl gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begins: Option<String>,
    /// The file that is written before the start, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<WrittenLine>,
    /// The text that is typed, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<String>,
}

/// A step that is needed but has to wait.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct HeldLine {
    /// The session's name.
    pub session: String,
    /// The step: `start`, `restart`, `expire`, `adopt`, `nudge` or `rouse`.
    pub action: String,
    /// Why the step is needed.
    pub reason: Why,
    /// What the step waits for.
    pub hold: Why,
    /// Until when, RFC 3339 in UTC; null if only an event or a person can end the wait.
    pub until: Option<String>,
    /// The phase of the session meanwhile.
    pub phase: String,
}

/// A session that needs no step now.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct UnchangedLine {
    /// The name.
    pub session: String,
    /// The phase of the session.
    pub phase: String,
    /// A remark about the session, if there is one.
    pub note: Option<Why>,
    /// The next step that time alone will bring, if any.
    pub next: Option<NextLine>,
}

/// A step that becomes due by time alone.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct NextLine {
    /// The step.
    pub action: String,
    /// Why the step is taken.
    pub reason: Why,
    /// When, RFC 3339 in UTC.
    pub at: String,
}

/// An agent whose probe a controller runs, to see whether the agent is signed in.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ProbeLine {
    /// The name.
    pub agent: String,
    /// What blocks its sessions: `auth` or `limit`.
    pub kind: String,
    /// The command that runs.
    pub argv: Vec<String>,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Whether that time has come.
    pub due: bool,
    /// Probes in a row that failed.
    pub failed: u32,
}

/// The result of a step.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct OutcomeLine {
    /// The session's name.
    pub session: String,
    /// The step.
    pub action: String,
    /// `done`, `stale`, `failed` or `unknown`.
    pub outcome: String,
    /// Why the step was not done, if it was not.
    pub why: Option<String>,
}

/// The controller of the town.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ControllerLine {
    /// Its process id.
    pub pid: u32,
    /// Whether its next cycle is overdue: the controller is suspended or hangs, and `gtctl status`
    /// exits 1.
    pub overdue: bool,
    /// When its last cycle ended, RFC 3339 in UTC; null before its first.
    pub cycled_at: Option<String>,
    /// How long ago that was, without time in suspend.
    pub cycled_ago_ms: Option<u64>,
    /// How long that cycle took.
    pub took_ms: Option<u64>,
    /// How long it sleeps at most between two cycles.
    pub resync_ms: Option<u64>,
    /// Why its last cycle failed, if it did.
    pub trouble: Option<String>,
    /// Since when the manifest on disk has had errors, RFC 3339 in UTC; null if it has none. The
    /// controller then uses the last good one.
    pub manifest_broken_since: Option<String>,
    /// The first error in that manifest.
    pub manifest_trouble: Option<String>,
}

/// The check of one declared session.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct FindingLine {
    /// The name.
    pub session: String,
    /// `alive`, `resting`, `dead`, `missing` or `unknown`.
    pub finding: String,
    /// How it ended, or the phase in which it rests.
    pub detail: Option<String>,
}

/// `gtctl diff -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct DiffPage {
    #[serde(flatten)]
    #[expect(missing_docs, reason = "flattened: its fields have their own")]
    pub head: Head,
    /// What Gas Town's own files ask for, and who else controls the town; absent if there is nothing
    /// to report.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(default))]
    pub remarks: Vec<Why>,
    /// Steps that gtctl takes now.
    pub steps: Vec<StepLine>,
    /// Steps that have to wait.
    pub held: Vec<HeldLine>,
    /// Sessions that need no step.
    pub unchanged: Vec<UnchangedLine>,
    /// Agents whose probes a running controller runs.
    pub probes: Vec<ProbeLine>,
    /// The chores of the town.
    pub chores: Vec<ChoreLine>,
    /// Steps that analyses propose.
    pub proposals: Vec<ProposalLine>,
    /// The next check: the first time at which this answer can change by itself, RFC 3339 in UTC.
    pub wake: Option<String>,
}

/// `gtctl apply -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ApplyPage {
    #[serde(flatten)]
    #[expect(missing_docs, reason = "flattened: its fields have their own")]
    pub head: Head,
    /// The result of each step, in their order.
    pub outcomes: Vec<OutcomeLine>,
    /// Steps that are still to be taken.
    pub steps: Vec<StepLine>,
    /// Steps that still wait.
    pub held: Vec<HeldLine>,
    /// Sessions that need no step.
    pub unchanged: Vec<UnchangedLine>,
    /// The next check: the first time at which this answer can change by itself, RFC 3339 in UTC.
    pub wake: Option<String>,
}

/// `gtctl status -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct StatusPage {
    #[serde(flatten)]
    #[expect(missing_docs, reason = "flattened: its fields have their own")]
    pub head: Head,
    /// 1 if the town is paused.
    pub paused: bool,
    /// What Gas Town's own files ask for, and who else controls the town; absent if there is nothing
    /// to report.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(default))]
    pub remarks: Vec<Why>,
    /// The controller of the town; null if none runs.
    pub controller: Option<ControllerLine>,
    /// Idle time that gtctl has saved by expiring sessions early. Without gtctl, each of them would
    /// have stayed until it was 24 hours old.
    pub idle_saved_ms: u64,
    /// Deprecated, removed in 0.3: the same in seconds.
    pub idle_saved_s: u64,
    /// The sessions, by name.
    pub sessions: Vec<SessionLine>,
    /// The chores of the town; empty if only some sessions were asked for.
    pub chores: Vec<ChoreLine>,
    /// Steps that analyses propose.
    pub proposals: Vec<ProposalLine>,
    /// The next check: the first time at which this answer can change by itself, RFC 3339 in UTC.
    pub wake: Option<String>,
}

/// `gtctl verify -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct VerifyPage {
    #[serde(flatten)]
    #[expect(missing_docs, reason = "flattened: its fields have their own")]
    pub head: Head,
    /// Whether no session is dead, missing or unknown.
    pub well: bool,
    /// The sessions, by name.
    pub sessions: Vec<FindingLine>,
}

/// `gtctl nudge -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct NudgePage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `nudge`.
    pub kind: String,
    /// The session's name.
    pub session: String,
    /// When the nudge ended, RFC 3339 in UTC.
    pub observed_at: String,
    /// `delivered`; `refused`, `not-delivered` or `stale`: nothing was typed; `not-submitted`;
    /// `unknown`: it may have been typed; `failed`.
    pub outcome: String,
    /// A sentence for people. Its words may change.
    pub text: String,
    /// Why nothing was typed, as a stable code: `busy`, `auth`, `asks-permission` and so on.
    pub obstacle: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
    /// How often the submit key was pressed.
    pub presses: u32,
}

/// `gtctl answer -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AnswerPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `answer`.
    pub kind: String,
    /// The session's name.
    pub session: String,
    /// When this was seen, RFC 3339 in UTC.
    pub observed_at: String,
    /// `answered`; `refused`, `changed`, `not-selected`, `stale` or `failed`: nothing was chosen;
    /// `still-asks`: the key was pressed and the same question shows; `unknown`: it may have been
    /// answered. None where no answer was asked for.
    pub outcome: Option<String>,
    /// A sentence for people. Its words may change.
    pub text: Option<String>,
    /// Why nothing was chosen, as a stable code: `no-dialog`, `no-plain-yes`, `sign-in` and so on.
    pub obstacle: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
    /// The answer that was meant, such as `1. Yes`.
    pub answer: Option<String>,
    /// The question that shows now, where gtctl can read one.
    pub question: Option<QuestionPage>,
}

/// A question and its answers.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct QuestionPage {
    /// The question.
    pub question: String,
    /// What the agent's client has reported of it. Empty if nothing.
    pub said: String,
    /// The lines above the answers.
    pub above: Vec<String>,
    /// The answers from top to bottom.
    pub answers: Vec<AnswerLine>,
}

/// One answer of a question.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AnswerLine {
    /// Its number.
    pub number: u32,
    /// Its words.
    pub text: String,
    /// What stands below it.
    pub detail: String,
    /// `affirms`, `affirms-always`, `refuses`, `refuses-always`, `takes-text` or `other`.
    pub meaning: String,
    /// Whether it is selected now.
    pub selected: bool,
    /// The word that chooses it: `yes`, `no`, or none.
    pub word: Option<String>,
}

/// `gtctl reset -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ResetPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `reset`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// The sessions whose crashes are forgotten.
    pub sessions: Vec<String>,
}

/// `gtctl pause -o json` and `gtctl resume -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ChoreRunPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `chore`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// Which chore.
    pub chore: String,
    /// How its run ended: `done`, `skipped`, `failed`, `timed-out` or `lost`; null if the controller
    /// will run it.
    pub result: Option<String>,
    /// A sentence for people. Its words may change.
    pub text: String,
}

/// The schema of every page by its kind, as text ended by a line end: the files
/// `schema/<kind>.schema.json`. Tests make them from the types of the pages.
pub const SCHEMAS: [(&str, &str); 28] = [
    ("answer", include_str!("../../../schema/answer.schema.json")),
    ("apply", include_str!("../../../schema/apply.schema.json")),
    ("chore", include_str!("../../../schema/chore.schema.json")),
    ("config", include_str!("../../../schema/config.schema.json")),
    ("diff", include_str!("../../../schema/diff.schema.json")),
    ("doctor", include_str!("../../../schema/doctor.schema.json")),
    ("events", include_str!("../../../schema/events.schema.json")),
    (
        "explain",
        include_str!("../../../schema/explain.schema.json"),
    ),
    ("fleet", include_str!("../../../schema/fleet.schema.json")),
    (
        "forecast",
        include_str!("../../../schema/forecast.schema.json"),
    ),
    ("host", include_str!("../../../schema/host.schema.json")),
    ("import", include_str!("../../../schema/import.schema.json")),
    ("init", include_str!("../../../schema/init.schema.json")),
    ("logs", include_str!("../../../schema/logs.schema.json")),
    ("nudge", include_str!("../../../schema/nudge.schema.json")),
    ("pause", include_str!("../../../schema/pause.schema.json")),
    ("record", include_str!("../../../schema/record.schema.json")),
    ("replay", include_str!("../../../schema/replay.schema.json")),
    ("report", include_str!("../../../schema/report.schema.json")),
    ("remark", include_str!("../../../schema/remark.schema.json")),
    ("reset", include_str!("../../../schema/reset.schema.json")),
    (
        "service",
        include_str!("../../../schema/service.schema.json"),
    ),
    ("status", include_str!("../../../schema/status.schema.json")),
    ("store", include_str!("../../../schema/store.schema.json")),
    (
        "trouble",
        include_str!("../../../schema/trouble.schema.json"),
    ),
    (
        "validate",
        include_str!("../../../schema/validate.schema.json"),
    ),
    ("verify", include_str!("../../../schema/verify.schema.json")),
    ("wait", include_str!("../../../schema/wait.schema.json")),
];

/// The schemas, in the order of [`SCHEMAS`], as the types have them.
#[cfg(test)]
pub(crate) fn made_schemas() -> [String; 28] {
    use schemars::schema_for;

    use super::config::ConfigPage;
    use super::doctor::DoctorPage;
    use super::explained::ExplainPage;
    use super::first::{ImportPage, InitPage, ServicePage, ValidatePage};
    use super::forecast::ForecastPage;
    use super::host::HostPage;
    use super::record::{RecordPage, ReplayPage};
    use super::remarks::{EventPage, LogPage, RemarkPage, TroublePage};
    use super::report::ReportPage;
    use super::wait::WaitPage;
    use crate::render::fleet::{FleetPage, StorePage};

    [
        schema_for!(AnswerPage),
        schema_for!(ApplyPage),
        schema_for!(ChoreRunPage),
        schema_for!(ConfigPage),
        schema_for!(DiffPage),
        schema_for!(DoctorPage),
        schema_for!(EventPage),
        schema_for!(ExplainPage),
        schema_for!(FleetPage),
        schema_for!(ForecastPage),
        schema_for!(HostPage),
        schema_for!(ImportPage),
        schema_for!(InitPage),
        schema_for!(LogPage),
        schema_for!(NudgePage),
        schema_for!(PausePage),
        schema_for!(RecordPage),
        schema_for!(ReplayPage),
        schema_for!(ReportPage),
        schema_for!(RemarkPage),
        schema_for!(ResetPage),
        schema_for!(ServicePage),
        schema_for!(StatusPage),
        schema_for!(StorePage),
        schema_for!(TroublePage),
        schema_for!(ValidatePage),
        schema_for!(VerifyPage),
        schema_for!(WaitPage),
    ]
    .map(|schema| super::text(&unwrapped(schema)))
}
