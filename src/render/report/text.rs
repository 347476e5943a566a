//! The numbers of a report, in words.

use super::PeriodReport;
use crate::model::Period;
use crate::render::brief;
use crate::timeline::{LINGERING, Shade};
use jiff::Timestamp;

/// A number with its name, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What it is, such as `availability`.
    pub name: &'static str,
    /// The number, with its unit.
    pub value: String,
    /// What it rests on; may be empty.
    pub note: String,
}

/// The numbers at the head of a report.
#[must_use]
pub fn head(report: &PeriodReport<'_>) -> Vec<Figure> {
    let numbers = report.numbers;
    let restarts: u64 = numbers.restarts.values().sum();
    let recovery = numbers.recovery;
    let mut figures = vec![
        figure(
            "availability",
            numbers
                .availability()
                .map_or_else(|| "-".to_owned(), percent),
            "of the time in which sessions should have lived".to_owned(),
        ),
        figure("restarts", restarts.to_string(), by_cause(report)),
        figure(
            "recovery",
            if recovery.count == 0 {
                "-".to_owned()
            } else {
                format!("{} / {}", spell(recovery.p50), spell(recovery.p99))
            },
            format!("p50 / p99 of {} deaths", recovery.count),
        ),
        figure(
            "worked",
            hours(numbers.spent(Shade::Working)),
            "of all sessions together".to_owned(),
        ),
        figure(
            "idle",
            hours(numbers.spent(Shade::Idle)),
            format!(
                "and waited for a person {}, blocked {}",
                hours(numbers.spent(Shade::Waiting)),
                hours(numbers.spent(Shade::Blocked))
            ),
        ),
        figure(
            "saved by expiry",
            hours(numbers.saved),
            format!(
                "if each would else have idled until {} old",
                brief(LINGERING)
            ),
        ),
    ];
    figures.extend(report.cost.map(|cost| {
        figure(
            "cost",
            money(cost),
            "hours alive × cost_per_hour of the agent".to_owned(),
        )
    }));
    figures
}

fn figure(name: &'static str, value: String, note: String) -> Figure {
    Figure { name, value, note }
}

/// The numbers as text, one a line.
#[must_use]
pub fn text(report: &PeriodReport<'_>) -> String {
    let mut text = format!("{}: {}\n", report.town, period(report));
    for Figure { name, value, note } in head(report) {
        let line = format!("  {name:<16} {value:<16} {note}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `2026-11-22 10:00 +01:00 to 2026-11-29 10:00 +01:00`.
pub(super) fn period(report: &PeriodReport<'_>) -> String {
    let stamp = |at: i64| {
        let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::MIN);
        report.clock.stamp(at)
    };
    format!(
        "{} to {}",
        stamp(report.window.from),
        stamp(report.window.to)
    )
}

/// `12 died, 3 too-old`.
fn by_cause(report: &PeriodReport<'_>) -> String {
    let mut causes: Vec<(&String, &u64)> = report.numbers.restarts.iter().collect();
    causes.sort_by_key(|(cause, count)| (std::cmp::Reverse(**count), *cause));
    let parts: Vec<String> = causes
        .iter()
        .map(|(cause, count)| format!("{count} {cause}"))
        .collect();
    parts.join(", ")
}

/// Millionths as percent: `99.98%`. Rounded down, so that only a whole is a hundred.
fn percent(millionths: u64) -> String {
    format!("{}.{:02}%", millionths / 10_000, millionths % 10_000 / 100)
}

/// `12.5h`, of milliseconds; less than an hour as any other time.
fn hours(millis: u64) -> String {
    if millis < 3_600_000 {
        return spell(millis);
    }
    let tenths = millis / 360_000;
    format!("{}.{}h", tenths / 10, tenths % 10)
}

/// Millionths with two decimals, rounded.
fn money(micros: u64) -> String {
    let hundredths = (micros + 5_000) / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

pub(super) fn spell(millis: u64) -> String {
    brief(Period::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(percent(1_000_000), "100.00%");
        assert_eq!(percent(999_999), "99.99%");
        assert_eq!(percent(50_000), "5.00%");
        assert_eq!(hours(5_400_000), "1.5h");
        assert_eq!(hours(720_000), "12m");
        assert_eq!(money(1_234_567), "1.23");
        assert_eq!(money(995_000), "1.00");
    }
}
