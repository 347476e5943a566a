//! When a limit ends, out of the client's own words: `resets 7pm (Europe/Berlin)`,
//! `try again in 45 minutes`.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan, Zoned};

/// Words after which a time may stand.
const ANCHORS: [&str; 9] = [
    "reset",
    "try again",
    "available",
    "retry",
    "until",
    "automatically",
    "renews",
    "refreshes",
    "back",
];
/// How many words after such a word are looked at.
const MAX_WORDS: usize = 16;
/// No limit lasts longer; what says so is misread.
const MAX_AHEAD: i64 = 400 * DAY;
const DAY: i64 = 86_400_000;

/// The moment meant by `text`, in wall milliseconds: the next such moment after `now`.
///
/// Nothing when it names none, a time zone that is not known, or a date that is past.
pub(super) fn resets(text: &str, now: i64, local: &TimeZone) -> Option<i64> {
    let lower = text
        .to_ascii_lowercase()
        .replace(['\u{a0}', '\u{202f}'], " ");
    let is_ahead = |found: &i64| *found > now && *found - now <= MAX_AHEAD;
    if let Some(found) = stamp(&lower, now)
        .or_else(|| chinese(&lower))
        .or_else(|| header(&lower, now))
        .filter(is_ahead)
    {
        return Some(found);
    }
    let mut starts: Vec<usize> = ANCHORS
        .iter()
        .flat_map(|anchor| lower.match_indices(anchor).map(|(at, _)| at + anchor.len()))
        .collect();
    starts.sort_unstable();
    let found = starts
        .into_iter()
        .filter_map(|at| lower.get(at..))
        .find_map(|rest| after(rest, now, local))?;
    Some(found).filter(is_ahead)
}

/// A moment written in full: `2026-11-29T23:04:05Z`, or as seconds or milliseconds since the epoch.
fn stamp(lower: &str, now: i64) -> Option<i64> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '+');
    lower.split(|c: char| !is_part(c)).find_map(|word| {
        let word = word.trim_matches(['.', ':', '-']);
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            let number: i64 = word.parse().ok()?;
            let at = match word.len() {
                10 => number.checked_mul(1000)?,
                13 => number,
                _ => return None,
            };
            return (at > now && at - now <= MAX_AHEAD).then_some(at);
        }
        let moment: Timestamp = word.to_ascii_uppercase().parse().ok()?;
        Some(moment.as_millisecond())
    })
}

/// `将在 2026-11-29 23:04:05 重置`: the time stands before its verb, in the zone of those who write so.
fn chinese(lower: &str) -> Option<i64> {
    let (before, _) = lower
        .split_once("重置")
        .or_else(|| lower.split_once("恢复"))?;
    let mut words = before.split_whitespace().rev();
    let (time, date) = (words.next()?, words.next()?);
    let date = date.trim_start_matches(|c: char| !c.is_ascii_digit());
    let (time, date): (Time, Date) = (time.parse().ok()?, date.parse().ok()?);
    let zone = TimeZone::fixed(Offset::from_hours(8).ok()?);
    Some(
        DateTime::from_parts(date, time)
            .to_zoned(zone)
            .ok()?
            .timestamp()
            .as_millisecond(),
    )
}

/// `retry-after: 3600`, `"retry_after_ms":1500`, `"retryDelay":"34s"`: a number alone is of
/// seconds.
fn header(lower: &str, now: i64) -> Option<i64> {
    let keys = [
        "retry-after",
        "retry_after",
        "retryafter",
        "retrydelay",
        "retry_delay",
        "retry-delay",
    ];
    keys.into_iter().find_map(|key| {
        let rest = lower.split_once(key)?.1;
        let at = rest
            .find(|c: char| c.is_ascii_digit())
            .filter(|at| *at <= 12)?;
        let (label, rest) = rest.split_at_checked(at)?;
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at_checked(digits)?;
        let number: i64 = number.parse().ok()?;
        let letters = tail.len()
            - tail
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let unit = if label.contains("ms") {
            Some(1)
        } else {
            tail.get(..letters).and_then(unit_of)
        };
        now.checked_add(number.checked_mul(unit.unwrap_or(1000))?)
    })
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
        Some((&("in" | "after" | "for"), span)) => duration(span).map(|ms| now.saturating_add(ms)),
        Some(_) => Named::read(&words).and_then(|named| named.next(now, local)),
        None => None,
    }
}

/// The milliseconds of `3h 20m`, `12h22m44s` or `3 days 2 hours`, up to the first word that is
/// none.
fn duration(words: &[&str]) -> Option<i64> {
    let text = words.join(" ");
    let text = text
        .trim_start_matches("about ")
        .replace("an hour", "1 hour")
        .replace("a minute", "1 minute");
    let mut rest = text.as_str();
    let mut total: i64 = 0;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Some((number, tail)) = rest.split_at_checked(digits) else {
            break;
        };
        let (fraction, tail) = fraction(tail);
        let tail = tail.trim_start();
        let letters = tail.len()
            - tail
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let Some((unit, next)) = tail.split_at_checked(letters) else {
            break;
        };
        let (Ok(number), Some(unit)) = (number.parse::<i64>(), unit_of(unit)) else {
            break;
        };
        total = total.saturating_add(unit.saturating_mul(fraction) / 1000);
        total = total.saturating_add(number.saturating_mul(unit));
        rest = next.trim_start().trim_start_matches("and ");
    }
    (total > 0).then_some(total)
}

/// The thousandths behind a point at the beginning of `text`, and what follows them.
fn fraction(text: &str) -> (i64, &str) {
    let Some(digits) = text
        .strip_prefix('.')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return (0, text);
    };
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let thousandths = digits.chars().take(3).map_while(|c| c.to_digit(10));
    let (sum, left) = thousandths.fold((0, 3), |(sum, left), digit| {
        (sum * 10 + i64::from(digit), left - 1)
    });
    (sum * 10_i64.pow(left), rest)
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
    /// Reads words up to the first that belongs to no time. Nothing without day and time, or with
    /// an unknown zone.
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
        let Some((&word, rest)) = words.split_first() else {
            return Took::Last;
        };
        if matches!(word, "at" | "on" | "next") {
            return Took::Part(rest);
        }
        let day = match word {
            "today" => Some(Day::Today),
            "tomorrow" => Some(Day::Tomorrow),
            _ => weekday_of(word)
                .map(Day::Weekday)
                .or_else(|| date_of(word).map(Day::Date)),
        };
        if let Some(day) = day {
            self.day = day;
            return Took::Part(rest);
        }
        // `3 Dec` as well as `Dec 3`.
        let day_first = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        if let (Ok(_), Some((month, after))) = (day_first.parse::<i8>(), rest.split_first())
            && let Some(month) = month_of(month)
        {
            let words: Vec<&str> = std::iter::once(word).chain(after.iter().copied()).collect();
            let left = self.take_date(month, &words).map(<[&str]>::len);
            return left
                .and_then(|left| after.get(after.len().saturating_sub(left)..))
                .map_or(Took::Last, Took::Part);
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
        let bracketed = word
            .strip_prefix('(')
            .map(|open| open.split(')').next().unwrap_or_default());
        self.zone = zone_of(bracketed.unwrap_or(word));
        if bracketed == Some("local") || bracketed == Some("") {
            return Took::Last;
        }
        if bracketed.is_some() && self.zone.is_none() {
            Took::UnknownZone
        } else {
            Took::Last
        }
    }

    /// Takes the day of a month, and its year.
    fn take_date<'w>(&mut self, month: i8, words: &'w [&'w str]) -> Option<&'w [&'w str]> {
        let (word, rest) = words.split_first()?;
        let day = word
            .trim_end_matches(|c: char| c.is_ascii_alphabetic())
            .parse::<i8>()
            .ok()?;
        let year = rest
            .first()
            .filter(|word| word.len() == 4)
            .and_then(|word| word.parse::<i16>().ok());
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
        let now = Timestamp::from_millisecond(now)
            .ok()?
            .to_zoned(zone.clone());
        let time = time.unwrap_or_else(Time::midnight);
        let on = |date: Date| DateTime::from_parts(date, time).to_zoned(zone.clone()).ok();
        let moment = match day {
            Day::Next => on(now.date())
                .filter(|then| *then > now)
                .or_else(|| on(now.date().tomorrow().ok()?))?,
            Day::Today => on(now.date())?,
            Day::Tomorrow => on(now.date().tomorrow().ok()?)?,
            Day::Weekday(weekday) => {
                let today =
                    on(now.date()).filter(|then| now.date().weekday() == weekday && *then > now);
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

/// A date in figures: `2026-11-30`, `30.11.2026`, or as programs write it that name no country,
/// `11/30/2026`.
fn date_of(word: &str) -> Option<Date> {
    let of = |mark: char| {
        let mut parts = word.split(mark).map(str::parse::<i16>);
        let three = [
            parts.next()?.ok()?,
            parts.next()?.ok()?,
            parts.next()?.ok()?,
        ];
        parts.next().is_none().then_some(three)
    };
    let date = |year, month: i16, day: i16| {
        Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()
    };
    if let Some([day, month, year]) = of('.') {
        return date(year, month, day);
    }
    match of('/') {
        Some([year, month, day]) if year > 31 => date(year, month, day),
        Some([month, day, year]) => date(year, month, day).or_else(|| date(year, day, month)),
        None => word.parse().ok(),
    }
}

/// The time of day that begins with `word`: `7pm`, `7 pm`, `5:10pm`, `19:30`, `19:30:00`,
/// `midnight`.
fn time_of<'w>(word: &str, rest: &'w [&'w str]) -> Option<(Time, &'w [&'w str])> {
    match word {
        "midnight" => return Some((Time::midnight(), rest)),
        "noon" => return Some((Time::constant(12, 0, 0, 0), rest)),
        _ => {}
    }
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
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
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
        "utc" | "gmt" | "z" | "wet" => return Some(TimeZone::UTC),
        "hst" => -10,
        "akst" => -9,
        "pst" | "akdt" => -8,
        "pdt" | "mst" => -7,
        "mdt" | "cst" => -6,
        "cdt" | "est" => -5,
        "edt" => -4,
        "brt" => -3,
        "bst" | "cet" | "west" => 1,
        "cest" | "eet" => 2,
        "msk" => 3,
        "hkt" | "sgt" | "awst" => 8,
        "jst" | "kst" => 9,
        "aest" => 10,
        "aedt" => 11,
        "nzst" => 12,
        "nzdt" => 13,
        "ist" => return TimeZone::get("Asia/Kolkata").ok(),
        "pt" => return TimeZone::get("America/Los_Angeles").ok(),
        "mt" => return TimeZone::get("America/Denver").ok(),
        "ct" => return TimeZone::get("America/Chicago").ok(),
        "et" => return TimeZone::get("America/New_York").ok(),
        _ => match name
            .strip_prefix("gmt")
            .or_else(|| name.strip_prefix("utc"))
        {
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
    let (hours, minutes) = (
        parts.next()?.ok()?,
        parts.next().transpose().ok()?.unwrap_or(0),
    );
    let seconds = i32::from(hours)
        .checked_mul(3600)?
        .checked_add(i32::from(minutes).checked_mul(60)?)?;
    Some(TimeZone::fixed(Offset::from_seconds(sign * seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `text` means at `now`, both in UTC without seconds; the local zone is two hours ahead.
    fn at(now: &str, text: &str) -> Option<String> {
        let now: DateTime = format!("{now}:00").parse().unwrap();
        let now = now
            .to_zoned(TimeZone::UTC)
            .unwrap()
            .timestamp()
            .as_millisecond();
        let local = TimeZone::fixed(Offset::constant(2));
        let found = Timestamp::from_millisecond(resets(text, now, &local)?).unwrap();
        Some(found.strftime("%F %H:%M").to_string())
    }

    #[test]
    fn times_of_day_are_the_next_ones() {
        let noon = |text| at("2025-11-21 12:00", text);
        for (text, expected) in [
            (
                "You've hit your limit · resets 7pm (UTC)",
                "2025-11-21 19:00",
            ),
            (
                "You've hit your limit · resets 11am (UTC)",
                "2025-11-22 11:00",
            ),
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
            ("resets at midnight", "2025-11-21 22:00"),
            ("resets at noon", "2025-11-22 10:00"),
            ("resets\u{a0}3pm\u{a0}(Europe/Berlin)", "2025-11-21 14:00"),
            ("try\u{a0}again at 14:05 (UTC)", "2025-11-21 14:05"),
            ("try again tomorrow at 14:05", "2025-11-22 12:05"),
            ("resets next Monday at 9am (UTC)", "2025-11-24 09:00"),
            ("resets 3pm AEST", "2025-11-22 05:00"),
            ("resets 3pm IST", "2025-11-22 09:30"),
        ] {
            assert_eq!(noon(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn dates_are_of_this_year_or_the_next() {
        let noon = |text| at("2025-11-21 12:00", text);
        assert_eq!(
            noon("resets Nov 23 at 9am (America/New_York)").as_deref(),
            Some("2025-11-23 14:00")
        );
        assert_eq!(
            noon("resets Jan 2, 3pm (UTC)").as_deref(),
            Some("2026-01-02 15:00")
        );
        assert_eq!(
            noon("try again at Sep 19th, 2026 4:12 AM.").as_deref(),
            Some("2026-09-19 02:12")
        );
        assert_eq!(
            noon("try again at 2025-12-13 09:00 UTC").as_deref(),
            Some("2025-12-13 09:00")
        );
        for text in [
            "resets 11/30/2025, 9:00:00 AM (UTC)",
            "resets 30/11/2025 09:00 (UTC)",
            "resets 30.11.2025 09:00 (UTC)",
            "resets 2025/11/30 09:00 UTC",
            "resets on 30 Nov at 09:00 UTC",
            "resets Nov 30, 2025 at 9:00 AM (UTC)",
            "resets Sun, Nov 30 at 9am GMT+0",
        ] {
            assert_eq!(noon(text).as_deref(), Some("2025-11-30 09:00"), "{text}");
        }
        assert_eq!(noon("resets Nov 20 at 9am (UTC)"), None, "just past");
        assert_eq!(noon("try again at Sep 19th, 2024 4:12 AM"), None, "past");
    }

    #[test]
    fn spans_count_from_now() {
        let noon = |text| at("2025-11-21 12:00", text);
        assert_eq!(
            noon("resets in 3h 20m").as_deref(),
            Some("2025-11-21 15:20")
        );
        assert_eq!(
            noon("Your quota will reset after 12h22m44s.").as_deref(),
            Some("2025-11-22 00:22")
        );
        assert_eq!(
            noon("try again in 45 minutes").as_deref(),
            Some("2025-11-21 12:45")
        );
        assert_eq!(
            noon("try again in 3 days 2 hours 5 minutes.").as_deref(),
            Some("2025-11-24 14:05")
        );
        assert_eq!(
            noon("try again in 3 hours, 5 minutes").as_deref(),
            Some("2025-11-21 15:05")
        );
        assert_eq!(
            noon("try again in 1 hour and 5 minutes").as_deref(),
            Some("2025-11-21 13:05")
        );
        assert_eq!(
            noon("Please retry in 134.07s.").as_deref(),
            Some("2025-11-21 12:02")
        );
        assert_eq!(
            noon("resets in 2.5 hours").as_deref(),
            Some("2025-11-21 14:30")
        );
        assert_eq!(noon("resets in 99999999999999999999 days"), None);
        assert_eq!(noon("try again in 9000 days"), None);
    }

    #[test]
    fn clients_and_providers_have_forms_of_their_own() {
        let noon = |text| at("2025-11-21 12:00", text);
        for (text, expected) in [
            ("resets Dec 3, 6pm (UTC)", "2025-12-03 18:00"),
            ("resets 3 Dec at 6pm (UTC)", "2025-12-03 18:00"),
            ("resets 3:30am (Europe/Berlin)", "2025-11-22 02:30"),
            (
                "set to continue automatically at 6:47pm",
                "2025-11-21 16:47",
            ),
            ("Please try again at 14:00 UTC", "2025-11-21 14:00"),
            ("resets in 2 hours 15 min", "2025-11-21 14:15"),
            ("try again in about an hour", "2025-11-21 13:00"),
            ("resets 9am (PT)", "2025-11-21 17:00"),
            ("resets 7pm (local time)", "2025-11-21 17:00"),
            (
                "Claude AI usage limit reached|1763751600",
                "2025-11-21 19:00",
            ),
            (
                "{\"type\":\"usage_limit_reached\",\"resets_at\":1763751600}",
                "2025-11-21 19:00",
            ),
            ("{\"reset\":\"2025-11-22T01:04:05Z\"}", "2025-11-22 01:04"),
            ("429 retry-after: 3600", "2025-11-21 13:00"),
            ("{\"retry_after_ms\":1800000}", "2025-11-21 12:30"),
            ("{\"retryDelay\":\"34s\"}", "2025-11-21 12:00"),
            (
                "您的限额将在 2025-11-29 23:04:05 重置。",
                "2025-11-29 15:04",
            ),
        ] {
            assert_eq!(noon(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_no_time() {
        for text in [
            "resets 7pm (Mars/Olympus)",
            "resets 7",
            "resets soon",
            "try again later",
            "reset",
            "resets 25pm",
        ] {
            assert_eq!(at("2025-11-21 12:00", text), None, "{text}");
        }
        assert_eq!(
            at(
                "2025-11-21 12:00",
                "Stop and wait for limit to reset · resets 7pm (UTC)"
            )
            .as_deref(),
            { Some("2025-11-21 19:00") }
        );
    }

    #[test]
    fn a_clock_change_between_is_counted() {
        assert_eq!(
            at("2025-10-25 21:00", "resets 7am (Europe/Berlin)").as_deref(),
            Some("2025-10-26 06:00")
        );
        assert_eq!(
            at("2026-03-28 22:00", "resets 7am (Europe/Berlin)").as_deref(),
            Some("2026-03-29 05:00")
        );
        assert_eq!(
            at("2026-03-28 22:00", "resets 2:30am (Europe/Berlin)").as_deref(),
            Some("2026-03-29 01:30")
        );
    }
}
