//! From a hook's JSON to a report, and from many reports to the latest word.

use super::{claude, codex, gemini, kimi};
use crate::model::written::from_bytes;
use crate::model::{
    Activity, AgentReport, ConversationId, Generation, Moment, Period, ProcId, Reported,
    ReportingClient, Source,
};
use serde_json::Value;

/// A report that comes this long after the end of a turn belongs to another turn, whatever it says.
const LATE: Period = AgentReport::DISORDER;

/// What a hook's JSON says, without what only its process knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hooked {
    /// The client's own name for the event.
    pub event: String,
    /// What that means.
    pub activity: Activity,
    /// The conversation.
    pub conversation: Option<ConversationId>,
    /// A question or an error, in the client's words.
    pub text: String,
    /// Where the client writes the conversation down.
    pub transcript: Option<String>,
}

impl Hooked {
    /// The report of a hook that began at `at`, in this incarnation, below these processes.
    #[must_use]
    pub fn reported(
        self,
        client: ReportingClient,
        generation: Generation,
        at: Moment,
        ancestors: Vec<ProcId>,
    ) -> AgentReport {
        AgentReport {
            at,
            generation,
            client,
            event: self.event,
            activity: self.activity,
            conversation: self.conversation,
            text: self.text,
            transcript: self.transcript,
            ancestors,
        }
    }
}

/// Reads what a client gave to its hook. None for what is no event of this client, for an event
/// that says nothing, and for one of a sub-agent.
#[must_use]
pub fn read(client: ReportingClient, json: &[u8]) -> Option<Hooked> {
    let value: Value = from_bytes(json).ok()?;
    let event = text_at(&value, "hook_event_name")?;
    let (activity, text) = match client {
        ReportingClient::Claude => claude::meaning(event, &value),
        ReportingClient::Codex => codex::meaning(event, &value),
        ReportingClient::Gemini => gemini::meaning(event, &value),
        ReportingClient::Kimi | ReportingClient::KimiCode => kimi::meaning(event, &value),
        ReportingClient::Opencode => None,
    }?;
    let conversation = text_at(&value, "session_id").and_then(|id| id.parse().ok());
    let transcript = text_at(&value, "transcript_path")
        .filter(|path| path.starts_with('/') && path.len() <= AgentReport::MAX_PATH)
        .map(str::to_owned);
    Some(Hooked {
        event: event
            .chars()
            .filter(char::is_ascii_graphic)
            .take(AgentReport::MAX_EVENT)
            .collect(),
        activity,
        conversation,
        text: bounded(&text),
        transcript,
    })
}

/// Whether a report is of this incarnation, whose pane runs this process: the hook's environment
/// names it, and the process is among those above the hook. So a report of another process, or of an
/// earlier incarnation, says nothing.
#[must_use]
pub fn is_of(report: &AgentReport, generation: Generation, pane: ProcId) -> bool {
    report.generation == generation && report.ancestors.contains(&pane)
}

/// The latest word of the reports of one incarnation, given in the order in which they were
/// written. None where none says anything of what the agent does. See [`ReportFold`].
#[must_use]
pub fn latest<'r>(reports: impl IntoIterator<Item = &'r AgentReport>) -> Option<Reported> {
    let mut fold = ReportFold::default();
    for report in reports {
        fold.take(report);
    }
    fold.latest()
}

/// The reports of one incarnation so far, taken in the order in which they were written.
///
/// Hooks run beside each other, so reports that lie close together may be out of order. Therefore:
///
/// - What ends a turn stands until a new turn begins. A tool's report right after it is late.
/// - A question stands although the report of the tool that it is about comes right after it.
/// - Reports that say nothing of what the agent does change nothing but the conversation.
#[derive(Debug, Clone, Default)]
pub struct ReportFold {
    /// What says what the agent does.
    standing: Option<AgentReport>,
    conversation: Option<ConversationId>,
    transcript: Option<String>,
    has_begun_turn: bool,
}

impl ReportFold {
    /// Takes in the next report.
    pub fn take(&mut self, report: &AgentReport) {
        if report.conversation.is_some() && report.conversation != self.conversation {
            self.has_begun_turn = false;
            self.conversation.clone_from(&report.conversation);
        }
        if report.transcript.is_some() && report.transcript != self.transcript {
            self.transcript.clone_from(&report.transcript);
        }
        self.has_begun_turn |= report.activity.tells_of_turn();
        if replaces(self.standing.as_ref(), report) {
            self.standing = Some(report.clone());
        }
    }

    /// What they come to. None where none says anything of what the agent does.
    #[must_use]
    pub fn latest(&self) -> Option<Reported> {
        let standing = self.standing.as_ref()?;
        Some(Reported {
            activity: standing.activity,
            by: Source::Hook,
            event: standing.event.clone(),
            at: standing.at,
            conversation: self.conversation.clone(),
            text: standing.text.clone(),
            transcript: self.transcript.clone(),
            resets: None,
            has_begun_turn: self.has_begun_turn,
            usage: None,
        })
    }
}

/// Whether a report is news after the one that stands.
fn replaces(standing: Option<&AgentReport>, report: &AgentReport) -> bool {
    if report.activity == Activity::Unsaid {
        return false;
    }
    let Some(standing) = standing else {
        return true;
    };
    if standing.at.since(&report.at) >= LATE {
        return false;
    }
    let is_close = report.at.since(&standing.at) < LATE;
    let is_a_tools = report.activity == Activity::Working && !begins_turn(&report.event);
    let stands = standing.activity.ends_turn() || standing.activity == Activity::Asks;
    !(is_close && is_a_tools && stands)
}

/// Whether an event begins a turn: somebody, or the client itself, has given the agent a text.
fn begins_turn(event: &str) -> bool {
    matches!(event, "UserPromptSubmit" | "BeforeAgent")
}

pub(super) fn text_at<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

pub(super) fn bounded(text: &str) -> String {
    text.chars().take(AgentReport::MAX_TEXT).collect()
}

/// What a client wants to do, as its question: the tool, and what it was given.
///
/// ```text
/// {"tool_name": "Bash", "tool_input": {"command": "make"}}   ->   Bash: make
/// ```
pub(super) fn tool_question(value: &Value) -> String {
    let tool = text_at(value, "tool_name").unwrap_or("a tool");
    let input = value.get("tool_input");
    let question = input.and_then(|input| {
        input
            .get("questions")
            .and_then(|questions| questions.get(0))
            .and_then(|first| text_at(first, "question"))
    });
    if let Some(question) = question {
        return question.to_owned();
    }
    let subject = input.and_then(|input| {
        ["command", "cmd", "file_path", "path", "url", "pattern"]
            .into_iter()
            .find_map(|key| text_at(input, key))
    });
    match subject {
        Some(subject) => format!("{tool}: {subject}"),
        None => tool.to_owned(),
    }
}
