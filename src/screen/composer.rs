//! The composer: what is written at the prompt and not submitted, and whether a text may be typed
//! there.
//!
//! A placeholder is no text: it is set dim, or is one of the agent's own phrases for its prompt. So
//! this looks at a screen with its attributes.

use super::lines::{self, Kind, Line};
use super::{TAIL, read, says_any};
use crate::model::{Agent, Asks, Block, Moment, Obstacle, ScreenState};
use jiff::tz::TimeZone;

/// So much of a long text must show, in bytes without blanks.
const ENOUGH: usize = 12;

/// The foot of a screen, for somebody who is about to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What the screen says.
    pub state: ScreenState,
    /// The line that says so.
    pub evidence: String,
    /// What is at the prompt.
    pub composer: Composer,
    /// Lines below the composer that are not blank.
    pub below: usize,
}

/// What is at the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Composer {
    /// No composer is recognised.
    Missing,
    /// Nothing is written in it.
    Empty,
    /// A text, its lines parted by spaces.
    Holds(String),
}

/// Reads the foot of a screen: `styled` as `capture-pane -p -e` gives it.
#[must_use]
pub fn prompt(agent: &Agent, styled: &str, now: Moment, local: &TimeZone) -> Prompt {
    let rows = rows(styled);
    let plain: Vec<&str> = rows.iter().map(|row| row.plain.as_str()).collect();
    let screen = read(agent, &plain, now, local);
    let (composer, below) = composer(agent, &plain, &rows);
    Prompt {
        state: screen.state,
        evidence: screen.evidence,
        composer,
        below,
    }
}

impl Prompt {
    /// The same where a limit that it may show is known to have ended: the prompt below it is what
    /// counts.
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

    /// What keeps a text from being typed here; nothing at an empty prompt.
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

    /// Whether the composer holds exactly this text; where its lines are wrapped does not matter.
    #[must_use]
    pub fn is_exactly(&self, text: &str) -> bool {
        matches!(&self.composer, Composer::Holds(held) if inked(held) == inked(text))
    }

    /// Whether the composer holds `former` or what is left of it while that is being deleted from
    /// one of its ends.
    #[must_use]
    pub fn is_rest_of(&self, former: &str) -> bool {
        let Composer::Holds(held) = &self.composer else {
            return false;
        };
        let (held, former) = (inked(held), inked(former));
        former.starts_with(&held) || former.ends_with(&held)
    }

    /// Whether the composer holds this text, all of it or the part that shows, or stands in for it
    /// as for a paste.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        let Composer::Holds(held) = &self.composer else {
            return false;
        };
        let (text, held) = (inked(text), inked(held));
        let held = held.trim_end_matches('…');
        held.starts_with("[Pasted") || held.len() >= text.len().min(ENOUGH) && text.contains(held)
    }
}

/// A text without its blanks: where a line is wrapped is the client's business.
fn inked(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// One row of a screen.
#[derive(Debug, Default)]
struct Row {
    /// All of it.
    plain: String,
    /// What is not dim.
    firm: String,
    /// Characters that are not dim but inverse: a cursor that the client draws.
    inverse: usize,
    /// Whether something in it is dim.
    dim: bool,
}

impl Row {
    /// Its text without the placeholder, and without the cursor on the placeholder's first letter.
    fn written(&self) -> &str {
        let end = self.firm.trim_end();
        let cursor = self.dim && self.inverse == 1;
        let before = end
            .char_indices()
            .next_back()
            .map_or("", |(at, _)| end.get(..at).unwrap_or_default());
        if cursor && (before.is_empty() || before.ends_with(char::is_whitespace)) {
            before
        } else {
            end
        }
    }
}

/// Takes the escape sequences out of a captured screen, and what they say of dim and inverse text
/// into account.
fn rows(styled: &str) -> Vec<Row> {
    let (mut dim, mut inverse) = (false, false);
    let mut rows = Vec::new();
    for line in styled.lines() {
        let mut row = Row::default();
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            if c == '\u{1b}' {
                sequence(&mut chars, &mut dim, &mut inverse);
            } else if !c.is_control() {
                row.plain.push(c);
                row.dim |= dim && !c.is_whitespace();
                if !dim {
                    row.firm.push(c);
                    row.inverse += usize::from(inverse);
                }
            }
        }
        rows.push(row);
    }
    rows
}

/// Passes over one escape sequence: of a style, of a link, or of anything else.
fn sequence(chars: &mut std::str::Chars<'_>, dim: &mut bool, inverse: &mut bool) {
    match chars.next() {
        Some('[') => {
            let mut parameters = String::new();
            for c in chars.by_ref() {
                if ('@'..='~').contains(&c) {
                    if c == 'm' {
                        style(&parameters, dim, inverse);
                    }
                    return;
                }
                parameters.push(c);
            }
        }
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

fn style(parameters: &str, dim: &mut bool, inverse: &mut bool) {
    let mut codes = parameters.split(';');
    while let Some(code) = codes.next() {
        match code {
            "" | "0" => (*dim, *inverse) = (false, false),
            "2" => *dim = true,
            "22" => *dim = false,
            "7" => *inverse = true,
            "27" => *inverse = false,
            // A colour: its own numbers mean nothing else.
            "38" | "48" | "58" => match codes.next() {
                Some("5") => drop(codes.next()),
                Some("2") => drop(codes.nth(2)),
                Some(_) | None => {}
            },
            _ => {}
        }
    }
}

/// What is at the prompt, and how many lines that are not blank stand below it.
fn composer(agent: &Agent, plain: &[&str], rows: &[Row]) -> (Composer, usize) {
    let all = lines::lines(&agent.ready, plain);
    let rows = rows
        .get(rows.len().saturating_sub(all.len())..)
        .unwrap_or_default();
    let foot = all
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, line)| line.kind != Kind::Blank)
        .take(TAIL);
    let first = foot.last().map_or(0, |(at, _)| at);
    let heavy = |row: &Row| row.plain.trim_start().starts_with('┃');
    let end = rows
        .iter()
        .skip(first)
        .rposition(heavy)
        .map(|at| first + at);
    let (composer, next) = if let Some(end) = end {
        (in_heavy_bars(agent, rows, end), end + 1)
    } else {
        let Some(at) = all
            .iter()
            .rposition(|line| line.kind == Kind::Prompt)
            .filter(|at| *at >= first)
        else {
            return (Composer::Missing, 0);
        };
        at_prompt(agent, &all, rows, at)
    };
    let below = all
        .iter()
        .skip(next)
        .filter(|line| line.kind != Kind::Blank)
        .count();
    (composer, below)
}

/// A composer that begins with a prompt's mark, and the line after it.
fn at_prompt(agent: &Agent, all: &[Line<'_>], rows: &[Row], at: usize) -> (Composer, usize) {
    let boxed = |row: &Row| row.plain.trim().starts_with('│');
    let in_box = rows.get(at).is_some_and(boxed);
    let goes_on = |(line, row): &(&Line<'_>, &Row)| match line.kind {
        Kind::Quoted => true,
        Kind::Client | Kind::Said | Kind::Prompt => in_box && boxed(row),
        Kind::Blank => false,
    };
    let more = all
        .iter()
        .zip(rows)
        .skip(at + 1)
        .take_while(goes_on)
        .count();
    let own = rows
        .iter()
        .skip(at)
        .take(more + 1)
        .map(Row::written)
        .map(bare);
    let mut parts: Vec<&str> = own.collect();
    if all
        .get(at)
        .is_some_and(|line| lines::is_composer_head(line.text))
    {
        return below_head(all, rows, at);
    }
    let is_placeholder = all.get(at).is_some_and(|line| is_placeholder(agent, line));
    if let Some(first) = parts.first_mut() {
        *first = if is_placeholder {
            ""
        } else {
            after_mark(&agent.ready, first)
        };
    }
    (held(&parts), at + more + 1)
}

/// A composer below the rule that heads it, up to the rule that closes it, and the line after that.
fn below_head(all: &[Line<'_>], rows: &[Row], head: usize) -> (Composer, usize) {
    let typed = all
        .iter()
        .skip(head + 1)
        .take_while(|line| !line.rule)
        .count();
    let parts: Vec<&str> = rows
        .iter()
        .skip(head + 1)
        .take(typed)
        .map(Row::written)
        .map(bare)
        .collect();
    (held(&parts), head + typed + 2)
}

/// A composer between heavy bars, with the client's own line at its foot.
fn in_heavy_bars(agent: &Agent, rows: &[Row], end: usize) -> Composer {
    let block = rows.get(..=end).unwrap_or_default();
    let block: Vec<&Row> = block
        .iter()
        .rev()
        .take_while(|row| row.plain.trim_start().starts_with('┃'))
        .collect();
    let written = block.iter().skip(1).rev().map(|row| bare(row.written()));
    let ask = |text: &str| {
        says_any(
            &agent.ready,
            &Line {
                text,
                words: text,
                kind: Kind::Client,
                rule: false,
                letters: 0,
            },
        )
    };
    held(&written.filter(|text| !ask(text)).collect::<Vec<_>>())
}

fn held(parts: &[&str]) -> Composer {
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

/// A row without its border and outer blanks.
fn bare(text: &str) -> &str {
    text.trim().trim_matches(['│', '┃', '║']).trim()
}

/// Whether a prompt's line says one of the agent's phrases that is more than a mark.
fn is_placeholder(agent: &Agent, line: &Line<'_>) -> bool {
    let worded = |phrase: &&String| phrase.ends_with(|c: char| c.is_alphanumeric() || c == '*');
    agent
        .ready
        .iter()
        .filter(worded)
        .any(|phrase| super::says(phrase, line))
}

/// What follows a prompt's mark.
fn after_mark<'t>(ready: &[String], text: &'t str) -> &'t str {
    let own = ready
        .iter()
        .filter(|phrase| lines::is_prompt(phrase, text))
        .find_map(|phrase| {
            let mark = phrase.chars().next_back().filter(|mark| *mark != '*')?;
            text.split_once(mark).map(|(_, rest)| rest)
        });
    let starred = text
        .strip_prefix('*')
        .filter(|_| lines::is_starred_prompt(text));
    own.or(starred)
        .unwrap_or_else(|| text.trim_start_matches(['❯', '›', '>', '!', '✨', '💫']))
        .trim()
}

#[cfg(test)]
#[path = "composer_tests.rs"]
mod tests;
