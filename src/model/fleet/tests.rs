use super::*;
use crate::model::{Generation, History, HostName, Moment, SessionName};

fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

fn session(name: &str) -> SessionName {
    SessionName::new(name).unwrap()
}

#[test]
fn each_key_is_read_as_it_was_written() {
    let keys = Keyspace::new(&session("shop"));
    for key in [
        FleetKey::Manifest,
        FleetKey::Leader,
        FleetKey::Host(host("a")),
        FleetKey::Known(host("a")),
        FleetKey::Mark(host("a")),
        FleetKey::Place(session("mayor")),
        FleetKey::Hist(session("mayor")),
        FleetKey::Status(session("mayor")),
        FleetKey::Plan(host("a")),
        FleetKey::Ask("f00".to_owned()),
    ] {
        let text = keys.text(&key);
        assert!(text.starts_with("/gtctl/shop/"), "{text}");
        assert_eq!(keys.parse(&text), Some(key));
    }
    for strange in [
        "/gtctl/other/leader",
        "/gtctl/shop/",
        "/gtctl/shop/leader/",
        "/gtctl/shop/hosts/",
        "/gtctl/shop/hosts/a/b",
        "/gtctl/shop/later/a",
    ] {
        assert_eq!(keys.parse(strange), None, "{strange}");
    }
}

#[test]
fn the_form_in_the_store_is_fixed() {
    let mut placement = Placement::new(host("a"));
    assert_eq!(
        serde_json::to_string(&placement).unwrap(),
        r#"{"host":"a"}"#
    );
    placement.since = Some(Epoch(7));
    placement.leave = Some(Leave::NotAllowed);
    let text = r#"{"host":"a","since":7,"leave":"not-allowed"}"#;
    assert_eq!(serde_json::to_string(&placement).unwrap(), text);
    let hist = Hist {
        generation: Generation(3),
        epoch: Epoch(7),
        host: Some(host("a")),
        ..Hist::default()
    };
    let text = r#"{"generation":3,"epoch":7,"host":"a"}"#;
    assert_eq!(serde_json::to_string(&hist).unwrap(), text);
    let record = HostRecord {
        instance: "i".to_owned(),
        version: "0.1.0".to_owned(),
        protocol: PROTOCOL,
        slots: Some(4),
        guard: true,
        ..HostRecord::default()
    };
    let text = r#"{"instance":"i","version":"0.1.0","protocol":1,"slots":4,"guard":true}"#;
    assert_eq!(serde_json::to_string(&record).unwrap(), text);
}

#[test]
fn what_several_hosts_write_keeps_fields_of_a_newer_gtctl() {
    for text in [
        r#"{"generation":3,"epoch":7,"mood":{"good":true}}"#,
        r#"{"generation":3,"epoch":7,"stopped":true,"zeal":1}"#,
    ] {
        let hist: Hist = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&hist).unwrap(), text);
    }
    let text = r#"{"drained":true,"until":"noon"}"#;
    let mark: HostMark = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&mark).unwrap(), text);
    let record: HostRecord = serde_json::from_str(r#"{"instance":"i","colour":"red"}"#).unwrap();
    assert_eq!(record.instance, "i");
}

#[test]
fn a_value_that_cannot_be_read_is_there_all_the_same() {
    let mut view = FleetView::default();
    let key = FleetKey::Host(host("a"));
    view.put(&key, "{", Revision(1), Revision(1));
    assert!(view.is_present(&host("a")) && view.hosts.is_empty());
    view.put(&key, r#"{"instance":"i"}"#, Revision(1), Revision(2));
    assert!(view.is_present(&host("a")) && view.unreadable.is_empty());
    view.remove(&key);
    assert!(!view.is_present(&host("a")));
}

#[test]
fn an_epoch_outlasts_the_wish_to_leave() {
    let mut placement = Stored {
        value: Placement::new(host("a")),
        created: Revision(2),
        modified: Revision(5),
    };
    assert_eq!(placement.epoch(), Epoch(5));
    placement.value.since = Some(placement.epoch());
    placement.modified = Revision(9);
    assert_eq!(placement.epoch(), Epoch(5));
}

#[test]
fn a_history_travels_and_loses_nothing() {
    let moment = Moment {
        wall: 1_000,
        awake: 5,
        boot: 1,
    };
    let there = History {
        generation: Generation(9),
        handoff: Some(moment),
        crashes: vec![moment],
        restarts: 4,
        stopped: true,
        went_down: true,
        ..History::default()
    };
    let mut hist = Hist {
        released: Some(Epoch(3)),
        ..Hist::default()
    };
    hist.take_in(&there);
    assert_eq!(hist.released, Some(Epoch(3)));
    let mut here = History {
        generation: Generation(12),
        restart_asked: true,
        ..History::default()
    };
    hist.give_to(&mut here);
    let expected = History {
        generation: Generation(12),
        restart_asked: true,
        ..there
    };
    assert_eq!(here, expected);
}
