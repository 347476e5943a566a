//! The decision for each session.

use super::candidates::{Loads, choose, is_allowed, is_marked};
use super::leave::{Leaving, spread};
use super::{PlaceVerdict, Placing};
use crate::model::{
    Compare, FleetKey, FleetSession, HostLack, HostName, Leave, LossPolicy, Period, PlaceReason,
    Placement, Revision, SessionName, Stored, Transaction, Write,
};
use crate::model::{SortedMap, SortedSet};

/// One session, with what the store says of its place.
pub(super) struct Candidate<'a> {
    pub(super) name: &'a SessionName,
    pub(super) session: &'a FleetSession,
    pub(super) place: &'a Stored<Placement>,
}

pub(super) fn all(placing: &Placing<'_>) -> SortedMap<SessionName, PlaceVerdict> {
    let mut loads = Loads::of(placing);
    let mut leaving = Leaving::of(placing);
    let spread = spread(placing, &loads);
    let mut verdicts = SortedMap::new();
    let placed = placing.view.places.keys();
    let names: SortedSet<&SessionName> = placing.sessions.keys().chain(placed).collect();
    for name in names {
        let verdict = match (placing.sessions.get(name), placing.view.places.get(name)) {
            _ if is_unreadable(placing, name) => kept(None, PlaceReason::Unreadable),
            (Some(session), None) => anew(placing, &mut loads, (name, session), None),
            (Some(session), Some(place)) => {
                let candidate = Candidate {
                    name,
                    session,
                    place,
                };
                placed_one(placing, (&mut loads, &mut leaving), &candidate, &spread)
            }
            (None, Some(place)) => undeclared(placing, name, place),
            (None, None) => continue,
        };
        verdicts.insert(name.clone(), verdict);
    }
    verdicts
}

fn is_unreadable(placing: &Placing<'_>, name: &SessionName) -> bool {
    let keys = [FleetKey::Place(name.clone()), FleetKey::Hist(name.clone())];
    keys.iter().any(|key| placing.view.unreadable.contains(key))
}

/// All stays as it is.
pub(super) fn kept(host: Option<&HostName>, reason: PlaceReason) -> PlaceVerdict {
    PlaceVerdict {
        host: host.cloned(),
        reason,
        change: None,
    }
}

/// The verdict for a session that has a place.
fn placed_one(
    placing: &Placing<'_>,
    (loads, leaving): (&mut Loads, &mut Leaving),
    candidate: &Candidate<'_>,
    spread: &SortedSet<SessionName>,
) -> PlaceVerdict {
    let Candidate {
        name,
        session,
        place,
    } = *candidate;
    let host = &place.value.host;
    if is_released(placing, name, place) {
        let was = Was {
            place,
            is_released: true,
        };
        return anew(placing, loads, (name, session), Some(&was));
    }
    if !placing.view.is_present(host) {
        return lost(placing, loads, candidate);
    }
    let Some(record) = placing.view.hosts.get(host) else {
        // It is there, but nobody can read what it says.
        return kept(Some(host), PlaceReason::Placed);
    };
    let cause = if !is_allowed(session, host, &record.value) {
        Some(Leave::NotAllowed)
    } else if is_marked(placing, host) {
        Some(Leave::Drained)
    } else if spread.contains(name) || place.value.leave == Some(Leave::Rebalance) {
        Some(Leave::Rebalance)
    } else {
        None
    };
    match cause {
        Some(why) => leaving.away(placing, loads, candidate, why),
        None if place.value.leave.is_some() => Leaving::back(placing, candidate),
        None => kept(Some(host), PlaceReason::Placed),
    }
}

fn is_released(placing: &Placing<'_>, name: &SessionName, place: &Stored<Placement>) -> bool {
    let hist = placing.view.hists.get(name);
    hist.is_some_and(|hist| hist.value.released == Some(place.epoch()))
}

/// The verdict for a session whose host is gone.
fn lost(placing: &Placing<'_>, loads: &mut Loads, candidate: &Candidate<'_>) -> PlaceVerdict {
    let host = &candidate.place.value.host;
    let moves = match candidate.session.on_host_loss {
        LossPolicy::Move => true,
        LossPolicy::Stay => is_confirmed(placing, host),
    };
    if !moves {
        return kept(Some(host), PlaceReason::HostGone);
    }
    let gone = placing.absences.gone_for(host).unwrap_or(Period::ZERO);
    if gone < placing.lock_delay {
        let wait = placing.lock_delay.millis().saturating_sub(gone.millis());
        let wait = Period::from_millis(wait);
        return kept(Some(host), PlaceReason::NotYetDead { wait });
    }
    let was = Was {
        place: candidate.place,
        is_released: false,
    };
    anew(
        placing,
        loads,
        (candidate.name, candidate.session),
        Some(&was),
    )
}

/// Whether somebody has said that a host is lost for good, and it has not signed in since.
fn is_confirmed(placing: &Placing<'_>, host: &HostName) -> bool {
    let mark = placing.view.marks.get(host);
    let lost = mark.and_then(|mark| mark.value.lost);
    let known = placing.view.known.get(host).map(|known| known.modified);
    lost.is_some() && lost == known
}

/// The place that a session had.
struct Was<'a> {
    place: &'a Stored<Placement>,
    is_released: bool,
}

/// Gives a session a place: its first, or a new one because its host has let it go or is lost.
fn anew(
    placing: &Placing<'_>,
    loads: &mut Loads,
    (name, session): (&SessionName, &FleetSession),
    was: Option<&Was<'_>>,
) -> PlaceVerdict {
    let target = match choose(placing, loads, session, None) {
        Ok(target) => target,
        Err(lack) => return homeless(was, lack),
    };
    loads.add(&target);
    let mut compares = vec![leads(placing)];
    let created = placing.view.hosts.get(&target).map(|host| host.created);
    let created = created.unwrap_or_default();
    compares.push(Compare::Created(FleetKey::Host(target.clone()), created));
    let before = was.map_or(Revision(0), |was| was.place.modified);
    compares.push(Compare::Modified(FleetKey::Place(name.clone()), before));
    if let Some(was) = was {
        compares.extend(still_so(placing, name, was));
    }
    let reason = match was {
        None => PlaceReason::New,
        Some(was) if was.is_released => PlaceReason::Released {
            from: was.place.value.host.clone(),
        },
        Some(was) => PlaceReason::HostLost {
            from: was.place.value.host.clone(),
        },
    };
    let mut placement = Placement::new(target.clone());
    if let Some(was) = was {
        placement.rest.clone_from(&was.place.value.rest);
    }
    PlaceVerdict {
        host: Some(target),
        reason,
        change: put(name, &placement, compares),
    }
}

fn homeless(was: Option<&Was<'_>>, lack: HostLack) -> PlaceVerdict {
    let host = was.map(|was| &was.place.value.host);
    kept(host, PlaceReason::NoHost { lack })
}

/// That the session has still been let go, or that its host is still gone and was not back in
/// between.
fn still_so(placing: &Placing<'_>, name: &SessionName, was: &Was<'_>) -> Vec<Compare> {
    if was.is_released {
        let hist = placing.view.hists.get(name);
        let modified = hist.map(|hist| hist.modified).unwrap_or_default();
        return vec![Compare::Modified(FleetKey::Hist(name.clone()), modified)];
    }
    let host = &was.place.value.host;
    let known = placing.view.known.get(host);
    let signed_in = known.map(|known| known.modified).unwrap_or_default();
    vec![
        Compare::Absent(FleetKey::Host(host.clone())),
        Compare::Modified(FleetKey::Known(host.clone()), signed_in),
    ]
}

/// The verdict for a session that is not declared any more.
fn undeclared(
    placing: &Placing<'_>,
    name: &SessionName,
    place: &Stored<Placement>,
) -> PlaceVerdict {
    if !is_released(placing, name, place) {
        return kept(Some(&place.value.host), PlaceReason::NotDeclared);
    }
    let key = FleetKey::Place(name.clone());
    let compares = vec![
        leads(placing),
        Compare::Modified(key.clone(), place.modified),
    ];
    PlaceVerdict {
        host: None,
        reason: PlaceReason::GivenUp,
        change: Some(Transaction {
            compares,
            writes: vec![Write::Delete(key)],
        }),
    }
}

/// That the leader still leads.
pub(super) fn leads(placing: &Placing<'_>) -> Compare {
    Compare::Created(FleetKey::Leader, placing.leader)
}

/// The transaction that writes a placement. None for a value that has no written form, which does
/// not occur.
pub(super) fn put(
    name: &SessionName,
    placement: &Placement,
    compares: Vec<Compare>,
) -> Option<Transaction> {
    let text = serde_json::to_string(placement).ok()?;
    Some(Transaction {
        compares,
        writes: vec![Write::Put(FleetKey::Place(name.clone()), text)],
    })
}
