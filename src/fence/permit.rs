//! Permits to start a session, and the word that a session was stopped for a move.

use super::FenceState;
use crate::model::SortedMap;
use crate::model::{
    BootTime, Compare, Epoch, FleetKey, FleetView, Generation, Hist, HostName, LossPolicy, Period,
    Permit, SessionName, Transaction, Write,
};

/// A permit that the store is asked for.
///
/// If the transaction succeeds, [`Permits::give`] makes the permit. If no answer comes, it may have
/// succeeded all the same: then the next look at the store shows the new history, and the next ask
/// uses a higher generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermitAsk {
    /// What to write to the store, and when it counts.
    pub transaction: Transaction,
    /// The permit that it gives.
    pub permit: Permit,
}

/// Why no permit can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermitRefusal {
    /// The host is not signed in, or not yet rid of what is stale.
    NotSignedIn,
    /// The deadline has come.
    Over,
    /// The session is not placed on this host.
    NotHere,
    /// It shall leave this host, or has left it.
    Leaves,
    /// What the store says of it cannot be read.
    Unreadable,
}

/// Why a run may not begin, although it had a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartRefusal {
    /// The permit has ended.
    Late,
    /// The host has signed in anew since.
    OtherSignIn,
    /// The session was placed anew since.
    OtherEpoch,
    /// There is no such permit, or it was used.
    NoPermit,
}

impl PermitAsk {
    /// The question for a permit to start a session. `hist` is the history to write: with the
    /// generation that shall start. Take `sent` before the question is sent.
    ///
    /// # Errors
    /// Why it may not start here now.
    pub fn new(
        view: &FleetView,
        state: &FenceState,
        (here, session, on_host_loss): (&HostName, &SessionName, LossPolicy),
        hist: &Hist,
        (sent, fence): (BootTime, Period),
    ) -> Result<Self, PermitRefusal> {
        let signed_in = state.sign_in().filter(|_| state.takes_part());
        let signed_in = signed_in.ok_or(PermitRefusal::NotSignedIn)?;
        let until = match on_host_loss {
            LossPolicy::Stay => sent.plus(fence),
            LossPolicy::Move => state.deadline().unwrap_or_default(),
        };
        if until <= sent {
            return Err(PermitRefusal::Over);
        }
        let keys = [
            FleetKey::Place(session.clone()),
            FleetKey::Hist(session.clone()),
        ];
        if keys.iter().any(|key| view.unreadable.contains(key)) {
            return Err(PermitRefusal::Unreadable);
        }
        let place = view.places.get(session);
        let place = place.filter(|place| place.value.host == *here);
        let place = place.ok_or(PermitRefusal::NotHere)?;
        let epoch = place.epoch();
        let known = view.hists.get(session);
        let is_released = known.is_some_and(|known| known.value.released == Some(epoch));
        if place.value.leave.is_some() || is_released {
            return Err(PermitRefusal::Leaves);
        }
        let mut hist = hist.clone();
        hist.epoch = epoch;
        hist.host = Some(here.clone());
        let [place_key, hist_key] = keys;
        let modified = known.map(|known| known.modified).unwrap_or_default();
        let text = serde_json::to_string(&hist).map_err(|_| PermitRefusal::Unreadable)?;
        let transaction = Transaction {
            compares: vec![
                Compare::Created(FleetKey::Host(here.clone()), signed_in),
                Compare::Modified(place_key, place.modified),
                Compare::Modified(hist_key.clone(), modified),
            ],
            writes: vec![Write::Put(hist_key, text)],
        };
        let permit = Permit {
            session: session.clone(),
            epoch,
            generation: hist.generation,
            signed_in,
            until,
        };
        Ok(Self {
            transaction,
            permit,
        })
    }
}

/// The permits of a host that may still be used. A run may begin late: until it is seen, or its
/// permit has ended, the session cannot be let go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permits {
    open: SortedMap<SessionName, Permit>,
    unknown_until: BootTime,
}

impl Permits {
    /// The permits of a controller that starts at `now`. The one before it may have had others, for
    /// any session: the last of them ends one fence later.
    #[must_use]
    pub fn at_start(now: BootTime, fence: Period) -> Self {
        Self {
            open: SortedMap::new(),
            unknown_until: now.plus(fence),
        }
    }

    /// Takes in a permit that the store has given.
    pub fn give(&mut self, permit: Permit) {
        self.open.insert(permit.session.clone(), permit);
    }

    /// Whether the run of this generation may begin now. Asked right before it begins.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_start(
        &self,
        session: &SessionName,
        generation: Generation,
        (state, epoch): (&FenceState, Option<Epoch>),
        now: BootTime,
    ) -> Result<&Permit, StartRefusal> {
        let permit = self.open.get(session);
        let permit = permit.filter(|permit| permit.generation == generation);
        let permit = permit.ok_or(StartRefusal::NoPermit)?;
        if now >= permit.until {
            return Err(StartRefusal::Late);
        }
        if state.sign_in() != Some(permit.signed_in) {
            return Err(StartRefusal::OtherSignIn);
        }
        if epoch != Some(permit.epoch) {
            return Err(StartRefusal::OtherEpoch);
        }
        Ok(permit)
    }

    /// Takes in that the run of this generation was seen, or is known never to begin.
    pub fn settle(&mut self, session: &SessionName, generation: Generation) {
        let open = self.open.get(session);
        if open.is_some_and(|permit| permit.generation <= generation) {
            self.open.remove(session);
        }
    }

    /// Until when a run may still begin by a permit that was not settled, or by one of the
    /// controller before. None if none can.
    #[must_use]
    pub fn open_until(&self, session: &SessionName, now: BootTime) -> Option<BootTime> {
        let until = self.open.get(session).map(|permit| permit.until);
        let until = until.unwrap_or_default().max(self.unknown_until);
        (until > now).then_some(until)
    }
}

/// What a host writes once a session that shall leave was stopped and seen to be dead, and no
/// permit for it is open ([`Permits::open_until`]). `hist` is the history to write.
///
/// None if the session is not on this host, or is already let go.
#[must_use]
pub fn release(
    view: &FleetView,
    here: &HostName,
    session: &SessionName,
    hist: &Hist,
) -> Option<Transaction> {
    let place = view.places.get(session)?;
    let epoch = place.epoch();
    let known = view.hists.get(session);
    let is_released = known.is_some_and(|known| known.value.released == Some(epoch));
    if place.value.host != *here || is_released {
        return None;
    }
    let mut hist = hist.clone();
    hist.released = Some(epoch);
    let place_key = FleetKey::Place(session.clone());
    let hist_key = FleetKey::Hist(session.clone());
    let modified = known.map(|known| known.modified).unwrap_or_default();
    Some(Transaction {
        compares: vec![
            Compare::Modified(place_key, place.modified),
            Compare::Modified(hist_key.clone(), modified),
        ],
        writes: vec![Write::Put(hist_key, serde_json::to_string(&hist).ok()?)],
    })
}

/// Whether the next start of a session on this host is the end of its move: it ran elsewhere
/// before. Such a start counts against no budget of starts, so that a lost host is made good at
/// once.
#[must_use]
pub fn comes_by_move(hist: &Hist, here: &HostName) -> bool {
    hist.host.as_ref().is_some_and(|host| host != here)
}
