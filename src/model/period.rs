//! Lengths of time as people write them: `90s`, `1h 30m`, `40d`.

use super::written::written_as_text;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time in whole milliseconds, written as a humantime string.
///
/// It is the only type for durations in TOML, JSON, the environment and flags. Months and years are
/// refused: to humantime `5M` means five months, but its writer means minutes. Anything longer than
/// [`Period::MAX`] is refused too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Period(u64);

/// Why a text is not a [`Period`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodFault {
    /// The text is not in humantime's form. It carries humantime's message.
    #[error("not a duration: {0}")]
    Malformed(String),
    /// The text has a unit of months or years.
    #[error("months and years are not allowed in a duration")]
    Calendar,
    /// The period is longer than [`Period::MAX`].
    #[error("longer than {}", Period::MAX)]
    TooLong,
}

impl Period {
    /// Zero milliseconds.
    pub const ZERO: Self = Self(0);
    /// The longest period that a text may mean: 10,000 days.
    pub const MAX: Self = Self::from_secs(10_000 * 86_400);

    /// A period of `n` milliseconds.
    #[must_use]
    pub const fn from_millis(n: u64) -> Self {
        Self(n)
    }

    /// A period of `n` seconds.
    #[must_use]
    pub const fn from_secs(n: u64) -> Self {
        Self(n.saturating_mul(1000))
    }

    /// A period of `n` minutes.
    #[must_use]
    pub const fn from_mins(n: u64) -> Self {
        Self::from_secs(n.saturating_mul(60))
    }

    /// A period of `n` hours.
    #[must_use]
    pub const fn from_hours(n: u64) -> Self {
        Self::from_mins(n.saturating_mul(60))
    }

    /// The length in milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whether the period is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, at most `u64::MAX` milliseconds.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The period as a [`Duration`].
    #[must_use]
    pub const fn to_std(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl From<Duration> for Period {
    fn from(d: Duration) -> Self {
        Self(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }
}

impl FromStr for Period {
    type Err = PeriodFault;

    fn from_str(text: &str) -> Result<Self, PeriodFault> {
        if text.len() > 64 {
            return Err(PeriodFault::TooLong);
        }
        if names_a_calendar_unit(text) {
            return Err(PeriodFault::Calendar);
        }
        let parsed =
            humantime::parse_duration(text).map_err(|e| PeriodFault::Malformed(e.to_string()))?;
        let period = Self::from(parsed);
        if period > Self::MAX {
            Err(PeriodFault::TooLong)
        } else {
            Ok(period)
        }
    }
}

/// Whether the text has `M`, `month(s)`, `y`, `yr(s)` or `year(s)` as a unit. Minutes are `m`,
/// `min(s)` or `minute(s)`.
fn names_a_calendar_unit(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|unit| {
        matches!(
            unit,
            "M" | "month" | "months" | "y" | "yr" | "yrs" | "year" | "years"
        )
    })
}

impl fmt::Display for Period {
    /// Writes the period in days and smaller units, exactly: `40d`, not `1month 9days`. Parsing the
    /// text gives the same period.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 5] = [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "m"),
            (1000, "s"),
            (1, "ms"),
        ];
        if self.0 == 0 {
            return f.pad("0s");
        }
        let mut rest = self.0;
        let mut text = String::new();
        for (size, unit) in UNITS {
            let count = rest / size;
            rest %= size;
            if count > 0 {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&count.to_string());
                text.push_str(unit);
            }
        }
        f.pad(&text)
    }
}

written_as_text!(Period, "a duration such as \"90s\" or \"1h 30m\"");

#[cfg(test)]
impl schemars::JsonSchema for Period {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A duration such as \"90s\", \"5m\", \"1h 30m\" or \"40d\". Months and years are not allowed.",
            "pattern": "^\\s*([0-9]+\\s*(ms|msec|millis|milliseconds?|s|sec|secs|seconds?|m|min|mins|minutes?|h|hr|hrs|hours?|d|days?|w|weeks?)\\s*)+$",
            "examples": ["90s", "5m", "1h 30m"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_meant_and_parses_back() {
        for (text, want) in [
            ("90s", "1m 30s"),
            ("1h 30m", "1h 30m"),
            ("40d", "40d"),
            ("1500ms", "1s 500ms"),
            ("0s", "0s"),
        ] {
            let p: Period = text.parse().expect(text);
            assert_eq!(p.to_string(), want);
            assert_eq!(want.parse::<Period>().expect(want), p);
        }
    }

    #[test]
    fn refuses_months_years_and_eternity() {
        assert_eq!("5M".parse::<Period>(), Err(PeriodFault::Calendar));
        assert_eq!(
            "584542046090y".parse::<Period>(),
            Err(PeriodFault::Calendar)
        );
        assert_eq!("20000d".parse::<Period>(), Err(PeriodFault::TooLong));
        assert!(matches!(
            "99999999999999999999d".parse::<Period>(),
            Err(PeriodFault::Malformed(_))
        ));
        assert!(matches!(
            "soon".parse::<Period>(),
            Err(PeriodFault::Malformed(_))
        ));
        assert_eq!("5 min".parse::<Period>().ok(), Some(Period::from_mins(5)));
    }
}
