//! What a pane's text means: busy, asking, signed out, at a limit, ready.
//!
//! ```text
//!  lines ──► lines (what is the client's own word) ──► pattern (the agent's phrases) ──► ScreenState
//!       └──► digest (what is content, not decoration)                     reset (when a limit ends) ┤
//!  the pane's title ──► title (the agent's phrases for it) ─────────────────────────────────────────┘
//! ```
//!
//! The phrases are data: `[agents.x]` in the manifest, built in for the known agents and added to
//! by `town.toml`. This room only knows the forms that terminal clients have in common.
//! `tests/screens/` holds screens of every agent and state, and the ones that only look like it.
//!
//! **Architecture invariant:** nothing here reads a clock or a pane. `now` and the local time zone
//! are arguments; time zones named on the screen are looked up in the system's database, through
//! jiff, and nothing else is.

mod background;
mod composer;
mod digest;
mod foot;
mod lines;
pub mod output;
mod pattern;
mod reset;
mod title;
mod wording;

#[cfg(test)]
mod tests;

pub use composer::{Composer, Prompt, prompt};
pub use digest::digest;
pub use title::{is_new_title, with_title};

use crate::model::{Agent, Moment, Screen, ScreenState, Title, Told};
use jiff::tz::TimeZone;
use lines::{Kind, Line};
use wording::Saying;

/// How many lines that are not blank are looked at, from the end.
const TAIL: usize = 15;
/// How long the evidence may be, in characters.
const MAX_EVIDENCE: usize = 200;
/// Over how many lines the text of a limit may be wrapped.
const MAX_LIMIT_LINES: usize = 4;

/// Reads a screen: `lines` as `capture-pane -p` gives them, from top to bottom.
///
/// A live sign of work outranks all else but a question below it. Then: limits before sign-in (some
/// clients call a used-up quota an authorisation fault), questions, a full context, retries, and at
/// last the prompt. `local` is the zone meant by a time without one.
#[must_use]
pub fn read(agent: &Agent, lines: &[&str], now: Moment, local: &TimeZone) -> Screen {
    let all = lines::lines(&agent.ready, lines);
    let tail = &tail(&all);
    let found = find(agent, tail);
    let evidence = found.and_then(|(_, at)| tail.get(at)).map(|line| {
        wording::shown(line.text)
            .chars()
            .take(MAX_EVIDENCE)
            .collect()
    });
    let state = match found {
        Some((ScreenState::Limit { .. }, at)) => ScreenState::Limit {
            resets: ends(tail, at, now.wall, local),
        },
        Some((state, _)) => state,
        None => ScreenState::Unclear,
    };
    Screen {
        state,
        evidence: evidence.unwrap_or_default(),
        digest: digest::content(&agent.ready, lines),
        turn: digest::turn(lines),
        progress: digest::progress(lines),
        background: state == ScreenState::Ready && background::is_told(tail),
        told: Told::default(),
        title: Title::Unread,
    }
}

/// Whether the client's composer is among the last lines: it had come up, and was no run without
/// one.
#[must_use]
pub fn has_composer(agent: &Agent, lines: &[&str]) -> bool {
    tail(&lines::lines(&agent.ready, lines))
        .iter()
        .any(|line| line.kind == Kind::Prompt)
}

/// The last lines, [`TAIL`] of them not blank.
fn tail<'s>(all: &[Line<'s>]) -> Vec<Line<'s>> {
    let mut solid = all
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, line)| line.kind != Kind::Blank);
    let from = solid.by_ref().take(TAIL).last().map_or(0, |(at, _)| at);
    all.iter()
        .skip(from)
        .map(|line| Line {
            letters: pattern::letters(line.text),
            ..*line
        })
        .collect()
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
    let busy = busy(agent, tail).map(|at| (ScreenState::Busy, at));
    // Some clients keep saying what they are at above the question whether they may.
    let asked = busy.and_then(|(_, at)| question_below(agent, tail, at));
    asked
        .or_else(|| trying_again(agent, tail, busy.is_some()).map(|at| (ScreenState::Retrying, at)))
        .or(busy)
        .or_else(|| {
            let order = [
                (
                    limit(agent, tail),
                    EndsWith::Progress,
                    ScreenState::Limit { resets: None },
                ),
                (auth(agent, tail), EndsWith::Progress, ScreenState::Auth),
                (
                    last_saying(&agent.asks_trust, tail),
                    EndsWith::Prompt,
                    ScreenState::AsksTrust,
                ),
                (
                    last_saying(&agent.asks_permission, tail),
                    EndsWith::Prompt,
                    ScreenState::AsksPermission,
                ),
            ];
            order.into_iter().find_map(|(at, ends, state)| {
                let at = at?;
                (!is_over(agent, tail, at, ends)).then_some((state, at))
            })
        })
        .or_else(|| dialog(agent, tail))
        .or_else(|| {
            let order = [
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

/// The line that says that it works: by a phrase of its own, or by the form of its spinner.
fn busy(agent: &Agent, tail: &[Line<'_>]) -> Option<usize> {
    let has_spinner = || agent.busy.iter().any(|phrase| phrase.contains('…'));
    last_saying(&agent.busy, tail).or_else(|| foot::spinner(tail).filter(|_| has_spinner()))
}

/// The line that says that a request has failed and is tried again: it still works, whatever else
/// the screen says of that.
///
/// Without a sign of work beside it, only where nothing has come after it: a retry that somebody
/// broke off stays on screen.
fn trying_again(agent: &Agent, tail: &[Line<'_>], works: bool) -> Option<usize> {
    let by_form = || {
        let is_own = |line: &&Line<'_>| matches!(line.kind, Kind::Client | Kind::Said);
        let knows = !agent.busy.is_empty();
        tail.iter()
            .rposition(|line| is_own(&line) && wording::tries_again(line.words))
            .filter(|_| knows)
    };
    let at = last_saying(&agent.retrying, tail)
        .into_iter()
        .chain(by_form())
        .max()?;
    let below = tail.get(at + 1..).unwrap_or_default();
    let prompts = below
        .iter()
        .filter(|line| line.kind == Kind::Prompt)
        .count();
    let answered = below
        .iter()
        .any(|line| line.kind == Kind::Said && !tells_a_state(agent, line));
    let goes_on = if works {
        prompts <= 1 && !answered
    } else {
        foot::last_above_composer(tail) == Some(at)
    };
    goes_on.then_some(at)
}

/// The last line that says that a limit is reached.
fn limit(agent: &Agent, tail: &[Line<'_>]) -> Option<usize> {
    let general = || {
        let is_limit = |at: usize, line: &Line<'_>| {
            general(tail, at) == Some(Saying::Limit)
                || (line.kind == Kind::Client && wording::offers_to_wait(line.words))
        };
        tail.iter()
            .enumerate()
            .rev()
            .find(|(at, line)| is_limit(*at, line))
            .map(|(at, _)| at)
    };
    let general = if agent.limit.is_empty() {
        None
    } else {
        general()
    };
    last_saying(&agent.limit, tail)
        .into_iter()
        .chain(general)
        .max()
}

/// The last line that says that it is signed out. What says in the same breath that a limit is
/// reached does not.
fn auth(agent: &Agent, tail: &[Line<'_>]) -> Option<usize> {
    let general = |at: &usize| general(tail, *at) == Some(Saying::Auth);
    let general = (0..tail.len())
        .rev()
        .find(general)
        .filter(|_| !agent.auth.is_empty());
    last_saying(&agent.auth, tail)
        .into_iter()
        .chain(general)
        .max()
}

/// What a line of the client's own says, in general words. One that a narrow terminal has wrapped
/// is read with its next.
fn general(tail: &[Line<'_>], at: usize) -> Option<Saying> {
    let line = tail.get(at)?;
    let answer = match line.kind {
        Kind::Client => false,
        Kind::Said => true,
        Kind::Blank | Kind::Prompt | Kind::Quoted => return None,
    };
    let words = line.words.trim_start_matches(['■', '✕', '⚠', ' ']);
    let alone = wording::saying(words, answer);
    if answer || alone == Some(Saying::Limit) {
        return alone;
    }
    // The words of a limit may stand in the rest of a line that begins with those of sign-in.
    let mut text = words.to_owned();
    let rest = tail
        .iter()
        .skip(at + 1)
        .filter(|next| next.kind != Kind::Quoted)
        .take(MAX_LIMIT_LINES - 1);
    for next in
        rest.take_while(|next| next.kind == Kind::Client && next.words.len() == next.text.len())
    {
        if text.ends_with(['.', '?', ':']) {
            break;
        }
        text = format!("{text} {}", next.text);
        match wording::saying(&text, false) {
            Some(Saying::Limit) => return Some(Saying::Limit),
            Some(Saying::Auth) if alone.is_none() => return Some(Saying::Auth),
            Some(Saying::Auth) | None => {}
        }
    }
    alone
}

/// An open question below the line that says what its agent is at.
fn question_below(agent: &Agent, tail: &[Line<'_>], busy: usize) -> Option<(ScreenState, usize)> {
    let order = [
        (&agent.asks_trust, ScreenState::AsksTrust),
        (&agent.asks_permission, ScreenState::AsksPermission),
    ];
    let by_phrase = order.into_iter().find_map(|(phrases, state)| {
        let at = last_saying(phrases, tail).filter(|at| *at > busy)?;
        (!is_over(agent, tail, at, EndsWith::Prompt)).then_some((state, at))
    });
    by_phrase.or_else(|| dialog(agent, tail).filter(|(_, at)| *at > busy))
}

/// A question that is told by its form alone. One that a phrase of the agent's stands in is of that
/// phrase's kind.
fn dialog(agent: &Agent, tail: &[Line<'_>]) -> Option<(ScreenState, usize)> {
    if agent.ready.is_empty() {
        return None;
    }
    let dialog = foot::dialog(tail)?;
    let trust = dialog.trust || last_saying(&agent.asks_trust, tail).is_some();
    let state = if trust {
        ScreenState::AsksTrust
    } else {
        ScreenState::AsksPermission
    };
    Some((state, dialog.shown_by))
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
    let prompts = below
        .iter()
        .filter(|line| line.kind == Kind::Prompt)
        .count();
    let answered = || {
        below
            .iter()
            .any(|line| line.kind == Kind::Said && !tells_a_state(agent, line))
    };
    match ends {
        EndsWith::Prompt => prompts > 0,
        EndsWith::Progress => {
            let retries = last_saying(&agent.retrying, below);
            prompts > 1
                || answered()
                || retries.is_some_and(|at| !is_over(agent, below, at, EndsWith::Either))
        }
        EndsWith::Either => prompts > 0 || answered(),
    }
}

/// Whether a line set like an answer is a fault or a question of the client's.
fn tells_a_state(agent: &Agent, line: &Line<'_>) -> bool {
    let tables = [
        &agent.limit,
        &agent.auth,
        &agent.asks_trust,
        &agent.asks_permission,
        &agent.context,
    ];
    tables.into_iter().any(|phrases| says_any(phrases, line))
        || wording::saying(line.words, true).is_some()
}

/// The prompt's line: the last one that says a phrase of the agent's.
fn ready(agent: &Agent, tail: &[Line<'_>]) -> Option<usize> {
    tail.iter().rposition(|line| match line.kind {
        Kind::Prompt => says_any(&agent.ready, line),
        Kind::Client => says_any(&agent.ready, line) && !lines::is_option(line.text),
        Kind::Blank | Kind::Said | Kind::Quoted => false,
    })
}

/// When the limit of line `at` ends: by the line itself and those it is wrapped over, or by what
/// stands near it, from the nearest line above on.
fn ends(tail: &[Line<'_>], at: usize, now: i64, local: &TimeZone) -> Option<i64> {
    let is_own = |line: &&Line<'_>| matches!(line.kind, Kind::Client | Kind::Said);
    let near = |text: &str| reset::resets(text, now, local);
    let above = || {
        let lines = tail.get(..at).unwrap_or_default().iter().rev();
        let block = lines
            .take_while(|line| line.kind != Kind::Prompt)
            .filter(is_own)
            .take(MAX_LIMIT_LINES);
        block.into_iter().find_map(|line| near(line.text))
    };
    let below = || {
        let lines = tail.get(at + 1..).unwrap_or_default().iter();
        lines
            .filter(is_own)
            .take(MAX_LIMIT_LINES)
            .find_map(|line| near(line.text))
    };
    near(&limit_text(tail, at)).or_else(above).or_else(below)
}

/// The text of a limit with the lines it may be wrapped over.
fn limit_text(tail: &[Line<'_>], at: usize) -> String {
    let wrapped = tail.iter().skip(at).take(MAX_LIMIT_LINES);
    let own = wrapped.take_while(|line| !matches!(line.kind, Kind::Blank | Kind::Prompt));
    own.map(|line| line.text).collect::<Vec<_>>().join(" ")
}
