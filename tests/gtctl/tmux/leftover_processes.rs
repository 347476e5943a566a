//! Agents that outlive their pane, and panes that somebody has moved: nothing stays dead, nothing
//! is doubled.

use crate::harness::{AT_ONCE, QUICK, Running, Yard, of, session, sleeper};
use gtctl::model::ProcId;
use gtctl::proc::process::{self, may_live};
use std::time::{Duration, Instant};

/// A session that is killed is back within this, though its agent ignored the hangup.
const PROMPT: Duration = AT_ONCE;

/// Crashes are made up for at once.
const MADE_UP_AT_ONCE: &str =
    "backoff = { first = \"50ms\", max = \"50ms\", jitter = 0.0, burst = 1000 }\n";

/// A shell that ignores these signals and runs for ever.
fn deaf(signals: &str) -> String {
    format!("trap '' {signals}; while :; do sleep 1000 & wait; done")
}

fn watched(yard: &Yard) -> Running {
    let controller = yard.start(&["reconcile", "--watch"]);
    yard.until("the controller", || {
        yard.gtctl(&["status", "-o", "json"]).json()["controller"]["pid"].is_u64()
    });
    controller
}

/// Waits until the session has a fresh agent, and nothing of the former one lives.
#[track_caller]
fn comes_back(yard: &Yard, name: &str, former: ProcId) {
    let begun = Instant::now();
    let fresh = yard.fresh(name, Some(former));
    assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
    yard.until("the former agent to be gone", || !may_live(former));
    let agents = yard
        .marked(name)
        .into_iter()
        .filter(|process| names_shell(*process))
        .count();
    assert_eq!((agents, may_live(fresh)), (1, true));
}

fn names_shell(process: ProcId) -> bool {
    matches!(process::look_at(process), process::Presence::Alive(stat) if stat.comm == "sh")
}

#[test]
fn an_agent_that_ignores_the_hangup_is_ended_and_its_session_returns() {
    for signals in ["HUP", "HUP TERM"] {
        let yard = Yard::new(&format!(
            "{QUICK}{MADE_UP_AT_ONCE}{}{}",
            session("one", &deaf(signals), ""),
            sleeper("two", "")
        ));
        yard.gtctl(&["apply"]).exits(0);
        let _controller = watched(&yard);
        let two = yard.pid("two");
        let ways: [&[&str]; 3] = [
            &["kill-session", "-t", "=one"],
            &["kill-window", "-t", "=one:"],
            &["kill-pane", "-t", "=one:"],
        ];
        for way in ways {
            let former = yard.pid("one");
            yard.tmux(way);
            comes_back(&yard, "one", former);
        }
        assert_eq!(yard.pid("two"), two);
    }
}

#[test]
fn a_leftover_is_asked_to_end_before_it_is_killed() {
    let script =
        "trap '' HUP; trap 'echo asked >>asked; exit' TERM; while :; do sleep 1000 & wait; done";
    let yard = Yard::new(&format!(
        "{QUICK}{MADE_UP_AT_ONCE}{}{}",
        session("one", script, ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let former = yard.pid("one");
    yard.tmux(&["kill-session", "-t", "=one"]);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.read("asked"), "asked\n");
    comes_back(&yard, "one", former);
    // Beside a pane of somebody's as well.
    let former = yard.pid("one");
    yard.tmux(&["split-window", "-d", "-t", "=one:", "sleep", "600"]);
    yard.tmux(&["kill-pane", "-t", &yard.format("one", "#{pane_id}")]);
    yard.until("a fresh one", || {
        yard.gtctl(&["apply"]);
        !may_live(former)
    });
    assert_eq!(yard.read("asked"), "asked\nasked\n");
}

#[test]
fn a_server_that_is_ended_under_deaf_agents_comes_back_once() {
    let names = ["one", "two", "three"];
    let daemon = "(setsid sh -c 'trap \"\" HUP TERM; sleep 1001; :' &); trap '' HUP TERM; while :; do sleep 1000 & wait; done";
    let sessions: String = names.iter().map(|name| session(name, daemon, "")).collect();
    let yard = Yard::new(&format!("{QUICK}{MADE_UP_AT_ONCE}{sessions}"));
    yard.gtctl(&["apply"]).exits(0);
    let _controller = watched(&yard);
    let former: Vec<ProcId> = names.iter().flat_map(|name| yard.marked(name)).collect();
    let before = names.map(|name| yard.pid(name));
    yard.tmux(&["kill-server"]);
    for (name, before) in names.iter().zip(before) {
        yard.fresh(name, Some(before));
    }
    yard.until("the former ones to be gone", || {
        !former.iter().any(|process| may_live(*process))
    });
    assert_eq!(yard.gtctl(&["apply"]).exits(0).code, Some(0));
}

#[test]
fn an_agent_in_a_moved_pane_is_left_alone_wherever_it_stands() {
    let agents = session("one", &deaf("HUP"), "")
        + &session("two", &deaf("HUP"), "")
        + &sleeper("three", "");
    let ways: [&[&[&str]]; 4] = [
        &[&["swap-window", "-d", "-s", "=one:", "-t", "=two:"]],
        &[&["swap-pane", "-d", "-s", "=one:", "-t", "=two:"]],
        &[&["join-pane", "-d", "-s", "=one:", "-t", "=three:"]],
        &[
            &["split-window", "-d", "-t", "=one:", "sleep", "601"],
            &["join-pane", "-d", "-s", "=one:.0", "-t", "=three:"],
        ],
    ];
    for way in ways {
        let yard = Yard::new(&format!("{QUICK}{MADE_UP_AT_ONCE}{agents}"));
        yard.gtctl(&["apply"]).exits(0);
        let _controller = watched(&yard);
        let before = ["one", "two", "three"].map(|name| yard.pid(name));
        for command in way {
            yard.tmux(command);
        }
        yard.until("that it is told", || {
            let page = yard.gtctl(&["diff", "-o", "json"]).json();
            of(&page, "held", "one").is_some_and(|held| held["hold"]["code"] == "moved-out")
        });
        for verb in [
            &["reconcile"][..],
            &["apply", "--no-wait"],
            &["restart", "one", "--no-wait"],
        ] {
            yard.gtctl(verb);
        }
        assert!(before.iter().all(|process| may_live(*process)), "{way:?}");
        assert_eq!(crashes(&yard), 0, "{way:?}");
        // Its end is noticed where it stands now, and its session gets it back.
        yard.kill(before[0]);
        yard.until("a fresh agent", || {
            yard.marked("one")
                .iter()
                .any(|process| names_shell(*process) && *process != before[0])
        });
        assert!(may_live(before[1]) && may_live(before[2]), "{way:?}");
    }
}

#[test]
fn an_agent_whose_pane_was_closed_returns_beside_what_others_opened() {
    let yard = Yard::new(&format!(
        "{QUICK}{MADE_UP_AT_ONCE}{}{}",
        sleeper("one", "env = { ONE = \"1\" }"),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let _controller = watched(&yard);
    let session = yard.format("one", "#{session_id}");
    yard.tmux(&["split-window", "-d", "-t", "=one:", "sleep", "601"]);
    let mine = yard.tmux(&[
        "list-panes",
        "-s",
        "-t",
        "=one:",
        "-F",
        "#{pane_pid} #{pane_id}",
    ]);
    let (mine, _) = mine.lines().last().unwrap().split_once(' ').unwrap();
    let mine = process::identify(mine.parse().unwrap()).unwrap();
    let _client = yard.attach("one");
    for _ in 0..3 {
        let agent = yard.marked("one");
        let pane = label_pane(&yard);
        yard.tmux(&["kill-pane", "-t", &pane]);
        yard.until("a fresh agent", || {
            yard.marked("one")
                .iter()
                .any(|process| !agent.contains(process))
        });
        assert!(may_live(mine));
        assert_eq!(yard.format("one", "#{session_id}"), session);
    }
    yard.until("calm", || yard.gtctl(&["diff"]).code == Some(0));
}

/// How many crashes of session `one` are remembered.
fn crashes(yard: &Yard) -> usize {
    let state = std::fs::read_to_string(yard.state().join("gtctl.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    state["memory"]["sessions"]["one"]["crashes"]
        .as_array()
        .map_or(0, Vec::len)
}

fn label_pane(yard: &Yard) -> String {
    let label = yard.format("one", "#{@gtctl_label}");
    label
        .split(' ')
        .find_map(|word| word.strip_prefix("pane="))
        .unwrap()
        .to_owned()
}

#[test]
fn one_death_counts_once_however_often_it_is_looked_at() {
    let slow = "[defaults]\nmax_age = \"off\"\nready_after = \"50ms\"\n\
                backoff = { first = \"4s\", max = \"4s\", jitter = 0.0, burst = 4 }\n";
    let yard = Yard::new(&format!(
        "{slow}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    for deaths in 1..=2 {
        yard.tmux(&["split-window", "-d", "-t", "=one:", "sleep", "601"]);
        yard.tmux(&["kill-pane", "-t", &label_pane(&yard)]);
        let begun = Instant::now();
        yard.gtctl(&["reconcile"]);
        for _ in 0..4 {
            assert_eq!(crashes(&yard), deaths);
            yard.gtctl(&["diff"]);
            if deaths == 1 {
                break;
            }
            yard.gtctl(&["reconcile"]);
        }
        // The hold ends when it said, looked at or not.
        yard.until("the agent", || {
            yard.gtctl(&["reconcile"]);
            !yard.marked("one").is_empty()
        });
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    }
}
