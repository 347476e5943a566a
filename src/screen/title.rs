//! What the title of an agent's pane says, and what that makes of a screen.
//!
//! A title can only say that its agent works, asks or waits for a text. Some clients show a free
//! prompt while an answer comes, and tell of their work in the title alone. It is no more than a
//! word beside the screen: a dialog, a fault or a sign of work that is shown there counts for
//! itself.

use super::{MAX_EVIDENCE, pattern};
use crate::model::{Agent, Screen, ScreenState, Source, Title, Told};

/// What a title says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Busy,
    Asks,
    Ready,
}

/// The screen with what its pane's title adds to it. `before` is what this life's former looks have
/// taught of the title: one that has not changed since the first of them may be of an earlier
/// program, and adds nothing.
#[must_use]
pub fn with_title(agent: &Agent, screen: Screen, title: &str, before: Title) -> Screen {
    let known = before.then(super::digest::raw(title));
    let screen = Screen {
        title: known,
        ..screen
    };
    let says = match known {
        Title::Own(_) => says(agent, title),
        Title::Found(_) | Title::Unread => None,
    };
    let Some(says) = says else { return screen };
    let state = decided(screen.state, says);
    if state == screen.state {
        let alone = alone(says);
        let against = (!agrees(says, state)).then_some(alone);
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

/// Whether the title is another one than when this was known of it, where that can matter.
#[must_use]
pub fn is_new_title(agent: &Agent, title: &str, known: Title) -> bool {
    agent.has_titles() && known.digest() != Some(super::digest::raw(title))
}

fn says(agent: &Agent, title: &str) -> Option<Says> {
    let title = title.trim();
    let order = [
        (&agent.title_asks, Says::Asks),
        (&agent.title_busy, Says::Busy),
        (&agent.title_ready, Says::Ready),
    ];
    order
        .into_iter()
        .find(|(phrases, _)| phrases.iter().any(|phrase| pattern::says(phrase, title)))
        .map(|(_, says)| says)
}

/// The state, where the text alone says `text`.
fn decided(text: ScreenState, says: Says) -> ScreenState {
    match (text, says) {
        // What is read of a dialog is more than that there is one; what blocks an agent its title
        // has no word for.
        (ScreenState::AsksPermission | ScreenState::AsksTrust, _)
        | (
            ScreenState::Auth | ScreenState::Limit { .. } | ScreenState::Context,
            Says::Asks | Says::Ready,
        )
        | (ScreenState::Ready | ScreenState::Busy | ScreenState::Retrying, Says::Ready)
        | (ScreenState::Retrying, Says::Busy) => text,
        (
            ScreenState::Ready | ScreenState::Busy | ScreenState::Retrying | ScreenState::Unclear,
            Says::Asks,
        )
        | (
            ScreenState::Ready
            | ScreenState::Busy
            | ScreenState::Auth
            | ScreenState::Limit { .. }
            | ScreenState::Context
            | ScreenState::Unclear,
            Says::Busy,
        )
        | (ScreenState::Unclear, Says::Ready) => alone(says),
    }
}

/// What the title says by itself.
fn alone(says: Says) -> ScreenState {
    match says {
        Says::Busy => ScreenState::Busy,
        Says::Asks => ScreenState::AsksPermission,
        Says::Ready => ScreenState::Ready,
    }
}

/// Whether a title that says this is no contradiction to the state.
fn agrees(says: Says, state: ScreenState) -> bool {
    match says {
        Says::Busy => state.is_at_work(),
        Says::Asks => matches!(state, ScreenState::AsksPermission | ScreenState::AsksTrust),
        // While it waits for a text its screen may say more of why.
        Says::Ready => !state.is_at_work() && !agrees(Says::Asks, state),
    }
}

#[cfg(test)]
#[path = "title_tests.rs"]
mod tests;
