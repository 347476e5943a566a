//! Dialogs that agents show, and the answers to them.

use super::written::is_default;
use super::{Agent, Moment, Obstacle, Period, ScreenState, Target};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use strum::IntoStaticStr;

/// A dialog on an agent's screen that offers answers, one below the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialog {
    /// The question, at most [`Dialog::MAX_LINE`] characters, not sanitised. Another line of the
    /// dialog where none asks.
    pub question: String,
    /// The lines above the answers, at most [`Dialog::MAX_ABOVE`], not sanitised.
    #[serde(default, skip_serializing_if = "is_default")]
    pub above: Vec<String>,
    /// The answers from top to bottom, at least one and at most [`Dialog::MAX_OPTIONS`].
    pub options: Vec<DialogOption>,
    /// The place of the selected answer in `options`.
    pub selected: usize,
    /// What it takes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub takes: Takes,
    /// Whether it says that Escape leaves it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub has_escape: bool,
}

/// One answer of a dialog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogOption {
    /// Its number: the one that the client shows, or else its place from 1.
    pub number: u32,
    /// Its words without the number, at most [`Dialog::MAX_LINE`] characters, not sanitised.
    pub text: String,
    /// What stands below it, such as a description or the rest of a wrapped line.
    #[serde(default, skip_serializing_if = "is_default")]
    pub detail: String,
    /// What its words mean.
    #[serde(default, skip_serializing_if = "is_default")]
    pub meaning: Meaning,
}

/// What the words of an answer mean.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize, IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Meaning {
    /// Yes, this once.
    Affirms,
    /// Yes, and for later questions too.
    AffirmsAlways,
    /// No.
    Refuses,
    /// No, and for later questions too.
    RefusesAlways,
    /// A text is asked for next.
    TakesText,
    /// Something else.
    #[default]
    Other,
}

impl Meaning {
    /// Its stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// What a dialog takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// One of its answers.
    #[default]
    One,
    /// Any number of its answers.
    Several,
    /// A login. gtctl never answers it.
    SignIn,
}

impl Dialog {
    /// More answers than this are not read.
    pub const MAX_OPTIONS: usize = 24;
    /// Of more lines above the answers only the last ones are kept.
    pub const MAX_ABOVE: usize = 24;
    /// The longest line, in characters.
    pub const MAX_LINE: usize = 200;

    /// All its words, joined by spaces. They are the same whichever answer is selected.
    #[must_use]
    pub fn text(&self) -> String {
        let options = self.options.iter().flat_map(|option| {
            let detail = (!option.detail.is_empty()).then_some(option.detail.as_str());
            [option.text.as_str()].into_iter().chain(detail)
        });
        let above = self.above.iter().map(String::as_str);
        let parts: Vec<&str> = above.chain(options).collect();
        parts.join(" ")
    }

    /// Its answers, such as `1. Yes`.
    #[must_use]
    pub fn answers(&self) -> Vec<String> {
        let options = self.options.iter();
        let answer = |option: &DialogOption| format!("{}. {}", option.number, option.text);
        options.map(answer).collect()
    }

    /// Whether both are the same dialog, whichever answer is selected. Blanks do not matter: tmux
    /// and the client wrap lines.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let solid = |dialog: &Self| -> String { dialog.text().split_whitespace().collect() };
        self.options.len() == other.options.len() && solid(self) == solid(other)
    }

    /// The place of the answer with this number.
    #[must_use]
    pub fn place_of(&self, number: u32) -> Option<usize> {
        let is_it = |option: &DialogOption| option.number == number;
        self.options.iter().position(is_it)
    }
}

/// Which answer somebody chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The plain affirmative one: never one that also answers later questions.
    Yes,
    /// The one that refuses.
    No,
    /// The one with this number.
    Number(u32),
}

/// A text that is not a [`Choice`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an answer; use yes, no, or the number of an answer")]
pub struct ChoiceFault;

impl FromStr for Choice {
    type Err = ChoiceFault;

    fn from_str(text: &str) -> Result<Self, ChoiceFault> {
        match text {
            "yes" | "y" => Ok(Self::Yes),
            "no" | "n" => Ok(Self::No),
            number => number.parse().map(Self::Number).map_err(|_| ChoiceFault),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::No => f.write_str("no"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// An answer that the manifest declares for one dialog of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredAnswer {
    /// A text that the dialog must contain.
    pub when: String,
    /// A text that exactly one of its answers must contain.
    pub choose: String,
}

impl DeclaredAnswer {
    /// The longest text of either field, in characters.
    pub const MAX: usize = 200;
    /// So many answers one agent may declare.
    pub const MAX_COUNT: usize = 32;
}

/// An answer that gtctl has given as declared, or was about to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerGiven {
    /// When the dialog was first seen. No later run can show it at the same moment.
    pub asked: Moment,
    /// When it was answered.
    pub at: Moment,
}

impl AnswerGiven {
    /// So many declared answers are given to one session within [`AnswerGiven::SPAN`]. More of them
    /// are no answers to questions, but a loop.
    pub const MAX: usize = 12;
    /// The time in which [`AnswerGiven::MAX`] counts.
    pub const SPAN: Period = Period::from_hours(1);
}

/// How an answer is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerKey {
    /// By selecting the answer at this place and pressing Enter.
    Option(usize),
    /// By Escape.
    Escape,
}

/// All that is needed to answer one dialog.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerStep {
    /// Exactly which session.
    pub target: Target,
    /// How its screen is read.
    pub agent: Arc<Agent>,
    /// The dialog. Any other gets no key.
    pub dialog: Dialog,
    /// Which answer.
    pub key: AnswerKey,
}

impl AnswerStep {
    /// The answer in words: `1. Yes`, or `Escape`.
    #[must_use]
    pub fn answer(&self) -> String {
        let AnswerKey::Option(at) = self.key else {
            return "Escape".to_owned();
        };
        let option = self.dialog.options.get(at);
        option.map_or_else(String::new, |option| {
            format!("{}. {}", option.number, option.text)
        })
    }
}

/// Why a dialog is not answered as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// The session cannot be answered now, whatever it shows.
    Obstacle(Obstacle),
    /// Its screen shows no dialog, but this state.
    NoDialog(ScreenState),
    /// It asks something, but its screen shows no list of answers that gtctl can read.
    Unread,
    /// Its dialog takes several answers.
    Several,
    /// Its dialog is for signing in.
    SignIn,
    /// The answer asks for a text.
    TakesText,
    /// No answer has this number.
    NoNumber(u32),
    /// No answer says plainly yes.
    NoYes,
    /// No answer says no.
    NoNo,
}

impl NoAnswer {
    /// The stable code, for JSON and the journal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Obstacle(obstacle) => obstacle.code(),
            Self::NoDialog(_) => "no-dialog",
            Self::Unread => "unread-dialog",
            Self::Several => "several-answers",
            Self::SignIn => "sign-in",
            Self::TakesText => "takes-text",
            Self::NoNumber(_) => "no-such-number",
            Self::NoYes => "no-plain-yes",
            Self::NoNo => "no-refusal",
        }
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Obstacle(obstacle) => obstacle.fmt(f),
            Self::NoDialog(state) => {
                let state = state.code().replace('-', " ");
                write!(f, "it asks nothing now: its screen shows {state}")
            }
            Self::Unread => f.write_str("its question has no list of answers that gtctl can read"),
            Self::Several => f.write_str("its question takes several answers"),
            Self::SignIn => f.write_str("it asks for a login"),
            Self::TakesText => f.write_str("this answer asks for a text"),
            Self::NoNumber(number) => write!(f, "no answer has the number {number}"),
            Self::NoYes => f.write_str("no answer is a plain yes"),
            Self::NoNo => f.write_str("no answer is a no"),
        }
    }
}

/// What came of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerEnd {
    /// The keys were pressed, and the dialog has gone.
    Done,
    /// Nothing was pressed, for this reason.
    Refused(NoAnswer),
    /// Nothing was confirmed: the screen no longer shows that dialog.
    Changed,
    /// The keys were pressed, and the same dialog still shows.
    StillAsks,
    /// Nothing was confirmed: the selection did not get to the answer.
    NotSelected,
    /// Nothing was confirmed: the session is no longer the one that the step names. Says why.
    Stale(String),
    /// Nothing was confirmed: tmux refused, or the state could not be written first. Says why.
    Failed(String),
    /// Nobody knows whether the key was pressed, because tmux gave no answer.
    Unknown(String),
}

impl AnswerEnd {
    /// The stable word, for JSON and the journal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Done => "answered",
            Self::Refused(_) => "refused",
            Self::Changed => "changed",
            Self::StillAsks => "still-asks",
            Self::NotSelected => "not-selected",
            Self::Stale(_) => "stale",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for AnswerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("answered"),
            Self::Refused(why) => write!(f, "not answered: {why}"),
            Self::Changed => f.write_str("not answered: its screen no longer shows this question"),
            Self::StillAsks => f.write_str("the key was pressed, but it still asks the same"),
            Self::NotSelected => f.write_str("not answered: the answer could not be selected"),
            Self::Stale(why) | Self::Failed(why) => write!(f, "not answered: {why}"),
            Self::Unknown(why) => write!(f, "it may have been answered: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_word_or_a_number() {
        assert_eq!("yes".parse(), Ok(Choice::Yes));
        assert_eq!("no".parse(), Ok(Choice::No));
        assert_eq!("12".parse(), Ok(Choice::Number(12)));
        for wrong in ["", "-1", "1.", "maybe", "99999999999"] {
            assert_eq!(wrong.parse::<Choice>(), Err(ChoiceFault), "{wrong}");
        }
    }
}
