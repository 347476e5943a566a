use super::*;
use crate::model::{
    BootTime, Compare, Epoch, FleetKey, FleetView, Generation, Hist, HostName, HostRecord,
    LossPolicy, Period, Placement, Revision, SessionName, StoreSettings, Transaction, Write,
};

use Beaten::{Confirmed, SignedOut, Unconfirmed};
use KeepaliveAnswer::{Alive, Failed, Gone};

const FENCE: Period = Period::from_millis(5500);

fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

fn session(name: &str) -> SessionName {
    SessionName::new(name).unwrap()
}

fn beat(sent: u64, keepalive: KeepaliveAnswer, key: KeyAnswer) -> Beat {
    Beat {
        sent: BootTime(sent),
        keepalive,
        key,
    }
}

fn good(sent: u64) -> Beat {
    beat(sent, KeepaliveAnswer::Alive, KeyAnswer::Made(Revision(3)))
}

fn signed_in() -> FenceState {
    FenceState::default()
        .signed_in(Revision(3))
        .cleared(Revision(3))
}

#[test]
fn only_both_answers_together_move_the_deadline() {
    let (state, _) = signed_in().beaten(&good(1000), FENCE);
    assert_eq!(state.deadline(), Some(BootTime(6500)));

    let made = KeyAnswer::Made(Revision(3));
    let cases = [
        (Alive, made, Confirmed, 7500),
        (Alive, KeyAnswer::Failed, Unconfirmed, 6500),
        (Failed, made, Unconfirmed, 6500),
        (Failed, KeyAnswer::Failed, Unconfirmed, 6500),
        (Gone, made, SignedOut, 6500),
        (Alive, KeyAnswer::Gone, SignedOut, 6500),
        (Failed, KeyAnswer::Gone, SignedOut, 6500),
        (Alive, KeyAnswer::Made(Revision(9)), SignedOut, 6500),
    ];
    for (keepalive, key, beaten, deadline) in cases {
        let beat = beat(2000, keepalive, key);
        let (after, what) = state.beaten(&beat, FENCE);
        assert_eq!(what, beaten, "{beat:?}");
        assert_eq!(after.deadline(), Some(BootTime(deadline)), "{beat:?}");
        assert_eq!(after.takes_part(), beaten != SignedOut, "{beat:?}");
    }
}

#[test]
fn an_answer_to_an_older_beat_moves_no_deadline_back() {
    let (state, _) = signed_in().beaten(&good(2000), FENCE);
    let (state, _) = state.beaten(&good(1000), FENCE);
    assert_eq!(state.deadline(), Some(BootTime(7500)));
}

#[test]
fn a_host_that_signs_in_anew_keeps_its_old_deadline_until_it_is_cleared() {
    let (state, _) = signed_in().beaten(&good(1000), FENCE);
    let state = state.signed_out().signed_in(Revision(9));
    let beat = beat(3000, KeepaliveAnswer::Alive, KeyAnswer::Made(Revision(9)));
    let (state, beaten) = state.beaten(&beat, FENCE);
    assert_eq!(beaten, Beaten::Unconfirmed);
    assert_eq!(state.deadline(), Some(BootTime(6500)));
    let state = state.cleared(Revision(3));
    assert!(!state.takes_part(), "cleared for another sign-in");
    let (state, beaten) = state.cleared(Revision(9)).beaten(&beat, FENCE);
    assert_eq!(beaten, Beaten::Confirmed);
    assert_eq!(state.deadline(), Some(BootTime(8500)));
}

#[test]
fn what_must_be_dead_follows_the_deadline() {
    let none = FenceState::default();
    assert!(none.is_over(BootTime(0)));
    assert_eq!(none.must_be_dead_at(LossPolicy::Move), Some(BootTime(0)));
    let (state, _) = signed_in().beaten(&good(1000), FENCE);
    assert_eq!(
        state.must_be_dead_at(LossPolicy::Move),
        Some(BootTime(6500))
    );
    assert_eq!(state.must_be_dead_at(LossPolicy::Stay), None);
    assert!(!state.is_over(BootTime(6499)) && state.is_over(BootTime(6500)));
    let state = FenceState::taken_over(state.deadline());
    assert!(!state.is_over(BootTime(6499)) && !state.takes_part());
}

/// A store with host `a`, on which session `x` is, in revision 5.
fn view() -> FleetView {
    let mut view = FleetView::default();
    let record = serde_json::to_string(&HostRecord {
        instance: "i".to_owned(),
        boot: 7,
        ..HostRecord::default()
    });
    view.put(
        &FleetKey::Host(host("a")),
        &record.unwrap(),
        Revision(3),
        Revision(4),
    );
    put_place(&mut view, &Placement::new(host("a")), Revision(5));
    view.put(
        &FleetKey::Hist(session("x")),
        r#"{"generation":8,"epoch":5,"host":"a"}"#,
        Revision(2),
        Revision(6),
    );
    view
}

fn put_place(view: &mut FleetView, placement: &Placement, modified: Revision) {
    let text = serde_json::to_string(placement).unwrap();
    let key = FleetKey::Place(session("x"));
    view.put(&key, &text, Revision(5), modified);
}

fn ask(
    view: &FleetView,
    state: &FenceState,
    policy: LossPolicy,
) -> Result<PermitAsk, PermitRefusal> {
    let hist = Hist {
        generation: Generation(9),
        ..Hist::default()
    };
    let who = (&host("a"), &session("x"), policy);
    PermitAsk::new(view, state, who, &hist, (BootTime(2000), FENCE))
}

#[test]
fn a_permit_rests_on_the_key_of_the_host_the_place_and_the_history() {
    let (state, _) = signed_in().beaten(&good(1000), FENCE);
    let ask = ask(&view(), &state, LossPolicy::Move).unwrap();
    let compares = [
        Compare::Created(FleetKey::Host(host("a")), Revision(3)),
        Compare::Modified(FleetKey::Place(session("x")), Revision(5)),
        Compare::Modified(FleetKey::Hist(session("x")), Revision(6)),
    ];
    assert_eq!(ask.transaction.compares, compares);
    let text = r#"{"generation":9,"epoch":5,"host":"a"}"#.to_owned();
    let writes = [Write::Put(FleetKey::Hist(session("x")), text)];
    assert_eq!(ask.transaction.writes, writes);
    assert_eq!(ask.permit.epoch, Epoch(5));
    assert_eq!(ask.permit.until, BootTime(6500));
}

#[test]
fn no_permit_is_asked_for_in_vain() {
    let (state, _) = signed_in().beaten(&good(1000), FENCE);
    let refused =
        |view: &FleetView, state: &FenceState| ask(view, state, LossPolicy::Move).unwrap_err();
    let none = FenceState::default();
    assert_eq!(refused(&view(), &none), PermitRefusal::NotSignedIn);
    assert_eq!(refused(&view(), &signed_in()), PermitRefusal::Over);
    assert!(ask(&view(), &signed_in(), LossPolicy::Stay).is_ok());
    let mut elsewhere = view();
    put_place(&mut elsewhere, &Placement::new(host("b")), Revision(7));
    assert_eq!(refused(&elsewhere, &state), PermitRefusal::NotHere);
    let mut leaves = view();
    let mut placement = Placement::new(host("a"));
    placement.leave = Some(crate::model::Leave::Drained);
    put_place(&mut leaves, &placement, Revision(7));
    assert_eq!(refused(&leaves, &state), PermitRefusal::Leaves);
    let mut broken = view();
    let key = FleetKey::Hist(session("x"));
    broken.put(&key, "{", Revision(2), Revision(7));
    assert_eq!(refused(&broken, &state), PermitRefusal::Unreadable);
}

#[test]
fn a_run_begins_only_by_its_own_permit_in_time() {
    let (state, _) = signed_in().beaten(&good(1000), FENCE);
    let x = session("x");
    let epoch = Some(Epoch(5));
    let now = BootTime(3000);
    let mut permits = Permits::default();
    let refused = |permits: &Permits, generation, who: (&FenceState, Option<Epoch>), now| {
        permits
            .may_start(&x, Generation(generation), who, now)
            .err()
    };
    let none = Some(StartRefusal::NoPermit);
    assert_eq!(refused(&permits, 9, (&state, epoch), now), none);
    permits.give(ask(&view(), &state, LossPolicy::Move).unwrap().permit);
    assert_eq!(refused(&permits, 9, (&state, epoch), now), None);
    assert_eq!(refused(&permits, 8, (&state, epoch), now), none);
    let late = Some(StartRefusal::Late);
    assert_eq!(refused(&permits, 9, (&state, epoch), BootTime(6500)), late);
    let other = Some(StartRefusal::OtherEpoch);
    assert_eq!(refused(&permits, 9, (&state, Some(Epoch(6))), now), other);
    assert_eq!(refused(&permits, 9, (&state, None), now), other);
    let anew = state.signed_in(Revision(9));
    let other = Some(StartRefusal::OtherSignIn);
    assert_eq!(refused(&permits, 9, (&anew, epoch), now), other);
    permits.settle(&x, Generation(9));
    assert_eq!(refused(&permits, 9, (&state, epoch), now), none);
}

#[test]
fn a_session_is_let_go_only_once_no_run_of_it_can_begin() {
    let (state, _) = signed_in().beaten(&good(1000), FENCE);
    let x = session("x");
    let mut permits = Permits::default();
    permits.give(ask(&view(), &state, LossPolicy::Move).unwrap().permit);
    let until = BootTime(6500);
    assert_eq!(permits.open_until(&x, BootTime(6499)), Some(until));
    assert_eq!(permits.open_until(&x, until), None);
    permits.settle(&x, Generation(8));
    assert_eq!(permits.open_until(&x, BootTime(0)), Some(until));
    permits.settle(&x, Generation(9));
    assert_eq!(permits.open_until(&x, BootTime(0)), None);
    let restarted = Permits::at_start(BootTime(1000), FENCE);
    assert_eq!(restarted.open_until(&x, BootTime(6499)), Some(until));
    assert_eq!(restarted.open_until(&x, until), None);
}

#[test]
fn a_session_is_let_go_once() {
    let mut view = view();
    let hist = view.hists[&session("x")].value.clone();
    let released = release(&view, &host("a"), &session("x"), &hist).unwrap();
    let compares = [
        Compare::Modified(FleetKey::Place(session("x")), Revision(5)),
        Compare::Modified(FleetKey::Hist(session("x")), Revision(6)),
    ];
    assert_eq!(released.compares, compares);
    let text = r#"{"generation":8,"epoch":5,"host":"a","released":5}"#;
    let key = FleetKey::Hist(session("x"));
    assert_eq!(released.writes, [Write::Put(key.clone(), text.to_owned())]);
    view.put(&key, text, Revision(2), Revision(7));
    assert_eq!(release(&view, &host("a"), &session("x"), &hist), None);
    assert_eq!(release(&view, &host("b"), &session("x"), &hist), None);
}

#[test]
fn a_run_is_stale_unless_it_is_the_last_one_permitted_here() {
    let run = |epoch: u64| FleetRun {
        session: session("x"),
        epoch: Epoch(epoch),
        generation: Generation(8),
    };
    let is_stale =
        |view: &FleetView, here: &str, run: FleetRun| !stale(view, &host(here), &[run]).is_empty();
    assert!(!is_stale(&view(), "a", run(5)));
    assert!(is_stale(&view(), "b", run(5)), "placed elsewhere");
    assert!(is_stale(&view(), "a", run(4)), "it left and came back");
    let mut released = view();
    released.put(
        &FleetKey::Hist(session("x")),
        r#"{"generation":8,"epoch":5,"released":5}"#,
        Revision(2),
        Revision(7),
    );
    assert!(is_stale(&released, "a", run(5)), "it was let go");
    let unknown = FleetRun {
        session: session("y"),
        ..run(5)
    };
    assert!(is_stale(&view(), "a", unknown), "it has no place");
}

#[test]
fn a_host_signs_in_once_and_goes_on_within_one_boot() {
    let record = |boot: u64| HostRecord {
        instance: "j".to_owned(),
        boot,
        ..HostRecord::default()
    };
    let SignIn::Anew(Transaction { compares, writes }) = sign_in(&view(), &host("b"), &record(1))
    else {
        panic!("`b` is not there");
    };
    let key = FleetKey::Host(host("b"));
    assert_eq!(compares, [Compare::Absent(key.clone())]);
    let known = FleetKey::Known(host("b"));
    assert!(
        matches!(&writes[..], [Write::PutLeased(a, _), Write::Put(b, _)] if *a == key && *b == known)
    );
    let SignIn::GoOn(transaction, made) = sign_in(&view(), &host("a"), &record(7)) else {
        panic!("it is the same boot");
    };
    assert_eq!(made, Revision(3));
    let key = FleetKey::Host(host("a"));
    let compares = [Compare::Modified(key, Revision(4))];
    assert_eq!(transaction.compares, compares);
    assert_eq!(sign_in(&view(), &host("a"), &record(8)), SignIn::Taken);
}

#[test]
fn times_are_checked_with_the_version() {
    let settings = StoreSettings::default();
    let old = Some(StoreVersion(3, 4, 23));
    assert_eq!(check(&settings, None), []);
    assert_eq!(check(&settings, old), []);
    let least = Period::from_millis(6275);
    let none = StoreSettings {
        lock_delay: Some(Period::ZERO),
        ..settings
    };
    assert_eq!(check(&none, Some(StoreVersion(3, 5, 16))), []);
    let short = [SettingsFault::LockDelayTooShort { least }];
    assert_eq!(check(&none, old), short);
    assert_eq!(lock_delay(&none, StoreVersion(3, 4, 23)), Period::ZERO);
    assert_eq!(lock_delay(&settings, StoreVersion(3, 4, 23)), least);
    assert_eq!(lock_delay(&settings, StoreVersion(3, 6, 0)), Period::ZERO);
    let tight = StoreSettings {
        fence: Period::from_secs(4),
        lease: Period::from_secs(4),
        ..settings
    };
    let short_fence = SettingsFault::FenceTooShort {
        least: Period::from_secs(5),
    };
    let short_lease = SettingsFault::LeaseTooShort {
        least: Period::from_millis(4700),
    };
    assert_eq!(check(&tight, None), [short_fence, short_lease]);
}

#[test]
fn versions_that_end_leases_too_early_raise_an_alarm() {
    let cases = [
        ("2.3.8", Some("3.4.31")),
        ("3.3.9", Some("3.4.31")),
        ("3.4.23", Some("3.4.31")),
        ("3.4.31", None),
        ("3.5.0-rc.1", Some("3.5.13")),
        ("3.5.12", Some("3.5.13")),
        ("3.5.13", None),
        ("3.5.16+git", None),
        ("3.6.0", None),
        ("3.7.1", None),
        ("4.0.0", None),
    ];
    for (text, fixed) in cases {
        let version: StoreVersion = text.parse().unwrap();
        let alarm = version.alarm();
        let fixed = fixed.map(|fixed| StoreAlarm::RevokesWrongly {
            version,
            fixed: fixed.parse().unwrap(),
        });
        assert_eq!(alarm, fixed, "{text}");
    }
    for text in ["", "3", "3.5", "3.5.x", "3.5.1.1"] {
        assert!(text.parse::<StoreVersion>().is_err(), "{text}");
    }
}
