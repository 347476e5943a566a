//! When somebody meddles with the sessions by hand.

use super::ground::{Ground, Ran};
use super::{Kind, full, sample};
use crate::harness::of;
use gtctl::proc::process;

pub(super) const KINDS: &[Kind] = &[
    full(
        "session-killed-by-hand",
        "it is started anew, nothing else touched",
        killed,
    ),
    sample(
        "session-renamed",
        "no session is doubled, nobody's is ended",
        renamed,
    ),
    full(
        "sessions-swap-names",
        "no session is doubled, nobody's is ended",
        swapped_names,
    ),
    full("labels-stripped", "it is adopted where it stands", stripped),
    full(
        "labels-garbled",
        "no session is doubled, nothing ended",
        garbled,
    ),
    sample(
        "label-copied-onto-a-stranger",
        "its owner keeps it, the stranger lives",
        forged,
    ),
    full(
        "destroy-unattached-on",
        "a death is mended, nothing else touched",
        || mended_with(&["set-option", "-t", "=one:", "destroy-unattached", "on"]),
    ),
    full(
        "remain-on-exit-off",
        "a death is mended, nothing else touched",
        || mended_with(&["set-option", "-wt", "=one:", "remain-on-exit", "off"]),
    ),
    full(
        "default-command-false",
        "a death is mended, nothing else touched",
        || mended_with(&["set-option", "-g", "default-command", "false"]),
    ),
    full(
        "hooks-that-kill",
        "a death is mended, nothing else touched",
        || mended_with(&["set-hook", "-g", "after-respawn-pane", "kill-session"]),
    ),
    sample("extra-windows-and-panes", "they and the agent stay", extra),
    full(
        "agents-pane-broken-out",
        "the agent lives and is not doubled",
        || moved(&["break-pane", "-d", "-s", "=one:.0"]),
    ),
    full(
        "agents-pane-swapped-with-a-strangers",
        "nothing is doubled, nobody's is ended",
        || moved(&["swap-pane", "-d", "-s", "=one:.0", "-t", "=stranger:.0"]),
    ),
    sample(
        "agents-pane-joined-to-a-strangers",
        "it is held as moved out, and started once it has ended",
        || moved_out(&["join-pane", "-d", "-s", "=one:.0", "-t", "=stranger:"]),
    ),
    full(
        "agents-window-moved-to-a-stranger",
        "it is held as moved out, and started once it has ended",
        || moved_out(&["move-window", "-d", "-s", "=one:0", "-t", "=stranger:"]),
    ),
    full(
        "agents-window-linked-elsewhere",
        "the agent lives and is not doubled",
        || moved(&["link-window", "-d", "-s", "=one:0", "-t", "=stranger:"]),
    ),
    full(
        "session-grouped",
        "the agent lives and is not doubled",
        || moved(&["new-session", "-d", "-s", "view", "-t", "=one"]),
    ),
    full(
        "agents-pane-killed-beside-another",
        "it is started anew",
        pane_killed,
    ),
    full("pane-respawned-by-hand", "no session is doubled", respawned),
    full(
        "pane-in-copy-mode",
        "a death is mended, nothing else touched",
        || mended_with(&["copy-mode", "-t", "=one:"]),
    ),
    full("pane-piped-elsewhere", "nothing is touched", || {
        moved(&["pipe-pane", "-t", "=one:", "cat >/dev/null"])
    }),
    full(
        "server-locked",
        "a death is mended, nothing else touched",
        || mended_with(&["lock-server"]),
    ),
];

/// No session has two processes, and none of the three has ended.
#[track_caller]
fn none_is_doubled(ground: &Ground) {
    for _ in 0..4 {
        ground.yard.gtctl(&["reconcile"]);
        for session in ["one", "two"] {
            let marked = ground.yard.marked(session);
            assert!(marked.len() <= 1, "{session} is doubled: {marked:?}");
        }
    }
    for process in [ground.one, ground.two, ground.stranger] {
        assert!(
            process::may_live(process),
            "{process:?} of {:?} has ended",
            [ground.one, ground.two, ground.stranger]
        );
    }
}

fn moved(args: &[&str]) -> Ran {
    let ground = Ground::new();
    ground.yard.tmux(args);
    none_is_doubled(&ground);
    Ran::Held
}

/// What `diff` says of it is what is done: nothing, until the agent that was moved out has ended.
fn moved_out(args: &[&str]) -> Ran {
    let ground = Ground::new();
    ground.yard.tmux(args);
    for _ in 0..2 {
        let planned = ground.yard.gtctl(&["diff", "-o", "json"]).exits(2).json();
        let held = of(&planned, "held", "one").unwrap();
        assert_eq!(
            (&held["action"], &held["hold"]["code"]),
            (&"start".into(), &"moved-out".into())
        );
        assert_eq!(
            planned["steps"].as_array().map(Vec::len),
            Some(0),
            "{planned}"
        );
        let done = ground
            .yard
            .gtctl(&["apply", "--no-wait", "-o", "json"])
            .exits(3)
            .json();
        assert_eq!(done["outcomes"].as_array().map(Vec::len), Some(0), "{done}");
    }
    ground
        .yard
        .gtctl(&["diff"])
        .says("moved to session stranger");
    none_is_doubled(&ground);
    ground.yard.kill(ground.one);
    ground.heals();
    assert!(process::may_live(ground.two) && process::may_live(ground.stranger));
    Ran::Held
}

fn mended_with(args: &[&str]) -> Ran {
    let ground = Ground::new();
    ground.yard.tmux(args);
    ground.yard.kill(ground.one);
    ground.heals();
    assert_eq!(ground.yard.pid("two"), ground.two);
    Ran::Held
}

fn killed() -> Ran {
    let ground = Ground::new();
    ground.yard.tmux(&["kill-session", "-t", "=one"]);
    ground.heals();
    assert_eq!(ground.yard.pid("two"), ground.two);
    Ran::Held
}

fn renamed() -> Ran {
    let ground = Ground::new();
    ground.yard.tmux(&["rename-session", "-t", "=one", "uno"]);
    none_is_doubled(&ground);
    ground.yard.tmux(&["rename-session", "-t", "=uno", "one"]);
    ground.heals();
    Ran::Held
}

fn swapped_names() -> Ran {
    let ground = Ground::new();
    for (from, to) in [("one", "spare"), ("two", "one"), ("spare", "two")] {
        ground
            .yard
            .tmux(&["rename-session", "-t", &format!("={from}"), to]);
    }
    none_is_doubled(&ground);
    Ran::Held
}

fn stripped() -> Ran {
    let ground = Ground::new();
    ground
        .yard
        .tmux(&["set-option", "-t", "=one:", "-u", "@gtctl_label"]);
    ground.yard.gtctl(&["reconcile"]).says("adopted");
    ground.heals();
    ground.is_untouched();
    Ran::Held
}

fn garbled() -> Ran {
    let ground = Ground::new();
    for label in [
        "",
        "x",
        "town=",
        "town=\n",
        "gen=1 gen=2 town=town",
        &"y".repeat(5000),
    ] {
        ground
            .yard
            .tmux(&["set-option", "-t", "=one:", "@gtctl_label", label]);
        none_is_doubled(&ground);
    }
    Ran::Held
}

fn forged() -> Ran {
    let ground = Ground::new();
    let label = ground.yard.format("one", "#{@gtctl_label}");
    ground
        .yard
        .tmux(&["set-option", "-t", "=stranger:", "@gtctl_label", &label]);
    for flag in ["-q", "-q", "--prune"] {
        ground.yard.gtctl(&["reconcile", flag]).exits(0);
        ground.yard.gtctl(&["diff"]).exits(0);
        ground.is_untouched();
    }
    Ran::Held
}

fn extra() -> Ran {
    let ground = Ground::new();
    ground
        .yard
        .tmux(&["new-window", "-t", "=one:", "exec sleep 500"]);
    ground
        .yard
        .tmux(&["split-window", "-t", "=one:0", "exec sleep 501"]);
    let panes = || {
        ground
            .yard
            .tmux(&["list-panes", "-s", "-t", "=one:", "-F", "#{pane_pid}"])
    };
    let before = panes();
    assert_eq!(before.lines().count(), 3);
    for _ in 0..3 {
        ground.yard.gtctl(&["reconcile"]).exits(0);
    }
    assert_eq!(panes(), before);
    ground.yard.kill(ground.one);
    ground.yard.until("its next life", || {
        ground.yard.gtctl(&["reconcile"]);
        ground.yard.gtctl(&["diff"]).code == Some(0)
    });
    assert!(process::may_live(ground.two) && process::may_live(ground.stranger));
    Ran::Held
}

fn pane_killed() -> Ran {
    let ground = Ground::new();
    let pane = ground.yard.format("one", "#{pane_id}");
    ground
        .yard
        .tmux(&["split-window", "-t", "=one:", "exec sleep 500"]);
    ground.yard.tmux(&["kill-pane", "-t", &pane]);
    ground.yard.until("its next life", || {
        ground.yard.gtctl(&["reconcile"]);
        ground.yard.marked("one").len() == 1 && ground.yard.gtctl(&["diff"]).code == Some(0)
    });
    assert_eq!(ground.yard.pid("two"), ground.two);
    Ran::Held
}

fn respawned() -> Ran {
    let ground = Ground::new();
    ground
        .yard
        .tmux(&["respawn-pane", "-k", "-t", "=one:", "sleep", "777"]);
    ground.yard.until("calm", || {
        ground.yard.gtctl(&["reconcile"]);
        assert!(ground.yard.marked("one").len() <= 1);
        ground.yard.gtctl(&["diff"]).code == Some(0)
    });
    assert!(ground.yard.process("one").is_some());
    assert_eq!(ground.yard.pid("two"), ground.two);
    Ran::Held
}
