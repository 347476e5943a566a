//! A town that lives on another server than its socket leads to: it is never begun a second time.

use crate::harness::{QUICK, TMUX, Yard, of, sleeper};
use gtctl::proc::process::{self, may_live};
use gtctl::proc::signal::{Signal, signal};
use std::path::Path;

fn two() -> String {
    format!("{QUICK}{}{}", sleeper("one", ""), sleeper("two", ""))
}

/// How many living processes each session has.
fn lives(yard: &Yard) -> [usize; 2] {
    ["one", "two"].map(|name| yard.marked(name).len())
}

/// A server of somebody's own at this path.
fn another_server(yard: &Yard, at: &Path) {
    let socket = at.to_str().unwrap();
    let mut command = yard.command(&TMUX);
    command.args([
        "-S",
        socket,
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-s",
        "mine",
        "sleep",
        "5555",
    ]);
    assert!(command.status().unwrap().success());
    let mut command = yard.command(&TMUX);
    let pid = command
        .args(["-S", socket, "display-message", "-p", "#{pid}"])
        .output()
        .unwrap()
        .stdout;
    yard.own(process::identify(String::from_utf8(pid).unwrap().trim().parse().unwrap()).unwrap());
}

fn sessions_at(yard: &Yard, at: &Path) -> Vec<String> {
    let mut command = yard.command(&TMUX);
    let output = command
        .args([
            "-S",
            at.to_str().unwrap(),
            "list-sessions",
            "-F",
            "#{session_name}",
        ])
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn another_socket_doubles_nothing_in_any_verb_and_says_how_to_go_on() {
    for there in [false, true] {
        let yard = Yard::new(&two());
        yard.gtctl(&["apply"]).exits(0);
        let before = ["one", "two"].map(|name| yard.pid(name));
        let other = yard.at("B");
        if there {
            another_server(&yard, &other);
        }
        let other = other.to_str().unwrap();
        let verbs: [&[&str]; 7] = [
            &["diff"],
            &["status"],
            &["apply"],
            &["reconcile"],
            &["verify"],
            &["restart", "one"],
            &["stop", "two", "--no-wait"],
        ];
        for verb in verbs {
            let said = yard.gtctl(&[verb, &["--socket", other]].concat());
            let text = said.out.clone() + &said.err;
            assert!(text.contains("gtctl move-server"), "{verb:?}: {text}");
            assert!(
                text.contains(&format!("--socket {}", yard.socket().display())),
                "{text}"
            );
            assert_ne!(said.code, Some(0));
            assert_eq!(lives(&yard), [1, 1], "{verb:?}");
        }
        let mut command = yard.gtctl_command(&["apply"]);
        command.env("GTCTL_SOCKET", other);
        yard.running(command).end().exits(1).says("move-server");
        assert_eq!(lives(&yard), [1, 1]);
        assert!(before.iter().all(|process| may_live(*process)));
        // What was asked for by hand meanwhile is for where the town lives.
        yard.gtctl(&["start", "two"]);
        assert_eq!(lives(&yard), [1, 1]);
    }
}

#[test]
fn a_former_server_that_does_not_answer_is_named_and_nothing_is_doubled() {
    let yard = Yard::new(&two());
    yard.gtctl(&["apply"]).exits(0);
    let server = yard.server().unwrap();
    signal(server, Signal::STOP);
    let said = yard.gtctl(&[
        "apply",
        "--no-wait",
        "--socket",
        yard.at("B").to_str().unwrap(),
    ]);
    signal(server, Signal::CONT);
    let said = said.exits(1);
    assert!(
        said.err.contains("live on another tmux server (process"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("name its socket") && !said.err.contains("``"),
        "{}",
        said.err
    );
    assert_eq!(lives(&yard), [1, 1]);
    yard.gtctl(&["diff"]).exits(0);
}

#[test]
fn an_edit_of_the_socket_beside_a_controller_doubles_nothing() {
    let yard = Yard::new(&two());
    yard.gtctl(&["apply"]).exits(0);
    let controller = yard.start(&["reconcile", "--watch"]);
    yard.until("the controller", || {
        yard.gtctl(&["status", "-o", "json"]).json()["controller"]["pid"].is_u64()
    });
    let before = ["one", "two"].map(|name| yard.pid(name));
    let head = format!(
        "[town]\nname = \"{}\"\nsocket = \"{}\"\n",
        yard.town,
        yard.at("B").display()
    );
    yard.write_manifest(&format!("{head}{}", two()));
    yard.until("that it is told", || {
        yard.gtctl(&["diff"]).out.contains("move-server")
    });
    assert_eq!(lives(&yard), [1, 1]);
    assert!(before.iter().all(|process| may_live(*process)));
    // The way on: the controller keeps the town where it is, so it is ended first.
    yard.gtctl(&["move-server", "--yes"]).exits(4);
    drop(controller);
    // Nothing is asked where nobody can answer.
    yard.gtctl(&["move-server"]).exits(1).says("--yes");
    assert!(before.iter().all(|process| may_live(*process)));
    yard.gtctl(&["move-server", "--yes"])
        .exits(0)
        .says("has left");
    assert!(!before.iter().any(|process| may_live(*process)));
    let _controller = yard.start(&["reconcile", "--watch"]);
    yard.until("the town on its new server", || {
        sessions_at(&yard, &yard.at("B")).len() >= 2
    });
    yard.until("both", || lives(&yard) == [1, 1]);
    yard.gtctl(&["move-server", "--yes"])
        .exits(0)
        .says("nothing to move");
    assert_eq!(lives(&yard), [1, 1]);
    let mut command = yard.command(&TMUX);
    let socket = yard.at("B");
    command
        .args(["-S", socket.to_str().unwrap(), "kill-server"])
        .status()
        .unwrap();
}

#[test]
fn another_tmux_tmpdir_doubles_nothing() {
    let yard = Yard::new("").named_socket("gtctl-test-tmpdir");
    let head = format!(
        "[town]\nname = \"{}\"\nsocket = \"gtctl-test-tmpdir\"\n",
        yard.town
    );
    yard.write_manifest(&format!("{head}{}", two()));
    yard.gtctl(&["apply"]).exits(0);
    let before = ["one", "two"].map(|name| yard.pid(name));
    std::fs::create_dir(yard.at("other")).unwrap();
    for verb in [["apply", "--no-wait"], ["reconcile", "-q"]] {
        let mut command = yard.gtctl_command(&verb);
        command.env("TMUX_TMPDIR", yard.at("other"));
        yard.running(command).end().exits(1).says("move-server");
    }
    assert_eq!(lives(&yard), [1, 1]);
    assert!(before.iter().all(|process| may_live(*process)));
}

#[test]
fn a_former_server_without_our_sessions_is_no_obstacle() {
    let yard = Yard::new(&two());
    another_server(&yard, &yard.socket());
    yard.gtctl(&["apply"]).exits(0);
    yard.gtctl(&["stop", "one", "two"]).exits(0);
    assert_eq!(yard.sessions(), ["mine"]);
    let other = yard.at("B");
    another_server(&yard, &other);
    yard.gtctl(&["start", "one", "two", "--socket", other.to_str().unwrap()])
        .exits(0);
    assert_eq!(lives(&yard), [1, 1]);
    assert_eq!(yard.sessions(), ["mine"]);
    assert_eq!(sessions_at(&yard, &other), ["mine", "one", "two"]);
    let page = yard
        .gtctl(&["diff", "-o", "json", "--socket", other.to_str().unwrap()])
        .exits(0)
        .json();
    assert!(of(&page, "unchanged", "one").is_some());
}

#[test]
fn a_state_of_another_town_copied_over_ours_doubles_and_ends_nothing() {
    let (ours, others) = (Yard::new(&two()), Yard::new(&two()));
    ours.gtctl(&["apply"]).exits(0);
    others.gtctl(&["apply"]).exits(0);
    // A stop that was asked for there is none that was asked for here.
    others.gtctl(&["stop", "one"]).exits(0);
    let before = ["one", "two"].map(|name| ours.pid(name));
    for file in ["gtctl.json", "gtctl.prev.json"] {
        std::fs::copy(others.state().join(file), ours.state().join(file)).unwrap();
    }
    for verb in [
        &["diff"][..],
        &["status"],
        &["reconcile"],
        &["apply", "--no-wait"],
    ] {
        ours.gtctl(verb);
        assert_eq!(lives(&ours), [1, 1], "{verb:?}");
    }
    assert!(before.iter().all(|process| may_live(*process)));
    assert_eq!(lives(&others), [0, 1]);
}

/// A verb in another home: it has another state directory.
fn elsewhere(yard: &Yard, args: &[&str]) -> crate::harness::Running {
    let mut command = yard.gtctl_command(args);
    command
        .env("HOME", yard.at("other"))
        .env("TMPDIR", yard.at("other"))
        .env_remove("XDG_STATE_HOME");
    yard.running(command)
}

#[test]
fn a_controller_of_another_home_is_never_fought_and_both_are_named() {
    let yard = Yard::new(&two());
    std::fs::create_dir(yard.at("other")).unwrap();
    yard.gtctl(&["apply"]).exits(0);
    let mut controller = yard.start(&["reconcile", "--watch"]);
    yard.until("the controller", || {
        yard.gtctl(&["status", "-o", "json"]).json()["controller"]["pid"].is_u64()
    });
    let before = ["one", "two"].map(|name| yard.pid(name));
    let (ours, theirs) = (
        yard.at("other/.local/state/gtctl").join(&yard.town),
        yard.state(),
    );
    let verbs: [&[&str]; 12] = [
        &["apply"],
        &["reconcile"],
        &["reconcile", "--watch"],
        &["restart", "one"],
        &["start", "one"],
        &["stop", "one", "--no-wait"],
        &["expire"],
        &["adopt", "one"],
        &["reset", "one"],
        &["pause"],
        &["nudge", "one", "go on"],
        &["answer", "one", "yes"],
    ];
    for verb in verbs {
        let refused = elsewhere(&yard, verb).end().exits(4);
        refused
            .says(theirs.to_str().unwrap())
            .says(ours.to_str().unwrap())
            .says("--take-over");
    }
    assert!(!ours.exists(), "who is refused leaves nothing");
    let explicit = yard.at("third");
    let refused = yard
        .gtctl(&["--state-dir", explicit.to_str().unwrap(), "apply"])
        .exits(4);
    refused
        .says(theirs.to_str().unwrap())
        .says(explicit.to_str().unwrap());
    for verb in ["status", "diff"] {
        elsewhere(&yard, &[verb])
            .end()
            .says(theirs.to_str().unwrap());
    }
    assert_eq!(["one", "two"].map(|name| yard.pid(name)), before);
    assert_eq!(lives(&yard), [1, 1]);
    assert!(controller.is_running());
    // Another path to the same state directory is no other one.
    std::os::unix::fs::symlink(yard.state(), yard.at("link")).unwrap();
    yard.gtctl(&["--state-dir", yard.at("link").to_str().unwrap(), "apply"])
        .exits(0);
    // Taken over, the former one ends, and nothing is doubled.
    let taker = elsewhere(&yard, &["--take-over", "reconcile", "--watch"]);
    controller.end().exits(0);
    yard.until("the other controller", || {
        ours.join("controller.json").exists()
    });
    yard.gtctl(&["apply"]).exits(4).says(ours.to_str().unwrap());
    assert_eq!(["one", "two"].map(|name| yard.pid(name)), before);
    taker.signal(gtctl::proc::signal::Signal::TERM);
    taker.end().exits(0);
    // Nobody keeps it now: each may act, and none of them doubles or restarts anything.
    yard.gtctl(&["apply"]).exits(0);
    elsewhere(&yard, &["apply"]).end().exits(0);
    assert_eq!(["one", "two"].map(|name| yard.pid(name)), before);
    assert_eq!(lives(&yard), [1, 1]);
}

#[test]
fn two_controllers_of_two_homes_that_begin_together_double_nothing() {
    let yard = Yard::new(&two());
    std::fs::create_dir(yard.at("other")).unwrap();
    let mut both = [
        yard.start(&["reconcile", "--watch"]),
        elsewhere(&yard, &["reconcile", "--watch"]),
    ];
    yard.until("one of them to be refused", || {
        both.iter_mut().any(|one| !one.is_running())
    });
    let refused = both.iter_mut().position(|one| !one.is_running()).unwrap();
    for (place, one) in both.into_iter().enumerate() {
        if place != refused {
            yard.until("both sessions", || lives(&yard) == [1, 1]);
            one.signal(gtctl::proc::signal::Signal::TERM);
            one.end().exits(0);
            continue;
        }
        one.end().exits(4).says("the two would fight");
    }
    assert_eq!(lives(&yard), [1, 1]);
}

#[test]
fn two_verbs_of_two_homes_at_once_start_each_session_once() {
    let yard = Yard::new(&two());
    std::fs::create_dir(yard.at("other")).unwrap();
    let both = [yard.start(&["apply"]), elsewhere(&yard, &["apply"])];
    for one in both {
        drop(one.end());
    }
    assert_eq!(lives(&yard), [1, 1]);
    let before = ["one", "two"].map(|name| yard.pid(name));
    for _ in 0..2 {
        yard.gtctl(&["apply"]).exits(0);
        elsewhere(&yard, &["apply"]).end().exits(0);
    }
    assert_eq!(["one", "two"].map(|name| yard.pid(name)), before);
}
