//! When what is called `tmux` hangs, lies, breaks off or does other things than it says.

use super::ground::{ANSWER, Ground, Ran};
use super::{Kind, full, sample};
use crate::harness::{TMUX, Yard};
use gtctl::proc::process;
use std::fs;

pub(super) const KINDS: &[Kind] = &[
    full(
        "shim-hangs",
        "an answer in time, exit 1, nothing touched",
        || unheard("exec /bin/sleep 60"),
    ),
    full("shim-delays-a-second", "all as ever, only slower", || {
        harmless("/bin/sleep 1; exec REAL \"$@\"")
    }),
    sample("shim-says-nothing", "exit 1, nothing touched", || {
        unheard("cat >/dev/null; exit 0")
    }),
    full(
        "shim-says-nothing-and-fails",
        "exit 1, nothing touched",
        || unheard("cat >/dev/null; exit 1"),
    ),
    full("shim-never-reads", "exit 1, nothing touched", || {
        unheard("exit 0")
    }),
    sample(
        "shim-says-there-is-no-server",
        "the living one is not taken for gone, nothing touched",
        || unheard("cat >/dev/null; echo 'no server running on /tmp/x' >&2; exit 1"),
    ),
    full(
        "shim-says-no-such-file",
        "the living one is not taken for gone, nothing touched",
        || {
            unheard(
                "cat >/dev/null; echo 'error connecting to /tmp/x (No such file or directory)' >&2; exit 1",
            )
        },
    ),
    full(
        "shim-lists-nothing",
        "an empty list that is not whole is none, nothing touched",
        || unheard("REAL \"$@\" | head -n 1"),
    ),
    sample("shim-truncates-rows", "exit 1, nothing touched", || {
        unheard("REAL \"$@\" | head -c 200")
    }),
    full("shim-drops-the-end", "exit 1, nothing touched", || {
        unheard("REAL \"$@\" | sed '$d'")
    }),
    full("shim-prints-garbage", "exit 1, nothing touched", || {
        unheard("head -c 100000 /dev/urandom")
    }),
    full(
        "shim-garbage-before-the-answer",
        "exit 1, nothing touched",
        || unheard("echo hello; exec REAL \"$@\""),
    ),
    full(
        "shim-prints-100-mb",
        "an answer in time, exit 1, nothing touched",
        || unheard("head -c 104857600 /dev/zero"),
    ),
    full(
        "shim-complains-100-mb",
        "an answer in time, exit 1, nothing touched",
        || unheard("head -c 104857600 /dev/zero >&2"),
    ),
    full(
        "shim-keeps-its-output-open",
        "an answer in time, nothing touched",
        keeps_open,
    ),
    full("shim-is-killed-half-way", "nothing touched", || {
        unheard("REAL \"$@\" | head -c 100; kill -9 $$")
    }),
    full(
        "shim-another-version",
        "a version nobody knows ends nothing",
        || harmless("REAL \"$@\" | sed 's/ 3\\.[0-9a-z]*$/ next-9.9/'"),
    ),
    sample(
        "shim-exits-0-without-doing",
        "no start is told that did not happen; mended afterwards",
        does_nothing,
    ),
    sample(
        "shim-exits-1-after-doing",
        "what was done is not done twice",
        fails_after,
    ),
    full(
        "shim-hangs-after-doing",
        "what was done is not done twice",
        hangs_after,
    ),
    full("shim-does-it-twice", "no session is doubled", does_twice),
    full(
        "shim-shows-another-town",
        "the rows of another server start and end nothing there",
        other_town,
    ),
    sample(
        "path-without-tmux",
        "exit 1 and the cause told, nothing touched",
        without_tmux,
    ),
    full(
        "shim-is-a-directory",
        "exit 1, nothing touched",
        a_directory,
    ),
];

fn shim(yard: &Yard, text: &str) {
    yard.shim(
        "tmux",
        &format!(
            "#!/bin/sh\n{}\n",
            text.replace("REAL", &TMUX).replace("DIR", yard.dir())
        ),
    );
}

fn unshim(yard: &Yard) {
    fs::remove_file(yard.at("bin/tmux")).unwrap();
}

/// Every verb answers in time; nothing is touched, whatever was due; all is as declared when tmux
/// is itself again.
fn unheard(text: &str) -> Ran {
    let ground = Ground::new();
    ground.yard.tmux(&["kill-session", "-t", "=two"]);
    ground
        .yard
        .until("its end", || !process::may_live(ground.two));
    shim(&ground.yard, text);
    let verbs: Vec<_> = ["diff", "status", "apply"]
        .map(|verb| ground.yard.start(&[verb]))
        .into_iter()
        .collect();
    for verb in verbs {
        let said = verb.end().exits(1);
        assert!(said.took < ANSWER, "{said:?}");
    }
    assert!(process::may_live(ground.one) && ground.yard.marked("two").is_empty());
    unshim(&ground.yard);
    ground.heals();
    assert_eq!(ground.yard.pid("one"), ground.one);
    Ran::Held
}

/// Nothing running is touched, and what is missing is started.
fn harmless(text: &str) -> Ran {
    let ground = Ground::new();
    shim(&ground.yard, text);
    ground.yard.gtctl(&["reconcile"]).exits(0);
    ground.is_untouched();
    ground.yard.tmux(&["kill-session", "-t", "=two"]);
    ground.yard.gtctl(&["reconcile"]);
    assert_eq!(ground.yard.pid("one"), ground.one);
    unshim(&ground.yard);
    ground.heals();
    Ran::Held
}

/// Does this with every call but those that list; the script is in `$s`.
fn acting(text: &str) -> String {
    format!(
        "s=$(cat); case \"$s\" in *list-panes*) printf '%s\\n' \"$s\" | exec REAL \"$@\";; esac\n{text}"
    )
}

/// `two` is missing; one cycle runs behind the shim, and the next without.
fn started_behind(text: &str) -> (Ground, crate::harness::Said) {
    let ground = Ground::new();
    ground.yard.tmux(&["kill-session", "-t", "=two"]);
    ground
        .yard
        .until("its end", || !process::may_live(ground.two));
    shim(&ground.yard, &acting(text));
    let said = ground.yard.gtctl(&["reconcile"]);
    assert!(said.took < ANSWER, "{said:?}");
    unshim(&ground.yard);
    ground.yard.gtctl(&["reconcile"]);
    let marked = ground.yard.marked("two");
    assert!(marked.len() <= 1, "{marked:?}");
    ground.heals();
    assert_eq!(ground.yard.pid("one"), ground.one);
    (ground, said)
}

fn does_nothing() -> Ran {
    let (_ground, said) = started_behind("exit 0");
    assert!(!said.out.contains("started    two"), "{said:?}");
    Ran::Held
}

fn fails_after() -> Ran {
    let (ground, _) = started_behind("printf '%s\\n' \"$s\" | REAL \"$@\" >/dev/null; exit 1");
    assert_eq!(ground.yard.marked("two").len(), 1);
    Ran::Held
}

fn hangs_after() -> Ran {
    let (ground, _) =
        started_behind("printf '%s\\n' \"$s\" | REAL \"$@\" >/dev/null; exec /bin/sleep 60");
    assert_eq!(ground.yard.marked("two").len(), 1);
    Ran::Held
}

fn does_twice() -> Ran {
    let twice =
        "printf '%s\\n' \"$s\" | REAL \"$@\" >/dev/null; printf '%s\\n' \"$s\" | exec REAL \"$@\"";
    let (ground, _) = started_behind(twice);
    assert_eq!(ground.yard.marked("two").len(), 1);
    Ran::Held
}

fn keeps_open() -> Ran {
    let ground = Ground::new();
    shim(
        &ground.yard,
        "/bin/sleep 20 & echo $! >>DIR/left; exec REAL \"$@\"",
    );
    let said = ground.yard.gtctl(&["reconcile"]);
    for pid in ground.yard.read("left").lines() {
        if let Some(left) = process::identify(pid.parse().unwrap()) {
            ground.yard.own(left);
        }
    }
    assert!(said.took < ANSWER, "{said:?}");
    ground.is_untouched();
    unshim(&ground.yard);
    ground.heals();
    ground.is_untouched();
    Ran::Held
}

fn other_town() -> Ran {
    let (ground, other) = (Ground::new(), Yard::new(&super::ground::manifest("")));
    other.gtctl(&["apply"]).exits(0);
    let theirs = (other.pid("one"), other.pid("two"));
    let wrong = format!("exec REAL -u -S {} source-file -", other.socket().display());
    shim(&ground.yard, &wrong);
    for verb in ["reconcile", "apply"] {
        ground.yard.gtctl(&[verb]);
    }
    unshim(&ground.yard);
    ground.heals();
    assert_eq!((other.pid("one"), other.pid("two")), theirs);
    assert_eq!(other.sessions(), ["one", "two"]);
    ground.is_untouched();
    Ran::Held
}

fn without_tmux() -> Ran {
    let ground = Ground::new();
    for verb in ["diff", "reconcile", "apply", "status"] {
        let mut command = ground.yard.gtctl_command(&[verb]);
        command.env("PATH", "/nonexistent");
        ground
            .yard
            .running(command)
            .end()
            .exits(1)
            .says("cannot run tmux");
    }
    ground.is_untouched();
    Ran::Held
}

fn a_directory() -> Ran {
    let ground = Ground::new();
    fs::create_dir_all(ground.yard.at("only/tmux")).unwrap();
    let mut command = ground.yard.gtctl_command(&["reconcile"]);
    command.env("PATH", ground.yard.at("only"));
    ground.yard.running(command).end().exits(1).says("tmux");
    ground.is_untouched();
    Ran::Held
}
