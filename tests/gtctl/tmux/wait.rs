//! `gtctl wait` for each condition, on a real tmux.

use crate::harness::{AT_ONCE, QUICK, Running, Yard, sleeper};
use std::fs;
use std::time::{Duration, Instant};

/// Works until the file `prompt` is there, then shows its prompt.
const CLAUDE: &str = r#"#!/bin/bash
work() { printf '\033[2J\033[H● Bash(make)\n\n✻ Thinking… (12s · esc to interrupt)\n\n────────\n❯ \n────────\n'; }
prompt() { printf '\033[2J\033[H● Done.\n\n────────\n❯ \n────────\n  ⏸ manual mode on%s · ? for shortcuts' "$1"; }
work
while [ ! -e background ] && [ ! -e prompt ]; do sleep 0.05; done
[ -e prompt ] || prompt ' · 1 shell'
while [ ! -e prompt ]; do sleep 0.05; done
prompt
while :; do sleep 3; done
"#;

/// Begins to wait, and lets it look at least once.
fn waiting(yard: &Yard, args: &[&str]) -> Running {
    let mut wait = yard.start(&[&["wait"], args].concat());
    // That it goes on waiting only time can show.
    std::thread::sleep(Duration::from_millis(1500));
    assert!(wait.is_running(), "{}", wait.said());
    wait
}

/// Ends well, soon after the event.
fn ends_soon(wait: Running, event: Instant) {
    wait.end().exits(0);
    let late = event.elapsed();
    assert!(late < AT_ONCE, "{late:?} after the event");
    println!("noticed {late:?} after the event");
}

#[test]
fn ready_and_converged_come_with_an_apply_and_gone_with_a_stop() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("one", "")));
    let ready = waiting(&yard, &["one", "--for", "ready"]);
    let converged = waiting(&yard, &["--for", "converged"]);
    yard.gtctl(&["apply"]).exits(0);
    ends_soon(ready, Instant::now());
    ends_soon(converged, Instant::now());
    yard.gtctl(&["wait", "one", "--for", "ready"])
        .exits(0)
        .says("one: ready after ");

    let gone = waiting(&yard, &["one", "--for", "gone"]);
    yard.gtctl(&["stop", "one"]).exits(0);
    ends_soon(gone, Instant::now());
    let refused = yard.gtctl(&["wait", "one", "--for", "idle"]).exits(1);
    assert!(
        refused.err.contains("stopped by hand") && refused.err.contains("gtctl start one"),
        "{}",
        refused.err
    );
}

#[test]
fn idle_is_the_prompt_and_not_background_work() {
    let yard = Yard::new("");
    yard.shim("claude", CLAUDE);
    yard.declare(
        "[defaults]\nready_after = \"0s\"\n[[session]]\nsession = \"one\"\nagent = \"claude\"\n",
    );
    yard.gtctl(&["apply"]).exits(0);
    let late = yard
        .gtctl(&[
            "wait",
            "one",
            "--for",
            "idle",
            "--timeout",
            "2s",
            "-o",
            "json",
        ])
        .exits(2)
        .json();
    assert_eq!(late["outcome"], "timeout");
    assert_eq!(late["sessions"][0]["reached"], false);
    assert_eq!(late["sessions"][0]["phase"], "working");
    assert!(late["sessions"][0]["waited_ms"].as_u64().unwrap() >= 2000);

    yard.write("background", "");
    let late = yard
        .gtctl(&[
            "wait",
            "one",
            "--for",
            "idle",
            "--timeout",
            "3s",
            "-o",
            "json",
        ])
        .exits(2)
        .json();
    assert_eq!(late["sessions"][0]["phase"], "background");

    let before = fs::read(yard.state().join("gtctl.json")).unwrap();
    let idle = waiting(&yard, &["one", "--for", "idle", "--timeout", "1m"]);
    yard.write("prompt", "");
    // Its client reports nothing: a screen is idle once it has been quiet for 5 s.
    ends_soon(idle, Instant::now());
    assert_eq!(fs::read(yard.state().join("gtctl.json")).unwrap(), before);
}

#[test]
fn a_task_completes_or_has_failed_and_a_lost_server_is_no_error() {
    let task = |name: &str, end: &str| {
        format!(
            "[[session]]\nsession = \"{name}\"\nrestart = \"never\"\n\
             command = [\"bash\", \"-c\", \"while [ ! -e {name} ]; do sleep 0.05; done; exit {end}\"]\n"
        )
    };
    let yard = Yard::new(&format!(
        "{QUICK}{}{}{}",
        task("well", "0"),
        task("ill", "3"),
        sleeper("service", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.gtctl(&["wait", "service", "--for", "completed", "--timeout", "9s"])
        .exits(1);
    let completed = waiting(&yard, &["well", "--for", "completed"]);
    yard.write("well", "");
    ends_soon(completed, Instant::now());
    yard.write("ill", "");
    let failed = yard
        .gtctl(&[
            "wait",
            "ill",
            "--for",
            "completed",
            "--timeout",
            "20s",
            "-o",
            "json",
        ])
        .exits(1)
        .json();
    assert_eq!(failed["outcome"], "cannot-come");
    assert!(
        failed["sessions"][0]["fix"]
            .as_str()
            .unwrap()
            .contains("gtctl start ill")
    );
    watch.kill();

    let gone = waiting(&yard, &["service", "--for", "gone"]);
    yard.kill(yard.server().unwrap());
    ends_soon(gone, Instant::now());
}

#[test]
fn a_wait_for_nothing_or_for_a_session_that_is_not_declared_is_refused() {
    let yard = Yard::new(&sleeper("one", ""));
    yard.gtctl(&["wait", "--for", "idle"]).exits(64);
    let unknown = yard.gtctl(&["wait", "two", "--for", "idle"]).exits(1);
    assert!(
        unknown.err.contains("`two` is not declared"),
        "{}",
        unknown.err
    );
}
