//! Faults of every kind on real tmux with real processes, each with what is expected of it.
//!
//! `cargo test` runs the quick ones, and a sample of the sweeps. All of them, with a table of what
//! came of each:
//!
//! ```text
//! GTCTL_CHAOS=all cargo test --locked --test gtctl chaos -- --nocapture
//! ```
//!
//! `GTCTL_CHAOS=TEXT` runs those kinds alone whose name holds the text.

mod agents;
mod by_hand;
mod controllers;
mod ground;
mod host;
mod manifests;
pub(crate) mod past;
mod servers;
mod shims;

mod soak;
mod states;
mod sweep;

use ground::Ran;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

/// So many kinds run beside each other: most of their time is waiting.
const WORKERS: usize = 3;

/// Whether a kind of fault is part of every `cargo test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    Sample,
    Full,
}

/// One kind of fault.
pub(crate) struct Kind {
    name: &'static str,
    /// What must hold, in one line.
    expects: &'static str,
    tier: Tier,
    run: fn() -> Ran,
}

/// A kind that is quick enough for every `cargo test`.
const fn sample(name: &'static str, expects: &'static str, run: fn() -> Ran) -> Kind {
    Kind {
        name,
        expects,
        tier: Tier::Sample,
        run,
    }
}

const fn full(name: &'static str, expects: &'static str, run: fn() -> Ran) -> Kind {
    Kind {
        name,
        expects,
        tier: Tier::Full,
        run,
    }
}

/// What `GTCTL_CHAOS` asks for.
enum Asked {
    Sample,
    All,
    Named(String),
}

impl Asked {
    fn by_environment() -> Self {
        match std::env::var("GTCTL_CHAOS").ok().as_deref() {
            None | Some("") => Self::Sample,
            Some("all") => Self::All,
            Some(text) => Self::Named(text.to_owned()),
        }
    }

    fn wants(&self, kind: &Kind) -> bool {
        match self {
            Self::Sample => kind.tier == Tier::Sample,
            Self::All => true,
            Self::Named(text) => kind.name.contains(text.as_str()),
        }
    }
}

fn kinds() -> Vec<&'static Kind> {
    let rooms: [&'static [Kind]; 8] = [
        servers::KINDS,
        shims::KINDS,
        states::KINDS,
        manifests::KINDS,
        agents::KINDS,
        by_hand::KINDS,
        controllers::KINDS,
        host::KINDS,
    ];
    rooms.into_iter().flatten().collect()
}

/// Runs one kind; a line for the table, and whether it held.
fn judge(kind: &Kind) -> (String, bool) {
    let begun = Instant::now();
    let (word, why, held) = match catch_unwind(AssertUnwindSafe(kind.run)) {
        Ok(Ran::Held) => ("ok", String::new(), true),
        Ok(Ran::Skipped(why)) => ("SKIPPED", format!(" ({why})"), true),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            ("FAILED", format!(": {}", text.unwrap_or_default()), false)
        }
    };
    let took = begun.elapsed().as_secs_f64();
    (
        format!(
            "{word:8}{took:6.1} s  {} -> {}{why}",
            kind.name, kind.expects
        ),
        held,
    )
}

#[test]
fn every_kind_of_fault_ends_as_expected() {
    let asked = Asked::by_environment();
    let queue = Mutex::new(kinds().into_iter().filter(|kind| asked.wants(kind)));
    let failed = Mutex::new(Vec::new());
    let ran = Mutex::new(0_usize);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(kind) = next else { break };
                    let (line, held) = judge(kind);
                    println!("{line}");
                    *ran.lock().unwrap() += 1;
                    if !held {
                        failed.lock().unwrap().push(line);
                    }
                }
            });
        }
    });
    let (ran, failed) = (ran.into_inner().unwrap(), failed.into_inner().unwrap());
    println!(
        "{ran} of {} kinds of faults, {} not as expected",
        kinds().len(),
        failed.len()
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn there_are_many_kinds_each_by_its_own_name_and_a_sample_of_them_runs_always() {
    let names: gtctl::model::SortedSet<&str> = kinds().iter().map(|kind| kind.name).collect();
    let sampled = kinds()
        .iter()
        .filter(|kind| kind.tier == Tier::Sample)
        .count();
    assert_eq!(names.len(), kinds().len());
    assert!(
        names.len() >= 50 && sampled >= 15,
        "{} kinds, {sampled} of them always",
        names.len()
    );
}
