//! What a seed decides: the town, the store, the clocks, and what goes wrong when.

use super::host::{Controller, Host, Link};
use super::world::{Event, MEMBERS, World};
use gtctl::fence::{StoreVersion, check, lock_delay};
use gtctl::model::SortedMap;
use gtctl::model::{
    FleetKey, FleetSession, HostChoice, HostMark, HostName, LossPolicy, Period, SessionName,
    StoreSettings, Transaction, Write,
};
use gtctl::sim::{Random, session};

/// The true ms in which things go wrong.
pub(super) const STORM: (u64, u64) = (12_000, 45_000);

#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    pub(super) hosts: usize,
    /// Whether the store is a version that revokes no lease wrongly.
    pub(super) is_fixed: bool,
    /// The least time of an election of the store, in ms.
    pub(super) election: u64,
    pub(super) lock_delay: Period,
    /// Whether one host is lost and nothing else goes wrong, to see how fast its sessions return.
    pub(super) is_single: bool,
    /// Whether messages and tmux can be slow.
    pub(super) is_slow: bool,
    /// Whether answers can be lost.
    pub(super) loses: bool,
}

/// Something that goes wrong, or that somebody does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) at: u64,
    host: usize,
    lasts: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    HostKilled,
    /// The host is killed, and somebody says that it is lost for good.
    HostLost,
    LinkCut,
    LinkCutOut,
    LinkCutBack,
    ControllerStopped,
    ControllerKilled,
    GuardKilled,
    DiskFrozen,
    QuorumLost,
    StoreLeaderLost,
    LeaseRevoked,
    Drained,
    Rebalance,
    WallStep,
    RunsCrash,
    ChoiceChanged,
}

const KINDS: [Kind; 17] = [
    Kind::HostKilled,
    Kind::HostLost,
    Kind::LinkCut,
    Kind::LinkCutOut,
    Kind::LinkCutBack,
    Kind::ControllerStopped,
    Kind::ControllerKilled,
    Kind::GuardKilled,
    Kind::DiskFrozen,
    Kind::QuorumLost,
    Kind::StoreLeaderLost,
    Kind::LeaseRevoked,
    Kind::Drained,
    Kind::Rebalance,
    Kind::WallStep,
    Kind::RunsCrash,
    Kind::ChoiceChanged,
];

impl Profile {
    pub(super) fn draw(random: &mut Random) -> Self {
        let is_single = random.chance(150);
        let is_fixed = is_single || random.chance(500);
        let version = if is_fixed {
            StoreVersion(3, 5, 16)
        } else {
            StoreVersion(3, 4, 23)
        };
        let settings = StoreSettings::default();
        assert!(check(&settings, Some(version)).is_empty());
        Self {
            hosts: usize::try_from(random.between(3, 4)).unwrap(),
            is_fixed,
            election: if is_single { 500 } else { 1000 },
            lock_delay: lock_delay(&settings, version),
            is_single,
            is_slow: !is_single && random.chance(600),
            loses: !is_single && random.chance(600),
        }
    }

    /// Each clock goes up to 5 % wrong. The speed of a failover is promised for good clocks.
    pub(super) fn rate(&self, random: &mut Random) -> u64 {
        let most = if self.is_single { 10_000 } else { 50_000 };
        random.between(1_000_000 - most, 1_000_000 + most)
    }

    /// Each wall clock can be an hour wrong.
    pub(super) fn skew(random: &mut Random) -> i64 {
        i64::try_from(random.below(7_200_000)).unwrap() - 3_600_000
    }

    pub(super) fn sessions(&self, random: &mut Random) -> SortedMap<SessionName, FleetSession> {
        let count = random.between(2, 6);
        let one = |index: u64, random: &mut Random| {
            let name = SessionName::new(&format!("s{index}")).unwrap();
            let host = random.below(self.hosts as u64);
            let is_fixed = random.chance(150);
            let can_move = !is_fixed && random.chance(700);
            let choice = if is_fixed {
                HostChoice::Name(HostName::new(&format!("h{host}")).unwrap())
            } else {
                HostChoice::Any
            };
            let mut desired = session(name.clone());
            desired.handoff_gap = Period::from_secs(8);
            let on_host_loss = if can_move {
                LossPolicy::Move
            } else {
                LossPolicy::Stay
            };
            let session = FleetSession {
                choice,
                on_host_loss,
                prepare: Vec::new(),
                desired,
            };
            (name, session)
        };
        (0..count).map(|index| one(index, random)).collect()
    }

    pub(super) fn faults(&self, random: &mut Random) -> Vec<Fault> {
        let (from, to) = STORM;
        let one = |kinds: &[Kind], random: &mut Random| Fault {
            at: random.between(from, to),
            host: usize::try_from(random.below(self.hosts as u64)).unwrap(),
            lasts: random.between(500, 20_000),
            kind: random.pick(kinds).unwrap(),
        };
        if self.is_single {
            let mut fault = one(&[Kind::HostKilled, Kind::LinkCut], random);
            fault.lasts = 20_000;
            return vec![fault];
        }
        let count = random.between(1, 7);
        (0..count).map(|_| one(&KINDS, random)).collect()
    }
}

impl World {
    pub(super) fn fault(&mut self, index: usize) {
        let Fault {
            host, lasts, kind, ..
        } = self.faults[index];
        if self.profile.is_single {
            self.expect_failover(host);
        }
        match kind {
            Kind::HostKilled | Kind::HostLost => self.kill_host(host, lasts, kind),
            Kind::LinkCut => self.cut(host, (false, false), lasts),
            Kind::LinkCutOut => self.cut(host, (false, true), lasts),
            Kind::LinkCutBack => self.cut(host, (true, false), lasts),
            Kind::ControllerStopped => self.stop_controller(host, lasts),
            Kind::ControllerKilled => self.fell_controller(host, lasts),
            Kind::GuardKilled => self.fell_guard(host, lasts),
            Kind::DiskFrozen => self.freeze(lasts),
            Kind::QuorumLost => {
                for member in 0..MEMBERS - 1 {
                    self.cut(member, (false, false), lasts);
                }
            }
            Kind::StoreLeaderLost => {
                self.store_leader = None;
                self.reconsider();
            }
            // Only a store that does so by itself has a lock delay, which makes it harmless.
            Kind::LeaseRevoked if !self.profile.is_fixed => self.revoke_if_led(host),
            Kind::LeaseRevoked => {}
            Kind::Drained => self.drain(host, lasts),
            Kind::Rebalance => self.rebalance = true,
            Kind::WallStep => self.hosts[host].skew = Profile::skew(&mut self.random),
            Kind::RunsCrash => self.crash(host),
            Kind::ChoiceChanged => self.change_choice(host),
        }
    }

    fn kill_host(&mut self, index: usize, lasts: u64, kind: Kind) {
        let host = &mut self.hosts[index];
        if !host.is_up {
            return;
        }
        host.is_up = false;
        host.controller = Controller::Dead;
        host.runs.clear();
        self.reconsider();
        self.after(lasts + 1000, Event::HostBack(index));
        if kind == Kind::HostLost {
            let known = FleetKey::Known(self.hosts[index].name.clone());
            let lost = self.store.entries.get(&known).map(|known| known.modified);
            let mark = HostMark {
                lost,
                ..HostMark::default()
            };
            self.mark(index, &mark);
        }
    }

    /// What a person writes of a host.
    fn mark(&mut self, host: usize, mark: &HostMark) {
        if self.store_leader.is_none() {
            return;
        }
        let key = FleetKey::Mark(self.hosts[host].name.clone());
        let text = serde_json::to_string(mark).unwrap();
        let transaction = Transaction {
            compares: vec![],
            writes: vec![Write::Put(key, text)],
        };
        self.commit(host, &transaction, None);
    }

    fn cut(&mut self, host: usize, (out, back): (bool, bool), lasts: u64) {
        self.hosts[host].link = Link { out, back };
        self.reconsider();
        self.after(lasts, Event::LinkBack(host));
    }

    /// Guard and controller are never both stopped: that is an exception of the promise.
    fn stop_controller(&mut self, index: usize, lasts: u64) {
        let until = self.now + lasts;
        let host = &mut self.hosts[index];
        if host.controller == Controller::Runs && host.has_guard && host.is_up {
            host.controller = Controller::Stopped(until);
            self.after(lasts, Event::GoOn(index));
        }
    }

    fn fell_controller(&mut self, index: usize, lasts: u64) {
        let host = &self.hosts[index];
        if host.controller == Controller::Runs && host.has_guard && host.is_up {
            self.kill_controller(index);
            self.after(lasts, Event::Controller(index));
        }
    }

    fn fell_guard(&mut self, index: usize, lasts: u64) {
        let host = &mut self.hosts[index];
        if host.controller == Controller::Runs && host.is_up {
            host.has_guard = false;
            self.after(lasts, Event::Guard(index));
        }
    }

    fn freeze(&mut self, lasts: u64) {
        let Some(leader) = self.store_leader.filter(|_| self.frozen.is_none()) else {
            return;
        };
        self.frozen = Some(leader);
        self.reconsider();
        self.after(lasts, Event::Thaw(leader));
    }

    fn revoke_if_led(&mut self, host: usize) {
        if self.store_leader.is_some() {
            self.revoke(host);
        }
    }

    fn drain(&mut self, host: usize, lasts: u64) {
        let drained = HostMark {
            drained: true,
            ..HostMark::default()
        };
        self.mark(host, &drained);
        self.after(lasts, Event::Uncordon(host));
    }

    pub(super) fn uncordon(&mut self, host: usize) {
        self.mark(host, &HostMark::default());
        let key = FleetKey::Mark(self.hosts[host].name.clone());
        let is_drained = |text: &str| text.contains("drained");
        let entry = self.store.entries.get(&key);
        if entry.is_some_and(|entry| is_drained(&entry.text)) {
            // The store was lost. The person tries again.
            self.after(1000, Event::Uncordon(host));
        }
    }

    fn crash(&mut self, host: usize) {
        let runs: Vec<u64> = self.hosts[host].runs.iter().map(|run| run.id).collect();
        for run in runs {
            if self.random.chance(700) {
                self.end_in(host, run, 0);
            }
        }
    }

    /// The manifest names another host for a session that stays.
    fn change_choice(&mut self, host: usize) {
        let name = HostName::new(&format!("h{host}")).unwrap();
        let mut stays = self.sessions.values_mut();
        let stays = stays.find(|session| session.on_host_loss == LossPolicy::Stay);
        if let Some(session) = stays {
            session.choice = HostChoice::Name(name);
        }
    }

    fn expect_failover(&mut self, index: usize) {
        let host: &Host = &self.hosts[index];
        let moving = host.runs.iter().filter(|run| run.can_move);
        let sessions: Vec<SessionName> = moving.map(|run| run.session.clone()).collect();
        self.after(10_000, Event::FailedOver(sessions, index));
    }
}
