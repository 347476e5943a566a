//! Ends that a program has written: time stamps, and fields of HTTP answers.

use super::{MAX_AHEAD, span};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

/// How many bytes may stand between the name of a field and its number.
const MAX_LABEL: usize = 12;

/// A time stamp: `2026-11-29T23:04:05Z`, or seconds or milliseconds since the epoch.
///
/// A number of 10 digits is seconds, one of 13 digits is milliseconds. It counts only if it is
/// ahead of `now`: other numbers may be as long.
pub(super) fn stamp(lower: &str, now: i64) -> Option<i64> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '+');
    lower.split(|c: char| !is_part(c)).find_map(|word| {
        let word = word.trim_matches(['.', ':', '-']);
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        if is_number {
            return epoch_time(word).filter(|end| *end > now && *end - now <= MAX_AHEAD);
        }
        let moment: Timestamp = word.to_ascii_uppercase().parse().ok()?;
        Some(moment.as_millisecond())
    })
}

fn epoch_time(digits: &str) -> Option<i64> {
    let number: i64 = digits.parse().ok()?;
    match digits.len() {
        10 => number.checked_mul(1000),
        13 => Some(number),
        _ => None,
    }
}

/// `将在 2026-11-29 23:04:05 重置`: the time stands before the verb, in China's zone (UTC+8).
pub(super) fn chinese_time(lower: &str) -> Option<i64> {
    let (before_verb, _) = lower
        .split_once("重置")
        .or_else(|| lower.split_once("恢复"))?;
    let mut words = before_verb.split_whitespace().rev();
    let (time, date) = (words.next()?, words.next()?);
    let date = date.trim_start_matches(|c: char| !c.is_ascii_digit());
    let (time, date): (Time, Date) = (time.parse().ok()?, date.parse().ok()?);
    let zone = TimeZone::fixed(Offset::from_hours(8).ok()?);
    let moment = DateTime::from_parts(date, time).to_zoned(zone).ok()?;
    Some(moment.timestamp().as_millisecond())
}

/// A field that says how long to wait: `retry-after: 3600`, `"retry_after_ms":1500`,
/// `"retryDelay":"34s"`. A number without a unit is seconds.
pub(super) fn http_field(lower: &str, now: i64) -> Option<i64> {
    const NAMES: [&str; 6] = [
        "retry-after",
        "retry_after",
        "retryafter",
        "retrydelay",
        "retry_delay",
        "retry-delay",
    ];
    NAMES.into_iter().find_map(|name| {
        let (_, after_name) = lower.split_once(name)?;
        let number_at = after_name
            .find(|c: char| c.is_ascii_digit())
            .filter(|at| *at <= MAX_LABEL)?;
        let (label, value) = after_name.split_at_checked(number_at)?;
        let (number, after_number) = span::split_digits(value)?;
        let number: i64 = number.parse().ok()?;
        let unit = if label.contains("ms") {
            Some(1)
        } else {
            span::split_letters(after_number).and_then(|(unit, _)| span::unit(unit))
        };
        let wait = number.checked_mul(unit.unwrap_or(1000))?;
        now.checked_add(wait)
    })
}
