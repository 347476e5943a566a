//! A host restarts: all processes are gone, and the clocks begin anew. Each agent comes back with its
//! conversation.

use crate::chaos::past::reboot;
use crate::harness::{Yard, of};
use gtctl::model::SortedMap;
use std::fmt::Write;
use std::fs;

/// How many agents there are, in waves of [`WAVE`].
const AGENTS: usize = 30;
/// The agents of one wave.
const WAVE: usize = 10;

/// A stand-in for claude. It notes its start with its session and its conversation, and reports one
/// turn. A conversation that runs elsewhere already is noted in `twice`. The lock ends with it.
const CLAUDE: &str = r#"#!/bin/bash
id= how=
while [ $# -gt 0 ]; do
    case $1 in --session-id) id=$2 how=begins ;; --resume) id=$2 how=resumes ;; esac
    shift
done
exec 8>"$HOME/held-$id"
flock -n 8 || echo "$id" >>"$HOME/twice"
echo "$GTCTL_SESSION $how $id" >>"$HOME/starts"
report() { echo "{\"hook_event_name\":\"$1\",\"session_id\":\"$id\",\"source\":\"startup\"}" | PROGRAM hook claude 8>&-; }
report SessionStart
report UserPromptSubmit
report Stop
printf '❯ '
while :; do sleep 3 8>&-; done
"#;

fn agent(n: usize) -> String {
    format!("agent-{n:02}")
}

fn wave(n: usize) -> usize {
    n / WAVE + 1
}

fn town() -> Yard {
    let yard = Yard::new("");
    yard.shim(
        "claude",
        &CLAUDE.replace("PROGRAM", env!("CARGO_BIN_EXE_gtctl")),
    );
    let mut manifest =
        "[controller]\nresync = \"1s\"\n[limits]\nconcurrent_starts = 10\nstarts = 200\n\
         [defaults]\nagent = \"claude\"\nready_after = \"200ms\"\nmax_age = \"off\"\n"
            .to_owned();
    for n in 0..AGENTS {
        let (name, wave) = (agent(n), wave(n));
        let _ = write!(
            manifest,
            "[[session]]\nsession = \"{name}\"\nwave = {wave}\n"
        );
    }
    yard.declare(&manifest);
    yard
}

/// One start of an agent.
#[derive(Debug, Clone, PartialEq)]
struct Start {
    session: String,
    how: String,
    conversation: String,
}

/// All starts, in their order.
fn starts(yard: &Yard) -> Vec<Start> {
    let noted = yard.read("home/starts");
    let read = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        Some(Start {
            session: words.next()?,
            how: words.next()?,
            conversation: words.next()?,
        })
    };
    noted.lines().filter_map(read).collect()
}

/// Waits until all agents have started so many times, and are at their prompts.
fn until_all_are_idle(yard: &Yard, times: usize) {
    yard.until("all agents to be idle", || {
        let page = yard.gtctl(&["status", "-o", "json"]).json();
        let is_idle =
            |n| of(&page, "sessions", &agent(n)).is_some_and(|line| line["phase"] == "idle");
        starts(yard).len() >= times * AGENTS && (0..AGENTS).all(is_idle)
    });
}

/// Ends the server and all processes of the town, and has its files lie in an earlier boot.
fn restart_the_host(yard: &Yard) {
    let agents: Vec<_> = (0..AGENTS).flat_map(|n| yard.marked(&agent(n))).collect();
    assert!(agents.len() >= AGENTS);
    yard.kill(yard.server().expect("a server"));
    for process in agents {
        gtctl::proc::signal::signal(process, gtctl::proc::signal::Signal::KILL);
        yard.until("an agent to be gone", || {
            !gtctl::proc::process::may_live(process)
        });
    }
    reboot(yard);
}

#[test]
fn after_a_reboot_thirty_agents_come_back_by_waves_each_with_its_conversation() {
    let yard = town();
    let watch = yard.start(&["reconcile", "--watch"]);
    until_all_are_idle(&yard, 1);
    watch.kill();
    let begun: SortedMap<String, String> = starts(&yard)
        .into_iter()
        .inspect(|start| assert_eq!(start.how, "begins", "{start:?}"))
        .map(|start| (start.session, start.conversation))
        .collect();
    assert_eq!(begun.len(), AGENTS);

    restart_the_host(&yard);
    fs::remove_file(yard.at("home/starts")).unwrap();
    yard.gtctl(&["diff"]).exits(2).says("(resumes ");
    let _watch = yard.start(&["reconcile", "--watch"]);
    until_all_are_idle(&yard, 1);

    let resumed = starts(&yard);
    assert_eq!(resumed.len(), AGENTS, "none starts twice: {resumed:?}");
    for start in &resumed {
        assert_eq!(start.how, "resumes", "{start:?}");
        assert_eq!(begun.get(&start.session), Some(&start.conversation));
    }
    let waves: Vec<usize> = resumed
        .iter()
        .map(|start| wave(start.session.trim_start_matches("agent-").parse().unwrap()))
        .collect();
    assert!(waves.is_sorted(), "{waves:?}");
    assert_eq!(yard.read("home/twice"), "");
    yard.gtctl(&["diff"]).exits(0);
}
