//! Finds the state that a screen shows, and the line that shows it.
//!
//! If a screen shows several signs, the first of these wins:
//!
//! 1. a question below a sign of work,
//! 2. a request that has failed and is tried again,
//! 3. a sign of work,
//! 4. a limit, and then a missing sign-in: some clients call a used-up quota a failed sign-in,
//! 5. a question: about trust, about a permission, or any other open dialog,
//! 6. a full context, and then a retry by the agent's own phrase,
//! 7. the prompt.
//!
//! Signs 4 to 6 count only while nothing below them shows that they are past ([`EndedBy`]).

use super::lines::{self, Kind, Line};
use super::wording::{self, Blocker};
use super::{MAX_LIMIT_LINES, foot, pattern};
use crate::model::{Agent, ScreenState};

/// A state, and the line of the tail that shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sign {
    pub(super) state: ScreenState,
    pub(super) line: usize,
}

/// What ends a state when it stands below the line that shows the state.
#[derive(Clone, Copy)]
enum EndedBy {
    /// A prompt. Dialogs end so.
    Prompt,
    /// An answer, a second prompt, or a retry. Errors end so.
    Progress,
    /// A prompt or an answer. Retries end so.
    PromptOrAnswer,
}

/// The sign that wins, or `None` if the screen shows no state.
pub(super) fn find(agent: &Agent, tail: &[Line<'_>]) -> Option<Sign> {
    let busy = busy_line(agent, tail);
    // Some clients show what they work on above the question whether they may do it.
    busy.and_then(|busy| question_below(agent, tail, busy))
        .or_else(|| sign(ScreenState::Retrying, retry_line(agent, tail, busy)))
        .or_else(|| sign(ScreenState::Busy, busy))
        .or_else(|| blocker_or_question(agent, tail))
        .or_else(|| open_dialog(agent, tail))
        .or_else(|| full_context_or_retry(agent, tail))
        .or_else(|| sign(ScreenState::Ready, prompt_line(agent, tail)))
}

fn sign(state: ScreenState, line: Option<usize>) -> Option<Sign> {
    line.map(|line| Sign { state, line })
}

fn blocker_or_question(agent: &Agent, tail: &[Line<'_>]) -> Option<Sign> {
    let limit = ScreenState::Limit { resets: None };
    let signs = [
        (limit, limit_line(agent, tail), EndedBy::Progress),
        (
            ScreenState::Auth,
            sign_in_line(agent, tail),
            EndedBy::Progress,
        ),
        (
            ScreenState::AsksTrust,
            last_saying(&agent.asks_trust, tail),
            EndedBy::Prompt,
        ),
        (
            ScreenState::AsksPermission,
            last_saying(&agent.asks_permission, tail),
            EndedBy::Prompt,
        ),
    ];
    signs.into_iter().find_map(|(state, line, ended_by)| {
        let line = line.filter(|line| !is_over(agent, tail, *line, ended_by));
        sign(state, line)
    })
}

fn full_context_or_retry(agent: &Agent, tail: &[Line<'_>]) -> Option<Sign> {
    let signs = [
        (ScreenState::Context, &agent.context, EndedBy::Progress),
        (
            ScreenState::Retrying,
            &agent.retrying,
            EndedBy::PromptOrAnswer,
        ),
    ];
    signs.into_iter().find_map(|(state, phrases, ended_by)| {
        let line = last_saying(phrases, tail);
        let line = line.filter(|line| !is_over(agent, tail, *line, ended_by));
        sign(state, line)
    })
}

/// The line that shows that the agent works: by a phrase of its own, or by the form of a spinner.
fn busy_line(agent: &Agent, tail: &[Line<'_>]) -> Option<usize> {
    let has_spinner = || agent.busy.iter().any(|phrase| phrase.contains('…'));
    last_saying(&agent.busy, tail).or_else(|| foot::spinner(tail).filter(|_| has_spinner()))
}

/// The line that says that a request has failed and is tried again.
///
/// Beside a sign of work it counts until an answer or a second prompt follows. Without one it counts
/// only if nothing follows it: a retry that somebody has stopped stays on the screen.
fn retry_line(agent: &Agent, tail: &[Line<'_>], busy: Option<usize>) -> Option<usize> {
    let by_form = || {
        let knows_work = !agent.busy.is_empty();
        let is_own = |line: &Line<'_>| matches!(line.kind, Kind::Client | Kind::Answer);
        tail.iter()
            .rposition(|line| is_own(line) && wording::tries_again(line.words))
            .filter(|_| knows_work)
    };
    let line = last_saying(&agent.retrying, tail)
        .into_iter()
        .chain(by_form())
        .max()?;
    let below = tail.get(line + 1..).unwrap_or_default();
    let goes_on = if busy.is_some() {
        prompts(below) <= 1 && !has_answer(agent, below)
    } else {
        foot::last_above_composer(tail) == Some(line)
    };
    goes_on.then_some(line)
}

/// The last line that says that a limit is reached.
fn limit_line(agent: &Agent, tail: &[Line<'_>]) -> Option<usize> {
    let names_limit = |(at, line): &(usize, &Line<'_>)| {
        blocker(tail, *at) == Some(Blocker::Limit)
            || (line.kind == Kind::Client && wording::offers_to_wait(line.words))
    };
    let by_words = || {
        let last = tail.iter().enumerate().rev().find(names_limit);
        last.map(|(at, _)| at)
    };
    let by_words = if agent.limit.is_empty() {
        None
    } else {
        by_words()
    };
    let by_phrase = last_saying(&agent.limit, tail);
    by_phrase.into_iter().chain(by_words).max()
}

/// The last line that says that the client is signed out. A line that also names a limit does not
/// count.
fn sign_in_line(agent: &Agent, tail: &[Line<'_>]) -> Option<usize> {
    let by_words = (0..tail.len())
        .rev()
        .find(|at| blocker(tail, *at) == Some(Blocker::Auth))
        .filter(|_| !agent.auth.is_empty());
    let by_phrase = last_saying(&agent.auth, tail);
    by_phrase.into_iter().chain(by_words).max()
}

/// The blocker that line `at` names in general words.
fn blocker(tail: &[Line<'_>], at: usize) -> Option<Blocker> {
    let line = tail.get(at)?;
    let words = line.words.trim_start_matches(['■', '✕', '⚠', ' ']);
    match line.kind {
        Kind::Client => {
            let below = tail.get(at + 1..).unwrap_or_default();
            wrapped_blocker(words, below)
        }
        Kind::Answer => wording::blocker(words, true),
        Kind::Blank | Kind::Prompt | Kind::Quoted => None,
    }
}

/// The blocker of a client's line that a narrow terminal may have wrapped.
///
/// A limit wins over a sign-in. So the lines below are read even if the first line names a sign-in:
/// they may go on with the words of a limit.
fn wrapped_blocker(words: &str, below: &[Line<'_>]) -> Option<Blocker> {
    let of_first_line = wording::blocker(words, false);
    if of_first_line == Some(Blocker::Limit) {
        return of_first_line;
    }
    let is_continuation =
        |line: &&Line<'_>| line.kind == Kind::Client && line.words.len() == line.text.len();
    let continuations = below
        .iter()
        .filter(|line| line.kind != Kind::Quoted)
        .take(MAX_LIMIT_LINES - 1)
        .take_while(is_continuation);
    let mut text = words.to_owned();
    for line in continuations {
        if text.ends_with(['.', '?', ':']) {
            break;
        }
        text = format!("{text} {}", line.text);
        match wording::blocker(&text, false) {
            Some(Blocker::Limit) => return Some(Blocker::Limit),
            Some(Blocker::Auth) if of_first_line.is_none() => return Some(Blocker::Auth),
            Some(Blocker::Auth) | None => {}
        }
    }
    of_first_line
}

/// An open question below the line that shows work.
fn question_below(agent: &Agent, tail: &[Line<'_>], busy: usize) -> Option<Sign> {
    let questions = [
        (ScreenState::AsksTrust, &agent.asks_trust),
        (ScreenState::AsksPermission, &agent.asks_permission),
    ];
    let by_phrase = questions.into_iter().find_map(|(state, phrases)| {
        let line = last_saying(phrases, tail)
            .filter(|line| *line > busy)
            .filter(|line| !is_over(agent, tail, *line, EndedBy::Prompt));
        sign(state, line)
    });
    by_phrase.or_else(|| open_dialog(agent, tail).filter(|dialog| dialog.line > busy))
}

/// A dialog that is recognised by its form alone. It asks for trust if it or a phrase of the agent
/// says so, and otherwise for a permission.
fn open_dialog(agent: &Agent, tail: &[Line<'_>]) -> Option<Sign> {
    if agent.ready.is_empty() {
        return None;
    }
    let dialog = foot::dialog(tail)?;
    let asks_trust = dialog.trust || last_saying(&agent.asks_trust, tail).is_some();
    let state = if asks_trust {
        ScreenState::AsksTrust
    } else {
        ScreenState::AsksPermission
    };
    Some(Sign {
        state,
        line: dialog.shown_by,
    })
}

/// The last line of the client that says one of the phrases.
fn last_saying(phrases: &[String], tail: &[Line<'_>]) -> Option<usize> {
    let last = |phrase: &String| {
        let letters = pattern::letters_of_phrase(phrase);
        // Comparing the letters is fast, and it rules out nearly all lines.
        let may_say = |line: &Line<'_>| line.letters & letters == letters;
        tail.iter().rposition(|line| match line.kind {
            Kind::Client | Kind::Answer => may_say(line) && says(phrase, line),
            Kind::Blank | Kind::Prompt | Kind::Quoted => false,
        })
    };
    phrases.iter().filter_map(last).max()
}

/// Whether a line says one of the phrases.
pub(super) fn says_any(phrases: &[String], line: &Line<'_>) -> bool {
    phrases.iter().any(|phrase| says(phrase, line))
}

/// Whether a line says the phrase, with the marks before its words or without them.
pub(super) fn says(phrase: &str, line: &Line<'_>) -> bool {
    let has_marks = line.words.len() < line.text.len();
    // A phrase that begins with `*` skips the marks by itself.
    let without_marks = has_marks && !phrase.starts_with('*');
    pattern::says(phrase, line.text) || (without_marks && pattern::says(phrase, line.words))
}

/// Whether something below line `at` shows that its state is past.
fn is_over(agent: &Agent, tail: &[Line<'_>], at: usize, ended_by: EndedBy) -> bool {
    let below = tail.get(at + 1..).unwrap_or_default();
    match ended_by {
        EndedBy::Prompt => prompts(below) > 0,
        EndedBy::Progress => {
            let is_retried = || {
                let retry = last_saying(&agent.retrying, below);
                retry.is_some_and(|at| !is_over(agent, below, at, EndedBy::PromptOrAnswer))
            };
            prompts(below) > 1 || has_answer(agent, below) || is_retried()
        }
        EndedBy::PromptOrAnswer => prompts(below) > 0 || has_answer(agent, below),
    }
}

fn prompts(lines: &[Line<'_>]) -> usize {
    lines
        .iter()
        .filter(|line| line.kind == Kind::Prompt)
        .count()
}

/// Whether one of the lines begins an answer of the agent. A message of the client may look like
/// one.
fn has_answer(agent: &Agent, lines: &[Line<'_>]) -> bool {
    lines
        .iter()
        .any(|line| line.kind == Kind::Answer && !is_message(agent, line))
}

/// Whether a line that looks like an answer is an error or a question of the client.
fn is_message(agent: &Agent, line: &Line<'_>) -> bool {
    let tables = [
        &agent.limit,
        &agent.auth,
        &agent.asks_trust,
        &agent.asks_permission,
        &agent.context,
    ];
    tables.into_iter().any(|phrases| says_any(phrases, line))
        || wording::blocker(line.words, true).is_some()
}

/// The line of the prompt: the last one that says a phrase of the agent for it.
fn prompt_line(agent: &Agent, tail: &[Line<'_>]) -> Option<usize> {
    tail.iter().rposition(|line| match line.kind {
        Kind::Prompt => says_any(&agent.ready, line),
        Kind::Client => says_any(&agent.ready, line) && !lines::is_option(line.text),
        Kind::Blank | Kind::Answer | Kind::Quoted => false,
    })
}
