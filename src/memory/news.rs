//! What of a cycle people want to be told: what has begun and was not told yet, and what happened
//! once.

use super::journal::{blocked_sessions, blocks, of_hold, with_fix};
use crate::model::{
    Announced, Block, Death, Done, Effect, Entry, Evidence, Held, Hold, Level, Memory, News,
    NotReady, Observed, Outcome, Phase, Plan, SessionName, Topic, Verb,
};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// What a cycle saw, decided and did.
#[derive(Debug, Clone, Copy)]
pub struct Happened<'a> {
    /// What was seen.
    pub observed: &'a Observed,
    /// What is remembered after it.
    pub memory: &'a Memory,
    /// What was decided.
    pub plan: &'a Plan,
    /// What came of it.
    pub outcomes: &'a [Done],
}

/// What there is to tell of a cycle after what was told before, and what is then told and has not
/// ended.
///
/// What lasts is told when it begins, and not again until it has ended: a look that tells nothing
/// ends nothing. Where nothing is known of what was told before, tasks that have ended count as
/// told.
#[must_use]
pub fn news(before: Option<&Announced>, happened: &Happened<'_>) -> (Vec<News>, Announced) {
    let told = before.cloned().unwrap_or_default();
    let phases = phases(happened.plan);
    let lasting = lasting(happened, &phases);
    let mut after: Announced = lasting.iter().map(key).collect();
    after.extend(
        told.iter()
            .filter(|(topic, subject)| lasts(*topic, subject, happened, &phases))
            .cloned(),
    );
    let is_fresh = |news: &News| {
        !told.contains(&key(news)) && (before.is_some() || news.topic != Topic::Completed)
    };
    let fresh = lasting.into_iter().filter(is_fresh);
    (
        fresh
            .chain(
                happened
                    .outcomes
                    .iter()
                    .filter_map(|done| of_expiry(done, happened.memory)),
            )
            .collect(),
        after,
    )
}

/// That the manifest on disk has become broken.
#[must_use]
pub fn manifest_broken(why: &str) -> News {
    let message = format!("{why}; the last good manifest stays in use");
    plain(
        Topic::ManifestBroken,
        "manifest",
        Level::Error,
        message,
        Evidence::new(),
    )
}

/// That the controller began or ended.
#[must_use]
pub fn controller(message: &str, evidence: Evidence) -> News {
    plain(
        Topic::Controller,
        "controller",
        Level::Info,
        message.to_owned(),
        evidence,
    )
}

fn plain(topic: Topic, subject: &str, level: Level, message: String, fields: Evidence) -> News {
    News {
        topic,
        subject: subject.to_owned(),
        entry: Entry {
            level,
            component: "plan",
            message,
            fields,
        },
    }
}

fn key(news: &News) -> (Topic, String) {
    (news.topic, news.subject.clone())
}

/// What holds at the end of this cycle.
fn lasting(happened: &Happened<'_>, phases: &Phases<'_>) -> Vec<News> {
    let Happened {
        observed,
        memory,
        plan,
        outcomes,
    } = happened;
    let mut found: Vec<News> = outcomes.iter().filter_map(of_failure).collect();
    if let Observed::Unknown(why) = observed {
        let message = format!("the state of the town is unknown, nothing is changed: {why}");
        found.push(plain(
            Topic::Unreachable,
            "tmux",
            Level::Error,
            message,
            Evidence::new(),
        ));
    }
    let sessions = blocked_sessions(plan);
    found.extend(blocks(plan).into_iter().map(|(block, evidence)| {
        let (agent, kind) = block;
        let blocked = sessions.get(&block).map_or(&[][..], Vec::as_slice);
        match kind {
            Block::Limit => of_limit(agent, blocked, evidence, memory),
            Block::Auth | Block::Context => {
                let message = format!("agent {agent} {} ({})", with_fix(&evidence), kind.code());
                plain(Topic::Blocked, agent, Level::Warn, message, evidence)
            }
        }
    }));
    found.extend(plan.held.iter().filter_map(of_obstacle));
    found.extend(
        phases
            .iter()
            .filter_map(|(session, phase)| of_phase(session, *phase, memory)),
    );
    found
}

/// That an agent is at its usage limit: once, however many of its sessions are.
fn of_limit(
    agent: &str,
    sessions: &[&SessionName],
    mut evidence: Evidence,
    memory: &Memory,
) -> News {
    let ends = sessions.iter().filter_map(|name| {
        let content = memory.sessions.get(name.as_str())?.content.as_ref()?;
        content.state.limit_end()
    });
    let last = ends
        .max()
        .and_then(|at| Timestamp::from_millisecond(at).ok());
    let count = match sessions.len() {
        1 => "1 session at its usage limit".to_owned(),
        n => format!("{n} sessions at their usage limit"),
    };
    let until = last.map_or_else(
        || "no end is printed".to_owned(),
        |at| format!("until {} UTC", at.strftime("%Y-%m-%d %H:%M")),
    );
    evidence.insert("sessions", json!(sessions.len()));
    evidence.extend(last.map(|at| ("until", json!(at.to_string()))));
    let separator = if last.is_some() { " " } else { ", " };
    let message = format!("{agent}: {count}{separator}{until}");
    plain(Topic::Blocked, agent, Level::Warn, message, evidence)
}

/// Whether what was told goes on although this cycle does not show it.
fn lasts(topic: Topic, subject: &str, happened: &Happened<'_>, phases: &Phases<'_>) -> bool {
    if matches!(happened.observed, Observed::Unknown(_)) {
        return true;
    }
    let Some(phase) = phases.get(subject) else {
        return false;
    };
    match topic {
        Topic::CrashLoop | Topic::Waiting | Topic::Held | Topic::Completed => {
            *phase == Phase::Unknown
        }
        Topic::Failed => *phase == Phase::Unknown || is_tried_again(subject, happened),
        Topic::Blocked
        | Topic::Expired
        | Topic::Unreachable
        | Topic::ManifestBroken
        | Topic::Controller => false,
    }
}

/// Whether something is still to be done to a session, and was not done now.
fn is_tried_again(session: &str, happened: &Happened<'_>) -> bool {
    let is_it = |done: &&Done| done.session.as_str() == session;
    let done = happened
        .outcomes
        .iter()
        .filter(is_it)
        .any(|done| matches!(done.outcome, Outcome::Done(_)));
    let calm = happened
        .plan
        .unchanged
        .iter()
        .any(|same| same.session.as_str() == session);
    !done && !calm
}

/// What each session of a plan is.
type Phases<'a> = BTreeMap<&'a str, Phase>;

fn phases(plan: &Plan) -> Phases<'_> {
    let Plan {
        steps,
        held,
        unchanged,
        probes: _,
        chores: _,
        proposals: _,
        wake: _,
        mass: _,
    } = plan;
    let steps = steps.iter().map(|step| (step.session.as_str(), step.phase));
    let held = held.iter().map(|held| (held.session.as_str(), held.phase));
    steps
        .chain(held)
        .chain(
            unchanged
                .iter()
                .map(|same| (same.session.as_str(), same.phase)),
        )
        .collect()
}

fn of_obstacle(held: &Held) -> Option<News> {
    // What blocks an agent is told once, for the agent; and what holds a session, not for those
    // that wait for it as well.
    let is_told_elsewhere = matches!(
        held.hold,
        Hold::Blocked { .. }
            | Hold::After {
                why: NotReady::Held(_),
                ..
            }
    );
    if is_told_elsewhere || !held.hold.needs_somebody() {
        return None;
    }
    let is_loop = matches!(held.hold, Hold::CrashLoop { .. });
    let topic = if is_loop {
        Topic::CrashLoop
    } else {
        Topic::Held
    };
    Some(News {
        topic,
        subject: held.session.to_string(),
        entry: of_hold(held),
    })
}

fn of_phase(name: &str, phase: Phase, memory: &Memory) -> Option<News> {
    let mut fields: Evidence = [("session", json!(name)), ("phase", json!(phase.word()))].into();
    match phase {
        Phase::Waiting(asks) => {
            let content = memory
                .sessions
                .get(name)
                .and_then(|history| history.content.as_ref());
            fields.extend(content.map(|content| ("asks", json!(content.evidence))));
            let message = format!("{name}: waiting for an answer ({})", asks.word());
            Some(plain(Topic::Waiting, name, Level::Warn, message, fields))
        }
        Phase::Completed(death) => {
            fields.extend(death.map(|death: Death| ("death", json!(death.to_string()))));
            let how = death.map_or_else(String::new, |death| format!(" ({death})"));
            Some(plain(
                Topic::Completed,
                name,
                Level::Info,
                format!("{name}: completed{how}"),
                fields,
            ))
        }
        Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Blocked(_)
        | Phase::Dead(_)
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => None,
    }
}

fn of_failure(done: &Done) -> Option<News> {
    let Outcome::Failed(why) = &done.outcome else {
        return None;
    };
    let name = done.session.as_str();
    let fields = [("session", json!(name)), ("verb", json!(done.verb.word()))].into();
    Some(plain(
        Topic::Failed,
        name,
        Level::Error,
        format!("{name}: {} failed: {why}", done.verb.word()),
        fields,
    ))
}

fn of_expiry(done: &Done, memory: &Memory) -> Option<News> {
    let is_gone =
        done.verb == Verb::Expire && matches!(done.outcome, Outcome::Done(Effect::Removed));
    let name = done.session.as_str();
    let fields = [("session", json!(name))].into();
    let history = memory.sessions.get(name);
    let word = if history.is_some_and(|history| history.stopped) {
        "stopped"
    } else {
        "expired"
    };
    is_gone.then(|| {
        plain(
            Topic::Expired,
            name,
            Level::Info,
            format!("{name}: {word}"),
            fields,
        )
    })
}

#[cfg(test)]
#[path = "news_tests.rs"]
mod tests;
