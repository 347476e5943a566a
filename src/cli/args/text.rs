//! The flags of verbs that type into a session.

use super::select::Select;
use super::{select, sessions};
use crate::model::{Choice, Period};
use clap::Args;

/// A text for a session.
#[derive(Debug, Args)]
pub(in crate::cli) struct Nudge {
    /// The session; with --role, --rig or --phase all words are the text
    #[arg(value_name = "SESSION", add = sessions())]
    pub(in crate::cli) session: String,
    /// The text; gtctl joins several words with spaces
    #[arg(value_name = "TEXT", required_unless_present_any = select::FLAGS)]
    pub(in crate::cli) text: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) select: Select,
    /// How long to wait while the session is busy
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub(in crate::cli) timeout: Period,
    /// The text is a command of the agent's client, such as `/compact`; without this a text that
    /// begins with `!`, `/` or `#` is typed as plain text
    #[arg(long)]
    pub(in crate::cli) command: bool,
}

/// An answer to a session's question.
#[derive(Debug, Args)]
pub(in crate::cli) struct Answer {
    /// The session
    #[arg(value_name = "SESSION", add = sessions())]
    pub(in crate::cli) session: String,
    /// The answer: yes, no, or its number
    #[arg(value_name = "yes|no|N")]
    pub(in crate::cli) choice: Option<Choice>,
    /// Only show the question and its answers
    #[arg(long)]
    pub(in crate::cli) show: bool,
}
