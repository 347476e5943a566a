//! opencode tells what it does at a port of its own, that gtctl gives it.

use crate::harness::{Running, Yard, of, sleeper};
use gtctl::proc::process;
use gtctl::proc::signal::{Signal, signal};
use std::fs;

const OPENCODE: &str = include_str!("../../agents/opencode.py");
const TOWN: &str = "[controller]\nresync = \"10m\"\n[defaults]\nready_after = \"100ms\"\nmax_age = \"off\"\n\
    backoff = { first = \"0s\" }\n[[session]]\nsession = \"a\"\nagent = \"opencode\"\n";
const BUSY: &str = r#"{"ses_dd62e11b9ffeGycIjQXXkK3UNU":{"type":"busy"}}"#;

/// A town of one opencode, and its controller, which only events wake.
fn watched(more: &str) -> (Running, Yard) {
    let yard = Yard::new("");
    yard.shim("opencode", OPENCODE);
    yard.declare(&format!("{TOWN}{more}"));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.fresh("a", None);
    (watch, yard)
}

/// Has the server tell this from now on.
fn tell(yard: &Yard, status: &str) {
    yard.write("home/status.new", status);
    fs::rename(yard.at("home/status.new"), yard.at("home/status")).unwrap();
}

/// Waits until the session has this phase by its client's own word.
#[track_caller]
fn until(yard: &Yard, phase: &str) {
    yard.until(&format!("the phase {phase}"), || {
        let page = yard.gtctl(&["status", "-o", "json"]).json();
        of(&page, "sessions", "a")
            .is_some_and(|line| line["phase"] == phase && line["screen"]["by"] == "hook")
    });
}

fn starts(yard: &Yard) -> Vec<String> {
    let args = yard.read("home/args");
    args.lines().map(str::to_owned).collect()
}

#[test]
fn what_its_server_tells_is_its_state_and_its_conversation_goes_on() {
    let (_watch, yard) = watched("");
    until(&yard, "idle");
    tell(&yard, BUSY);
    until(&yard, "working");
    let explained = yard.gtctl(&["explain", "a"]).out;
    assert!(explained.contains("busy"), "{explained}");
    tell(&yard, "{}");
    until(&yard, "idle");
    assert!(!yard.read("home/asked").contains("refused"));

    let agent = yard.pid("a");
    signal(agent, Signal::KILL);
    yard.fresh("a", Some(agent));
    yard.until("two starts", || starts(&yard).len() == 2);
    let starts = starts(&yard);
    assert!(starts[0].starts_with("--port "), "{starts:?}");
    assert!(!starts[0].contains("-s "), "{starts:?}");
    let resumed = "-s ses_dd62e11b9ffeGycIjQXXkK3UNU";
    assert!(starts[1].contains(resumed), "{starts:?}");
    until(&yard, "idle");
    yard.gtctl(&["doctor"])
        .says("screen and status port of opencode tell the state of a");
}

#[test]
fn a_server_that_hangs_or_tells_nonsense_holds_up_nobody() {
    let (_watch, yard) = watched(&sleeper("other", ""));
    until(&yard, "idle");
    yard.write("home/hangs", "");
    let asked = yard.read("home/asked").lines().count();
    yard.until("a question that hangs", || {
        yard.read("home/asked").lines().count() > asked
    });
    let other = yard.pid("other");
    yard.kill(other);
    yard.fresh("other", Some(other));
    for nonsense in ["<html>", "[]", &"x".repeat(100 << 10)] {
        tell(&yard, nonsense);
    }
    fs::remove_file(yard.at("home/hangs")).unwrap();
    tell(&yard, BUSY);
    until(&yard, "working");
}

#[test]
fn a_port_of_the_users_own_is_used_and_hooks_off_adds_nothing() {
    let yard = Yard::new("");
    yard.shim("opencode", OPENCODE);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let command = format!("command = [\"opencode\", \"--port\", \"{port}\"]\n");
    let secret = "env = { OPENCODE_SERVER_PASSWORD = \"sesame\" }\n";
    yard.declare(&format!("{TOWN}{command}{secret}"));
    let _watch = yard.start(&["reconcile", "--watch"]);
    yard.fresh("a", None);
    until(&yard, "idle");
    assert_eq!(starts(&yard), [format!("--port {port}")]);

    let before = yard.pid("a");
    yard.declare(&format!(
        "[agents.opencode]\nhooks = \"off\"\n{TOWN}{command}"
    ));
    yard.gtctl(&["restart", "a"]).exits(0);
    yard.fresh("a", Some(before));
    let variables = process::environment(yard.pid("a").pid);
    assert!(!variables.contains_key("OPENCODE_SERVER_PASSWORD"));
}
