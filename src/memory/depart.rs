//! Sessions that were asked to end and are gone before they were removed: tmux itself removes a
//! session of others with its last process, and people remove what they like.

use super::learn::ours_by_declared_name;
use super::saved::{is_own_end, spared};
use super::settle::is_a_rest;
use crate::model::{
    Death, Departure, Desired, Done, Effect, Ended, Finished, History, Life, Memory, Moment,
    Outcome, Period, Purpose, Seen, Server, Stopping, Town, Verb, keep_newest,
};

/// Takes in that what was asked to end for good is gone. Each such end is noted once, and kept
/// until it is told of.
pub(super) fn depart(memory: &mut Memory, town: &Town, server: Option<&Server>, now: Moment) {
    let ends = |history: &History, desired: Option<&Desired>| {
        let stopping = history.stopping.as_ref();
        stopping
            .is_some_and(|s| s.purpose == Purpose::Expire || history.stopped || desired.is_none())
    };
    let may_end = |history: &History| history.stopping.is_some();
    if !memory
        .sessions
        .iter()
        .any(|(name, history)| may_end(history) && ends(history, town.sessions.get(name)))
    {
        return;
    }
    let ours = server.map(ours_by_declared_name).unwrap_or_default();
    let is_same = server.is_some_and(|server| memory.server.is_none_or(|known| known == server.id));
    let mut departures = std::mem::take(&mut memory.departures);
    for (name, history) in &mut memory.sessions {
        let desired = town.sessions.get(name);
        let lives_on = server.is_some_and(|server| server.moved.contains_key(name));
        // What a command ends now is told of by its own end.
        if !ends(history, desired)
            || ours.contains_key(name)
            || lives_on
            || history.launcher_job.is_some()
        {
            continue;
        }
        let taker = server.and_then(|server| server.sessions.get(name.as_str()));
        let is_gone =
            |stopping: &Stopping| taker.is_none_or(|seen| !is_same || is_another(seen, stopping));
        let Some(stopping) = history.stopping.take_if(|stopping| is_gone(stopping)) else {
            continue;
        };
        let run = history.run_of(stopping.generation);
        let started = run.map(|run| run.started);
        finish(history, desired, &stopping, now);
        departures.push(Departure {
            session: name.clone(),
            generation: stopping.generation,
            started,
            asked: stopping.since,
            gone: now,
            reason: stopping.reason,
        });
    }
    keep_newest(&mut departures, Memory::MAX_DEPARTURES);
    memory.departures = departures;
}

/// Whether what goes by its name now cannot be the session that was asked to end, stripped of its
/// labels.
fn is_another(seen: &Seen, stopping: &Stopping) -> bool {
    match &seen.life {
        Life::Alive { process, .. } => {
            !stopping.tree.is_empty() && !stopping.tree.contains(process)
        }
        Life::Dead { .. } | Life::Unknown(_) => false,
    }
}

/// Takes in that the session has ended for good, as `stopping` asked.
fn finish(history: &mut History, desired: Option<&Desired>, stopping: &Stopping, now: Moment) {
    if desired.is_some_and(|desired| desired.policy.is_some()) {
        // Others have begun another session of this name, of which nothing is known.
        *history = History {
            generation: history.generation,
            ..History::default()
        };
        return;
    }
    let Some(run) = &mut history.run else { return };
    run.ended.get_or_insert(Ended {
        death: Death::Vanished,
        at: now,
    });
    if history.finished.is_none() && !is_a_rest(&stopping.reason) {
        let fingerprint = run
            .fingerprint
            .or_else(|| desired.map(Desired::fingerprint));
        history.finished = fingerprint.map(|fingerprint| Finished {
            fingerprint,
            death: None,
            well: stopping.was_done(),
            at: now,
        });
    }
}

/// An end that was asked for and has come, as what came of a step.
#[must_use]
pub fn departed(departure: &Departure) -> Done {
    let outcome = Outcome::Done(Effect::Removed);
    Done {
        session: departure.session.clone(),
        verb: Verb::Expire,
        outcome,
    }
}

/// For how long it would else have stood idle, as [`super::idle_saved`] counts.
#[must_use]
pub fn idle_spared(departure: &Departure) -> Period {
    let started = departure.started.filter(|_| is_own_end(&departure.reason));
    started.map_or(Period::ZERO, |started| spared(&started, departure.gone))
}

#[cfg(test)]
#[path = "depart_tests.rs"]
mod tests;
