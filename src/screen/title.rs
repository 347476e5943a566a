//! Reads the title of an agent's pane, and corrects the state of the screen by it.
//!
//! A title can say that the agent works, asks, or waits for a text. Some clients show a free prompt
//! while an answer comes, and only their title says that they work. But the screen says more: a
//! dialog, an error or a sign of work that it shows wins over the title.

use super::{MAX_EVIDENCE, pattern};
use crate::model::{Agent, Screen, ScreenState, Source, Title, Told};

/// What a title says about its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TitleState {
    Busy,
    Asks,
    Ready,
}

/// The screen, corrected by the title of its pane.
///
/// `before` is what the earlier looks of this run have learnt about the title. A title that has not
/// changed since the first look may be that of an earlier program. It corrects nothing.
#[must_use]
pub fn with_title(agent: &Agent, screen: Screen, title: &str, before: Title) -> Screen {
    let learnt = before.then(super::digest::raw(title));
    let screen = Screen {
        title: learnt,
        ..screen
    };
    let by_title = match learnt {
        Title::Own(_) => title_state(agent, title),
        Title::Found(_) | Title::Unread => None,
    };
    let Some(by_title) = by_title else {
        return screen;
    };
    let state = stronger(screen.state, by_title);
    if state == screen.state {
        let against = (!agrees(by_title, state)).then_some(alone(by_title));
        return Screen {
            told: Told {
                by: Source::Text,
                against,
            },
            ..screen
        };
    }
    Screen {
        state,
        evidence: title.trim().chars().take(MAX_EVIDENCE).collect(),
        background: false,
        told: Told {
            by: Source::Title,
            against: Some(screen.state),
        },
        ..screen
    }
}

/// Whether the title has changed since `last`, for agents whose titles gtctl reads.
#[must_use]
pub fn is_new_title(agent: &Agent, title: &str, last: Title) -> bool {
    agent.has_titles() && last.digest() != Some(super::digest::raw(title))
}

fn title_state(agent: &Agent, title: &str) -> Option<TitleState> {
    let title = title.trim();
    let tables = [
        (&agent.title_asks, TitleState::Asks),
        (&agent.title_busy, TitleState::Busy),
        (&agent.title_ready, TitleState::Ready),
    ];
    tables
        .into_iter()
        .find(|(phrases, _)| phrases.iter().any(|phrase| pattern::says(phrase, title)))
        .map(|(_, state)| state)
}

/// The state that counts, if the text shows `by_text`.
fn stronger(by_text: ScreenState, by_title: TitleState) -> ScreenState {
    match (by_text, by_title) {
        // The text of a dialog says what it asks. The title only says that it asks.
        (ScreenState::AsksPermission | ScreenState::AsksTrust, _)
        // A title has no words for what blocks an agent.
        | (
            ScreenState::Auth | ScreenState::Limit { .. } | ScreenState::Context,
            TitleState::Asks | TitleState::Ready,
        )
        | (ScreenState::Ready | ScreenState::Busy | ScreenState::Retrying, TitleState::Ready)
        | (ScreenState::Retrying, TitleState::Busy) => by_text,
        (
            ScreenState::Ready | ScreenState::Busy | ScreenState::Retrying | ScreenState::Unclear,
            TitleState::Asks,
        )
        | (
            ScreenState::Ready
            | ScreenState::Busy
            | ScreenState::Auth
            | ScreenState::Limit { .. }
            | ScreenState::Context
            | ScreenState::Unclear,
            TitleState::Busy,
        )
        | (ScreenState::Unclear, TitleState::Ready) => alone(by_title),
    }
}

/// The state by the title alone.
fn alone(by_title: TitleState) -> ScreenState {
    match by_title {
        TitleState::Busy => ScreenState::Busy,
        TitleState::Asks => ScreenState::AsksPermission,
        TitleState::Ready => ScreenState::Ready,
    }
}

/// Whether the title and the state do not contradict each other.
fn agrees(by_title: TitleState, state: ScreenState) -> bool {
    let asks = matches!(state, ScreenState::AsksPermission | ScreenState::AsksTrust);
    match by_title {
        TitleState::Busy => state.is_at_work(),
        TitleState::Asks => asks,
        // While the agent waits for a text, the screen may say why: a limit, a missing sign-in.
        TitleState::Ready => !state.is_at_work() && !asks,
    }
}

#[cfg(test)]
#[path = "title_tests.rs"]
mod tests;
