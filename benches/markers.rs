//! Benchmark 6: how fast output is searched for markers, and what a thousand quiet logs cost.
//!
//! `cargo bench --bench markers`. The floor is one pass of `memchr` over the same bytes.

use gtctl::marker::{Matcher, Watch};
use gtctl::model::{Marker, Moment};
use gtctl::store::{Follower, From, Watcher};
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

const SIZE: usize = 64 << 20;
const READ: usize = 256 << 10;
const ROUNDS: u32 = 7;
const WORDS: [&str; 16] = [
    "the",
    "agent",
    "reads",
    "src/plan/rules.rs",
    "and",
    "finds",
    "42",
    "tests",
    "in",
    "Compiling",
    "error[E0308]:",
    "code",
    "a",
    "completed",
    "step,",
    "exit",
];

fn main() -> std::io::Result<()> {
    let markers = ["Claude exit code: 0", "Agent completed successfully", "\"subtype\":\"success\""]
        .map(|text| Marker::Text(text.to_owned()));
    let now = Moment { wall: 0, awake: 0, boot: 0 };
    for (name, text) in [("plain", output("")), ("colour-heavy", output("\x1b[38;5;114m"))] {
        let search = median(|| {
            let mut watch = Watch::new(Matcher::new(&markers, &[]), 200, 0);
            text.chunks(READ).for_each(|chunk| watch.feed(chunk, now));
            assert!(black_box(watch.standing()).is_none());
        });
        let floor = median(|| {
            black_box(text.chunks(READ).filter(|chunk| memchr::memchr(0, chunk).is_some()).count());
        });
        let rate = |took: Duration| f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX)) / took.as_secs_f64() / 1e9;
        println!(
            "{name:<13} {:>6.2} GB/s   floor {:>6.2} GB/s   {:.1} x",
            rate(search),
            rate(floor),
            search.as_secs_f64() / floor.as_secs_f64()
        );
    }
    quiet_logs(1000)
}

/// Rows of prose as a pty gives them, with as much colour as a highlighter uses.
fn output(colour: &str) -> Vec<u8> {
    let reset = if colour.is_empty() { "" } else { "\x1b[0m" };
    let mut text = Vec::with_capacity(SIZE + 400);
    let mut seed: u64 = 1;
    while text.len() < SIZE {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let words = 4 + usize::try_from(seed >> 33).unwrap_or(0) % 20;
        for n in 0..words {
            let word = WORDS.get(usize::try_from(seed >> (n * 2 + 4) & 15).unwrap_or(0)).unwrap_or(&"");
            // Writing to a vector cannot fail.
            let _ = write!(text, "{colour}{word}{reset} ");
        }
        text.extend_from_slice(b"\r\n");
    }
    text
}

/// A cycle over logs to which nothing was written.
fn quiet_logs(count: usize) -> std::io::Result<()> {
    let dir = std::env::temp_dir().join(format!("gtctl-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let paths: Vec<_> = (0..count).map(|n| dir.join(format!("{n}.log"))).collect();
    let mut watcher = Watcher::new();
    let mut followers = Vec::new();
    for path in &paths {
        std::fs::write(path, "some output\n")?;
        watcher.watch(path);
        let mut follower = Follower::new(path, From::Beginning);
        follower.read_new(READ).map_err(std::io::Error::other)?;
        followers.push(follower);
    }
    watcher.changed();
    let reads = |followers: &[Follower]| followers.iter().map(Follower::reads).sum::<u64>();
    let before = reads(&followers);
    let told = median(|| assert_eq!(watcher.changed().len(), watcher.polled()));
    let polled = median(|| {
        for follower in &mut followers {
            assert!(follower.read_new(READ).is_ok_and(|new| new.bytes.is_empty()));
        }
    });
    println!(
        "{count} quiet logs: told by the kernel {told:?} a cycle, each looked at {polled:?}; {} reads",
        reads(&followers) - before
    );
    std::fs::remove_dir_all(&dir)
}

/// Of the processor's time, so that others on the machine do not count.
fn median(mut run: impl FnMut()) -> Duration {
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = used();
            run();
            used().saturating_sub(start)
        })
        .collect();
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

fn used() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}
