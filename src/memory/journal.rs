//! What is worth writing down of a cycle: each outcome, and each hold when it begins or becomes
//! another.

use crate::model::{
    Block, Conversation, Done, Effect, Entry, Evidence, Held, Hold, Level, Memory, Moment, Outcome,
    Phase, Plan, Reason, ReasonCode, SessionName, Step, Verb,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The entries of one cycle: `before` is the last cycle's plan, `after` this one's, and `outcomes`
/// came of its steps.
///
/// A hold that goes on says nothing, however often it is looked at.
#[must_use]
pub fn entries(before: &Plan, after: &Plan, outcomes: &[Done]) -> Vec<Entry> {
    let steps: BTreeMap<&SessionName, &Step> =
        after.steps.iter().map(|s| (&s.session, s)).collect();
    let known: BTreeMap<&SessionName, &Held> =
        before.held.iter().map(|h| (&h.session, h)).collect();
    // A wait that somebody has to look at is another hold than one that ends by itself.
    let is_same = |one: &Held, other: &Held| {
        one.verb == other.verb
            && one.hold.is_like(&other.hold)
            && one.hold.needs_somebody() == other.hold.needs_somebody()
    };
    let is_news = |held: &&Held| {
        known
            .get(&held.session)
            .is_none_or(|before| !is_same(before, held))
    };
    let is_told = |done: &&Done| !is_repeated(known.get(&done.session).copied(), &done.outcome);
    let acted = outcomes
        .iter()
        .filter(is_told)
        .map(|done| of_outcome(done, steps.get(&done.session).copied()));
    let by_itself = |held: &&Held| !matches!(held.hold, Hold::Blocked { .. });
    let held = after
        .held
        .iter()
        .filter(is_news)
        .filter(by_itself)
        .map(of_hold);
    acted
        .chain(held)
        .chain(of_blocks(before, after))
        .chain(of_freed(before, after))
        .collect()
}

/// Whether this very failure is what held the step since it was last tried.
fn is_repeated(before: Option<&Held>, outcome: &Outcome) -> bool {
    match (before.map(|held| &held.hold), outcome) {
        (Some(Hold::Failed { said, .. }), Outcome::Failed(why) | Outcome::Unknown(why)) => {
            why.starts_with(said)
        }
        (Some(_) | None, _) => false,
    }
}

/// One for each session that was sent an Escape and has moved since.
fn of_freed(before: &Plan, after: &Plan) -> Vec<Entry> {
    let waiting = before
        .held
        .iter()
        .filter(|held| matches!(held.hold, Hold::EscapeSent { .. }))
        .map(|held| &held.session);
    let escape_sent = before
        .steps
        .iter()
        .filter(|step| step.action.verb() == Verb::SendEscape)
        .map(|step| &step.session);
    let lives = |phase: Phase| {
        matches!(
            phase,
            Phase::Working
                | Phase::Background
                | Phase::Idle
                | Phase::Waiting(_)
                | Phase::Blocked(_)
        )
    };
    let moves = |name: &&SessionName| {
        after
            .unchanged
            .iter()
            .any(|calm| calm.session == **name && lives(calm.phase))
    };
    let entry = |name: &SessionName| Entry {
        level: Level::Info,
        component: "plan",
        message: format!("{name}: active again after an Escape, no restart needed"),
        fields: [
            ("session", json!(name.as_str())),
            ("reason", json!(ReasonCode::Stuck.word())),
        ]
        .into(),
    };
    waiting
        .chain(escape_sent)
        .filter(moves)
        .map(entry)
        .collect()
}

/// One for each agent that has become blocked, however many sessions run it, and one when it is
/// free again.
fn of_blocks(before: &Plan, after: &Plan) -> Vec<Entry> {
    let (known, now) = (blocks(before), blocks(after));
    let begun = now.iter().filter(|(block, _)| !known.contains_key(*block));
    let ended = known.iter().filter(|(block, _)| !now.contains_key(*block));
    let entry =
        |((agent, kind), evidence): (&(&str, Block), &Evidence), level: Level, what: &str| Entry {
            level,
            component: "plan",
            message: format!("agent {agent} {what} ({})", kind.code()),
            fields: evidence.clone(),
        };
    let begun = begun.map(|block| entry(block, Level::Warn, &with_fix(block.1)));
    begun
        .chain(ended.map(|block| entry(block, Level::Info, "is no longer blocked")))
        .collect()
}

pub(super) fn with_fix(evidence: &Evidence) -> String {
    match evidence.get("fix").and_then(Value::as_str) {
        Some(fix) => format!("is blocked, its sessions are waiting: {fix}"),
        None => "is blocked, its sessions are waiting".to_owned(),
    }
}

/// The sessions that a limit, a sign-in or a full context blocks, by their agent.
pub(super) fn blocked_sessions(plan: &Plan) -> BTreeMap<(&str, Block), Vec<&SessionName>> {
    let held = plan.held.iter().filter_map(|held| {
        let Hold::Blocked { kind, agent, .. } = &held.hold else {
            return None;
        };
        Some(((agent.as_str(), *kind), &held.session))
    });
    let noted = plan.unchanged.iter().filter_map(|same| {
        let Some(Reason::Blocked { kind, agent, .. }) = &same.note else {
            return None;
        };
        Some(((agent.as_str(), *kind), &same.session))
    });
    let mut sessions: BTreeMap<(&str, Block), Vec<&SessionName>> = BTreeMap::new();
    for (block, session) in held.chain(noted) {
        sessions.entry(block).or_default().push(session);
    }
    sessions
}

/// What blocks which agent, with the evidence of its first session.
pub(super) fn blocks(plan: &Plan) -> BTreeMap<(&str, Block), Evidence> {
    let holds = plan.held.iter().filter_map(|held| {
        let Hold::Blocked { kind, agent, .. } = &held.hold else {
            return None;
        };
        Some(((agent.as_str(), *kind), held.hold.evidence()))
    });
    let notes = plan.unchanged.iter().filter_map(|calm| {
        let reason = calm.note.as_ref()?;
        let Reason::Blocked { kind, agent, .. } = reason else {
            return None;
        };
        Some(((agent.as_str(), *kind), reason.evidence()))
    });
    let mut found = BTreeMap::new();
    for (block, evidence) in holds.chain(notes) {
        found.entry(block).or_insert(evidence);
    }
    found
}

/// The planned restarts that are remembered in `after` and were not in `before`, for those who keep
/// them elsewhere.
#[must_use]
pub fn handoffs(before: &Memory, after: &Memory) -> Vec<(SessionName, Moment)> {
    let known = |name: &SessionName| before.sessions.get(name).and_then(|h| h.handoff);
    let told = after
        .sessions
        .iter()
        .filter_map(|(name, h)| h.handoff.map(|at| (name, at)));
    told.filter(|(name, at)| known(name) != Some(*at))
        .map(|(name, at)| (name.clone(), at))
        .collect()
}

fn of_outcome(done: &Done, step: Option<&Step>) -> Entry {
    let (word, why) = match &done.outcome {
        Outcome::Done(Effect::Begun { argvs }) => {
            let argvs: Vec<String> = argvs.iter().map(|argv| argv.join(" ")).collect();
            ("done", format!("running: {}", argvs.join("; ")))
        }
        Outcome::Done(Effect::NotEnded { said, .. }) => ("done", format!("stop requested: {said}")),
        Outcome::Done(effect) => {
            let by_hand = step.is_some_and(|step| is_by_hand(&step.reason));
            let word = match effect {
                Effect::Removed if by_hand => "stopped",
                other => effect_word(done.verb, other),
            };
            ("done", word.to_owned())
        }
        Outcome::Stale(why) => (
            "stale",
            format!("{} came too late: {why}", done.verb.word()),
        ),
        Outcome::Failed(why) => ("failed", format!("{} failed: {why}", done.verb.word())),
        Outcome::Unknown(why) => (
            "unknown",
            format!("{}: result unknown: {why}", done.verb.word()),
        ),
    };
    let mut fields: Evidence = [
        ("session", json!(done.session.as_str())),
        ("verb", json!(done.verb.word())),
        ("outcome", json!(word)),
    ]
    .into();
    let mut message = format!("{}: {why}", done.session);
    if let Some(step) = step.filter(|step| step.action.verb() == done.verb) {
        message = format!("{message} ({})", step.reason.cause());
        add_reason(&mut fields, &step.reason);
        fields.extend(step.action.begins().map(|g| ("generation", json!(g.0))));
        if let Some(Conversation::Resume(id)) = step.action.conversation() {
            message = format!("{message}, resumes {}", id.short());
            fields.insert("resumes", json!(id.as_str()));
        }
    }
    Entry {
        level: level_of(&done.outcome, step),
        component: "act",
        message,
        fields,
    }
}

/// Whether a user asked for a step by hand. An end that the user asked for is a stop, not an expiry.
pub(super) fn is_by_hand(reason: &Reason) -> bool {
    reason.cause().is(ReasonCode::Asked)
}

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

fn level_of(outcome: &Outcome, step: Option<&Step>) -> Level {
    let after_a_crash = {
        let reason = step.map(|s| &s.reason);
        matches!(
            reason,
            Some(Reason::Died { crashes: 1.., .. } | Reason::FailedStart { .. })
        )
    };
    match outcome {
        Outcome::Failed(_) => Level::Error,
        Outcome::Unknown(_) => Level::Warn,
        Outcome::Done(_) if after_a_crash => Level::Warn,
        Outcome::Done(_) | Outcome::Stale(_) => Level::Info,
    }
}

pub(super) fn of_hold(held: &Held) -> Entry {
    let mut fields: Evidence = [
        ("session", json!(held.session.as_str())),
        ("verb", json!(held.verb.word())),
        ("hold", json!(held.hold.code())),
        ("hold_evidence", nested(held.hold.evidence())),
    ]
    .into();
    let until = held
        .until
        .and_then(|at| Timestamp::from_millisecond(at.wall).ok());
    fields.extend(until.map(|at| ("until", json!(at.to_string()))));
    // Deprecated, removed in 0.3: the same in milliseconds since 1970.
    fields.extend(held.until.map(|at| ("until_ms", json!(at.wall))));
    add_reason(&mut fields, &held.reason);
    let (verb, obstacle, reason) = (held.verb.word(), held.hold.code(), held.reason.cause());
    Entry {
        level: if held.hold.needs_somebody() {
            Level::Warn
        } else {
            Level::Info
        },
        component: "plan",
        message: format!("{}: {verb} waiting: {obstacle} ({reason})", held.session),
        fields,
    }
}

pub(super) fn add_reason(fields: &mut Evidence, reason: &Reason) {
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
    use super::*;
    use crate::model::{Death, Period, Unchanged};

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
            ("a: restart waiting: back-off (died)", Level::Info)
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
        let said = "agent kimi is blocked, its sessions are waiting: kimi login (auth)";
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
                (Level::Info, "a: expired"),
                (Level::Info, "a: expire came too late: gone"),
                (Level::Error, "a: expire failed: no"),
                (Level::Warn, "a: expire: result unknown: timeout"),
            ]
        );
    }

    #[test]
    fn only_new_handoffs_are_told() {
        let at = |awake| {
            Some(Moment {
                wall: 5,
                awake,
                boot: 1,
            })
        };
        let knowing = |handoff| {
            let mut memory = Memory::default();
            memory.sessions.entry(name()).or_default().handoff = handoff;
            memory
        };
        assert_eq!(handoffs(&knowing(at(1)), &knowing(at(2))).len(), 1);
        assert_eq!(handoffs(&Memory::default(), &knowing(at(2))).len(), 1);
        assert!(handoffs(&knowing(at(2)), &knowing(at(2))).is_empty());
        assert!(handoffs(&knowing(at(2)), &knowing(None)).is_empty());
    }
}
