//! The view of notifications: what has begun and was not told yet, and what happened once.

use super::cycle::phases;
use super::journal::{details, level};
use super::{TownEvent, What, sentence};
use crate::model::SortedMap;
use crate::model::{
    Announced, Effect, Entry, Hold, News, NotReady, Observed, Outcome, Phase, Plan, SessionName,
    Topic, Verb,
};
use serde_json::json;

/// What there is to tell of a cycle after what was told before, and what is then told and has not
/// ended.
///
/// What lasts is told when it begins, and not again until it has ended: a look that tells nothing
/// ends nothing. Where nothing is known of what was told before, tasks that have ended count as
/// told.
#[must_use]
pub fn notifications(
    before: Option<&Announced>,
    events: &[TownEvent],
    observed: &Observed,
    plan: &Plan,
) -> (Vec<News>, Announced) {
    let told = before.cloned().unwrap_or_default();
    let phases: Phases<'_> = phases(plan)
        .map(|(name, phase)| (name.as_str(), phase))
        .collect();
    let of_events: Vec<News> = events.iter().filter_map(notification).collect();
    let mut after: Announced = of_events
        .iter()
        .filter(|n| is_lasting(n))
        .map(key)
        .collect();
    let goes_on = |(topic, subject): &&(Topic, String)| {
        let is_unknown = matches!(observed, Observed::Unknown(_));
        is_unknown || lasts(*topic, subject, events, plan, &phases)
    };
    after.extend(told.iter().filter(goes_on).cloned());
    let is_fresh = |news: &News| {
        !is_lasting(news)
            || !told.contains(&key(news)) && (before.is_some() || news.topic != Topic::Completed)
    };
    let fresh = of_events.into_iter().filter(is_fresh).collect();
    (fresh, after)
}

/// The notification about one event. None for what nobody is told of.
#[must_use]
pub fn notification(event: &TownEvent) -> Option<News> {
    let (topic, subject) = topic_of(event)?;
    let session = event.session.as_ref();
    let mut fields = details(event);
    fields.extend(session.map(|name| ("session", json!(name.as_str()))));
    Some(News {
        topic,
        subject,
        entry: Entry {
            level: level(event),
            component: "plan",
            message: sentence(event),
            fields,
        },
    })
}

fn topic_of(event: &TownEvent) -> Option<(Topic, String)> {
    let of_session = |topic| {
        let session = event.session.as_ref().map(SessionName::to_string);
        Some((topic, session?))
    };
    match &event.what {
        What::Step { verb, outcome, .. } => match outcome {
            Outcome::Failed(_) => of_session(Topic::Failed),
            Outcome::Done(Effect::Removed) if *verb == Verb::Expire => of_session(Topic::Expired),
            Outcome::Done(_) | Outcome::Stale(_) | Outcome::Unknown(_) => None,
        },
        What::Departed(_) => of_session(Topic::Expired),
        What::Held { hold, .. } => of_session(topic_of_hold(hold)?),
        What::Blocked { agent, .. } => Some((Topic::Blocked, agent.clone())),
        What::Asks { .. } => of_session(Topic::Waiting),
        What::Completed(_) => of_session(Topic::Completed),
        What::Unreachable(_) => Some((Topic::Unreachable, "tmux".to_owned())),
        What::ManifestBroken(_) => Some((Topic::ManifestBroken, "manifest".to_owned())),
        What::ControllerIs { .. } => Some((Topic::Controller, "controller".to_owned())),
        What::Unblocked { .. }
        | What::ActiveAgain
        | What::Answered { .. }
        | What::ChoreRun { .. }
        | What::Proposed(_)
        | What::Typed { .. }
        | What::RecorderEnded { .. }
        | What::ShellRemoved { .. }
        | What::Defect(_) => None,
    }
}

/// The topic of a hold that somebody has to do something about. What holds a session is not told
/// for those that wait for it as well.
fn topic_of_hold(hold: &Hold) -> Option<Topic> {
    let is_told_elsewhere = matches!(
        hold,
        Hold::After {
            why: NotReady::Held(_),
            ..
        }
    );
    if is_told_elsewhere || !hold.needs_somebody() {
        return None;
    }
    let is_loop = matches!(hold, Hold::CrashLoop { .. });
    Some(if is_loop {
        Topic::CrashLoop
    } else {
        Topic::Held
    })
}

fn key(news: &News) -> (Topic, String) {
    (news.topic, news.subject.clone())
}

/// Whether what it tells of lasts until it has ended.
fn is_lasting(news: &News) -> bool {
    match news.topic {
        Topic::CrashLoop
        | Topic::Blocked
        | Topic::Waiting
        | Topic::Held
        | Topic::Failed
        | Topic::Completed
        | Topic::Unreachable => true,
        Topic::Expired | Topic::ManifestBroken | Topic::Controller => false,
    }
}

/// Whether what was told goes on although this cycle does not show it.
fn lasts(
    topic: Topic,
    subject: &str,
    events: &[TownEvent],
    plan: &Plan,
    phases: &Phases<'_>,
) -> bool {
    let Some(phase) = phases.get(subject) else {
        return false;
    };
    match topic {
        Topic::CrashLoop | Topic::Waiting | Topic::Held | Topic::Completed => {
            *phase == Phase::Unknown
        }
        Topic::Failed => *phase == Phase::Unknown || is_tried_again(subject, events, plan),
        Topic::Blocked
        | Topic::Expired
        | Topic::Unreachable
        | Topic::ManifestBroken
        | Topic::Controller => false,
    }
}

/// Whether something is still to be done to a session, and was not done now.
fn is_tried_again(session: &str, events: &[TownEvent], plan: &Plan) -> bool {
    let is_about = |event: &&TownEvent| {
        let about = event.session.as_ref().map(SessionName::as_str);
        about == Some(session)
    };
    let is_done = |event: &TownEvent| {
        matches!(
            event.what,
            What::Departed(_)
                | What::Step {
                    outcome: Outcome::Done(_),
                    ..
                }
        )
    };
    let done = events.iter().filter(is_about).any(is_done);
    let unchanged = plan
        .unchanged
        .iter()
        .any(|same| same.session.as_str() == session);
    !done && !unchanged
}

/// What each session of a plan is.
type Phases<'a> = SortedMap<&'a str, Phase>;

#[cfg(test)]
#[path = "notifications_tests.rs"]
mod tests;
