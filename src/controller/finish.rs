//! Finishes the restarts that a controller has begun before it ends.

use super::cycle::Cycle;
use super::setup::Controller;
use super::wakeups::{Wakeups, Woken};
use super::watch::WatchEvent;
use crate::model::{
    History, Hold, Memory, Moment, Orders, Period, Phase, Plan, Purpose, Scope, SessionName, Town,
};
use crate::proc;

/// How long a controller that was asked to end goes on with the restarts that it has begun.
const FAREWELL: Period = Period::from_secs(3);
/// How often it looks meanwhile.
const LOOK_EVERY: Period = Period::from_millis(100);

/// The sessions that are being stopped, and those that were ended for a restart and have no fresh
/// process yet.
///
/// Sessions that cannot go on now are left out: somebody is attached, the town is paused, or a step
/// failed.
#[must_use]
pub fn begun(cycle: &Cycle) -> Vec<SessionName> {
    let Cycle { memory, plan, .. } = cycle;
    let names = memory
        .sessions
        .iter()
        .filter(|(_, history)| is_begun(history))
        .map(|(name, _)| name);
    names.filter(|name| goes_on(plan, name)).cloned().collect()
}

fn is_begun(history: &History) -> bool {
    history.stopping.is_some() || history.is_owed_a_start()
}

fn goes_on(plan: &Plan, session: &SessionName) -> bool {
    let held = plan.held.iter().find(|held| held.session == *session);
    held.is_none_or(|held| matches!(held.hold, Hold::Stopping { .. }))
        && !plan
            .unchanged
            .iter()
            .any(|same| same.session == *session && same.phase == Phase::Unknown)
}

/// The sessions among these that get a fresh process.
fn restarts(memory: &Memory, sessions: Vec<SessionName>) -> Vec<SessionName> {
    let restarts = |name: &SessionName| {
        let Some(history) = memory.sessions.get(name) else {
            return false;
        };
        let stops = history.stopping.as_ref();
        history.is_owed_a_start()
            || stops.is_some_and(|stopping| stopping.purpose == Purpose::Restart)
    };
    sessions.into_iter().filter(restarts).collect()
}

/// Finishes the restarts that were begun, for at most three seconds. Begins nothing else. A second
/// request to end is obeyed at once.
pub(super) async fn finish_restarts(
    controller: &mut Controller,
    town: &Town,
    orders: Orders,
    senses: &mut Wakeups,
    last: Option<Cycle>,
    tell: &mut impl FnMut(WatchEvent<'_>),
) {
    let since: Moment = proc::clock::now();
    let Some(mut last) = last else { return };
    while proc::clock::now().since(&since) < FAREWELL {
        let left = restarts(&last.memory, begun(&last));
        if left.is_empty() {
            return;
        }
        let Ok(cycle) = controller.cycle(town, orders, &Scope::Sessions(left)).await else {
            return;
        };
        tell(WatchEvent::Cycle(town, &cycle));
        last = cycle;
        let (state, _) = controller.senses();
        if matches!(
            senses.wait(LOOK_EVERY, state, std::future::pending()).await,
            Woken::End
        ) {
            return;
        }
    }
}
