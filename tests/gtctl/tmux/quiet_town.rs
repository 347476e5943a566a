//! A watched town in which nothing happens: looks at it write nothing, and `status` tells the truth
//! all the same.

use crate::harness::{Running, Yard, of, session, sleeper};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

const OFTEN: &str = "[controller]\nresync = \"200ms\"\n[defaults]\nready_after = \"0s\"\nbackoff = { first = \"0s\", jitter = 0 }\n";

/// What a file is replaced or written by: its number, size and times.
fn stamp(yard: &Yard, file: &str) -> Option<(u64, u64, i64, i64)> {
    let meta = fs::metadata(yard.state().join(file)).ok()?;
    Some((meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}

fn stamps(yard: &Yard) -> [Option<(u64, u64, i64, i64)>; 3] {
    ["gtctl.json", "gtctl.prev.json", "state.json"].map(|file| stamp(yard, file))
}

/// The cycles that the controller has signed for.
fn cycles(yard: &Yard) -> u64 {
    let text = fs::read_to_string(yard.state().join("controller.json")).unwrap_or_default();
    serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|beat| beat["counts"]["cycles"].as_u64())
        .unwrap_or_default()
}

/// A watched town that has come to rest: ten looks have written nothing.
fn at_rest(yard: &Yard) -> Running {
    let watch = yard.start(&["reconcile", "--watch"]);
    let (mut before, mut from) = (stamps(yard), cycles(yard));
    yard.until("ten looks that write nothing", || {
        if stamps(yard) != before {
            (before, from) = (stamps(yard), cycles(yard));
        }
        cycles(yard) > from + 10
    });
    watch
}

#[test]
fn looks_at_a_quiet_town_write_nothing_but_the_sign_of_life() {
    let yard = Yard::new(&format!(
        "{OFTEN}{}{}",
        sleeper("one", ""),
        sleeper("two", "max_age = \"1h\"")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let _watch = at_rest(&yard);
    let (before, from) = (stamps(&yard), cycles(&yard));
    yard.until("ten more looks", || cycles(&yard) > from + 10);
    assert_eq!(stamps(&yard), before);
    yard.gtctl(&["status"]).exits(0).says("2 sessions");
    // What is news is written at once.
    let former = yard.pid("one");
    yard.kill(former);
    yard.fresh("one", Some(former));
    assert_ne!(stamps(&yard)[0], before[0]);
}

#[test]
fn status_knows_for_how_long_a_session_has_been_idle_whatever_was_written() {
    let script = "echo first; while [ ! -e go ]; do sleep 0.1; done; echo second; exec sleep 1000";
    let yard = Yard::new(&format!("{OFTEN}{}", session("one", script, "")));
    yard.gtctl(&["apply"]).exits(0);
    let _watch = at_rest(&yard);
    let before = stamps(&yard);
    let changed = Instant::now();
    yard.write("go", "");
    yard.until("the second words", || {
        yard.tmux(&["capture-pane", "-p", "-t", "=one:"])
            .contains("second")
    });
    std::thread::sleep(Duration::from_secs(4));
    let page = yard.gtctl(&["status", "-o", "json"]).exits(0).json();
    let most = u64::try_from(changed.elapsed().as_millis()).unwrap();
    let idle = of(&page, "sessions", "one").unwrap()["idle_ms"]
        .as_u64()
        .unwrap();
    assert!((2000..=most).contains(&idle), "{idle} of {most}");
    assert_eq!(stamps(&yard), before, "nothing was written for it");
}

#[test]
fn while_a_manifest_is_being_written_nothing_is_started_and_it_is_read_when_it_rests() {
    let yard = Yard::new(&format!("{OFTEN}{}", sleeper("one", "")));
    yard.gtctl(&["apply"]).exits(0);
    let watch = at_rest(&yard);
    let path = yard.at("town.toml");
    let whole = yard.read("town.toml") + &sleeper("two", "");
    let (writing, begun) = (std::sync::atomic::AtomicBool::new(true), Instant::now());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Never at rest, for less than it is waited for at most.
            for n in 0.. {
                if !writing.load(std::sync::atomic::Ordering::Relaxed)
                    || begun.elapsed() > Duration::from_secs(4)
                {
                    break;
                }
                fs::write(&path, format!("{whole}# {n}\n")).unwrap();
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        std::thread::sleep(Duration::from_millis(200));
        let former = yard.pid("one");
        yard.kill(former);
        // What the file will say of it is not known yet: nothing may begin by what it said before.
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(yard.format("one", "#{pane_dead}"), "1", "{}", watch.said());
        assert!(!watch.said().contains("was read again"), "{}", watch.said());
        writing.store(false, std::sync::atomic::Ordering::Relaxed);
    });
    yard.until("a fresh process", || {
        yard.format("one", "#{pane_dead}") == "0"
    });
    yard.until("the whole of it", || yard.sessions() == ["one", "two"]);
    yard.until("that it was read", || {
        watch.said().contains("was read again")
    });
    assert_eq!(watch.said().matches("was read again").count(), 1);
}
