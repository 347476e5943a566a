//! Reads the composer: the text at the prompt that is not submitted yet, and whether gtctl may type
//! there.
//!
//! A placeholder is not a text. Clients show it dim, or it is one of the agent's phrases for its
//! prompt. So this module reads a screen with its attributes.

use super::lines::{self, Kind, Line};
use super::state::{says, says_any};
use super::{TAIL, read};
use crate::model::{Agent, Asks, Block, Moment, Obstacle, ScreenState};
use jiff::tz::TimeZone;

/// How much of a long text must show to recognise it, in bytes without blanks.
const ENOUGH: usize = 12;

/// The state of a screen and its composer, for a caller that is about to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The state of the screen.
    pub state: ScreenState,
    /// The line that shows the state.
    pub evidence: String,
    /// The composer.
    pub composer: Composer,
    /// How many lines below the composer are not blank.
    pub below: usize,
}

/// The content of the composer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Composer {
    /// The screen shows no composer.
    Missing,
    /// The composer is empty, or shows a placeholder.
    Empty,
    /// A text. Its lines are joined by spaces.
    Holds(String),
}

/// Reads the state and the composer. `styled` is the output of `capture-pane -p -e`.
#[must_use]
pub fn prompt(agent: &Agent, styled: &str, now: Moment, local: &TimeZone) -> Prompt {
    let rows = rows(styled);
    let plain_lines: Vec<&str> = rows.iter().map(|row| row.plain.as_str()).collect();
    let screen = read(agent, &plain_lines, now, local);
    let (composer, below) = composer(agent, &plain_lines, &rows);
    Prompt {
        state: screen.state,
        evidence: screen.evidence,
        composer,
        below,
    }
}

impl Prompt {
    /// The prompt of a screen whose limit has ended. The limit still shows, but does not count.
    #[must_use]
    pub fn past_limit(self) -> Self {
        match self.state {
            ScreenState::Limit { .. } => Self {
                state: ScreenState::Ready,
                ..self
            },
            ScreenState::Ready
            | ScreenState::Busy
            | ScreenState::Retrying
            | ScreenState::AsksPermission
            | ScreenState::AsksTrust
            | ScreenState::Auth
            | ScreenState::Context
            | ScreenState::Unclear => self,
        }
    }

    /// What prevents typing a text here. `None` means an empty prompt: the text may be typed.
    #[must_use]
    pub fn obstacle(&self) -> Option<Obstacle> {
        let line = || self.evidence.clone();
        match self.state {
            ScreenState::Ready => match self.composer {
                Composer::Empty => None,
                Composer::Holds(_) => Some(Obstacle::Composing),
                Composer::Missing => Some(Obstacle::NoPrompt),
            },
            ScreenState::Busy | ScreenState::Retrying => Some(Obstacle::Works),
            ScreenState::AsksPermission => Some(Obstacle::Asks(Asks::Permission, line())),
            ScreenState::AsksTrust => Some(Obstacle::Asks(Asks::Trust, line())),
            ScreenState::Auth => Some(Obstacle::Blocked(Block::Auth, line())),
            ScreenState::Limit { .. } => Some(Obstacle::Blocked(Block::Limit, line())),
            ScreenState::Context => Some(Obstacle::Blocked(Block::Context, line())),
            ScreenState::Unclear => Some(Obstacle::NoPrompt),
        }
    }

    /// Whether the composer holds exactly this text. Blanks and line breaks do not matter.
    #[must_use]
    pub fn is_exactly(&self, text: &str) -> bool {
        matches!(&self.composer, Composer::Holds(held) if without_blanks(held) == without_blanks(text))
    }

    /// Whether the composer holds `former`, or what is left of it while it is being deleted from
    /// one of its ends.
    #[must_use]
    pub fn is_rest_of(&self, former: &str) -> bool {
        let Composer::Holds(held) = &self.composer else {
            return false;
        };
        let (held, former) = (without_blanks(held), without_blanks(former));
        former.starts_with(&held) || former.ends_with(&held)
    }

    /// Whether the composer holds this text.
    ///
    /// It may show a part only, of at least 12 bytes. It may also show `[Pasted …]` in place of the
    /// text, as clients do for a long paste.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        let Composer::Holds(held) = &self.composer else {
            return false;
        };
        let (text, held) = (without_blanks(text), without_blanks(held));
        let shown = held.trim_end_matches('…');
        let is_part = shown.len() >= text.len().min(ENOUGH) && text.contains(shown);
        is_part || shown.starts_with("[Pasted")
    }
}

/// The text without blanks. Each client wraps a text in its own way.
fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// One row of a screen.
#[derive(Debug, Default)]
struct Row {
    /// The whole text.
    plain: String,
    /// The text that is not dim.
    firm: String,
    /// How many characters are inverse and not dim. A cursor that the client draws is one.
    inverse: usize,
    /// Whether the row has dim text.
    has_dim: bool,
}

impl Row {
    /// The text without a placeholder, and without a cursor on the first letter of a placeholder.
    fn written(&self) -> &str {
        let text = self.firm.trim_end();
        let may_end_in_cursor = self.has_dim && self.inverse == 1;
        let before_last = text
            .char_indices()
            .next_back()
            .map_or("", |(at, _)| text.get(..at).unwrap_or_default());
        let last_stands_alone =
            before_last.is_empty() || before_last.ends_with(char::is_whitespace);
        if may_end_in_cursor && last_stands_alone {
            before_last
        } else {
            text
        }
    }
}

/// The style of the text that follows.
#[derive(Debug, Clone, Copy, Default)]
struct Style {
    dim: bool,
    inverse: bool,
}

/// The rows of a captured screen, without escape sequences.
fn rows(styled: &str) -> Vec<Row> {
    let mut style = Style::default();
    let mut rows = Vec::new();
    for line in styled.lines() {
        let mut row = Row::default();
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            if c == '\u{1b}' {
                skip_sequence(&mut chars, &mut style);
            } else if !c.is_control() {
                row.plain.push(c);
                row.has_dim |= style.dim && !c.is_whitespace();
                if !style.dim {
                    row.firm.push(c);
                    row.inverse += usize::from(style.inverse);
                }
            }
        }
        rows.push(row);
    }
    rows
}

/// Skips the rest of an escape sequence. A sequence that sets a style changes `style`.
fn skip_sequence(chars: &mut std::str::Chars<'_>, style: &mut Style) {
    match chars.next() {
        Some('[') => {
            let mut parameters = String::new();
            for c in chars.by_ref() {
                if ('@'..='~').contains(&c) {
                    if c == 'm' {
                        style.apply(&parameters);
                    }
                    return;
                }
                parameters.push(c);
            }
        }
        // A link or another string ends at BEL or at ESC \.
        Some(']') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || c == '\u{1b}' && chars.next().is_some() {
                    return;
                }
            }
        }
        Some(_) | None => {}
    }
}

impl Style {
    /// Applies the parameters of an SGR sequence, such as `0;2` or `38;5;114`.
    fn apply(&mut self, parameters: &str) {
        let mut codes = parameters.split(';');
        while let Some(code) = codes.next() {
            match code {
                "" | "0" => *self = Self::default(),
                "2" => self.dim = true,
                "22" => self.dim = false,
                "7" => self.inverse = true,
                "27" => self.inverse = false,
                // A colour takes the next numbers: `5;N` or `2;R;G;B`.
                "38" | "48" | "58" => match codes.next() {
                    Some("5") => drop(codes.next()),
                    Some("2") => drop(codes.nth(2)),
                    Some(_) | None => {}
                },
                _ => {}
            }
        }
    }
}

/// The composer, and how many lines below it are not blank.
fn composer(agent: &Agent, plain_lines: &[&str], rows: &[Row]) -> (Composer, usize) {
    let all = lines::lines(&agent.ready, plain_lines);
    // `lines` reads only the end of a long screen.
    let rows = rows
        .get(rows.len().saturating_sub(all.len())..)
        .unwrap_or_default();
    let tail = all
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, line)| line.kind != Kind::Blank)
        .take(TAIL);
    let first = tail.last().map_or(0, |(at, _)| at);
    let last_barred = rows
        .iter()
        .skip(first)
        .rposition(has_heavy_bar)
        .map(|at| first + at);
    let (composer, after) = if let Some(last) = last_barred {
        (in_heavy_bars(agent, rows, last), last + 1)
    } else {
        let prompt = all
            .iter()
            .rposition(|line| line.kind == Kind::Prompt)
            .filter(|at| *at >= first);
        match prompt {
            Some(at) => at_prompt(agent, &all, rows, at),
            None => return (Composer::Missing, 0),
        }
    };
    let below = all
        .iter()
        .skip(after)
        .filter(|line| line.kind != Kind::Blank)
        .count();
    (composer, below)
}

fn has_heavy_bar(row: &Row) -> bool {
    row.plain.trim_start().starts_with('┃')
}

/// A composer that begins with the mark of a prompt, and the index of the line after it.
fn at_prompt(agent: &Agent, all: &[Line<'_>], rows: &[Row], at: usize) -> (Composer, usize) {
    let prompt = all.get(at);
    if prompt.is_some_and(|line| lines::is_composer_head(line.text)) {
        return below_head(all, rows, at);
    }
    let is_boxed = |row: &Row| row.plain.trim().starts_with('│');
    let in_box = rows.get(at).is_some_and(is_boxed);
    let belongs_to_composer = |(line, row): &(&Line<'_>, &Row)| match line.kind {
        Kind::Quoted => true,
        Kind::Client | Kind::Answer | Kind::Prompt => in_box && is_boxed(row),
        Kind::Blank => false,
    };
    let more_lines = all
        .iter()
        .zip(rows)
        .skip(at + 1)
        .take_while(belongs_to_composer)
        .count();
    let mut parts: Vec<&str> = rows
        .iter()
        .skip(at)
        .take(more_lines + 1)
        .map(|row| without_border(row.written()))
        .collect();
    if let Some(first) = parts.first_mut() {
        let has_placeholder = prompt.is_some_and(|line| has_placeholder(agent, line));
        *first = if has_placeholder {
            ""
        } else {
            after_mark(&agent.ready, first)
        };
    }
    (content(&parts), at + more_lines + 1)
}

/// A composer between the rule that heads it and the rule that closes it, and the index of the line
/// after it.
fn below_head(all: &[Line<'_>], rows: &[Row], head: usize) -> (Composer, usize) {
    let typed_lines = all
        .iter()
        .skip(head + 1)
        .take_while(|line| !line.rule)
        .count();
    let parts: Vec<&str> = rows
        .iter()
        .skip(head + 1)
        .take(typed_lines)
        .map(|row| without_border(row.written()))
        .collect();
    (content(&parts), head + typed_lines + 2)
}

/// A composer of rows with a heavy bar, up to row `last`. Its last row belongs to the client.
fn in_heavy_bars(agent: &Agent, rows: &[Row], last: usize) -> Composer {
    let up_to_last = rows.get(..=last).unwrap_or_default();
    let from_bottom: Vec<&Row> = up_to_last
        .iter()
        .rev()
        .take_while(|row| has_heavy_bar(row))
        .collect();
    let is_placeholder = |text: &str| {
        let line = Line {
            text,
            words: text,
            kind: Kind::Client,
            rule: false,
            letters: 0,
        };
        says_any(&agent.ready, &line)
    };
    let parts: Vec<&str> = from_bottom
        .iter()
        .skip(1)
        .rev()
        .map(|row| without_border(row.written()))
        .filter(|text| !is_placeholder(text))
        .collect();
    content(&parts)
}

fn content(parts: &[&str]) -> Composer {
    let text = parts
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(" ");
    if text.is_empty() {
        Composer::Empty
    } else {
        Composer::Holds(text)
    }
}

fn without_border(text: &str) -> &str {
    text.trim().trim_matches(['│', '┃', '║']).trim()
}

/// Whether the line of a prompt says one of the agent's phrases that has words. Other phrases are
/// only the mark of the prompt.
fn has_placeholder(agent: &Agent, line: &Line<'_>) -> bool {
    let has_words = |phrase: &&String| phrase.ends_with(|c: char| c.is_alphanumeric() || c == '*');
    agent
        .ready
        .iter()
        .filter(has_words)
        .any(|phrase| says(phrase, line))
}

/// The text after the mark of a prompt.
fn after_mark<'t>(ready: &[String], text: &'t str) -> &'t str {
    let after_own_mark = ready
        .iter()
        .filter(|phrase| lines::is_prompt(phrase, text))
        .find_map(|phrase| {
            let mark = phrase.chars().next_back().filter(|mark| *mark != '*')?;
            text.split_once(mark).map(|(_, after)| after)
        });
    let after_star = text
        .strip_prefix('*')
        .filter(|_| lines::is_starred_prompt(text));
    after_own_mark
        .or(after_star)
        .unwrap_or_else(|| text.trim_start_matches(['❯', '›', '>', '!', '✨', '💫']))
        .trim()
}

#[cfg(test)]
#[path = "composer_tests.rs"]
mod tests;
