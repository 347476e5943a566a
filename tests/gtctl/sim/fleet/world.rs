//! The truth: one clock, the hosts, the store with its members, and the messages between them.

use super::faults::{Fault, Profile};
use super::host::{Controller, Host, Link};
use super::judge::{Broken, Judge, former};
use super::logic::{self, Bug};
use super::store::Store;
use gtctl::fence::{Beat, Beaten, KeepaliveAnswer, KeyAnswer};
use gtctl::model::SortedMap;
use gtctl::model::{
    BootTime, FleetKey, FleetSession, Period, Permit, Revision, SessionName, StoreSettings,
    Transaction,
};
use gtctl::sim::Random;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How many members the store has. Member `n` is on host `n`.
pub(super) const MEMBERS: usize = 3;

/// What a call asks of the store.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Beat,
    Read {
        from: usize,
    },
    SignIn {
        anew: bool,
        transaction: Transaction,
        made: Revision,
    },
    Write(Vec<(What, Transaction)>),
}

/// What a transaction is for.
#[derive(Debug, Clone)]
pub(super) enum What {
    Lead,
    Place,
    LetGo,
    Permit(Permit),
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Beat(KeepaliveAnswer, KeyAnswer),
    Read { to: usize, revision: Revision },
    SignIn { lease: u64, made: Option<Revision> },
    Write(Vec<(What, Option<Revision>)>),
    Failed,
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) host: usize,
    pub(super) starts: u64,
    pub(super) member: usize,
    pub(super) sent: BootTime,
    pub(super) lease: Option<u64>,
    pub(super) asked: Asked,
}

/// An order to tmux.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) host: usize,
    pub(super) boot: u64,
    pub(super) permit: Permit,
    pub(super) can_move: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Event {
    /// The controller's beat is due.
    Beat(usize, u64),
    /// The controller's look is due. The flag says whether it is the one that comes back.
    Work(usize, u64, bool),
    Arrive(Box<Call>),
    Reply(Box<Call>, Answer),
    Begin(Box<Order>),
    End(usize, u64),
    GuardTimer(usize, u64, BootTime),
    DeadBy(usize, u64, BootTime),
    Controller(usize),
    Guard(usize),
    HostBack(usize),
    GoOn(usize),
    Uncordon(usize),
    LinkBack(usize),
    Thaw(usize),
    Elect(u64),
    Leases,
    Fault(usize),
    FailedOver(Vec<SessionName>, usize),
}

#[derive(Debug)]
struct Due {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        Reverse((self.at, self.order)).cmp(&Reverse((other.at, other.order)))
    }
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: u64,
    due: BinaryHeap<Due>,
    order: u64,
    pub(super) random: Random,
    pub(super) profile: Profile,
    pub(super) bug: Option<Bug>,
    pub(super) hosts: Vec<Host>,
    pub(super) store: Store,
    /// The member that leads the store.
    pub(super) store_leader: Option<usize>,
    /// A member whose disk hangs.
    pub(super) frozen: Option<usize>,
    election: u64,
    /// The rate of the clock by which leases are counted.
    store_rate: u64,
    pub(super) sessions: SortedMap<SessionName, FleetSession>,
    pub(super) rebalance: bool,
    pub(super) faults: Vec<Fault>,
    /// Whether messages can be late or lost.
    pub(super) is_stormy: bool,
    pub(super) judge: Judge,
    pub(super) broken: Option<Broken>,
}

impl World {
    pub(super) fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut random = Random::new(seed);
        let profile = Profile::draw(&mut random);
        let hosts = (0..profile.hosts)
            .map(|index| Host::new(index, profile.rate(&mut random), Profile::skew(&mut random)))
            .collect();
        let sessions = profile.sessions(&mut random);
        let faults = profile.faults(&mut random);
        let mut world = Self {
            now: 1,
            due: BinaryHeap::new(),
            order: 0,
            store_rate: profile.rate(&mut random),
            random,
            profile,
            bug,
            hosts,
            store: Store::default(),
            store_leader: Some(0),
            frozen: None,
            election: 0,
            sessions,
            rebalance: false,
            faults,
            is_stormy: true,
            judge: Judge::default(),
            broken: None,
        };
        for host in 0..world.hosts.len() {
            let at = world.random.below(1500);
            world.after(at, Event::Controller(host));
        }
        for index in 0..world.faults.len() {
            let at = world.faults[index].at;
            world.after(at, Event::Fault(index));
        }
        world.after(100, Event::Leases);
        world
    }

    /// Lives until a true time, or until an invariant breaks.
    pub(super) fn run_until(&mut self, end: u64) {
        while self.broken.is_none() {
            match self.due.peek() {
                Some(due) if due.at <= end => {}
                Some(_) | None => break,
            }
            let Some(due) = self.due.pop() else { break };
            self.now = due.at;
            self.step(due.event);
        }
    }

    pub(super) fn after(&mut self, period: u64, event: Event) {
        self.at(self.now + period, event);
    }

    pub(super) fn at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.due.push(Due {
            at: at.max(self.now),
            order: self.order,
            event,
        });
    }

    pub(super) fn breaks(&mut self, invariant: &'static str, what: String) {
        let at = self.now;
        self.broken.get_or_insert(Broken {
            invariant,
            at,
            what,
        });
    }

    fn step(&mut self, event: Event) {
        let Some(event) = self.unless_stopped(event) else {
            return;
        };
        match event {
            Event::Beat(host, starts) => self.beat(host, starts),
            Event::Work(host, starts, comes_back) => self.work(host, starts, comes_back),
            Event::Arrive(call) => self.arrive(call),
            Event::Reply(call, answer) => self.reply(&call, answer),
            Event::Begin(order) => self.begin(&order),
            Event::End(host, run) => self.end(host, run),
            Event::GuardTimer(host, boot, deadline) => self.guard_timer(host, boot, deadline),
            Event::DeadBy(host, boot, deadline) => self.dead_by(host, boot, deadline),
            Event::Controller(host) => self.controller_back(host),
            Event::Guard(host) => self.hosts[host].has_guard = true,
            Event::HostBack(host) => self.host_back(host),
            Event::GoOn(host) => self.go_on(host),
            Event::Uncordon(host) => self.uncordon(host),
            Event::LinkBack(host) => {
                self.hosts[host].link = Link::GOOD;
                self.reconsider();
            }
            Event::Thaw(member) => self.thaw(member),
            Event::Elect(election) => self.elect(election),
            Event::Leases => self.leases(),
            Event::Fault(index) => self.fault(index),
            Event::FailedOver(sessions, from) => self.failed_over(&sessions, from),
        }
    }

    /// An event of a controller that is stopped comes when it goes on; one of a controller that has
    /// ended never does.
    fn unless_stopped(&mut self, event: Event) -> Option<Event> {
        let (host, starts) = match &event {
            Event::Beat(host, starts) | Event::Work(host, starts, _) => (*host, *starts),
            Event::Reply(call, _) => (call.host, call.starts),
            _ => return Some(event),
        };
        let Host {
            controller,
            starts: now,
            ..
        } = self.hosts[host];
        match controller {
            Controller::Runs if now == starts => Some(event),
            Controller::Stopped(until) if now == starts => {
                self.at(until, event);
                None
            }
            Controller::Runs | Controller::Stopped(_) | Controller::Dead => None,
        }
    }

    // Messages.

    fn latency(&mut self) -> u64 {
        let slow = self.is_stormy && self.profile.is_slow && self.random.chance(30);
        if slow {
            self.random.between(200, 2500)
        } else {
            self.random.between(1, 8)
        }
    }

    pub(super) fn call(&mut self, host: usize, asked: Asked) -> u64 {
        let id = self.order;
        let this = &self.hosts[host];
        let call = Call {
            id,
            host,
            starts: this.starts,
            member: this.mind.endpoint,
            sent: this.local(self.now),
            lease: this.lease,
            asked,
        };
        let timeout = this.lasts(StoreSettings::CALL_TIMEOUT.millis());
        let late = Event::Reply(Box::new(call.clone()), Answer::Failed);
        self.after(timeout, late);
        let latency = self.latency();
        self.after(latency, Event::Arrive(Box::new(call)));
        id
    }

    fn arrive(&mut self, call: Box<Call>) {
        let host = &self.hosts[call.host];
        let is_local = call.member == call.host;
        if !host.is_up || !(host.link.out || is_local) || !self.hosts[call.member].is_up {
            return;
        }
        let is_frozen = self.frozen == Some(call.member);
        let answer = if is_frozen {
            self.frozen_answer(&call)
        } else if self.store_leader.is_some() && self.is_connected(call.member) {
            Some(self.serve(&call))
        } else {
            None
        };
        let Some(answer) = answer else { return };
        let host = &self.hosts[call.host];
        let is_lost = self.is_stormy && self.profile.loses && self.random.chance(15);
        if !(host.link.back || is_local) || is_lost {
            return;
        }
        let latency = self.latency();
        self.after(latency, Event::Reply(call, answer));
    }

    /// What a leader whose disk hangs answers: an old one goes on answering keepalives.
    fn frozen_answer(&self, call: &Call) -> Option<Answer> {
        let is_beat = matches!(call.asked, Asked::Beat);
        let answers = is_beat && !self.profile.is_fixed;
        answers.then_some(Answer::Beat(KeepaliveAnswer::Alive, KeyAnswer::Failed))
    }

    fn lease_end(&self, extra: u64) -> u64 {
        let lease = StoreSettings::default().lease.millis() + extra;
        self.now + lease * 1_000_000 / self.store_rate
    }

    fn serve(&mut self, call: &Call) -> Answer {
        match &call.asked {
            Asked::Beat => self.serve_beat(call),
            Asked::Read { .. } => Answer::Read {
                to: self.store.log.len(),
                revision: self.store.revision,
            },
            Asked::SignIn {
                anew,
                transaction,
                made,
            } => {
                let ends = self.lease_end(0);
                let kept = call
                    .lease
                    .filter(|lease| !anew && self.store.keep_alive(*lease, ends));
                let lease = kept.unwrap_or_else(|| self.store.grant(ends));
                let revision = self.commit(call.host, transaction, Some(lease));
                let made = if *anew {
                    revision
                } else {
                    revision.map(|_| *made)
                };
                Answer::SignIn { lease, made }
            }
            Asked::Write(list) => {
                let mut done = Vec::new();
                for (what, transaction) in list {
                    let revision = self.commit(call.host, transaction, call.lease);
                    if let (What::Permit(permit), Some(_)) = (what, revision) {
                        self.judge.permitted(permit, self.now);
                    }
                    done.push((what.clone(), revision));
                }
                Answer::Write(done)
            }
        }
    }

    fn serve_beat(&mut self, call: &Call) -> Answer {
        let ends = self.lease_end(0);
        let lives = call
            .lease
            .is_some_and(|lease| self.store.keep_alive(lease, ends));
        let keepalive = if lives {
            KeepaliveAnswer::Alive
        } else {
            KeepaliveAnswer::Gone
        };
        let key = FleetKey::Host(self.hosts[call.host].name.clone());
        let key = self.store.entries.get(&key);
        let key = key.map_or(KeyAnswer::Gone, |entry| KeyAnswer::Made(entry.created));
        Answer::Beat(keepalive, key)
    }

    /// Carries out a transaction, has it judged, and tells all who watch.
    pub(super) fn commit(
        &mut self,
        by: usize,
        transaction: &Transaction,
        lease: Option<u64>,
    ) -> Option<Revision> {
        let before = self.store.log.len();
        let before_it = former(&self.store, transaction);
        let revision = self.store.commit(transaction, lease)?;
        self.judge_write(by, transaction, &before_it);
        self.tell(before);
        Some(revision)
    }

    /// Tells all who watch of what was written since.
    pub(super) fn tell(&mut self, before: usize) {
        self.judge.note(&self.store, before, self.now);
        for host in 0..self.hosts.len() {
            let Host { starts, link, .. } = self.hosts[host];
            if link.is_good() {
                let late = self.random.between(3, 40);
                self.after(late, Event::Work(host, starts, false));
            }
        }
    }

    fn reply(&mut self, call: &Call, answer: Answer) {
        let host = call.host;
        let mind = &mut self.hosts[host].mind;
        let is_beat = matches!(call.asked, Asked::Beat);
        let open = if is_beat {
            &mut mind.beat_call
        } else {
            &mut mind.work_call
        };
        if *open != Some(call.id) {
            return;
        }
        *open = None;
        if matches!(answer, Answer::Failed) {
            self.turn_to_another(host);
        }
        if is_beat {
            self.beaten(call, &answer);
        } else {
            self.worked(call, answer);
            let mind = &mut self.hosts[host].mind;
            if mind.work_call.is_none() && std::mem::take(&mut mind.again) {
                self.after(1, Event::Work(host, call.starts, false));
            }
        }
    }

    /// Mostly it talks to another member after a failure.
    fn turn_to_another(&mut self, host: usize) {
        if self.profile.is_single {
            let endpoint = &mut self.hosts[host].mind.endpoint;
            *endpoint = (*endpoint + 1) % MEMBERS;
            return;
        }
        if self.random.chance(700) {
            let endpoint = self.random.below(MEMBERS as u64);
            self.hosts[host].mind.endpoint = usize::try_from(endpoint).unwrap();
        }
    }

    // Beats.

    fn beat(&mut self, host: usize, starts: u64) {
        let this = &self.hosts[host];
        let next = this.lasts(StoreSettings::default().beat.millis());
        let is_due =
            this.has_guard && this.mind.beat_call.is_none() && this.mind.fence.sign_in().is_some();
        self.after(next, Event::Beat(host, starts));
        if is_due {
            let id = self.call(host, Asked::Beat);
            self.hosts[host].mind.beat_call = Some(id);
        }
    }

    fn beaten(&mut self, call: &Call, answer: &Answer) {
        let (keepalive, key) = match answer {
            Answer::Beat(keepalive, key) => (*keepalive, *key),
            _ => (KeepaliveAnswer::Failed, KeyAnswer::Failed),
        };
        let beat = Beat {
            sent: call.sent,
            keepalive,
            key,
        };
        let bug = self.bug;
        let now = self.now;
        let host = &mut self.hosts[call.host];
        let fence = StoreSettings::default().fence;
        let (state, what) = logic::beaten(bug, host.mind.fence, &beat, fence);
        host.mind.fence = state;
        match what {
            Beaten::Confirmed => {
                host.guard_deadline = state.deadline();
                let deadline = state.deadline().unwrap();
                let (boot, at) = (host.boot, host.truly(deadline));
                self.at(at.max(now), Event::GuardTimer(call.host, boot, deadline));
            }
            Beaten::SignedOut => {
                host.lease = None;
                self.after(1, Event::Work(call.host, call.starts, false));
            }
            Beaten::Unconfirmed => {}
        }
    }

    // What runs.

    fn begin(&mut self, order: &Order) {
        let host = &mut self.hosts[order.host];
        if !host.is_up || host.boot != order.boot {
            return;
        }
        let Permit {
            session,
            epoch,
            generation,
            until,
            ..
        } = &order.permit;
        host.mind.starting.remove(session);
        let now = host.local(self.now);
        // tmux has one session of a name.
        let is_taken = host.run_of(session).is_some();
        if is_taken || !logic::launches(self.bug, *until, now) {
            return;
        }
        let run = super::host::Run {
            id: self.order,
            session: session.clone(),
            epoch: *epoch,
            generation: *generation,
            can_move: order.can_move,
            began: now,
            ends: false,
        };
        host.runs.push(run.clone());
        self.judge_begin(order.host, &run);
    }

    /// Asks for the end of a run, which comes after so long.
    pub(super) fn end_in(&mut self, host: usize, run: u64, period: u64) {
        let found = self.hosts[host].runs.iter_mut().find(|r| r.id == run);
        if let Some(found) = found {
            found.ends = true;
            self.after(period, Event::End(host, run));
        }
    }

    fn end(&mut self, host: usize, run: u64) {
        let starts = self.hosts[host].starts;
        self.hosts[host].runs.retain(|r| r.id != run);
        self.after(5, Event::Work(host, starts, false));
    }

    fn guard_timer(&mut self, index: usize, boot: u64, deadline: BootTime) {
        let host = &mut self.hosts[index];
        let is_this = host.is_up && host.boot == boot && host.guard_deadline == Some(deadline);
        if !is_this || self.bug == Some(Bug::NobodyKills) && deadline.0 == 0 {
            return;
        }
        let ends = host.truly(Host::kill_ends(deadline));
        let can_move = |run: &&super::host::Run| run.can_move;
        let runs: Vec<u64> = host.runs.iter().filter(can_move).map(|r| r.id).collect();
        self.at(ends + 1, Event::DeadBy(index, boot, deadline));
        if self.bug == Some(Bug::NobodyKills) {
            return;
        }
        if self.hosts[index].has_guard {
            // It ends the controller first, which could start something late.
            self.kill_controller(index);
            let back = self.random.between(200, 3000);
            self.after(back, Event::Controller(index));
        }
        let (least, most) = Host::KILL;
        for run in runs {
            let local = self.random.between(least, most);
            let period = self.hosts[index].lasts(local);
            self.end_in(index, run, period);
        }
    }

    fn dead_by(&mut self, index: usize, boot: u64, deadline: BootTime) {
        let host = &self.hosts[index];
        let lives = |run: &&super::host::Run| run.can_move && run.began < deadline;
        if host.boot != boot {
            return;
        }
        if let Some(run) = host.runs.iter().find(lives) {
            let what = format!("{} lives on {} after its deadline", run.session, host.name);
            self.breaks("I3", what);
        }
    }

    pub(super) fn kill_controller(&mut self, host: usize) {
        self.hosts[host].controller = Controller::Dead;
    }

    fn controller_back(&mut self, index: usize) {
        let endpoint = usize::try_from(self.random.below(MEMBERS as u64)).unwrap();
        let now = self.now;
        let host = &mut self.hosts[index];
        if !host.is_up || host.controller != Controller::Dead {
            return;
        }
        // Its supervisor starts the guard with it.
        host.start_controller(now, endpoint);
        let starts = host.starts;
        self.after(1, Event::Beat(index, starts));
        self.after(2, Event::Work(index, starts, true));
    }

    /// A controller that was stopped goes on, unless it was killed since.
    fn go_on(&mut self, index: usize) {
        let now = self.now;
        let host = &mut self.hosts[index];
        if matches!(host.controller, Controller::Stopped(until) if until <= now) {
            host.controller = Controller::Runs;
        }
    }

    fn host_back(&mut self, index: usize) {
        let rate = self.profile.rate(&mut self.random);
        let now = self.now;
        let host = &mut self.hosts[index];
        host.is_up = true;
        host.boot += 100;
        host.booted = now;
        host.rate = rate;
        host.guard_deadline = None;
        host.has_guard = true;
        host.lease = None;
        host.controller = Controller::Dead;
        self.reconsider();
        self.after(500, Event::Controller(index));
    }

    // The store's members.

    /// Whether a member can talk to others.
    pub(super) fn is_connected(&self, member: usize) -> bool {
        let host = &self.hosts[member];
        host.is_up && host.link.is_good() && self.frozen != Some(member)
    }

    /// Looks whether the store still has a leader. If not, it elects one after a while.
    pub(super) fn reconsider(&mut self) {
        let connected = (0..MEMBERS).filter(|m| self.is_connected(*m)).count();
        let keeps = self
            .store_leader
            .is_some_and(|leader| self.is_connected(leader));
        if keeps && connected >= 2 {
            return;
        }
        self.store_leader = None;
        self.election += 1;
        let least = self.profile.election;
        let period = self.random.between(least, 2 * least);
        self.after(period, Event::Elect(self.election));
    }

    fn elect(&mut self, election: u64) {
        if election != self.election || self.store_leader.is_some() {
            return;
        }
        let connected: Vec<usize> = (0..MEMBERS).filter(|m| self.is_connected(*m)).collect();
        if connected.len() < 2 {
            return;
        }
        self.store_leader = self.random.pick(&connected);
        self.store_rate = self.profile.rate(&mut self.random);
        let ends = self.lease_end(self.profile.election);
        self.store.extend_all(ends);
    }

    fn leases(&mut self) {
        let period = self.random.between(100, 500);
        self.after(period, Event::Leases);
        if self.store_leader.is_some() {
            let before = self.store.log.len();
            self.store.expire(self.now);
            if self.store.log.len() > before {
                self.tell(before);
            }
        }
    }

    /// A disk works again. An old store then also ends leases of hosts that live.
    fn thaw(&mut self, member: usize) {
        if self.frozen == Some(member) {
            self.frozen = None;
            self.reconsider();
            if !self.profile.is_fixed && self.store_leader.is_some() {
                for host in 0..self.hosts.len() {
                    if self.random.chance(400) {
                        self.revoke(host);
                    }
                }
            }
        }
    }

    /// The store ends the lease of a host too early.
    pub(super) fn revoke(&mut self, host: usize) {
        let key = FleetKey::Host(self.hosts[host].name.clone());
        if let Some(lease) = self.store.lease_of(&key) {
            let before = self.store.log.len();
            self.store.revoke(lease);
            self.tell(before);
        }
    }

    pub(super) fn lock_delay(&self) -> Period {
        self.profile.lock_delay
    }
}
