//! Taking turns, and watching a watcher.

use crate::Result;
use crate::stage::Stage;
use nix::time::{ClockId, clock_gettime};
use std::process::{Child, Stdio};
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

/// How much processor time this takes: for pure work, which must not depend on what else the
/// machine does.
pub(crate) fn worked<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let used = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    let before = used()?;
    let done = work()?;
    let took = used()?.saturating_sub(before);
    drop(done);
    Ok(took)
}

/// The median time of each, after `rounds` rounds in which each has a turn.
pub(crate) fn in_turns<const N: usize>(
    rounds: usize,
    mut all: [Turn<'_>; N],
) -> Result<[Duration; N]> {
    let mut times = [(); N].map(|()| Vec::with_capacity(rounds));
    for _ in 0..rounds.max(1) {
        for (turn, times) in all.iter_mut().zip(&mut times) {
            times.push(turn()?);
        }
    }
    Ok(times.map(|times| quantile(&times, 0.5)))
}

/// The time that this part of them does not exceed.
pub(crate) fn quantile(times: &[Duration], part: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    let place = (sorted.len() as f64 * part) as usize;
    sorted
        .get(place)
        .or(sorted.last())
        .copied()
        .unwrap_or_default()
}

/// A controller that watches a town; ended when dropped.
pub(crate) struct Watching(Child);

impl Watching {
    /// Started, and come to rest.
    pub(crate) fn start(stage: &Stage) -> Result<Self> {
        let mut command = stage.gtctl(&["reconcile", "--watch"]);
        let watching = Self(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?,
        );
        std::thread::sleep(Duration::from_secs(3));
        Ok(watching)
    }

    /// The processor time that all its threads have used, also those that have ended. Exact to
    /// 10 ms.
    pub(crate) fn used_by_threads(&self) -> Result<Duration> {
        const TICK: Duration = Duration::from_millis(10);
        let stat = self.read("stat")?;
        let fields = stat.rsplit(") ").next().unwrap_or_default();
        let ticks: u32 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .map(str::parse::<u32>)
            .sum::<std::result::Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    /// The processor time its main thread has used.
    pub(crate) fn used(&self) -> Result<Duration> {
        let text = self.read("schedstat")?;
        Ok(Duration::from_nanos(
            text.split(' ').next().unwrap_or_default().parse()?,
        ))
    }

    /// Its resident memory, in KiB.
    pub(crate) fn memory(&self) -> Result<usize> {
        let text = self.read("status")?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// A number that rises by at least one with each process it starts and awaits, and each it
    /// still has.
    pub(crate) fn children(&self) -> Result<usize> {
        let pid = self.0.id();
        let living = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?
            .split_whitespace()
            .count();
        let stat = self.read("stat")?;
        let fields: Vec<&str> = stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .split(' ')
            .collect();
        // The page faults of children that were awaited: none ends without some.
        let faults: usize = fields.get(8).ok_or("no cminflt")?.parse()?;
        Ok(living + faults)
    }

    fn read(&self, file: &str) -> Result<String> {
        Ok(std::fs::read_to_string(format!(
            "/proc/{}/{file}",
            self.0.id()
        ))?)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
