//! A manifest in several files, and many sessions of one table, on a real tmux.

use crate::harness::{QUICK, Yard, sleeper};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// The line that includes every file of `rigs/`, before the manifest itself.
const INCLUDE: &str = "include = [\"rigs/*.toml\"]\n";

/// A town that includes `rigs/*.toml` and has one session of its own.
fn yard() -> Yard {
    let yard = Yard::new("");
    std::fs::create_dir(yard.at("rigs")).unwrap();
    yard.declare(&format!("{QUICK}{}", sleeper("main", "")));
    yard.write_manifest(&format!("{INCLUDE}{}", yard.read("town.toml")));
    yard
}

#[test]
fn included_files_are_watched_and_a_broken_one_keeps_the_last_good_town() {
    let yard = yard();
    yard.write("rigs/a.toml", &sleeper("one", ""));
    // Only an event can be so quick: the next check by time is far away.
    let rarely = yard
        .read("town.toml")
        .replace("resync = \"1s\"", "resync = \"60s\"");
    yard.write_manifest(&rarely);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("both", || yard.sessions() == ["main", "one"]);
    let begun = Instant::now();
    yard.write("rigs/b.toml", &sleeper("two", ""));
    yard.until("the session of the new file", || {
        yard.sessions() == ["main", "one", "two"]
    });
    yard.write(
        "rigs/a.toml",
        &[sleeper("one", ""), sleeper("three", "")].concat(),
    );
    yard.until("the session of the changed file", || {
        yard.sessions() == ["main", "one", "three", "two"]
    });
    assert!(begun.elapsed() < Duration::from_secs(40));
    yard.write("rigs/b.toml", "[[session]]\nsesion = \"two\"\n");
    yard.until("the fault", || {
        watch.said().contains("unknown key `sesion`")
    });
    assert!(watch.said().contains("rigs/b.toml"), "{}", watch.said());
    assert_eq!(yard.sessions(), ["main", "one", "three", "two"]);
    // Verbs that can work with the last good town know all of its files.
    yard.gtctl(&["status"])
        .says("the last good one")
        .says("two")
        .says("three");
    yard.write("rigs/b.toml", &sleeper("four", ""));
    yard.until("the mended file", || {
        yard.sessions().contains(&"four".to_owned())
    });
    std::fs::remove_file(yard.at("rigs/b.toml")).unwrap();
    yard.until("that it is gone", || {
        yard.gtctl(&["status"]).out.contains("no longer declared")
    });
}

#[test]
fn an_included_file_that_others_could_have_written_runs_nothing() {
    let yard = yard();
    yard.write("rigs/a.toml", &sleeper("one", ""));
    let path = yard.at("rigs/a.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    yard.gtctl(&["apply"])
        .exits(1)
        .says("unread-include")
        .says("can be written by others")
        .says("chmod go-w");
    yard.gtctl(&["--trust", "validate"])
        .exits(0)
        .says("2 sessions");
    assert!(yard.sessions().is_empty());
}

#[test]
fn a_group_grows_and_shrinks_without_a_restart_of_its_members() {
    let group = |count: u32| {
        format!(
            "{QUICK}[[session]]\nsession = \"w\"\ncount = {count}\n\
             command = [\"sleep\", \"100{{n}}\"]\n"
        )
    };
    let yard = Yard::new(&group(2));
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["w-1", "w-2"]);
    let first = yard.pid("w-1");
    yard.declare(&group(3));
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["w-1", "w-2", "w-3"]);
    yard.declare(&group(1));
    yard.gtctl(&["diff"]).exits(0).says("no longer declared");
    assert_eq!(yard.pid("w-1"), first);
}
