//! When the state directory holds anything else than what was written there.

use super::ground::{Ground, Ran};
use super::{Kind, full, sample};
use gtctl::proc::process;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

pub(super) const KINDS: &[Kind] = &[
    sample("state-truncated", "nothing running is touched", || {
        survives(|dir| {
            File::options()
                .write(true)
                .open(dir.join("gtctl.json"))
                .unwrap()
                .set_len(100)
                .unwrap();
        })
    }),
    full("state-garbage-twice", "nothing running is touched", || {
        survives(|dir| {
            for file in ["gtctl.json", "gtctl.prev.json"] {
                garbage(&dir.join(file));
            }
        })
    }),
    full("state-empty", "nothing running is touched", || {
        survives(|dir| fs::write(dir.join("gtctl.json"), "").unwrap())
    }),
    full("state-huge", "nothing running is touched", || {
        survives(|dir| huge(&dir.join("gtctl.json")))
    }),
    full("state-a-directory", "nothing running is touched", || {
        survives(|dir| folder(&dir.join("gtctl.json")))
    }),
    sample(
        "state-a-fifo",
        "nobody waits for it, nothing running is touched",
        || survives(|dir| fifo(&dir.join("gtctl.json"))),
    ),
    full("state-a-link", "what it points to stays as it is", || {
        survives(|dir| {
            fs::write(dir.join("../elsewhere"), "mine").unwrap();
            link("../elsewhere", &dir.join("gtctl.json"));
        })
    }),
    full(
        "state-a-loop-of-links",
        "nothing running is touched",
        || survives(|dir| link("gtctl.json", &dir.join("gtctl.json"))),
    ),
    sample(
        "state-from-the-future",
        "exit 1, nothing touched, the file stays as it is",
        future,
    ),
    full(
        "state-temporary-a-directory",
        "nothing running is touched",
        || survives(|dir| folder(&dir.join("gtctl.json.tmp"))),
    ),
    full("journal-garbage", "nothing running is touched", || {
        survives(|dir| garbage(&dir.join("monitor.jsonl")))
    }),
    full("journal-a-directory", "nothing running is touched", || {
        survives(|dir| folder(&dir.join("monitor.jsonl")))
    }),
    full("journal-a-fifo", "nobody waits for it", || {
        survives(|dir| fifo(&dir.join("monitor.jsonl")))
    }),
    full("journal-a-link", "what it points to stays as it is", || {
        survives(|dir| {
            fs::write(dir.join("../elsewhere"), "mine").unwrap();
            link("../elsewhere", &dir.join("monitor.jsonl"));
        })
    }),
    full(
        "journal-huge",
        "it is put aside, nothing running is touched",
        || survives(|dir| huge(&dir.join("monitor.jsonl"))),
    ),
    full(
        "handoffs-garbage",
        "nothing running is touched, the file is left",
        || survives(|dir| garbage(&dir.join("handoffs.json"))),
    ),
    full("handoffs-a-fifo", "nobody waits for it", || {
        survives(|dir| fifo(&dir.join("handoffs.json")))
    }),
    full("counters-garbage", "nothing running is touched", || {
        survives(|dir| garbage(&dir.join("state.json")))
    }),
    full("logs-a-fifo", "sessions start without a log", || {
        survives(|dir| {
            drop(fs::remove_dir_all(dir.join("logs")));
            fifo(&dir.join("logs"));
        })
    }),
    full(
        "state-directory-removed",
        "it is made anew, nothing running is touched",
        || survives(|dir| fs::remove_dir_all(dir).unwrap()),
    ),
    full(
        "state-directory-a-file",
        "exit 1 and the cause told, nothing touched",
        a_file,
    ),
    full(
        "state-directory-of-another",
        "exit 1 and the cause told, nothing touched",
        of_another,
    ),
    full(
        "state-directory-a-dangling-link",
        "exit 1 and the cause told, nothing touched",
        dangling,
    ),
    full(
        "locks-are-directories",
        "exit 1 and the cause told, nothing touched",
        locks_are_directories,
    ),
    full(
        "locks-are-fifos",
        "nobody waits for them, nothing touched",
        locks_are_fifos,
    ),
    full(
        "disk-full",
        "starts go on, nothing that runs is touched; mended when there is room",
        disk_full,
    ),
    full(
        "state-directory-removed-under-a-watch",
        "the controller ends rather than be one of two",
        removed_under_a_watch,
    ),
];

fn clear(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) {
        fs::remove_dir_all(path).unwrap();
    } else {
        drop(fs::remove_file(path));
    }
}

fn garbage(path: &Path) {
    let bytes: Vec<u8> = (0..5000_u32)
        .map(|n| u8::try_from(n * n * 7 % 256).unwrap())
        .collect();
    fs::write(path, bytes).unwrap();
}

/// A sparse file of 70 MiB.
fn huge(path: &Path) {
    clear(path);
    File::create(path).unwrap().set_len(70 << 20).unwrap();
}

fn folder(path: &Path) {
    clear(path);
    fs::create_dir(path).unwrap();
    fs::write(path.join("kept"), "kept").unwrap();
}

fn fifo(path: &Path) {
    clear(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn link(to: &str, path: &Path) {
    clear(path);
    symlink(to, path).unwrap();
}

/// One session misses when the damage is done: it is started, nothing else is touched, and the
/// state is kept again.
fn survives(damage: fn(&Path)) -> Ran {
    let ground = Ground::new();
    ground.yard.tmux(&["kill-session", "-t", "=two"]);
    ground
        .yard
        .until("its end", || !process::may_live(ground.two));
    damage(&ground.yard.state());
    ground.yard.gtctl(&["diff"]).exits(2);
    let said = ground.yard.gtctl(&["reconcile"]);
    assert!(said.took.as_secs() < 4, "{said:?}");
    assert!(
        ground.yard.process("two").is_some(),
        "it was not started: {said:?}"
    );
    assert_eq!(ground.yard.pid("one"), ground.one);
    ground.heals();
    assert_eq!(ground.yard.pid("one"), ground.one);
    ground.yard.gtctl(&["status"]).exits(0);
    assert!(
        ["mine", ""].contains(&ground.yard.read("xdg/gtctl/elsewhere").as_str()),
        "a link was followed"
    );
    Ran::Held
}

/// Nothing can be done in such a place: exit 1, and nothing is touched.
fn refused(ground: &Ground, words: &str) {
    for verb in ["reconcile", "apply"] {
        let said = ground.yard.gtctl(&[verb]).exits(1).says(words);
        assert!(said.took.as_secs() < 4, "{said:?}");
    }
    ground.is_untouched();
}

fn future() -> Ran {
    let ground = Ground::new();
    let file = ground.yard.state().join("gtctl.json");
    let payload = "{\"sessions\":{}}";
    let sum = super::past::checksum(99, payload);
    let text = format!("{{\"version\":99,\"checksum\":\"{sum:016x}\",\"memory\":{payload}}}\n");
    fs::write(&file, &text).unwrap();
    refused(&ground, "newer");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    Ran::Held
}

fn a_file() -> Ran {
    let ground = Ground::new();
    fs::remove_dir_all(ground.yard.state()).unwrap();
    fs::write(ground.yard.state(), "").unwrap();
    refused(&ground, "directory");
    fs::remove_file(ground.yard.state()).unwrap();
    ground.heals();
    Ran::Held
}

fn of_another() -> Ran {
    let ground = Ground::new();
    if std::os::unix::fs::chown(ground.yard.state(), Some(65534), None).is_err() {
        return Ran::Skipped("not root: nothing can be given to another user");
    }
    refused(&ground, "owner");
    Ran::Held
}

fn dangling() -> Ran {
    let ground = Ground::new();
    fs::remove_dir_all(ground.yard.state()).unwrap();
    symlink("/nonexistent/place", ground.yard.state()).unwrap();
    refused(&ground, "state");
    Ran::Held
}

fn each_lock(ground: &Ground, put: fn(&Path)) {
    for lock in ["controller.lock", "turn.lock"] {
        put(&ground.yard.state().join(lock));
    }
}

fn locks_are_directories() -> Ran {
    let ground = Ground::new();
    each_lock(&ground, folder);
    refused(&ground, "lock");
    each_lock(&ground, clear);
    ground.heals();
    Ran::Held
}

fn locks_are_fifos() -> Ran {
    let ground = Ground::new();
    each_lock(&ground, fifo);
    let said = ground.yard.gtctl(&["reconcile"]);
    assert!(said.took.as_secs() < 4, "{said:?}");
    ground.is_untouched();
    each_lock(&ground, clear);
    ground.heals();
    Ran::Held
}

fn disk_full() -> Ran {
    let ground = Ground::new();
    ground.yard.tmux(&["kill-session", "-t", "=two"]);
    ground
        .yard
        .until("its end", || !process::may_live(ground.two));
    let binary = env!("CARGO_BIN_EXE_gtctl");
    let script = "mount -t tmpfs -o size=16k,mode=700 tmpfs \"$1\" || exit 77; \
                  dd if=/dev/zero of=\"$1/filler\" bs=1k >/dev/null 2>&1; \"$0\" reconcile; echo \"exit $?\"; \
                  rm \"$1/filler\"; \"$0\" reconcile; echo \"then $?\"";
    let mut command = ground.yard.command("unshare");
    command.args([
        "-m",
        "sh",
        "-c",
        script,
        binary,
        ground.yard.state().to_str().unwrap(),
    ]);
    let said = ground.yard.running(command).end();
    if said.code == Some(77) || said.err.contains("unshare") {
        return Ran::Skipped("nothing may be mounted here");
    }
    let said = said
        .says("the state was not written")
        .says("started    two")
        .says("then 0");
    assert!(
        said.err.contains("No space left") || said.out.contains("No space left"),
        "{said:?}"
    );
    assert_eq!(ground.yard.pid("one"), ground.one);
    ground.heals();
    assert_eq!(
        fs::metadata(ground.yard.state())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    assert_eq!(
        fs::metadata(ground.yard.state().join("gtctl.json"))
            .unwrap()
            .mode()
            & 0o777,
        0o600
    );
    Ran::Held
}

fn removed_under_a_watch() -> Ran {
    let ground = Ground::new();
    let watch = ground.watch();
    fs::remove_dir_all(ground.yard.state()).unwrap();
    watch.0.end().exits(1).says("the lock file was replaced");
    ground.is_untouched();
    ground.heals();
    ground.is_untouched();
    Ran::Held
}
