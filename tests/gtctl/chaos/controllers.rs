//! When controllers are killed, frozen, doubled, or lose their locks.

use super::ground::{Ground, Ran, Watch};
use super::{Kind, full, sample};
use crate::harness::{AT_ONCE, PATIENCE};
use gtctl::proc::process;
use gtctl::proc::signal::{Signal, signal};
use gtctl::sim::Random;
use std::fs;
use std::time::Duration;

pub(super) const KINDS: &[Kind] = &[
    full(
        "two-controllers-at-once",
        "one of them holds the town, the other exits 4",
        two_at_once,
    ),
    sample(
        "controller-lock-deleted",
        "its holder ends before it acts again",
        || usurped(|path| fs::remove_file(path).unwrap()),
    ),
    full(
        "controller-lock-replaced",
        "its holder ends before it acts again",
        || {
            usurped(|path| {
                fs::write(path.with_extension("new"), "1 1\n").unwrap();
                fs::rename(path.with_extension("new"), path).unwrap();
            })
        },
    ),
    full(
        "turn-lock-deleted-again-and-again",
        "no session is doubled",
        turn_lock_deleted,
    ),
    full(
        "turn-lock-held-by-a-frozen-process",
        "who looks gets an answer; who acts gives up within 35 s",
        frozen_turn,
    ),
    full(
        "controller-frozen-and-woken",
        "it goes on, and nothing happens twice",
        frozen,
    ),
    full(
        "controller-frozen-while-its-server-is-ended",
        "the sessions end, and are back once it goes on",
        frozen_beside_an_end,
    ),
    sample(
        "controller-killed-at-random-moments",
        "each death is mended once, no session doubled",
        || killed_at_random(4),
    ),
    full(
        "controller-killed-at-100-random-moments",
        "each death is mended once, no session doubled",
        || killed_at_random(100),
    ),
    full(
        "apply-killed-at-random-moments",
        "no session is doubled",
        applies_killed,
    ),
    full(
        "eight-applies-at-once",
        "no session is doubled",
        eight_applies,
    ),
    full("hangups-by-the-hundred", "the controller goes on", hangups),
    full(
        "controller-without-its-standard-streams",
        "the town is kept, the state whole",
        || without_streams("exec \"$0\" reconcile <&- >&- 2>&-"),
    ),
    full(
        "output-to-a-full-device",
        "the town is kept, the state whole",
        || without_streams("\"$0\" reconcile >/dev/full 2>/dev/full; true"),
    ),
    full(
        "output-to-nobody",
        "the town is kept, the state whole",
        || without_streams("\"$0\" reconcile 2>&1 | true"),
    ),
];

fn two_at_once() -> Ran {
    let ground = Ground::new();
    let mut both = [(); 2].map(|()| Some(ground.yard.start(&["reconcile", "--watch"])));
    ground.yard.until("the loser", || {
        both.iter_mut().flatten().any(|watch| !watch.is_running())
    });
    let (mut kept, mut lost) = (0, 0);
    for watch in &mut both {
        let mut watch = watch.take().unwrap();
        if watch.is_running() {
            kept += 1;
            ground
                .yard
                .until("its first cycle", || !watch.said().is_empty());
            Watch(watch).ends();
        } else {
            lost += 1;
            watch.end().exits(4).says("held by process");
        }
    }
    assert_eq!((kept, lost), (1, 1));
    ground.is_untouched();
    Ran::Held
}

fn usurped(change: fn(&std::path::Path)) -> Ran {
    let ground = Ground::new();
    let watch = ground.watch();
    change(&ground.yard.state().join("controller.lock"));
    let other = ground.yard.start(&["reconcile", "--watch"]);
    watch.0.end().exits(1).says("the lock file was replaced");
    signal(ground.one, Signal::KILL);
    ground.yard.fresh("one", Some(ground.one));
    ground.is_healed();
    Watch(other).ends();
    Ran::Held
}

fn turn_lock_deleted() -> Ran {
    let ground = Ground::new();
    let watch = ground.watch();
    for _ in 0..10 {
        let one = ground.yard.pid("one");
        signal(one, Signal::KILL);
        drop(fs::remove_file(ground.yard.state().join("turn.lock")));
        let apply = ground.yard.start(&["apply", "--no-wait"]);
        drop(fs::remove_file(ground.yard.state().join("turn.lock")));
        ground.yard.fresh("one", Some(one));
        apply.end();
        assert_eq!(ground.yard.marked("one").len(), 1);
    }
    ground.is_healed();
    assert_eq!(ground.yard.pid("two"), ground.two);
    watch.ends();
    Ran::Held
}

fn frozen_turn() -> Ran {
    let ground = Ground::new();
    let mut command = ground.yard.command("flock");
    command
        .arg(ground.yard.state().join("turn.lock"))
        .args(["sleep", "1000"]);
    let mut holder = ground.yard.running(command);
    let file = fs::metadata(ground.yard.state().join("turn.lock")).unwrap();
    let inode = format!(":{} ", std::os::unix::fs::MetadataExt::ino(&file));
    ground.yard.until("the lock", || {
        fs::read_to_string("/proc/locks").unwrap().contains(&inode)
    });
    holder.signal(Signal::STOP);
    assert!(holder.is_running());
    for verb in ["diff", "status", "verify"] {
        let said = ground.yard.gtctl(&[verb]).exits(0);
        assert!(said.took < AT_ONCE, "{said:?}");
    }
    let said = ground.yard.gtctl(&["apply"]);
    assert!(said.code != Some(0) && said.took < PATIENCE, "{said:?}");
    ground.is_untouched();
    // The sleep has the lock too.
    let sleep = gtctl::proc::tree::tree(holder.id());
    holder.kill();
    for member in sleep {
        signal(member.id, Signal::KILL);
    }
    ground.heals();
    ground.is_untouched();
    Ran::Held
}

fn frozen() -> Ran {
    let ground = Ground::new();
    let watch = ground.watch();
    watch.0.signal(Signal::STOP);
    signal(ground.one, Signal::KILL);
    ground.yard.gtctl(&["diff"]).exits(2);
    ground.yard.gtctl(&["reconcile"]).exits(4);
    watch.0.signal(Signal::CONT);
    ground.yard.fresh("one", Some(ground.one));
    ground.is_healed();
    assert_eq!(ground.yard.pid("two"), ground.two);
    watch.ends();
    Ran::Held
}

/// It may have a connection to the server open just then.
fn frozen_beside_an_end() -> Ran {
    let ground = Ground::new();
    let watch = ground.watch();
    let server = ground.yard.server().unwrap();
    signal(ground.one, Signal::KILL);
    let one = ground.yard.fresh("one", Some(ground.one));
    watch.0.signal(Signal::STOP);
    ground.yard.tmux(&["kill-server"]);
    for former in [one, ground.two] {
        ground.yard.until("its end", || !process::may_live(former));
    }
    watch.0.signal(Signal::CONT);
    ground
        .yard
        .until("the server's end", || !process::may_live(server));
    let [one, two] = [("one", one), ("two", ground.two)]
        .map(|(name, former)| ground.yard.fresh(name, Some(former)));
    assert!(process::may_live(one) && process::may_live(two));
    watch.ends();
    Ran::Held
}

/// Where it is hit is meant to vary: these are no waits for anything.
fn at_random(random: &mut Random, below: u64) {
    std::thread::sleep(Duration::from_millis(random.below(below)));
}

fn killed_at_random(rounds: u64) -> Ran {
    let ground = Ground::new();
    let mut random = Random::new(7);
    for _ in 0..rounds {
        let one = ground.yard.fresh("one", None);
        let watch = ground.yard.start(&["reconcile", "--watch"]);
        at_random(&mut random, 40);
        signal(one, Signal::KILL);
        at_random(&mut random, 120);
        watch.kill();
        assert!(ground.yard.marked("one").len() <= 1);
        ground.heals();
    }
    assert_eq!(ground.yard.pid("two"), ground.two);
    Ran::Held
}

fn applies_killed() -> Ran {
    let ground = Ground::new();
    let mut random = Random::new(8);
    for _ in 0..30 {
        ground.yard.tmux(&["kill-session", "-t", "=one"]);
        let apply = ground.yard.start(&["apply"]);
        at_random(&mut random, 150);
        apply.kill();
        assert!(ground.yard.marked("one").len() <= 1);
        ground.heals();
    }
    assert_eq!(ground.yard.pid("two"), ground.two);
    Ran::Held
}

fn eight_applies() -> Ran {
    let ground = Ground::new();
    ground.yard.tmux(&["kill-session", "-t", "=one"]);
    ground.yard.kill(ground.two);
    let all: Vec<_> = (0..8).map(|_| ground.yard.start(&["apply"])).collect();
    for apply in all {
        apply.end().exits(0);
    }
    ground.is_healed();
    assert!(process::may_live(ground.stranger));
    Ran::Held
}

fn hangups() -> Ran {
    let ground = Ground::new();
    let mut watch = ground.watch();
    for _ in 0..300 {
        watch.0.signal(Signal::HUP);
    }
    signal(ground.one, Signal::KILL);
    ground.yard.fresh("one", Some(ground.one));
    assert!(watch.0.is_running());
    ground.is_healed();
    watch.ends();
    Ran::Held
}

fn without_streams(script: &str) -> Ran {
    let ground = Ground::new();
    ground.yard.kill(ground.one);
    ground.yard.until("its next life", || {
        let mut command = ground.yard.command("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_gtctl")]);
        ground.yard.running(command).end();
        ground.yard.process("one").is_some()
    });
    let said = ground.yard.gtctl(&["status"]).exits(0);
    assert!(!said.err.contains("gtctl.json"), "{said:?}");
    ground.heals();
    assert_eq!(ground.yard.pid("two"), ground.two);
    Ran::Held
}
