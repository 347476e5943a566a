//! `ready`: a session counts as ready once its probe has passed. Real tmux.

use crate::harness::{QUICK, Yard, session, sleeper};
use gtctl::proc::signal::Signal;
use std::net::TcpListener;

/// A session `db` that runs this script and has this probe, and `app`, which waits for it.
fn town(script: &str, ready: &str) -> String {
    let probe = format!("ready_after = \"0s\"\nready = {ready}");
    format!(
        "{QUICK}{}{}",
        session("db", script, &probe),
        sleeper("app", "after = [\"db\"]")
    )
}

/// The phase of `db`, and what `status` says of it.
fn state(yard: &Yard) -> String {
    yard.gtctl(&["status", "db"]).out.clone()
}

/// Checks that `app` starts only after `pass`, under a controller, and that nothing was ended.
fn starts_after(yard: &Yard, waits_for: &str, pass: impl FnOnce()) {
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the fault to be shown", || state(yard).contains(waits_for));
    assert!(state(yard).contains("starting"), "{}", state(yard));
    yard.gtctl(&["explain", "db"]).says(waits_for);
    assert_eq!(yard.process("app"), None);
    let db = yard.process("db");
    pass();
    yard.until("app to run", || yard.process("app").is_some());
    assert_eq!(yard.process("db"), db, "it was left alone");
    assert!(!state(yard).contains("starting"), "{}", state(yard));
    yard.gtctl(&["wait", "db", "--for", "ready"]).exits(0);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn a_text_in_the_output_of_this_run_makes_it_ready() {
    let script = "while ! test -e go; do sleep 0.1; done; printf 'now \\033[1mlistening\\033[0m on 5432\\n'; exec sleep 100000";
    let yard = Yard::new(&town(
        script,
        "{ log = \"listening on\", every = \"200ms\" }",
    ));
    let waits_for = "not ready: log `listening on` has not appeared";
    starts_after(&yard, waits_for, || yard.write("go", ""));
    // The text of the run before says nothing.
    std::fs::remove_file(yard.at("go")).unwrap();
    let late = yard.gtctl(&["restart", "db", "--timeout", "3s"]);
    assert_ne!(late.code, Some(0));
    yard.gtctl(&["status", "db"]).says(waits_for);
}

#[test]
fn a_command_that_exits_with_0_makes_it_ready_and_runs_with_its_environment() {
    let ready =
        "{ command = [\"sh\", \"-c\", \"test $KIND = quick && test -e go\"], every = \"200ms\" }";
    let yard = Yard::new(&town(
        "exec sleep 100000",
        &format!("{ready}\nenv = {{ KIND = \"quick\" }}"),
    ));
    starts_after(&yard, "fails (exit status: 1)", || yard.write("go", ""));
}

#[test]
fn a_port_that_accepts_makes_it_ready() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let yard = Yard::new(&town(
        "exec sleep 100000",
        &format!("{{ port = {port}, every = \"200ms\" }}"),
    ));
    let mut listener = None;
    starts_after(&yard, &format!("not ready: port {port} refuses"), || {
        listener = Some(TcpListener::bind(("127.0.0.1", port)).unwrap());
    });
}

#[test]
fn single_checks_ask_too() {
    let yard = Yard::new(&town(
        "exec sleep 100000",
        "{ command = [\"test\", \"-e\", \"go\"] }",
    ));
    yard.gtctl(&["reconcile"]);
    yard.gtctl(&["reconcile"]);
    yard.gtctl(&["status", "db"])
        .says("not ready: command `test -e go` fails");
    yard.write("go", "");
    yard.until("single checks to start app", || {
        yard.gtctl(&["reconcile"]);
        yard.process("app").is_some()
    });
}

#[test]
fn what_ends_before_it_is_ready_is_started_again_and_nobody_starts_after_it() {
    let script = "test -e go || exit 3; echo listening on 1; exec sleep 100000";
    let yard = Yard::new(&town(
        script,
        "{ log = \"listening on\", every = \"200ms\" }",
    ));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("it to fail twice", || {
        let page = yard.gtctl(&["status", "db", "-o", "json"]).json();
        page["sessions"][0]["crashes"].as_u64() >= Some(2)
    });
    assert_eq!(yard.process("app"), None);
    let page = yard.gtctl(&["status", "db", "-o", "json"]).json();
    assert_eq!(page["sessions"][0]["last_exit"]["code"], 3);
    yard.write("go", "");
    yard.gtctl(&["reset", "db"]).exits(0);
    yard.until("app to run", || yard.process("app").is_some());
    assert!(!state(&yard).contains("starting"), "{}", state(&yard));
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn programs_get_why_it_is_not_ready() {
    let yard = Yard::new(&town(
        "exec sleep 100000",
        "{ command = [\"test\", \"-e\", \"go\"], every = \"200ms\" }",
    ));
    let db = || {
        let page = yard.gtctl(&["status", "db", "-o", "json"]).json();
        page["sessions"][0].clone()
    };
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the probe to fail", || {
        db()["not_ready"] == "command `test -e go` fails (exit status: 1)"
    });
    assert_eq!(db()["phase"], "starting");
    yard.write("go", "");
    yard.until("it to be ready", || db()["phase"] != "starting");
    assert!(db()["not_ready"].is_null());
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}
