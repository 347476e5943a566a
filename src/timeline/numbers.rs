//! What a period comes to, in numbers.

use super::track::{Past, Piece, Shade, Track, Tracks, cause_of};
use crate::model::{Period, PhaseChange, ReasonCode};
use crate::model::{SortedMap, SortedSet};
use jiff::Timestamp;
use serde_json::Value;

/// How old a finished or idle session would have grown without gtctl: the timeout of the loop that
/// it replaces.
pub const LINGERING: Period = Period::from_hours(24);

/// The reasons of an end that a session brought on itself: done, quiet for too long, too old.
const OWN_ENDS: [ReasonCode; 5] = [
    ReasonCode::Completed,
    ReasonCode::Marked,
    ReasonCode::TurnEnded,
    ReasonCode::TooQuiet,
    ReasonCode::TooOld,
];

/// What a period comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numbers {
    /// The time of all sessions together in each shade, in milliseconds.
    pub spent: SortedMap<Shade, u64>,
    /// The restarts, by the code of their reason.
    pub restarts: SortedMap<String, u64>,
    /// How long it took until a dead session ran again.
    pub recovery: Recovery,
    /// For how long sessions that were expired would else have stood idle, in milliseconds: each
    /// until it would have been [`LINGERING`] old.
    pub saved: u64,
}

/// How long sessions were dead before they ran again, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// How many ran again.
    pub count: u64,
    /// The time that half of them needed at most.
    pub p50: u64,
    /// The time that 99 of 100 needed at most.
    pub p99: u64,
}

impl Numbers {
    /// The time in a shade, in milliseconds.
    #[must_use]
    pub fn spent(&self, shade: Shade) -> u64 {
        self.spent.get(&shade).copied().unwrap_or_default()
    }

    /// The time in which a session lived, in milliseconds.
    #[must_use]
    pub fn alive(&self) -> u64 {
        let living = [Shade::Working, Shade::Idle, Shade::Waiting, Shade::Blocked];
        living.iter().map(|shade| self.spent(*shade)).sum()
    }

    /// The part of the time in which sessions should have lived and did, in millionths. None where
    /// none should have.
    #[must_use]
    pub fn availability(&self) -> Option<u64> {
        let alive = self.alive();
        let wanted = alive + self.spent(Shade::Dead);
        let part = u128::from(alive) * 1_000_000 / u128::from(wanted).max(1);
        (wanted > 0).then(|| u64::try_from(part).unwrap_or_default())
    }
}

/// What the period comes to.
#[must_use]
pub fn numbers(past: &Past<'_>, tracks: &Tracks) -> Numbers {
    let mut numbers = Numbers::default();
    let mut recoveries = Vec::new();
    for track in tracks.values() {
        for span in &track.spans {
            *numbers.spent.entry(span.shade).or_default() += span.millis();
        }
        for tick in &track.ticks {
            *numbers.restarts.entry(tick.reason.clone()).or_default() += 1;
        }
        recoveries.extend(recoveries_of(track));
    }
    numbers.recovery = recovery(recoveries);
    numbers.saved = saved(past);
    numbers
}

/// How long it was dead each time, before it ran again. Dead pieces that follow each other are one.
fn recoveries_of(track: &Track) -> Vec<u64> {
    let mut found = Vec::new();
    let mut dead_since: Option<&Piece> = None;
    for span in &track.spans {
        match span.shade {
            Shade::Dead => {
                dead_since.get_or_insert(span);
            }
            Shade::Unknown | Shade::Off => dead_since = None,
            Shade::Idle | Shade::Working | Shade::Waiting | Shade::Blocked => {
                let since = dead_since.take();
                found.extend(since.map(|dead| dead.from.abs_diff(span.from)));
            }
        }
    }
    found
}

fn recovery(mut times: Vec<u64>) -> Recovery {
    times.sort_unstable();
    let at = |percent: usize| {
        // The nearest rank: the least time that so many of a hundred needed at most.
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).copied().unwrap_or_default()
    };
    Recovery {
        count: times.len() as u64,
        p50: at(50),
        p99: at(99),
    }
}

fn saved(past: &Past<'_>) -> u64 {
    let mut counted = SortedSet::new();
    let mut saved = 0_u64;
    for event in past.events {
        let Some((session, told, at)) = own_end(event) else {
            continue;
        };
        let run = past
            .phases
            .iter()
            .find(|(name, _)| name.as_str() == session)
            .and_then(|(_, changes)| ended_run(changes, told, at));
        let Some((generation, begun)) = run.filter(|_| past.window.contains(at)) else {
            continue;
        };
        // An end may be told by the step and by what was found gone.
        if counted.insert((session, generation)) {
            saved += LINGERING.millis().saturating_sub(at.abs_diff(begun));
        }
    }
    saved
}

/// The run that ended, and when it began. Where the event names none, it is the last one seen.
fn ended_run(changes: &[PhaseChange], told: Option<u64>, at: i64) -> Option<(u64, i64)> {
    // The journal tells whole seconds.
    let seen = changes.iter().filter(|change| change.since < at + 1000);
    let last = seen.filter_map(|change| change.generation).next_back();
    let generation = told.or(last.map(|generation| generation.0))?;
    let is_run = |change: &&PhaseChange| change.generation.map(|known| known.0) == Some(generation);
    let begun = changes.iter().find(is_run)?;
    Some((generation, begun.since))
}

/// A session that was expired for being done, quiet or old: its name, its run if told, and when.
fn own_end(event: &Value) -> Option<(&str, Option<u64>, i64)> {
    let text = |key: &str| event.get(key).and_then(Value::as_str);
    let is_end = (text("verb"), text("outcome")) == (Some("expire"), Some("done"));
    let reason = cause_of(event).filter(|_| is_end)?;
    if !OWN_ENDS.iter().any(|code| code.word() == reason) {
        return None;
    }
    let at: Timestamp = text("ts")?.parse().ok()?;
    let generation = event.get("generation").and_then(Value::as_u64);
    Some((text("session")?, generation, at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::super::track::tests::change;
    use super::super::{Window, tracks};
    use super::*;
    use crate::model::{Generation, PhaseKind, SessionName};
    use serde_json::json;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn the_numbers_are_those_of_the_pieces() {
        let name = SessionName::new("a").unwrap();
        let changes = vec![
            change(PhaseKind::Working, 0),
            change(PhaseKind::Dead, 3 * HOUR),
            change(PhaseKind::Starting, 4 * HOUR),
            change(PhaseKind::Idle, 6 * HOUR),
            change(PhaseKind::Completed, 8 * HOUR),
        ];
        let expired = json!({"ts": "1970-01-01T09:00:00Z", "session": "a", "verb": "expire",
            "outcome": "done", "reason": "completed", "generation": 1});
        // As a controller tells the end of a stop.
        let stopped = json!({"ts": "1970-01-01T09:00:00Z", "session": "a", "verb": "expire",
            "outcome": "done", "reason": "stop-begun", "evidence": {"purpose": "too-quiet"}});
        let asked = json!({"ts": "1970-01-01T09:00:00Z", "session": "a", "verb": "expire",
            "outcome": "done", "reason": "asked", "generation": 2});
        let past = Past {
            phases: &[(name.clone(), changes)].into(),
            events: &[expired.clone(), expired, stopped, asked],
            declared: &[name].into(),
            window: Window {
                from: 0,
                to: 10 * HOUR,
            },
        };
        let numbers = numbers(&past, &tracks(&past));
        let hours = |shade| numbers.spent(shade) / HOUR.unsigned_abs();
        assert_eq!(
            [Shade::Working, Shade::Dead, Shade::Idle, Shade::Off].map(hours),
            [5, 1, 2, 2]
        );
        assert_eq!(numbers.availability(), Some(875_000));
        let hour = HOUR.unsigned_abs();
        let want = Recovery {
            count: 1,
            p50: hour,
            p99: hour,
        };
        assert_eq!(numbers.recovery, want);
        assert_eq!(numbers.saved, 15 * hour);
    }

    #[test]
    fn an_end_without_its_run_is_of_the_last_run_before_it() {
        let of = |generation, since| PhaseChange {
            generation: Some(Generation(generation)),
            ..change(PhaseKind::Idle, since)
        };
        let changes = [of(1, 0), of(2, 5000), of(2, 8000), of(3, 20_000)];
        assert_eq!(ended_run(&changes, None, 9000), Some((2, 5000)));
        assert_eq!(ended_run(&changes, Some(1), 9000), Some((1, 0)));
        assert_eq!(ended_run(&changes[3..], None, 9000), None);
    }

    #[test]
    fn percentiles_are_times_that_were_seen() {
        let times: Vec<u64> = (1..=200).collect();
        let want = Recovery {
            count: 200,
            p50: 100,
            p99: 198,
        };
        assert_eq!(recovery(times), want);
        assert_eq!(recovery(Vec::new()), Recovery::default());
    }
}
