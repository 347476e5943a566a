//! The watching controller: what wakes it, and what it does when its server fails it. No look is
//! due for an hour.

use crate::harness::{AT_ONCE, Running, TMUX, Yard, sleeper};
use gtctl::proc::process;
use gtctl::proc::signal::{Signal, signal};
use std::time::{Duration, Instant};

const SELDOM: &str = "[controller]\nresync = \"1h\"\n[defaults]\nready_after = \"0s\"\nstop_grace = \"1s\"\n\
     backoff = { first = \"0s\", jitter = 0 }\n";
/// How soon something must be noticed. Polling would take an hour.
const SOON: Duration = AT_ONCE;

/// A town that is watched and has come to rest.
fn watched(yard: &Yard) -> Running {
    yard.gtctl(&["apply"]).exits(0);
    let watch = yard.start(&["-vv", "reconcile", "--watch"]);
    at_rest(yard, &watch);
    watch
}

/// Waits until no look follows another for longer than the watcher looks again at what is under
/// way.
fn at_rest(yard: &Yard, watch: &Running) {
    let looks = || watch.said().matches("list-panes").count();
    let (mut seen, mut since) = (looks(), Instant::now());
    yard.until("the watcher to rest", || {
        let now = looks();
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
        now > 0 && since.elapsed() > Duration::from_millis(500)
    });
}

#[track_caller]
fn restarted_soon(yard: &Yard, session: &str, within: Duration) {
    let former = yard.pid(session);
    let begun = Instant::now();
    yard.kill(former);
    yard.fresh(session, Some(former));
    assert!(begun.elapsed() < within, "only after {:?}", begun.elapsed());
}

#[test]
fn a_death_is_noticed_at_once_and_again() {
    let yard = Yard::new(&format!(
        "{SELDOM}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    let watch = watched(&yard);
    let two = yard.pid("two");
    for _ in 0..3 {
        at_rest(&yard, &watch);
        restarted_soon(&yard, "one", SOON);
    }
    assert_eq!(yard.pid("two"), two);
    assert_eq!(yard.sessions(), ["one", "two"]);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn by_processes_of_its_own_all_is_noticed_at_once_too() {
    let yard = Yard::new(&format!(
        "{SELDOM}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.shim(
        "tmux",
        &format!(
            "#!/bin/sh\necho >>{}/called\nexec {} \"$@\"\n",
            yard.dir(),
            *TMUX
        ),
    );
    let watch = watched(&yard);
    assert!(yard.at("called").exists());
    restarted_soon(&yard, "one", SOON);
    let (former, begun) = (yard.pid("two"), Instant::now());
    yard.tmux(&["kill-session", "-t", "=two"]);
    yard.fresh("two", Some(former));
    assert!(begun.elapsed() < SOON, "only after {:?}", begun.elapsed());
    let former = yard.pid("one");
    yard.kill(yard.server().unwrap());
    yard.fresh("one", Some(former));
    drop(watch);
}

#[test]
fn a_session_that_is_removed_is_noticed_at_once() {
    let yard = Yard::new(&format!(
        "{SELDOM}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    let watch = watched(&yard);
    let (former, begun) = (yard.pid("one"), Instant::now());
    yard.tmux(&["kill-session", "-t", "=one"]);
    yard.fresh("one", Some(former));
    assert!(begun.elapsed() < SOON, "only after {:?}", begun.elapsed());
    drop(watch);
}

#[test]
fn a_killed_server_is_noticed_at_once() {
    let yard = Yard::new(&format!("{SELDOM}{}", sleeper("one", "")));
    let watch = watched(&yard);
    let (former, begun) = (yard.pid("one"), Instant::now());
    yard.kill(yard.server().unwrap());
    yard.fresh("one", Some(former));
    assert!(begun.elapsed() < SOON, "only after {:?}", begun.elapsed());
    drop(watch);
}

#[test]
fn an_edit_and_a_request_are_noticed_at_once() {
    let yard = Yard::new(&format!("{SELDOM}{}", sleeper("one", "")));
    let watch = watched(&yard);
    let begun = Instant::now();
    yard.declare(&format!(
        "{SELDOM}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.fresh("two", None);
    assert!(begun.elapsed() < SOON, "only after {:?}", begun.elapsed());
    at_rest(&yard, &watch);
    let looks = || watch.said().matches("list-panes").count();
    let before = looks();
    yard.gtctl(&["pause"]).exits(0);
    yard.until("a look", || looks() > before);
}

#[test]
fn a_server_that_freezes_is_waited_for_and_nothing_is_done_twice() {
    let yard = Yard::new(&format!(
        "{SELDOM}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    let watch = watched(&yard);
    let (one, two, server) = (yard.pid("one"), yard.pid("two"), yard.server().unwrap());
    signal(server, Signal::STOP);
    yard.kill(one);
    yard.until("the failed look", || {
        watch.said().contains("the town is unknown")
    });
    signal(server, Signal::CONT);
    let now = yard.fresh("one", Some(one));
    at_rest(&yard, &watch);
    assert_eq!((yard.pid("one"), yard.pid("two")), (now, two));
    assert_eq!(yard.marked("one"), [now]);
}

#[test]
fn a_server_without_other_sessions_may_end() {
    let yard = Yard::new(&format!(
        "{SELDOM}{}",
        sleeper("one", "restart = \"never\"")
    ));
    let watch = watched(&yard);
    let server = yard.server().unwrap();
    yard.declare(SELDOM);
    yard.until("the edit", || watch.said().contains("read again"));
    yard.tmux(&["kill-session", "-t", "=one"]);
    yard.until("its end", || !process::may_live(server));
}
