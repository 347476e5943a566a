//! The registry that Claude Code keeps of its running sessions: `~/.claude/sessions/<pid>.json`.
//!
//! It is right in every state that was compared, also after Escape, which no hook tells of. It is
//! absent until the question whether the folder is trusted is answered. It says `idle` where a turn
//! has failed. A client that was killed leaves its entry behind, so an entry counts only for the
//! process with its pid **and** its start time.

use crate::model::written::from_bytes;
use crate::model::{
    Activity, AgentReport, ConversationId, Moment, Period, ProcId, Reported, Source,
};
use serde::Deserialize;

/// One entry, as far as it is of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryEntry {
    /// The client's process.
    pub process: ProcId,
    /// What it says of its agent.
    pub activity: Activity,
    /// The client's own word for that, such as `busy`.
    pub word: String,
    /// When it began to say so, in wall milliseconds.
    pub since: i64,
    /// The conversation.
    pub conversation: Option<ConversationId>,
    /// What it waits for, in the client's words.
    pub waiting_for: String,
}

/// The file, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    pid: u32,
    proc_start: String,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    waiting_for: Option<String>,
    #[serde(default)]
    status_updated_at: Option<i64>,
    #[serde(default)]
    updated_at: Option<i64>,
}

/// Reads one entry. None for what is none.
#[must_use]
pub fn registry_entry(json: &[u8]) -> Option<RegistryEntry> {
    let written: Written = from_bytes(json).ok()?;
    let word = written.status.unwrap_or_default();
    let activity = match word.as_str() {
        "busy" => Activity::Working,
        "idle" => Activity::Idle,
        "shell" => Activity::Background,
        "waiting" => Activity::Asks,
        _ => Activity::Unsaid,
    };
    Some(RegistryEntry {
        process: ProcId {
            pid: written.pid,
            start: written.proc_start.parse().ok()?,
        },
        activity,
        word: word.chars().take(AgentReport::MAX_EVENT).collect(),
        since: written
            .status_updated_at
            .or(written.updated_at)
            .unwrap_or(0),
        conversation: written.session_id.and_then(|id| id.parse().ok()),
        waiting_for: written
            .waiting_for
            .unwrap_or_default()
            .chars()
            .take(AgentReport::MAX_TEXT)
            .collect(),
    })
}

impl RegistryEntry {
    /// What it comes to at `now`. None where it says nothing of what the agent does.
    #[must_use]
    pub fn reported(&self, now: Moment) -> Option<Reported> {
        if self.activity == Activity::Unsaid {
            return None;
        }
        let age = now.wall.saturating_sub(self.since).max(0).unsigned_abs();
        Some(Reported {
            activity: self.activity,
            by: Source::Registry,
            event: self.word.clone(),
            at: now.minus(Period::from_millis(age)),
            conversation: self.conversation.clone(),
            text: self.waiting_for.clone(),
            transcript: None,
            resets: None,
            // It says `idle` before the first turn, too.
            has_begun_turn: self.activity.tells_of_turn() && self.activity != Activity::Idle,
            usage: None,
        })
    }
}
