//! When the surroundings are poor: environment, limits, name spaces, clocks.

use super::ground::{Ground, Ran, head};
use super::past;
use super::{Kind, full, sample};
use crate::harness::{AT_ONCE, Said, sleeper};
use gtctl::proc::process;
use std::fs;
use std::os::unix::fs::MetadataExt;

pub(super) const KINDS: &[Kind] = &[
    full("home-unset", "all goes on", || {
        mends("unset HOME; exec \"$0\" reconcile")
    }),
    full(
        "home-and-xdg-unset",
        "exit 1 and the cause told, nothing touched",
        nowhere,
    ),
    sample(
        "xdg-state-home-relative",
        "it counts as unset, and nothing is touched",
        relative,
    ),
    full("tmpdir-missing", "all goes on", || {
        mends("TMPDIR=/nonexistent TMUX_TMPDIR=/nonexistent exec \"$0\" reconcile")
    }),
    full("lc-all-c", "all goes on", || {
        mends("LC_ALL=C exec \"$0\" reconcile")
    }),
    full("locale-that-is-not-there", "all goes on", || {
        mends("LC_ALL=xx_YY.UTF-8 exec \"$0\" reconcile")
    }),
    full("term-unset", "all goes on", || {
        mends("unset TERM; exec \"$0\" reconcile")
    }),
    full("almost-no-environment", "all goes on", || {
        mends("exec env -i PATH=\"$PATH\" XDG_STATE_HOME=\"$XDG_STATE_HOME\" \"$0\" reconcile")
    }),
    full(
        "tmux-variables-of-another-server",
        "all goes on, on the town's server",
        || mends("TMUX=/tmp/other,1,0 TMUX_PANE=%0 exec \"$0\" reconcile"),
    ),
    full("working-directory-removed", "all goes on", || {
        mends(
            "f=$PWD/town.toml; mkdir gone; cd gone; rmdir ../gone; exec \"$0\" -f \"$f\" reconcile",
        )
    }),
    full(
        "umask-0",
        "all goes on, and nobody else can read the state",
        || mends("umask 0; rm -r \"$XDG_STATE_HOME\"; exec \"$0\" reconcile"),
    ),
    full(
        "few-descriptors",
        "an answer in time, nothing touched",
        || {
            harmless(
                "for n in 4 6 8 9 10 11 12 14 16; do (ulimit -n $n; exec \"$0\" reconcile); done",
            )
        },
    ),
    full(
        "little-memory",
        "an answer in time, nothing touched",
        || {
            harmless(
                "for n in 4000 8000 16000 30000 60000; do (ulimit -c 0; ulimit -v $n; exec \"$0\" reconcile); done",
            )
        },
    ),
    full(
        "controller-cannot-fork",
        "its looks need no process, nothing touched",
        || {
            traced(
                "inject=clone,clone3,fork,vfork:error=EAGAIN",
                "nothing to do: 2 sessions",
            )
        },
    ),
    full(
        "controller-cannot-flush",
        "nothing that runs is touched",
        || {
            traced(
                "inject=fsync,fdatasync:error=EIO",
                "the state was not written",
            )
        },
    ),
    full(
        "controller-without-pidfds",
        "nothing that runs is touched",
        || traced("inject=pidfd_open:error=ENOSYS", ""),
    ),
    full(
        "controller-without-random-bytes",
        "exit 1, nothing touched",
        || traced("inject=getrandom:error=ENOSYS", ""),
    ),
    full(
        "another-pid-namespace",
        "exit 1 and the cause told, nothing touched",
        || {
            isolated(
                "exec unshare --pid --fork --mount-proc \"$0\" reconcile",
                "container",
            )
        },
    ),
    full("empty-proc", "exit 1, nothing touched", || {
        isolated(
            "exec unshare -m sh -c 'mount -t tmpfs tmpfs /proc && exec \"$0\" reconcile' \"$0\"",
            "",
        )
    }),
    sample(
        "eight-hours-asleep",
        "nobody is restarted for them, in the first two cycles or later",
        asleep,
    ),
    full(
        "wall-clock-eight-hours-back",
        "nobody is restarted for them",
        || stepped(-8 * past::HOUR),
    ),
    full(
        "thirty-eight-hours-asleep",
        "none of thirty is restarted, in the first two cycles or later",
        thirty_asleep,
    ),
    full(
        "awake-clock-jumps-eight-hours",
        "no kill in the first two cycles",
        || offset("--monotonic 28800"),
    ),
    full(
        "boot-clock-jumps-eight-hours",
        "no kill in the first two cycles, no session doubled",
        || offset("--boottime 28800"),
    ),
];

/// Runs this shell script, to which `$0` is gtctl.
fn sh(ground: &Ground, script: &str) -> Said {
    let mut command = ground.yard.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_gtctl")]);
    ground.yard.running(command).end()
}

/// A missing session is started, and nothing else touched.
fn mends(script: &str) -> Ran {
    let ground = Ground::new();
    ground.yard.tmux(&["kill-session", "-t", "=two"]);
    ground
        .yard
        .until("its end", || !process::may_live(ground.two));
    sh(&ground, script).exits(0).says("started    two");
    assert_eq!(ground.yard.pid("one"), ground.one);
    for file in fs::read_dir(ground.yard.state()).unwrap().flatten() {
        let mode = file.metadata().unwrap().mode() & 0o077;
        assert_eq!(mode, 0, "{file:?}");
    }
    ground.heals();
    assert_eq!(ground.yard.pid("one"), ground.one);
    Ran::Held
}

/// Whatever it says, in time: nothing is touched.
fn harmless(script: &str) -> Ran {
    let ground = Ground::new();
    let said = sh(&ground, script);
    assert!(said.took < AT_ONCE, "{said:?}");
    ground.is_untouched();
    ground.heals();
    ground.is_untouched();
    Ran::Held
}

fn traced(inject: &str, words: &str) -> Ran {
    if !fs::exists("/usr/bin/strace").unwrap() {
        return Ran::Skipped("there is no strace");
    }
    let ground = Ground::new();
    let said = sh(
        &ground,
        &format!("exec strace -qq -o /dev/null -e {inject} \"$0\" reconcile"),
    );
    if said.err.contains("ptrace") {
        return Ran::Skipped("nothing may be traced here");
    }
    assert!(!said.err.contains("panicked"), "{said:?}");
    said.says(words);
    ground.is_untouched();
    ground.heals();
    ground.is_untouched();
    Ran::Held
}

fn isolated(script: &str, words: &str) -> Ran {
    let ground = Ground::new();
    let said = sh(&ground, script);
    if said.err.contains("unshare:") || said.err.contains("mount:") {
        return Ran::Skipped("no name space may be made here");
    }
    said.exits(1).says(words);
    ground.is_untouched();
    ground.heals();
    ground.is_untouched();
    Ran::Held
}

fn nowhere() -> Ran {
    let ground = Ground::new();
    sh(&ground, "unset HOME XDG_STATE_HOME; exec \"$0\" reconcile")
        .exits(1)
        .says("HOME");
    ground.is_untouched();
    Ran::Held
}

fn relative() -> Ran {
    let ground = Ground::new();
    sh(&ground, "XDG_STATE_HOME=rel exec \"$0\" reconcile").exits(0);
    assert!(!ground.yard.at("rel").exists() && ground.yard.at("home/.local/state/gtctl").exists());
    ground.is_untouched();
    Ran::Held
}

/// What makes an hour of age a reason to restart at once.
const AGES: &str =
    "max_age = \"1h\"\nmax_age_jitter = \"0s\"\ndrain = \"0s\"\nhandoff_gap = \"1h\"";

/// A town in which age is a reason to restart, though nobody is old yet.
fn ageing() -> Ground {
    let ground = Ground::new();
    ground.yard.declare(&format!(
        "{}{}{}",
        head(),
        sleeper("one", AGES),
        sleeper("two", "")
    ));
    ground.yard.gtctl(&["reconcile"]).exits(0);
    ground.is_untouched();
    ground
}

/// A host that slept: the wall clock has gone on, the awake clock has not.
fn asleep() -> Ran {
    stepped(8 * past::HOUR)
}

/// A town of thirty on a host that slept: wall clock and boot clock have gone on, the awake clock
/// has not. The boot clock is moved by a time name space, where one may be made; the wall clock
/// knows none, so all that was written lies back.
fn thirty_asleep() -> Ran {
    let names: Vec<String> = (0..30).map(|n| format!("s{n:02}")).collect();
    let more: String = names.iter().map(|name| sleeper(name, AGES)).collect();
    let ground = Ground::with(&more);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let processes = || {
        names
            .iter()
            .map(|name| ground.yard.pid(name))
            .collect::<Vec<_>>()
    };
    let before = processes();
    past::step_back(
        &ground.yard,
        &[&names[..], &["one", "two"]].concat(),
        8 * past::HOUR,
        0,
    );
    let slept = "exec unshare --time --boottime 28800 sh -c '\"$0\" reconcile; exit $?' \"$0\"";
    for cycle in 0..5 {
        if cycle >= 2 || sh(&ground, slept).err.contains("unshare:") {
            ground.yard.gtctl(&["reconcile"]);
        }
        ground.is_untouched();
        assert_eq!(processes(), before, "after cycle {cycle}");
    }
    ground.heals();
    assert_eq!(processes(), before);
    Ran::Held
}

/// Both sessions stay, in the first two cycles and after them.
fn stepped(wall: i64) -> Ran {
    let ground = ageing();
    past::step_back(&ground.yard, &["one", "two"], wall, 0);
    for _ in 0..5 {
        ground.yard.gtctl(&["reconcile"]);
        ground.is_untouched();
    }
    ground.heals();
    ground.is_untouched();
    Ran::Held
}

/// The clocks of a time name space; it begins with a program's children.
fn offset(clocks: &str) -> Ran {
    let ground = ageing();
    for _ in 0..2 {
        let said = sh(
            &ground,
            &format!("exec unshare --time {clocks} sh -c '\"$0\" reconcile; exit $?' \"$0\""),
        );
        if said.err.contains("unshare:") {
            return Ran::Skipped("no time name space may be made here");
        }
        ground.is_untouched();
    }
    ground.heals();
    for session in ["one", "two"] {
        assert_eq!(ground.yard.marked(session).len(), 1);
    }
    Ran::Held
}
