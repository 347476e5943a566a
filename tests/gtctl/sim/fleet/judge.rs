//! The invariants, judged by what is true in the world.

use super::host::Run;
use super::store::{Entry, Store};
use super::world::World;
use gtctl::fence::comes_by_move;
use gtctl::model::SortedMap;
use gtctl::model::{
    Epoch, FleetKey, Generation, Hist, HostMark, HostName, LeaderRecord, LossPolicy, Permit,
    Placement, Revision, SessionName, StoreSettings, Stored, Transaction, Write,
};
use std::fmt;

/// An invariant that broke.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    pub(super) invariant: &'static str,
    /// In true ms.
    pub(super) at: u64,
    pub(super) what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {} ms: {}", self.invariant, self.at, self.what)
    }
}

/// What was, to judge what comes.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// When the store gave each permit.
    permits: SortedMap<(SessionName, Generation), u64>,
    /// When each host's key was last removed.
    gone: SortedMap<HostName, u64>,
    pub(super) begun: u64,
    pub(super) moves: u64,
}

/// The values of the keys that a transaction writes, before it does.
pub(super) type Former = SortedMap<FleetKey, Entry>;

fn read<T: serde::de::DeserializeOwned>(store: &Store, key: &FleetKey) -> Option<Stored<T>> {
    store.entries.get(key).map(parse)
}

fn parse<T: serde::de::DeserializeOwned>(entry: &Entry) -> Stored<T> {
    Stored {
        value: serde_json::from_str(&entry.text).unwrap(),
        created: entry.created,
        modified: entry.modified,
    }
}

/// See [`Former`].
pub(super) fn former(store: &Store, transaction: &Transaction) -> Former {
    let keys = transaction.writes.iter().map(|write| match write {
        Write::Put(key, _) | Write::PutLeased(key, _) | Write::Delete(key) => key,
    });
    let judged = keys.filter(|key| {
        matches!(
            key,
            FleetKey::Place(_) | FleetKey::Hist(_) | FleetKey::Leader
        )
    });
    let entry = |key: &FleetKey| Some((key.clone(), store.entries.get(key)?.clone()));
    judged.filter_map(entry).collect()
}

impl Judge {
    pub(super) fn permitted(&mut self, permit: &Permit, now: u64) {
        let key = (permit.session.clone(), permit.generation);
        self.permits.insert(key, now);
    }

    /// Takes in what was written since.
    pub(super) fn note(&mut self, store: &Store, before: usize, now: u64) {
        for change in &store.log[before..] {
            if let (FleetKey::Host(host), None) = (&change.key, &change.now) {
                self.gone.insert(host.clone(), now);
            }
        }
    }
}

impl World {
    /// I1, I2 and I8: at each begin of a run.
    pub(super) fn judge_begin(&mut self, index: usize, run: &Run) {
        self.judge.begun += 1;
        let name = &run.session;
        let living = self.hosts.iter().flat_map(|host| &host.runs);
        if living.filter(|other| other.session == *name).count() > 1 {
            self.breaks("I1", format!("{name} lives twice"));
            return;
        }
        self.judge_doubt(run);
        let place = read::<Placement>(&self.store, &FleetKey::Place(name.clone()));
        let hist = read::<Hist>(&self.store, &FleetKey::Hist(name.clone()));
        let here = &self.hosts[index].name;
        let is_here = place
            .as_ref()
            .is_some_and(|place| place.value.host == *here && place.epoch() == run.epoch);
        let is_noted = hist.as_ref().is_some_and(|hist| {
            hist.value.epoch == run.epoch && hist.value.generation >= run.generation
        });
        let is_let_go = hist.is_some_and(|hist| hist.value.released == Some(run.epoch));
        if !is_here || !is_noted || is_let_go {
            let what = format!("{name} begins on {here} without a permit of its epoch");
            self.breaks("I2", what);
        }
    }

    /// I8: while the store is lost, a run begins only by a permit from shortly before.
    fn judge_doubt(&mut self, run: &Run) {
        let key = (run.session.clone(), run.generation);
        let longest = StoreSettings::default().death().millis();
        let given = self.judge.permits.get(&key);
        let is_fresh = given.is_some_and(|given| self.now - given <= longest);
        if self.store_leader.is_none() && !is_fresh {
            let what = format!("{} begins while the store is lost", run.session);
            self.breaks("I8", what);
        }
    }

    /// I4, I5, I6 and I7: at each write.
    pub(super) fn judge_write(&mut self, by: usize, transaction: &Transaction, former: &Former) {
        for write in &transaction.writes {
            match write {
                Write::Put(FleetKey::Place(name), text) => {
                    let former = former.get(&FleetKey::Place(name.clone()));
                    let placement: Placement = serde_json::from_str(text).unwrap();
                    self.judge_leader(by, name);
                    self.judge_place(name, former, &placement);
                }
                Write::Put(FleetKey::Hist(name), text) => {
                    let former = former.get(&FleetKey::Hist(name.clone()));
                    let hist: Hist = serde_json::from_str(text).unwrap();
                    self.judge_hist(name, former, &hist);
                }
                Write::PutLeased(FleetKey::Leader, _) => {
                    if former.contains_key(&FleetKey::Leader) {
                        self.breaks("I5", "a second leader".to_owned());
                    }
                }
                Write::Put(..) | Write::PutLeased(..) | Write::Delete(_) => {}
            }
        }
    }

    fn judge_leader(&mut self, by: usize, name: &SessionName) {
        let leader = read::<LeaderRecord>(&self.store, &FleetKey::Leader);
        let leads = leader.is_some_and(|leader| leader.value.host == self.hosts[by].name);
        if !leads {
            self.breaks("I5", format!("{name} is placed by one that does not lead"));
        }
    }

    fn judge_place(&mut self, name: &SessionName, former: Option<&Entry>, now: &Placement) {
        let Some(former) = former.map(parse::<Placement>) else {
            return;
        };
        let was = &former.value.host;
        if *was == now.host && now.since.is_some() {
            if now.since != Some(former.epoch()) {
                self.breaks("I6", format!("{name} gets a wrong epoch"));
            }
            return;
        }
        self.judge.moves += 1;
        let hist = read::<Hist>(&self.store, &FleetKey::Hist(name.clone()));
        if hist.is_some_and(|hist| hist.value.released == Some(former.epoch())) {
            return;
        }
        let stays = |session: &gtctl::model::FleetSession| session.on_host_loss == LossPolicy::Stay;
        if self.sessions.get(name).is_some_and(stays) && !self.is_confirmed(was) {
            self.breaks("I4", format!("{name} stays, and moves off {was}"));
            return;
        }
        let is_there = self
            .store
            .entries
            .contains_key(&FleetKey::Host(was.clone()));
        let gone = self.judge.gone.get(was).copied().unwrap_or(0);
        // A bug must be noticed by what it leads to.
        let is_sound = self.bug.is_none();
        let slow = if is_sound {
            self.profile.lock_delay.millis() * 94 / 100
        } else {
            0
        };
        if is_there || self.now - gone < slow {
            self.breaks("I6", format!("{name} moves off {was} without a cause"));
        }
    }

    fn is_confirmed(&self, host: &HostName) -> bool {
        let mark = read::<HostMark>(&self.store, &FleetKey::Mark(host.clone()));
        let known = self.store.entries.get(&FleetKey::Known(host.clone()));
        let known: Option<Revision> = known.map(|known| known.modified);
        mark.is_some_and(|mark| mark.value.lost.is_some() && mark.value.lost == known)
    }

    fn judge_hist(&mut self, name: &SessionName, former: Option<&Entry>, now: &Hist) {
        let Some(former) = former.map(parse::<Hist>) else {
            return;
        };
        let was = &former.value;
        let is_permit = now.restarts > was.restarts;
        let grows = if is_permit {
            now.generation > was.generation
        } else {
            now.generation == was.generation
        };
        let keeps = now.restarts >= was.restarts
            && now.epoch >= was.epoch
            && (now.handoff.is_some() || was.handoff.is_none())
            && was.prepared.is_subset(&now.prepared);
        if !grows || !keeps {
            self.breaks("I7", format!("{name} loses a part of its history"));
        }
        let moved = now
            .host
            .as_ref()
            .is_some_and(|host| comes_by_move(was, host));
        let is_new = was.epoch == Epoch::default() || now.epoch > was.epoch;
        if moved && !is_new {
            self.breaks("I2", format!("{name} changes its host within an epoch"));
        }
    }

    /// I9: ten seconds after a host was lost.
    pub(super) fn failed_over(&mut self, sessions: &[SessionName], from: usize) {
        for name in sessions {
            let others = self.hosts.iter().enumerate();
            let mut others = others.filter(|(index, _)| *index != from);
            if !others.any(|(_, host)| host.run_of(name).is_some()) {
                self.breaks("I9", format!("{name} is not back after 10 s"));
            }
        }
    }

    /// After the storm: each session runs once, where it may.
    pub(super) fn judge_calm(&mut self) {
        let names: Vec<SessionName> = self.sessions.keys().cloned().collect();
        for name in names {
            let runs = self
                .hosts
                .iter()
                .filter(|host| host.run_of(&name).is_some());
            let count = runs.count();
            if count != 1 {
                self.breaks("L1", format!("{name} runs {count} times after the storm"));
            }
        }
    }
}
