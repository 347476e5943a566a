//! The words for an event: the same in the journal, in notifications and at the terminal.

use super::{Actor, TownEvent, What, is_by_hand};
use crate::model::{
    Answer, Block, ChoreEnd, ChoreResult, Conversation, Effect, Evidence, Hold, Judged, Outcome,
    ProposalStanding, SessionName, Verb,
};
use crate::words::{self, cause, how_it_ended};
use jiff::Timestamp;
use serde_json::Value;

/// What happened, as one sentence without its end: `heartbeat restarted: killed by signal 9 (crash
/// 2), pid 13056`. Words from outside may be in it as they came: it is not sanitised.
#[must_use]
pub fn sentence(event: &TownEvent) -> String {
    let of_session = |text: String| match &event.session {
        Some(session) => format!("{session} {text}"),
        None => text,
    };
    match &event.what {
        What::Step {
            verb,
            outcome,
            conversation,
        } => of_session(step(event, *verb, outcome, conversation.as_ref())),
        What::Departed(_) => of_session(because(removed(event), event)),
        What::Held { verb, hold, .. } => of_session(held(*verb, hold)),
        What::Blocked {
            agent,
            kind,
            evidence,
            sessions,
            until,
        } => match kind {
            Block::Limit => at_limit(agent, sessions, *until),
            Block::Auth | Block::Context => blocked(agent, *kind, evidence),
        },
        What::Unblocked { agent, kind, .. } => {
            format!("agent {agent} is no longer {}", block_words(*kind))
        }
        What::ActiveAgain => of_session("active again after an Escape, no restart needed".into()),
        What::Asks { asks, line, .. } => {
            let question = line.as_deref().filter(|line| !line.is_empty());
            let question = question.map_or_else(String::new, |line| format!(": {line}"));
            of_session(format!("waiting for an answer ({}){question}", asks.word()))
        }
        What::Completed(death) => {
            let how = death.map_or_else(String::new, |death| format!(": {}", how_it_ended(death)));
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
        What::ShellRemoved { shell } => match &event.session {
            Some(session) => {
                format!("an idle {shell} that had the name {session} was removed by hand")
            }
            None => format!("an idle {shell} was removed by hand"),
        },
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
    let verb_word = words::verb(verb);
    let text = match outcome {
        Outcome::Done(effect) => because(&effect_words(event, verb, effect), event),
        Outcome::Stale(why) => format!("{verb_word} came too late: {why}"),
        Outcome::Failed(why) => format!("{verb_word} failed: {why}{}", in_brackets(event)),
        Outcome::Unknown(why) => {
            format!("{verb_word}: result unknown: {why}{}", in_brackets(event))
        }
    };
    let pid = match outcome {
        Outcome::Done(Effect::Started {
            process: Some(process),
            ..
        }) => format!(", pid {}", process.pid),
        Outcome::Done(_) | Outcome::Stale(_) | Outcome::Failed(_) | Outcome::Unknown(_) => {
            String::new()
        }
    };
    let resumes = match conversation {
        Some(Conversation::Resume(id)) => format!(", resumes {}", id.short()),
        Some(Conversation::Begin(_) | Conversation::Unnamed | Conversation::AsDeclared) | None => {
            String::new()
        }
    };
    format!("{text}{pid}{resumes}")
}

/// What an operation did, in the past tense.
fn effect_words(event: &TownEvent, verb: Verb, effect: &Effect) -> String {
    let word = match (effect, verb) {
        (Effect::Signalled { .. }, _) => "stopping",
        (Effect::NotEnded { said, .. }, _) => return format!("stopping ({said})"),
        (Effect::Begun { argvs }, _) => {
            let argvs: Vec<String> = argvs.iter().map(|argv| words::shell(argv)).collect();
            return format!("{} runs `{}`", words::verb(verb), argvs.join("; "));
        }
        (Effect::Adopted { .. }, _) => "adopted",
        (Effect::Renamed, _) => "renamed",
        (Effect::Removed, _) => removed(event),
        (Effect::Nudged, _) => "nudged",
        (Effect::Started { .. }, Verb::Restart) => "restarted",
        (Effect::EscapeSent, _) => "got an Escape",
        (Effect::Answered, _) => "answered",
        (
            Effect::Started { .. },
            Verb::Start
            | Verb::Expire
            | Verb::Adopt
            | Verb::Rename
            | Verb::Nudge
            | Verb::SendEscape
            | Verb::Answer,
        ) => "started",
    };
    word.to_owned()
}

/// The words with why, or with who asked for it.
fn because(text: &str, event: &TownEvent) -> String {
    let why = event.reason.as_ref().and_then(cause);
    match (why, &event.actor) {
        (Some(why), _) => format!("{text}: {why}"),
        (None, Actor::Person) => format!("{text} by hand"),
        (None, Actor::Controller | Actor::Verb | Actor::Chore) => text.to_owned(),
    }
}

fn in_brackets(event: &TownEvent) -> String {
    let why = event.reason.as_ref().and_then(cause);
    why.map_or_else(String::new, |why| format!(" ({why})"))
}

/// An end that a person asked for is a stop, not an expiry.
fn removed(event: &TownEvent) -> &'static str {
    if event.reason.as_ref().is_some_and(is_by_hand) {
        "stopped"
    } else {
        "expired"
    }
}

fn held(verb: Verb, hold: &Hold) -> String {
    // The event of the failure has said why.
    if matches!(hold, Hold::Failed { .. } | Hold::LauncherFailed { .. }) {
        return format!("{} waiting after a failure", words::verb(verb));
    }
    let way_out = words::way_out(hold).map_or_else(String::new, |way_out| format!("; {way_out}"));
    let obstacle = words::obstacle(hold);
    format!("{} waiting: {obstacle}{way_out}", words::verb(verb))
}

fn blocked(agent: &str, kind: Block, evidence: &Evidence) -> String {
    let text = format!("agent {agent} is {}, its sessions wait", block_words(kind));
    match evidence.get("fix").and_then(Value::as_str) {
        Some(fix) => format!("{text}: {fix}"),
        None => text,
    }
}

fn block_words(kind: Block) -> &'static str {
    match kind {
        Block::Auth => "signed out",
        Block::Limit => "at its usage limit",
        Block::Context => "stopped by a full context",
    }
}

fn at_limit(agent: &str, sessions: &[SessionName], until: Option<i64>) -> String {
    let count = match sessions.len() {
        1 => "1 session waits".to_owned(),
        n => format!("{n} sessions wait"),
    };
    let until = until.and_then(|at| Timestamp::from_millisecond(at).ok());
    let until = until.map_or_else(
        || ", no end is printed".to_owned(),
        |at| format!(" until {} UTC", at.strftime("%Y-%m-%d %H:%M")),
    );
    format!("agent {agent} is at its usage limit: {count}{until}")
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

#[cfg(test)]
mod tests {
    use super::super::cycle::tests::NOW;
    use super::*;
    use crate::model::{Death, Generation, Period, ProcId, Reason, RecordedReason};

    fn name() -> SessionName {
        SessionName::new("heartbeat").unwrap()
    }

    fn died() -> Reason {
        Reason::Died {
            death: Death::Signal(9),
            crashes: 2,
        }
    }

    fn begun(purpose: &str) -> Reason {
        Reason::StopBegun {
            waited: Period::ZERO,
            purpose: RecordedReason::from(purpose),
        }
    }

    fn started() -> Outcome {
        Outcome::Done(Effect::Started {
            generation: Generation(3),
            process: Some(ProcId {
                pid: 13_056,
                start: 1,
            }),
        })
    }

    fn of_step(verb: Verb, outcome: Outcome, reason: &Reason) -> String {
        let what = What::Step {
            verb,
            outcome,
            conversation: None,
        };
        sentence(&TownEvent::of(&name(), NOW, what).because(reason))
    }

    #[test]
    fn a_step_is_told_with_its_cause_its_actor_and_its_process() {
        let removed = || Outcome::Done(Effect::Removed);
        let signalled = || Outcome::Done(Effect::Signalled { tree: vec![] });
        let old = || Reason::TooOld {
            age: Period::from_mins(242),
            limit: Period::from_hours(4),
        };
        for (said, words) in [
            (
                of_step(Verb::Restart, started(), &died()),
                "heartbeat restarted: killed by signal 9 (crash 2), pid 13056",
            ),
            (
                of_step(Verb::Start, started(), &Reason::Missing { last: None }),
                "heartbeat started, pid 13056",
            ),
            (
                of_step(Verb::Restart, started(), &begun("asked")),
                "heartbeat restarted by hand, pid 13056",
            ),
            (
                of_step(Verb::Expire, signalled(), &old()),
                "heartbeat stopping: 4h 2m old, limit 4h",
            ),
            (
                of_step(Verb::Expire, removed(), &begun("too-old")),
                "heartbeat expired: at its max age",
            ),
            (
                of_step(Verb::Expire, removed(), &begun("asked")),
                "heartbeat stopped by hand",
            ),
            (
                of_step(
                    Verb::Restart,
                    Outcome::Failed("no such file".into()),
                    &died(),
                ),
                "heartbeat restart failed: no such file (killed by signal 9 (crash 2))",
            ),
            (
                of_step(Verb::SendEscape, Outcome::Stale("gone".into()), &died()),
                "heartbeat escape came too late: gone",
            ),
        ] {
            assert_eq!(said, words);
        }
    }

    #[test]
    fn what_waits_says_for_what_and_what_to_type() {
        let held = |hold| {
            let what = What::Held {
                verb: Verb::Restart,
                hold,
                until: None,
            };
            sentence(&TownEvent::of(&name(), NOW, what))
        };
        let looping = Hold::CrashLoop {
            crashes: 5,
            window: Period::from_mins(15),
            tail: vec![],
        };
        assert_eq!(
            held(looping),
            "heartbeat restart waiting: crash loop: 5 crashes within 15m; `gtctl reset` tries again now"
        );
        let failed = Hold::Failed {
            said: "no such file".into(),
            times: 1,
        };
        assert_eq!(held(failed), "heartbeat restart waiting after a failure");
    }

    #[test]
    fn a_blocked_agent_is_told_with_the_fix() {
        let told = |kind, until| {
            let evidence = [("fix", serde_json::json!("claude login"))].into();
            let what = What::Blocked {
                agent: "claude".into(),
                kind,
                evidence,
                sessions: vec![name()],
                until,
            };
            sentence(&TownEvent::of_town(NOW, what))
        };
        assert_eq!(
            told(Block::Auth, None),
            "agent claude is signed out, its sessions wait: claude login"
        );
        assert_eq!(
            told(Block::Limit, Some(1_763_730_302_000)),
            "agent claude is at its usage limit: 1 session waits until 2025-11-21 13:05 UTC"
        );
    }
}
