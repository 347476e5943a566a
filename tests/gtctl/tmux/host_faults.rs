//! When tmux, the disk or the host misbehave.

use crate::harness::{QUICK, TMUX, Yard, of, session, sleeper};
use gtctl::proc::signal::{Signal, signal};
use gtctl::proc::{clock, process};
use std::fs;
use std::time::Duration;

/// With the verdict still to print.
const ANSWER: Duration = Duration::from_millis(5500);

fn stopped(yard: &Yard) -> gtctl::model::ProcId {
    let server = yard.server().unwrap();
    signal(server, Signal::STOP);
    yard.until("the stop", || {
        fs::read_to_string(format!("/proc/{}/stat", server.pid))
            .unwrap()
            .contains(") T")
    });
    server
}

#[test]
fn every_verb_answers_beside_a_frozen_server_and_nothing_happens_late() {
    let old = "max_age = \"1s\"\nmax_age_jitter = \"0s\"\ndrain = \"0s\"";
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", old),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply", "--no-wait"]);
    let (one, two) = (yard.fresh("one", None), yard.fresh("two", None));
    yard.until("its limit", || {
        of(&yard.gtctl(&["diff", "-o", "json"]).json(), "steps", "one").is_some()
    });
    let server = stopped(&yard);
    let verbs: [(&[&str], i32); 5] = [
        (&["diff"], 1),
        (&["apply"], 1),
        (&["reconcile"], 1),
        (&["status"], 1),
        (&["verify"], 2),
    ];
    // The two that act take turns, so they come one after the other.
    let (first, rest) = verbs.split_at(2);
    for batch in [first, &rest[..1], &rest[1..]] {
        let started: Vec<_> = batch
            .iter()
            .map(|(args, code)| (yard.start(&[*args, &["-o", "json"]].concat()), *code))
            .collect();
        for (verb, code) in started {
            let said = verb.end().exits(code);
            assert!(said.took < ANSWER, "{said:?}");
            assert_eq!(said.json()["server"], "unknown");
        }
    }
    signal(server, Signal::CONT);
    yard.until("the server", || !yard.sessions().is_empty());
    let generation = yard.format("one", "#{@gtctl_label} #{@gtctl_handoff}");
    assert_eq!((yard.pid("one"), yard.pid("two")), (one, two));
    assert_eq!(
        yard.format("one", "#{@gtctl_label} #{@gtctl_handoff}"),
        generation
    );
}

#[test]
fn a_server_that_freezes_between_look_and_act_does_nothing_late() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let (two, server) = (yard.pid("two"), yard.server().unwrap());
    yard.tmux(&["kill-session", "-t", "=one"]);
    // Every call after the look finds the server frozen.
    let gate = format!(
        "#!/bin/sh\nif [ -e {0}/looked ]; then kill -STOP {1}; fi\ntouch {0}/looked\nexec {2} \"$@\"\n",
        yard.dir(),
        server.pid,
        *TMUX
    );
    yard.shim("tmux", &gate);
    yard.gtctl(&["reconcile"]).exits(3).says("unknown");
    signal(server, Signal::CONT);
    yard.until("the server", || yard.sessions() == ["two"]);
    assert_eq!(yard.pid("two"), two);
    assert!(yard.marked("one").is_empty(), "nothing was started late");
}

#[test]
fn a_killed_server_comes_back_by_waves_and_nothing_of_the_former_lives_stays() {
    let stubborn = "trap '' HUP TERM; echo x >>$HOME/first; while :; do /bin/sleep 0.2; done";
    let second = "cat $HOME/ready >$HOME/seen 2>/dev/null; exec sleep 1000";
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        session("first", stubborn, "wave = 1\nready_after = \"1s\""),
        session("second", second, "wave = 2")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let former = yard.pid("first");
    let server = yard.server().unwrap();
    yard.own(former);
    yard.kill(server);
    assert!(process::may_live(former), "it ignores the hangup");
    yard.gtctl(&["diff"])
        .exits(2)
        .says("first")
        .says("lost with the tmux server");
    yard.gtctl(&["reconcile"]).exits(3);
    assert_eq!(yard.sessions(), ["first"], "the second wave waits");
    assert!(!process::may_live(former), "one process tree per session");
    let now = yard.pid("first");
    yard.gtctl(&["diff"]).exits(2).says("wave");
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["first", "second"]);
    assert_eq!(yard.pid("first"), now);
    let started = |session: &str| {
        let label = yard.format(session, "#{s/.* started=([^ ]+) .*/\\1/:@gtctl_label}");
        label.split(':').nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert!(started("second") >= started("first") + 1000, "ready first");
}

#[test]
fn thirty_are_back_by_waves_within_a_minute_of_their_servers_death() {
    let script = "date +%s%3N >>$HOME/$GTCTL_SESSION; exec sleep 1000";
    let name = |n: usize| format!("s{n:02}");
    let declared = |n: usize| {
        session(
            &name(n),
            script,
            &format!("wave = {}\nready_after = \"500ms\"", n / 10 + 1),
        )
    };
    let town: String = (0..30).map(declared).collect();
    let yard = Yard::new(&format!("[defaults]\nstop_grace = \"1s\"\n{town}"));
    yard.gtctl(&["apply"]).exits(0);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the first look", || watch.said().contains("as declared"));
    yard.kill(yard.server().unwrap());
    let killed = clock::now().wall;
    let starts = |n: usize| -> Vec<i64> {
        let text = fs::read_to_string(yard.at(&format!("home/{}", name(n)))).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    };
    yard.until("all to be back", || (0..30).all(|n| starts(n).len() == 2));
    let again: Vec<i64> = (0..30).map(|n| starts(n)[1] - killed).collect();
    let (first, last) = (again.iter().min().unwrap(), again.iter().max().unwrap());
    println!("the first of 30 after {first} ms, the last after {last} ms");
    // A second, and what a busy machine adds.
    assert!(*first < 5_000 && *last < 60_000, "{again:?}");
    let [one, two, three] = [0, 10, 20].map(|from| &again[from..from + 10]);
    assert!(
        one.iter().max() < two.iter().min() && two.iter().max() < three.iter().min(),
        "{again:?}"
    );
    drop(watch);
}

#[test]
fn a_town_of_the_same_name_on_another_server_is_left_alone() {
    // With a daemon, which hangs below no server.
    let script = "(setsid sleep 1000 </dev/null >/dev/null 2>&1 &); exec sleep 1000";
    let yard = Yard::new(&format!("{QUICK}{}", session("one", script, "")));
    yard.gtctl(&["apply"]).exits(0);
    let first = yard.marked("one");
    assert_eq!(first.len(), 2);
    let (other, state) = (yard.at("other"), yard.at("second"));
    let there = [
        "--socket",
        other.to_str().unwrap(),
        "--state-dir",
        state.to_str().unwrap(),
    ];
    yard.gtctl(&[&there[..], &["apply"]].concat()).exits(0);
    let ask = ["-t", "=one:", "-p", "#{pid} #{pane_pid}"];
    let output = yard
        .command(&TMUX)
        .arg("-S")
        .arg(&other)
        .arg("display")
        .args(ask)
        .output()
        .unwrap();
    let pids: Vec<_> = String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect();
    yard.own(process::identify(pids[0]).unwrap());
    // A fresh process there ends all of the life before it there, and nothing here.
    yard.kill(process::identify(pids[1]).unwrap());
    yard.gtctl(&[&there[..], &["reconcile"]].concat())
        .exits(0)
        .says("restarted");
    let now = yard.marked("one");
    assert!(
        first
            .iter()
            .all(|process| process::may_live(*process) && now.contains(process))
    );
    assert_eq!(now.len(), 4);
}

#[test]
fn a_removed_socket_file_brings_no_second_server() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let before = (yard.pid("one"), yard.pid("two"), yard.server());
    for verb in ["apply", "diff", "status"] {
        fs::remove_file(yard.socket()).unwrap();
        yard.gtctl(&[verb]).exits(0);
        assert_eq!((yard.pid("one"), yard.pid("two"), yard.server()), before);
    }
    assert_eq!(yard.marked("one").len() + yard.marked("two").len(), 2);
}

#[test]
fn a_read_only_state_directory_stops_no_start() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let (one, state) = (yard.pid("one"), yard.at("xdg"));
    yard.tmux(&["kill-session", "-t", "=two"]);
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" || exit 77; exec \"$0\" reconcile";
    let mut command = yard.command("unshare");
    command.args([
        "-m",
        "sh",
        "-c",
        script,
        env!("CARGO_BIN_EXE_gtctl"),
        state.to_str().unwrap(),
    ]);
    let said = yard.running(command).end();
    if said.code == Some(77) || said.err.contains("unshare") {
        eprintln!("skipped: nothing may be mounted here");
        return;
    }
    said.exits(0)
        .says("the state was not written")
        .says("started    two");
    assert_eq!(yard.pid("one"), one);
    yard.pid("two");
}

#[test]
fn without_durable_intents_nothing_that_runs_is_touched() {
    let old = "max_age = \"1s\"\nmax_age_jitter = \"0s\"\ndrain = \"0s\"";
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", old),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply", "--no-wait"]);
    let (one, two) = (yard.fresh("one", None), yard.fresh("two", None));
    yard.until("its limit", || {
        of(&yard.gtctl(&["diff", "-o", "json"]).json(), "steps", "one").is_some()
    });
    yard.tmux(&["kill-session", "-t", "=two"]);
    yard.until("its end", || !process::may_live(two));
    // Where no file may have any byte, nothing can be written: a full disk, for root as well.
    let full = r#"(trap "" XFSZ; ulimit -f 0; "$0" reconcile; echo "exit $?") 2>&1 | cat"#;
    let mut command = yard.command("sh");
    let output = command
        .args(["-c", full, env!("CARGO_BIN_EXE_gtctl")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    for words in [
        "the state was not written",
        "started    two",
        "1 started, 1 waiting",
        "exit 3",
    ] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    assert_eq!(yard.pid("one"), one);
    assert_ne!(yard.fresh("two", None), two);
    yard.until("the restart", || {
        yard.gtctl(&["reconcile"]);
        yard.process("one").is_some_and(|now| now != one)
    });
}
