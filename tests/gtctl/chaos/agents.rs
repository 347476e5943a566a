//! When agents do what no agent should.

use super::ground::{Ground, Ran};
use super::{Kind, full, sample};
use crate::harness::{AT_ONCE, of, session};
use gtctl::model::ProcId;
use gtctl::proc::process;
use gtctl::proc::signal::{Signal, signal};
use std::fs;
use std::time::{Duration, Instant};

pub(super) const KINDS: &[Kind] = &[
    sample(
        "agent-exits-at-once",
        "a held crash loop, and nothing else is touched",
        exits_at_once,
    ),
    full(
        "agent-prints-25-mb-a-second",
        "a look stays quick, and its log bounded",
        floods,
    ),
    full(
        "agent-prints-binary",
        "a look reads it, and prints none of it",
        prints_binary,
    ),
    full(
        "agent-closes-its-terminal",
        "tmux takes it for dead: a held crash loop, never two of it",
        closes_terminal,
    ),
    full(
        "agent-ignores-all-signals",
        "it lives, and its end by hand leaves nothing",
        || ends_whole("trap '' TERM HUP INT QUIT USR1 USR2 TSTP; while :; do /bin/sleep 0.2; done"),
    ),
    full(
        "agent-daemon-by-setsid",
        "its end leaves nothing of it",
        || ends_whole("setsid sleep 1000 & while :; do /bin/sleep 1; done"),
    ),
    full(
        "agent-daemon-by-double-fork",
        "its end leaves nothing of it",
        || {
            ends_whole(
                "(setsid sh -c '(sleep 1000 &) ; sleep 1000' &) ; while :; do /bin/sleep 1; done",
            )
        },
    ),
    full(
        "agent-with-200-children",
        "its end leaves nothing of it",
        || ends_whole("n=0; while [ $n -lt 200 ]; do sleep 1000 & n=$((n+1)); done; wait"),
    ),
    full(
        "agent-that-forks-while-it-dies",
        "its end leaves nothing of it",
        || {
            ends_whole(
                "trap 'setsid sleep 1000 & setsid sleep 1001 & exit' TERM HUP; while :; do /bin/sleep 0.1; done",
            )
        },
    ),
    sample(
        "agent-dies-and-leaves-a-daemon",
        "the daemon is gone before its next life",
        dies_and_leaves,
    ),
    full("agent-stopped", "it is not restarted", stopped),
    full(
        "agent-stopped-and-asked-to-end",
        "it ends all the same",
        stopped_and_ended,
    ),
    full("agent-with-zombies", "they are no second tree", || {
        lives("i=0; while [ $i -lt 20 ]; do true & i=$((i+1)); done; exec sleep 1000")
    }),
    full(
        "agent-under-another-name",
        "it lives and is not restarted",
        || lives("printf other >/proc/self/comm 2>/dev/null; exec sleep 1000"),
    ),
    full(
        "agent-without-its-marker",
        "it lives, and its end by hand leaves nothing",
        forgets_its_marker,
    ),
    full(
        "agent-kills-its-session",
        "it is started anew, nothing else touched",
        kills_its_session,
    ),
    full(
        "agent-clears-its-labels",
        "no session is doubled",
        clears_its_labels,
    ),
    full(
        "agent-starts-a-server-of-its-own",
        "its end ends that too",
        own_server,
    ),
    full(
        "agent-removes-its-directory",
        "it lives, and its restart fails and is told",
        removes_its_directory,
    ),
];

/// A third session that runs this.
fn with(script: &str, more: &str) -> (Ground, ProcId) {
    let ground = Ground::with(&session("odd", script, more));
    let odd = ground.yard.fresh("odd", None);
    (ground, odd)
}

fn lives(script: &str) -> Ran {
    let (ground, odd) = with(script, "");
    for _ in 0..3 {
        ground.yard.gtctl(&["reconcile"]);
    }
    ground
        .yard
        .until("calm", || ground.yard.gtctl(&["diff"]).code == Some(0));
    assert_eq!(ground.yard.pid("odd"), odd);
    ground.is_untouched();
    Ran::Held
}

/// Restarted, and then stopped by hand.
fn ends_whole(script: &str) -> Ran {
    let (ground, odd) = with(script, "");
    ground
        .yard
        .until("its family", || ground.yard.marked("odd").len() >= 2);
    let first = ground.yard.marked("odd");
    ground.yard.gtctl(&["restart", "odd"]);
    let second = ground.yard.fresh("odd", Some(odd));
    assert!(
        first.iter().all(|process| !process::may_live(*process)),
        "some of its last life lives"
    );
    assert_ne!(odd, second);
    ground.yard.gtctl(&["stop", "odd"]).exits(0);
    ground
        .yard
        .until("nothing of it", || ground.yard.marked("odd").is_empty());
    ground.is_untouched();
    Ran::Held
}

fn exits_at_once() -> Ran {
    let quick = "backoff = { first = \"10ms\", max = \"10ms\", jitter = 0.0, burst = 3 }";
    let ground = Ground::new();
    ground
        .yard
        .declare(&super::ground::manifest(&session("odd", "exit 7", quick)));
    ground.yard.until("the loop", || {
        ground.yard.gtctl(&["reconcile"]);
        let page = ground.yard.gtctl(&["diff", "-o", "json"]).json();
        of(&page, "held", "odd").is_some_and(|held| held["hold"]["code"] == "crash-loop")
    });
    ground.is_untouched();
    Ran::Held
}

fn closes_terminal() -> Ran {
    let quick = "backoff = { first = \"10ms\", max = \"10ms\", jitter = 0.0, burst = 3 }";
    let ground = Ground::new();
    let script = "exec <&- >&- 2>&-; while :; do /bin/sleep 1; done";
    ground
        .yard
        .declare(&super::ground::manifest(&session("odd", script, quick)));
    ground.yard.until("the loop", || {
        ground.yard.gtctl(&["reconcile"]);
        let lives = ground.yard.marked("odd").len();
        assert!(lives <= 2, "{lives} of a shell and its sleep");
        let page = ground.yard.gtctl(&["diff", "-o", "json"]).json();
        of(&page, "held", "odd").is_some_and(|held| held["hold"]["code"] == "crash-loop")
    });
    ground.is_untouched();
    Ran::Held
}

fn floods() -> Ran {
    let flood =
        "yes 0123456789012345678901234567890123456789 | head -c 2000000000; exec sleep 1000";
    let (ground, odd) = with(flood, "logs = { size = \"1MiB\", files = 2 }");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        let said = ground.yard.gtctl(&["reconcile"]);
        assert!(said.took < AT_ONCE, "{said:?}");
    }
    let logs = ground.yard.state().join("logs/odd");
    let size: u64 = fs::read_dir(logs)
        .unwrap()
        .flatten()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(size <= 5 << 20, "{size} bytes of logs");
    assert_eq!(ground.yard.pid("odd"), odd);
    ground.is_untouched();
    Ran::Held
}

fn prints_binary() -> Ran {
    let (ground, odd) = with("head -c 200000 /dev/urandom; exec sleep 1000", "");
    for verb in ["reconcile", "status", "diff", "verify"] {
        let said = ground.yard.gtctl(&[verb]);
        assert!(!(said.out + &said.err).contains('\u{1b}'), "{verb}");
    }
    assert_eq!(ground.yard.pid("odd"), odd);
    ground.is_untouched();
    Ran::Held
}

fn dies_and_leaves() -> Ran {
    let (ground, odd) = with("setsid sleep 1000 & while :; do /bin/sleep 1; done", "");
    ground
        .yard
        .until("its daemon", || ground.yard.marked("odd").len() >= 2);
    let first = ground.yard.marked("odd");
    ground.yard.kill(odd);
    ground.yard.until("its next life", || {
        ground.yard.gtctl(&["reconcile"]);
        ground.yard.process("odd").is_some_and(|now| now != odd)
    });
    assert!(first.iter().all(|process| !process::may_live(*process)));
    ground.is_untouched();
    Ran::Held
}

fn stopped() -> Ran {
    let (ground, odd) = with("exec sleep 1000", "");
    signal(odd, Signal::STOP);
    for _ in 0..3 {
        ground.yard.gtctl(&["reconcile"]);
    }
    assert_eq!(ground.yard.pid("odd"), odd);
    ground.is_untouched();
    Ran::Held
}

fn stopped_and_ended() -> Ran {
    let (ground, odd) = with("exec sleep 1000", "");
    signal(odd, Signal::STOP);
    ground.yard.gtctl(&["stop", "odd"]);
    ground.yard.until("its end", || {
        ground.yard.gtctl(&["reconcile"]);
        !process::may_live(odd)
    });
    ground.is_untouched();
    Ran::Held
}

fn forgets_its_marker() -> Ran {
    let script = "exec env -i PATH=/usr/bin:/bin sh -c 'sleep 1000 & echo $! >DIR/child; wait'";
    let ground = Ground::new();
    let script = script.replace("DIR", ground.yard.dir());
    ground
        .yard
        .declare(&super::ground::manifest(&session("odd", &script, "")));
    ground.yard.gtctl(&["apply"]).exits(0);
    let odd = ground.yard.pid("odd");
    let child = ground
        .yard
        .read("child")
        .trim()
        .parse()
        .ok()
        .and_then(process::identify)
        .unwrap();
    ground.yard.own(child);
    ground.yard.gtctl(&["reconcile"]).exits(0);
    assert_eq!(ground.yard.pid("odd"), odd);
    ground.yard.gtctl(&["stop", "odd"]).exits(0);
    ground.yard.until("its end", || {
        !process::may_live(odd) && !process::may_live(child)
    });
    ground.is_untouched();
    Ran::Held
}

fn kills_its_session() -> Ran {
    let script = "[ -e $HOME/once ] && exec sleep 1000; touch $HOME/once; tmux kill-session; exec sleep 1000";
    let (ground, _) = with(script, "");
    ground.heals();
    ground
        .yard
        .until("its second life", || ground.yard.marked("odd").len() == 1);
    ground.is_untouched();
    Ran::Held
}

fn clears_its_labels() -> Ran {
    let script = "tmux set-option -u @gtctl_label; tmux rename-window x; exec sleep 1000";
    let ground = Ground::new();
    ground
        .yard
        .declare(&super::ground::manifest(&session("odd", script, "")));
    ground.yard.gtctl(&["apply"]);
    let odd = ground.yard.fresh("odd", None);
    for _ in 0..3 {
        ground.yard.gtctl(&["reconcile"]);
    }
    assert_eq!(ground.yard.marked("odd"), [odd]);
    ground.is_untouched();
    Ran::Held
}

fn own_server() -> Ran {
    let script = "tmux -S $HOME/inner new-session -d 'exec sleep 1000'; exec sleep 1000";
    let (ground, _odd) = with(script, "");
    let mut inner = None;
    ground.yard.until("the inner one", || {
        inner = ground
            .yard
            .marked("odd")
            .into_iter()
            .find(|found| *found != ground.yard.pid("odd"));
        inner.is_some()
    });
    ground.yard.gtctl(&["stop", "odd"]).exits(0);
    ground
        .yard
        .until("nothing of it", || ground.yard.marked("odd").is_empty());
    assert!(!process::may_live(inner.unwrap()));
    ground.is_untouched();
    Ran::Held
}

fn removes_its_directory() -> Ran {
    let ground = Ground::new();
    let dir = ground.yard.at("work");
    fs::create_dir(&dir).unwrap();
    let more = format!("dir = \"{}\"", dir.display());
    ground.yard.declare(&super::ground::manifest(&session(
        "odd",
        "rmdir $PWD; exec sleep 1000",
        &more,
    )));
    ground.yard.gtctl(&["apply"]).exits(0);
    let odd = ground.yard.pid("odd");
    ground.yard.until("the removal", || !dir.exists());
    ground.yard.gtctl(&["reconcile"]);
    assert_eq!(ground.yard.pid("odd"), odd);
    ground
        .yard
        .gtctl(&["restart", "odd"])
        .exits(3)
        .says("does not exist");
    assert_eq!(
        ground.yard.pid("odd"),
        odd,
        "nothing is ended for what cannot be started"
    );
    ground.is_untouched();
    Ran::Held
}
