//! Commands and agents that work behind a prompt, as a client's footer counts them:
//! `manual mode on · 1 shell · ↓ to manage`.
//!
//! They end with the client, so a session that has some is not idle, though its client waits for
//! its user.

use super::lines::{Kind, Line};

/// What a client counts in its footer, in the singular.
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
/// What needs the word `running` behind it: others count what is only listed by the same name.
const NEED_RUNNING: [&str; 2] = ["agent", "task"];
/// Words that say that what is counted still works.
const STILL: [&str; 3] = ["still running", "running", "in background"];

/// Whether the footer, or the line right above the composer, counts any.
///
/// The line that closes a turn (`✻ Cooked for 0s · 1 shell still running`) stays when they have
/// ended, and says nothing.
pub(super) fn is_told(tail: &[Line<'_>]) -> bool {
    let Some(composer) = tail.iter().rposition(|line| line.kind == Kind::Prompt) else {
        return false;
    };
    let footer = tail.get(composer + 1..).unwrap_or_default();
    let is_footer = |line: &&Line<'_>| match line.kind {
        Kind::Client => true,
        // Right below a prompt without a rule a footer looks like further text that is typed.
        Kind::Quoted => line.text.contains('·'),
        Kind::Blank | Kind::Prompt | Kind::Said => false,
    };
    if footer
        .iter()
        .filter(is_footer)
        .any(|line| line.text.split(['·', '|', ',']).any(counts))
    {
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

/// Whether a line above the composer is one like `1 background terminal running · /ps to view`.
///
/// It is set as far in as an answer, so the command that it names must tell it from one.
fn is_list_of_running(line: &Line<'_>) -> bool {
    let may_be_own = matches!(line.kind, Kind::Client | Kind::Quoted);
    let parts = line
        .text
        .split_once(" · ")
        .filter(|(_, command)| may_be_own && command.starts_with("/ps"));
    parts.is_some_and(|(first, _)| first.contains("running") && counts(first))
}

/// Whether a part of a line counts at least one: `1 shell`, `2 background tasks`,
/// `3 agents running`.
fn counts(part: &str) -> bool {
    let part = part.trim().to_ascii_lowercase();
    let Some((number, what)) = part.split_once(' ') else {
        return false;
    };
    if !number.parse::<u16>().is_ok_and(|count| count > 0) {
        return false;
    }
    let still = STILL.iter().find_map(|still| what.strip_suffix(still));
    let what = still.unwrap_or(what).trim();
    let one = KINDS.iter().find(|kind| {
        what.strip_prefix(**kind)
            .is_some_and(|ending| matches!(ending, "" | "s" | "es"))
    });
    one.is_some_and(|kind| still.is_some() || !NEED_RUNNING.contains(kind))
}

#[cfg(test)]
mod tests {
    use super::super::lines::lines;
    use super::*;

    fn told(screen: &[&str]) -> bool {
        is_told(&lines(&[], screen))
    }

    #[test]
    fn a_footer_tells_of_what_works_behind_the_prompt() {
        let with = |footer: &str| told(&["● Done.", "", "─────", "❯ ", "─────", footer]);
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
        assert!(told(&["❯ ", "  ⏸ manual mode on · 1 shell · ↓ to manage"]));
        assert!(told(&[
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
    fn what_is_said_or_past_tells_nothing_of_work() {
        assert!(!told(&["● 1 shell", "", "❯ "]), "an answer");
        assert!(!told(&[
            "✻ Cooked for 0s · done 6:59 PM · 1 shell still running",
            "",
            "─────",
            "❯ ",
            "─────",
            "  ready"
        ]));
        assert!(!told(&[
            "❯ write about 1 shell",
            "",
            "● It is one.",
            "",
            "❯ ",
            "─────",
            "  ready"
        ]));
        assert!(!told(&["  1 shell"]), "no prompt");
    }
}
