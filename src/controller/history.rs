//! What a controller keeps of the past for pictures: the phases of sessions, and what they use.
//!
//! Nothing of it is needed to decide, and none is worth failing for: what cannot be written is lost.

use super::setup::Controller;
use crate::events::{Happened, PhaseBook, TownEvent};
use crate::model::SortedMap;
use crate::model::{
    Generation, Moment, Observed, Period, Reading, Scope, Server, SessionName, Usage,
};
use crate::observe::{self, InUse};
use crate::reconcile::Decided;
use crate::store::{SampleWriter, StateDir, View};
use crate::words::chain;
use std::fs;

/// What a watching controller measures of its sessions.
#[derive(Debug)]
pub(super) struct Sampler {
    writer: SampleWriter,
    /// What was measured last, and when. Empty before the first time.
    last: SortedMap<SessionName, Measured>,
    at: Option<Moment>,
}

/// What was measured of one session.
#[derive(Debug, Clone, Copy)]
struct Measured {
    generation: Generation,
    usage: Usage,
    /// The size of its log in bytes.
    logged: u64,
}

impl Sampler {
    pub(super) fn new(state: &StateDir) -> Self {
        Self {
            writer: SampleWriter::new(state),
            last: SortedMap::new(),
            at: None,
        }
    }

    /// Measures the living sessions once a minute, and writes what has changed. The first time it
    /// only measures: what is used is the difference of two measures.
    fn sample(&mut self, server: &Server, view: &View, now: Moment) {
        if !self.writer.is_due(now, server.sessions.len()) {
            return;
        }
        let in_use = observe::in_use(server).into_iter();
        let measured: SortedMap<SessionName, Measured> =
            in_use.map(|in_use| measured(in_use, view)).collect();
        let last = std::mem::replace(&mut self.last, measured);
        let Some(before) = self.at.replace(now) else {
            self.writer.pass(now);
            return;
        };
        let span = now.since(&before);
        let readings = self.last.iter().map(|(name, measured)| {
            let before = last.get(name);
            let before = before.filter(|before| before.generation == measured.generation);
            (name.clone(), reading(before, measured, span))
        });
        if let Err(fault) = self.writer.add(now, &readings.collect()) {
            tracing::debug!(fault = chain(&fault), "no samples");
        }
    }
}

fn measured(in_use: InUse, view: &View) -> (SessionName, Measured) {
    let InUse {
        session,
        generation,
        usage,
    } = in_use;
    let log = fs::symlink_metadata(view.log_of(&session, generation));
    let measured = Measured {
        generation,
        usage,
        logged: log.map_or(0, |log| log.len()),
    };
    (session, measured)
}

/// What was used since the measure before. A fresh run has used all that it has.
fn reading(before: Option<&Measured>, now: &Measured, span: Period) -> Reading {
    let used = before.map_or(0, |before| before.usage.cpu_ms);
    let used = now.usage.cpu_ms.saturating_sub(used);
    let percent = used.saturating_mul(100) / span.millis().max(1);
    // A log that has begun anew is smaller.
    let logged = before.map_or(0, |before| before.logged);
    let output = now.logged.checked_sub(logged).unwrap_or(now.logged);
    Reading {
        cpu_percent: u32::try_from(percent).unwrap_or(u32::MAX),
        memory_bytes: now.usage.rss,
        output_bytes: output,
    }
}

impl Controller {
    /// Writes which phases have changed.
    pub(super) fn note_phases(
        &self,
        book: &mut PhaseBook,
        happened: &Happened<'_>,
        events: &[TownEvent],
        decided: &Decided<'_>,
    ) {
        let is_partial = *decided.scope() != Scope::Town;
        let declared = &decided.town().sessions;
        let is_left_out = |name: &SessionName| is_partial || declared.contains_key(name);
        let changes = book.take_in(happened, events, is_left_out);
        if let Err(fault) = self.store().note_phases(happened.now, &changes) {
            tracing::debug!(fault = chain(&fault), "no phases");
        }
    }

    /// Measures the sessions, where this process keeps samples and it is time.
    pub(super) fn sample(&mut self, observed: &Observed, scope: &Scope, now: Moment) {
        let Some(sampler) = &mut self.sampler else {
            return;
        };
        if let (Observed::Up(server), Scope::Town) = (observed, scope) {
            sampler.sample(server, self.store.view(), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(cpu_ms: u64, logged: u64) -> Measured {
        let usage = Usage {
            cpu_ms,
            rss: 7,
            ..Usage::default()
        };
        Measured {
            generation: Generation(1),
            usage,
            logged,
        }
    }

    #[test]
    fn a_reading_is_what_came_since_the_measure_before() {
        let minute = Period::from_mins(1);
        let two_cores = reading(
            Some(&measured(60_000, 100)),
            &measured(180_000, 350),
            minute,
        );
        assert_eq!(
            two_cores,
            Reading {
                cpu_percent: 200,
                memory_bytes: 7,
                output_bytes: 250
            }
        );
        let fresh = reading(None, &measured(6000, 40), minute);
        assert_eq!((fresh.cpu_percent, fresh.output_bytes), (10, 40));
        let rotated = reading(Some(&measured(9, 1000)), &measured(9, 30), minute);
        assert_eq!((rotated.cpu_percent, rotated.output_bytes), (0, 30));
        let at_once = reading(Some(&measured(0, 0)), &measured(5, 0), Period::ZERO);
        assert_eq!(at_once.cpu_percent, 500);
    }
}
