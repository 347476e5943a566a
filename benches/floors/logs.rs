//! 6: how fast output is searched for markers, and what a thousand quiet logs cost a look.

use crate::Result;
use crate::measure::{in_turns, worked};
use crate::table::{Against, Row};
use gtctl::model::{Marker, Moment};
use gtctl::screen::output::{Matcher, Watch};
use gtctl::store::{Follower, From, Watcher};
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

const SIZE: usize = 64 << 20;
const READ: usize = 256 << 10;
const ROUNDS: usize = 7;
const QUIET: usize = 1_000;
/// The time that 64 MiB take at 1 GB/s.
const MOST: Duration = Duration::from_micros(67_109);
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

pub(crate) fn run() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (what, colour) in [
        ("6 search 64 MiB, plain", ""),
        ("6 search 64 MiB, coloured", "\x1b[38;5;114m"),
    ] {
        let text = output(colour);
        let [searched, floor] = in_turns(
            ROUNDS,
            [
                Box::new(|| worked(|| search(&text))),
                Box::new(|| worked(|| Ok(black_box(memchr::memchr(0, &text))))),
            ],
        )?;
        rows.push(Row {
            what,
            sessions: 1,
            gtctl: searched,
            against: Against::Limit(MOST),
        });
        let against = Against::Floor("memchr over the same", floor, None);
        rows.push(Row {
            what,
            sessions: 1,
            gtctl: searched,
            against,
        });
    }
    rows.extend(quiet()?);
    Ok(rows)
}

/// Nothing of the output is a marker, which is what nearly all output is.
fn search(text: &[u8]) -> Result<()> {
    let markers = [
        "Claude exit code: 0",
        "Agent completed successfully",
        "\"subtype\":\"success\"",
    ]
    .map(|text| Marker::Text(text.to_owned()));
    let now = Moment {
        wall: 0,
        awake: 0,
        boot: 0,
    };
    let mut watch = Watch::new(Matcher::new(&markers, &[]), 200, 0);
    text.chunks(READ).for_each(|chunk| watch.feed(chunk, now));
    if watch.standing().is_some() {
        Err("a marker was seen where there is none".into())
    } else {
        Ok(())
    }
}

/// Rows of prose as a pty gives them, with as much colour as a highlighter uses.
fn output(colour: &str) -> Vec<u8> {
    let reset = if colour.is_empty() { "" } else { "\x1b[0m" };
    let mut text = Vec::with_capacity(SIZE + 400);
    let mut seed: u64 = 1;
    while text.len() < SIZE {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let words = 4 + usize::try_from(seed >> 33).unwrap_or(0) % 20;
        for n in 0..words {
            let word = WORDS
                .get(usize::try_from(seed >> (n * 2 + 4) & 15).unwrap_or(0))
                .unwrap_or(&"");
            // Writing to a vector cannot fail.
            let _ = write!(text, "{colour}{word}{reset} ");
        }
        text.extend_from_slice(b"\r\n");
    }
    text
}

/// A look at logs to which nothing was written: asked of the kernel, and of each file.
fn quiet() -> Result<Vec<Row>> {
    let dir = std::env::temp_dir().join(format!("gtctl-bench-logs-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let paths: Vec<_> = (0..QUIET).map(|n| dir.join(format!("{n}.log"))).collect();
    let (mut watcher, mut followers) = (Watcher::new(), Vec::new());
    for path in &paths {
        std::fs::write(path, "some output\n")?;
        watcher.watch(path);
        let mut follower = Follower::new(path, From::Beginning);
        follower.read_new(READ)?;
        followers.push(follower);
    }
    watcher.has_changed();
    let reads = |followers: &[Follower]| followers.iter().map(Follower::reads).sum::<u64>();
    let before = reads(&followers);
    let [told, floor] = in_turns(
        ROUNDS,
        [
            Box::new(|| worked(|| Ok(usize::from(black_box(watcher.has_changed()))))),
            Box::new(|| {
                worked(|| {
                    Ok(paths
                        .iter()
                        .filter_map(|path| std::fs::metadata(path).ok())
                        .count())
                })
            }),
        ],
    )?;
    let [polled] = in_turns(
        ROUNDS,
        [Box::new(|| {
            worked(|| {
                followers
                    .iter_mut()
                    .try_for_each(|f| f.read_new(READ).map(drop))
                    .map_err(Into::into)
            })
        })],
    )?;
    let read = usize::try_from(reads(&followers) - before)?;
    std::fs::remove_dir_all(&dir)?;
    let row = |what, gtctl, against| Row {
        what,
        sessions: QUIET,
        gtctl,
        against,
    };
    Ok(vec![
        row(
            "6 quiet logs, by the kernel",
            told,
            Against::Floor("one stat each", floor, None),
        ),
        row(
            "6 quiet logs, each looked at",
            polled,
            Against::Floor("one stat each", floor, None),
        ),
        row(
            "6 quiet logs, each looked at",
            polled,
            Against::Count("reads", read, 0),
        ),
    ])
}
