//! The lines of a plan and of its outcomes.

use super::shape::{
    HeldLine, NextLine, OutcomeLine, ProbeLine, StepLine, UnchangedLine, Why, WrittenLine,
};
use super::{LONG, clean, time};
use crate::model::SortedMap;
use crate::model::{
    Action, Conversation, Done, Evidence, Held, Hold, Moment, Next, Outcome, Probe, Reason, Step,
    Unchanged,
};
use crate::render::{sanitise, words};
use serde_json::Value;

pub(super) fn why(code: &str, text: String, evidence: Evidence) -> Why {
    let evidence: SortedMap<String, Value> = evidence
        .into_iter()
        .map(|(name, value)| (name.to_owned(), sanitise::json(value, LONG)))
        .collect();
    Why::new(code, text, evidence)
}

pub(super) fn probe(probe: &Probe, now: Moment) -> ProbeLine {
    ProbeLine {
        agent: clean(&probe.agent),
        kind: probe.kind.code().to_owned(),
        argv: probe.desired.agent.probe.iter().map(|a| clean(a)).collect(),
        at: time(probe.at, now),
        due: probe.is_due(now),
        failed: probe.failed,
    }
}

/// A reason in the form that all pages have.
pub(in crate::render) fn reason(reason: &Reason) -> Why {
    why(reason.code(), words::reason(reason), reason.evidence())
}

/// What a step waits for, in the same form.
pub(in crate::render) fn hold(hold: &Hold) -> Why {
    why(hold.code(), words::obstacle(hold), hold.evidence())
}

pub(super) fn step(step: &Step) -> StepLine {
    let clean_argv = |argv: &[String]| argv.iter().map(|word| clean(word)).collect::<Vec<String>>();
    let (argv, generation) = match &step.action {
        Action::Start {
            desired,
            generation,
            ..
        }
        | Action::Restart {
            desired,
            generation,
            ..
        } => {
            let by_commands = step
                .action
                .launcher_jobs()
                .last()
                .map(|argv| clean_argv(argv));
            (
                Some(by_commands.unwrap_or_else(|| clean_argv(&desired.command))),
                Some(generation.0),
            )
        }
        Action::Adopt { generation, .. } => (None, Some(generation.0)),
        Action::Expire { .. }
        | Action::Rename { .. }
        | Action::Nudge { .. }
        | Action::SendEscape { .. }
        | Action::Answer(_) => (None, None),
    };
    StepLine {
        session: step.session.to_string(),
        action: step.action.verb().word().to_owned(),
        reason: reason(&step.reason),
        argv,
        stop_argv: stop_argv(&step.action).map(clean_argv),
        generation,
        resumes: conversation(&step.action, Conversation::is_former),
        begins: conversation(&step.action, |held| !held.is_former()),
        writes: writes(&step.action),
        types: match &step.action {
            Action::Nudge(typing) => Some(clean(typing.text.as_str())),
            Action::Start { .. }
            | Action::Restart { .. }
            | Action::Expire { .. }
            | Action::Adopt { .. }
            | Action::Rename { .. }
            | Action::SendEscape { .. }
            | Action::Answer(_) => None,
        },
    }
}

/// The id of the new conversation with which a process begins, if there is one.
fn conversation(action: &Action, is_such: impl Fn(&Conversation) -> bool) -> Option<String> {
    let conversation = action.conversation().filter(|held| is_such(held))?;
    conversation.id().map(ToString::to_string)
}

/// The launcher's command that stops it, if another command starts it.
fn stop_argv(action: &Action) -> Option<&[String]> {
    match (action, action.launcher_jobs().as_slice()) {
        (Action::Expire { .. }, [stop]) | (Action::Restart { .. }, [stop, _]) => Some(stop),
        _ => None,
    }
}

fn writes(action: &Action) -> Option<WrittenLine> {
    match action {
        Action::Start { desired, .. } | Action::Restart { desired, .. } => Some(WrittenLine {
            file: clean(&desired.instructed()?.to_string_lossy()),
            from: clean(&desired.instructions.as_ref()?.to_string_lossy()),
        }),
        Action::Expire { .. }
        | Action::Adopt { .. }
        | Action::Rename { .. }
        | Action::Nudge { .. }
        | Action::SendEscape { .. }
        | Action::Answer(_) => None,
    }
}

pub(super) fn held(held: &Held, now: Moment) -> HeldLine {
    HeldLine {
        session: held.session.to_string(),
        action: held.verb.word().to_owned(),
        reason: reason(&held.reason),
        hold: hold(&held.hold),
        until: held.until.map(|at| time(at, now)),
        phase: held.phase.word().to_owned(),
    }
}

pub(super) fn unchanged(same: &Unchanged, now: Moment) -> UnchangedLine {
    UnchangedLine {
        session: same.session.to_string(),
        phase: same.phase.word().to_owned(),
        note: same.note.as_ref().map(reason),
        next: same.next.as_ref().map(|n| next(n, now)),
    }
}

pub(super) fn next(next: &Next, now: Moment) -> NextLine {
    NextLine {
        action: next.verb.word().to_owned(),
        reason: Why::new(
            next.reason.word(),
            words::due(next.reason).to_owned(),
            SortedMap::new(),
        ),
        at: time(next.at, now),
    }
}

pub(super) fn outcome(done: &Done) -> OutcomeLine {
    let (outcome, why) = match &done.outcome {
        Outcome::Done(_) => ("done", None),
        Outcome::Stale(why) => ("stale", Some(why)),
        Outcome::Failed(why) => ("failed", Some(why)),
        Outcome::Unknown(why) => ("unknown", Some(why)),
    };
    OutcomeLine {
        session: done.session.to_string(),
        action: done.verb.word().to_owned(),
        outcome: outcome.to_owned(),
        why: why.map(|w| clean(w)),
    }
}
