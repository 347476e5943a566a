//! Times of the clock and the calendar: `7pm (Europe/Berlin)`, `tomorrow at 9am`, `Nov 23 at 9am`.

use super::zone;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// The next moment that the first words name, in wall-clock milliseconds.
///
/// A time without a zone is in `local`. `None` if there is neither day nor time, or if the zone is
/// not known.
pub(super) fn next_moment(words: &[&str], now: i64, local: &TimeZone) -> Option<i64> {
    NamedTime::parse(words)?.next(now, local)
}

/// A day, a time and a zone, as far as they are named.
#[derive(Debug, Default)]
struct NamedTime {
    day: Day,
    time: Option<Time>,
    zone: Option<TimeZone>,
}

/// The day that is meant.
#[derive(Debug, Default, Clone, Copy)]
enum Day {
    /// Today, or tomorrow if the time of today is past.
    #[default]
    Next,
    Today,
    Tomorrow,
    Weekday(Weekday),
    /// This day in this year or the next.
    OfYear {
        month: i8,
        day: i8,
    },
    Date(Date),
}

/// The result of reading one part of a time.
enum Parsed<'w> {
    /// A part was read. These words follow.
    Part(&'w [&'w str]),
    /// The zone was read, or a word that does not belong to the time.
    Last,
    /// The zone is not known, so the time is not known either.
    UnknownZone,
}

impl NamedTime {
    /// Reads words up to the first that does not belong to the time.
    fn parse(words: &[&str]) -> Option<Self> {
        let mut named = Self::default();
        let mut rest = words;
        loop {
            match named.parse_part(rest) {
                Parsed::Part(left) => rest = left,
                Parsed::Last => break,
                Parsed::UnknownZone => return None,
            }
        }
        let has_day = !matches!(named.day, Day::Next);
        (has_day || named.time.is_some()).then_some(named)
    }

    fn parse_part<'w>(&mut self, words: &'w [&'w str]) -> Parsed<'w> {
        let Some((&word, rest)) = words.split_first() else {
            return Parsed::Last;
        };
        if matches!(word, "at" | "on" | "next") {
            return Parsed::Part(rest);
        }
        if let Some(day) = day(word) {
            self.day = day;
            return Parsed::Part(rest);
        }
        if is_day_of_month(word)
            && let Some((&name, rest)) = rest.split_first()
            && let Some(month) = month(name)
        {
            return self.parse_date(month, word, rest);
        }
        if let Some(month) = month(word) {
            return match rest.split_first() {
                Some((&day, rest)) => self.parse_date(month, day, rest),
                None => Parsed::Last,
            };
        }
        if self.time.is_none()
            && let Some((time, rest)) = time(word, rest)
        {
            self.time = Some(time);
            return Parsed::Part(rest);
        }
        self.parse_zone(word)
    }

    /// Reads the day of a month and, if it follows, the year: `23rd`, `23rd 2026`.
    fn parse_date<'w>(&mut self, month: i8, day: &str, rest: &'w [&'w str]) -> Parsed<'w> {
        let digits = day.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let Ok(day) = digits.parse::<i8>() else {
            return Parsed::Last;
        };
        if let Some((word, after_year)) = rest.split_first()
            && let Some(date) = year(word).and_then(|year| Date::new(year, month, day).ok())
        {
            self.day = Day::Date(date);
            return Parsed::Part(after_year);
        }
        self.day = Day::OfYear { month, day };
        Parsed::Part(rest)
    }

    /// Reads a zone: `utc`, `(europe/berlin)`, `(local time)`.
    fn parse_zone<'w>(&mut self, word: &str) -> Parsed<'w> {
        let bracketed = word
            .strip_prefix('(')
            .map(|open| open.split(')').next().unwrap_or_default());
        self.zone = zone::named(bracketed.unwrap_or(word));
        let is_local = matches!(bracketed, Some("local" | ""));
        if bracketed.is_some() && self.zone.is_none() && !is_local {
            Parsed::UnknownZone
        } else {
            Parsed::Last
        }
    }

    /// The next such moment, in wall-clock milliseconds.
    fn next(self, now: i64, local: &TimeZone) -> Option<i64> {
        let Self { day, time, zone } = self;
        let zone = zone.unwrap_or_else(|| local.clone());
        let now = Timestamp::from_millisecond(now)
            .ok()?
            .to_zoned(zone.clone());
        let time = time.unwrap_or_else(Time::midnight);
        let on = |date: Date| DateTime::from_parts(date, time).to_zoned(zone.clone()).ok();
        let today = now.date();
        let later_today = || on(today).filter(|moment| *moment > now);
        let moment = match day {
            Day::Next => later_today().or_else(|| on(today.tomorrow().ok()?))?,
            Day::Today => on(today)?,
            Day::Tomorrow => on(today.tomorrow().ok()?)?,
            Day::Weekday(weekday) => later_today()
                .filter(|_| today.weekday() == weekday)
                .or_else(|| on(today.nth_weekday(1, weekday).ok()?))?,
            Day::OfYear { month, day } => of_year(&now, month, day, on)?,
            Day::Date(date) => on(date)?,
        };
        Some(moment.timestamp().as_millisecond())
    }
}

/// The day in this year, or in the next if it is more than 30 days past.
///
/// A day that is just past stays in this year: the limit has ended, and is not a year long.
fn of_year(now: &Zoned, month: i8, day: i8, on: impl Fn(Date) -> Option<Zoned>) -> Option<Zoned> {
    let this_year = Date::new(now.year(), month, day).ok().and_then(&on);
    if let Some(moment) = this_year
        && moment > now.checked_sub(30.days()).ok()?
    {
        return Some(moment);
    }
    on(Date::new(now.year().checked_add(1)?, month, day).ok()?)
}

fn day(word: &str) -> Option<Day> {
    match word {
        "today" => Some(Day::Today),
        "tomorrow" => Some(Day::Tomorrow),
        _ => weekday(word)
            .map(Day::Weekday)
            .or_else(|| date(word).map(Day::Date)),
    }
}

/// Whether a word may be the day in `3 Dec`: `3`, `3rd`.
fn is_day_of_month(word: &str) -> bool {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse::<i8>().is_ok()
}

fn year(word: &str) -> Option<i16> {
    let has_four_digits = word.len() == 4;
    has_four_digits.then(|| word.parse().ok()).flatten()
}

/// A date in figures: `2026-11-30`, `2026/11/30`, `30.11.2026`, `11/30/2026`.
///
/// With slashes the month comes first, as programs write it. `30/11/2026` is clear all the same.
fn date(word: &str) -> Option<Date> {
    let three_numbers = |mark: char| {
        let mut parts = word.split(mark).map(str::parse::<i16>);
        let numbers = [
            parts.next()?.ok()?,
            parts.next()?.ok()?,
            parts.next()?.ok()?,
        ];
        parts.next().is_none().then_some(numbers)
    };
    let date = |year, month: i16, day: i16| {
        Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()
    };
    if let Some([day, month, year]) = three_numbers('.') {
        return date(year, month, day);
    }
    match three_numbers('/') {
        Some([year, month, day]) if year > 31 => date(year, month, day),
        Some([month, day, year]) => date(year, month, day).or_else(|| date(year, day, month)),
        None => word.parse().ok(),
    }
}

/// The time of day that begins with `word`, and the words after it: `7pm`, `7 pm`, `5:10pm`,
/// `19:30`, `19:30:00`, `midnight`.
fn time<'w>(word: &str, rest: &'w [&'w str]) -> Option<(Time, &'w [&'w str])> {
    match word {
        "midnight" => return Some((Time::midnight(), rest)),
        "noon" => return Some((Time::constant(12, 0, 0, 0), rest)),
        _ => {}
    }
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    // `am` or `pm` is the end of the word, or the next word.
    let (half, rest) = match (word.get(digits.len()..)?, rest.split_first()) {
        ("", Some((&half @ ("am" | "pm" | "a.m" | "p.m"), after_half))) => (half, after_half),
        (half, _) => (half, rest),
    };
    let mut parts = digits.split(':').map(str::parse::<i8>);
    let hour = parts.next()?.ok()?;
    let minute = parts.next().transpose().ok()?;
    let hour = match half {
        // A number alone is no time of day.
        "" => minute.map(|_| hour)?,
        "am" | "a.m" => (1..=12).contains(&hour).then_some(hour % 12)?,
        "pm" | "p.m" => (1..=12).contains(&hour).then_some(hour % 12 + 12)?,
        _ => return None,
    };
    Some((Time::new(hour, minute.unwrap_or(0), 0, 0).ok()?, rest))
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let at = MONTHS.iter().position(|month| word.starts_with(month))?;
    i8::try_from(at + 1).ok()
}

fn weekday(word: &str) -> Option<Weekday> {
    match word.get(..3)? {
        "mon" => Some(Weekday::Monday),
        "tue" => Some(Weekday::Tuesday),
        "wed" => Some(Weekday::Wednesday),
        "thu" => Some(Weekday::Thursday),
        "fri" => Some(Weekday::Friday),
        "sat" => Some(Weekday::Saturday),
        "sun" => Some(Weekday::Sunday),
        _ => None,
    }
}
