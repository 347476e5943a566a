//! Why something happened, in the words of what is over: `killed by signal 9 (crash 2)`.

use super::brief;
use crate::model::{Death, Reason, ReasonCode, RecordedReason};

/// Why a step was taken, as a part of a sentence about it. None where there is nothing to say: it
/// was there for the first time, or a person asked for it.
#[must_use]
pub fn cause(reason: &Reason) -> Option<String> {
    match reason {
        Reason::Missing { last: None } | Reason::Asked => None,
        Reason::Missing { last: Some(death) } | Reason::Completed { death } => {
            Some(how_it_ended(*death))
        }
        Reason::Died { death, crashes: 0 } => Some(how_it_ended(*death)),
        Reason::Died { death, crashes } => {
            Some(format!("{} (crash {crashes})", how_it_ended(*death)))
        }
        Reason::FailedStart { after, crashes } => Some(format!(
            "exited with status 0 after {}, before it was ready (crash {crashes})",
            brief(*after)
        )),
        Reason::StopBegun { purpose, waited: _ } => of_code(purpose),
        Reason::Marked { .. }
        | Reason::TurnEnded { .. }
        | Reason::MarkedFailed { .. }
        | Reason::TooOld { .. }
        | Reason::TooQuiet { .. }
        | Reason::Stuck { .. }
        | Reason::TooLarge { .. }
        | Reason::TooManyTokens { .. }
        | Reason::ContextNearFull { .. }
        | Reason::SignedIn { .. }
        | Reason::LimitOver { .. }
        | Reason::AnswerDeclared { .. }
        | Reason::Blocked { .. }
        | Reason::Drifted { .. }
        | Reason::Upgraded { .. }
        | Reason::Adoptable { .. }
        | Reason::Covered { .. }
        | Reason::Uncovered
        | Reason::NameChanged { .. }
        | Reason::Orphaned
        | Reason::Disabled
        | Reason::OffSchedule { .. }
        | Reason::LeavesHost { .. }
        | Reason::DeclaredElsewhere { .. }
        | Reason::UnderWay { .. }
        | Reason::NotStarted { .. } => Some(super::reason(reason)),
    }
}

/// How an agent ended: `killed by signal 9`, `exited with status 1`.
#[must_use]
pub fn how_it_ended(death: Death) -> String {
    match death {
        Death::Exit(status) => format!("exited with status {status}"),
        Death::Signal(signal) => format!("killed by signal {signal}"),
        Death::StatusLost => "exited, tmux lost its status".to_owned(),
        Death::Vanished => "somebody else removed its session".to_owned(),
        Death::ServerLost => "lost with the tmux server".to_owned(),
        Death::NoAgent => "no agent process in its pane".to_owned(),
        Death::NeverStarted => "could not be started".to_owned(),
    }
}

/// Why, where only the code is left: what a stop was begun for.
fn of_code(purpose: &RecordedReason) -> Option<String> {
    let code = match purpose {
        RecordedReason::Known(code) => *code,
        RecordedReason::Unknown(text) => return Some(super::word(text)),
    };
    let words = match code {
        ReasonCode::Asked => return None,
        ReasonCode::TooOld => "at its max age",
        ReasonCode::TooQuiet => "idle for too long",
        ReasonCode::Marked => "printed its completion marker",
        ReasonCode::TurnEnded => "its turn has ended",
        ReasonCode::MarkedFailed => "reports failure",
        ReasonCode::Completed => "completed",
        ReasonCode::Stuck => "stuck",
        ReasonCode::TooLarge => "uses too much memory",
        ReasonCode::TooManyTokens => "has used too many tokens",
        ReasonCode::ContextNearFull => "its context is nearly full",
        ReasonCode::SignedIn => "its agent is signed in again",
        ReasonCode::LimitOver => "its usage limit has ended",
        ReasonCode::Drifted => "differs from the manifest",
        ReasonCode::Upgraded => "its program was replaced",
        ReasonCode::Orphaned => "no longer declared",
        ReasonCode::Disabled => "disabled in the manifest",
        ReasonCode::OffSchedule => "outside of its schedule",
        ReasonCode::LeavesHost => "moves to another host",
        ReasonCode::AnswerDeclared
        | ReasonCode::Missing
        | ReasonCode::Died
        | ReasonCode::FailedStart
        | ReasonCode::Blocked
        | ReasonCode::Adoptable
        | ReasonCode::NameChanged
        | ReasonCode::Covered
        | ReasonCode::Uncovered
        | ReasonCode::DeclaredElsewhere
        | ReasonCode::UnderWay
        | ReasonCode::NotStarted
        | ReasonCode::StopBegun => code.word(),
    };
    Some(words.to_owned())
}

/// A fault with its causes, in one line. Example: `cannot open x: permission denied`.
#[must_use]
pub fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Period;

    #[test]
    fn what_is_over_is_told_as_such() {
        let died = |death, crashes| Reason::Died { death, crashes };
        let begun = |code: &str| Reason::StopBegun {
            waited: Period::ZERO,
            purpose: code.into(),
        };
        let cases = [
            (
                died(Death::Signal(9), 2),
                Some("killed by signal 9 (crash 2)"),
            ),
            (died(Death::Exit(0), 0), Some("exited with status 0")),
            (Reason::Missing { last: None }, None),
            (
                Reason::Missing {
                    last: Some(Death::ServerLost),
                },
                Some("lost with the tmux server"),
            ),
            (begun("too-old"), Some("at its max age")),
            (begun("asked"), None),
            (begun("of-tomorrow"), Some("of-tomorrow")),
            (Reason::Orphaned, Some("no longer declared")),
        ];
        for (reason, words) in cases {
            assert_eq!(cause(&reason).as_deref(), words);
        }
    }
}
