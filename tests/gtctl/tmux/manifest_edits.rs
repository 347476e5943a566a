//! The manifest changes, a plan is saved, somebody interrupts.

use crate::harness::{QUICK, TMUX, Yard, of, session, sleeper};
use gtctl::proc::process;
use gtctl::proc::signal::Signal;

#[test]
fn a_removed_session_is_an_orphan_until_pruned_and_an_emptied_manifest_kills_nothing() {
    let (one, rest) = (
        sleeper("one", ""),
        [sleeper("two", ""), sleeper("three", "")].concat(),
    );
    let yard = Yard::new(&format!("{QUICK}{one}{rest}"));
    yard.gtctl(&["apply"]).exits(0);
    let first = yard.pid("one");
    yard.declare(&format!("{QUICK}{rest}"));
    yard.gtctl(&["diff"])
        .exits(0)
        .says("one")
        .says("no longer declared");
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.pid("one"), first);
    yard.declare(QUICK);
    yard.gtctl(&["apply", "--prune"]).exits(3);
    yard.gtctl(&["apply", "--prune", "--allow-mass"]).exits(3);
    assert_eq!(yard.sessions(), ["one", "three", "two"]);
    yard.declare(&format!("{QUICK}{rest}"));
    yard.gtctl(&["apply", "--prune"]).exits(0).says("expired");
    assert_eq!(yard.sessions(), ["three", "two"]);
    assert!(!process::may_live(first) && yard.marked("one").is_empty());
    let kept: Vec<_> = std::fs::read_dir(yard.state().join("logs/one"))
        .map(|d| d.flatten().collect())
        .unwrap_or_default();
    assert!(!kept.is_empty(), "its log is kept");
}

#[test]
fn a_changed_command_restarts_that_session_alone_and_a_changed_limit_none() {
    let chatty = |text: &str| format!("while :; do echo {text}; /bin/sleep 0.1; done");
    let manifest = |one: &str, two: &str, limit: &str| {
        let chatty = session("chatty", &chatty(one), &format!("drain = \"2s\"\n{limit}"));
        format!(
            "{QUICK}{chatty}{}{}",
            session("idle", &format!("exec sleep {two}"), limit),
            sleeper("other", limit)
        )
    };
    let yard = Yard::new(&manifest("a", "1001", ""));
    yard.gtctl(&["apply"]).exits(0);
    let pids = || ["chatty", "idle", "other"].map(|session| yard.pid(session));
    let [chatty, idle, other] = pids();
    yard.declare(&manifest("a", "1001", "max_age = \"3h\""));
    yard.gtctl(&["diff"]).exits(0);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(pids(), [chatty, idle, other]);

    yard.declare(&manifest("a", "1002", ""));
    yard.gtctl(&["diff"]).exits(2).says("command");
    yard.gtctl(&["apply"]).exits(0).says("restarted");
    let now = pids();
    assert_ne!(now[1], idle);
    assert_eq!((now[0], now[2]), (chatty, other));

    yard.declare(&manifest("b", "1002", ""));
    let page = yard.gtctl(&["diff", "-o", "json"]).exits(2).json();
    assert_eq!(
        of(&page, "held", "chatty").unwrap()["hold"]["code"],
        "draining"
    );
    yard.gtctl(&["apply"]).exits(0).says("restarted");
    let last = pids();
    assert_ne!(last[0], chatty);
    assert_eq!((last[1], last[2]), (now[1], other));
}

#[test]
fn a_command_that_is_not_there_fails_clearly_and_is_forgotten_when_taken_back() {
    let manifest = |command: &str| {
        let one = format!(
            "[[session]]\nsession = \"one\"\ncommand = [\"{command}\", \"1000\"]\non_drift = \"restart\"\n"
        );
        format!(
            "{QUICK}{one}{}{}",
            sleeper("two", ""),
            sleeper("three", "dir = \"nowhere\"")
        )
    };
    let yard = Yard::new(&manifest("sleep"));
    yard.gtctl(&["apply"])
        .exits(3)
        .says("three")
        .says("does not exist");
    let one = yard.pid("one");
    yard.pid("two");
    yard.declare(&manifest("no-such-program"));
    yard.gtctl(&["reconcile"])
        .exits(3)
        .says("no-such-program")
        .says("not found");
    assert_eq!(
        yard.pid("one"),
        one,
        "nothing is ended for what cannot be started"
    );
    yard.declare(&manifest("sleep"));
    yard.gtctl(&["reconcile"]);
    assert_eq!(yard.pid("one"), one, "there is no reason any more");
    yard.declare(&manifest("no-such-program"));
    yard.gtctl(&["reconcile"]).exits(3);
    yard.declare(&manifest("/bin/sleep"));
    yard.until("the restart, which no failed try delays", || {
        yard.gtctl(&["reconcile"]);
        yard.process("one").is_some_and(|now| now != one)
    });
}

#[test]
fn a_saved_plan_is_applied_as_it_is_or_not_at_all() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    let plan = yard.at("plan.json");
    let plan = plan.to_str().unwrap();
    yard.gtctl(&["diff", "--out", plan]).exits(2);
    yard.gtctl(&["apply", "--plan", plan]).exits(0);
    assert_eq!(yard.sessions(), ["one", "two"]);
    yard.gtctl(&["apply", "--plan", plan]).exits(1).says("one");
    yard.kill(yard.pid("one"));
    yard.gtctl(&["diff", "--out", plan]).exits(2);
    yard.kill(yard.pid("two"));
    yard.gtctl(&["apply", "--plan", plan]).exits(1).says("two");
    assert!(yard.process("one").is_none() && yard.process("two").is_none());
}

#[test]
fn apply_and_a_controller_take_turns() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("one", "")));
    let mut watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the start", || yard.process("one").is_some());
    let more: String = (0..6).map(|n| sleeper(&format!("more-{n}"), "")).collect();
    let one = yard.pid("one");
    yard.declare(&format!("{QUICK}{}{more}", sleeper("one", "")));
    let verbs: Vec<_> = (0..3).map(|_| yard.start(&["apply"])).collect();
    for verb in verbs {
        verb.end().exits(0);
    }
    assert_eq!((yard.sessions().len(), yard.pid("one")), (7, one));
    assert!((0..6).all(|n| yard.marked(&format!("more-{n}")).len() == 1));
    assert!(watch.is_running());
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn an_interrupted_apply_ends_cleanly_and_says_what_is_left() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("first", "wave = 1\nready_after = \"1m\""),
        sleeper("second", "wave = 2")
    ));
    let verb = yard.start(&["apply"]);
    yard.until("the first wave", || yard.process("first").is_some());
    verb.signal(Signal::INT);
    verb.end().exits(3).says("interrupted").says("1 waiting");
    yard.pid("first");
    assert_eq!(yard.sessions(), ["first"]);
    // Also when it comes during a cycle: the calls to tmux are slow here.
    yard.shim(
        "tmux",
        &format!("#!/bin/sh\n/bin/sleep 0.5\nexec {} \"$@\"\n", *TMUX),
    );
    yard.tmux(&["kill-session", "-t", "=first"]);
    let verb = yard.start(&["-vv", "apply"]);
    yard.until("the look", || verb.said().contains("list-panes"));
    verb.signal(Signal::INT);
    verb.end().exits(3).says("interrupted");
    yard.pid("first");
}

#[test]
fn a_watched_manifest_is_taken_over_when_good_and_the_last_good_one_stays_when_broken() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("one", "")));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the start", || yard.process("one").is_some());
    let one = yard.pid("one");
    yard.declare("[[session]]\nsession = \"one\"\ncommand = [\n");
    yard.until("the warning", || {
        watch.said().contains("the last good manifest stays in use")
    });
    yard.kill(one);
    let one = yard.fresh("one", Some(one));
    yard.declare(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.until("the new session", || yard.process("two").is_some());
    assert_eq!(yard.pid("one"), one);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    yard.pid("two");
}

#[test]
fn diff_names_the_place_of_each_changed_value() {
    let manifest = |argv: &str, dir: &str, env: &str| {
        format!(
            "{QUICK}[roles.custom]\ncommand = {argv}\n[[session]]\nsession = \"one\"\ndir = \"{dir}\"\n[session.env]\nA = \"1\"\n{env}\n"
        )
    };
    let yard = Yard::new(&manifest("[\"sleep\", \"100000\"]", ".", ""));
    yard.gtctl(&["apply"]).exits(0);
    let pid = yard.pid("one");
    // Other comments, blank lines and another order of the fields change nothing.
    let reordered = format!(
        "# a comment\n{QUICK}\n[[session]] # one\n\ndir = \".\"\nenv = {{ A = \"1\" }}\nsession = \"one\"\n[roles.custom]\ncommand = [\n\"sleep\", \"100000\"]\n"
    );
    yard.declare(&reordered);
    yard.gtctl(&["diff"]).exits(0);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.pid("one"), pid);
    yard.declare(&manifest("[\"sleep\", \"200000\"]", "..", "B = \"2\""));
    let lines = yard.read("town.toml");
    let line = |text: &str| {
        let at = lines.lines().position(|line| line.starts_with(text));
        at.unwrap() + 1
    };
    let diff = yard.gtctl(&["diff"]).exits(2);
    let command = format!(
        "command: sleep 100000 → sleep 200000 ([roles.custom] town.toml:{})",
        line("command")
    );
    for text in [
        command,
        format!("(town.toml:{})", line("dir")),
        format!("env: new B (town.toml:{})", line("B =")),
    ] {
        assert!(diff.out.contains(&text), "{text}\n{}", diff.out);
    }
    let page = yard.gtctl(&["diff", "-o", "json"]).exits(2).json();
    let step = of(&page, "steps", "one").or_else(|| of(&page, "held", "one"));
    let origins = &step.unwrap()["reason"]["evidence"]["origins"];
    assert_eq!(
        origins["command"],
        format!("[roles.custom] town.toml:{}", line("command"))
    );
    assert_eq!(origins["env.B"], format!("town.toml:{}", line("B =")));
}
