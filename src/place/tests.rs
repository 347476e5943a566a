use super::*;
use crate::model::SortedSet;
use crate::model::{
    BootTime, Compare, Epoch, FleetKey, Hist, HostChoice, HostLack, HostMark, HostRecord, Leave,
    LossPolicy, Placement, Write,
};
use crate::sim;

const LEADER: Revision = Revision(1);
const NOW: Moment = Moment {
    wall: 10_000_000,
    awake: 10_000_000,
    boot: 1,
};

fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

fn session(name: &str) -> SessionName {
    SessionName::new(name).unwrap()
}

/// A town with a store, in one revision.
#[derive(Debug, Clone, Default)]
struct Town {
    view: FleetView,
    sessions: SortedMap<SessionName, FleetSession>,
    absences: Absences,
    lock_delay: Period,
    rebalance: bool,
}

impl Town {
    /// A town with these hosts, each with a guard.
    fn new(hosts: &[&str]) -> Self {
        let mut town = Self::default();
        for host in hosts {
            town.sign_in(host, |_| {});
        }
        town
    }

    fn put(&mut self, key: &FleetKey, text: &str) -> Revision {
        self.view.revision.0 += 1;
        let revision = Revision(self.view.revision.0 + 10);
        self.view.put(key, text, revision, revision);
        revision
    }

    fn sign_in(&mut self, name: &str, change: impl Fn(&mut HostRecord)) {
        let mut record = HostRecord {
            protocol: 1,
            guard: true,
            ..HostRecord::default()
        };
        change(&mut record);
        let text = serde_json::to_string(&record).unwrap();
        self.put(&FleetKey::Known(host(name)), &text);
        self.put(&FleetKey::Host(host(name)), &text);
    }

    /// Takes a host away, as the leader has seen for so long.
    fn lose(&mut self, name: &str, gone: Period) {
        self.view.remove(&FleetKey::Host(host(name)));
        let seen = self.absences.seen(&self.view, BootTime(0));
        self.absences = seen.seen(&self.view, BootTime(gone.millis()));
    }

    fn mark(&mut self, name: &str, mark: &HostMark) {
        let text = serde_json::to_string(mark).unwrap();
        self.put(&FleetKey::Mark(host(name)), &text);
    }

    fn declare(&mut self, name: &str, choice: HostChoice, on_host_loss: LossPolicy) {
        let fleet_session = FleetSession {
            choice,
            on_host_loss,
            prepare: Vec::new(),
            desired: sim::session(session(name)),
        };
        self.sessions.insert(session(name), fleet_session);
    }

    /// Declares a session that can move, on this host.
    fn on(&mut self, name: &str, at: &str) -> Revision {
        self.declare(name, HostChoice::Any, LossPolicy::Move);
        self.placed(name, &Placement::new(host(at)))
    }

    fn placed(&mut self, name: &str, placement: &Placement) -> Revision {
        let text = serde_json::to_string(placement).unwrap();
        self.put(&FleetKey::Place(session(name)), &text)
    }

    fn hist(&mut self, name: &str, hist: &Hist) {
        let text = serde_json::to_string(hist).unwrap();
        self.put(&FleetKey::Hist(session(name)), &text);
    }

    fn place(&self) -> SortedMap<SessionName, PlaceVerdict> {
        place(&Placing {
            view: &self.view,
            sessions: &self.sessions,
            absences: &self.absences,
            lock_delay: self.lock_delay,
            protocol: 1,
            leader: LEADER,
            rebalance: self.rebalance,
            now: NOW,
        })
    }

    fn verdict(&self, name: &str) -> PlaceVerdict {
        self.place().remove(&session(name)).unwrap()
    }

    fn reason(&self, name: &str) -> PlaceReason {
        self.verdict(name).reason
    }

    /// The host of the session, and the code of the reason.
    fn outcome(&self, name: &str) -> (String, &'static str) {
        let verdict = self.verdict(name);
        let host = verdict.host.map(|host| host.to_string());
        (host.unwrap_or_default(), verdict.reason.code())
    }
}

fn is(host: &str, code: &'static str) -> (String, &'static str) {
    (host.to_owned(), code)
}

fn written(verdict: &PlaceVerdict) -> Placement {
    let writes = &verdict.change.as_ref().unwrap().writes;
    let [Write::Put(_, text)] = &writes[..] else {
        panic!("{writes:?}");
    };
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_new_session_goes_to_the_host_with_the_fewest_then_the_first_by_name() {
    let mut town = Town::new(&["b", "a", "c"]);
    town.on("x1", "a");
    for name in ["n1", "n2", "n3", "n4"] {
        town.declare(name, HostChoice::Any, LossPolicy::Stay);
    }
    let hosts = ["b", "c", "a", "b"];
    for (name, host) in ["n1", "n2", "n3", "n4"].into_iter().zip(hosts) {
        assert_eq!(town.outcome(name), is(host, "new"), "{name}");
    }
    assert_eq!(town.outcome("x1"), is("a", "placed"));
}

type Change = fn(&mut HostRecord);

#[test]
fn each_lack_keeps_a_host_from_taking_a_session() {
    let gpu = HostChoice::Label("gpu".to_owned());
    let labelled = |record: &mut HostRecord| record.labels = SortedSet::from(["gpu".to_owned()]);
    let cases: [(HostLack, Change); 4] = [
        (HostLack::TooOld, |record| record.protocol = 0),
        (HostLack::NoGuard, |record| record.guard = false),
        (HostLack::SignedOut, |record| {
            record.signed_out.insert("claude".to_owned());
        }),
        (HostLack::Full, |record| record.slots = Some(0)),
    ];
    for (lack, change) in cases {
        let mut town = Town::default();
        town.declare("x", gpu.clone(), LossPolicy::Move);
        let none = HostLack::NotThere;
        assert_eq!(town.reason("x"), PlaceReason::NoHost { lack: none });
        town.sign_in("plain", |_| {});
        let none = HostLack::NotAllowed;
        assert_eq!(town.reason("x"), PlaceReason::NoHost { lack: none });
        town.sign_in("a", |record| {
            labelled(record);
            change(record);
        });
        assert_eq!(town.reason("x"), PlaceReason::NoHost { lack });
        town.sign_in("b", labelled);
        assert_eq!(town.outcome("x"), is("b", "new"), "{lack:?}");
    }
}

#[test]
fn a_drained_host_gets_nothing_and_a_guard_matters_only_to_what_moves() {
    let mut town = Town::default();
    town.sign_in("a", |record| record.guard = false);
    town.declare("x", HostChoice::Any, LossPolicy::Stay);
    assert_eq!(town.outcome("x"), is("a", "new"));
    let drained = HostMark {
        drained: true,
        ..HostMark::default()
    };
    town.mark("a", &drained);
    let lack = HostLack::Drained;
    assert_eq!(town.reason("x"), PlaceReason::NoHost { lack });
    town.mark("a", &HostMark::default());
    assert_eq!(town.outcome("x"), is("a", "new"));
}

#[test]
fn a_fixed_host_is_kept_also_where_others_have_room() {
    let mut town = Town::new(&["a", "b"]);
    town.declare("x", HostChoice::Name(host("b")), LossPolicy::Stay);
    for name in ["y1", "y2"] {
        town.on(name, "b");
    }
    assert_eq!(town.outcome("x"), is("b", "new"));
}

#[test]
fn slots_count_also_what_is_placed_in_the_same_look() {
    let mut town = Town::default();
    town.sign_in("a", |record| record.slots = Some(1));
    for name in ["x", "y"] {
        town.declare(name, HostChoice::Any, LossPolicy::Move);
    }
    assert_eq!(town.outcome("x"), is("a", "new"));
    let lack = HostLack::Full;
    assert_eq!(town.reason("y"), PlaceReason::NoHost { lack });
}

#[test]
fn a_lost_host_loses_what_moves_and_keeps_what_stays() {
    let mut town = Town::new(&["a", "b"]);
    let place = town.on("x", "a");
    town.on("y", "a");
    town.declare("y", HostChoice::Any, LossPolicy::Stay);
    let known = town.view.known[&host("a")].modified;
    town.lock_delay = Period::from_millis(6500);
    town.lose("a", Period::from_millis(6000));
    let wait = Period::from_millis(500);
    assert_eq!(town.reason("x"), PlaceReason::NotYetDead { wait });
    assert_eq!(town.verdict("x").change, None);
    let end = town.absences.next_end(town.lock_delay);
    assert_eq!(end, Some(wait));
    town.lose("a", Period::from_millis(6500));
    assert_eq!(town.absences.next_end(town.lock_delay), None);
    let verdict = town.verdict("x");
    assert_eq!(verdict.reason, PlaceReason::HostLost { from: host("a") });
    assert_eq!(written(&verdict), Placement::new(host("b")));
    let b = town.view.hosts[&host("b")].created;
    let compares = [
        Compare::Created(FleetKey::Leader, LEADER),
        Compare::Created(FleetKey::Host(host("b")), b),
        Compare::Modified(FleetKey::Place(session("x")), place),
        Compare::Absent(FleetKey::Host(host("a"))),
        Compare::Modified(FleetKey::Known(host("a")), known),
    ];
    assert_eq!(verdict.change.unwrap().compares, compares);
    assert_eq!(town.outcome("y"), is("a", "host-gone"));
    assert_eq!(town.verdict("y").change, None);
}

#[test]
fn what_stays_moves_once_somebody_says_that_its_host_is_lost() {
    let mut town = Town::new(&["a", "b"]);
    town.on("x", "a");
    town.declare("x", HostChoice::Any, LossPolicy::Stay);
    let lost = |town: &Town| HostMark {
        lost: Some(town.view.known[&host("a")].modified),
        ..HostMark::default()
    };
    let mark = lost(&town);
    town.mark("a", &mark);
    assert_eq!(town.outcome("x"), is("a", "placed"), "it is there");
    town.lose("a", Period::ZERO);
    assert_eq!(town.outcome("x"), is("b", "host-lost"));
    town.sign_in("a", |_| {});
    town.lose("a", Period::ZERO);
    assert_eq!(town.outcome("x"), is("a", "host-gone"), "it was back since");
}

#[test]
fn the_wait_for_a_lost_host_begins_anew_when_it_was_back() {
    let mut town = Town::new(&["a", "b"]);
    town.lose("a", Period::from_secs(6));
    assert_eq!(
        town.absences.gone_for(&host("a")),
        Some(Period::from_secs(6))
    );
    assert_eq!(town.absences.gone_for(&host("b")), None);
    // It signs in and is gone again, and the leader sees neither.
    town.sign_in("a", |_| {});
    town.view.remove(&FleetKey::Host(host("a")));
    town.absences = town.absences.seen(&town.view, BootTime(7000));
    assert_eq!(town.absences.gone_for(&host("a")), Some(Period::ZERO));
}

#[test]
fn a_session_leaves_by_plan_only_after_its_host_has_let_it_go() {
    let mut town = Town::new(&["a", "b"]);
    let place = town.on("x", "a");
    let drained = HostMark {
        drained: true,
        ..HostMark::default()
    };
    town.mark("a", &drained);
    let verdict = town.verdict("x");
    let why = Leave::Drained;
    assert_eq!(verdict.reason, PlaceReason::Leaving { why });
    assert_eq!(verdict.host, Some(host("a")));
    let asked = Placement {
        since: Some(place.into()),
        leave: Some(why),
        ..Placement::new(host("a"))
    };
    assert_eq!(written(&verdict), asked);
    town.placed("x", &asked);
    assert_eq!(town.verdict("x").change, None, "it was asked");
    let released = Hist {
        released: Some(place.into()),
        ..Hist::default()
    };
    town.hist("x", &released);
    let verdict = town.verdict("x");
    assert_eq!(verdict.reason, PlaceReason::Released { from: host("a") });
    assert_eq!(written(&verdict), Placement::new(host("b")));
    let modified = town.view.hists[&session("x")].modified;
    let last = Compare::Modified(FleetKey::Hist(session("x")), modified);
    assert_eq!(verdict.change.unwrap().compares.last(), Some(&last));
}

#[test]
fn a_wish_to_leave_is_taken_back_with_its_cause() {
    let mut town = Town::new(&["a", "b"]);
    let asked = Placement {
        since: Some(Epoch(4)),
        leave: Some(Leave::Drained),
        ..Placement::new(host("a"))
    };
    town.on("x", "a");
    town.placed("x", &asked);
    let verdict = town.verdict("x");
    assert_eq!(verdict.reason, PlaceReason::MayStay);
    let stays = Placement {
        since: Some(Epoch(4)),
        ..Placement::new(host("a"))
    };
    assert_eq!(written(&verdict), stays);
}

#[test]
fn the_handoff_gap_and_the_number_of_those_on_their_way_pace_a_drain() {
    let mut town = Town::new(&["a", "b"]);
    let drained = HostMark {
        drained: true,
        ..HostMark::default()
    };
    town.mark("a", &drained);
    let names = ["s1", "s2", "s3", "s4", "s5", "s6"];
    for name in names {
        town.on(name, "a");
    }
    let recent = Hist {
        handoff: Some(NOW.minus(Period::from_mins(20))),
        ..Hist::default()
    };
    town.hist("s1", &recent);
    let why = Leave::Drained;
    let wait = Period::from_mins(40);
    assert_eq!(town.reason("s1"), PlaceReason::GapNotOver { why, wait });
    for name in ["s2", "s3", "s4", "s5"] {
        assert_eq!(town.reason(name), PlaceReason::Leaving { why }, "{name}");
    }
    assert_eq!(town.reason("s6"), PlaceReason::OthersLeaving { why });
}

#[test]
fn what_no_other_host_can_take_stays() {
    let mut town = Town::new(&["a"]);
    town.on("x", "a");
    let drained = HostMark {
        drained: true,
        ..HostMark::default()
    };
    town.mark("a", &drained);
    let why = Leave::Drained;
    assert_eq!(town.reason("x"), PlaceReason::NowhereElse { why });
    town.mark("a", &HostMark::default());
    town.declare("x", HostChoice::Name(host("b")), LossPolicy::Stay);
    let why = Leave::NotAllowed;
    assert_eq!(town.reason("x"), PlaceReason::NowhereElse { why });
    town.sign_in("b", |_| {});
    assert_eq!(town.reason("x"), PlaceReason::Leaving { why });
}

#[test]
fn sessions_are_spread_anew_only_where_somebody_asks() {
    let mut town = Town::new(&["a"]);
    for name in ["s1", "s2", "s3", "s4", "s5"] {
        town.on(name, "a");
    }
    town.sign_in("b", |_| {});
    let leaving = |town: &Town| {
        let verdicts = town.place();
        let leave = PlaceReason::Leaving {
            why: Leave::Rebalance,
        };
        verdicts.values().filter(|v| v.reason == leave).count()
    };
    assert_eq!(leaving(&town), 0);
    town.rebalance = true;
    assert_eq!(leaving(&town), 2, "3 and 2 remain");
}

#[test]
fn what_cannot_be_read_changes_nothing() {
    let mut town = Town::new(&["a", "b"]);
    town.on("x", "a");
    town.put(&FleetKey::Host(host("a")), "{");
    assert_eq!(town.outcome("x"), is("a", "placed"), "it is there");
    town.lose("a", Period::from_hours(1));
    town.put(&FleetKey::Place(session("x")), "{");
    assert_eq!(town.outcome("x"), is("", "unreadable"));
    town.on("x", "a");
    town.put(&FleetKey::Hist(session("x")), "[]");
    assert_eq!(town.outcome("x"), is("", "unreadable"));
}

#[test]
fn a_session_that_is_not_declared_keeps_its_place_until_it_is_let_go() {
    let mut town = Town::new(&["a", "b"]);
    let place = town.on("x", "a");
    town.sessions.clear();
    assert_eq!(town.outcome("x"), is("a", "not-declared"));
    let released = Hist {
        released: Some(place.into()),
        ..Hist::default()
    };
    town.hist("x", &released);
    let verdict = town.verdict("x");
    assert_eq!(verdict.reason, PlaceReason::GivenUp);
    let key = FleetKey::Place(session("x"));
    assert_eq!(verdict.change.unwrap().writes, [Write::Delete(key)]);
}
