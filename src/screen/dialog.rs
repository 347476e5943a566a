//! Reads an open dialog as a list of answers: which there are, which one is selected, and what each
//! of them means.
//!
//! ```text
//!  Bash command                              above
//!    rm -rf target                           above
//!  Do you want to proceed?                   the question
//!  ❯ 1. Yes                                  selected, affirms
//!    2. Yes, and don't ask again for rm      affirms always
//!    3. No, and tell Claude what to do       refuses
//! ```
//!
//! `foot` says whether a dialog is open. A dialog whose answers do not stand one below the other is
//! not read: its answers are for a person.

use super::foot;
use super::lines::{self, Kind, Line};
use crate::model::{Agent, Dialog, DialogOption, Meaning, Takes};

/// How many lines from the end are read. Blank lines do not count. A dialog shows what it asks
/// about, which may be long.
const TAIL: usize = 60;
/// How many lines above the answers belong to a dialog that has neither a rule nor a question.
const MAX_HEADING: usize = 6;
/// How many lines may stand below the answers of a list without numbers.
const MAX_FOOTER: usize = 4;
/// The marks before the selected answer.
const CARETS: [char; 7] = ['❯', '›', '>', '●', '→', '▶', '►'];

/// An open dialog, and the rows of the screen that show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownDialog {
    /// The dialog.
    pub dialog: Dialog,
    /// Its rows without borders and outer blanks, with the mark of the selected answer.
    pub rows: Vec<String>,
}

/// The dialog at the foot of a screen that asks something, as [`read`](super::read) says. `None` if
/// its answers are no list.
#[must_use]
pub fn dialog(agent: &Agent, screen: &[&str]) -> Option<ShownDialog> {
    let rows = rows(agent, screen);
    let lines: Vec<Line<'_>> = rows.iter().map(|row| row.line).collect();
    let list = numbered(&rows, &lines).or_else(|| plain(&rows, &lines))?;
    let (top, bottom) = (list.first()?.from, list.last()?.to);
    let first = beginning(&rows, &lines, top);
    let heading = rows.get(first..top).unwrap_or_default();
    let below = rows.get(bottom..).unwrap_or_default();
    let options: Vec<DialogOption> = list.iter().map(|item| option(item, &rows)).collect();
    let above = heading
        .iter()
        .filter(|row| row.is_solid())
        .map(|row| bounded(row.line.text));
    let above: Vec<String> = above.collect();
    let skipped = above.len().saturating_sub(Dialog::MAX_ABOVE);
    let question = question(&lines, first, top, &above).unwrap_or_else(|| options_text(&options));
    let dialog = Dialog {
        takes: takes(&question, &options, below),
        has_escape: rows
            .iter()
            .skip(first)
            .any(|row| names_escape(row.line.text)),
        question,
        above: above.into_iter().skip(skipped).collect(),
        selected: list.iter().position(|item| item.is_selected)?,
        options,
    };
    let shown = rows.get(first..bottom).unwrap_or_default();
    let shown = shown.iter().filter(|row| row.is_solid());
    Some(ShownDialog {
        dialog,
        rows: shown.map(|row| row.line.text.to_owned()).collect(),
    })
}

/// One line, and the column at which its text begins.
#[derive(Debug, Clone, Copy)]
struct Row<'s> {
    line: Line<'s>,
    column: usize,
    /// Whether it is a rule that parts a dialog from what is above. Dashed ones stand within.
    is_upper_rule: bool,
}

impl Row<'_> {
    fn is_solid(&self) -> bool {
        !self.line.text.is_empty() && !self.line.rule
    }
}

/// The place of one answer: its rows from `from` up to `to`, which is not among them.
#[derive(Debug, Clone, Copy)]
struct Item {
    number: u32,
    from: usize,
    to: usize,
    is_selected: bool,
}

/// The last rows, of which [`TAIL`] are solid.
fn rows<'s>(agent: &Agent, screen: &[&'s str]) -> Vec<Row<'s>> {
    let lines = lines::lines(&agent.ready, screen);
    let skipped = screen.len().saturating_sub(lines.len());
    let raws = screen.iter().skip(skipped);
    let all: Vec<Row<'s>> = lines.into_iter().zip(raws).map(row).collect();
    let mut solid = all
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, row)| row.is_solid());
    let first = solid.by_ref().take(TAIL).last().map_or(0, |(at, _)| at);
    all.into_iter().skip(first).collect()
}

fn row<'s>((line, raw): (Line<'s>, &&'s str)) -> Row<'s> {
    let before = raw.find(line.text).and_then(|at| raw.get(..at));
    Row {
        line,
        column: before.map_or(0, |before| before.chars().count()),
        is_upper_rule: line.rule && !raw.trim_start().starts_with('╌'),
    }
}

/// The answers of a numbered list.
fn numbered(rows: &[Row<'_>], lines: &[Line<'_>]) -> Option<Vec<Item>> {
    let caret = foot::numbered_list(lines)?;
    let number = |at: usize| {
        lines
            .get(at)
            .and_then(|line| foot::option_number(line.text))
    };
    let mut heads = vec![(caret, number(caret)?)];
    while let Some((first, wanted)) = heads.first().map(|(at, number)| (*at, number - 1)) {
        let above = first.saturating_sub(foot::MAX_STEP)..first;
        let found = above.rev().find(|at| number(*at) == Some(wanted));
        match found.filter(|_| wanted > 0) {
            Some(at) => heads.insert(0, (at, wanted)),
            None => break,
        }
    }
    while let Some((last, wanted)) = heads.last().map(|(at, number)| (*at, number + 1)) {
        let mut below = last + 1..=last + foot::MAX_STEP;
        match below.find(|at| number(*at) == Some(wanted)) {
            Some(at) => heads.push((at, wanted)),
            None => break,
        }
    }
    heads.truncate(Dialog::MAX_OPTIONS);
    let item = |nth: usize, (at, number): &(usize, u32)| Item {
        number: *number,
        from: *at,
        to: match heads.get(nth + 1) {
            Some((next, _)) => *next,
            None => end_of_last(rows, *at),
        },
        is_selected: *at == caret,
    };
    let items = heads.iter().enumerate();
    Some(items.map(|(nth, head)| item(nth, head)).collect())
}

/// Where the last answer ends: at a blank line, or at a line that is not indented below it.
fn end_of_last(rows: &[Row<'_>], at: usize) -> usize {
    let column = rows.get(at).map_or(0, |row| text_column(row));
    let below = rows.iter().skip(at + 1);
    let more = below.take_while(|row| row.is_solid() && row.column > column);
    at + 1 + more.count()
}

/// Where the text behind a mark begins.
fn text_column(row: &Row<'_>) -> usize {
    let marks = row
        .line
        .text
        .chars()
        .take_while(|c| CARETS.contains(c) || *c == ' ');
    row.column + marks.count()
}

/// The answers of a list without numbers: the rows around the caret that begin where its text
/// begins.
///
/// Where blank lines part them, each group is one answer with its description.
fn plain(rows: &[Row<'_>], lines: &[Line<'_>]) -> Option<Vec<Item>> {
    let has_caret = |row: &Row<'_>| {
        let mut chars = row.line.text.chars();
        let has_mark = chars
            .next()
            .is_some_and(|c| CARETS.contains(&c) && c != '●' && c != '>');
        has_mark && chars.next() == Some(' ') && chars.any(char::is_alphanumeric)
    };
    let caret = rows.iter().rposition(has_caret)?;
    let column = text_column(rows.get(caret)?);
    let is_item = |at: usize| {
        let row = rows.get(at);
        row.is_some_and(|row| at == caret || (row.is_solid() && row.column == column))
    };
    let goes_on = |at: usize| {
        rows.get(at)
            .is_some_and(|row| !row.is_solid() && !row.line.rule)
    };
    let mut first = caret;
    while first > 0
        && (is_item(first - 1) || (first > 1 && goes_on(first - 1) && is_item(first - 2)))
    {
        first -= 1;
    }
    let mut end = caret + 1;
    while is_item(end) || (goes_on(end) && is_item(end + 1)) {
        end += 1;
    }
    let footer = rows.get(end..).unwrap_or_default();
    let is_at_foot = footer.iter().filter(|row| row.is_solid()).count() <= MAX_FOOTER
        && !footer.iter().any(|row| row.line.kind == Kind::Answer);
    let is_list = end - first > 1 && is_at_foot && !foot::is_composer(lines, caret);
    is_list.then(|| items(rows, first, end, caret))
}

fn items(rows: &[Row<'_>], first: usize, end: usize, caret: usize) -> Vec<Item> {
    let is_blank = |at: usize| rows.get(at).is_some_and(|row| !row.is_solid());
    let has_groups = (first..end).any(is_blank);
    let begins = |at: &usize| {
        !is_blank(*at) && (!has_groups || *at == first || is_blank(at.saturating_sub(1)))
    };
    let heads: Vec<usize> = (first..end)
        .filter(begins)
        .take(Dialog::MAX_OPTIONS)
        .collect();
    let item = |(nth, from): (usize, &usize)| {
        let to = heads.get(nth + 1).copied().unwrap_or(end);
        Item {
            number: u32::try_from(nth + 1).unwrap_or(u32::MAX),
            from: *from,
            to,
            is_selected: (*from..to).contains(&caret),
        }
    };
    heads.iter().enumerate().map(item).collect()
}

/// Where the dialog begins: below the last rule, or else at its question.
fn beginning(rows: &[Row<'_>], lines: &[Line<'_>], top: usize) -> usize {
    let above = rows.get(..top).unwrap_or_default();
    if let Some(rule) = above.iter().rposition(|row| row.is_upper_rule) {
        return rule + 1;
    }
    foot::question_above(lines, 0, top).unwrap_or_else(|| {
        let solid = above
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, row)| row.is_solid());
        solid.take(MAX_HEADING).last().map_or(top, |(at, _)| at)
    })
}

/// The question, or the first line above the answers where none asks.
fn question(lines: &[Line<'_>], first: usize, top: usize, above: &[String]) -> Option<String> {
    let asked = foot::question_above(lines, first, top)
        .filter(|at| *at < top)
        .and_then(|at| lines.get(at));
    let asked = asked.map(|line| bounded(line.text));
    asked.or_else(|| above.first().cloned())
}

/// The first answer, where nothing stands above.
fn options_text(options: &[DialogOption]) -> String {
    let first = options.first();
    first.map_or_else(String::new, |option| option.text.clone())
}

fn option(item: &Item, rows: &[Row<'_>]) -> DialogOption {
    let mut solid = rows
        .get(item.from..item.to)
        .unwrap_or_default()
        .iter()
        .filter(|row| row.is_solid());
    let head = solid.next().map_or("", |row| row.line.text);
    // Some clients set a description beside the answer.
    let (text, beside) = match without_number(head).split_once("  ") {
        Some((text, beside)) => (text, Some(beside.trim())),
        None => (without_number(head), None),
    };
    let text = bounded(text);
    let below = solid.map(|row| row.line.text);
    let detail: Vec<&str> = beside.into_iter().chain(below).collect();
    let detail = bounded(&detail.join(" "));
    DialogOption {
        number: item.number,
        meaning: meaning(&text, &detail),
        text,
        detail,
    }
}

/// An answer without its mark and its number.
fn without_number(text: &str) -> &str {
    let text = text.trim_start_matches(|c| CARETS.contains(&c) || c == ' ');
    if foot::option_number(text).is_none() {
        return text;
    }
    let after_number = text.trim_start_matches(|c: char| c.is_ascii_digit() || "[(".contains(c));
    after_number.trim_start_matches(['.', ')', ']', ' '])
}

/// What the words of an answer mean. A word that also answers later questions may stand in its
/// description.
fn meaning(text: &str, detail: &str) -> Meaning {
    const ASKS_FOR_TEXT: [&str; 6] = [
        "type something",
        "type your",
        "chat about this",
        "with feedback",
        "tell the model",
        "external editor",
    ];
    const LASTS: [&str; 7] = [
        "all", "always", "future", "remember", "session", "auto", "bypass",
    ];
    const YES: [&str; 12] = [
        "yes", "allow", "approve", "accept", "trust", "run", "use", "proceed", "continue",
        "confirm", "ok", "是",
    ];
    const NO: [&str; 8] = [
        "no", "deny", "reject", "don't", "cancel", "skip", "decline", "否",
    ];
    let lower = text.to_lowercase().replace('’', "'");
    if ASKS_FOR_TEXT.iter().any(|words| lower.contains(words)) {
        return Meaning::TakesText;
    }
    let all = format!("{lower} {}", detail.to_lowercase());
    let is_part = |c: char| c.is_alphanumeric() || c == '\'';
    let lasts = all.split(|c| !is_part(c)).any(|word| LASTS.contains(&word))
        || ["ask again", "ask me again"]
            .iter()
            .any(|words| all.contains(words))
        || lower.starts_with("skip until");
    let first = lower.split(|c| !is_part(c)).next().unwrap_or_default();
    let refuses = NO.contains(&first) || lower.starts_with("continue without");
    // `Don't ask me again` answers another question than this one.
    let is_about_asking = lower.starts_with("don't ask") || lower.starts_with("never ask");
    match (refuses && !is_about_asking, YES.contains(&first), lasts) {
        (true, _, false) => Meaning::Refuses,
        (true, _, true) => Meaning::RefusesAlways,
        (false, true, false) => Meaning::Affirms,
        (false, true, true) => Meaning::AffirmsAlways,
        (false, false, _) => Meaning::Other,
    }
}

/// What a dialog takes. `below` are the rows below its answers.
fn takes(question: &str, options: &[DialogOption], below: &[Row<'_>]) -> Takes {
    const BOXES: [&str; 10] = ["[ ]", "[x]", "[✔]", "[✓]", "☐", "☑", "☒", "◯", "◉", "◻"];
    const LOGIN: [&str; 5] = [
        "sign in",
        "log in",
        "login",
        "authenticate",
        "provide your own api key",
    ];
    let question = question.to_lowercase();
    let asks_for_login = LOGIN.iter().any(|words| {
        let offers = |option: &DialogOption| option.text.to_lowercase().starts_with(words);
        question.contains(words) || options.iter().any(offers)
    });
    let is_box = |option: &DialogOption| BOXES.iter().any(|mark| option.text.starts_with(mark));
    let toggles = |row: &Row<'_>| {
        let lower = row.line.text.to_lowercase();
        lower.contains("space to ") || lower.contains("space toggle")
    };
    if asks_for_login {
        Takes::SignIn
    } else if options.iter().any(is_box) || below.iter().any(toggles) {
        Takes::Several
    } else {
        Takes::One
    }
}

/// Whether a line says what Escape does.
fn names_escape(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| word == "esc")
}

fn bounded(text: &str) -> String {
    text.chars().take(Dialog::MAX_LINE).collect()
}

#[cfg(test)]
#[path = "dialog_tests.rs"]
mod tests;
