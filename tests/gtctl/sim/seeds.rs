//! Runs 10,000 seeds of the simulation. No invariant may break.
//!
//! `GTCTL_SEEDS=N` runs `N` seeds; `GTCTL_SEED=S` replays the seed `S`.

use super::{Driver, Report, Violation};
use gtctl::model::{Period, SessionName};
use gtctl::reconcile::{Logic, Shipped};
use gtctl::sim::Neglect;
use std::time::Instant;

const YEAR: f64 = 365.25 * 86_400_000.0;

pub(crate) fn town_name() -> SessionName {
    SessionName::new("town").expect("valid")
}

/// Each 25th run is followed by a thousand quiet cycles, the others by a few.
pub(crate) fn live(
    seed: u64,
    logic: &dyn Logic,
    neglect: Option<Neglect>,
) -> Result<Report, Violation> {
    let quiet = if seed.is_multiple_of(25) { 1000 } else { 12 };
    Driver::new(&town_name(), seed, logic, neglect).run(quiet)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs seeds on two threads; the first violation of each thread comes back.
fn live_all(from: u64, count: u64) -> (Report, Vec<Violation>) {
    let half = |parity: u64| {
        let mut total = Report::default();
        for seed in (from..from + count).filter(|seed| seed % 2 == parity) {
            match live(seed, &Shipped, None) {
                Ok(report) => {
                    total.cycles += report.cycles;
                    total.awake = total.awake.plus(report.awake);
                    total.deeds += report.deeds;
                }
                Err(violation) => return (total, Some(violation)),
            }
        }
        (total, None)
    };
    let halves = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        [half(0), other.join().expect("no panic")]
    });
    let mut total = Report::default();
    let mut violations = vec![];
    for (report, violation) in halves {
        total.cycles += report.cycles;
        total.awake = total.awake.plus(report.awake);
        total.deeds += report.deeds;
        violations.extend(violation);
    }
    (total, violations)
}

fn years(awake: Period) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let millis = awake.millis() as f64;
    millis / YEAR
}

#[test]
fn storms_break_no_invariant() {
    let count = number("GTCTL_SEEDS").unwrap_or(10_000);
    let begun = Instant::now();
    let (total, violations) = live_all(0, count);
    println!(
        "{count} seeds, {} cycles, {} deeds, {:.1} town-years in {:.1} s",
        total.cycles,
        total.deeds,
        years(total.awake),
        begun.elapsed().as_secs_f64()
    );
    for violation in &violations {
        println!("{violation}");
    }
    assert!(violations.is_empty());
    assert!(count < 10_000 || years(total.awake) >= 5.0);
}

#[test]
fn replay() {
    let Some(seed) = number("GTCTL_SEED") else {
        return;
    };
    match live(seed, &Shipped, None) {
        Ok(report) => println!("seed {seed} holds: {report:?}"),
        Err(violation) => panic!("{violation}"),
    }
}
