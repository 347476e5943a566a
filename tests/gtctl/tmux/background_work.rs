//! A client at its prompt is not idle while something that it has started still works: it would end
//! with its client.

use crate::harness::{Yard, of};
use gtctl::model::ProcId;
use gtctl::proc::process;

/// At its prompt. What works behind it, if anything, is told by `MODE`.
const CLAUDE: &str = r#"#!/bin/bash
footer='  ⏸ manual mode on'
note() { echo "$1" >"$GTCTL_SESSION.pid"; }
show() { printf '\033[2J\033[H● Done.\n\n────────\n❯ \n────────\n%s · ? for shortcuts' "$footer"; }
case $MODE in
helper) sh -c 'sleep 600; :' & note $! ;;
footer) footer="$footer · 1 shell" ;;
esac
show
case $MODE in
shell) sleep 3; sh -c 'sleep 600; :' & note $! ;;
replaced) sleep 3; sh -c 'exec sleep 600' & note $! ;;
footer) while [ ! -e end ]; do sleep 0.2; done; footer='  ⏸ manual mode on'; show ;;
esac
while :; do sleep 3; done
"#;

fn agent(mode: &str, version: u32, fields: &str) -> String {
    let env = format!("env = {{ MODE = \"{mode}\", VERSION = \"{version}\" }}");
    format!("[[session]]\nsession = \"{mode}\"\nagent = \"claude\"\n{env}\n{fields}\n")
}

fn town(sessions: &str) -> String {
    format!(
        "[limits]\nunavailable = 10\nconcurrent_starts = 10\n\
         [defaults]\nready_after = \"0s\"\nmax_age = \"off\"\nhandoff_gap = \"0s\"\nstop_grace = \"1s\"\n{sessions}"
    )
}

/// The process that a session's stand-in has noted.
fn noted(yard: &Yard, session: &str) -> Option<ProcId> {
    process::identify(yard.read(&format!("{session}.pid")).trim().parse().ok()?)
}

fn phase(yard: &Yard, session: &str) -> String {
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    let line = of(&page, "sessions", session);
    line.map_or_else(String::new, |line| {
        line["phase"].as_str().unwrap_or_default().to_owned()
    })
}

#[test]
fn a_planned_restart_waits_for_what_works_behind_the_prompt_and_not_for_helpers() {
    let yard = Yard::new("");
    yard.shim("claude", CLAUDE);
    let working = ["shell", "replaced", "footer"];
    let declared = |version: u32, drain: &str| {
        let drain = format!("drain = \"{drain}\"");
        let all = ["helper"].iter().chain(&working);
        town(
            &all.map(|mode| agent(mode, version, &drain))
                .collect::<String>(),
        )
    };
    yard.declare(&declared(1, "10m"));
    yard.gtctl(&["apply"]).exits(0);
    let first = |session: &str| yard.pid(session);
    let before: Vec<ProcId> = working.iter().map(|session| first(session)).collect();
    let helped = first("helper");
    for session in ["helper", "shell", "replaced"] {
        yard.until(&format!("what {session} starts"), || {
            noted(&yard, session).is_some()
        });
    }
    for session in working {
        yard.until(&format!("a first look at {session}"), || {
            yard.gtctl(&["reconcile"]);
            let page = yard.gtctl(&["status", "-o", "json"]).json();
            of(&page, "sessions", session).is_some_and(|line| line["screen"]["state"] == "ready")
        });
    }

    yard.declare(&declared(2, "10m"));
    yard.until("the one that is idle to be restarted", || {
        yard.gtctl(&["reconcile"]);
        yard.process("helper").is_some_and(|now| now != helped)
    });
    let held = || yard.gtctl(&["diff", "-o", "json"]).json();
    for (session, before) in working.iter().zip(&before) {
        assert_eq!(
            of(&held(), "held", session).map(|line| line["hold"]["code"].clone()),
            Some("draining".into())
        );
        assert_eq!(yard.process(session), Some(*before), "{session}");
    }

    // What has ended is waited for no longer.
    yard.write("end", "");
    yard.kill(noted(&yard, "shell").unwrap());
    for session in ["shell", "footer"] {
        let before = before[working.iter().position(|name| *name == session).unwrap()];
        yard.until(&format!("{session} to be restarted"), || {
            yard.gtctl(&["reconcile"]);
            yard.process(session).is_some_and(|now| now != before)
        });
    }
    // Nor is anything beyond the deadline.
    assert_eq!(yard.process("replaced"), Some(before[1]));
    yard.declare(&declared(2, "1s"));
    yard.until("the last one to be restarted", || {
        yard.gtctl(&["reconcile"]);
        yard.process("replaced").is_some_and(|now| now != before[1])
    });
}

#[test]
fn what_works_behind_the_prompt_is_never_too_quiet() {
    let yard = Yard::new("");
    yard.shim("claude", CLAUDE);
    let modes = ["helper", "shell", "footer"];
    let limits = "idle_limit = \"8s\"\non_idle = \"restart\"";
    yard.declare(&town(&modes.map(|mode| agent(mode, 1, limits)).concat()));
    yard.gtctl(&["apply"]).exits(0);
    let before = modes.map(|session| yard.pid(session));
    let _controller = yard.start(&["reconcile", "--watch"]);
    yard.fresh("helper", Some(before[0]));
    yard.fresh("helper", yard.process("helper"));
    for (session, before) in modes.iter().zip(before).skip(1) {
        assert_eq!(yard.process(session), Some(before), "{session}");
        assert_eq!(phase(&yard, session), "background", "{session}");
    }
}
