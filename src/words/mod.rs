//! Sentences for reasons, holds and phases. Each is sanitised and on one line.
//!
//! Pages, the journal and notifications all take their words from here, so that one thing has one
//! name wherever it is read. What comes from outside (screens, process names, complaints of tmux)
//! goes through [`sanitise`].

mod cause;
mod fleet;
mod gastown;
mod hold;
mod measure;
mod reason;
pub mod sanitise;

pub use cause::{cause, chain, how_it_ended};
pub use fleet::{host_lack, place_reason};
pub use gastown::obstacle as gastown_obstacle;
pub use hold::{ends_by_looking, hold, obstacle, way_out};
pub use measure::{Clock, brief, bytes, count, tokens};
pub use reason::{due, reason, reason_in_brief};

use crate::model::{Action, Asks, Conversation, Desired, Next, Phase, Socket, Verb, shell_word};

/// The longest word from outside within a sentence, in characters.
const WORD: usize = 60;
/// The longest complaint from outside within a sentence, in characters.
const SAID: usize = 400;

/// What time will bring: `restart at 14:05:10, at max age`.
#[must_use]
pub fn next(next: &Next, clock: &Clock) -> String {
    let why = match due(next.reason) {
        "" => String::new(),
        why => format!(", {why}"),
    };
    format!("{} at {}{why}", verb(next.verb), clock.time(next.at))
}

/// Whether a new process resumes a conversation: ` (resumes 4f1c9a2e…)`, ` (fresh)`, or nothing
/// where resume does not apply.
#[must_use]
pub fn conversation(action: &Action) -> String {
    match (action, action.conversation()) {
        (_, Some(Conversation::Resume(id))) => format!(" (resumes {})", id.short()),
        (_, Some(Conversation::AsDeclared)) => " (without what gtctl adds)".to_owned(),
        (Action::Restart { desired, .. }, Some(Conversation::Begin(_) | Conversation::Unnamed))
            if !desired.agent.resume.is_empty() && desired.commands().is_none() =>
        {
            " (fresh)".to_owned()
        }
        (_, _) => String::new(),
    }
}

/// The phase of a session, with its exit where it has ended.
#[must_use]
pub fn phase(phase: Phase) -> String {
    match phase {
        Phase::Dead(death) => format!("dead: {death}"),
        Phase::Completed(Some(death)) if !death.is_clean() => format!("completed: {death}"),
        Phase::Waiting(Asks::Permission) => "waiting: asks permission".to_owned(),
        Phase::Waiting(Asks::Trust) => "waiting: asks for trust".to_owned(),
        Phase::Blocked(block) => format!("blocked: {}", block.code()),
        Phase::Completed(_)
        | Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown => phase.word().to_owned(),
        Phase::Foreign => "not managed yet".to_owned(),
    }
}

/// One word for a step. It is JSON's word unless people need a plainer one.
#[must_use]
pub fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::SendEscape => "escape",
        other => other.word(),
    }
}

/// One word for a phase. It is JSON's word unless people need a plainer one.
#[must_use]
pub fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Foreign => "unmanaged",
        other => other.word(),
    }
}

/// The output of a launcher's command, at full length.
fn said_by(text: &str) -> String {
    sanitise::line(text, SAID)
}

fn word(text: &str) -> String {
    sanitise::line(text, WORD)
}

/// The tmux command for this server.
#[must_use]
pub fn tmux(socket: &Socket) -> String {
    let flags = match socket {
        // Only a look tells which server it is.
        Socket::Default | Socket::Gastown => return "tmux".to_owned(),
        Socket::Name(name) => ["-L".to_owned(), name.clone()],
        Socket::Path(path) => ["-S".to_owned(), path.to_string_lossy().into_owned()],
    };
    format!("tmux {}", shell(&flags))
}

/// The file that is written into a session's directory before it starts, if any.
#[must_use]
pub fn writes(desired: &Desired) -> Option<String> {
    let (file, source) = (desired.instructed()?, desired.instructions.as_ref()?);
    let source = source.file_name().unwrap_or_default().to_string_lossy();
    Some(sanitise::line(
        &format!(
            "writes {} from {source}, unless it was edited",
            file.display()
        ),
        4096,
    ))
}

/// An argv for a shell. Every word with a special character is in single quotes.
#[must_use]
pub fn shell(argv: &[String]) -> String {
    let quoted: Vec<String> = argv
        .iter()
        .map(|word| shell_word(&sanitise::line(word, 4096)))
        .collect();
    quoted.join(" ")
}

#[cfg(test)]
pub(crate) mod tests;
