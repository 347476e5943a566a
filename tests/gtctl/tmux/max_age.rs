//! Planned restarts: fresh process, same session, same clients; and never twice within the gap,
//! whatever is lost.

use crate::harness::{QUICK, TMUX, Yard, of, session, sleeper};
use gtctl::proc::signal::Signal;
use std::fs;

const OLD: &str = "max_age = \"1s\"\nmax_age_jitter = \"0s\"\ndrain = \"0s\"";

/// Two sessions, so that one restart is no mass kill.
fn old(more: &str) -> String {
    format!(
        "{QUICK}{}{}",
        sleeper("one", &format!("{OLD}\n{more}")),
        sleeper("two", "max_age = \"off\"")
    )
}

#[test]
fn an_old_session_gets_a_fresh_process_and_keeps_its_clients() {
    let yard = Yard::new(&old("when_attached = \"proceed\""));
    yard.gtctl(&["apply", "--no-wait"]);
    let one = yard.fresh("one", None);
    let id = yard.format("one", "#{session_id} #{pane_id}");
    let mut client = yard.attach("one");
    let watch = yard.start(&["reconcile", "--watch"]);
    let fresh = yard.fresh("one", Some(one));
    assert!(client.is_running());
    assert_eq!(
        yard.format("one", "#{session_id} #{pane_id} #{session_attached}"),
        format!("{id} 1")
    );
    yard.until("the gap", || {
        let page = yard.gtctl(&["diff", "-o", "json"]).json();
        of(&page, "held", "one")
            .is_some_and(|held| held["hold"]["code"] == "handoff-gap" && held["until"].is_string())
    });
    assert_eq!(yard.pid("one"), fresh);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn an_attached_session_is_held_also_when_only_its_group_is() {
    let yard = Yard::new(&old(""));
    yard.gtctl(&["apply", "--no-wait"]);
    let one = yard.fresh("one", None);
    let held = || {
        yard.until("the hold", || {
            let page = yard.gtctl(&["diff", "-o", "json"]).json();
            of(&page, "held", "one").is_some_and(|held| held["hold"]["code"] == "attached")
        });
        yard.gtctl(&["reconcile"]).exits(3);
        assert_eq!(yard.pid("one"), one);
    };
    let client = yard.attach("one");
    held();
    client.kill();
    yard.until("the detaching", || {
        yard.format("one", "#{session_attached}") == "0"
    });
    yard.tmux(&["new-session", "-d", "-s", "view", "-t", "=one"]);
    let client = yard.attach("view");
    assert_eq!(yard.format("one", "#{session_attached}"), "0");
    held();
    client.kill();
    yard.until("the restart", || {
        yard.gtctl(&["reconcile"]);
        yard.process("one").is_some_and(|now| now != one)
    });
}

#[test]
fn a_client_that_comes_between_look_and_act_is_spared_too() {
    let yard = Yard::new(&old(""));
    yard.gtctl(&["apply", "--no-wait"]);
    let one = yard.fresh("one", None);
    yard.tmux(&["new-session", "-d", "-s", "view", "-t", "=one"]);
    // The second call to tmux, which would begin the stop, waits for a client.
    let gate = "#!/bin/sh\nn=$(cat DIR/n 2>/dev/null || echo 0); n=$((n+1)); echo $n >DIR/n\n\
                if [ $n = 2 ]; then touch DIR/looked; while ! [ -e DIR/go ]; do /bin/sleep 0.02; done; fi\n\
                exec TMUX \"$@\"\n";
    yard.until("its age", || yard.gtctl(&["diff"]).out.contains("restart"));
    yard.until("its limit", || {
        of(&yard.gtctl(&["diff", "-o", "json"]).json(), "steps", "one").is_some()
    });
    yard.shim(
        "tmux",
        &gate.replace("DIR", yard.dir()).replace("TMUX", &TMUX),
    );
    let verb = yard.start(&["reconcile"]);
    yard.until("the look", || yard.at("looked").exists());
    let _client = yard.attach("view");
    yard.write("go", "");
    verb.end().exits(3).says("attached");
    assert_eq!(yard.pid("one"), one);
}

/// What may happen to the state file between two lives of a controller.
fn damage(yard: &Yard, round: usize, older: &[u8]) {
    let file = yard.state().join("gtctl.json");
    let text = fs::read(&file).unwrap_or_default();
    match round % 6 {
        0 => {}
        1 => drop(fs::remove_file(&file)),
        2 => drop(fs::write(&file, older)),
        3 => drop(fs::remove_dir_all(yard.state())),
        _ => {
            drop(fs::write(&file, &text[..text.len() * (round % 7) / 7]));
            if round.is_multiple_of(2) {
                drop(fs::remove_file(yard.state().join("gtctl.prev.json")));
            }
        }
    }
}

#[test]
fn never_twice_within_the_gap_whatever_kills_the_controller_or_befalls_its_memory() {
    let lives = |name: &str| {
        let script = format!("echo x >>$HOME/{name}; exec sleep 1000");
        session(
            name,
            &script,
            &format!("{OLD}\nwhen_attached = \"proceed\""),
        )
    };
    let others: String = (0..3)
        .map(|n| sleeper(&format!("other-{n}"), "max_age = \"off\""))
        .collect();
    let yard = Yard::new(&format!("{QUICK}{}{others}", lives("one")));
    yard.gtctl(&["apply", "--no-wait"]);
    yard.fresh("one", None);
    yard.until("all", || {
        yard.gtctl(&["diff", "-o", "json"]).json()["steps"]
            .as_array()
            .is_some()
    });
    let files: Vec<_> = fs::read_dir(yard.state())
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert!(files.iter().any(|f| f == "gtctl.json"), "{files:?}");
    let older = fs::read(yard.state().join("gtctl.json")).unwrap();
    for round in 0..30_u64 {
        let watch = yard.start(&["reconcile", "--watch"]);
        // Not a wait for anything: where it is hit is meant to vary.
        std::thread::sleep(std::time::Duration::from_millis(round * 9 % 200));
        watch.kill();
        damage(&yard, usize::try_from(round).unwrap(), &older);
        let lives = yard.read("home/one").lines().count();
        assert!(lives <= 2, "{lives} lives after round {round}");
    }
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the first cycle", || !watch.said().is_empty());
    // Where a controller was killed between the mark on the session and the first signal, and its
    // memory was lost as well, nobody knows whether that restart came to be: then it is held for
    // the gap, for all to see.
    yard.until("the gap", || {
        let page = yard.gtctl(&["diff", "-o", "json"]).json();
        of(&page, "held", "one").is_some_and(|held| held["hold"]["code"] == "handoff-gap")
    });
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    assert!((1..=2).contains(&yard.read("home/one").lines().count()));
    assert_eq!(yard.marked("one").len(), 1);
}

#[test]
fn a_controller_killed_at_any_system_call_restarts_once() {
    let strace = "/usr/bin/strace";
    if !std::path::Path::new(strace).exists() {
        eprintln!("skipped: there is no strace");
        return;
    }
    let script = "echo x >>$HOME/one; exec sleep 1000";
    let agent = session(
        "one",
        script,
        &format!("{OLD}\nwhen_attached = \"proceed\""),
    );
    let yard = Yard::new(&format!(
        "{QUICK}{agent}{}",
        sleeper("two", "max_age = \"off\"")
    ));
    yard.gtctl(&["apply", "--no-wait"]);
    yard.fresh("one", None);
    yard.until("its limit", || {
        of(&yard.gtctl(&["diff", "-o", "json"]).json(), "steps", "one").is_some()
    });
    let mut killed = 0;
    for (call, times) in [
        ("fsync", 4),
        ("rename", 4),
        ("pidfd_send_signal", 2),
        ("clone3,vfork,clone", 4),
        ("write", 4),
    ] {
        for when in 1..=times {
            let inject = format!("inject={call}:signal=SIGKILL:when={when}");
            let mut command = yard.command(strace);
            let binary = env!("CARGO_BIN_EXE_gtctl");
            command.args(["-qq", "-o", "/dev/null", "-e", &inject, binary, "reconcile"]);
            let said = yard.running(command).end();
            if said.err.contains("ptrace") {
                eprintln!("skipped: nothing may be traced here");
                return;
            }
            killed += usize::from(said.code.is_none());
            let lives = yard.read("home/one").lines().count();
            assert!(lives <= 2, "{lives} lives after {call} {when}");
        }
    }
    assert!(killed >= 8, "only {killed} were killed");
    yard.until("its one restart", || {
        yard.gtctl(&["reconcile"]);
        yard.read("home/one").lines().count() == 2
    });
    for _ in 0..3 {
        yard.gtctl(&["reconcile"]);
    }
    assert_eq!(
        (
            yard.read("home/one").lines().count(),
            yard.marked("one").len()
        ),
        (2, 1)
    );
}
