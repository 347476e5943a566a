//! What the user wants of sessions that others start.

use super::{
    Agent, Backoff, Completion, Desired, Idling, Launch, Logs, NudgeText, OnDrift, OnIdle,
    OnLimitEnd, Period, RestartPolicy, SessionName, WhenAttached,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// How long one that works is waited for when it is too old.
const DRAIN: Period = Period::from_mins(5);
/// How long one stays to be looked at after its end, where its policy says nothing of completion.
const GRACE: Period = Period::from_mins(5);

/// A rule for sessions that others start.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Pattern on the session's name: `*` and `?`.
    pub pattern: String,
    /// Expire at this age.
    pub max_age: Option<Period>,
    /// Expire when quiet for this long.
    pub idle_limit: Option<Period>,
    /// Phrases on the screen that mean that an agent works: those of every agent, for nobody says
    /// which one runs.
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
    /// Whether it is about sessions of this name, as tmux has it.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name): (Vec<char>, Vec<char>) =
            (self.pattern.chars().collect(), name.chars().collect());
        is_match(&pattern, &name)
    }

    /// What is wanted of one session that it covers: that it end when it should, and nothing else.
    #[must_use]
    pub fn covering(&self, name: SessionName) -> Desired {
        let silent = Completion {
            markers: Vec::new(),
            grace: GRACE,
            log: None,
        };
        let mut completion = self.completion.clone().unwrap_or(silent);
        completion.log = completion
            .log
            .map(|log| log.replace("{session}", name.as_str()));
        Desired {
            name,
            role: "custom".to_owned(),
            rig: None,
            agent: Agent {
                busy: self.busy.clone(),
                ..Agent::default()
            },
            launch: Launch::Tmux,
            command: Vec::new(),
            dir: PathBuf::from("/"),
            env: BTreeMap::new(),
            identity_env: BTreeMap::new(),
            env_file: None,
            pass_env: BTreeSet::new(),
            restart: RestartPolicy::Never,
            wave: 0,
            after: BTreeMap::new(),
            ready_after: Period::ZERO,
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
            on_drift: OnDrift::Report,
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

/// Whether a whole text is as the pattern says: at a mismatch the last `*` takes one character
/// more.
fn is_match(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut read, mut star) = (0, 0, None);
    while let Some(c) = text.get(read) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(p) if *p == '?' || p == c => (at, read) = (at + 1, read + 1),
            Some(_) | None => {
                let Some((began, taken)) = star else {
                    return false;
                };
                star = Some((began, taken + 1));
                (at, read) = (began + 1, taken + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|p| *p == '*')
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
