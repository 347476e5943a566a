//! Spans of time in words: `3h 20m`, `12h22m44s`, `3 days 2 hours`, `about an hour`.

use super::DAY;

/// The milliseconds of a span, up to the first word that does not belong to it. `None` if there is
/// no span.
pub(super) fn milliseconds(words: &[&str]) -> Option<i64> {
    let text = words.join(" ");
    let text = text
        .trim_start_matches("about ")
        .replace("an hour", "1 hour")
        .replace("a minute", "1 minute");
    let mut rest = text.as_str();
    let mut total: i64 = 0;
    while let Some((part, after)) = first_part(rest) {
        total = total.saturating_add(part);
        rest = after.trim_start().trim_start_matches("and ");
    }
    (total > 0).then_some(total)
}

/// The milliseconds of a number and its unit at the start of `text`, and what follows: `2.5 hours`.
fn first_part(text: &str) -> Option<(i64, &str)> {
    let (number, after_number) = split_digits(text)?;
    let (thousandths, after_fraction) = split_fraction(after_number);
    let (name, after_unit) = split_letters(after_fraction.trim_start())?;
    let number: i64 = number.parse().ok()?;
    let unit = unit(name)?;
    let fraction = unit.saturating_mul(thousandths) / 1000;
    let whole = number.saturating_mul(unit);
    Some((whole.saturating_add(fraction), after_unit))
}

/// The milliseconds of a unit: `h`, `hrs`, `hours`.
pub(super) fn unit(name: &str) -> Option<i64> {
    match name {
        "d" | "day" | "days" => Some(DAY),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(3_600_000),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60_000),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1000),
        _ => None,
    }
}

/// The digits at the start of `text`, maybe none, and what follows them.
pub(super) fn split_digits(text: &str) -> Option<(&str, &str)> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    text.split_at_checked(text.len() - rest.len())
}

/// The letters at the start of `text`, maybe none, and what follows them.
pub(super) fn split_letters(text: &str) -> Option<(&str, &str)> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    text.split_at_checked(text.len() - rest.len())
}

/// The thousandths after a point at the start of `text`, and what follows: 500 for `.5 hours`.
fn split_fraction(text: &str) -> (i64, &str) {
    let Some(digits) = text
        .strip_prefix('.')
        .filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return (0, text);
    };
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let first_three = digits.chars().take(3).map_while(|c| c.to_digit(10));
    let (sum, missing) = first_three.fold((0, 3), |(sum, missing), digit| {
        (sum * 10 + i64::from(digit), missing - 1)
    });
    (sum * 10_i64.pow(missing), rest)
}
