//! What a controller does with a look at the store, as the one that ships does.

use super::host::Host;
use super::logic::{self, Bug};
use super::world::{Answer, Asked, Call, Event, Order, What, World};
use gtctl::fence::{PermitAsk, SignIn, release, sign_in, stale};
use gtctl::model::{
    FleetSession, LossPolicy, Permit, Placement, SessionName, StoreSettings, Stored, Transaction,
};
use gtctl::place::{Placing, claim, led_by};

/// A row of a list of writes.
type Row = (What, Transaction);

impl World {
    pub(super) fn work(&mut self, host: usize, starts: u64, comes_back: bool) {
        if comes_back {
            let period = self.random.between(700, 1000);
            let period = self.hosts[host].lasts(period);
            self.after(period, Event::Work(host, starts, true));
        }
        let mind = &mut self.hosts[host].mind;
        if mind.work_call.is_some() {
            mind.again = true;
            return;
        }
        let from = mind.seen;
        let id = self.call(host, Asked::Read { from });
        self.hosts[host].mind.work_call = Some(id);
    }

    pub(super) fn worked(&mut self, call: &Call, answer: Answer) {
        match answer {
            Answer::Read { to, revision } => {
                self.take_in(call, to, revision);
                self.round(call.host);
            }
            Answer::SignIn { lease, made } => {
                let host = &mut self.hosts[call.host];
                host.lease = made.map(|_| lease);
                if let Some(made) = made {
                    host.mind.fence = host.mind.fence.signed_in(made);
                }
                host.mind.again = true;
            }
            Answer::Write(done) => {
                for (what, revision) in done {
                    if let (What::Permit(permit), Some(_)) = (what, revision) {
                        self.permitted(call.host, permit);
                    }
                }
            }
            Answer::Failed => {
                let Asked::Write(list) = &call.asked else {
                    return;
                };
                if self.bug == Some(Bug::DoubtMeansYes) {
                    for (what, _) in list {
                        if let What::Permit(permit) = what {
                            self.permitted(call.host, permit.clone());
                        }
                    }
                }
            }
            Answer::Beat(..) => {}
        }
    }

    fn take_in(&mut self, call: &Call, to: usize, revision: gtctl::model::Revision) {
        let Asked::Read { from } = call.asked else {
            return;
        };
        let local = self.hosts[call.host].local(self.now);
        let mind = &mut self.hosts[call.host].mind;
        for change in &self.store.log[from..to] {
            match &change.now {
                Some(entry) => {
                    mind.view
                        .put(&change.key, &entry.text, entry.created, entry.modified);
                }
                None => mind.view.remove(&change.key),
            }
        }
        mind.view.revision = revision;
        mind.seen = to;
        mind.absences = mind.absences.seen(&mind.view, local);
    }

    /// What follows from a fresh look.
    fn round(&mut self, index: usize) {
        let host = &self.hosts[index];
        let Some(signed_in) = host.mind.fence.sign_in() else {
            if host.has_guard {
                self.sign_in(index);
            }
            return;
        };
        let labels = host.labels();
        let stale = stale(&host.mind.view, &host.name, &labels);
        let is_stale = |session: &SessionName| stale.iter().any(|run| run.session == *session);
        let doomed: Vec<u64> = host
            .runs
            .iter()
            .filter(|run| is_stale(&run.session) && !run.ends)
            .map(|run| run.id)
            .collect();
        let has_stale = !stale.is_empty();
        let (least, most) = Host::KILL;
        for run in doomed {
            let period = self.random.between(least, most);
            self.end_in(index, run, period);
        }
        if !self.hosts[index].mind.fence.takes_part() {
            if !has_stale {
                let mind = &mut self.hosts[index].mind;
                mind.fence = mind.fence.cleared(signed_in);
                mind.again = true;
            }
            return;
        }
        let mut list = self.own(index);
        list.extend(self.lead(index, signed_in));
        if !list.is_empty() {
            let id = self.call(index, Asked::Write(list));
            self.hosts[index].mind.work_call = Some(id);
        }
    }

    fn sign_in(&mut self, index: usize) {
        let host = &self.hosts[index];
        let asked = match sign_in(&host.mind.view, &host.name, &host.record()) {
            SignIn::Anew(transaction) => Asked::SignIn {
                anew: true,
                transaction,
                made: gtctl::model::Revision(0),
            },
            SignIn::GoOn(transaction, made) => Asked::SignIn {
                anew: false,
                transaction,
                made,
            },
            SignIn::Taken => return,
        };
        let id = self.call(index, asked);
        self.hosts[index].mind.work_call = Some(id);
    }

    /// What the host does about the sessions that are placed on it.
    fn own(&mut self, index: usize) -> Vec<Row> {
        let host = &self.hosts[index];
        let places = host.mind.view.places.iter();
        let own: Vec<(SessionName, Stored<Placement>)> = places
            .filter(|(_, place)| place.value.host == host.name)
            .map(|(name, place)| (name.clone(), place.clone()))
            .collect();
        let mut list = Vec::new();
        for (name, place) in own {
            let host = &mut self.hosts[index];
            let run = host.run_of(&name).cloned();
            if let Some(run) = &run {
                host.mind.permits.settle(&name, run.generation);
            }
            match (run, place.value.leave) {
                (Some(run), Some(_)) if !run.ends => {
                    let period = self.random.between(50, 2000);
                    self.end_in(index, run.id, period);
                }
                (None, Some(_)) => list.extend(self.let_go(index, &name)),
                (None, None) => list.extend(self.permit(index, &name)),
                (Some(_), Some(_) | None) => {}
            }
        }
        list
    }

    fn let_go(&self, index: usize, name: &SessionName) -> Option<Row> {
        let host = &self.hosts[index];
        let now = host.local(self.now);
        if !logic::may_let_go(self.bug, &host.mind.permits, name, now) {
            return None;
        }
        let known = host.mind.view.hists.get(name);
        let mut noted = known.map(|known| known.value.clone()).unwrap_or_default();
        noted.handoff = Some(host.moment(self.now));
        let transaction = release(&host.mind.view, &host.name, name, &noted)?;
        Some((What::LetGo, transaction))
    }

    fn permit(&mut self, index: usize, name: &SessionName) -> Option<Row> {
        let policy = self.sessions.get(name)?.on_host_loss;
        let host = &self.hosts[index];
        if host.mind.starting.contains(name) {
            return None;
        }
        let known = host.mind.view.hists.get(name).map(|hist| &hist.value);
        let noted = logic::next_hist(self.bug, known, host.moment(self.now).wall);
        let times = (host.local(self.now), StoreSettings::default().fence);
        let who = (&host.name, name, policy);
        let ask = PermitAsk::new(&host.mind.view, &host.mind.fence, who, &noted, times).ok()?;
        if self.bug == Some(Bug::NoPermit) {
            self.permitted(index, ask.permit);
            return None;
        }
        Some((What::Permit(ask.permit), ask.transaction))
    }

    /// Tells tmux to start what has a permit. tmux may do it late.
    fn permitted(&mut self, index: usize, permit: Permit) {
        let now = self.now;
        let host = &mut self.hosts[index];
        let (session, generation) = (permit.session.clone(), permit.generation);
        host.mind.permits.give(permit);
        let epoch = host.mind.view.places.get(&session).map(Stored::epoch);
        let local = host.local(now);
        let state = (&host.mind.fence, epoch);
        let may = host
            .mind
            .permits
            .may_start(&session, generation, state, local);
        let Ok(permit) = may.cloned() else {
            return;
        };
        host.mind.starting.insert(session.clone());
        let can_move = |session: &FleetSession| session.on_host_loss == LossPolicy::Move;
        let order = Order {
            host: index,
            boot: host.boot,
            permit,
            can_move: self.sessions.get(&session).is_some_and(can_move),
        };
        let is_late = self.profile.is_slow && self.random.chance(100);
        let late = if is_late {
            self.random.between(1000, 9000)
        } else {
            self.random.between(5, 200)
        };
        self.after(late, Event::Begin(Box::new(order)));
    }

    /// What the host does if it leads the town, or could.
    fn lead(&mut self, index: usize, signed_in: gtctl::model::Revision) -> Vec<Row> {
        let host = &self.hosts[index];
        let view = &host.mind.view;
        let presumed = (self.bug == Some(Bug::AllLead)).then_some(signed_in);
        let Some(leader) = led_by(view, &host.name).or(presumed) else {
            let instance = host.record().instance;
            let claim = claim(view, &host.name, &instance, signed_in);
            return claim.map(|claim| (What::Lead, claim)).into_iter().collect();
        };
        let placing = Placing {
            view,
            sessions: &self.sessions,
            absences: &host.mind.absences,
            lock_delay: self.lock_delay(),
            protocol: 1,
            leader,
            rebalance: self.rebalance,
            now: host.moment(self.now),
        };
        let verdicts = logic::placed(self.bug, &placing);
        let changes = verdicts.into_values().filter_map(|verdict| verdict.change);
        changes.map(|change| (What::Place, change)).collect()
    }
}
