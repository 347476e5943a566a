//! Since when hosts are gone, as the leader has seen it.

use crate::model::SortedMap;
use crate::model::{BootTime, FleetView, HostName, Period, Revision};

/// For how long the leader has seen that hosts are gone, by its own clock.
///
/// The wait of a host begins anew whenever it has signed in since. The leader may have missed that
/// the host was back for a while: then the revision of its durable key tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Absences {
    gone: SortedMap<HostName, Absence>,
}

/// A host that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Absence {
    /// The last sign-in of the host.
    signed_in: Option<Revision>,
    /// When the leader first saw that the host is gone.
    since: BootTime,
    /// How long ago that was.
    age: Period,
}

impl Absences {
    /// Takes in a look at the store, whose answer came at `now`. When it was asked for does not
    /// count: the host may have been there until just before the answer. A new leader begins with
    /// [`Absences::default`].
    #[must_use]
    pub fn seen(&self, view: &FleetView, now: BootTime) -> Self {
        let placed = view.places.values().map(|stored| &stored.value.host);
        let hosts = view.known.keys().chain(placed);
        let gone = hosts
            .filter(|host| !view.is_present(host))
            .map(|host| (host.clone(), self.absence(host, view, now)))
            .collect();
        Self { gone }
    }

    fn absence(&self, host: &HostName, view: &FleetView, now: BootTime) -> Absence {
        let signed_in = view.known.get(host).map(|known| known.modified);
        let before = self.gone.get(host);
        let before = before.filter(|absence| absence.signed_in == signed_in);
        let since = before.map_or(now, |absence| absence.since);
        Absence {
            signed_in,
            since,
            age: now.since(since),
        }
    }

    /// For how long the leader has seen that the host is gone. None if it is there.
    #[must_use]
    pub fn gone_for(&self, host: &HostName) -> Option<Period> {
        self.gone.get(host).map(|absence| absence.age)
    }

    /// When the first wait of `lock_delay` ends, seen from the last look. None if there is none.
    #[must_use]
    pub fn next_end(&self, lock_delay: Period) -> Option<Period> {
        let ages = self.gone.values().map(|absence| absence.age);
        let waiting = ages.filter(|age| *age < lock_delay);
        let longest = waiting.max()?;
        Some(Period::from_millis(
            lock_delay.millis().saturating_sub(longest.millis()),
        ))
    }
}
