//! The main job: from a manifest to a living town, and back to one after a death.

use crate::harness::{QUICK, Yard, of, session, sleeper};
use gtctl::proc::signal::Signal;
use std::fs;

fn quickstart(yard: &Yard) {
    let text = include_str!("../../../examples/quickstart.toml");
    let text = text.replace(
        "name = \"quickstart\"",
        &format!("name = \"{}\"", yard.town),
    );
    let text = text.replace(
        "socket = \"gtctl-quickstart\"",
        &format!("socket = \"{}\"", yard.socket().display()),
    );
    yard.write_manifest(&text);
}

#[test]
fn agents_and_their_server_take_every_signal() {
    let yard = Yard::new(&sleeper("one", ""));
    let controller = yard.start(&["reconcile", "--watch"]);
    let agent = yard.fresh("one", None);
    // A program inherits the signals that who starts it has blocked.
    for process in [agent, yard.server().unwrap()] {
        let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap();
        let blocked = status.lines().find(|line| line.starts_with("SigBlk:"));
        assert_eq!(blocked, Some("SigBlk:\t0000000000000000"), "{status}");
    }
    controller.signal(Signal::TERM);
    controller.end().exits(0);
}

#[test]
fn the_quickstart_comes_up_stays_up_and_is_restored() {
    let yard = Yard::new("");
    quickstart(&yard);
    yard.gtctl(&["apply"]).exits(0).says("started");
    assert_eq!(yard.sessions(), ["flaky", "heartbeat", "task"]);
    yard.gtctl(&["status"])
        .exits(0)
        .says("heartbeat  working")
        .says("task       completed");
    let page = yard.gtctl(&["status", "-o", "json"]).exits(0).json();
    let phase = |session: &str| of(&page, "sessions", session).unwrap()["phase"].clone();
    assert_eq!(
        (phase("heartbeat"), phase("task")),
        ("working".into(), "completed".into())
    );
    assert_eq!(of(&page, "sessions", "flaky").unwrap()["restarts"], 2);
    let said = yard.gtctl(&["-vv", "apply"]).exits(0).says("as declared");
    assert_eq!(
        said.err.matches("list-panes").count(),
        1,
        "one observation: {}",
        said.err
    );
    yard.gtctl(&["diff"]).exits(0).says("nothing to do");
    yard.gtctl(&["verify"]).exits(0);

    let heart = yard.pid("heartbeat");
    let id = yard.format("heartbeat", "#{session_id}");
    yard.kill(heart);
    let said = yard.gtctl(&["diff"]).exits(2);
    assert!(
        said.out.contains("signal 9 (KILL)") || said.out.contains("lost its exit status"),
        "{}",
        said.out
    );
    yard.gtctl(&["verify"]).exits(2).says("heartbeat");
    yard.gtctl(&["reconcile"]).exits(0).says("restarted");
    assert_ne!(yard.pid("heartbeat"), heart);
    assert_eq!(
        yard.format("heartbeat", "#{session_id}"),
        id,
        "the session stays"
    );
}

#[test]
fn a_killed_agent_is_back_within_a_resync_then_backed_off_then_held_as_a_loop() {
    let backoff = "backoff = { first = \"2s\", max = \"2s\", jitter = 0 }";
    let agent = session("one", "echo last words; exec sleep 1000", backoff);
    let yard = Yard::new(&format!("{QUICK}{agent}{}", sleeper("two", "")));
    yard.gtctl(&["apply"]).exits(0);
    let (two, id) = (yard.pid("two"), yard.format("one", "#{session_id}"));
    let watch = yard.start(&["reconcile", "--watch"]);
    let mut one = yard.pid("one");
    for crash in 1..=4 {
        yard.kill(one);
        if crash > 1 {
            yard.until("the back-off in diff", || {
                let page = yard.gtctl(&["diff", "-o", "json"]).json();
                of(&page, "held", "one").is_some_and(|held| {
                    held["hold"]["code"] == "back-off"
                        && held["action"] == "restart"
                        && held["until"].is_string()
                })
            });
            yard.gtctl(&["status"])
                .says(&format!("crash {crash}"))
                .says("restart ");
        }
        one = yard.fresh("one", Some(one));
    }
    yard.kill(one);
    yard.until("the crash loop", || {
        yard.gtctl(&["status"]).out.contains("crash loop")
    });
    yard.gtctl(&["diff"])
        .exits(2)
        .says("crash loop: 5 crashes within 15m")
        .says("last words");
    assert!(yard.process("one").is_none());
    assert_eq!(
        (yard.pid("two"), yard.format("one", "#{session_id}")),
        (two, id)
    );
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    assert_eq!(yard.pid("two"), two, "sessions outlive their controller");
}

#[test]
fn only_the_named_session_is_touched() {
    let long = sleeper("gt-rig-crew-10", "");
    let yard = Yard::new(&format!(
        "{QUICK}{}{long}",
        session(
            "gt-rig-crew-1",
            "exec sleep 1000",
            "max_age = \"1s\"\nmax_age_jitter = \"0s\"\nhandoff_gap = \"0s\"\nrestart = \"always\""
        )
    ));
    yard.gtctl(&["apply", "--no-wait"]);
    yard.until("both", || yard.sessions().len() == 2);
    yard.tmux(&["kill-session", "-t", "=gt-rig-crew-1"]);
    let (ten, id) = (
        yard.pid("gt-rig-crew-10"),
        yard.format("gt-rig-crew-10", "#{session_id} #{@gtctl_label}"),
    );
    let same = || {
        assert_eq!(yard.pid("gt-rig-crew-10"), ten);
        assert_eq!(
            yard.format("gt-rig-crew-10", "#{session_id} #{@gtctl_label}"),
            id
        );
    };
    yard.gtctl(&["diff"]).exits(2).says("gt-rig-crew-1");
    yard.gtctl(&["apply", "--no-wait"]);
    same();
    let first = yard.pid("gt-rig-crew-1");
    yard.until("its restart", || {
        yard.gtctl(&["reconcile"]);
        yard.process("gt-rig-crew-1")
            .is_some_and(|now| now != first)
    });
    same();
    yard.declare(&format!("{QUICK}{long}"));
    yard.until("its expiry", || {
        yard.gtctl(&["reconcile", "--prune"]);
        yard.sessions() == ["gt-rig-crew-10"]
    });
    same();
}

#[test]
fn what_runs_our_agent_is_adopted_and_what_does_not_is_left_alone() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("mine", ""),
        sleeper("taken", "")
    ));
    let run = |name: &str, command: &[&str]| {
        yard.tmux(&[&["new-session", "-d", "-s", name][..], command].concat());
        yard.until(name, || yard.process(name).is_some());
        yard.pid(name)
    };
    let mine = run("mine", &["sleep", "5000"]);
    let taken = run("taken", &["tail", "-f", "/dev/null"]);
    let stranger = run("stranger", &["tail", "-f", "/dev/null"]);
    yard.gtctl(&["diff"])
        .exits(2)
        .says("adopt")
        .says("an unlabelled session with this name runs tail");
    yard.gtctl(&["apply"]).exits(3).says("adopted");
    yard.gtctl(&["apply", "--prune", "--allow-mass"])
        .exits(3)
        .says("waiting");
    let page = yard.gtctl(&["diff", "-o", "json"]).json();
    assert_eq!(
        of(&page, "held", "taken").unwrap()["hold"]["code"],
        "name-taken"
    );
    for (session, process) in [("mine", mine), ("taken", taken), ("stranger", stranger)] {
        assert_eq!(yard.pid(session), process, "{session}");
    }
    assert_eq!(
        yard.format("taken", "#{@gtctl_label}") + &yard.format("stranger", "#{@gtctl_label}"),
        ""
    );
    assert!(
        yard.format("mine", "#{@gtctl_label}")
            .starts_with(&format!("town={} ", yard.town))
    );
}

#[test]
fn a_second_controller_is_told_who_the_first_is() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("one", "")));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the start", || yard.process("one").is_some());
    let pid = watch.id().pid.to_string();
    yard.gtctl(&["reconcile", "--watch"]).exits(4).says(&pid);
    yard.gtctl(&["reconcile"]).exits(4).says(&pid);
    yard.gtctl(&["apply"]).exits(0);
}

#[test]
fn a_disabled_session_is_stopped_and_runs_again_when_it_is_enabled() {
    let manifest = |more: &str| {
        let task = "restart = \"on-failure\"\n";
        format!(
            "{QUICK}drain = \"1s\"\n[limits]\nmass = \"100%\"\n{}{}{}",
            sleeper("one", more),
            sleeper("task", &format!("{task}{more}")),
            sleeper("after", "after = [\"one\"]"),
        )
    };
    let yard = Yard::new(&manifest(""));
    yard.gtctl(&["apply"]).exits(0);
    let after = yard.pid("after");
    yard.declare(&manifest("enabled = false"));
    yard.gtctl(&["diff"])
        .exits(2)
        .says("disabled in the manifest");
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["after"]);
    assert_eq!(yard.pid("after"), after);
    yard.gtctl(&["status"])
        .exits(0)
        .says("disabled in the manifest");
    yard.gtctl(&["diff"]).exits(0);
    yard.gtctl(&["verify"]).exits(0);
    yard.gtctl(&["start", "one"])
        .exits(1)
        .says("one is disabled in the manifest")
        .says("remove `enabled = false`");
    yard.declare(&manifest(""));
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["after", "one", "task"]);
    assert_eq!(yard.pid("after"), after);
}

/// Hours that begin and end so many minutes from now, in UTC.
fn hours(from: i64, until: i64) -> String {
    let now = jiff::Timestamp::now().as_second() / 60;
    let time = |minutes: i64| {
        let of_day = (now + minutes).rem_euclid(24 * 60);
        format!("{:02}:{:02}", of_day / 60, of_day % 60)
    };
    format!("{}-{}", time(from), time(until))
}

#[test]
fn outside_of_its_hours_a_session_is_stopped_and_returns_when_they_begin() {
    let manifest = |schedule: &str| {
        let more = format!("schedule = \"{schedule}\"\ntimezone = \"UTC\"");
        format!(
            "{QUICK}drain = \"1s\"\n[limits]\nmass = \"100%\"\n{}{}{}",
            sleeper("one", &more),
            sleeper("task", &format!("restart = \"on-failure\"\n{more}")),
            sleeper("after", "after = [\"one\"]"),
        )
    };
    let (off, on) = (hours(120, 180), hours(-60, 60));
    let yard = Yard::new(&manifest(&off));
    let begins = off.split('-').next().unwrap();
    yard.gtctl(&["apply"]).exits(3);
    assert_eq!(yard.sessions(), Vec::<String>::new());
    let until = format!("{begins} (UTC)");
    for args in [&["status"][..], &["diff"], &["explain", "one"]] {
        yard.gtctl(args).says("off until").says(&until);
    }
    yard.gtctl(&["status"]).says("one is off by its schedule");
    yard.gtctl(&["explain", "one"]).says("timezone");
    yard.gtctl(&["start", "one"])
        .exits(1)
        .says("one is off until")
        .says("change its `schedule`");
    yard.declare(&manifest(&on));
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["after", "one", "task"]);
    let after = yard.pid("after");
    yard.declare(&manifest(&off));
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["after"]);
    assert_eq!(yard.pid("after"), after);
    yard.gtctl(&["diff"]).exits(0);
    // The task was not over.
    yard.declare(&manifest(&on));
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["after", "one", "task"]);
}
