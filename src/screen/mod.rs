//! Reads the text of an agent's pane: is the agent busy, asking, signed out, at a limit, or ready?
//!
//! ```text
//!  lines ──► lines: what is each line? ──► state: the agent's phrases ──► ScreenState
//!    │                                       reset: when a limit ends ───────┤
//!    │   title of the pane ──► title: the agent's phrases for it ────────────┘
//!    └─────► digest: has the content changed?
//! ```
//!
//! Only the client's own words count. The same words in an answer, in the output of a tool or in a
//! text that somebody typed say nothing about the client. `lines` tells these apart.
//!
//! The phrases are data: `[agents.x]` in the manifest, with presets for the known agents. The code
//! knows only the forms that terminal clients have in common. `tests/screens/` holds screens of
//! every agent and state, and screens that look alike but are not.
//!
//! **Architecture invariant:** nothing here reads a clock or a pane. `now` and the local time zone
//! are arguments. A zone that the screen names is looked up in the system's database by jiff.

mod background;
mod composer;
mod dialog;
mod digest;
mod foot;
mod lines;
pub mod output;
mod pattern;
mod reset;
mod state;
mod title;
mod wording;

#[cfg(test)]
mod tests;

pub use composer::{Composer, Prompt, prompt};
pub use dialog::{ShownDialog, dialog};
pub use digest::digest;
pub use title::{is_new_title, with_title};

use crate::model::{Agent, Moment, Screen, ScreenState, Title, Told};
use jiff::tz::TimeZone;
use lines::{Kind, Line};
use state::Sign;

/// How many lines from the end are read. Blank lines do not count.
const TAIL: usize = 15;
/// The longest evidence, in characters.
const MAX_EVIDENCE: usize = 200;
/// Over how many lines a narrow terminal may wrap the text of a limit.
const MAX_LIMIT_LINES: usize = 4;

/// Reads a screen. `lines` are those of `capture-pane -p`, from top to bottom.
///
/// `local` is the zone of times that the screen shows without a zone. [`state`] says which sign wins
/// if the screen shows several.
#[must_use]
pub fn read(agent: &Agent, lines: &[&str], now: Moment, local: &TimeZone) -> Screen {
    let all = lines::lines(&agent.ready, lines);
    let tail = &tail(&all);
    let sign = state::find(agent, tail);
    let state = match sign {
        Some(Sign {
            state: ScreenState::Limit { .. },
            line,
        }) => ScreenState::Limit {
            resets: reset::of_limit(tail, line, now.wall, local),
        },
        Some(Sign { state, line: _ }) => state,
        None => ScreenState::Unclear,
    };
    let dialog = may_offer_answers(state)
        .then(|| dialog::dialog(agent, lines))
        .flatten();
    let evidence = sign
        .and_then(|sign| tail.get(sign.line))
        .map(|line| wording::shown(line.text))
        .unwrap_or_default();
    Screen {
        state,
        evidence: evidence.chars().take(MAX_EVIDENCE).collect(),
        digest: digest::content(&agent.ready, lines),
        turn: digest::turn(lines),
        progress: digest::progress(lines),
        background: state == ScreenState::Ready && background::is_counted(tail),
        told: Told::default(),
        title: Title::Unread,
        dialog: dialog.map(|shown| shown.dialog),
    }
}

/// Whether a screen in this state may show a dialog that somebody can answer. A client that is
/// signed out shows a menu for that, which gtctl never answers.
fn may_offer_answers(state: ScreenState) -> bool {
    match state {
        ScreenState::AsksPermission | ScreenState::AsksTrust | ScreenState::Limit { .. } => true,
        ScreenState::Ready
        | ScreenState::Busy
        | ScreenState::Retrying
        | ScreenState::Auth
        | ScreenState::Context
        | ScreenState::Unclear => false,
    }
}

/// When a usage limit ends by an error's own words, in wall milliseconds. `now` is when the words
/// were said, in wall milliseconds; `local` is the zone meant by a time without one.
#[must_use]
pub fn limit_end(words: &str, now: i64, local: &TimeZone) -> Option<i64> {
    reset::end_named_in(words, now, local)
}

/// Whether the last lines show a composer. If so, the client has started completely.
#[must_use]
pub fn has_composer(agent: &Agent, lines: &[&str]) -> bool {
    tail(&lines::lines(&agent.ready, lines))
        .iter()
        .any(|line| line.kind == Kind::Prompt)
}

/// The last lines, of which [`TAIL`] are not blank.
fn tail<'s>(all: &[Line<'s>]) -> Vec<Line<'s>> {
    let mut solid = all
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, line)| line.kind != Kind::Blank);
    let first = solid.by_ref().take(TAIL).last().map_or(0, |(at, _)| at);
    all.iter()
        .skip(first)
        .map(|line| Line {
            letters: pattern::letters(line.text),
            ..*line
        })
        .collect()
}
