//! The hours of the week in which a session runs, such as `Mon-Fri 08:00-18:00`.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::str::FromStr;

/// A time zone, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its name, such as `Europe/Berlin`.
    pub name: String,
    /// Its rules.
    pub rules: TimeZone,
}

impl Zone {
    /// The zone of this name in the system's database. `None` if it is not known.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let rules = TimeZone::get(name).ok()?;
        let name = name.to_owned();
        Some(Self { name, rules })
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }
}

/// Some hours of the week, by the clock on the wall.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WeekHours {
    ranges: Vec<Range>,
}

/// Some hours of some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    /// The days on which it begins, from Monday.
    days: [bool; 7],
    /// Its first minute of the day.
    begin: i16,
    /// Its end, in minutes of the day. At or before `begin`: on the next day.
    end: i16,
}

/// The hours of a session in its time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The hours in which it runs.
    pub hours: WeekHours,
    /// The zone of these hours.
    pub zone: Zone,
}

/// What a schedule says at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleState {
    /// Whether the session runs then.
    pub is_on: bool,
    /// When that next changes, in wall-clock ms since the epoch. `None` if it does not.
    pub changes: Option<i64>,
}

/// So many days are looked at before and after a time. A week has seven, and a range may end on the
/// next day.
const DAYS_BEFORE: i64 = 2;
/// See [`DAYS_BEFORE`].
const DAYS_AFTER: i64 = 9;

/// A week, in ms. No week is longer than that by more than some hours, which a change of the clock adds.
const WEEK: i64 = 7 * 86_400_000;

const MINUTES_OF_DAY: i16 = 24 * 60;

impl Schedule {
    /// What it says at a time, in wall-clock ms since the epoch.
    ///
    /// A time that the clock skips in spring counts as one that is later by what is skipped. Of a
    /// time that the clock shows twice in autumn, the first counts. A time that no calendar has is
    /// within every schedule.
    #[must_use]
    pub fn at(&self, wall: i64) -> ScheduleState {
        let always = ScheduleState {
            is_on: true,
            changes: None,
        };
        let Some(spans) = self.spans(wall) else {
            return always;
        };
        let present = spans
            .iter()
            .find(|(begin, end)| (*begin..*end).contains(&wall));
        if let Some((_, end)) = present {
            // What lasts longer than a week lasts for every week.
            let is_endless = end.saturating_sub(wall) > WEEK;
            return ScheduleState {
                is_on: true,
                changes: (!is_endless).then_some(*end),
            };
        }
        let next = spans
            .iter()
            .map(|(begin, _)| *begin)
            .find(|begin| *begin > wall);
        ScheduleState {
            is_on: false,
            changes: next,
        }
    }

    /// A time as people say it: `Mon 08:00`, in the schedule's zone.
    #[must_use]
    pub fn label(&self, wall: i64) -> String {
        let at = Timestamp::from_millisecond(wall).unwrap_or(Timestamp::MAX);
        let local = at.to_zoned(self.zone.rules.clone());
        local.strftime("%a %H:%M").to_string()
    }

    /// The spans around a time, in order, those that touch as one.
    fn spans(&self, wall: i64) -> Option<Vec<(i64, i64)>> {
        let now = Timestamp::from_millisecond(wall).ok()?;
        let today = now.to_zoned(self.zone.rules.clone()).date();
        let mut all = Vec::new();
        for day in -DAYS_BEFORE..=DAYS_AFTER {
            let date = today.checked_add(day.days()).ok()?;
            let at = usize::try_from(date.weekday().to_monday_zero_offset()).ok()?;
            for range in &self.hours.ranges {
                if range.days.get(at) == Some(&true) {
                    all.push(self.span(date, *range)?);
                }
            }
        }
        all.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for (begin, end) in all {
            match merged.last_mut() {
                Some(last) if begin <= last.1 => last.1 = last.1.max(end),
                Some(_) | None if begin < end => merged.push((begin, end)),
                Some(_) | None => {}
            }
        }
        Some(merged)
    }

    fn span(&self, date: Date, range: Range) -> Option<(i64, i64)> {
        let end_date = if range.end <= range.begin {
            date.tomorrow().ok()?
        } else {
            date
        };
        Some((
            self.moment(date, range.begin)?,
            self.moment(end_date, range.end)?,
        ))
    }

    fn moment(&self, date: Date, minutes: i16) -> Option<i64> {
        let (date, minutes) = if minutes == MINUTES_OF_DAY {
            (date.tomorrow().ok()?, 0)
        } else {
            (date, minutes)
        };
        let hour = i8::try_from(minutes / 60).ok()?;
        let minute = i8::try_from(minutes % 60).ok()?;
        let time = Time::new(hour, minute, 0, 0).ok()?;
        let zoned = date
            .to_datetime(time)
            .to_zoned(self.zone.rules.clone())
            .ok()?;
        Some(zoned.timestamp().as_millisecond())
    }
}

/// Why a text says no hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoursFault {
    /// A part that is neither days nor a range of times.
    #[error("`{0}` is neither days nor a range of times")]
    Part(String),
    /// A word that is no day.
    #[error("`{0}` is no day of the week")]
    Day(String),
    /// A text that is no time of the day.
    #[error("`{0}` is no time of the day")]
    Time(String),
    /// A range that is empty.
    #[error("`{0}` is empty: it ends when it begins")]
    Empty(String),
    /// Days without a range of times.
    #[error("it ends with days, without a range of times")]
    NoTimes,
    /// Too many ranges.
    #[error("more than {} ranges", WeekHours::MAX_RANGES)]
    TooMany,
}

impl WeekHours {
    /// The most ranges of one schedule.
    pub const MAX_RANGES: usize = 32;
}

impl FromStr for WeekHours {
    type Err = HoursFault;

    /// Parts stand between commas. A part has days, a range of times, or both. Days apply to the
    /// ranges that follow, until other days come; without any, a range is for every day.
    fn from_str(text: &str) -> Result<Self, HoursFault> {
        let mut ranges = Vec::new();
        let mut days = [true; 7];
        let mut has_open_days = false;
        for part in text.split(',') {
            let words: Vec<&str> = part.split_whitespace().collect();
            let (day_words, times) = match words.as_slice() {
                [one] if one.contains(':') => (None, Some(*one)),
                [one] => (Some(*one), None),
                [days, times] => (Some(*days), Some(*times)),
                _ => return Err(HoursFault::Part(part.trim().to_owned())),
            };
            if let Some(word) = day_words {
                let named = parse_days(word)?;
                days = if has_open_days {
                    std::array::from_fn(|at| {
                        days.get(at) == Some(&true) || named.get(at) == Some(&true)
                    })
                } else {
                    named
                };
                has_open_days = true;
            }
            let Some(times) = times else { continue };
            has_open_days = false;
            let (begin, end) = parse_times(times)?;
            if ranges.len() == Self::MAX_RANGES {
                return Err(HoursFault::TooMany);
            }
            ranges.push(Range { days, begin, end });
        }
        if has_open_days {
            return Err(HoursFault::NoTimes);
        }
        Ok(Self { ranges })
    }
}

/// `Mon`, `Mon-Fri` or `Sat-Mon`.
fn parse_days(word: &str) -> Result<[bool; 7], HoursFault> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (first, last) = (parse_day(first)?, parse_day(last)?);
    let mut days = [false; 7];
    let mut day = first;
    loop {
        let at = usize::try_from(day.to_monday_zero_offset()).unwrap_or(0);
        if let Some(place) = days.get_mut(at) {
            *place = true;
        }
        if day == last {
            return Ok(days);
        }
        day = day.next();
    }
}

fn parse_day(word: &str) -> Result<Weekday, HoursFault> {
    let all = [
        ("mon", Weekday::Monday),
        ("tue", Weekday::Tuesday),
        ("wed", Weekday::Wednesday),
        ("thu", Weekday::Thursday),
        ("fri", Weekday::Friday),
        ("sat", Weekday::Saturday),
        ("sun", Weekday::Sunday),
    ];
    let small = word.to_ascii_lowercase();
    let day = all.into_iter().find(|(name, _)| *name == small);
    day.map(|(_, day)| day)
        .ok_or_else(|| HoursFault::Day(word.to_owned()))
}

fn parse_times(text: &str) -> Result<(i16, i16), HoursFault> {
    let (begin, end) = text
        .split_once('-')
        .ok_or_else(|| HoursFault::Part(text.to_owned()))?;
    let (begin, end) = (parse_time(begin)?, parse_time(end)?);
    if begin == end {
        return Err(HoursFault::Empty(text.to_owned()));
    }
    if begin == MINUTES_OF_DAY {
        return Err(HoursFault::Time("24:00".to_owned()));
    }
    Ok((begin, end))
}

/// Minutes of the day. `24:00` is the end of a day.
fn parse_time(text: &str) -> Result<i16, HoursFault> {
    let fault = || HoursFault::Time(text.to_owned());
    let (hour, minute) = text.split_once(':').ok_or_else(fault)?;
    let is_number = |digits: &str| {
        (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(hour) || minute.len() != 2 || !is_number(minute) {
        return Err(fault());
    }
    let hour: i16 = hour.parse().map_err(|_| fault())?;
    let minute: i16 = minute.parse().map_err(|_| fault())?;
    let minutes = hour.saturating_mul(60).saturating_add(minute);
    if minute > 59 || minutes > MINUTES_OF_DAY {
        return Err(fault());
    }
    Ok(minutes)
}

#[cfg(test)]
#[path = "hours_tests.rs"]
mod tests;
