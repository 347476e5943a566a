//! What the user wants for sessions that others start.

use super::{
    Agent, Backoff, Completion, Desired, Idling, Launch, Logs, NudgeText, OnDrift, OnIdle,
    OnLimitEnd, OnUpgrade, Period, RestartPolicy, SessionName, WhenAttached,
};
use crate::model::{SortedMap, SortedSet};
use std::path::PathBuf;
use std::sync::Arc;

/// How long gtctl waits for a session that works when it is too old.
const DRAIN: Period = Period::from_mins(5);
/// How long an ended session stays, so that people can look at it, if its policy does not say.
const GRACE: Period = Period::from_mins(5);

/// A rule for sessions that others start.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// A pattern for the session's name, with `*` and `?`.
    pub pattern: String,
    /// Expire at this age.
    pub max_age: Option<Period>,
    /// Expire when quiet for this long.
    pub idle_limit: Option<Period>,
    /// Phrases on the screen that mean that an agent works. They are those of every agent, because
    /// nobody says which one runs.
    pub busy: Vec<String>,
    /// Expire when completed.
    pub completion: Option<Completion>,
    /// Expire above this many bytes of resident memory.
    pub max_memory: Option<u64>,
    /// What an attached client means.
    pub when_attached: WhenAttached,
    /// How long it may take to end after TERM.
    pub stop_grace: Period,
}

impl Policy {
    /// Whether it matches a session with this name in tmux.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        matches_pattern(&self.pattern, name)
    }

    /// The declaration of a session that it covers: end it when the policy says, and do nothing
    /// else.
    #[must_use]
    pub fn covering(&self, name: SessionName) -> Desired {
        let without_markers = Completion {
            markers: Vec::new(),
            grace: GRACE,
            log: None,
            turn_ended: None,
        };
        let mut completion = self.completion.clone().unwrap_or(without_markers);
        completion.log = completion
            .log
            .map(|log| log.replace("{session}", name.as_str()));
        Desired {
            name,
            role: "custom".to_owned(),
            rig: None,
            agent: Arc::new(Agent {
                busy: self.busy.clone(),
                ..Agent::default()
            }),
            launch: Launch::Tmux,
            command: Vec::new(),
            dir: PathBuf::from("/"),
            env: SortedMap::new(),
            identity_env: SortedMap::new(),
            env_files: Vec::new(),
            pass_env: SortedSet::new(),
            moved: crate::model::SortedSet::new(),
            enabled: true,
            schedule: None,
            restart: RestartPolicy::Never,
            wave: 0,
            after: SortedMap::new(),
            ready_after: Period::ZERO,
            ready: None,
            max_age: self.max_age,
            handoff: None,
            handoff_gap: Period::ZERO,
            drain: DRAIN,
            idling: Idling {
                idle_limit: self.idle_limit,
                on_idle: OnIdle::Report,
                on_limit_end: OnLimitEnd::Nothing,
                limit_nudge: NudgeText::after_limit(),
                nudge: NudgeText::default(),
                stuck_after: None,
            },
            max_memory: self.max_memory,
            tokens: crate::model::TokenLimits::default(),
            on_drift: OnDrift::Report,
            on_upgrade: OnUpgrade::Report,
            resume: crate::model::ResumePolicy::default(),
            when_attached: self.when_attached,
            stop_grace: self.stop_grace,
            completion,
            backoff: Backoff::default(),
            logs: Logs::default(),
            instructions: None,
            prune: false,
            policy: Some(self.pattern.clone()),
        }
    }
}

/// Whether a pattern matches a whole name. `*` stands for any text, `?` for any character.
///
/// ```
/// use gtctl::model::matches_pattern;
/// assert!(matches_pattern("gt-*-witness", "gt-shop-witness"));
/// ```
#[must_use]
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    is_match(&pattern, &name)
}

/// Whether the pattern matches the whole text. At a mismatch the last `*` takes one character more.
fn is_match(pattern: &[char], text: &[char]) -> bool {
    let mut pattern_at = 0;
    let mut text_at = 0;
    // Where the last `*` is in the pattern, and where the text goes on after what it has taken.
    let mut last_star = None;
    while let Some(c) = text.get(text_at) {
        match pattern.get(pattern_at) {
            Some('*') => {
                last_star = Some((pattern_at, text_at));
                pattern_at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == c => {
                pattern_at += 1;
                text_at += 1;
            }
            Some(_) | None => {
                let Some((star, after_taken)) = last_star else {
                    return false;
                };
                last_star = Some((star, after_taken + 1));
                pattern_at = star + 1;
                text_at = after_taken + 1;
            }
        }
    }
    pattern.iter().skip(pattern_at).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_any_text_and_any_character() {
        let matches = |pattern: &str, name: &str| {
            is_match(
                &pattern.chars().collect::<Vec<_>>(),
                &name.chars().collect::<Vec<_>>(),
            )
        };
        assert!(matches("task-agent-*", "task-agent-1") && matches("task-agent-*", "task-agent-"));
        assert!(
            !matches("task-agent-*", "my-task-agent-1") && !matches("task-agent-*", "task-agent")
        );
        assert!(
            matches("task-?", "task-1")
                && !matches("task-?", "task-12")
                && !matches("task-?", "task-")
        );
        assert!(matches("*-a-*b", "x-a-b-ab") && !matches("*-a-*b", "x-a-bc"));
        assert!(
            matches("*", "") && matches("**", "anything") && !matches("", "a") && matches("", "")
        );
        assert!(!matches(&"*a".repeat(30), &"b".repeat(60)));
    }
}
