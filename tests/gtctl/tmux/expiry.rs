//! Sessions that were asked to end and are removed by tmux itself, on a real tmux: each is expired
//! once, whoever sees it.

use crate::harness::{PATIENCE, Yard, sleeper};
use gtctl::proc::process;
use serde_json::Value;
use std::time::Instant;

/// It takes its time to go, and its session with it.
const SLOWLY: &str =
    "trap 'while [ ! -e go ]; do sleep 0.1; done; exit 0' TERM; while :; do sleep 0.2; done";
const POLICY: &str = "[limits]\nmass = \"100%\"\n[controller]\nresync = \"500ms\"\n[[policy]]\nmatch = \"task-*\"\n\
     max_age = \"1s\"\nstop_grace = \"1h\"\n";

/// The journal's entries of this outcome, as their messages.
fn said(yard: &Yard, word: &str) -> Vec<String> {
    let text = std::fs::read_to_string(yard.state().join("monitor.jsonl")).unwrap_or_default();
    let events = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events
        .filter_map(|event| Some(event["message"].as_str()?.to_owned()))
        .filter(|m| m.contains(word))
        .collect()
}

fn saved(yard: &Yard) -> u64 {
    let text = std::fs::read_to_string(yard.state().join("state.json")).unwrap_or_default();
    serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|v| v["idle_seconds_saved"].as_u64())
        .unwrap_or_default()
}

fn state(yard: &Yard) -> String {
    std::fs::read_to_string(yard.state().join("gtctl.json")).unwrap_or_default()
}

fn others(yard: &Yard, name: &str, script: &str) {
    yard.tmux(&[
        "new-session",
        "-d",
        "-s",
        name,
        "-c",
        yard.dir(),
        "sh",
        "-c",
        script,
    ]);
}

fn expired_once(yard: &Yard, session: &str) {
    yard.until("its end to be told", || !said(yard, "expired").is_empty());
    yard.gtctl(&["reconcile"]);
    yard.gtctl(&["expire"]);
    assert_eq!(
        said(yard, "expired"),
        [format!("{session} expired: at its max age")]
    );
    let hours = saved(yard) / 3600;
    assert_eq!(hours, 23, "all but the seconds that it lived");
    let page = yard.gtctl(&["status"]).exits(0).out;
    assert!(
        !page.contains("idling"),
        "nobody has saved a day within seconds: {page}"
    );
    assert!(!state(yard).contains(session), "{}", state(yard));
}

#[test]
fn what_is_asked_to_end_and_goes_by_itself_is_expired_once() {
    let yard = Yard::new(POLICY);
    others(&yard, "other", "exec sleep 1000");
    others(&yard, "task-1", SLOWLY);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("its being asked", || !said(&yard, "stopping").is_empty());
    yard.write("go", "");
    yard.until("its end", || yard.sessions() == ["other"]);
    yard.until("its end to be told at the terminal", || {
        watch.said().contains("expired")
    });
    drop(watch);
    expired_once(&yard, "task-1");
}

#[test]
fn what_goes_while_no_controller_lives_is_expired_once_by_the_next() {
    let yard = Yard::new(POLICY);
    others(&yard, "task-1", SLOWLY);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("its being asked", || !said(&yard, "stopping").is_empty());
    watch.kill();
    let server = yard.server().unwrap();
    yard.write("go", "");
    yard.until("the end of it and of its server", || {
        !process::may_live(server)
    });
    assert!(said(&yard, "expired").is_empty());
    let asked = state(&yard);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("its end to be told and counted", || {
        !said(&yard, "expired").is_empty() && saved(&yard) > 0
    });
    watch.kill();
    expired_once(&yard, "task-1");
    assert!(
        !state(&yard).contains("server_losses"),
        "nothing was lost: {}",
        state(&yard)
    );
    // As if the controller had been killed before it could forget what it has told.
    std::fs::write(yard.state().join("gtctl.json"), asked).unwrap();
    expired_once(&yard, "task-1");
}

#[test]
fn a_declared_task_that_is_removed_while_it_ends_is_expired_once_too() {
    let task = sleeper(
        "one",
        "restart = \"never\"\nready_after = \"0s\"\nstop_grace = \"1h\"\nmax_age = \"2s\"\nmax_age_jitter = \"0s\"",
    );
    let task = task.replace(
        "[\"sleep\", \"100000\"]",
        &format!("[\"sh\", \"-c\", {}]", Value::from(SLOWLY)),
    );
    let yard = Yard::new(&format!(
        "[limits]\nmass = \"100%\"\n{task}{}",
        sleeper("two", "ready_after = \"0s\"")
    ));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("its being asked", || {
        yard.gtctl(&["reconcile"]);
        !said(&yard, "stopping").is_empty()
    });
    yard.tmux(&["kill-session", "-t", "=one"]);
    let begun = Instant::now();
    while said(&yard, "expired").is_empty() && begun.elapsed() < PATIENCE {
        yard.gtctl(&["reconcile"]);
    }
    yard.gtctl(&["reconcile"]).exits(0);
    assert_eq!(said(&yard, "expired"), ["one expired: at its max age"]);
    yard.gtctl(&["status"]).says("completed");
}
