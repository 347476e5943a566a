//! Times, periods, sizes and counts, as people read them.

use crate::model::{Moment, Period};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// The time now, and the local clock's offset from UTC.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Now.
    pub now: Moment,
    /// Seconds east of UTC.
    pub offset_seconds: i32,
}

impl Clock {
    /// A moment by the local clock: `14:05:10`, or `Nov 22 14:05 +01:00` on another day, unless
    /// that is within the hour.
    #[must_use]
    pub fn time(&self, at: Moment) -> String {
        let ahead = self.now.until(&at);
        let wall = if ahead.is_zero() {
            at.wall
        } else {
            self.now.plus(ahead).wall
        };
        let offset = Offset::from_seconds(self.offset_seconds).unwrap_or(Offset::UTC);
        // Rounded to the nearest second, so that a jitter of one millisecond does not show as a
        // second.
        let local_at = |ms: i64| {
            let rounded = Timestamp::from_millisecond(ms.saturating_add(500));
            let zone = TimeZone::fixed(offset);
            rounded.unwrap_or(Timestamp::MAX).to_zoned(zone)
        };
        let local = local_at(wall);
        let near = wall.abs_diff(self.now.wall) < Period::from_hours(1).millis();
        let far = !near && local.date() != local_at(self.now.wall).date();
        local
            .strftime(if far { "%b %d %H:%M %:z" } else { "%H:%M:%S" })
            .to_string()
    }

    /// A moment of any day by the local clock, with its zone: `2026-11-29 14:05:10 +01:00`.
    #[must_use]
    pub fn stamp(&self, at: Timestamp) -> String {
        let offset = Offset::from_seconds(self.offset_seconds).unwrap_or(Offset::UTC);
        let local = at.to_zoned(TimeZone::fixed(offset));
        local.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
    }

    /// The hour and the minute of a moment by the local clock: `14:05`.
    #[must_use]
    pub fn hour(&self, at: Moment) -> String {
        let offset = Offset::from_seconds(self.offset_seconds).unwrap_or(Offset::UTC);
        let at = Timestamp::from_millisecond(at.wall).unwrap_or(Timestamp::MAX);
        let local = at.to_zoned(TimeZone::fixed(offset));
        local.strftime("%H:%M").to_string()
    }

    /// `until 14:05:10 (in 8s)`, or `until the next check` when it has come.
    #[must_use]
    pub fn until(&self, at: Moment) -> String {
        let ahead = self.now.until(&at);
        if ahead.is_zero() {
            return "until the next check".to_owned();
        }
        format!("until {} (in {})", self.time(at), brief(ahead))
    }
}

/// A period in at most two units, rounded down: `8s`, `72m`, `3h 20m`, `2d 4h`.
#[must_use]
pub fn brief(period: Period) -> String {
    let seconds = period.millis() / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (seconds, minutes, hours) {
        (0, ..) if !period.is_zero() => format!("{}ms", period.millis()),
        (0..120, ..) => format!("{seconds}s"),
        (_, 0..120, _) => format!("{minutes}m"),
        (.., 0..48) => two(hours, "h", minutes % 60, "m"),
        _ => two(hours / 24, "d", hours % 24, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large}{large_unit}")
    } else {
        format!("{large}{large_unit} {small}{small_unit}")
    }
}

/// Bytes in at most four figures: `812K`, `1.4G`.
#[must_use]
pub fn bytes(n: u64) -> String {
    let mut tenths = n.saturating_mul(10) / 1024;
    for unit in ["K", "M", "G"] {
        match tenths {
            0..100 if !tenths.is_multiple_of(10) => {
                return format!("{}.{}{unit}", tenths / 10, tenths % 10);
            }
            0..10240 => return format!("{}{unit}", tenths / 10),
            _ => tenths /= 1024,
        }
    }
    format!("{}T", tenths / 10)
}

/// A number of tokens in at most four figures: `812`, `1.2K`, `45K`, `1.2M`.
#[must_use]
pub fn tokens(n: u64) -> String {
    if n < 1000 {
        return n.to_string();
    }
    let mut tenths = n / 100;
    for unit in ["K", "M"] {
        match tenths {
            0..100 if !tenths.is_multiple_of(10) => {
                return format!("{}.{}{unit}", tenths / 10, tenths % 10);
            }
            0..10_000 => return format!("{}{unit}", tenths / 10),
            _ => tenths /= 1000,
        }
    }
    format!("{}G", tenths / 10)
}

/// `1 session`, `2 sessions`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}
