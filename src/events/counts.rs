//! The view of metrics: what a controller has counted.

use super::{TownEvent, What};
use crate::model::{Counts, Effect, Outcome, Reason, Verb};

/// The counts after one more cycle with these events.
#[must_use]
pub fn counted(before: Counts, events: &[TownEvent]) -> Counts {
    let Counts {
        cycles,
        starts,
        crashes,
        expired,
        failures,
    } = before;
    let count = |is_it: &dyn Fn(&TownEvent) -> bool| {
        events.iter().filter(|event| is_it(event)).count() as u64
    };
    Counts {
        cycles: cycles + 1,
        starts: starts + count(&is_start),
        crashes: crashes + count(&is_crash),
        expired: expired + count(&is_expiry),
        failures: failures + count(&is_failure),
    }
}

fn is_start(event: &TownEvent) -> bool {
    matches!(
        event.what,
        What::Step {
            outcome: Outcome::Done(Effect::Started { .. }),
            ..
        }
    )
}

/// Whether a process was started after a crash.
fn is_crash(event: &TownEvent) -> bool {
    is_start(event) && matches!(event.reason, Some(Reason::Died { crashes: 1.., .. }))
}

fn is_expiry(event: &TownEvent) -> bool {
    matches!(
        event.what,
        What::Departed(_)
            | What::Step {
                verb: Verb::Expire,
                outcome: Outcome::Done(Effect::Removed),
                ..
            }
    )
}

fn is_failure(event: &TownEvent) -> bool {
    matches!(
        event.what,
        What::Step {
            outcome: Outcome::Failed(_),
            ..
        }
    )
}
