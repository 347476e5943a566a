//! Runs 10,000 seeds of the fleet. No invariant may break.
//!
//! `GTCTL_SEEDS=N` runs `N` seeds; `GTCTL_SEED=S` replays the seed `S`.

use super::faults::STORM;
use super::judge::Broken;
use super::logic::Bug;
use super::world::World;
use std::time::Instant;

/// How long the town has after the storm to become as declared, in true ms.
const CALM: u64 = 60_000;

/// What happened in one seed.
#[derive(Debug, Default)]
pub(super) struct Lived {
    begun: u64,
    moves: u64,
}

pub(super) fn live(seed: u64, bug: Option<Bug>) -> Result<Lived, Broken> {
    let mut world = World::new(seed, bug);
    let (_, storm) = STORM;
    // The last fault lasts for 20 s.
    world.run_until(storm + 21_000);
    world.is_stormy = false;
    world.run_until(storm + 21_000 + CALM);
    world.judge_calm();
    match world.broken {
        Some(broken) => Err(broken),
        None => Ok(Lived {
            begun: world.judge.begun,
            moves: world.judge.moves,
        }),
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs the seeds of one parity; stops at the first that breaks.
fn live_half(count: u64, parity: u64) -> (Lived, Option<(u64, Broken)>) {
    let mut total = Lived::default();
    for seed in (0..count).filter(|seed| seed % 2 == parity) {
        match live(seed, None) {
            Ok(lived) => {
                total.begun += lived.begun;
                total.moves += lived.moves;
            }
            Err(broken) => return (total, Some((seed, broken))),
        }
    }
    (total, None)
}

#[test]
fn no_storm_breaks_an_invariant_of_the_fleet() {
    let count = number("GTCTL_SEEDS").unwrap_or(10_000);
    let begun = Instant::now();
    let halves = std::thread::scope(|scope| {
        let other = scope.spawn(|| live_half(count, 1));
        [live_half(count, 0), other.join().expect("no panic")]
    });
    let mut total = Lived::default();
    let mut broken = Vec::new();
    for (lived, found) in halves {
        total.begun += lived.begun;
        total.moves += lived.moves;
        broken.extend(found);
    }
    println!(
        "{count} seeds of a fleet, {} starts, {} moves in {:.1} s",
        total.begun,
        total.moves,
        begun.elapsed().as_secs_f64()
    );
    for (seed, broken) in &broken {
        println!("{broken}");
        println!(
            "replay: GTCTL_SEED={seed} cargo test --locked --test gtctl sim::fleet::seeds::replay \
             -- --nocapture"
        );
    }
    assert!(broken.is_empty());
    assert!(count < 1000 || total.moves > count && total.begun > 3 * count);
}

#[test]
fn replay() {
    let Some(seed) = number("GTCTL_SEED") else {
        return;
    };
    match live(seed, None) {
        Ok(lived) => println!("seed {seed} of a fleet holds: {lived:?}"),
        Err(broken) => panic!("{broken}"),
    }
}
