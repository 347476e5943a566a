//! What a pane's text means: busy, asking, signed out, at a limit, ready.
//!
//! ```text
//!  lines ──► lines (what is the client's own word) ──► pattern (the agent's phrases) ──► ScreenState
//!       └──► digest (what is content, not decoration)                     reset (when a limit ends) ┘
//! ```
//!
//! The phrases are data: `[agents.x]` in the manifest, built in for the known agents and added to by `town.toml`. This
//! room only knows the forms that terminal clients have in common. `tests/screens/` holds screens of every agent and
//! state, and the ones that only look like it.
//!
//! **Architecture invariant:** nothing here reads a clock or a pane. `now` and the local time zone are arguments; time
//! zones named on the screen are looked up in the system's database, through jiff, and nothing else is.

mod composer;
mod digest;
mod lines;
mod pattern;
mod reset;

#[cfg(test)]
mod tests;

pub use composer::{Composer, Prompt, prompt};
pub use digest::digest;

use crate::model::{Agent, Moment, Screen, ScreenState};
use jiff::tz::TimeZone;
use lines::{Kind, Line};

/// How many lines that are not blank are looked at, from the end.
const TAIL: usize = 15;
/// How long the evidence may be, in characters.
const MAX_EVIDENCE: usize = 200;
/// Over how many lines the text of a limit may be wrapped.
const MAX_LIMIT_LINES: usize = 4;

/// Reads a screen: `lines` as `capture-pane -p` gives them, from top to bottom.
///
/// A live sign of work outranks all else but a question below it. Then: limits before sign-in (some clients call a used-up quota an
/// authorisation fault), questions, a full context, retries, and at last the prompt. `local` is the zone meant by
/// a time without one.
#[must_use]
pub fn read(agent: &Agent, lines: &[&str], now: Moment, local: &TimeZone) -> Screen {
    let all = lines::lines(&agent.ready, lines);
    let tail = &tail(&all);
    let found = find(agent, tail);
    let evidence = found.and_then(|(_, at)| tail.get(at)).map(|line| line.text.chars().take(MAX_EVIDENCE).collect());
    let state = match found {
        Some((ScreenState::Limit { .. }, at)) => {
            ScreenState::Limit { resets: reset::resets(&limit_text(tail, at), now.wall, local) }
        }
        Some((state, _)) => state,
        None => ScreenState::Unclear,
    };
    Screen { state, evidence: evidence.unwrap_or_default(), digest: digest(lines) }
}

/// The last lines, [`TAIL`] of them not blank.
fn tail<'s>(all: &[Line<'s>]) -> Vec<Line<'s>> {
    let mut solid = all.iter().enumerate().rev().filter(|(_, line)| line.kind != Kind::Blank);
    let from = solid.by_ref().take(TAIL).last().map_or(0, |(at, _)| at);
    all.iter().skip(from).map(|line| Line { letters: pattern::letters(line.text), ..*line }).collect()
}

/// What makes a phrase count no more.
#[derive(Clone, Copy)]
enum EndsWith {
    /// A dialog: a prompt below it.
    Prompt,
    /// A fault: an answer, a second prompt or a retry below it.
    Progress,
    /// A retry: a prompt or an answer below it.
    Either,
}

/// The state found and the line that says so.
fn find(agent: &Agent, tail: &[Line<'_>]) -> Option<(ScreenState, usize)> {
    let busy = last_saying(&agent.busy, tail).map(|at| (ScreenState::Busy, at));
    // Some clients keep saying what they are at above the question whether they may.
    let asked = busy.and_then(|(_, at)| question_below(agent, tail, at));
    asked
        .or(busy)
        .or_else(|| {
            let order = [
                (&agent.limit, EndsWith::Progress, ScreenState::Limit { resets: None }),
                (&agent.auth, EndsWith::Progress, ScreenState::Auth),
                (&agent.asks_trust, EndsWith::Prompt, ScreenState::AsksTrust),
                (&agent.asks_permission, EndsWith::Prompt, ScreenState::AsksPermission),
                (&agent.context, EndsWith::Progress, ScreenState::Context),
                (&agent.retrying, EndsWith::Either, ScreenState::Retrying),
            ];
            order.into_iter().find_map(|(phrases, ends, state)| {
                let at = last_saying(phrases, tail)?;
                (!is_over(agent, tail, at, ends)).then_some((state, at))
            })
        })
        .or_else(|| ready(agent, tail).map(|at| (ScreenState::Ready, at)))
}

/// An open question below the line that says what its agent is at.
fn question_below(agent: &Agent, tail: &[Line<'_>], busy: usize) -> Option<(ScreenState, usize)> {
    let order = [(&agent.asks_trust, ScreenState::AsksTrust), (&agent.asks_permission, ScreenState::AsksPermission)];
    order.into_iter().find_map(|(phrases, state)| {
        let at = last_saying(phrases, tail).filter(|at| *at > busy)?;
        (!is_over(agent, tail, at, EndsWith::Prompt)).then_some((state, at))
    })
}

/// The last line of the client's that says one of `phrases`.
fn last_saying(phrases: &[String], tail: &[Line<'_>]) -> Option<usize> {
    let last = |phrase: &String| {
        let needs = pattern::needs(phrase);
        tail.iter().rposition(|line| match line.kind {
            Kind::Client | Kind::Said => line.letters & needs == needs && says(phrase, line),
            Kind::Blank | Kind::Prompt | Kind::Quoted => false,
        })
    };
    phrases.iter().filter_map(last).max()
}

fn says_any(phrases: &[String], line: &Line<'_>) -> bool {
    phrases.iter().any(|phrase| says(phrase, line))
}

/// Whether a line says a phrase, with its marks or without.
fn says(phrase: &str, line: &Line<'_>) -> bool {
    let marked = line.words.len() < line.text.len() && !phrase.starts_with('*');
    pattern::says(phrase, line.text) || (marked && pattern::says(phrase, line.words))
}

/// Whether something below line `at` shows that what it says is past.
fn is_over(agent: &Agent, tail: &[Line<'_>], at: usize, ends: EndsWith) -> bool {
    let below = tail.get(at + 1..).unwrap_or_default();
    let prompts = below.iter().filter(|line| line.kind == Kind::Prompt).count();
    let answered = || below.iter().any(|line| line.kind == Kind::Said && !tells_a_state(agent, line));
    match ends {
        EndsWith::Prompt => prompts > 0,
        EndsWith::Progress => {
            let retries = last_saying(&agent.retrying, below);
            prompts > 1 || answered() || retries.is_some_and(|at| !is_over(agent, below, at, EndsWith::Either))
        }
        EndsWith::Either => prompts > 0 || answered(),
    }
}

/// Whether a line set like an answer is a fault or a question of the client's.
fn tells_a_state(agent: &Agent, line: &Line<'_>) -> bool {
    let tables = [&agent.limit, &agent.auth, &agent.asks_trust, &agent.asks_permission, &agent.context];
    tables.into_iter().any(|phrases| says_any(phrases, line))
}

/// The prompt's line: the last one that says a phrase of the agent's.
fn ready(agent: &Agent, tail: &[Line<'_>]) -> Option<usize> {
    tail.iter().rposition(|line| match line.kind {
        Kind::Prompt | Kind::Client => says_any(&agent.ready, line) && !lines::is_option(line.text),
        Kind::Blank | Kind::Said | Kind::Quoted => false,
    })
}

/// The text of a limit with the lines it may be wrapped over.
fn limit_text(tail: &[Line<'_>], at: usize) -> String {
    let wrapped = tail.iter().skip(at).take(MAX_LIMIT_LINES);
    let own = wrapped.take_while(|line| !matches!(line.kind, Kind::Blank | Kind::Prompt));
    own.map(|line| line.text).collect::<Vec<_>>().join(" ")
}
