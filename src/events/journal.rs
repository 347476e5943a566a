//! The view of the journal: one [`Entry`] for each new event.

use super::cycle::{is_new, of_departure as of_departure_event};
use super::sentence::standing_code;
use super::{TownEvent, What, sentence};
use crate::model::{
    Answer, Conversation, Delivery, Departure, Effect, Entry, Evidence, Hold, Judged, Level,
    Moment, NudgeText, Outcome, Reason, ReasonCode, SessionName, Verb,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The longest text of a person in the journal, in characters.
const MAX_SHOWN: usize = 200;

/// The entries of these events. An event that goes on says nothing, however often it is looked at.
#[must_use]
pub fn journal(events: &[TownEvent]) -> Vec<Entry> {
    events
        .iter()
        .filter(|e| is_new(e))
        .filter_map(entry)
        .collect()
}

/// The entry of one event. None for what only notifications tell of.
fn entry(event: &TownEvent) -> Option<Entry> {
    let component = component(event)?;
    let mut fields = details(event);
    let session = event.session.as_ref();
    fields.extend(session.map(|name| ("session", json!(name.as_str()))));
    Some(Entry {
        level: level(event),
        component,
        message: sentence(event),
        fields,
    })
}

/// The part of gtctl that an event comes from.
fn component(event: &TownEvent) -> Option<&'static str> {
    match &event.what {
        What::Step { .. } | What::Departed(_) | What::Typed { .. } | What::ShellRemoved { .. } => {
            Some("act")
        }
        What::Held { .. } | What::Blocked { .. } | What::Unblocked { .. } | What::ActiveAgain => {
            Some("plan")
        }
        What::Answered { .. } => Some("probe"),
        What::ChoreRun { kind, .. } => Some(kind),
        What::Proposed(_) => Some("analysis"),
        What::RecorderEnded { .. } => Some("logs"),
        What::Defect(_) => Some("controller"),
        What::Asks { .. }
        | What::Completed(_)
        | What::Unreachable(_)
        | What::ManifestBroken(_)
        | What::ControllerIs { .. } => None,
    }
}

/// How important an event is.
pub(super) fn level(event: &TownEvent) -> Level {
    match &event.what {
        What::Step { outcome, .. } => level_of_outcome(outcome, event.reason.as_ref()),
        What::Held { hold, .. } => {
            if hold.needs_somebody() {
                Level::Warn
            } else {
                Level::Info
            }
        }
        What::Answered { answer, .. } => match answer {
            Answer::Passed | Answer::Failed(_) => Level::Info,
            Answer::Unasked(_) => Level::Warn,
        },
        What::ChoreRun { result, .. } => {
            if result.is_trouble() {
                Level::Warn
            } else {
                Level::Info
            }
        }
        What::Typed { delivery, .. } => match delivery {
            Delivery::Delivered { .. }
            | Delivery::Handed { .. }
            | Delivery::Refused(_)
            | Delivery::Stale(_) => Level::Info,
            Delivery::NotSubmitted { .. } | Delivery::Unknown(_) => Level::Warn,
            Delivery::Failed(_) => Level::Error,
        },
        What::Blocked { .. } | What::Asks { .. } | What::RecorderEnded { .. } => Level::Warn,
        What::Unreachable(_) | What::Defect(_) | What::ManifestBroken(_) => Level::Error,
        What::Departed(_)
        | What::Unblocked { .. }
        | What::ActiveAgain
        | What::Completed(_)
        | What::Proposed(_)
        | What::ShellRemoved { .. }
        | What::ControllerIs { .. } => Level::Info,
    }
}

fn level_of_outcome(outcome: &Outcome, reason: Option<&Reason>) -> Level {
    let after_a_crash = matches!(
        reason,
        Some(Reason::Died { crashes: 1.., .. } | Reason::FailedStart { .. })
    );
    match outcome {
        Outcome::Failed(_) => Level::Error,
        Outcome::Unknown(_) => Level::Warn,
        Outcome::Done(_) if after_a_crash => Level::Warn,
        Outcome::Done(_) | Outcome::Stale(_) => Level::Info,
    }
}

/// An event for programs: its fields by name, but the session.
pub(super) fn details(event: &TownEvent) -> Evidence {
    match &event.what {
        What::Step {
            verb,
            outcome,
            conversation,
        } => of_step(event, *verb, outcome, conversation.as_ref()),
        What::Departed(departure) => of_departure(event, departure),
        What::Held { verb, hold, until } => of_hold(event, *verb, hold, *until),
        What::Blocked {
            evidence,
            sessions,
            until,
            ..
        } => of_block(evidence, sessions, *until),
        What::Unblocked { evidence, .. } => evidence.clone(),
        What::ActiveAgain => [("reason", json!(ReasonCode::Stuck.word()))].into(),
        What::Asks {
            asks,
            answers,
            line,
        } => {
            let mut fields: Evidence = [("phase", json!("waiting"))].into();
            fields.insert("question", json!(asks.word()));
            fields.extend(line.as_ref().map(|line| ("asks", json!(line))));
            let answers = (!answers.is_empty()).then(|| json!(answers));
            fields.extend(answers.map(|answers| ("answers", answers)));
            fields
        }
        What::Completed(death) => {
            let mut fields: Evidence = [("phase", json!("completed"))].into();
            fields.extend(death.map(|death| ("death", json!(death.to_string()))));
            fields
        }
        What::Answered { agent, answer } => {
            let why = match answer {
                Answer::Passed => None,
                Answer::Failed(why) | Answer::Unasked(why) => Some(why),
            };
            [
                ("agent", json!(agent)),
                ("answer", json!(answer.code())),
                ("why", json!(why)),
            ]
            .into()
        }
        What::ChoreRun {
            chore,
            result,
            details,
            ..
        } => {
            let mut fields = details.clone();
            fields.insert("chore", json!(chore));
            fields.insert("outcome", json!(result.word()));
            fields
        }
        What::Proposed(judged) => of_proposal(judged),
        What::Typed { text, delivery } => of_typed(text, delivery),
        What::ShellRemoved { shell } => {
            [("verb", json!("adopt")), ("process", json!(shell))].into()
        }
        What::ControllerIs { details, .. } => details.clone(),
        What::RecorderEnded { .. }
        | What::Unreachable(_)
        | What::Defect(_)
        | What::ManifestBroken(_) => Evidence::new(),
    }
}

fn of_step(
    event: &TownEvent,
    verb: Verb,
    outcome: &Outcome,
    conversation: Option<&Conversation>,
) -> Evidence {
    let word = match outcome {
        Outcome::Done(_) => "done",
        Outcome::Stale(_) => "stale",
        Outcome::Failed(_) => "failed",
        Outcome::Unknown(_) => "unknown",
    };
    let mut fields: Evidence = [
        ("verb", json!(verb.word())),
        ("outcome", json!(word)),
        ("actor", json!(event.actor.word())),
    ]
    .into();
    if let Outcome::Done(Effect::Started {
        process: Some(process),
        ..
    }) = outcome
    {
        fields.insert("pid", json!(process.pid));
    }
    add_reason(&mut fields, event.reason.as_ref());
    let generation = event.generation.map(|g| ("generation", json!(g.0)));
    fields.extend(generation);
    if let Some(Conversation::Resume(id)) = conversation {
        fields.insert("resumes", json!(id.as_str()));
    }
    fields
}

/// The entry about a session that was asked to end and has gone.
#[must_use]
pub fn departure_entry(departure: &Departure) -> Option<Entry> {
    entry(&of_departure_event(departure))
}

/// What an end is told apart by, among the fields of its entry.
pub const DEPARTURE_KEYS: [&str; 4] = ["session", "verb", "generation", "asked_ms"];

fn of_departure(event: &TownEvent, departure: &Departure) -> Evidence {
    let mut fields: Evidence = [
        ("verb", json!(Verb::Expire.word())),
        ("outcome", json!("done")),
        ("actor", json!(event.actor.word())),
        ("generation", json!(departure.generation.0)),
        ("asked_ms", json!(departure.asked.wall)),
    ]
    .into();
    add_reason(&mut fields, event.reason.as_ref());
    fields
}

fn of_hold(event: &TownEvent, verb: Verb, hold: &Hold, until: Option<Moment>) -> Evidence {
    let mut fields: Evidence = [
        ("verb", json!(verb.word())),
        ("hold", json!(hold.code())),
        ("hold_evidence", nested(hold.evidence())),
    ]
    .into();
    let at = until.and_then(|at| Timestamp::from_millisecond(at.wall).ok());
    fields.extend(at.map(|at| ("until", json!(at.to_string()))));
    // Deprecated, removed in 0.3: the same in milliseconds since 1970.
    fields.extend(until.map(|at| ("until_ms", json!(at.wall))));
    add_reason(&mut fields, event.reason.as_ref());
    fields
}

fn of_block(evidence: &Evidence, sessions: &[SessionName], until: Option<i64>) -> Evidence {
    let mut fields = evidence.clone();
    fields.insert("sessions", json!(sessions.len()));
    let until = until.and_then(|at| Timestamp::from_millisecond(at).ok());
    fields.extend(until.map(|at| ("until", json!(at.to_string()))));
    fields
}

fn of_proposal(judged: &Judged) -> Evidence {
    let proposal = &judged.proposal;
    [
        ("chore", json!(judged.chore)),
        ("session", json!(proposal.session)),
        ("verb", json!(proposal.advice.word())),
        ("outcome", json!(standing_code(judged))),
        ("why", json!(proposal.why)),
    ]
    .into()
}

fn of_typed(text: &NudgeText, delivery: &Delivery) -> Evidence {
    let presses = match delivery {
        Delivery::Delivered { presses } | Delivery::NotSubmitted { presses, .. } => *presses,
        Delivery::Handed { .. }
        | Delivery::Refused(_)
        | Delivery::Stale(_)
        | Delivery::Unknown(_)
        | Delivery::Failed(_) => 0,
    };
    let shown: String = text.as_str().chars().take(MAX_SHOWN).collect();
    let mut fields: Evidence = [
        ("verb", json!(Verb::Nudge.word())),
        ("outcome", json!(delivery.code())),
        ("reason", json!(ReasonCode::Asked.word())),
        ("presses", json!(presses)),
        ("text", json!(shown)),
    ]
    .into();
    if let Delivery::Refused(obstacle) = delivery {
        fields.insert("obstacle", json!(obstacle.code()));
    }
    fields
}

fn add_reason(fields: &mut Evidence, reason: Option<&Reason>) {
    let Some(reason) = reason else { return };
    fields.insert("reason", json!(reason.code()));
    fields.insert("evidence", nested(reason.evidence()));
}

fn nested(evidence: Evidence) -> Value {
    evidence
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::cycle::tests::happened;
    use super::super::of_cycle;
    use super::*;
    use crate::model::{
        Block, Death, Done, Held, Memory, Observed, Period, Phase, Plan, RecordedReason, Unchanged,
    };

    fn entries(before: &Plan, after: &Plan, outcomes: &[Done]) -> Vec<Entry> {
        let memory = Memory::default();
        let mut cycle = happened(&Observed::Down, after, &memory);
        (cycle.before, cycle.outcomes) = (before, outcomes);
        journal(&of_cycle(&cycle))
    }

    fn name() -> SessionName {
        SessionName::new("a").unwrap()
    }

    fn holding(obstacle: Hold) -> Plan {
        let held = Held {
            session: name(),
            verb: Verb::Restart,
            reason: Reason::Died {
                death: Death::Exit(3),
                crashes: 2,
            },
            hold: obstacle,
            until: Some(Moment {
                wall: 5,
                awake: 5,
                boot: 1,
            }),
            phase: Phase::Dead(Death::Exit(3)),
        };
        Plan {
            held: vec![held],
            ..Plan::default()
        }
    }

    #[test]
    fn a_hold_is_written_once_until_it_becomes_another() {
        let waits = |n| {
            holding(Hold::BackOff {
                crashes: n,
                delay: Period::from_secs(10),
            })
        };
        let first = entries(&Plan::default(), &waits(2), &[]);
        assert_eq!(first.len(), 1);
        assert_eq!(
            (first[0].message.as_str(), first[0].level),
            ("a restart waiting: back-off after crash 2", Level::Info)
        );
        assert_eq!(
            first[0].fields["evidence"],
            json!({"death": "exit status 3", "crashes": 2})
        );
        assert!(entries(&waits(2), &waits(3), &[]).is_empty());
        let taken = holding(Hold::NameTaken {
            process: "vim".into(),
        });
        assert_eq!(entries(&waits(2), &taken, &[])[0].level, Level::Warn);
        assert!(entries(&taken, &Plan::default(), &[]).is_empty());
    }

    #[test]
    fn a_block_is_written_once_for_its_agent_and_once_when_it_ends() {
        let (kind, agent, fix) = (
            Block::Auth,
            "kimi".to_owned(),
            Some("kimi login".to_owned()),
        );
        let evidence = "Not logged in".to_owned();
        let hold = Hold::Blocked {
            kind,
            agent: agent.clone(),
            evidence: evidence.clone(),
            fix: fix.clone(),
        };
        let mut plan = holding(hold);
        plan.held.extend(plan.held.clone());
        let note = Some(Reason::Blocked {
            kind,
            agent,
            evidence,
            fix,
        });
        let calm = Unchanged {
            session: name(),
            phase: Phase::Blocked(kind),
            note,
            next: None,
        };
        plan.unchanged.extend([calm.clone(), calm]);
        let begun = entries(&Plan::default(), &plan, &[]);
        let said = "agent kimi is signed out, its sessions wait: kimi login";
        assert_eq!(
            begun
                .iter()
                .map(|e| (e.message.as_str(), e.level))
                .collect::<Vec<_>>(),
            [(said, Level::Warn)]
        );
        assert_eq!(begun[0].fields["fix"], json!("kimi login"));
        assert!(entries(&plan, &plan, &[]).is_empty());
        plan.held.clear();
        assert!(entries(&holding(Hold::Paused), &Plan::default(), &[]).is_empty());
        let ended = entries(&plan, &Plan::default(), &[]);
        assert_eq!((ended.len(), ended[0].level), (1, Level::Info));
    }

    #[test]
    fn every_outcome_is_written() {
        let done = |outcome| Done {
            session: name(),
            verb: Verb::Expire,
            outcome,
        };
        let all = [
            done(Outcome::Done(Effect::Removed)),
            done(Outcome::Stale("gone".into())),
            done(Outcome::Failed("no".into())),
            done(Outcome::Unknown("timeout".into())),
        ];
        let written = entries(&Plan::default(), &Plan::default(), &all);
        let seen: Vec<_> = written
            .iter()
            .map(|e| (e.level, e.message.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (Level::Info, "a expired"),
                (Level::Info, "a expire came too late: gone"),
                (Level::Error, "a expire failed: no"),
                (Level::Warn, "a expire: result unknown: timeout"),
            ]
        );
    }

    #[test]
    fn an_end_that_was_asked_for_and_came_by_itself_is_written() {
        let at = |awake| Moment {
            wall: 5,
            awake,
            boot: 1,
        };
        let departure = Departure {
            session: name(),
            generation: crate::model::Generation(3),
            started: None,
            asked: at(5),
            gone: at(3005),
            reason: RecordedReason::from("too-quiet"),
        };
        let entry = departure_entry(&departure).unwrap();
        assert_eq!(
            (entry.message.as_str(), entry.level),
            ("a expired: idle for too long", Level::Info)
        );
        assert_eq!(
            entry.fields["evidence"],
            json!({"waited_ms": 3000, "purpose": "too-quiet"})
        );
        assert!(
            DEPARTURE_KEYS
                .iter()
                .all(|key| entry.fields.contains_key(key))
        );
    }
}
