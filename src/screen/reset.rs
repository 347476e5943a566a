//! When a limit ends, out of the client's own words: `resets 7pm (Europe/Berlin)`, `try again in 45 minutes`.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan, Zoned};

/// Words after which a time may stand.
const ANCHORS: [&str; 4] = ["reset", "try again", "available again", "retry"];
/// How many words after such a word are looked at.
const MAX_WORDS: usize = 16;
/// No limit lasts longer; what says so is misread.
const MAX_AHEAD: i64 = 400 * DAY;
const DAY: i64 = 86_400_000;

/// The moment meant by `text`, in wall milliseconds: the next such moment after `now`.
///
/// Nothing when it names none, a time zone that is not known, or a date that is past.
pub(super) fn resets(text: &str, now: i64, local: &TimeZone) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let mut starts: Vec<usize> =
        ANCHORS.iter().flat_map(|anchor| lower.match_indices(anchor).map(|(at, _)| at + anchor.len())).collect();
    starts.sort_unstable();
    let found = starts.into_iter().filter_map(|at| lower.get(at..)).find_map(|rest| after(rest, now, local))?;
    (found > now && found - now <= MAX_AHEAD).then_some(found)
}

/// The moment that begins `rest`, all in small letters.
fn after(rest: &str, now: i64, local: &TimeZone) -> Option<i64> {
    let rest = rest.strip_prefix('s').unwrap_or(rest);
    let words: Vec<&str> = rest
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '·' | '∙' | '•' | '~'))
        .map(|word| word.trim_end_matches(['.', ';', ':', '!', ']']))
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS)
        .collect();
    match words.split_first() {
        Some((&("in" | "after"), span)) => duration(span).map(|ms| now.saturating_add(ms)),
        Some(_) => Named::read(&words).and_then(|named| named.next(now, local)),
        None => None,
    }
}

/// The milliseconds of `3h 20m`, `12h22m44s` or `3 days 2 hours`, up to the first word that is none.
fn duration(words: &[&str]) -> Option<i64> {
    let text = words.join(" ");
    let mut rest = text.trim_start_matches("about ");
    let mut total: i64 = 0;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Some((number, tail)) = rest.split_at_checked(digits) else { break };
        let tail = tail.trim_start();
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let Some((unit, next)) = tail.split_at_checked(letters) else { break };
        let (Ok(number), Some(unit)) = (number.parse::<i64>(), unit_of(unit)) else { break };
        total = total.saturating_add(number.saturating_mul(unit));
        rest = next.trim_start().trim_start_matches("and ");
    }
    (total > 0).then_some(total)
}

fn unit_of(word: &str) -> Option<i64> {
    match word {
        "d" | "day" | "days" => Some(DAY),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(3_600_000),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60_000),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1000),
        _ => None,
    }
}

/// A time as it is named, with what was left out.
#[derive(Debug, Default)]
struct Named {
    day: Day,
    time: Option<Time>,
    zone: Option<TimeZone>,
}

/// What reading one part of a time came to.
enum Took<'w> {
    /// A part; these words are left.
    Part(&'w [&'w str]),
    /// The zone, or nothing more that belongs to it.
    Last,
    /// A zone that is not known: the whole cannot be either.
    UnknownZone,
}

/// Which day is meant.
#[derive(Debug, Default, Clone, Copy)]
enum Day {
    /// The next on which the time comes.
    #[default]
    Next,
    Today,
    Tomorrow,
    Weekday(Weekday),
    /// The next such day of a year.
    OfYear {
        month: i8,
        day: i8,
    },
    Date(Date),
}

impl Named {
    /// Reads words up to the first that belongs to no time. Nothing without day and time, or with an unknown zone.
    fn read(words: &[&str]) -> Option<Self> {
        let mut named = Self::default();
        let mut rest = words;
        loop {
            match named.take(rest) {
                Took::Part(left) => rest = left,
                Took::Last => break,
                Took::UnknownZone => return None,
            }
        }
        (named.time.is_some() || !matches!(named.day, Day::Next)).then_some(named)
    }

    /// Takes the next part.
    fn take<'w>(&mut self, words: &'w [&'w str]) -> Took<'w> {
        let Some((&word, rest)) = words.split_first() else { return Took::Last };
        if matches!(word, "at" | "on") {
            return Took::Part(rest);
        }
        let day = match word {
            "today" => Some(Day::Today),
            "tomorrow" => Some(Day::Tomorrow),
            _ => weekday_of(word).map(Day::Weekday).or_else(|| word.parse().ok().map(Day::Date)),
        };
        if let Some(day) = day {
            self.day = day;
            return Took::Part(rest);
        }
        if let Some(month) = month_of(word) {
            return self.take_date(month, rest).map_or(Took::Last, Took::Part);
        }
        if self.time.is_none()
            && let Some((time, rest)) = time_of(word, rest)
        {
            self.time = Some(time);
            return Took::Part(rest);
        }
        let bracketed = word.strip_prefix('(').map(|open| open.split(')').next().unwrap_or_default());
        self.zone = zone_of(bracketed.unwrap_or(word));
        if bracketed.is_some() && self.zone.is_none() { Took::UnknownZone } else { Took::Last }
    }

    /// Takes the day of a month, and its year.
    fn take_date<'w>(&mut self, month: i8, words: &'w [&'w str]) -> Option<&'w [&'w str]> {
        let (word, rest) = words.split_first()?;
        let day = word.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<i8>().ok()?;
        let year = rest.first().filter(|word| word.len() == 4).and_then(|word| word.parse::<i16>().ok());
        if let Some(date) = year.and_then(|year| Date::new(year, month, day).ok()) {
            self.day = Day::Date(date);
            return rest.get(1..);
        }
        self.day = Day::OfYear { month, day };
        Some(rest)
    }

    /// The next such moment, in milliseconds.
    fn next(self, now: i64, local: &TimeZone) -> Option<i64> {
        let Self { day, time, zone } = self;
        let zone = zone.unwrap_or_else(|| local.clone());
        let now = Timestamp::from_millisecond(now).ok()?.to_zoned(zone.clone());
        let time = time.unwrap_or_else(Time::midnight);
        let on = |date: Date| DateTime::from_parts(date, time).to_zoned(zone.clone()).ok();
        let moment = match day {
            Day::Next => on(now.date()).filter(|then| *then > now).or_else(|| on(now.date().tomorrow().ok()?))?,
            Day::Today => on(now.date())?,
            Day::Tomorrow => on(now.date().tomorrow().ok()?)?,
            Day::Weekday(weekday) => {
                let today = on(now.date()).filter(|then| now.date().weekday() == weekday && *then > now);
                today.or_else(|| on(now.date().nth_weekday(1, weekday).ok()?))?
            }
            Day::OfYear { month, day } => of_year(&now, month, day, on)?,
            Day::Date(date) => on(date)?,
        };
        Some(moment.timestamp().as_millisecond())
    }
}

/// A day of this year or the next; the one just past is past, not a year ahead.
fn of_year(now: &Zoned, month: i8, day: i8, on: impl Fn(Date) -> Option<Zoned>) -> Option<Zoned> {
    let this = Date::new(now.year(), month, day).ok().and_then(&on);
    if let Some(this) = this
        && this > now.checked_sub(30.days()).ok()?
    {
        return Some(this);
    }
    on(Date::new(now.year().checked_add(1)?, month, day).ok()?)
}

/// The time of day that begins with `word`: `7pm`, `7 pm`, `5:10pm`, `19:30`, `19:30:00`.
fn time_of<'w>(word: &str, rest: &'w [&'w str]) -> Option<(Time, &'w [&'w str])> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (half, rest) = match (word.get(digits.len()..)?, rest.split_first()) {
        ("", Some((&half @ ("am" | "pm" | "a.m" | "p.m"), rest))) => (half, rest),
        (half, _) => (half, rest),
    };
    let mut parts = digits.split(':').map(str::parse::<i8>);
    let hour = parts.next()?.ok()?;
    let minute = parts.next().transpose().ok()?;
    let hour = match half {
        "" => minute.map(|_| hour)?,
        "am" | "a.m" => (1..=12).contains(&hour).then_some(hour % 12)?,
        "pm" | "p.m" => (1..=12).contains(&hour).then_some(hour % 12 + 12)?,
        _ => return None,
    };
    Some((Time::new(hour, minute.unwrap_or(0), 0, 0).ok()?, rest))
}

fn month_of(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let at = MONTHS.iter().position(|month| word.starts_with(month))?;
    i8::try_from(at + 1).ok()
}

fn weekday_of(word: &str) -> Option<Weekday> {
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

/// A time zone by its name in the database, its usual letters, or its offset.
fn zone_of(name: &str) -> Option<TimeZone> {
    let hours = match name {
        "utc" | "gmt" | "z" => return Some(TimeZone::UTC),
        "pst" => -8,
        "pdt" | "mst" => -7,
        "mdt" | "cst" => -6,
        "cdt" | "est" => -5,
        "edt" => -4,
        "bst" | "cet" => 1,
        "cest" | "eet" => 2,
        "jst" => 9,
        _ => match name.strip_prefix("gmt").or_else(|| name.strip_prefix("utc")) {
            Some(offset) => return offset_of(offset),
            None if name.contains('/') => return TimeZone::get(name).ok(),
            None => return None,
        },
    };
    Some(TimeZone::fixed(Offset::from_hours(hours).ok()?))
}

/// `+2`, `-05:30`.
fn offset_of(text: &str) -> Option<TimeZone> {
    let (sign, rest) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let mut parts = rest.split(':').map(str::parse::<u16>);
    let (hours, minutes) = (parts.next()?.ok()?, parts.next().transpose().ok()?.unwrap_or(0));
    let seconds = i32::from(hours).checked_mul(3600)?.checked_add(i32::from(minutes).checked_mul(60)?)?;
    Some(TimeZone::fixed(Offset::from_seconds(sign * seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `text` means at `now`, both in UTC without seconds; the local zone is two hours ahead.
    fn at(now: &str, text: &str) -> Option<String> {
        let now: DateTime = format!("{now}:00").parse().unwrap();
        let now = now.to_zoned(TimeZone::UTC).unwrap().timestamp().as_millisecond();
        let local = TimeZone::fixed(Offset::constant(2));
        let found = Timestamp::from_millisecond(resets(text, now, &local)?).unwrap();
        Some(found.strftime("%F %H:%M").to_string())
    }

    #[test]
    fn times_of_day_are_the_next_ones() {
        let noon = |text| at("2025-11-21 12:00", text);
        for (text, expected) in [
            ("You've hit your limit · resets 7pm (UTC)", "2025-11-21 19:00"),
            ("You've hit your limit · resets 11am (UTC)", "2025-11-22 11:00"),
            ("resets 7pm (Europe/Berlin)", "2025-11-21 18:00"),
            ("resets 5:10pm (Europe/Paris)", "2025-11-21 16:10"),
            ("resets 12:50am (America/Los_Angeles)", "2025-11-22 08:50"),
            ("resets at 19:30", "2025-11-21 17:30"),
            ("limit will reset at 7 PM.", "2025-11-21 17:00"),
            ("or try again at 7:30 PM.", "2025-11-21 17:30"),
            ("Access resets at 11:59 PM PST.", "2025-11-22 07:59"),
            ("Access resets at 11:00 AM GMT+2.", "2025-11-22 09:00"),
            ("resets tomorrow at 9am (UTC)", "2025-11-22 09:00"),
            ("resets Mon 9am (UTC)", "2025-11-24 09:00"),
            ("resets 12am (UTC)", "2025-11-22 00:00"),
        ] {
            assert_eq!(noon(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn dates_are_of_this_year_or_the_next() {
        let noon = |text| at("2025-11-21 12:00", text);
        assert_eq!(noon("resets Nov 23 at 9am (America/New_York)").as_deref(), Some("2025-11-23 14:00"));
        assert_eq!(noon("resets Jan 2, 3pm (UTC)").as_deref(), Some("2026-01-02 15:00"));
        assert_eq!(noon("try again at Sep 19th, 2026 4:12 AM.").as_deref(), Some("2026-09-19 02:12"));
        assert_eq!(noon("try again at 2025-12-13 09:00 UTC").as_deref(), Some("2025-12-13 09:00"));
        assert_eq!(noon("resets Nov 20 at 9am (UTC)"), None, "just past");
        assert_eq!(noon("try again at Sep 19th, 2024 4:12 AM"), None, "past");
    }

    #[test]
    fn spans_count_from_now() {
        let noon = |text| at("2025-11-21 12:00", text);
        assert_eq!(noon("resets in 3h 20m").as_deref(), Some("2025-11-21 15:20"));
        assert_eq!(noon("Your quota will reset after 12h22m44s.").as_deref(), Some("2025-11-22 00:22"));
        assert_eq!(noon("try again in 45 minutes").as_deref(), Some("2025-11-21 12:45"));
        assert_eq!(noon("try again in 3 days 2 hours 5 minutes.").as_deref(), Some("2025-11-24 14:05"));
        assert_eq!(noon("resets in 99999999999999999999 days"), None);
        assert_eq!(noon("try again in 9000 days"), None);
    }

    #[test]
    fn what_is_not_known_is_no_time() {
        for text in ["resets 7pm (Mars/Olympus)", "resets 7", "resets soon", "try again later", "reset", "resets 25pm"]
        {
            assert_eq!(at("2025-11-21 12:00", text), None, "{text}");
        }
        assert_eq!(at("2025-11-21 12:00", "Stop and wait for limit to reset · resets 7pm (UTC)").as_deref(), {
            Some("2025-11-21 19:00")
        });
    }

    #[test]
    fn a_clock_change_between_is_counted() {
        assert_eq!(at("2025-10-25 21:00", "resets 7am (Europe/Berlin)").as_deref(), Some("2025-10-26 06:00"));
        assert_eq!(at("2026-03-28 22:00", "resets 7am (Europe/Berlin)").as_deref(), Some("2026-03-29 05:00"));
        assert_eq!(at("2026-03-28 22:00", "resets 2:30am (Europe/Berlin)").as_deref(), Some("2026-03-29 01:30"));
    }
}
