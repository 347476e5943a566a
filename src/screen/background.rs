//! Finds commands and agents that still work while the client shows its prompt.
//!
//! A client counts them in its footer: `manual mode on · 1 shell · ↓ to manage`. They end when the
//! client ends. So a session with background work is not idle, although its client waits for a
//! text.

use super::lines::{Kind, Line};

/// The kinds of work that a footer counts, in the singular.
const KINDS: [&str; 12] = [
    "shell",
    "background shell",
    "bash",
    "agent",
    "local agent",
    "background agent",
    "sub-agent",
    "subagent",
    "task",
    "background task",
    "background command",
    "background terminal",
];
/// Kinds that count only with the word `running` after them. Other clients list agents and tasks
/// that do not run.
const NEED_RUNNING: [&str; 2] = ["agent", "task"];
/// Words which say that the counted work still runs.
const STILL: [&str; 3] = ["still running", "running", "in background"];

/// Whether the footer or the line right above the composer counts background work.
///
/// The line that closes a turn does not count: `✻ Cooked for 0s · 1 shell still running`. It stays
/// on the screen after the work has ended.
pub(super) fn is_counted(tail: &[Line<'_>]) -> bool {
    let Some(composer) = tail.iter().rposition(|line| line.kind == Kind::Prompt) else {
        return false;
    };
    let footer = tail.get(composer + 1..).unwrap_or_default();
    let is_footer = |line: &&Line<'_>| match line.kind {
        Kind::Client => true,
        // If there is no rule below the prompt, a footer looks like a second line of typed text.
        Kind::Quoted => line.text.contains('·'),
        Kind::Blank | Kind::Prompt | Kind::Answer => false,
    };
    let footer_counts = footer
        .iter()
        .filter(is_footer)
        .any(|line| line.text.split(['·', '|', ',']).any(counts_work));
    if footer_counts {
        return true;
    }
    let above = tail
        .get(..composer)
        .unwrap_or_default()
        .iter()
        .rev()
        .find(|line| line.kind != Kind::Blank);
    above.is_some_and(is_list_of_running)
}

/// Whether a line above the composer is like `1 background terminal running · /ps to view`.
///
/// Such a line is indented like an answer. Only the command `/ps` tells it apart.
fn is_list_of_running(line: &Line<'_>) -> bool {
    let may_be_own = matches!(line.kind, Kind::Client | Kind::Quoted);
    let parts = line
        .text
        .split_once(" · ")
        .filter(|(_, command)| may_be_own && command.starts_with("/ps"));
    parts.is_some_and(|(count, _)| count.contains("running") && counts_work(count))
}

/// Whether a part of a line counts at least one piece of work.
///
/// Examples: `1 shell`, `2 background tasks`, `3 agents running`.
fn counts_work(part: &str) -> bool {
    let part = part.trim().to_ascii_lowercase();
    let Some((number, what)) = part.split_once(' ') else {
        return false;
    };
    if !number.parse::<u16>().is_ok_and(|count| count > 0) {
        return false;
    }
    let without_still = STILL.iter().find_map(|still| what.strip_suffix(still));
    let is_running = without_still.is_some();
    let name = without_still.unwrap_or(what).trim();
    let kind = KINDS.iter().find(|kind| {
        name.strip_prefix(**kind)
            .is_some_and(|ending| matches!(ending, "" | "s" | "es"))
    });
    kind.is_some_and(|kind| is_running || !NEED_RUNNING.contains(kind))
}

#[cfg(test)]
mod tests {
    use super::super::lines::lines;
    use super::*;

    fn counted(screen: &[&str]) -> bool {
        is_counted(&lines(&[], screen))
    }

    #[test]
    fn a_footer_counts_what_works_behind_the_prompt() {
        let with = |footer: &str| counted(&["● Done.", "", "─────", "❯ ", "─────", footer]);
        for footer in [
            "  ⏸ manual mode on · 1 shell · ↓ to manage",
            "  1 shell",
            "  2 bashes",
            "  12 shells running",
            "  1 background task",
            "  ⏵⏵ accept edits on · 3 background tasks · ? for shortcuts",
            "  2 local agents",
            "  3 agents running",
        ] {
            assert!(with(footer), "{footer}");
        }
        for footer in [
            "  ⏸ manual mode on · ? for shortcuts",
            "  0 shells · ? for shortcuts",
            "  shell mode · 1 file changed",
            "  ← for agents · ? for shortcuts",
            "  4 tasks · 2 agents",
            "  1 shellfish",
            "  99999999999999999999 shells",
        ] {
            assert!(!with(footer), "{footer}");
        }
        assert!(counted(&[
            "❯ ",
            "  ⏸ manual mode on · 1 shell · ↓ to manage"
        ]));
        assert!(counted(&[
            "• Done.",
            "",
            "  1 background terminal running · /ps to view",
            "",
            "› Ask",
            "",
            "  model"
        ]));
    }

    #[test]
    fn what_is_an_answer_or_past_does_not_count() {
        assert!(!counted(&["● 1 shell", "", "❯ "]), "an answer");
        assert!(!counted(&[
            "✻ Cooked for 0s · done 6:59 PM · 1 shell still running",
            "",
            "─────",
            "❯ ",
            "─────",
            "  ready"
        ]));
        assert!(!counted(&[
            "❯ write about 1 shell",
            "",
            "● It is one.",
            "",
            "❯ ",
            "─────",
            "  ready"
        ]));
        assert!(!counted(&["  1 shell"]), "no prompt");
    }
}
