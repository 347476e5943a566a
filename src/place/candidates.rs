//! Which hosts can take a session, and which of them does.

use super::Placing;
use crate::model::SortedMap;
use crate::model::{
    FleetKey, FleetSession, HostChoice, HostLack, HostName, HostRecord, LossPolicy, Stored,
};

/// How many sessions each host has. It is kept up to date while places are given.
#[derive(Debug, Clone)]
pub(super) struct Loads(SortedMap<HostName, u32>);

impl Loads {
    /// The loads by the places in the store. A session that was released takes no room.
    pub(super) fn of(placing: &Placing<'_>) -> Self {
        let mut loads = Self(SortedMap::new());
        for (name, place) in &placing.view.places {
            let hist = placing.view.hists.get(name);
            let is_released = hist.is_some_and(|hist| hist.value.released == Some(place.epoch()));
            if !is_released {
                loads.add(&place.value.host);
            }
        }
        loads
    }

    pub(super) fn add(&mut self, host: &HostName) {
        *self.0.entry(host.clone()).or_default() += 1;
    }

    pub(super) fn remove(&mut self, host: &HostName) {
        let load = self.0.entry(host.clone()).or_default();
        *load = load.saturating_sub(1);
    }

    pub(super) fn of_host(&self, host: &HostName) -> u32 {
        self.0.get(host).copied().unwrap_or(0)
    }
}

/// The host with the fewest sessions that can take this one; of several, the first by name. It is
/// none of `but`.
///
/// # Errors
/// What is lacking, if no host can: what the host lacks that came closest.
pub(super) fn choose(
    placing: &Placing<'_>,
    loads: &Loads,
    session: &FleetSession,
    but: Option<&HostName>,
) -> Result<HostName, HostLack> {
    let mut best: Option<(u32, &HostName)> = None;
    let mut closest = HostLack::NotThere;
    for (host, record) in &placing.view.hosts {
        if Some(host) == but {
            continue;
        }
        if let Some(lack) = lack(placing, loads, session, (host, record)) {
            closest = closest.max(lack);
            continue;
        }
        let load = loads.of_host(host);
        let is_better = best.is_none_or(|(least, _)| load < least);
        best = if is_better { Some((load, host)) } else { best };
    }
    best.map(|(_, host)| host.clone()).ok_or(closest)
}

/// What keeps a host from taking a session.
fn lack(
    placing: &Placing<'_>,
    loads: &Loads,
    session: &FleetSession,
    (host, stored): (&HostName, &Stored<HostRecord>),
) -> Option<HostLack> {
    let record = &stored.value;
    let is_movable = session.on_host_loss == LossPolicy::Move;
    let is_full = || {
        record
            .slots
            .is_some_and(|slots| loads.of_host(host) >= slots)
    };
    let agent = &session.desired.agent.name;
    [
        (!is_allowed(session, host, record), HostLack::NotAllowed),
        (record.protocol < placing.protocol, HostLack::TooOld),
        (is_marked(placing, host), HostLack::Drained),
        (is_movable && !record.guard, HostLack::NoGuard),
        (record.signed_out.contains(agent), HostLack::SignedOut),
        (is_full(), HostLack::Full),
    ]
    .into_iter()
    .find_map(|(is_lacking, lack)| is_lacking.then_some(lack))
}

/// Whether the manifest lets a session run on this host.
pub(super) fn is_allowed(session: &FleetSession, host: &HostName, record: &HostRecord) -> bool {
    match &session.choice {
        HostChoice::Name(name) => name == host,
        HostChoice::Any => true,
        HostChoice::Label(label) => record.labels.contains(label),
    }
}

/// Whether a host is drained, or what people have said of it cannot be read.
pub(super) fn is_marked(placing: &Placing<'_>, host: &HostName) -> bool {
    let mark = placing.view.marks.get(host);
    let key = FleetKey::Mark(host.clone());
    mark.is_some_and(|mark| mark.value.drained) || placing.view.unreadable.contains(&key)
}
