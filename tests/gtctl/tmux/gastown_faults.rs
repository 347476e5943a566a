//! A gt that lies, hangs, refuses or starts something else: the town comes to be as declared, or
//! what holds it is seen, and nobody else is touched.

use crate::harness::{Yard, of};
use crate::tmux::gastown_launcher::{calls, declare, gastown};
use gtctl::model::ProcId;
use gtctl::proc::process;
use gtctl::proc::signal::Signal;
use std::fs;

const MAYOR: &str = "[[session]]\nrole = \"mayor\"\nstart_timeout = \"2s\"\n";
const BYSTANDERS: &str = "[[session]]\nrole = \"witness\"\nrig = \"shop\"\n\
     [[session]]\nsession = \"one\"\nlauncher = \"tmux\"\ncommand = [\"sleep\", \"900\"]\n";

/// A mayor, and two that are to be left alone.
fn town() -> Yard {
    let yard = gastown(&format!("{MAYOR}{BYSTANDERS}"));
    yard.gtctl(&["start", "gt-shop-witness", "one"]).exits(0);
    yard
}

fn bystanders(yard: &Yard) -> [ProcId; 2] {
    ["gt-shop-witness", "one"].map(|name| yard.pid(name))
}

fn spoil(yard: &Yard, command: &str, fault: &str) {
    yard.write(&format!("root/faults/{command}"), fault);
}

fn mend(yard: &Yard, command: &str) {
    fs::remove_file(yard.at(&format!("root/faults/{command}"))).unwrap();
}

/// What the stand-in's hanging command is.
fn hanging(yard: &Yard) -> ProcId {
    let mut found = None;
    yard.until("the command to hang", || {
        found = yard
            .read("root/hanging")
            .trim()
            .parse()
            .ok()
            .and_then(process::identify);
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn a_start_that_does_nothing_and_says_well_is_held_and_seen() {
    let yard = town();
    let others = bystanders(&yard);
    spoil(&yard, "mayor-start", "nothing");
    yard.gtctl(&["apply", "--timeout", "4s"])
        .exits(3)
        .says("reports success")
        .says("there is no session hq-mayor");
    let said = yard.gtctl(&["diff"]).exits(2);
    assert!(
        said.out.contains("could not be started, try") && said.out.contains("waiting: back-off"),
        "{}",
        said.out
    );
    let asked = calls(&yard)
        .iter()
        .filter(|call| call.starts_with("mayor"))
        .count();
    assert!(asked <= 2, "no storm: {asked}");
    assert_eq!(bystanders(&yard), others);
    mend(&yard, "mayor-start");
    yard.gtctl(&["reset", "hq-mayor"]).exits(0);
    yard.gtctl(&["apply"]).exits(0).says("started");
    yard.gtctl(&["verify"]).exits(0);
    assert_eq!(bystanders(&yard), others);
}

#[test]
fn what_was_done_counts_whatever_gt_says() {
    let yard = town();
    spoil(&yard, "mayor-start", "lie");
    yard.gtctl(&["apply"]).exits(0).says("started");
    let mayor = yard.pid("hq-mayor");
    spoil(&yard, "mayor-restart", "lie");
    yard.gtctl(&["restart", "hq-mayor"])
        .exits(0)
        .says("restarted");
    assert!(!process::may_live(mayor));
    spoil(&yard, "mayor-stop", "lie");
    yard.gtctl(&["stop", "hq-mayor"]).exits(0).says("stopped");
    yard.gtctl(&["verify"]).exits(0);
}

#[test]
fn a_stop_or_a_restart_that_does_nothing_is_done_all_the_same() {
    let yard = town();
    yard.gtctl(&["apply"]).exits(0);
    let (mayor, others) = (yard.pid("hq-mayor"), bystanders(&yard));
    spoil(&yard, "mayor-restart", "nothing");
    // Ended by the usual means where gt does not.
    yard.gtctl(&["restart", "hq-mayor"])
        .exits(0)
        .says("restarted");
    assert!(!process::may_live(mayor));
    for fault in ["nothing", "hang"] {
        spoil(&yard, "mayor-stop", fault);
        yard.gtctl(&["reset", "hq-mayor"]).exits(0);
        yard.gtctl(&["stop", "hq-mayor"]).exits(0).says("stopped");
        assert!(!yard.sessions().contains(&"hq-mayor".to_owned()));
        yard.gtctl(&["start", "hq-mayor"]).exits(0);
    }
    assert_eq!(bystanders(&yard), others);
}

/// A mayor that minds no TERM.
fn stubborn() -> Yard {
    let yard = town();
    yard.shim(
        "claude",
        "#!/bin/sh\ntrap '' TERM\nprintf '❯ '\nwhile :; do sleep 1; done\n",
    );
    yard.gtctl(&["apply"]).exits(0);
    yard
}

#[test]
fn what_its_launcher_does_not_end_climbs_the_ladder_of_all_stops() {
    let yard = stubborn();
    let (mayor, others) = (yard.pid("hq-mayor"), bystanders(&yard));
    spoil(&yard, "mayor-restart", "nothing");
    yard.gtctl(&["restart", "hq-mayor"])
        .exits(0)
        .says("`gt mayor restart --agent=claude` reports success: ✓ mayor restart: done; it still runs")
        .says("restarted");
    assert!(!process::may_live(mayor));
    let events = yard.gtctl(&["events"]).out;
    // Asked by the command, then TERM, then KILL.
    assert_eq!(events.matches("hq-mayor stopping").count(), 3, "{events}");

    let mayor = yard.pid("hq-mayor");
    spoil(&yard, "mayor-stop", "nothing");
    yard.gtctl(&["stop", "hq-mayor"]).exits(0).says("stopped");
    assert!(!process::may_live(mayor));
    assert!(!yard.sessions().contains(&"hq-mayor".to_owned()));
    assert_eq!(bystanders(&yard), others);
}

#[test]
fn who_attaches_while_a_launcher_stops_a_session_sees_no_agent_signalled() {
    let yard = town();
    yard.gtctl(&["apply"]).exits(0);
    let mayor = yard.pid("hq-mayor");
    spoil(&yard, "mayor-stop", "hang");
    let stop = yard.start(&["stop", "hq-mayor"]);
    let command = hanging(&yard);
    let client = yard.attach("hq-mayor");
    yard.until("the command to be ended", || !process::may_live(command));
    yard.until("the stop to wait", || {
        yard.gtctl(&["diff"]).out.contains("attached")
    });
    assert!(process::may_live(mayor));
    client.kill();
    yard.until("the client to be gone", || {
        yard.format("hq-mayor", "#{session_attached}") == "0"
    });
    yard.gtctl(&["apply"]);
    stop.end();
    yard.until("the end", || !process::may_live(mayor));
    assert!(!yard.sessions().contains(&"hq-mayor".to_owned()));
}

#[test]
fn a_command_that_hangs_is_killed_with_all_it_has_started() {
    let yard = town();
    let others = bystanders(&yard);
    spoil(&yard, "mayor-start", "hang");
    let apply = yard.start(&["apply", "--timeout", "4s"]);
    let command = hanging(&yard);
    apply
        .end()
        .exits(3)
        .says("was stopped after 2s, with all its processes");
    assert!(!process::may_live(command));
    assert_eq!(bystanders(&yard), others);
    mend(&yard, "mayor-start");
    yard.gtctl(&["reset", "hq-mayor"]).exits(0);
    yard.gtctl(&["apply"]).exits(0).says("started");
}

#[test]
fn another_session_that_comes_instead_is_told_of_and_left_alone() {
    let yard = town();
    spoil(&yard, "mayor-start", "wrong");
    yard.gtctl(&["apply", "--no-wait"])
        .exits(3)
        .says("hq-mayor-else came, which is left alone");
    let other = yard.pid("hq-mayor-else");
    mend(&yard, "mayor-start");
    yard.gtctl(&["apply"]).exits(0).says("started");
    assert_eq!(yard.pid("hq-mayor-else"), other);
    assert_eq!(yard.format("hq-mayor-else", "#{@gtctl_label}"), "");
}

#[test]
fn a_dead_session_that_gt_refuses_to_start_over_is_cleared_first() {
    let yard = town();
    spoil(&yard, "shell", "");
    yard.gtctl(&["apply"]).exits(0);
    let shell = yard.pid("hq-mayor");
    let agent = gtctl::proc::tree::tree(shell);
    let agent = agent
        .iter()
        .find(|member| member.stat.comm == "claude")
        .unwrap()
        .id;
    yard.kill(agent);
    let watch = yard.start(&["reconcile", "--watch"]);
    let fresh = yard.fresh("hq-mayor", Some(shell));
    yard.until("the restart to be told", || {
        fs::read_to_string(yard.state().join("monitor.jsonl"))
            .unwrap_or_default()
            .contains("hq-mayor restarted")
    });
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    assert!(!process::may_live(shell));
    assert_eq!(yard.pid("hq-mayor"), fresh);
    let events = yard.gtctl(&["events"]).out;
    assert!(!events.contains("already running"), "{events}");
    // And what gt finds dead of others' it replaces itself.
    yard.gtctl(&["verify"]).exits(0);
}

#[test]
fn a_start_that_lasts_delays_nobody_and_ends_with_its_controller() {
    let yard = gastown(&format!("[[session]]\nrole = \"mayor\"\n{BYSTANDERS}"));
    yard.gtctl(&["start", "gt-shop-witness", "one"]).exits(0);
    spoil(&yard, "mayor-start", "hang");
    let watch = yard.start(&["reconcile", "--watch"]);
    let command = hanging(&yard);
    let one = yard.pid("one");
    yard.kill(one);
    yard.fresh("one", Some(one));
    assert!(process::may_live(command), "the other start still lasts");
    yard.gtctl(&["diff"])
        .exits(0)
        .says("running")
        .says("$ gt mayor start --agent=claude");
    let page = yard.gtctl(&["status", "-o", "json"]).exits(0).json();
    assert_eq!(
        of(&page, "sessions", "hq-mayor").unwrap()["phase"],
        "starting"
    );
    yard.gtctl(&["verify"]).exits(2).says("missing");
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    assert!(!process::may_live(command));

    // One that is killed leaves its command to the next, which ends it before it begins another.
    fs::remove_file(yard.at("root/hanging")).unwrap();
    let watch = yard.start(&["reconcile", "--watch"]);
    let command = hanging(&yard);
    yard.until("its note", || {
        yard.state().join("errands/hq-mayor").exists()
    });
    watch.kill();
    assert!(process::may_live(command));
    mend(&yard, "mayor-start");
    yard.gtctl(&["apply"]).exits(0).says("started");
    assert!(!process::may_live(command));
    assert_eq!(yard.sessions().len(), 3);
}

#[test]
fn without_gt_or_its_root_nothing_is_touched_and_it_is_said() {
    let yard = town();
    let others = bystanders(&yard);
    let path = yard.at("bin/gt");
    fs::rename(&path, yard.at("gt-away")).unwrap();
    yard.gtctl(&["apply", "--no-wait"])
        .exits(3)
        .says("`gt` not found in PATH: install it");
    yard.gtctl(&["stop", "gt-shop-witness", "--timeout", "3s"])
        .exits(3)
        .says("`gt` not found");
    assert_eq!(bystanders(&yard), others);
    fs::rename(yard.at("gt-away"), &path).unwrap();
    declare(&yard, &format!("{MAYOR}{BYSTANDERS}"));
    yard.gtctl(&["start", "gt-shop-witness"]).exits(0);
    assert_eq!(bystanders(&yard), others);
}
