//! `[store]`: its times, where each session may run, and each fault.

use super::tests::given;
use crate::model::{Fleet, HostChoice, HostName, LossPolicy, Period, StoreSettings};

const TOWN: &str = "[town]\nname = \"acme\"\n";

fn session(name: &str, rest: &str) -> String {
    format!("[[session]]\nsession = \"{name}\"\ncommand = [\"x\"]\n{rest}\n")
}

fn fleet(rest: &str) -> Fleet {
    let text = format!("{TOWN}{rest}");
    let town = given(&text).load().unwrap().town;
    assert!(town.sessions.is_empty() && town.hosts.elsewhere.is_empty());
    town.hosts.fleet.unwrap()
}

/// Code and message of each fault.
fn faults(rest: &str) -> Vec<(&'static str, String)> {
    let text = format!("{TOWN}{rest}");
    let faults = given(&text).load().unwrap_err();
    let list = faults.list.into_iter();
    list.map(|fault| (fault.code, fault.message)).collect()
}

fn codes(rest: &str) -> Vec<&'static str> {
    faults(rest).into_iter().map(|(code, _)| code).collect()
}

#[test]
fn a_town_without_a_store_has_no_fleet() {
    let text = format!("{TOWN}{}", session("x", ""));
    let town = given(&text).load().unwrap().town;
    assert_eq!(town.hosts.fleet, None);
    assert_eq!(town.sessions.len(), 1);
}

#[test]
fn the_times_have_defaults_that_hold() {
    assert_eq!(fleet("[store]\n").settings, StoreSettings::default());
    let all = "[store]\nlease = \"20s\"\nfence = \"15s\"\nbeat = \"2s\"\nlock_delay = \"0s\"\n";
    let settings = StoreSettings {
        lease: Period::from_secs(20),
        fence: Period::from_secs(15),
        beat: Period::from_secs(2),
        lock_delay: Some(Period::ZERO),
    };
    assert_eq!(fleet(all).settings, settings);
}

#[test]
fn times_that_do_not_hold_are_faults() {
    assert_eq!(codes("[store]\nfence = \"4s\"\n"), ["short-fence"]);
    assert_eq!(codes("[store]\nbeat = \"2s\"\n"), ["short-fence"]);
    assert_eq!(codes("[store]\nlease = \"6s\"\n"), ["short-lease"]);
    assert_eq!(codes("[store]\nfence = \"9s\"\n"), ["short-lease"]);
}

#[test]
fn each_session_has_its_hosts_and_its_policy() {
    let label = HostChoice::Label("gpu".to_owned());
    let name = HostChoice::Name(HostName::new("a").unwrap());
    let prepare = "prepare = [\"clone\", \"{session}\"]";
    let cases = [
        ("", HostChoice::Any, LossPolicy::Stay),
        ("host = \"any\"", HostChoice::Any, LossPolicy::Stay),
        (prepare, HostChoice::Any, LossPolicy::Move),
        ("on_host_loss = \"move\"", HostChoice::Any, LossPolicy::Move),
        (
            &format!("{prepare}\non_host_loss = \"stay\""),
            HostChoice::Any,
            LossPolicy::Stay,
        ),
        ("host = { label = \"gpu\" }", label, LossPolicy::Stay),
        ("host = \"a\"", name.clone(), LossPolicy::Stay),
        (&format!("host = \"a\"\n{prepare}"), name, LossPolicy::Stay),
    ];
    for (rest, choice, policy) in cases {
        let fleet = fleet(&format!("[store]\n{}", session("x", rest)));
        let x = fleet.sessions.values().next().unwrap();
        assert_eq!((&x.choice, x.on_host_loss), (&choice, policy), "{rest}");
        if rest.contains("prepare") {
            assert_eq!(x.prepare, ["clone", "x"]);
        }
    }
}

#[test]
fn what_needs_a_store_says_so_once_for_each_place() {
    for rest in [
        "host = \"any\"",
        "host = { label = \"gpu\" }",
        "on_host_loss = \"move\"",
        "prepare = [\"x\"]",
    ] {
        assert_eq!(codes(&session("x", rest)), ["needs-store"], "{rest}");
        let both = format!(
            "[defaults]\n{rest}\n{}{}",
            session("x", ""),
            session("y", "")
        );
        assert_eq!(codes(&both), ["needs-store"], "{rest}");
    }
}

#[test]
fn a_host_called_any_is_a_host_as_long_as_there_is_no_store() {
    let text = format!("[hosts.any]\n{}", session("x", "host = \"any\""));
    let text = format!("{TOWN}{text}");
    let mut without = given(&text);
    without.hostname = "any";
    assert_eq!(without.load().unwrap().town.sessions.len(), 1);
    let with = format!("[store]\n[hosts.any]\n{}", session("x", ""));
    assert_eq!(codes(&with), ["bad-name"]);
}

#[test]
fn hosts_that_cannot_be_are_faults() {
    let cases = [
        ("host = \"a b\"", "bad-name"),
        ("host = { label = \"\" }", "bad-name"),
        ("host = \"a\"\non_host_loss = \"move\"", "cannot-move"),
        ("prepare = [\"\"]", "empty-command"),
        ("moved = [\"old\"]", "cannot-move"),
        ("host = {}", "wrong-value"),
        ("host = { label = \"a\", more = 1 }", "unknown-key"),
    ];
    for (rest, code) in cases {
        let rest = format!("[store]\n{}", session("x", rest));
        assert_eq!(codes(&rest), [code], "{rest}");
    }
    let unknown = format!("[store]\n[hosts.a]\n{}", session("x", "host = \"b\""));
    assert_eq!(codes(&unknown), ["unknown-host"]);
}
