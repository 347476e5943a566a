//! When the manifest of a watching controller becomes anything else than a manifest.

use super::ground::{Ground, Ran, manifest};
use super::{Kind, full, sample};
use gtctl::proc::process;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

const FILE: &str = "town.toml";

pub(super) const KINDS: &[Kind] = &[
    sample(
        "manifest-half-written",
        "the last good one stays in force",
        || {
            stays_in_force(|ground| {
                let text = ground.yard.read(FILE);
                ground.yard.write(FILE, &text[..text.len() - 10]);
            })
        },
    ),
    full(
        "manifest-emptied",
        "the last good one stays in force",
        || stays_in_force(|ground| ground.yard.write(FILE, "")),
    ),
    full(
        "manifest-deleted",
        "the last good one stays in force",
        || stays_in_force(|ground| fs::remove_file(ground.yard.at(FILE)).unwrap()),
    ),
    full(
        "manifest-renamed",
        "the last good one stays in force",
        || {
            stays_in_force(|ground| {
                fs::rename(ground.yard.at(FILE), ground.yard.at("away.toml")).unwrap();
            })
        },
    ),
    full(
        "manifest-a-directory",
        "the last good one stays in force",
        || {
            stays_in_force(|ground| {
                fs::remove_file(ground.yard.at(FILE)).unwrap();
                fs::create_dir(ground.yard.at(FILE)).unwrap();
            })
        },
    ),
    full(
        "manifest-a-fifo",
        "nobody waits for it; the last good one stays in force",
        || {
            stays_in_force(|ground| {
                fs::remove_file(ground.yard.at(FILE)).unwrap();
                let fifo = std::process::Command::new("mkfifo")
                    .arg(ground.yard.at(FILE))
                    .status()
                    .unwrap();
                assert!(fifo.success());
            })
        },
    ),
    full(
        "manifest-a-dangling-link",
        "the last good one stays in force",
        || {
            stays_in_force(|ground| {
                fs::remove_file(ground.yard.at(FILE)).unwrap();
                symlink("nowhere.toml", ground.yard.at(FILE)).unwrap();
            })
        },
    ),
    full(
        "manifest-group-writable",
        "the last good one stays in force",
        || {
            stays_in_force(|ground| {
                ground.yard.declare(&manifest(""));
                fs::set_permissions(ground.yard.at(FILE), fs::Permissions::from_mode(0o664))
                    .unwrap();
            })
        },
    ),
    full(
        "manifest-over-1-mib",
        "the last good one stays in force",
        || {
            stays_in_force(|ground| {
                ground
                    .yard
                    .declare(&format!("{}{}", manifest(""), "# x\n".repeat(300_000)));
            })
        },
    ),
    full(
        "manifest-not-utf-8",
        "the last good one stays in force",
        || {
            stays_in_force(|ground| {
                fs::write(ground.yard.at(FILE), b"[town]\nname = \"\xff\xfe\"\n").unwrap();
            })
        },
    ),
    full(
        "manifest-nul-bytes",
        "the last good one stays in force",
        || stays_in_force(|ground| fs::write(ground.yard.at(FILE), [0_u8; 4096]).unwrap()),
    ),
    full(
        "manifest-of-another-town",
        "the last good one stays in force",
        || stays_in_force(|ground| ground.yard.write_manifest("[town]\nname = \"other\"\n")),
    ),
    sample("manifest-without-sessions", "nothing is ended", no_sessions),
    full("manifest-crlf", "it means the same", || {
        means_the_same(|text| text.replace('\n', "\r\n"))
    }),
    full("manifest-bom", "it means the same", || {
        means_the_same(|text| format!("\u{feff}{text}"))
    }),
    full(
        "manifest-saved-1000-times-a-second",
        "nothing is touched; the last one saved comes into force",
        saved_often,
    ),
    full(
        "manifest-written-byte-by-byte",
        "no half of it comes into force",
        trickled,
    ),
];

/// While it is broken the controller goes on: a death is mended, nothing else touched, and the
/// mended file counts again.
fn stays_in_force(breaking: fn(&Ground)) -> Ran {
    let ground = Ground::new();
    let watch = ground.watch();
    breaking(&ground);
    ground.yard.until("the warning", || {
        watch
            .0
            .said()
            .contains("the last good manifest stays in use")
    });
    ground.yard.kill(ground.one);
    ground.yard.fresh("one", Some(ground.one));
    assert!(process::may_live(ground.two) && process::may_live(ground.stranger));
    let file = ground.yard.at(FILE);
    if file.is_dir() {
        fs::remove_dir(&file).unwrap();
    }
    ground.yard.declare(&manifest(""));
    ground
        .yard
        .until("the good one", || watch.0.said().contains("was read again"));
    ground.is_healed();
    assert_eq!(ground.yard.pid("two"), ground.two);
    watch.ends();
    Ran::Held
}

fn no_sessions() -> Ran {
    let ground = Ground::new();
    ground.yard.declare(&super::ground::head());
    for _ in 0..3 {
        ground.yard.gtctl(&["reconcile", "--prune"]);
    }
    ground.is_untouched();
    Ran::Held
}

fn means_the_same(change: fn(&str) -> String) -> Ran {
    let ground = Ground::new();
    let text = change(&ground.yard.read(FILE));
    ground.yard.write_manifest(&text);
    ground.yard.gtctl(&["validate"]).exits(0);
    ground.yard.gtctl(&["reconcile"]).exits(0);
    ground.is_untouched();
    Ran::Held
}

fn saved_often() -> Ran {
    let ground = Ground::new();
    let watch = ground.watch();
    let until = Instant::now() + Duration::from_secs(2);
    let three = crate::harness::sleeper("three", "");
    for nth in 0.. {
        if Instant::now() > until {
            break;
        }
        // In place, with a moment in which it is empty.
        let more = if nth % 2 == 0 { "" } else { &three };
        let head = format!(
            "[town]\nname = \"{}\"\nsocket = \"{}\"\n",
            ground.yard.town,
            ground.yard.socket().display()
        );
        ground
            .yard
            .write(FILE, &format!("{head}{}", manifest(more)));
        std::thread::sleep(Duration::from_micros(700));
    }
    ground.yard.declare(&manifest(&three));
    ground
        .yard
        .until("the last one", || ground.yard.process("three").is_some());
    ground.is_healed();
    ground.is_untouched();
    watch.ends();
    Ran::Held
}

fn trickled() -> Ran {
    use std::io::Write;
    let ground = Ground::new();
    let watch = ground.watch();
    let mut file = fs::File::create(ground.yard.at(FILE)).unwrap();
    let head = format!(
        "[town]\nname = \"{}\"\nsocket = \"{}\"\n",
        ground.yard.town,
        ground.yard.socket().display()
    );
    let text = format!("{head}{}", manifest(&crate::harness::sleeper("three", "")));
    for chunk in text.as_bytes().chunks(16) {
        file.write_all(chunk).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    ground
        .yard
        .until("the whole", || ground.yard.process("three").is_some());
    ground.is_healed();
    ground.is_untouched();
    assert!(
        !watch.0.said().contains("stays in force"),
        "{}",
        watch.0.said()
    );
    watch.ends();
    Ran::Held
}
