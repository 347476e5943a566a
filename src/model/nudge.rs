//! Texts for sessions: what can be typed, what is in the way, and what came of typing.

use super::gastown::GastownHold;
use super::written::is_default;
use super::{Asks, Block, Death};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A text that can be typed. It has words, at most [`NudgeText::MAX`] bytes, and no control
/// characters but line ends and tabs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenText")]
pub struct NudgeText {
    text: String,
    /// Whether a mark at its beginning means a command of the client.
    #[serde(skip_serializing_if = "is_default")]
    is_command: bool,
}

/// A [`NudgeText`] as it is read.
#[derive(Deserialize)]
struct WrittenText {
    text: String,
    #[serde(default)]
    is_command: bool,
}

impl TryFrom<WrittenText> for NudgeText {
    type Error = NudgeFault;

    fn try_from(written: WrittenText) -> Result<Self, NudgeFault> {
        let WrittenText { text, is_command } = written;
        let text = Self::new(&text)?;
        Ok(if is_command { text.as_command() } else { text })
    }
}

impl NudgeText {
    /// The longest text, in bytes.
    pub const MAX: usize = 8 << 10;
    /// With these a client's commands begin: a shell command, one of its own, a note for its memory.
    const COMMAND_MARKS: [char; 3] = ['!', '/', '#'];

    /// Makes a text. Line ends become `\n`. Blanks around it are removed, because a line end there
    /// would submit it early.
    ///
    /// # Errors
    /// [`NudgeFault`].
    pub fn new(text: &str) -> Result<Self, NudgeFault> {
        let text = text.replace("\r\n", "\n");
        let text = text.trim();
        if text.is_empty() {
            return Err(NudgeFault::Blank);
        }
        // An escape sequence would be a key, or end the paste.
        if text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
        {
            return Err(NudgeFault::Control);
        }
        if text.len() > Self::MAX {
            return Err(NudgeFault::TooLong(text.len()));
        }
        Ok(Self {
            text: text.to_owned(),
            is_command: false,
        })
    }

    /// The same text as a command of the client, such as `/compact`.
    #[must_use]
    pub fn as_command(self) -> Self {
        Self {
            is_command: true,
            ..self
        }
    }

    /// What is typed. A text that begins like a command and is none gets a space before it, so that
    /// the client takes it as a text.
    #[must_use]
    pub fn typed(&self) -> Cow<'_, str> {
        let begins_command = self.text.starts_with(Self::COMMAND_MARKS);
        if begins_command && !self.is_command {
            format!(" {}", self.text).into()
        } else {
            (&*self.text).into()
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Default for NudgeText {
    /// The text for a service that is too quiet, where the manifest has none.
    fn default() -> Self {
        let text = "Continue with your work, or say what blocks you.".to_owned();
        Self {
            text,
            is_command: false,
        }
    }
}

impl NudgeText {
    /// The text for an agent whose usage limit has ended, where the manifest has none.
    #[must_use]
    pub fn after_limit() -> Self {
        let text = "Your usage limit has ended. Go on where you left off.".to_owned();
        Self {
            text,
            is_command: false,
        }
    }
}

/// Why a text can never be typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NudgeFault {
    /// It has only blanks.
    #[error("a text without any words")]
    Blank,
    /// It has control characters, which the client would take as keys.
    #[error("a text with control characters")]
    Control,
    /// It has this many bytes, which is too many.
    #[error("a text of {0} bytes; the limit is {max}", max = NudgeText::MAX)]
    TooLong(usize),
}

impl NudgeFault {
    /// What the user can do.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Blank => "write what to tell the agent",
            Self::Control => "use no control characters but line ends and tabs",
            Self::TooLong(_) => "write it into a file, and tell the agent to read that",
        }
    }
}

/// Why a text cannot be typed into a session now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The session does not exist.
    Absent,
    /// Its agent has ended.
    Dead(Death),
    /// The user stopped it.
    Stopped,
    /// gtctl is ending it.
    Stopping,
    /// It is another incarnation than the one that the text is for.
    Restarted,
    /// It is not ready yet.
    Starting,
    /// The town is paused.
    Paused,
    /// Gas Town's own files hold it.
    Gastown(GastownHold),
    /// A session of that name exists without a label of gtctl.
    Unlabelled,
    /// A session of this other town has the name.
    Foreign(String),
    /// Its state could not be determined, for this reason.
    Untold(String),
    /// It works.
    Works,
    /// Its screen shows no prompt that gtctl recognises.
    NoPrompt,
    /// Its composer holds a text that nobody has submitted.
    Composing,
    /// Its composer holds a text of gtctl that can be neither submitted nor cleared.
    OwnText,
    /// It asks a question, with this line.
    Asks(Asks, String),
    /// It cannot go on by itself; this line says so.
    Blocked(Block, String),
}

impl Obstacle {
    /// Whether it may pass by itself, so that waiting makes sense.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Works
            | Self::NoPrompt
            | Self::Composing
            | Self::Untold(_)
            | Self::Starting
            | Self::Paused
            | Self::Gastown(_) => true,
            Self::Absent
            | Self::Dead(_)
            | Self::Stopped
            | Self::Stopping
            | Self::Restarted
            | Self::OwnText
            | Self::Unlabelled
            | Self::Foreign(_)
            | Self::Asks(..)
            | Self::Blocked(..) => false,
        }
    }

    /// The stable code, for JSON and the journal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Dead(_) => "dead",
            Self::Stopped => "stopped",
            Self::Stopping => "stopping",
            Self::Restarted => "restarted",
            Self::Starting => "starting",
            Self::Paused => "paused",
            Self::Gastown(hold) => hold.code(),
            Self::Unlabelled => "unlabelled",
            Self::Foreign(_) => "foreign-town",
            Self::Untold(_) => "unknown",
            Self::Works => "busy",
            Self::NoPrompt => "no-prompt",
            Self::Composing => "composing",
            Self::OwnText => "own-text",
            Self::Asks(Asks::Permission, _) => "asks-permission",
            Self::Asks(Asks::Trust, _) => "asks-trust",
            Self::Blocked(block, _) => block.code(),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("it does not exist"),
            Self::Dead(death) => write!(f, "its agent has ended: {death}"),
            Self::Stopped => f.write_str("it was stopped by hand"),
            Self::Stopping => f.write_str("it is being stopped"),
            Self::Restarted => f.write_str("it was restarted since the text was asked for"),
            Self::Starting => f.write_str("it is not ready yet"),
            Self::Paused => f.write_str("the town is paused"),
            Self::Gastown(hold) => write!(f, "Gas Town holds it ({})", hold.code()),
            Self::Unlabelled => f.write_str("gtctl does not manage the session of this name"),
            Self::Foreign(town) => write!(f, "the session of that name belongs to town {town}"),
            Self::Untold(why) => write!(f, "its state could not be determined: {why}"),
            Self::Works => f.write_str("it is busy"),
            Self::NoPrompt => f.write_str("no prompt is recognised on its screen"),
            Self::Composing => f.write_str("somebody is typing: there is a text in its composer"),
            Self::OwnText => f.write_str(
                "its composer still holds a text that gtctl typed, which can be neither submitted nor cleared",
            ),
            Self::Asks(Asks::Permission, line) => write!(f, "it asks somebody something ({line})"),
            Self::Asks(Asks::Trust, line) => write!(f, "it asks for trust ({line})"),
            Self::Blocked(Block::Auth, line) => write!(f, "its agent is signed out ({line})"),
            Self::Blocked(Block::Limit, line) => write!(f, "its agent is at its usage limit ({line})"),
            Self::Blocked(Block::Context, line) => write!(f, "its context is full ({line})"),
        }
    }
}

/// What came of typing a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It was typed once and has left the composer.
    Delivered {
        /// How often the submit key was pressed.
        presses: u32,
    },
    /// The launcher of the session has it and delivers it in its own time.
    Handed {
        /// The launcher's program.
        to: String,
    },
    /// Nothing was typed, because of this obstacle.
    Refused(Obstacle),
    /// Nothing was typed: the session is no longer the one that the step names. Says why.
    Stale(String),
    /// Nothing was typed: tmux refused, or the state could not be written first. Says why.
    Failed(String),
    /// It was typed and may still stand in the composer.
    NotSubmitted {
        /// What was seen instead.
        why: String,
        /// How often the submit key was pressed.
        presses: u32,
    },
    /// Nobody knows whether it was typed, because tmux gave no answer. It is not typed again.
    Unknown(String),
}

impl Delivery {
    /// The stable word, for JSON and the journal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Handed { .. } => "handed",
            Self::Refused(obstacle) if obstacle.passes() => "not-delivered",
            Self::Refused(_) => "refused",
            Self::Stale(_) => "stale",
            Self::Failed(_) => "failed",
            Self::NotSubmitted { .. } => "not-submitted",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered { .. } => f.write_str("delivered"),
            Self::Handed { to } => write!(f, "handed to {to}, which delivers it"),
            Self::Refused(obstacle) => write!(f, "not delivered: {obstacle}"),
            Self::Stale(why) | Self::Failed(why) => write!(f, "not delivered: {why}"),
            Self::NotSubmitted { why, .. } => write!(f, "typed but not submitted: {why}"),
            Self::Unknown(why) => {
                write!(
                    f,
                    "it may have been typed, so gtctl does not type it again: {why}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_words_and_bounded() {
        assert_eq!(NudgeText::new(" a\r\nb; \n").unwrap().as_str(), "a\nb;");
        assert_eq!(NudgeText::new(" \n"), Err(NudgeFault::Blank));
        assert_eq!(NudgeText::new("a\u{1b}[201~b"), Err(NudgeFault::Control));
        assert_eq!(NudgeText::new("a\rb"), Err(NudgeFault::Control));
        assert_eq!(
            NudgeText::new(&"x".repeat(NudgeText::MAX + 1)),
            Err(NudgeFault::TooLong(NudgeText::MAX + 1))
        );
        assert!(NudgeText::new(NudgeText::default().as_str()).is_ok());
    }

    #[test]
    fn what_begins_like_a_command_is_typed_as_text_unless_it_is_meant() {
        let text = |text: &str| NudgeText::new(text).unwrap();
        for begins_like_one in ["!rm x", "/etc/hosts is wrong", "# a heading"] {
            assert_eq!(text(begins_like_one).typed(), format!(" {begins_like_one}"));
            assert_eq!(text(begins_like_one).as_command().typed(), begins_like_one);
        }
        assert_eq!(text("go on!").typed(), "go on!");
    }
}
