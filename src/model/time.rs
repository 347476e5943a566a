//! A point in time. It is taken once in each cycle and passed on.

use super::Period;
use super::written::written_as_text;
use std::fmt;
use std::str::FromStr;

/// A point in time on two clocks: the wall clock, for people and for tmux, and the awake clock, for
/// every decision.
///
/// Awake time is `CLOCK_MONOTONIC`. Neither suspend nor a step of the wall clock moves it. It is
/// valid only within one boot, so the id of the boot goes with it.
///
/// The text form, in labels and on disk, is `wall:awake:boot` (milliseconds, milliseconds,
/// hexadecimal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Moment {
    /// Milliseconds since the Unix epoch.
    pub wall: i64,
    /// Milliseconds that this boot has been awake.
    pub awake: u64,
    /// The first 64 bits of the kernel's boot id.
    pub boot: u64,
}

impl Moment {
    /// The awake time that has passed since `earlier`, at least zero.
    ///
    /// Across a reboot only the wall clock counts. A moment that then seems to be in the future
    /// counts as now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Period {
        if self.boot == earlier.boot {
            return Period::from_millis(self.awake.saturating_sub(earlier.awake));
        }
        Period::from_millis(u64::try_from(self.wall.saturating_sub(earlier.wall)).unwrap_or(0))
    }

    /// The awake time from now until `later`, at least zero.
    #[must_use]
    pub fn until(&self, later: &Self) -> Period {
        later.since(self)
    }

    /// The moment that is later by `period` on both clocks.
    #[must_use]
    pub fn plus(&self, period: Period) -> Self {
        Self {
            wall: self.wall.saturating_add_unsigned(period.millis()),
            awake: self.awake.saturating_add(period.millis()),
            boot: self.boot,
        }
    }

    /// The moment that is earlier by `period` on both clocks. The awake clock stops at the boot.
    #[must_use]
    pub fn minus(&self, period: Period) -> Self {
        Self {
            wall: self.wall.saturating_sub_unsigned(period.millis()),
            awake: self.awake.saturating_sub(period.millis()),
            boot: self.boot,
        }
    }

    /// Whether `due` has come.
    #[must_use]
    pub fn reached(&self, due: &Self) -> bool {
        self.until(due).is_zero()
    }

    /// The later of two moments, seen from this boot.
    #[must_use]
    pub fn later_of(a: Self, b: Self) -> Self {
        let b_is_later = if a.boot == b.boot {
            b.awake > a.awake
        } else {
            b.wall > a.wall
        };
        if b_is_later { b } else { a }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{:x}", self.wall, self.awake, self.boot)
    }
}

/// A text that is not a [`Moment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a moment (wall:awake:boot)")]
pub struct MomentFault;

impl FromStr for Moment {
    type Err = MomentFault;

    fn from_str(text: &str) -> Result<Self, MomentFault> {
        let mut parts = text.split(':');
        let (Some(wall), Some(awake), Some(boot), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(MomentFault);
        };
        Ok(Self {
            wall: wall.parse().map_err(|_| MomentFault)?,
            awake: awake.parse().map_err(|_| MomentFault)?,
            boot: u64::from_str_radix(boot, 16).map_err(|_| MomentFault)?,
        })
    }
}

written_as_text!(Moment, "a moment such as \"1763700000000:90000:b007\"");

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment {
        wall: 1_700_000_000_000,
        awake: 5_000_000,
        boot: 0xab,
    };

    #[test]
    fn ages_use_awake_time_within_a_boot() {
        let stepped = Moment {
            wall: NOW.wall + 10 * 365 * 86_400_000,
            awake: NOW.awake + 1000,
            boot: NOW.boot,
        };
        assert_eq!(stepped.since(&NOW), Period::from_secs(1));
        assert_eq!(NOW.since(&stepped), Period::ZERO);
    }

    #[test]
    fn over_a_reboot_the_wall_clock_must_do() {
        let after = Moment {
            wall: NOW.wall + 60_000,
            awake: 10,
            boot: 0xcd,
        };
        assert_eq!(after.since(&NOW), Period::from_mins(1));
        let wrong = Moment {
            wall: 0,
            awake: 10,
            boot: 0xcd,
        };
        assert_eq!(wrong.since(&NOW), Period::ZERO);
    }

    #[test]
    fn text_form_goes_both_ways() {
        assert_eq!(NOW.to_string().parse(), Ok(NOW));
        assert_eq!("1:2".parse::<Moment>(), Err(MomentFault));
        assert_eq!("1:2:zz".parse::<Moment>(), Err(MomentFault));
    }
}
