//! What an agent has used, by the file in which its client writes the conversation down.
//!
//! | client | line | what it says |
//! |---|---|---|
//! | claude | `"type":"assistant"` with `message.usage` | one answer; several lines of one message repeat it |
//! | codex | `event_msg` with `payload.type` `token_count` | the totals so far, the last request, the context window |
//!
//! Anything else is skipped: a line that is no JSON, an unknown type, a number that is none.

use crate::model::written::from_bytes;
use crate::model::{ReportingClient, TokenUsage};
use serde::Deserialize;
use std::collections::VecDeque;

/// So many messages are remembered, so that a later line of one of them replaces its usage. Lines
/// of one message follow each other; sub-agents that write in between are few.
const MAX_MESSAGES: usize = 16;
/// The longest id of a message that is remembered, in bytes. Real ones have some 30.
const MAX_ID: usize = 128;

/// The count of one transcript, as far as it has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    usage: Option<TokenUsage>,
    /// The last messages with their usage, the oldest first.
    messages: VecDeque<(String, TokenUsage)>,
}

impl Tally {
    /// What has been used so far. None where no line has told.
    #[must_use]
    pub fn usage(&self) -> Option<TokenUsage> {
        self.usage
    }

    /// Adds what these whole lines say.
    pub fn add(&mut self, client: ReportingClient, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n') {
            match client {
                ReportingClient::Claude => self.add_claude(line),
                ReportingClient::Codex => self.add_codex(line),
                ReportingClient::Gemini
                | ReportingClient::Kimi
                | ReportingClient::KimiCode
                | ReportingClient::Opencode => {}
            }
        }
    }

    fn add_claude(&mut self, line: &[u8]) {
        let Ok(line) = from_bytes::<ClaudeLine>(line) else {
            return;
        };
        let Some(message) = line.message.filter(|_| line.kind == "assistant") else {
            return;
        };
        let Some(written) = message.usage else {
            return;
        };
        let used = TokenUsage {
            input: written.input_tokens,
            output: written.output_tokens,
            cache_read: written.cache_read_input_tokens,
            cache_write: written.cache_creation_input_tokens,
            ..TokenUsage::default()
        };
        let before = self.remember(message.id.unwrap_or_default(), used);
        let known = self.usage.unwrap_or_default();
        let total = known.without(&before).with(&used);
        // An answer without tokens is one that the client has written itself, such as an error.
        let context = if line.is_sidechain || used.total() == 0 {
            known.context
        } else {
            used.total()
        };
        self.usage = Some(TokenUsage { context, ..total });
    }

    /// Keeps the usage of a message, and returns what was known of it before.
    fn remember(&mut self, id: String, used: TokenUsage) -> TokenUsage {
        if id.is_empty() || id.len() > MAX_ID {
            return TokenUsage::default();
        }
        let known = self.messages.iter_mut().find(|(known, _)| *known == id);
        if let Some((_, before)) = known {
            return std::mem::replace(before, used);
        }
        if self.messages.len() >= MAX_MESSAGES {
            self.messages.pop_front();
        }
        self.messages.push_back((id, used));
        TokenUsage::default()
    }

    fn add_codex(&mut self, line: &[u8]) {
        let Ok(line) = from_bytes::<CodexLine>(line) else {
            return;
        };
        let is_count = line.kind == "event_msg" && line.payload.kind == "token_count";
        let Some(info) = line.payload.info.filter(|_| is_count) else {
            return;
        };
        let Some(total) = info.total_token_usage else {
            return;
        };
        let known = self.usage.unwrap_or_default();
        let last = info.last_token_usage;
        self.usage = Some(TokenUsage {
            // The input includes what came from the cache.
            input: total.input_tokens.saturating_sub(total.cached_input_tokens),
            output: total.output_tokens,
            cache_read: total.cached_input_tokens,
            cache_write: 0,
            context: last.map_or(known.context, |last| {
                last.input_tokens.saturating_add(last.output_tokens)
            }),
            window: info.model_context_window.or(known.window),
        });
    }
}

#[derive(Deserialize)]
struct ClaudeLine {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, rename = "isSidechain")]
    is_sidechain: bool,
    #[serde(default)]
    message: Option<ClaudeMessage>,
}

#[derive(Deserialize)]
struct ClaudeMessage {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    usage: Option<ClaudeUsage>,
}

#[expect(clippy::struct_field_names, reason = "the client's own names")]
#[derive(Deserialize)]
struct ClaudeUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    cache_read_input_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: u64,
}

#[derive(Deserialize)]
struct CodexLine {
    #[serde(rename = "type")]
    kind: String,
    payload: CodexPayload,
}

#[derive(Deserialize)]
struct CodexPayload {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    info: Option<CodexInfo>,
}

#[derive(Deserialize)]
struct CodexInfo {
    #[serde(default)]
    total_token_usage: Option<CodexUsage>,
    #[serde(default)]
    last_token_usage: Option<CodexUsage>,
    #[serde(default)]
    model_context_window: Option<u64>,
}

#[expect(clippy::struct_field_names, reason = "the client's own names")]
#[derive(Deserialize)]
struct CodexUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    cached_input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(client: ReportingClient, lines: &[&str]) -> Option<TokenUsage> {
        let mut tally = Tally::default();
        for line in lines {
            tally.add(client, line.as_bytes());
        }
        tally.usage()
    }

    #[test]
    fn a_recorded_transcript_of_claude_counts_each_message_once() {
        let recorded = include_str!("../../tests/reports/claude-transcript.jsonl");
        let usage = TokenUsage {
            input: 8000,
            output: 160,
            context: 1020,
            ..TokenUsage::default()
        };
        assert_eq!(tally(ReportingClient::Claude, &[recorded]), Some(usage));
    }

    #[test]
    fn a_later_line_of_a_message_replaces_its_usage() {
        let first = r#"{"type":"assistant","message":{"id":"m","usage":{"input_tokens":3,"output_tokens":1,"cache_read_input_tokens":10,"cache_creation_input_tokens":5}}}"#;
        let last = first.replace(r#""output_tokens":1"#, r#""output_tokens":40"#);
        let side = r#"{"type":"assistant","isSidechain":true,"message":{"id":"s","usage":{"input_tokens":100}}}"#;
        let usage = tally(ReportingClient::Claude, &[first, side, &last]).unwrap();
        assert_eq!((usage.input, usage.output), (103, 40));
        assert_eq!((usage.cache_read, usage.cache_write), (10, 5));
        assert_eq!(usage.context, 58, "a sub-agent has a context of its own");
        assert_eq!(usage.context_percent(), None);
    }

    #[test]
    fn codex_tells_its_totals_and_its_window() {
        let lines = [
            r#"{"type":"event_msg","payload":{"type":"token_count","info":null}}"#,
            r#"{"type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":1500,"cached_input_tokens":500,"output_tokens":100,"reasoning_output_tokens":40,"total_tokens":1600},"last_token_usage":{"input_tokens":800,"cached_input_tokens":500,"output_tokens":50,"total_tokens":850},"model_context_window":1000}}}"#,
            r#"{"type":"event_msg","payload":{"type":"agent_message","message":"token_count"}}"#,
        ];
        let usage = TokenUsage {
            input: 1000,
            output: 100,
            cache_read: 500,
            cache_write: 0,
            context: 850,
            window: Some(1000),
        };
        assert_eq!(tally(ReportingClient::Codex, &lines), Some(usage));
        assert_eq!(usage.context_percent(), Some(85));
    }

    #[test]
    fn lines_that_say_nothing_are_skipped() {
        let huge = format!(
            r#"{{"type":"assistant","message":{{"usage":{{"input_tokens":{}}}}}}}"#,
            u64::MAX
        );
        let lines = [
            "",
            "{",
            "[]",
            "null",
            r#"{"type":"assistant"}"#,
            r#"{"type":1}"#,
        ];
        for client in [ReportingClient::Claude, ReportingClient::Codex] {
            assert_eq!(tally(client, &lines), None);
        }
        let usage = tally(ReportingClient::Claude, &[&huge, &huge]);
        assert_eq!(usage.map(|usage| usage.total()), Some(u64::MAX));
        assert_eq!(tally(ReportingClient::Kimi, &[&huge]), None);
    }
}
