//! The foot of a screen: an open dialog in the composer's place, or the sign of work right above
//! the composer.
//!
//! A dialog is told by its form, whatever it asks: the keys that answer it, a list with a caret, or
//! the letters for yes and no. Only the foot counts. Above a composer the same lines are something
//! that an agent wrote or a tool put out.

use super::lines::{self, Kind, Line};

/// So many lines that are not blank may stand below a dialog: a client's footer.
const MAX_BELOW: usize = 3;
/// So far above an answer the next one of its list may stand, in lines.
const MAX_STEP: usize = 6;
/// Over so many further lines a spinner's own line may be wrapped.
const MAX_WRAPPED: usize = 3;
/// So far above the first answer the question may stand, in lines that are not blank.
const MAX_QUESTION: usize = 6;

/// An open dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialog {
    /// The line that shows it best: its question, or else the line that gave it away.
    pub(super) shown_by: usize,
    /// Whether it asks for trust.
    pub(super) trust: bool,
}

/// The dialog that is open at the foot.
pub(super) fn dialog(tail: &[Line<'_>]) -> Option<Dialog> {
    let sign = list(tail)
        .or_else(|| keys(tail))
        .or_else(|| plain_list(tail))
        .or_else(|| letters(tail))?;
    let from = (0..sign)
        .rev()
        .find(|at| tail.get(*at).is_some_and(|line| line.rule))
        .unwrap_or(0);
    let own = || {
        tail.iter()
            .enumerate()
            .skip(from)
            .filter(|(_, line)| line.kind != Kind::Blank)
    };
    let asks = |line: &Line<'_>| line.text.ends_with('?') || line.text.contains("? (");
    let near = own()
        .rfind(|(at, line)| *at <= sign && asks(line))
        .map(|(at, _)| at);
    let between = |at: usize| {
        tail.get(at..sign)
            .unwrap_or_default()
            .iter()
            .filter(|l| l.kind != Kind::Blank)
            .count()
    };
    let question = near.filter(|at| between(*at) <= MAX_QUESTION);
    let mut below_caret = false;
    let trust = own().any(|(_, line)| {
        // The answers below a caret look like further text at a prompt.
        below_caret = line.kind == Kind::Prompt || (below_caret && line.kind == Kind::Quoted);
        ((below_caret && !is_quote(line)) || line.kind == Kind::Client) && asks_for_trust(line.text)
    });
    Some(Dialog {
        shown_by: question.unwrap_or(sign),
        trust,
    })
}

/// Whether a line of a dialog is about trust, in a question or an answer.
fn asks_for_trust(text: &str) -> bool {
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

/// Whether nothing but a footer stands below line `at`: no composer, no answer.
fn is_at_foot(tail: &[Line<'_>], at: usize) -> bool {
    let below = || {
        tail.iter()
            .skip(at + 1)
            .filter(|line| line.kind != Kind::Blank)
    };
    below().count() <= MAX_BELOW
        && !below().any(|line| line.kind == Kind::Prompt || line.kind == Kind::Said)
}

/// The answer with the caret in a numbered list at the foot.
fn list(tail: &[Line<'_>]) -> Option<usize> {
    let number = |at: usize| tail.get(at).and_then(|line| numbered(line.text));
    let is_caret =
        |line: &Line<'_>| lines::is_option(line.text) && !line.text.starts_with(['○', '•']);
    let caret = tail
        .iter()
        .rposition(|line| is_caret(line) && line.kind != Kind::Prompt)?;
    let here = number(caret)?;
    let after = (caret + 1..=caret + MAX_STEP).find(|at| number(*at) == here.checked_add(1));
    let before = (caret.saturating_sub(MAX_STEP)..caret)
        .rev()
        .find(|at| number(*at).is_some_and(|n| n + 1 == here));
    if after.is_none() && before.is_none() {
        return None;
    }
    let mut last = caret;
    while let Some(next) =
        (last + 1..=last + MAX_STEP).find(|at| number(*at) == number(last).map(|n| n + 1))
    {
        last = next;
    }
    (is_at_foot(tail, last) && !is_in_composer(tail, caret, last)).then_some(caret)
}

/// The number of an answer, with a caret or without.
fn numbered(text: &str) -> Option<u32> {
    let text = if lines::is_option(text) {
        text.trim_start_matches(|c: char| !c.is_ascii_digit())
    } else {
        text
    };
    let text = text.trim_start_matches(['[', '(']);
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text
        .split_at_checked(digits)
        .filter(|(number, _)| (1..=2).contains(&number.len()))?;
    rest.starts_with(['.', ')', ']'])
        .then(|| number.parse().ok())
        .flatten()
}

/// Whether lines stand between two rules with nothing else there: text that is being typed.
fn is_in_composer(tail: &[Line<'_>], first: usize, last: usize) -> bool {
    let is_rule = |at: Option<usize>| at.and_then(|at| tail.get(at)).is_some_and(|line| line.rule);
    is_rule(first.checked_sub(1)) && is_rule(Some(last + 1))
}

/// The answer with the caret in a list without numbers: below a rule and a question or a heading,
/// where no composer stands.
///
/// A composer has its rule right above its mark, and another one below. A client that draws no
/// rules is not read so.
fn plain_list(tail: &[Line<'_>]) -> Option<usize> {
    let caret = tail.iter().rposition(|line| line.kind == Kind::Prompt)?;
    let chosen = tail
        .get(caret)
        .filter(|line| line.text.starts_with(['❯', '›', '▶', '▸', '►']))?;
    let has_words =
        chosen.text.chars().nth(1) == Some(' ') && chosen.text.chars().any(char::is_alphanumeric);
    let below = || {
        tail.iter()
            .skip(caret + 1)
            .filter(|line| line.kind != Kind::Blank || line.rule)
    };
    let block = tail
        .get(caret + 1..)?
        .iter()
        .take_while(|line| line.kind == Kind::Quoted);
    let others = block.filter(|line| !is_quote(line)).count();
    let is_open =
        !below().any(|line| line.rule || line.kind == Kind::Said) && below().count() <= MAX_STEP;
    let rule = tail.iter().take(caret).rposition(|line| line.rule)?;
    let heading: Vec<Kind> = tail
        .get(rule + 1..caret)?
        .iter()
        .map(|line| line.kind)
        .filter(|k| *k != Kind::Blank)
        .collect();
    let headed = !heading.is_empty()
        && heading
            .iter()
            .all(|kind| matches!(kind, Kind::Client | Kind::Quoted));
    (has_words && others > 0 && is_open && headed).then_some(caret)
}

/// The last line, where it asks for a letter: `Continue? [y/N]`.
fn letters(tail: &[Line<'_>]) -> Option<usize> {
    let at = tail
        .iter()
        .rposition(|line| line.kind != Kind::Blank && !is_quote(line))?;
    let line = tail.get(at).filter(|line| line.kind == Kind::Client)?;
    let text = line
        .text
        .trim_end_matches([':', '>', ' ', '█', '▌', '_', '.', '…'])
        .to_ascii_lowercase();
    let asks = [
        "[y/n]",
        "(y/n)",
        "[yes/no]",
        "(yes/no)",
        "(y/n/a)",
        "[y/n/a]",
        "press any key to continue",
    ];
    asks.iter().any(|ask| text.ends_with(ask)).then_some(at)
}

/// The line at the foot that names the keys which answer a dialog.
fn keys(tail: &[Line<'_>]) -> Option<usize> {
    let solid = tail
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, line)| line.kind != Kind::Blank);
    let (at, _) = solid
        .take(MAX_BELOW + 1)
        .find(|(at, line)| names_keys(line) && is_own(tail, *at))?;
    let prompt = tail
        .iter()
        .take(at)
        .rposition(|line| line.kind == Kind::Prompt);
    let in_composer = prompt.is_some_and(|prompt| {
        let more = tail
            .iter()
            .skip(prompt + 1)
            .take_while(|line| line.kind == Kind::Quoted)
            .count();
        lines::is_composer_head(tail.get(prompt).map_or("", |line| line.text))
            || is_in_composer(tail, prompt, prompt + more)
    });
    (is_at_foot(tail, at) && !in_composer).then_some(at)
}

/// Whether a line is the client's own: also below a caret, where it looks like further text at a
/// prompt.
fn is_own(tail: &[Line<'_>], at: usize) -> bool {
    let mut upwards = tail.get(..=at).unwrap_or_default().iter().rev();
    match upwards.find(|line| line.kind != Kind::Quoted || is_quote(line)) {
        Some(first) => {
            matches!(first.kind, Kind::Client | Kind::Prompt) && !first.text.starts_with('!')
        }
        None => false,
    }
}

/// Whether a line has a bar on its left, or the mark of what a tool puts out.
fn is_quote(line: &Line<'_>) -> bool {
    line.text.starts_with(['│', '▎', '▌', '|', '⎿'])
}

/// Whether a line names a key that takes an answer: `Enter to confirm · Esc to cancel`,
/// `↑↓ select  enter confirm`.
fn names_keys(line: &Line<'_>) -> bool {
    if matches!(line.kind, Kind::Said | Kind::Prompt | Kind::Blank) {
        return false;
    }
    let lower = line.text.to_ascii_lowercase();
    let takes = [
        "confirm", "select", "submit", "choose", "accept", "approve", "continue",
    ];
    let names = |key: &str, joins: &[&str], verbs: &[&str]| {
        joins.iter().any(|join| {
            verbs
                .iter()
                .any(|verb| lower.contains(&format!("{key}{join}{verb}")))
        })
    };
    let enter = names("enter", &[" to ", " "], &takes) || names("↵", &[" to ", " "], &takes);
    let leaves = ["cancel", "go back", "dismiss", "skip", "reject", "exit"];
    let escape = names("esc", &[" to ", " "], &leaves);
    let moves = lower.contains("↑") || lower.contains("tab to amend") || lower.contains("⇆");
    enter || (escape && moves)
}

/// The spinner of a turn that is under way: the last thing above the composer, with its tips and
/// tasks below it.
///
/// What begins an answer, or a list in one, may look alike; so a star or a dot counts only with a
/// time, or alone with one word.
pub(super) fn spinner(tail: &[Line<'_>]) -> Option<usize> {
    let composer = tail.iter().rposition(|line| line.kind == Kind::Prompt)?;
    let above = tail.get(..composer).unwrap_or_default();
    let at = above
        .iter()
        .rposition(|line| matches!(line.kind, Kind::Client | Kind::Said | Kind::Prompt))?;
    let line = above.get(at).filter(|line| line.kind != Kind::Prompt)?;
    if is_spinning(line.text) {
        return Some(at);
    }
    // A narrow terminal wraps it: it begins further up in the same block.
    (at.saturating_sub(MAX_WRAPPED)..at).rev().find(|from| {
        let block = above
            .iter()
            .take(at + 1)
            .skip(*from)
            .filter(|line| line.kind != Kind::Quoted);
        let text: Vec<&str> = block.clone().map(|line| line.text).collect();
        let begins = text.first().is_some_and(|first| !first.contains('…'));
        begins
            && block.clone().all(|line| line.kind == Kind::Client)
            && is_spinning(&text.join(" "))
    })
}

fn is_spinning(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(mark) = chars.next() else {
        return false;
    };
    let rest = chars.as_str();
    let plain = matches!(mark, '*' | '∗' | '●');
    if !rest.starts_with(' ') || !(plain || lines::is_spinner(mark)) {
        return false;
    }
    let word = rest.trim();
    if let Some((_, details)) = word.split_once("… (") {
        return has_time(details);
    }
    let few = word.split_whitespace().count() <= if plain { 1 } else { 6 };
    few && word.ends_with('…') && (!plain || word.ends_with("ing…"))
}

/// Whether a text names a span of seconds, tokens, or the key that stops the work.
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

/// The line that says that a request is tried again, where that is the last thing above the
/// composer.
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
