//! The words for an event: the same in the journal, in notifications and at the terminal.

use super::{TownEvent, What, is_by_hand};
use crate::model::{
    Answer, Block, ChoreEnd, ChoreResult, Conversation, Effect, Evidence, Judged, Outcome,
    ProposalStanding, Reason, SessionName, Verb,
};
use jiff::Timestamp;
use serde_json::Value;

/// What happened, as one line. Words from outside are in it as they came: not sanitised.
#[must_use]
pub fn sentence(event: &TownEvent) -> String {
    let of_session = |text: String| match &event.session {
        Some(session) => format!("{session}: {text}"),
        None => text,
    };
    match &event.what {
        What::Step {
            verb,
            outcome,
            conversation,
        } => of_session(step(event, *verb, outcome, conversation.as_ref())),
        What::Departed(_) => of_session(format!("{}{}", removed(event), cause(event))),
        What::Held { verb, hold, .. } => of_session(format!(
            "{} waiting: {}{}",
            verb.word(),
            hold.code(),
            cause(event)
        )),
        What::Blocked {
            agent,
            kind,
            evidence,
            sessions,
            until,
        } => match kind {
            Block::Limit => at_limit(agent, sessions, *until),
            Block::Auth | Block::Context => {
                format!("agent {agent} {} ({})", with_fix(evidence), kind.code())
            }
        },
        What::Unblocked { agent, kind, .. } => {
            format!("agent {agent} is no longer blocked ({})", kind.code())
        }
        What::ActiveAgain => of_session("active again after an Escape, no restart needed".into()),
        What::Asks { asks, .. } => of_session(format!("waiting for an answer ({})", asks.word())),
        What::Completed(death) => {
            let how = death.map_or_else(String::new, |death| format!(" ({death})"));
            of_session(format!("completed{how}"))
        }
        What::Unreachable(why) => {
            format!("the state of the town is unknown, nothing is changed: {why}")
        }
        What::Answered { agent, answer } => answered(agent, answer),
        What::ChoreRun {
            chore,
            result,
            said,
            ..
        } => chore_run(chore, *result, said),
        What::Proposed(judged) => proposed(judged),
        What::Typed { delivery, .. } => of_session(format!("nudge by hand {delivery}")),
        What::RecorderEnded { trouble } => recorder(event.session.as_ref(), trouble.as_deref()),
        What::ShellRemoved { shell } => of_session(format!(
            "an idle {shell} that had its name was removed by hand"
        )),
        What::ManifestBroken(why) => format!("{why}; the last good manifest stays in use"),
        What::Defect(said) | What::ControllerIs { said, .. } => said.clone(),
    }
}

fn step(
    event: &TownEvent,
    verb: Verb,
    outcome: &Outcome,
    conversation: Option<&Conversation>,
) -> String {
    let text = match outcome {
        Outcome::Done(Effect::Begun { argvs }) => {
            let argvs: Vec<String> = argvs.iter().map(|argv| argv.join(" ")).collect();
            format!("running: {}", argvs.join("; "))
        }
        Outcome::Done(Effect::NotEnded { said, .. }) => format!("stop requested: {said}"),
        Outcome::Done(Effect::Removed) => removed(event).to_owned(),
        Outcome::Done(effect) => effect_word(verb, effect).to_owned(),
        Outcome::Stale(why) => format!("{} came too late: {why}", verb.word()),
        Outcome::Failed(why) => format!("{} failed: {why}", verb.word()),
        Outcome::Unknown(why) => format!("{}: result unknown: {why}", verb.word()),
    };
    let resumes = match conversation {
        Some(Conversation::Resume(id)) => format!(", resumes {}", id.short()),
        Some(Conversation::Begin(_) | Conversation::Unnamed | Conversation::AsDeclared) | None => {
            String::new()
        }
    };
    format!("{text}{}{resumes}", cause(event))
}

fn cause(event: &TownEvent) -> String {
    let of = |reason: &Reason| format!(" ({})", reason.cause());
    event.reason.as_ref().map_or_else(String::new, of)
}

/// An end that a person asked for is a stop, not an expiry.
fn removed(event: &TownEvent) -> &'static str {
    if event.reason.as_ref().is_some_and(is_by_hand) {
        "stopped"
    } else {
        "expired"
    }
}

/// The word for what an operation did, in the past tense.
fn effect_word(verb: Verb, effect: &Effect) -> &'static str {
    match (effect, verb) {
        (Effect::Signalled { .. } | Effect::NotEnded { .. }, _) => "stop requested",
        (Effect::Adopted { .. }, _) => "adopted",
        (Effect::Removed, _) => "expired",
        (Effect::Nudged, _) => "nudged",
        (Effect::Started { .. }, Verb::Restart) => "restarted",
        (Effect::EscapeSent, _) => "Escape sent",
        (Effect::Begun { .. }, _) => "running",
        (
            Effect::Started { .. },
            Verb::Start | Verb::Expire | Verb::Adopt | Verb::Nudge | Verb::SendEscape,
        ) => "started",
    }
}

fn with_fix(evidence: &Evidence) -> String {
    match evidence.get("fix").and_then(Value::as_str) {
        Some(fix) => format!("is blocked, its sessions are waiting: {fix}"),
        None => "is blocked, its sessions are waiting".to_owned(),
    }
}

fn at_limit(agent: &str, sessions: &[SessionName], until: Option<i64>) -> String {
    let count = match sessions.len() {
        1 => "1 session at its usage limit".to_owned(),
        n => format!("{n} sessions at their usage limit"),
    };
    let until = until.and_then(|at| Timestamp::from_millisecond(at).ok());
    let until = until.map_or_else(
        || ", no end is printed".to_owned(),
        |at| format!(" until {} UTC", at.strftime("%Y-%m-%d %H:%M")),
    );
    format!("{agent}: {count}{until}")
}

fn answered(agent: &str, answer: &Answer) -> String {
    match answer {
        Answer::Passed => format!("agent {agent} is signed in, as its probe reports"),
        Answer::Failed(why) => format!(
            "agent {agent} is not signed in, as its probe reports: {why}; the probe runs again later"
        ),
        Answer::Unasked(why) => {
            format!("agent {agent} cannot be probed, so its screens decide: {why}")
        }
    }
}

fn chore_run(chore: &str, result: ChoreResult, said: &str) -> String {
    let said: String = said.chars().take(ChoreEnd::MAX_SAID).collect();
    match result {
        ChoreResult::Done => format!("{chore}: {said}"),
        ChoreResult::Skipped | ChoreResult::Failed | ChoreResult::TimedOut | ChoreResult::Lost => {
            format!("{chore}: {}: {said}", result.word())
        }
    }
}

fn proposed(judged: &Judged) -> String {
    let Judged {
        chore, proposal, ..
    } = judged;
    format!(
        "{}: {chore} proposes {} ({})",
        proposal.session,
        proposal.advice.word(),
        standing_code(judged)
    )
}

/// The code of what happens to a proposal.
pub(super) fn standing_code(judged: &Judged) -> &'static str {
    match &judged.standing {
        ProposalStanding::Asks(_) => "asks",
        ProposalStanding::Accepted(_) => "accepted",
        ProposalStanding::Taken => "taken",
        ProposalStanding::Refused(refusal) => refusal.code(),
    }
}

fn recorder(session: Option<&SessionName>, trouble: Option<&str>) -> String {
    let session = session.map_or("a session", SessionName::as_str);
    match trouble {
        None => format!(
            "the process that kept the output of {session} had ended: another keeps it from now on"
        ),
        Some(why) => {
            format!("the output of {session} is not recorded: its recorder has stopped, and {why}")
        }
    }
}
