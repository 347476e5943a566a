//! Time zones as clients name them.

use jiff::tz::{Offset, TimeZone};

/// The zone of a name in small letters: of the system's database (`europe/berlin`), an abbreviation
/// (`pst`), or an offset (`gmt+2`). `None` if the name is not known.
///
/// Some abbreviations are ambiguous. `ist` is India's, `bst` is Britain's, `cst` is America's.
pub(super) fn named(name: &str) -> Option<TimeZone> {
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
            Some(offset) => return self::offset(offset),
            None if name.contains('/') => return TimeZone::get(name).ok(),
            None => return None,
        },
    };
    Some(TimeZone::fixed(Offset::from_hours(hours).ok()?))
}

/// The zone of an offset such as `+2` or `-05:30`.
fn offset(text: &str) -> Option<TimeZone> {
    let (sign, digits) = match text.strip_prefix(['-', '−']) {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+')?),
    };
    let mut parts = digits.split(':').map(str::parse::<u16>);
    let hours = parts.next()?.ok()?;
    let minutes = parts.next().transpose().ok()?.unwrap_or(0);
    let seconds = i32::from(hours)
        .checked_mul(3600)?
        .checked_add(i32::from(minutes).checked_mul(60)?)?;
    Some(TimeZone::fixed(Offset::from_seconds(sign * seconds).ok()?))
}
