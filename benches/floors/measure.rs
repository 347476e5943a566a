//! Taking turns.

use crate::Result;
use nix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Something that is done once and tells how long that took.
pub(crate) type Turn<'a> = Box<dyn FnMut() -> Result<Duration> + 'a>;

/// How long this takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let before = Instant::now();
    let done = work()?;
    let took = before.elapsed();
    drop(done);
    Ok(took)
}

/// How much processor time this takes: for pure work, which must not depend on what else the machine does.
pub(crate) fn worked<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let used = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    let before = used()?;
    let done = work()?;
    let took = used()?.saturating_sub(before);
    drop(done);
    Ok(took)
}

/// The median time of each, after `rounds` rounds in which each has a turn.
pub(crate) fn in_turns<const N: usize>(rounds: usize, mut all: [Turn<'_>; N]) -> Result<[Duration; N]> {
    let mut times = [(); N].map(|()| Vec::with_capacity(rounds));
    for _ in 0..rounds.max(1) {
        for (turn, times) in all.iter_mut().zip(&mut times) {
            times.push(turn()?);
        }
    }
    Ok(times.map(median))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
