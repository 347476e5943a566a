//! The end of rule 6: when gtctl probes whether an agent is signed in, and what follows when it is.

use super::backoff::share_of;
use super::subject::Subject;
use super::verdict::{Kind, Patience, Verdict, Want};
use super::{Situation, agents};
use crate::model::SortedMap;
use crate::model::{Block, Durability, Moment, Period, Probe, Probed, Reason, Verb};

/// The first probe comes so long after the sign-in screen appeared: somebody may be signing in
/// already.
const FIRST: Period = Period::from_mins(1);
/// Each further probe comes later by this much.
const AGAIN: Period = Period::from_mins(5);
/// The longest time between two probes.
const SLOWEST: Period = Period::from_mins(15);
/// At most this fraction of a delay is added as the agent's own share, so that agents are not all
/// probed at once.
const JITTER: u64 = 10;

/// The screen still shows the sign-in menu although a probe has since found the agent signed in.
/// The session gets a fresh process.
///
/// The handoff gap holds here too. If a probe passes wrongly, only the gap prevents endless
/// restarts.
pub(super) fn signed_in(subject: &Subject<'_>) -> Option<Verdict> {
    let content = subject.content().filter(|_| subject.is_alive())?;
    if content.block(subject.name, subject.now()) != Some(Block::Auth) || subject.block().is_some()
    {
        return None;
    }
    let reason = Reason::SignedIn {
        agent: subject.desired?.agent.name.clone(),
    };
    let kind = Kind::Replace(Patience::None);
    Some(Verdict::Want(Want {
        verb: Verb::Restart,
        reason,
        kind,
        phase: subject.living_phase(),
    }))
}

/// The probes by agent, each with its moment. A probe that could not be remembered first is left
/// out.
pub(super) fn probes(situation: &Situation<'_>, subjects: &[Subject<'_>]) -> Vec<Probe> {
    let stopped = situation.town.gastown.estop.is_some();
    if situation.memory.paused || stopped || situation.orders.durability == Durability::Failing {
        return Vec::new();
    }
    let mut found: SortedMap<&str, Probe> = SortedMap::new();
    let known = subjects.iter().filter(|subject| !subject.gets_new_name());
    for subject in known {
        let Some(probe) = asked_of(situation, subject) else {
            continue;
        };
        let agent = subject
            .desired
            .map_or("", |desired| desired.agent.name.as_str());
        match found.get_mut(agent) {
            Some(known) if known.kind == probe.kind => {
                known.since = earlier(known.since, probe.since);
            }
            Some(known) if known.kind == Block::Auth => {}
            Some(_) | None => drop(found.insert(agent, probe)),
        }
    }
    found
        .into_values()
        .map(|probe| Probe {
            at: due(situation.memory.probes.get(&probe.agent), &probe),
            ..probe
        })
        .collect()
}

/// The probe that one session asks for.
fn asked_of(situation: &Situation<'_>, subject: &Subject<'_>) -> Option<Probe> {
    let desired = subject
        .desired
        .filter(|desired| !desired.agent.probe.is_empty())?;
    let agent = &desired.agent.name;
    let (kind, since) = on_screen(subject).or_else(|| {
        let deaths = situation.memory.auth_deaths.get(agent)?;
        Some((Block::Auth, agents::last_of_many(deaths)?))
    })?;
    let failed = situation
        .memory
        .probes
        .get(agent)
        .map_or(0, |probed| probed.failed);
    Some(Probe {
        agent: agent.clone(),
        kind,
        since,
        at: since,
        failed,
        desired: Box::new(desired.clone()),
    })
}

/// The sign-in screen of the session, and since when it shows it.
fn on_screen(subject: &Subject<'_>) -> Option<(Block, Moment)> {
    let content = subject.content().filter(|_| subject.is_alive())?;
    let kind = match subject.block()? {
        Block::Auth => Block::Auth,
        // A signed-in agent may still be at a usage limit.
        Block::Limit | Block::Context => return None,
    };
    Some((kind, content.state_since))
}

/// The time of the next probe, counted from the last one. Without one, from the start of the
/// sign-in screen.
fn due(probed: Option<&Probed>, probe: &Probe) -> Moment {
    let (from, delay, nth) =
        match probed.filter(|probed| earlier(probed.asked, probe.since) == probe.since) {
            Some(probed) => (probed.asked, again(probed.failed), probed.failed),
            None => (probe.since, FIRST, 0),
        };
    let share = u64::from(share_of(&probe.agent, usize::try_from(nth).unwrap_or(0)));
    // share is 0..=1000.
    from.plus(delay)
        .plus(Period::from_millis(delay.millis() / JITTER * share / 1000))
}

fn again(failed: u32) -> Period {
    Period::from_millis(AGAIN.millis().saturating_mul(u64::from(failed.max(1)))).min(SLOWEST)
}

/// The earlier of two moments. The second where they are equal.
fn earlier(a: Moment, b: Moment) -> Moment {
    if Moment::later_of(b, a) == b && a != b {
        a
    } else {
        b
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionName;

    const NOW: Moment = Moment {
        wall: 1_790_000_000_000,
        awake: 90_000_000,
        boot: 7,
    };

    /// Minutes from the start until the next probe, after so many failed probes.
    fn minutes(kind: Block, asked: Option<(Moment, u32)>) -> u64 {
        let desired = Box::new(crate::sim::session(SessionName::new("a").unwrap()));
        let probed = asked.map(|(asked, failed)| Probed {
            asked,
            failed,
            answered: None,
        });
        let probe = Probe {
            agent: "claude".to_owned(),
            kind,
            since: NOW,
            at: NOW,
            failed: 0,
            desired,
        };
        let due = due(probed.as_ref(), &probe);
        assert!(!NOW.until(&due).is_zero());
        NOW.until(&due).millis() / 60_000
    }

    #[test]
    fn first_after_a_minute_then_ever_slower() {
        assert_eq!(minutes(Block::Auth, None), 1);
        let again = [1, 2, 3, 4, 100].map(|failed| minutes(Block::Auth, Some((NOW, failed))));
        let least = [5, 10, 15, 15, 15];
        assert!(
            again
                .iter()
                .zip(least)
                .all(|(again, least)| (least..=least + 1).contains(again)),
            "{again:?}"
        );
    }

    #[test]
    fn what_began_after_the_last_question_is_asked_about_anew() {
        let before = NOW.minus(Period::from_secs(1));
        assert_eq!(minutes(Block::Auth, Some((before, 7))), 1);
    }
}
