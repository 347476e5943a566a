//! Gas Town's own files are heeded: emergency stop, locks, resting rigs, a paused deacon; and its
//! tmux server is found.

use crate::harness::{TMUX, Yard, of, sleeper};
use crate::laws::situations::{Case, Manners, case};
use gtctl::gastown::candidates;
use gtctl::model::{Socket, Verb};
use gtctl::plan::{Situation, plan};
use gtctl::proc::process;
use std::fs::{self, File};

const TOWN: &str = "root = \"gt\"\n[defaults]\nready_after = \"0s\"\nstop_grace = \"1s\"\nhandoff_gap = \"0s\"\ndrain = \"0s\"\n\
     max_age_jitter = \"0s\"\nbackoff = { first = \"0s\", jitter = 0 }\n";
const SELDOM: &str = "[controller]\nresync = \"1h\"\n";

/// A session in a role of the town.
fn role(role: &str, more: &str) -> String {
    format!(
        "[[session]]\nrole = \"{role}\"\ncommand = [\"sleep\", \"100000\"]\ndir = \"/\"\n{more}\n"
    )
}

/// A yard whose town has a root.
fn town(manifest: &str) -> Yard {
    let yard = Yard::new(&format!("{TOWN}{manifest}"));
    for dir in [
        "gt/mayor",
        "gt/daemon",
        "gt/.beads-wisp/config",
        "gt/.runtime/deacon",
    ] {
        fs::create_dir_all(yard.at(dir)).unwrap();
    }
    yard
}

/// What holds a session in the plan.
fn held(yard: &Yard, session: &str) -> String {
    let page = yard.gtctl(&["diff", "-o", "json"]).json();
    of(&page, "held", session).map_or_else(String::new, |line| {
        line["hold"]["code"].as_str().unwrap().to_owned()
    })
}

#[test]
fn under_an_emergency_stop_nothing_is_planned_but_labels_and_names() {
    for (seed, manners) in
        (0..400).flat_map(|seed| [(seed, Manners::Plausible), (seed, Manners::Hostile)])
    {
        let Case {
            mut town,
            observed,
            memory,
            orders,
            now,
        } = case(seed, manners);
        town.gastown.estop = Some(String::new());
        let plan = plan(&Situation {
            town: &town,
            observed: &observed,
            memory: &memory,
            orders,
            now,
        });
        assert!(
            plan.steps
                .iter()
                .all(|step| matches!(step.action.verb(), Verb::Adopt | Verb::Rename)),
            "seed {seed}: {:?}",
            plan.steps
        );
        assert!(plan.probes.is_empty(), "seed {seed}");
    }
}

#[test]
fn an_emergency_stop_holds_a_dead_session_until_it_is_lifted_which_is_noticed_at_once() {
    let yard = town(&format!(
        "{SELDOM}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the watcher", || {
        yard.gtctl(&["status"]).out.contains("controller")
    });
    let (one, two) = (yard.pid("one"), yard.pid("two"));
    yard.write("gt/ESTOP", "manual\t2026-11-21T10:00:00Z\tdisk full\n");
    yard.until("the stop to be seen", || {
        yard.gtctl(&["diff"])
            .exits(0)
            .out
            .contains("emergency stop of the town (disk full)")
    });
    yard.kill(one);
    yard.until("the watcher to hold it", || {
        yard.gtctl(&["events"]).out.lines().any(|line| {
            line.contains("one") && line.contains("waiting: emergency stop of the town")
        })
    });
    assert_eq!(held(&yard, "one"), "emergency-stop");
    yard.gtctl(&["status"]).exits(0).says("`gt thaw` lifts it");
    yard.gtctl(&["explain", "one"])
        .exits(0)
        .says("  why   emergency stop of the town (disk full)");
    assert_eq!(
        (yard.process("one"), yard.pid("two")),
        (None, two),
        "nothing is started, nothing is ended"
    );
    // No look is due for an hour: the file's going brings it.
    fs::remove_file(yard.at("gt/ESTOP")).unwrap();
    yard.fresh("one", Some(one));
    drop(watch);
}

#[test]
fn locks_count_as_long_as_gt_holds_them() {
    let yard = town(&format!("{}{}", role("mayor", ""), sleeper("one", "")));
    yard.gtctl(&["apply"]).exits(0);
    let mayor = yard.pid("hq-mayor");
    for lock in ["gt/daemon/daemon.lock", "gt/daemon/shutdown.lock"] {
        yard.write(lock, "");
    }
    yard.gtctl(&["diff"]).exits(0);
    let daemon = File::open(yard.at("gt/daemon/daemon.lock")).unwrap();
    daemon.lock().unwrap();
    yard.gtctl(&["diff"])
        .exits(0)
        .says("gt's daemon supervises mayor too");
    yard.gtctl(&["status"])
        .exits(0)
        .says("`gt daemon stop` leaves them to gtctl");
    yard.gtctl(&["stop", "hq-mayor"]).exits(3);
    assert_eq!(
        (held(&yard, "hq-mayor").as_str(), yard.pid("hq-mayor")),
        ("gt-daemon", mayor)
    );
    yard.gtctl(&["stop", "one"]).exits(0);
    drop(daemon);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(
        yard.sessions(),
        Vec::<String>::new(),
        "what was asked for is done once the daemon is gone"
    );

    let shutdown = File::open(yard.at("gt/daemon/shutdown.lock")).unwrap();
    shutdown.lock().unwrap();
    yard.gtctl(&["start", "one", "hq-mayor"])
        .exits(3)
        .says("gt is shutting the town down");
    assert_eq!(
        (held(&yard, "one").as_str(), yard.sessions().len()),
        ("gt-shutdown", 0)
    );
    drop(shutdown);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["hq-mayor", "one"]);
}

#[test]
fn resting_rigs_and_a_paused_deacon_are_left_alone_and_garbage_ends_nothing() {
    let witness = |rig: &str| role("witness", &format!("rig = \"{rig}\""));
    let rigs = ["parked", "docked", "garbled", "plain"]
        .map(witness)
        .concat();
    let yard = town(&format!(
        "[limits]\nmass = \"100%\"\nconcurrent_starts = 9\n{rigs}{}",
        role("deacon", "")
    ));
    yard.write(
        "gt/.beads-wisp/config/parked.json",
        r#"{"rig":"parked","values":{"status":"parked"}}"#,
    );
    yard.write(
        "gt/.beads-wisp/config/docked.json",
        r#"{"rig":"docked","values":{"status":"docked"}}"#,
    );
    yard.write("gt/.beads-wisp/config/garbled.json", "{\"values\": {\"sta");
    yard.write(
        "gt/.runtime/deacon/paused.json",
        r#"{"paused":true,"reason":"lunch"}"#,
    );
    let said = yard.gtctl(&["apply"]).exits(3);
    assert!(said.err.contains("garbled.json is no JSON"), "{}", said.err);
    assert_eq!(yard.sessions(), ["gt-garbled-witness", "gt-plain-witness"]);
    yard.gtctl(&["diff"])
        .exits(2)
        .says("rig parked is parked")
        .says("`gt rig undock docked` lifts it")
        .says("(lunch)");
    // All are too old now: only what may be is restarted.
    let old = yard
        .read("town.toml")
        .replace("[defaults]\n", "[defaults]\nmax_age = \"1s\"\n");
    let (garbled, plain) = (yard.pid("gt-garbled-witness"), yard.pid("gt-plain-witness"));
    yard.write_manifest(&old);
    yard.until("the other to be restarted", || {
        yard.gtctl(&["apply", "--allow-mass"]);
        yard.process("gt-plain-witness")
            .is_some_and(|now| now != plain)
    });
    assert_eq!(
        (
            held(&yard, "gt-garbled-witness").as_str(),
            yard.pid("gt-garbled-witness")
        ),
        ("rig-rests", garbled)
    );
    assert_eq!(held(&yard, "hq-deacon"), "deacon-paused");
    yard.write_manifest(&old.replace("max_age = \"1s\"\n", ""));
    for file in [
        "gt/.beads-wisp/config/parked.json",
        "gt/.runtime/deacon/paused.json",
    ] {
        fs::remove_file(yard.at(file)).unwrap();
    }
    yard.gtctl(&["apply"]).exits(3);
    assert_eq!(
        yard.sessions(),
        [
            "gt-garbled-witness",
            "gt-parked-witness",
            "gt-plain-witness",
            "hq-deacon"
        ]
    );
}

/// Runs `tmux -L NAME ARGS` in the yard; its server ends with the yard.
fn tmux(yard: &Yard, server: &str, args: &[&str]) -> String {
    let run = |args: &[&str]| {
        let output = yard
            .command(&TMUX)
            .args(["-u", "-L", server])
            .args(args)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    };
    let said = run(args);
    if let Some(id) = run(&["display-message", "-p", "#{pid}"])
        .parse()
        .ok()
        .and_then(process::identify)
    {
        yard.own(id);
    }
    said
}

#[test]
fn gts_own_server_is_found_and_a_doubled_town_is_not_touched() {
    let yard = town("");
    yard.shim("gt", "#!/bin/sh\n[ \"$1 $2\" = 'status --json' ] && echo '{\"tmux\":{\"socket\":\"gt-told\"}}'\n");
    let manifest = format!(
        "[town]\nname = \"{}\"\nroot = \"gt\"\nsocket = \"gastown\"\n[defaults]\nready_after = \"0s\"\n{}{}",
        yard.town,
        sleeper("one", ""),
        sleeper("two", "")
    );
    yard.write_manifest(&manifest);
    // Nobody has the town: gt is asked where it would be.
    yard.gtctl(&["diff"]).exits(2).says("2 to start");
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(
        tmux(
            &yard,
            "gt-told",
            &["list-sessions", "-F", "#{session_name}"]
        ),
        "one\ntwo"
    );
    // It says nothing more: what runs is not begun a second time elsewhere.
    yard.shim("gt", "#!/bin/sh\nexit 1\n");
    yard.gtctl(&["apply"])
        .exits(1)
        .says("still runs, but gt would not use it");
    tmux(&yard, "gt-told", &["kill-server"]);
    yard.until("the server's end", || {
        !yard.gtctl(&["diff"]).err.contains("still runs")
    });

    let likely = candidates(&yard.at("gt"), None, None);
    let Socket::Name(own) = &likely[0] else {
        panic!("{likely:?}")
    };
    tmux(
        &yard,
        own,
        &["new-session", "-d", "-s", "one", "sleep", "100000"],
    );
    yard.gtctl(&["diff"])
        .exits(2)
        .says("1 to start, 1 to adopt");
    tmux(
        &yard,
        "default",
        &["new-session", "-d", "-s", "two", "sleep", "100000"],
    );
    for verb in ["diff", "apply", "status"] {
        yard.gtctl(&[verb])
            .exits(1)
            .says("the town runs on two tmux servers")
            .says(&format!("`tmux -L {own}` has one"));
    }
    for server in [own.as_str(), "default"] {
        assert_eq!(
            tmux(
                &yard,
                server,
                &["list-sessions", "-F", "#{session_name} #{@gtctl_label}"]
            )
            .trim_end()
            .len(),
            3
        );
    }
    tmux(&yard, "default", &["kill-session", "-t", "=two"]);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(
        tmux(&yard, own, &["list-sessions", "-F", "#{session_name}"]),
        "one\ntwo"
    );
}
