//! The view of phases: which sessions came into another phase.

use super::cycle::phases;
use super::{Happened, TownEvent, What};
use crate::model::{
    Death, Effect, Generation, History, Life, Moment, Observed, Outcome, Ownership, Phase,
    PhaseChange, PhaseKind, Seen, Server, SessionName, Source,
};
use crate::model::{SortedMap, SortedSet};

/// The last phase of each session, as far as it was written.
#[derive(Debug, Clone, Default)]
pub struct PhaseBook {
    last: SortedMap<SessionName, PhaseChange>,
    /// Why the run that was started last was started, until its first phase is written.
    started: SortedMap<SessionName, (Generation, String)>,
}

impl PhaseBook {
    /// A book with the phases that were written last.
    #[must_use]
    pub fn of(last: SortedMap<SessionName, PhaseChange>) -> Self {
        Self {
            last,
            started: SortedMap::new(),
        }
    }

    /// Takes in a cycle, and returns what has changed in it. A look that tells nothing changes
    /// nothing. A session that is not in the plan is gone, unless `is_left_out` says that the plan
    /// only leaves it out.
    #[must_use]
    pub fn take_in(
        &mut self,
        happened: &Happened<'_>,
        events: &[TownEvent],
        is_left_out: impl Fn(&SessionName) -> bool,
    ) -> Vec<PhaseChange> {
        self.note_starts(events);
        if matches!(happened.observed, Observed::Unknown(_)) {
            return Vec::new();
        }
        let mut changes = Vec::new();
        let mut present = Vec::new();
        for (session, phase) in phases(happened.plan) {
            // Sessions of others have no history here.
            if phase == Phase::Foreign {
                continue;
            }
            present.push(session);
            changes.extend(self.change(happened, session, phase));
        }
        // All that are present are in the book.
        if self.last.len() > present.len() {
            let present: SortedSet<&SessionName> = present.into_iter().collect();
            let is_gone = |name: &&SessionName| !present.contains(*name) && !is_left_out(name);
            let gone: Vec<SessionName> = self.last.keys().filter(is_gone).cloned().collect();
            changes.extend(self.forget(&gone, happened.now));
        }
        changes
    }

    fn note_starts(&mut self, events: &[TownEvent]) {
        for event in events {
            let What::Step {
                outcome: Outcome::Done(Effect::Started { generation, .. }),
                ..
            } = &event.what
            else {
                continue;
            };
            let Some((session, reason)) = event.session.as_ref().zip(event.reason.as_ref()) else {
                continue;
            };
            let cause = reason.cause().as_str().to_owned();
            self.started.insert(session.clone(), (*generation, cause));
        }
    }

    fn change(
        &mut self,
        happened: &Happened<'_>,
        session: &SessionName,
        phase: Phase,
    ) -> Option<PhaseChange> {
        let known = self.last.get(session);
        let seen = seen(happened.observed, session);
        let generation = seen.and_then(generation_of);
        let generation = generation.or_else(|| known.and_then(|known| known.generation));
        let death = death_of(phase);
        let history = happened.memory.sessions.get(session);
        let cause = cause_of(phase, history).map(str::to_owned);
        let is_same = known.is_some_and(|known| {
            let is_same_wait = cause.is_none() || known.cause == cause;
            known.phase == PhaseKind::from(phase)
                && known.generation == generation
                && known.death == death
                && is_same_wait
        });
        if is_same {
            return None;
        }
        let started = self.started.get(session);
        let started = started.filter(|(of, _)| Some(*of) == generation && is_run(phase));
        let started = started.map(|(_, cause)| cause.clone());
        let change = PhaseChange {
            session: session.clone(),
            phase: phase.into(),
            since: since(phase, history, seen, known, happened.now),
            cause: cause.or(started),
            generation,
            pid: seen
                .and_then(pid_of)
                .or_else(|| known.and_then(|known| known.pid)),
            death,
            source: source_of(phase, history),
        };
        if is_run(phase) {
            self.started.remove(session);
        }
        self.last.insert(session.clone(), change.clone());
        Some(change)
    }

    /// Sessions that are neither declared nor there any more.
    fn forget(&mut self, gone: &[SessionName], now: Moment) -> Vec<PhaseChange> {
        let mut changes = Vec::new();
        for session in gone {
            let Some(last) = self.last.remove(session) else {
                continue;
            };
            if last.phase != PhaseKind::Absent {
                changes.push(PhaseChange {
                    phase: PhaseKind::Absent,
                    since: now.wall,
                    cause: None,
                    death: None,
                    source: None,
                    ..last
                });
            }
        }
        changes
    }
}

/// A session of ours as it was seen, by the name that it was declared under.
fn seen<'o>(observed: &'o Observed, session: &SessionName) -> Option<&'o Seen> {
    let Observed::Up(server) = observed else {
        return None;
    };
    let is_it =
        |seen: &&Seen| matches!(&seen.ownership, Ownership::Ours(l) if l.session == *session);
    let by_name = server.sessions.get(session.as_str());
    by_name
        .filter(is_it)
        .or_else(|| renamed(server, session))
        .or(by_name)
}

/// One that somebody has renamed in tmux.
fn renamed<'o>(server: &'o Server, session: &SessionName) -> Option<&'o Seen> {
    let mut all = server.sessions.values();
    all.find(|seen| matches!(&seen.ownership, Ownership::Ours(l) if l.session == *session))
}

fn generation_of(seen: &Seen) -> Option<Generation> {
    match &seen.ownership {
        Ownership::Ours(label) => Some(label.generation),
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
    }
}

fn pid_of(seen: &Seen) -> Option<u32> {
    match &seen.life {
        Life::Alive { process, .. } => Some(process.pid),
        Life::Dead { .. } | Life::Unknown(_) => None,
    }
}

fn death_of(phase: Phase) -> Option<Death> {
    match phase {
        Phase::Dead(death) => Some(death),
        Phase::Completed(death) => death,
        Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Waiting(_)
        | Phase::Blocked(_)
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => None,
    }
}

/// Why it is in this phase, where the phase itself or the stop under way says so.
fn cause_of(phase: Phase, history: Option<&History>) -> Option<&str> {
    match phase {
        Phase::Waiting(asks) => Some(asks.word()),
        Phase::Blocked(block) => Some(block.code()),
        Phase::Stopping => {
            let stopping = history?.stopping.as_ref()?;
            Some(stopping.reason.as_str())
        }
        Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Completed(_)
        | Phase::Dead(_)
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => None,
    }
}

/// Whether a run goes on in this phase.
fn is_run(phase: Phase) -> bool {
    match phase {
        Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Waiting(_)
        | Phase::Blocked(_) => true,
        Phase::Absent
        | Phase::Completed(_)
        | Phase::Dead(_)
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => false,
    }
}

/// Since when it is in this phase: as far as that is known, never before the phase that came
/// before, and never after the look.
fn since(
    phase: Phase,
    history: Option<&History>,
    seen: Option<&Seen>,
    known: Option<&PhaseChange>,
    now: Moment,
) -> i64 {
    let content = history.and_then(History::content);
    let known_since = match phase {
        Phase::Dead(_) | Phase::Completed(_) => seen.and_then(ended_at),
        Phase::Waiting(_) | Phase::Blocked(_) | Phase::Background => {
            content.map(|content| content.state_since.wall)
        }
        Phase::Idle => content.map(|content| content.since.wall),
        Phase::Stopping => history
            .and_then(|history| history.stopping.as_ref())
            .map(|stopping| stopping.since.wall),
        Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => None,
    };
    let before = known.map_or(i64::MIN, |known| known.since);
    known_since
        .map_or(now.wall, |at| at.max(before))
        .min(now.wall)
}

fn ended_at(seen: &Seen) -> Option<i64> {
    match &seen.life {
        Life::Dead { at, .. } => *at,
        Life::Alive { .. } | Life::Unknown(_) => None,
    }
}

/// Who told the state of its screen, where that was its client.
fn source_of(phase: Phase, history: Option<&History>) -> Option<Source> {
    let by = history?.content()?.told.by;
    (is_run(phase) && phase != Phase::Starting && by.is_client()).then_some(by)
}

#[cfg(test)]
#[path = "phases_tests.rs"]
mod tests;
