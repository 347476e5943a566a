//! Reads the foot of a screen: an open dialog in place of the composer, or a spinner above it.
//!
//! A dialog is recognised by its form, whatever it asks:
//!
//! ```text
//!  ❯ 1. Yes  /  2. No                     a list with a caret, with or without numbers
//!  Enter to confirm · Esc to cancel       the keys that answer it
//!  Continue? [y/N]                        the letters that answer it
//! ```
//!
//! Only the foot counts. Above a composer the same lines are text of an agent or of a tool.

use super::lines::{self, Kind, Line};

/// How many lines of a footer may stand below a dialog. Blank lines do not count.
const MAX_BELOW: usize = 3;
/// How many lines apart two neighbours of a list may be.
pub(super) const MAX_STEP: usize = 6;
/// Over how many more lines a spinner's line may be wrapped.
const MAX_WRAPPED: usize = 3;
/// How far above the chosen answer the question may be. Blank lines do not count.
const MAX_QUESTION: usize = 6;

/// An open dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialog {
    /// The line to show to people: the question, or else the line that revealed the dialog.
    pub(super) shown_by: usize,
    /// Whether the dialog asks for trust.
    pub(super) trust: bool,
}

/// The dialog that is open at the foot, if there is one.
pub(super) fn dialog(tail: &[Line<'_>]) -> Option<Dialog> {
    let sign = numbered_list(tail)
        .or_else(|| keys(tail))
        .or_else(|| plain_list(tail))
        .or_else(|| letters(tail))?;
    let first = (0..sign)
        .rev()
        .find(|at| tail.get(*at).is_some_and(|line| line.rule))
        .unwrap_or(0);
    Some(Dialog {
        shown_by: question_above(tail, first, sign).unwrap_or(sign),
        trust: asks_for_trust(tail.get(first..).unwrap_or_default()),
    })
}

/// The last question of the dialog from line `first` on, up to line `sign` and near it.
pub(super) fn question_above(tail: &[Line<'_>], first: usize, sign: usize) -> Option<usize> {
    let solid = |from: usize, to: usize| {
        let lines = tail.iter().enumerate().take(to).skip(from);
        lines.filter(|(_, line)| line.kind != Kind::Blank)
    };
    let is_question = |line: &Line<'_>| line.text.ends_with('?') || line.text.contains("? (");
    let (question, _) = solid(first, sign + 1).rfind(|(_, line)| is_question(line))?;
    let is_near = solid(question, sign).count() <= MAX_QUESTION;
    is_near.then_some(question)
}

/// Whether a question or an answer of the dialog is about trust.
fn asks_for_trust(dialog: &[Line<'_>]) -> bool {
    let mut is_below_caret = false;
    let solid = dialog.iter().filter(|line| line.kind != Kind::Blank);
    for line in solid {
        // The answers below a caret look like more text at a prompt.
        is_below_caret = line.kind == Kind::Prompt || (is_below_caret && line.kind == Kind::Quoted);
        let is_own = line.kind == Kind::Client || (is_below_caret && !is_quote(line));
        if is_own && names_trust(line.text) {
            return true;
        }
    }
    false
}

fn names_trust(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    [
        "trust this",
        "trust the ",
        "trust all",
        "do you trust",
        "i trust",
        "don't trust",
        "without trusting",
        "i accept",
    ]
    .into_iter()
    .any(|words| lower.contains(words))
}

/// Whether only a footer is below line `at`: no composer and no answer of an agent.
fn is_at_foot(tail: &[Line<'_>], at: usize) -> bool {
    let below = || {
        tail.iter()
            .skip(at + 1)
            .filter(|line| line.kind != Kind::Blank)
    };
    below().count() <= MAX_BELOW
        && !below().any(|line| line.kind == Kind::Prompt || line.kind == Kind::Answer)
}

/// The answer with the caret, in a numbered list at the foot.
pub(super) fn numbered_list(tail: &[Line<'_>]) -> Option<usize> {
    let number = |at: usize| tail.get(at).and_then(|line| option_number(line.text));
    let has_caret =
        |line: &Line<'_>| lines::is_option(line.text) && !line.text.starts_with(['○', '•']);
    let caret = tail
        .iter()
        .rposition(|line| has_caret(line) && line.kind != Kind::Prompt)?;
    let chosen = number(caret)?;
    let next_after = |at: usize, number_there: u32| {
        let wanted = number_there.checked_add(1);
        (at + 1..=at + MAX_STEP).find(|at| number(*at) == wanted)
    };
    let has_next = next_after(caret, chosen).is_some();
    let has_previous = (caret.saturating_sub(MAX_STEP)..caret)
        .any(|at| number(at).is_some_and(|number| number + 1 == chosen));
    if !has_next && !has_previous {
        return None;
    }
    let mut last = caret;
    while let Some(next) = number(last).and_then(|number| next_after(last, number)) {
        last = next;
    }
    (is_at_foot(tail, last) && !is_in_composer(tail, caret, last)).then_some(caret)
}

/// The number of an answer, with a caret or without: 2 for `2. No`, `❯ [2] No`.
pub(super) fn option_number(text: &str) -> Option<u32> {
    let text = if lines::is_option(text) {
        text.trim_start_matches(|c: char| !c.is_ascii_digit())
    } else {
        text
    };
    let text = text.trim_start_matches(['[', '(']);
    let after_digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.get(..text.len() - after_digits.len())?;
    let is_number = (1..=2).contains(&digits.len());
    let is_option = is_number && after_digits.starts_with(['.', ')', ']']);
    is_option.then(|| digits.parse().ok()).flatten()
}

/// Whether the lines `first` to `last` fill the space between two rules. Then they are typed text.
fn is_in_composer(tail: &[Line<'_>], first: usize, last: usize) -> bool {
    let is_rule = |at: Option<usize>| at.and_then(|at| tail.get(at)).is_some_and(|line| line.rule);
    is_rule(first.checked_sub(1)) && is_rule(Some(last + 1))
}

/// The answer with the caret, in a list without numbers.
///
/// Such a list stands below a rule and a heading. A composer differs: it has one rule right above
/// its mark, and one below. Lists of clients that draw no rules are not recognised.
fn plain_list(tail: &[Line<'_>]) -> Option<usize> {
    let caret = tail.iter().rposition(|line| line.kind == Kind::Prompt)?;
    let chosen = tail
        .get(caret)
        .filter(|line| line.text.starts_with(['❯', '›', '▶', '▸', '►']))?;
    let has_words =
        chosen.text.chars().nth(1) == Some(' ') && chosen.text.chars().any(char::is_alphanumeric);
    let below = tail.get(caret + 1..)?;
    let has_more_answers = below
        .iter()
        .take_while(|line| line.kind == Kind::Quoted)
        .any(|line| !is_quote(line));
    let rule = tail.iter().take(caret).rposition(|line| line.rule)?;
    let is_list = has_words
        && has_more_answers
        && is_end_of_screen(below)
        && is_heading(tail.get(rule + 1..caret)?);
    is_list.then_some(caret)
}

/// Whether a few lines end a screen, without a rule and without an answer of an agent.
fn is_end_of_screen(below: &[Line<'_>]) -> bool {
    let solid = below.iter().filter(|line| line.kind != Kind::Blank);
    let has_other = below
        .iter()
        .any(|line| line.rule || line.kind == Kind::Answer);
    !has_other && solid.count() <= MAX_STEP
}

/// Whether there are lines of text, and all of them may be the client's.
fn is_heading(lines: &[Line<'_>]) -> bool {
    let mut solid = lines
        .iter()
        .filter(|line| line.kind != Kind::Blank)
        .peekable();
    solid.peek().is_some() && solid.all(|line| matches!(line.kind, Kind::Client | Kind::Quoted))
}

/// The last line, if it asks for a letter or a key: `Continue? [y/N]`.
fn letters(tail: &[Line<'_>]) -> Option<usize> {
    const ENDS: [&str; 7] = [
        "[y/n]",
        "(y/n)",
        "[yes/no]",
        "(yes/no)",
        "(y/n/a)",
        "[y/n/a]",
        "press any key to continue",
    ];
    let at = tail
        .iter()
        .rposition(|line| line.kind != Kind::Blank && !is_quote(line))?;
    let line = tail.get(at).filter(|line| line.kind == Kind::Client)?;
    let text = line
        .text
        .trim_end_matches([':', '>', ' ', '█', '▌', '_', '.', '…'])
        .to_ascii_lowercase();
    ENDS.iter().any(|end| text.ends_with(end)).then_some(at)
}

/// The line at the foot that names the keys of a dialog.
fn keys(tail: &[Line<'_>]) -> Option<usize> {
    let last_lines = tail
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, line)| line.kind != Kind::Blank)
        .take(MAX_BELOW + 1);
    let (at, _) = last_lines
        .into_iter()
        .find(|(at, line)| names_keys(line) && is_clients(tail, *at))?;
    let prompt = tail
        .iter()
        .take(at)
        .rposition(|line| line.kind == Kind::Prompt);
    let in_composer = prompt.is_some_and(|prompt| is_composer(tail, prompt));
    (is_at_foot(tail, at) && !in_composer).then_some(at)
}

/// Whether the prompt in line `prompt` is a composer, and not the caret of a list.
pub(super) fn is_composer(tail: &[Line<'_>], prompt: usize) -> bool {
    let is_head = tail
        .get(prompt)
        .is_some_and(|line| lines::is_composer_head(line.text));
    let more_typed_lines = tail
        .iter()
        .skip(prompt + 1)
        .take_while(|line| line.kind == Kind::Quoted)
        .count();
    is_head || is_in_composer(tail, prompt, prompt + more_typed_lines)
}

/// Whether line `at` may be the client's own. A line below a caret may: there it looks like more
/// text at a prompt.
fn is_clients(tail: &[Line<'_>], at: usize) -> bool {
    let mut upwards = tail.get(..=at).unwrap_or_default().iter().rev();
    let block_head = upwards.find(|line| line.kind != Kind::Quoted || is_quote(line));
    block_head.is_some_and(|head| {
        // The output of a user's own command stands below a prompt with `!`.
        matches!(head.kind, Kind::Client | Kind::Prompt) && !head.text.starts_with('!')
    })
}

/// Whether a line has a bar on its left or the mark of a tool's output.
fn is_quote(line: &Line<'_>) -> bool {
    line.text.starts_with(['│', '▎', '▌', '|', '⎿'])
}

/// Whether a line names the keys that answer a dialog.
///
/// Examples: `Enter to confirm · Esc to cancel`, `↑↓ select  enter confirm`.
fn names_keys(line: &Line<'_>) -> bool {
    const TAKES: [&str; 7] = [
        "confirm", "select", "submit", "choose", "accept", "approve", "continue",
    ];
    const LEAVES: [&str; 6] = ["cancel", "go back", "dismiss", "skip", "reject", "exit"];
    if matches!(line.kind, Kind::Answer | Kind::Prompt | Kind::Blank) {
        return false;
    }
    let lower = line.text.to_ascii_lowercase();
    let names = |key: &str, verbs: &[&str]| {
        verbs.iter().any(|verb| {
            lower.contains(&format!("{key} to {verb}")) || lower.contains(&format!("{key} {verb}"))
        })
    };
    let takes_answer = names("enter", &TAKES) || names("↵", &TAKES);
    let can_leave = names("esc", &LEAVES);
    let can_move = ["↑", "tab to amend", "⇆"]
        .into_iter()
        .any(|key| lower.contains(key));
    takes_answer || (can_leave && can_move)
}

/// The spinner of a turn that is under way: the last line above the composer. Its tips and tasks may
/// stand below it.
pub(super) fn spinner(tail: &[Line<'_>]) -> Option<usize> {
    let composer = tail.iter().rposition(|line| line.kind == Kind::Prompt)?;
    let above = tail.get(..composer).unwrap_or_default();
    let last = above
        .iter()
        .rposition(|line| matches!(line.kind, Kind::Client | Kind::Answer | Kind::Prompt))?;
    let line = above.get(last).filter(|line| line.kind != Kind::Prompt)?;
    if is_spinner_text(line.text) {
        return Some(last);
    }
    // A narrow terminal wraps the spinner's line, so it may begin above.
    (last.saturating_sub(MAX_WRAPPED)..last)
        .rev()
        .find(|first| is_wrapped_spinner(above.get(*first..=last).unwrap_or_default()))
}

fn is_wrapped_spinner(lines: &[Line<'_>]) -> bool {
    let own_lines: Vec<&Line<'_>> = lines
        .iter()
        .filter(|line| line.kind != Kind::Quoted)
        .collect();
    let texts: Vec<&str> = own_lines.iter().map(|line| line.text).collect();
    // A first line with the ellipsis would have been a spinner by itself.
    let is_wrapped = texts.first().is_some_and(|first| !first.contains('…'));
    is_wrapped
        && own_lines.iter().all(|line| line.kind == Kind::Client)
        && is_spinner_text(&texts.join(" "))
}

/// Whether a text is a spinner with its word: `✻ Cogitating… (45s · ↑ 1.2k tokens)`.
///
/// A star or a dot may also begin a list or an answer. It counts only with a time, or with one word
/// like `Thinking…`.
fn is_spinner_text(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(mark) = chars.next() else {
        return false;
    };
    let after_mark = chars.as_str();
    let is_ambiguous = matches!(mark, '*' | '∗' | '●');
    let has_mark = is_ambiguous || lines::is_spinner(mark);
    if !has_mark || !after_mark.starts_with(' ') {
        return false;
    }
    let words = after_mark.trim();
    if let Some((_, details)) = words.split_once("… (") {
        return has_time(details);
    }
    let word_count = words.split_whitespace().count();
    if is_ambiguous {
        word_count <= 1 && words.ends_with("ing…")
    } else {
        word_count <= 6 && words.ends_with('…')
    }
}

/// Whether a text names a time, a count of tokens, or the key that stops the work.
fn has_time(details: &str) -> bool {
    let is_span = |word: &str| {
        let number = word.trim_end_matches(['s', 'm', 'h']);
        number.len() < word.len()
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut words = details.split([' ', '·', ')', '(']);
    words.any(is_span) || details.contains("tokens") || details.contains("to interrupt")
}

/// The last line of the client or the agent above the composer.
pub(super) fn last_above_composer(tail: &[Line<'_>]) -> Option<usize> {
    let composer = tail.iter().rposition(|line| line.kind == Kind::Prompt)?;
    let above = tail.get(..composer).unwrap_or_default();
    above
        .iter()
        .rposition(|line| !matches!(line.kind, Kind::Blank | Kind::Quoted))
}

#[cfg(test)]
#[path = "foot_tests.rs"]
mod tests;
