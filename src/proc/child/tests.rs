use super::*;
use crate::proc::process::{identify, may_live};
use std::path::PathBuf;
use std::time::Instant;

/// No condition is waited for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder of one test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gtctl-child-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap_or_default()
    }

    /// Waits until the script has written `count` lines.
    async fn until_written(&self, file: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.read(file).lines().count() < count {
            assert!(Instant::now() < deadline, "{file}: {}", self.read(file));
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The living processes whose pids the script has written.
    fn living(&self, file: &str) -> Vec<ProcId> {
        let text = self.read(file);
        let pids = text.lines().map(|line| line.trim().parse().unwrap());
        pids.filter_map(identify).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A shell script that runs in the folder, and is given a minute.
fn script<'a>(dir: &'a Scratch, text: &'a str) -> Spec<'a> {
    Spec {
        argv: ["sh", "-c", text].map(OsStr::new).into(),
        dir: &dir.0,
        inherit: Inherit::Most,
        variables: SortedMap::new(),
        input: "",
        out: Stream::Kept(Bound::head(1000)),
        err: Stream::Kept(Bound::head(1000)),
        limit: PATIENCE * 2,
        leftovers: Leftovers::End,
    }
}

async fn until_gone(processes: &[ProcId]) {
    let deadline = Instant::now() + PATIENCE;
    while processes.iter().any(|process| may_live(*process)) {
        assert!(Instant::now() < deadline, "{processes:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn it_is_fed_and_read_to_its_end() {
    let dir = Scratch::new("fed");
    let large = "x".repeat(1 << 20);
    let mut spec = script(&dir, "wc -c; echo oh >&2; exit 3");
    spec.input = &large;
    let ran = run(&spec).await;
    assert!(
        matches!(&ran.ending, Ending::Exited(status) if status.code() == Some(3)),
        "{ran:?}"
    );
    assert_eq!(ran.out.text().trim(), "1048576");
    assert_eq!(ran.err.text(), "oh\n");
}

#[tokio::test]
async fn one_that_reads_nothing_or_is_not_there_is_no_trouble() {
    let dir = Scratch::new("deaf");
    let large = "x".repeat(1 << 20);
    let mut spec = script(&dir, "exec true");
    spec.input = &large;
    assert!(run(&spec).await.is_well());
    spec.argv = vec!["/nowhere/program".as_ref()];
    assert!(matches!(run(&spec).await.ending, Ending::NotStarted(_)));
    spec.argv = vec![];
    assert!(matches!(run(&spec).await.ending, Ending::NotStarted(_)));
}

#[tokio::test]
async fn a_flood_is_ended() {
    let dir = Scratch::new("flood");
    let mut spec = script(&dir, "echo $$ >pid; exec cat /dev/zero");
    spec.out = Stream::Kept(Bound {
        head: 10,
        tail: 10,
        flood: 1 << 20,
    });
    assert!(matches!(run(&spec).await.ending, Ending::Flooded));
    assert_eq!(dir.living("pid"), []);
}

#[tokio::test]
async fn what_is_over_time_is_asked_first_and_then_killed_with_all_it_has_started() {
    let dir = Scratch::new("late");
    // The first child leaves the group, and none of the three heeds TERM.
    let text = "trap 'echo asked >>told' TERM
        setsid sh -c 'trap \"\" TERM; echo $$ >>pids; while :; do sleep 600; done' &
        sh -c 'trap \"\" TERM; echo $$ >>pids; while :; do sleep 600; done' &
        echo $$ >>pids
        while :; do wait; done";
    let mut spec = script(&dir, text);
    spec.leftovers = Leftovers::Stay;
    let child = Child::start(&spec).unwrap();
    let ran = child.ended_or(dir.until_written("pids", 3)).await;
    assert!(matches!(ran.ending, Ending::Cancelled), "{ran:?}");
    assert_eq!(dir.read("pids").lines().count(), 3);
    assert_eq!(dir.living("pids"), []);
    assert_eq!(dir.read("told"), "asked\n");

    spec.limit = Duration::from_millis(200);
    let begun = Instant::now();
    let ran = run(&spec).await;
    assert!(matches!(ran.ending, Ending::TimedOut), "{ran:?}");
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(dir.living("pids"), []);
}

#[tokio::test]
async fn what_heeds_term_may_say_its_last_words() {
    let dir = Scratch::new("words");
    let text = "trap 'echo cut short; exit 7' TERM; echo >ready; sleep 600 & wait";
    let child = Child::start(&script(&dir, text)).unwrap();
    let ran = child.ended_or(dir.until_written("ready", 1)).await;
    assert!(matches!(ran.ending, Ending::Cancelled), "{ran:?}");
    assert_eq!(ran.out.text(), "cut short\n");
}

#[tokio::test]
async fn dropping_it_kills_all_it_has_started() {
    let dir = Scratch::new("drop");
    let text = "trap '' TERM; sh -c 'sleep 600 & echo $! >>pids; wait' & echo $! >>pids; wait";
    let child = Child::start(&script(&dir, text)).unwrap();
    dir.until_written("pids", 2).await;
    let (own, below) = (child.process().unwrap(), dir.living("pids"));
    assert_eq!(below.len(), 2);
    drop(child);
    until_gone(&below).await;
    until_gone(&[own]).await;
}

#[tokio::test]
async fn what_it_leaves_behind_stays_or_is_ended() {
    let dir = Scratch::new("left");
    let mut spec = script(&dir, "sleep 600 & echo $! >pid; echo done");
    spec.leftovers = Leftovers::Stay;
    let ran = run(&spec).await;
    assert!(ran.is_well(), "{ran:?}");
    assert_eq!(ran.out.text(), "done\n", "the pipe is not waited for");
    let [left] = dir.living("pid")[..] else {
        panic!("it stays")
    };
    end_leftover(left);
    until_gone(&[left]).await;

    spec.leftovers = Leftovers::End;
    assert!(run(&spec).await.is_well());
    assert_eq!(dir.living("pid"), []);
}

#[tokio::test]
async fn what_leaves_tree_and_group_is_found_by_its_tag() {
    let dir = Scratch::new("tag");
    let tag = dir.0.to_string_lossy().into_owned();
    let text = "setsid sh -c 'echo $$ >>pids; exec sleep 600' & echo \"$GTCTL_CHORE\" >tag";
    let mut spec = script(&dir, text);
    spec.leftovers = Leftovers::Stay;
    spec.variables = [(env_tag::CHORE.to_owned(), tag.clone().into())].into();
    assert!(run(&spec).await.is_well());
    dir.until_written("pids", 1).await;
    assert_eq!(dir.living("pids").len(), 1, "as of a run that was cut off");
    end_tagged(&tag).await;
    assert_eq!(dir.living("pids"), []);

    spec.variables = SortedMap::new();
    spec.leftovers = Leftovers::EndTagged(tag.clone());
    assert!(run(&spec).await.is_well());
    assert_eq!(dir.read("tag").trim(), tag);
    assert_eq!(dir.living("pids"), []);
}

#[tokio::test]
async fn it_gets_its_variables_and_what_it_may_inherit() {
    let dir = Scratch::new("env");
    let mut spec = script(&dir, "env");
    spec.inherit = Inherit::NotGtctl;
    spec.variables = [("GTCTL_TOWN".to_owned(), "acme".into())].into();
    spec.out = Stream::Kept(Bound::head(1 << 20));
    let ran = run(&spec).await;
    let text = ran.out.whole().unwrap();
    assert!(text.lines().any(|line| line == "GTCTL_TOWN=acme"), "{text}");
    let path = format!("PATH={}", std::env::var("PATH").unwrap());
    assert!(text.lines().any(|line| line == path), "{text}");
}
