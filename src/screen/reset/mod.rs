//! When a limit ends, by the client's own words.
//!
//! ```text
//!  resets 7pm (Europe/Berlin)     calendar: the next such time, in the zone of zone
//!  try again in 45 minutes        span: counted from now
//!  usage limit reached|1763751600 machine: a time stamp
//!  retry-after: 3600              machine: a field of an HTTP answer
//! ```
//!
//! All moments are wall-clock milliseconds since the epoch.

mod calendar;
mod machine;
mod span;
mod zone;

use super::MAX_LIMIT_LINES;
use super::lines::{Kind, Line};
use jiff::tz::TimeZone;

/// Words that a time may follow.
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
/// How many words after an anchor are read.
const MAX_WORDS: usize = 16;
const DAY: i64 = 86_400_000;
/// The longest time to the end of a limit, in milliseconds. A later end is a misreading.
const MAX_AHEAD: i64 = 400 * DAY;

/// When the limit ends that line `at` of the tail names, or `None` if the screen does not say.
///
/// The line itself counts first, with the lines that it is wrapped over. Then come the nearest
/// lines above, and then the nearest lines below.
pub(super) fn of_limit(tail: &[Line<'_>], at: usize, now: i64, local: &TimeZone) -> Option<i64> {
    let is_own = |line: &&Line<'_>| matches!(line.kind, Kind::Client | Kind::Answer);
    let end_in = |text: &str| end_named_in(text, now, local);
    let above = || {
        let lines = tail.get(..at).unwrap_or_default().iter().rev();
        lines
            .take_while(|line| line.kind != Kind::Prompt)
            .filter(is_own)
            .take(MAX_LIMIT_LINES)
            .find_map(|line| end_in(line.text))
    };
    let below = || {
        let lines = tail.get(at + 1..).unwrap_or_default().iter();
        lines
            .filter(is_own)
            .take(MAX_LIMIT_LINES)
            .find_map(|line| end_in(line.text))
    };
    end_in(&unwrapped(tail, at)).or_else(above).or_else(below)
}

/// The text of line `at`, joined with the lines that it may be wrapped over.
fn unwrapped(tail: &[Line<'_>], at: usize) -> String {
    let texts: Vec<&str> = tail
        .iter()
        .skip(at)
        .take(MAX_LIMIT_LINES)
        .take_while(|line| !matches!(line.kind, Kind::Blank | Kind::Prompt))
        .map(|line| line.text)
        .collect();
    texts.join(" ")
}

/// The first end that `text` names, after `now`.
///
/// `None` if it names no time, a zone that is not known, or a time that is past or more than 400
/// days ahead.
pub(super) fn end_named_in(text: &str, now: i64, local: &TimeZone) -> Option<i64> {
    let lower = text
        .to_ascii_lowercase()
        .replace(['\u{a0}', '\u{202f}'], " ");
    let is_ahead = |end: &i64| *end > now && *end - now <= MAX_AHEAD;
    let by_machine = machine::stamp(&lower, now)
        .or_else(|| machine::chinese_time(&lower))
        .or_else(|| machine::http_field(&lower, now))
        .filter(is_ahead);
    if by_machine.is_some() {
        return by_machine;
    }
    let mut anchor_ends: Vec<usize> = ANCHORS
        .iter()
        .flat_map(|anchor| lower.match_indices(anchor).map(|(at, _)| at + anchor.len()))
        .collect();
    anchor_ends.sort_unstable();
    anchor_ends
        .into_iter()
        .filter_map(|at| lower.get(at..))
        .find_map(|rest| end_at_start(rest, now, local))
        .filter(is_ahead)
}

/// The end that the first words of `rest` name. All letters are small.
fn end_at_start(rest: &str, now: i64, local: &TimeZone) -> Option<i64> {
    // The anchor `reset` may stand for `resets`.
    let rest = rest.strip_prefix('s').unwrap_or(rest);
    let words: Vec<&str> = rest
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '·' | '∙' | '•' | '~'))
        .map(|word| word.trim_end_matches(['.', ';', ':', '!', ']']))
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS)
        .collect();
    match words.split_first() {
        Some((&("in" | "after" | "for"), words)) => {
            span::milliseconds(words).map(|span| now.saturating_add(span))
        }
        Some(_) => calendar::next_moment(&words, now, local),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use jiff::civil::DateTime;
    use jiff::tz::Offset;

    /// What `text` means at `now`, both in UTC without seconds; the local zone is two hours ahead.
    fn at(now: &str, text: &str) -> Option<String> {
        let now: DateTime = format!("{now}:00").parse().unwrap();
        let now = now
            .to_zoned(TimeZone::UTC)
            .unwrap()
            .timestamp()
            .as_millisecond();
        let local = TimeZone::fixed(Offset::constant(2));
        let end = Timestamp::from_millisecond(end_named_in(text, now, &local)?).unwrap();
        Some(end.strftime("%F %H:%M").to_string())
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
    fn what_names_no_certain_time_gives_none() {
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
