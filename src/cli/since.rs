//! A moment of the past as people type it: `2h`, `18:00`, `2026-11-29 18:00`, RFC 3339.

use super::exit::{Exit, Trouble};
use crate::model::{Moment, Period};
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The moment in wall-clock milliseconds since the epoch. A time of day is the last one that has
/// been, in this time zone.
///
/// # Errors
/// What can be typed, if this cannot.
pub(super) fn parse(text: &str, now: Moment, zone: &TimeZone) -> Result<i64, Trouble> {
    if let Ok(ago) = text.parse::<Period>() {
        return Ok(now.wall.saturating_sub_unsigned(ago.millis()));
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    // A time is read from a date with a time, too: so that comes first.
    let at = text.parse::<DateTime>().map_or_else(
        |_| {
            text.parse::<Time>()
                .ok()
                .and_then(|time| last(time, now, zone))
        },
        |at| local(at, zone),
    );
    at.ok_or_else(|| {
        Trouble::new(format!("`{text}` is no time in the past"))
            .help("try: 2h, 18:00, \"2026-11-29 18:00\" or 2026-11-29T18:00:00Z")
            .exits(Exit::Usage)
    })
}

/// The last time of day like this, today or yesterday.
fn last(time: Time, now: Moment, zone: &TimeZone) -> Option<i64> {
    let now = Timestamp::from_millisecond(now.wall).ok()?;
    let today = now.to_zoned(zone.clone()).date();
    let at = local(today.to_datetime(time), zone)?;
    if at <= now.as_millisecond() {
        return Some(at);
    }
    let yesterday = today.checked_sub(Span::new().days(1)).ok()?;
    local(yesterday.to_datetime(time), zone)
}

fn local(at: DateTime, zone: &TimeZone) -> Option<i64> {
    let at = at.to_zoned(zone.clone()).ok()?;
    Some(at.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-21 14:05:02 at UTC+1.
    const NOW: Moment = Moment {
        wall: 1_763_730_302_000,
        awake: 90_000_000,
        boot: 7,
    };

    fn parsed(text: &str) -> Option<String> {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let at = parse(text, NOW, &zone).ok()?;
        Some(Timestamp::from_millisecond(at).unwrap().to_string())
    }

    #[test]
    fn all_ways_to_type_it() {
        for (text, at) in [
            ("2h", "2025-11-21T11:05:02Z"),
            ("1h 30m", "2025-11-21T11:35:02Z"),
            ("2025-11-20T18:00:00Z", "2025-11-20T18:00:00Z"),
            ("2025-11-20T18:00:00+02:00", "2025-11-20T16:00:00Z"),
            ("14:00", "2025-11-21T13:00:00Z"),
            ("18:00", "2025-11-20T17:00:00Z"),
            ("18:00:30", "2025-11-20T17:00:30Z"),
            ("2025-11-19 18:00", "2025-11-19T17:00:00Z"),
            ("2025-11-19T18:00", "2025-11-19T17:00:00Z"),
            ("2025-11-19", "2025-11-18T23:00:00Z"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(at), "{text}");
        }
        for text in ["", "soon", "25:00", "2h ago", "-2h"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
