//! Sessions that shall leave their host by plan: one after the other, and not too often.

use super::candidates::{Loads, choose, is_marked};
use super::decide::{Candidate, kept, leads, put};
use super::{MOST_LEAVING, PlaceVerdict, Placing};
use crate::model::SortedSet;
use crate::model::{
    Compare, FleetKey, Leave, Moment, Period, PlaceReason, SessionName, Transaction,
};

/// How many sessions are on their way.
pub(super) struct Leaving {
    count: usize,
}

impl Leaving {
    /// Those that shall leave by the store.
    pub(super) fn of(placing: &Placing<'_>) -> Self {
        let places = placing.view.places.values();
        let count = places.filter(|place| place.value.leave.is_some()).count();
        Self { count }
    }

    /// The verdict for a session that shall leave its host.
    pub(super) fn away(
        &mut self,
        placing: &Placing<'_>,
        loads: &mut Loads,
        candidate: &Candidate<'_>,
        why: Leave,
    ) -> PlaceVerdict {
        let host = &candidate.place.value.host;
        if candidate.place.value.leave.is_some() {
            return kept(Some(host), PlaceReason::Leaving { why });
        }
        let obstacle = self.obstacle(placing, loads, candidate, why);
        if let Some(obstacle) = obstacle {
            return kept(Some(host), obstacle);
        }
        self.count += 1;
        PlaceVerdict {
            host: Some(host.clone()),
            reason: PlaceReason::Leaving { why },
            change: mark(placing, candidate, Some(why)),
        }
    }

    /// What keeps a session from leaving. If nothing does, its room elsewhere is taken.
    fn obstacle(
        &self,
        placing: &Placing<'_>,
        loads: &mut Loads,
        candidate: &Candidate<'_>,
        why: Leave,
    ) -> Option<PlaceReason> {
        let host = &candidate.place.value.host;
        let Ok(target) = choose(placing, loads, candidate.session, Some(host)) else {
            return Some(PlaceReason::NowhereElse { why });
        };
        if let Some(wait) = gap(placing, candidate) {
            return Some(PlaceReason::GapNotOver { why, wait });
        }
        if self.count >= MOST_LEAVING {
            return Some(PlaceReason::OthersLeaving { why });
        }
        loads.add(&target);
        None
    }

    /// The verdict for a session that shall not leave its host any more.
    pub(super) fn back(placing: &Placing<'_>, candidate: &Candidate<'_>) -> PlaceVerdict {
        PlaceVerdict {
            host: Some(candidate.place.value.host.clone()),
            reason: PlaceReason::MayStay,
            change: mark(placing, candidate, None),
        }
    }
}

/// For how long the handoff gap still keeps a session from a planned restart.
fn gap(placing: &Placing<'_>, candidate: &Candidate<'_>) -> Option<Period> {
    let hist = placing.view.hists.get(candidate.name)?;
    let handoff: Moment = hist.value.handoff?;
    let ends = handoff.plus(candidate.session.desired.handoff_gap);
    let wait = placing.now.until(&ends);
    (!wait.is_zero()).then_some(wait)
}

/// Writes whether a session shall leave. Its epoch stays, so what runs may run on.
fn mark(
    placing: &Placing<'_>,
    candidate: &Candidate<'_>,
    leave: Option<Leave>,
) -> Option<Transaction> {
    let place = candidate.place;
    let mut placement = place.value.clone();
    placement.since = Some(place.epoch());
    placement.leave = leave;
    let key = FleetKey::Place(candidate.name.clone());
    let compares = vec![leads(placing), Compare::Modified(key, place.modified)];
    put(candidate.name, &placement, compares)
}

/// Which sessions leave so that no host has two more than another that could have them.
pub(super) fn spread(placing: &Placing<'_>, loads: &Loads) -> SortedSet<SessionName> {
    let mut leaving = SortedSet::new();
    if !placing.rebalance {
        return leaving;
    }
    let mut loads = loads.clone();
    for (name, place) in &placing.view.places {
        let host = &place.value.host;
        let Some(session) = placing.sessions.get(name) else {
            continue;
        };
        if !placing.view.is_present(host) || is_marked(placing, host) {
            continue;
        }
        let Ok(target) = choose(placing, &loads, session, Some(host)) else {
            continue;
        };
        if loads.of_host(host) >= loads.of_host(&target) + 2 {
            loads.remove(host);
            loads.add(&target);
            leaving.insert(name.clone());
        }
    }
    leaving
}
