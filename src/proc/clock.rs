//! Reads the clocks: the [`Moment`] of a cycle, and the age of a process.

use super::machine::machine;
use crate::model::{BootTime, Moment, Period};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};
use std::sync::OnceLock;
use std::time::Duration;

/// The clock that goes on while the machine is suspended.
#[cfg(target_os = "linux")]
const SINCE_BOOT: ClockId = ClockId::CLOCK_BOOTTIME;
/// The clock that stands still while the machine is suspended.
#[cfg(target_os = "linux")]
const AWAKE: ClockId = ClockId::CLOCK_MONOTONIC;

// macOS gives the names the other way round, says its clock_gettime(3).
#[cfg(not(target_os = "linux"))]
const SINCE_BOOT: ClockId = ClockId::CLOCK_MONOTONIC;
#[cfg(not(target_os = "linux"))]
const AWAKE: ClockId = ClockId::from_raw(nix::libc::CLOCK_UPTIME_RAW);

/// The current moment.
///
/// `boot` is 0 where the boot id cannot be read. Two boots then look like one.
#[must_use]
pub fn now() -> Moment {
    Moment {
        wall: i64::try_from(millis(ClockId::CLOCK_REALTIME)).unwrap_or(i64::MAX),
        awake: millis(AWAKE),
        boot: boot(),
    }
}

/// The time since the boot, which goes on while the machine is suspended.
#[must_use]
pub fn boot_time() -> BootTime {
    BootTime(millis(SINCE_BOOT))
}

/// The age of a process that started `start` clock ticks after boot
/// ([`crate::model::ProcId::start`]). Counts time in suspend; never negative.
#[must_use]
pub fn age(start: u64) -> Period {
    Period::from_millis(millis(SINCE_BOOT).saturating_sub(ticks_to_millis(start)))
}

/// Converts the kernel's clock ticks to milliseconds.
#[must_use]
pub fn ticks_to_millis(ticks: u64) -> u64 {
    let millis = u128::from(ticks) * 1000 / u128::from(ticks_per_second());
    u64::try_from(millis).unwrap_or(u64::MAX)
}

/// The reverse of [`ticks_to_millis`].
#[must_use]
pub(super) fn millis_to_ticks(millis: u64) -> u64 {
    let ticks = u128::from(millis) * u128::from(ticks_per_second()) / 1000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

fn ticks_per_second() -> u64 {
    static PER_SECOND: OnceLock<u64> = OnceLock::new();
    *PER_SECOND.get_or_init(|| constant(SysconfVar::CLK_TCK, 100))
}

/// The size of a memory page in bytes.
#[must_use]
pub(super) fn page_size() -> u64 {
    static BYTES: OnceLock<u64> = OnceLock::new();
    *BYTES.get_or_init(|| constant(SysconfVar::PAGE_SIZE, 4096))
}

fn constant(which: SysconfVar, otherwise: u64) -> u64 {
    let value = sysconf(which)
        .ok()
        .flatten()
        .and_then(|n| u64::try_from(n).ok());
    value.filter(|n| *n > 0).unwrap_or(otherwise)
}

/// The processor time that this process has used so far.
#[must_use]
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    time.map_or(Duration::ZERO, Duration::from)
}

fn millis(clock: ClockId) -> u64 {
    let Ok(time) = clock_gettime(clock) else {
        return 0;
    };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    seconds
        .saturating_mul(1000)
        .saturating_add(u64::try_from(time.tv_nsec()).unwrap_or(0) / 1_000_000)
}

fn boot() -> u64 {
    static BOOT: OnceLock<u64> = OnceLock::new();
    *BOOT.get_or_init(|| machine().boot())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::process;

    #[test]
    fn moments_move_on_within_one_boot() {
        let (a, b) = (now(), now());
        assert_eq!(a.boot, b.boot);
        assert_ne!(a.boot, 0);
        assert!(b.awake >= a.awake && a.wall > 1_700_000_000_000);
    }

    #[test]
    fn our_own_age_is_small_and_init_is_older() {
        let me = process::identify(std::process::id()).unwrap();
        let init = process::identify(1).unwrap();
        assert!(age(me.start) < Period::from_hours(1));
        assert!(age(init.start) >= age(me.start));
        assert_eq!(age(u64::MAX), Period::ZERO);
    }
}
