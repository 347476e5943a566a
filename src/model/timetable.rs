//! Times at which a chore runs, in the form of cron: `0 9 * * 1-5`.

use super::Zone;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::str::FromStr;

/// Times in the form of cron: minute, hour, day of the month, month, day of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronTimes(Cron);

/// The times of a chore in its time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable {
    /// The times.
    pub times: CronTimes,
    /// The zone of these times.
    pub zone: Zone,
}

/// Why a text says no times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronFault {
    /// It has not the form of cron.
    #[error("not five fields of cron: {0}")]
    Form(String),
    /// No day has such a time.
    #[error("such a time never comes")]
    Never,
}

/// From this time on a time must come: the first of January 2026.
const REFERENCE: i64 = 1_767_225_600_000;

impl FromStr for CronTimes {
    type Err = CronFault;

    fn from_str(text: &str) -> Result<Self, CronFault> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser
            .parse(text)
            .map_err(|fault| CronFault::Form(fault.to_string()))?;
        let times = Self(cron);
        match times.after(REFERENCE, &TimeZone::UTC) {
            Some(_) => Ok(times),
            None => Err(CronFault::Never),
        }
    }
}

impl CronTimes {
    fn after(&self, wall: i64, zone: &TimeZone) -> Option<i64> {
        let from = Timestamp::from_millisecond(wall).ok()?;
        let from = from.to_zoned(zone.clone());
        let next = self.0.find_next_occurrence(&from, false).ok()?;
        Some(next.timestamp().as_millisecond())
    }
}

impl Timetable {
    /// The first time after this one, both in wall-clock ms since the epoch. `None` where the calendar
    /// ends.
    #[must_use]
    pub fn after(&self, wall: i64) -> Option<i64> {
        self.times.after(wall, &self.zone.rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timetable(times: &str, zone: &str) -> Timetable {
        Timetable {
            times: times.parse().unwrap(),
            zone: Zone::named(zone).unwrap(),
        }
    }

    /// The next times after `from`, in the zone of the timetable.
    fn next(timetable: &Timetable, from: &str, count: usize) -> Vec<String> {
        let mut at = from.parse::<Timestamp>().unwrap().as_millisecond();
        let mut times = Vec::new();
        for _ in 0..count {
            at = timetable.after(at).unwrap();
            let local = Timestamp::from_millisecond(at).unwrap();
            let local = local.to_zoned(timetable.zone.rules.clone());
            times.push(local.strftime("%a %d %H:%M%:z").to_string());
        }
        times
    }

    #[test]
    fn working_days_are_found_in_their_zone() {
        let morning = timetable("0 9 * * 1-5", "Europe/Berlin");
        assert_eq!(
            next(&morning, "2026-11-27T07:59:59Z", 3),
            [
                "Fri 27 09:00+01:00",
                "Mon 30 09:00+01:00",
                "Tue 01 09:00+01:00"
            ]
        );
        let by_name = timetable("*/30 22 * * SAT", "UTC");
        assert_eq!(
            next(&by_name, "2026-11-28T22:00Z", 2),
            ["Sat 28 22:30+00:00", "Sat 05 22:00+00:00"]
        );
    }

    #[test]
    fn no_day_of_a_clock_change_is_left_out_or_counted_twice() {
        // In Berlin the clock skips 02:30 on 2026-03-29, and shows it twice on 2026-10-25.
        let night = timetable("30 2 * * *", "Europe/Berlin");
        let days = |times: Vec<String>| -> Vec<String> {
            times
                .iter()
                .map(|time| time.chars().take(6).collect())
                .collect()
        };
        assert_eq!(
            days(next(&night, "2026-03-28T00:00Z", 3)),
            ["Sat 28", "Sun 29", "Mon 30"]
        );
        assert_eq!(
            days(next(&night, "2026-10-24T00:00Z", 3)),
            ["Sat 24", "Sun 25", "Mon 26"]
        );
        assert_eq!(next(&night, "2026-10-24T12:00Z", 1), ["Sun 25 02:30+02:00"]);
        let day = timetable("0 9 * * *", "Europe/Berlin");
        assert_eq!(next(&day, "2026-03-28T12:00Z", 1), ["Sun 29 09:00+02:00"]);
    }

    #[test]
    fn what_says_no_times_is_refused() {
        for text in [
            "",
            "0 9 * *",
            "0 9 * * 1-5 2026",
            "0 0 9 * * 1-5",
            "61 * * * *",
            "x",
        ] {
            let refused = text.parse::<CronTimes>();
            assert!(
                matches!(refused, Err(CronFault::Form(_))),
                "{text}: {refused:?}"
            );
        }
        assert_eq!("0 0 30 2 *".parse::<CronTimes>(), Err(CronFault::Never));
    }
}
