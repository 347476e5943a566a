use super::*;
use crate::proc::process;
use std::path::{Path, PathBuf};

/// A folder of one test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gtctl-hook-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn at(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn script(text: &str) -> Vec<String> {
    ["sh", "-c", text].map(str::to_owned).into()
}

fn appending_to(file: &Path) -> Hook {
    Hook::new(&script(&format!("cat >>{0}; echo >>{0}", file.display())))
}

#[tokio::test]
async fn each_text_has_a_run_of_its_own_in_order() {
    let scratch = Scratch::new("order");
    let mut hook = appending_to(&scratch.at("told"));
    let large = "x".repeat(1 << 20);
    for text in ["one", &large, "three"] {
        hook.tell(text.to_owned());
    }
    assert!(hook.finish().await.is_empty());
    let told = std::fs::read_to_string(scratch.at("told")).unwrap();
    assert_eq!(
        told.lines().collect::<Vec<_>>(),
        ["one", large.as_str(), "three"]
    );
}

#[tokio::test]
async fn one_that_does_not_listen_or_chatters_ends_well() {
    let large = "x".repeat(1 << 20);
    for program in [
        "exec true",
        "head -c 1000000 /dev/zero >&2",
        "sleep 5 & exit 0",
    ] {
        let begun = std::time::Instant::now();
        let mut hook = Hook::new(&script(program));
        hook.tell(large.clone());
        assert!(hook.finish().await.is_empty());
        assert!(begun.elapsed() < Duration::from_secs(4), "{program}");
    }
}

#[tokio::test]
async fn a_failing_is_said_once_until_it_works_again() {
    let scratch = Scratch::new("failing");
    let flag = scratch.at("works");
    let mut hook = Hook::new(&script(&format!(
        "test -e {} || {{ echo no luck >&2; exit 3; }}",
        flag.display()
    )));
    hook.tell("1".into());
    hook.tell("2".into());
    let said = hook.finish().await;
    assert_eq!(
        said,
        ["the command of [notify], `sh`, failed with exit status: 3: no luck"]
    );
    let mut missing = Hook::new(&["/nowhere/program".to_owned()]);
    missing.tell(String::new());
    let said = missing.finish().await;
    assert!(
        said.len() == 1 && said[0].contains("cannot be run"),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_is_too_much_is_dropped_and_said() {
    let mut hook = Hook::new(&script("exec cat >/dev/null"));
    // Nothing runs before this test waits.
    for n in 0..QUEUE + 3 {
        hook.tell(n.to_string());
    }
    let said = hook.complaints();
    assert_eq!(said.len(), 1);
    assert!(
        said[0].starts_with("3 events were not told: 32 already wait for `sh`"),
        "{said:?}"
    );
    assert!(hook.complaints().is_empty());
    assert!(hook.finish().await.is_empty());
}

#[tokio::test]
async fn a_run_that_lasts_beyond_the_farewell_is_killed_with_its_tree() {
    let scratch = Scratch::new("tree");
    let pids = scratch.at("pids");
    let nested = format!(
        "trap '' TERM; sh -c 'sleep 600 & echo $! >>{0}; wait' & echo $! >>{0}; wait",
        pids.display()
    );
    let mut hook = Hook::new(&script(&nested));
    hook.tell(String::new());
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    let listed = || std::fs::read_to_string(&pids).unwrap_or_default();
    while listed().lines().count() < 2 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let text = listed();
    let below: Vec<_> = text
        .lines()
        .filter_map(|pid| process::identify(pid.parse().unwrap()))
        .collect();
    assert_eq!(below.len(), 2);
    let said = hook.finish().await;
    assert!(
        said.len() == 1 && said[0].contains("was killed"),
        "{said:?}"
    );
    while below.iter().any(|process| process::may_live(*process)) {
        assert!(std::time::Instant::now() < deadline, "{below:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
