//! The types of single values: durations, limits, sizes, shares and markers.
//!
//! Each checks its text while serde reads it, and has a schema of its own.

use crate::model::SortedMap;
use crate::model::{self, Period, parse_bytes};
#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
#[cfg(test)]
use std::borrow::Cow;
use std::fmt;

/// Stands between code, message and help in the text of a serde error.
const SEPARATOR: char = '\u{1}';

/// Packs code, message and help into one text: a custom error of serde has only one.
///
/// [`unpack`] undoes it.
pub(super) fn pack(code: &str, message: &str, help: &str) -> String {
    let message = message.replace(SEPARATOR, " ");
    format!("{code}{SEPARATOR}{message}{SEPARATOR}{help}")
}

/// Code, message and help of a text made by [`pack`].
pub(crate) fn unpack(text: &str) -> Option<(&str, &str, &str)> {
    let mut parts = text.splitn(3, SEPARATOR);
    Some((parts.next()?, parts.next()?, parts.next()?))
}

const WRITE_DURATION: &str =
    "write a number and a unit, such as \"90s\", \"5m\", \"1h 30m\" or \"40d\"";

fn period<E: Error>(text: &str) -> Result<Period, E> {
    text.parse().map_err(|fault: model::PeriodFault| {
        let (message, help) = match fault {
            model::PeriodFault::Calendar => (
                fault.to_string(),
                "`M` means months; write \"5m\" for minutes, and days for long times, as in \"40d\"",
            ),
            model::PeriodFault::Malformed(_) => ("not a duration".to_owned(), WRITE_DURATION),
            model::PeriodFault::TooLong => (
                fault.to_string(),
                "the longest is \"10000d\"; write \"off\" for no limit",
            ),
        };
        E::custom(pack("bad-duration", &message, help))
    })
}

/// Whether a text switches a limit off. `never` means the same as `off`.
pub(super) fn is_off(text: &str) -> bool {
    matches!(text, "off" | "never")
}

fn zero<E: Error>() -> E {
    E::custom(pack(
        "zero-limit",
        "a limit of zero",
        "write a time such as \"1h\", or \"off\" for no limit",
    ))
}

/// Implements `Deserialize` for a type that is written as a string.
macro_rules! from_text {
    ($name:ident, $expecting:literal, |$text:ident| $body:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: Error>(self, $text: &str) -> Result<$name, E> {
                        $body
                    }
                }
                d.deserialize_str(Text)
            }
        }
    };
}

/// A duration, which may be zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Period);

from_text!(Wait, "a duration such as \"90s\"", |text| period(text)
    .map(Wait));

/// A duration greater than zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Positive(pub Period);

from_text!(
    Positive,
    "a duration such as \"90s\"",
    |text| match period::<E>(text)? {
        Period::ZERO => Err(E::custom(pack(
            "zero-limit",
            "this cannot be zero",
            WRITE_DURATION
        ))),
        period => Ok(Positive(period)),
    }
);

/// A limit on a duration, or `"off"` for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// No limit.
    Off,
    /// The limit, greater than zero.
    At(Period),
}

from_text!(Limit, "a duration such as \"90s\", or \"off\"", |text| {
    if is_off(text) {
        return Ok(Limit::Off);
    }
    match period::<E>(text)? {
        Period::ZERO => Err(zero()),
        period => Ok(Limit::At(period)),
    }
});

impl Limit {
    /// The limit. `None` for `"off"`.
    #[must_use]
    pub fn period(self) -> Option<Period> {
        match self {
            Self::Off => None,
            Self::At(period) => Some(period),
        }
    }
}

/// A size in bytes, at least one, such as `"10MiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

from_text!(Size, "a size such as \"10MiB\"", |text| bytes(text)
    .map(Size));

/// A limit in bytes, such as `"2GiB"`. `None` for `"off"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimit(pub Option<u64>);

from_text!(MemoryLimit, "a size such as \"2GiB\", or \"off\"", |text| {
    if is_off(text) {
        Ok(MemoryLimit(None))
    } else {
        bytes(text).map(|n| MemoryLimit(Some(n)))
    }
});

/// Reads a size such as `10MiB`, `10M` or `10485760`. Units are powers of 1024.
fn bytes<E: Error>(text: &str) -> Result<u64, E> {
    const HELP: &str = "write a whole number and KiB, MiB, GiB or TiB, such as \"10MiB\"";
    match parse_bytes(text) {
        None => Err(E::custom(pack("bad-size", "not a size in bytes", HELP))),
        Some(0) => Err(E::custom(pack("zero-limit", "a size of zero", HELP))),
        Some(n) => Ok(n),
    }
}

/// A share from 0 to 1: `0.25` or `"25%"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;
        fn within<E: Error>(share: f64) -> Result<Share, E> {
            if (0.0..=1.0).contains(&share) {
                return Ok(Share(share));
            }
            Err(E::custom(pack(
                "bad-share",
                "a share must be between 0.0 and 1.0",
                "write 0.25, or \"25%\"",
            )))
        }
        impl Visitor<'_> for Either {
            type Value = Share;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share such as 0.25 or \"25%\"")
            }
            fn visit_f64<E: Error>(self, share: f64) -> Result<Share, E> {
                within(share)
            }
            fn visit_i64<E: Error>(self, share: i64) -> Result<Share, E> {
                // 2.0 stands for any number that is too large: it is refused, too.
                within(i32::try_from(share).map_or(2.0, f64::from))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Share, E> {
                let number = text
                    .trim()
                    .strip_suffix('%')
                    .and_then(|number| number.trim().parse::<f64>().ok());
                // -1.0 stands for a text that is no percentage: it is refused, too.
                within(number.map_or(-1.0, |number| number / 100.0))
            }
        }
        d.deserialize_any(Either)
    }
}

/// What an hour costs: a number from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost(pub model::HourlyCost);

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(d)?;
        model::HourlyCost::new(number).map(Self).ok_or_else(|| {
            D::Error::custom(pack(
                "bad-cost",
                "a cost per hour must be between 0 and 1000000",
                "write 0.75",
            ))
        })
    }
}

/// The most starts in ten minutes: `"auto"` or a number from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starts(pub model::StartBudget);

impl<'de> Deserialize<'de> for Starts {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Starts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"auto\" or a number of starts")
            }
            fn visit_i64<E: Error>(self, starts: i64) -> Result<Starts, E> {
                match u32::try_from(starts) {
                    Ok(0) => Err(E::custom(pack(
                        "zero-limit",
                        "with 0, gtctl could never start a session",
                        "write \"auto\" or a number",
                    ))),
                    Ok(n) => Ok(Starts(model::StartBudget::Fixed(n))),
                    Err(_) => Err(E::custom(pack(
                        "wrong-value",
                        "not a number of starts",
                        "write \"auto\" or a number",
                    ))),
                }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Starts, E> {
                if text == "auto" {
                    Ok(Starts(model::StartBudget::Auto))
                } else {
                    Err(E::unknown_variant(text, &["auto"]))
                }
            }
        }
        d.deserialize_any(Either)
    }
}

/// The most sessions that may be down at once: a number from 1, or a percentage such as `"10%"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnavailableValue(pub model::Unavailable);

impl<'de> Deserialize<'de> for UnavailableValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        const HELP: &str = "write a number from 1, or a percentage from \"1%\" to \"100%\"";
        struct Either;
        impl Visitor<'_> for Either {
            type Value = UnavailableValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of sessions, or a percentage such as \"10%\"")
            }
            fn visit_i64<E: Error>(self, count: i64) -> Result<UnavailableValue, E> {
                match u32::try_from(count) {
                    Ok(0) => Err(E::custom(pack(
                        "zero-limit",
                        "with 0, gtctl could never restart a session",
                        HELP,
                    ))),
                    Ok(count) => Ok(UnavailableValue(model::Unavailable::Count(count))),
                    Err(_) => Err(E::custom(pack(
                        "wrong-value",
                        "not a number of sessions",
                        HELP,
                    ))),
                }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<UnavailableValue, E> {
                let number = text
                    .trim()
                    .strip_suffix('%')
                    .and_then(|number| number.trim().parse::<u32>().ok());
                match number {
                    Some(0) => Err(E::custom(pack(
                        "zero-limit",
                        "with 0, gtctl could never restart a session",
                        HELP,
                    ))),
                    Some(share) if share <= 100 => {
                        Ok(UnavailableValue(model::Unavailable::Percent(share)))
                    }
                    Some(_) | None => Err(E::custom(pack("wrong-value", "not a percentage", HELP))),
                }
            }
        }
        d.deserialize_any(Either)
    }
}

/// A completion marker: a text, or `{ json = { field = value } }`.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkerValue(pub model::Marker);

impl<'de> Deserialize<'de> for MarkerValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = MarkerValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or { json = { field = value } }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<MarkerValue, E> {
                if text.trim().is_empty() {
                    return Err(E::custom(pack(
                        "empty-marker",
                        "an empty marker matches every line",
                        "write the text that means completion",
                    )));
                }
                Ok(MarkerValue(model::Marker::Text(text.into())))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MarkerValue, A::Error> {
                let mut fields = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "json" {
                        return Err(A::Error::unknown_field(&key, &["json"]));
                    }
                    fields = Some(map.next_value::<SortedMap<String, serde_json::Value>>()?);
                }
                match fields {
                    Some(fields) if !fields.is_empty() => {
                        Ok(MarkerValue(model::Marker::Json(fields)))
                    }
                    Some(_) | None => Err(A::Error::custom(pack(
                        "empty-marker",
                        "an empty marker matches every line",
                        "write { json = { type = \"result\", is_error = false } }",
                    ))),
                }
            }
        }
        d.deserialize_any(Either)
    }
}

/// Gives a type a schema that is written as JSON.
macro_rules! schema_of {
    ($name:ident, $label:literal, $schema:tt) => {
        #[cfg(test)]
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $label.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}
pub(super) use schema_of;

schema_of!(Wait, "Duration", {
    "type": "string",
    "description": "A duration such as \"90s\", \"5m\", \"1h 30m\" or \"40d\". Months and years are not allowed.",
    "pattern": "^\\s*([0-9]+\\s*(ns|us|ms|nsec|usec|msec|millis|milliseconds?|s|sec|secs|seconds?|m|min|mins|minutes?|h|hr|hrs|hours?|d|days?|w|weeks?)\\s*)+$"
});
schema_of!(Positive, "PositiveDuration", {
    "type": "string",
    "description": "A duration greater than zero, such as \"90s\", \"5m\", \"1h 30m\" or \"40d\". Months and years are not allowed.",
    "pattern": "^\\s*([0-9]+\\s*(ns|us|ms|nsec|usec|msec|millis|milliseconds?|s|sec|secs|seconds?|m|min|mins|minutes?|h|hr|hrs|hours?|d|days?|w|weeks?)\\s*)+$"
});
schema_of!(Limit, "Limit", {
    "type": "string",
    "description": "A duration greater than zero, such as \"90s\" or \"1h 30m\"; or \"off\".",
    "pattern": "^(off|never|\\s*([0-9]+\\s*(ns|us|ms|nsec|usec|msec|millis|milliseconds?|s|sec|secs|seconds?|m|min|mins|minutes?|h|hr|hrs|hours?|d|days?|w|weeks?)\\s*)+)$"
});
schema_of!(Size, "Size", {
    "type": "string",
    "description": "A number of bytes such as \"10MiB\"; units KiB, MiB, GiB and TiB.",
    "pattern": "^\\s*[0-9]+\\s*([KkMmGgTt]([Ii][Bb])?|[Bb])?\\s*$"
});
schema_of!(MemoryLimit, "MemoryLimit", {
    "type": "string",
    "description": "A number of bytes such as \"2GiB\", units KiB, MiB, GiB and TiB; or \"off\".",
    "pattern": "^(off|never|\\s*[0-9]+\\s*([KkMmGgTt]([Ii][Bb])?|[Bb])?\\s*)$"
});
schema_of!(Share, "Share", {
    "description": "A share from 0 to 1, such as 0.25, or a percentage such as \"25%\".",
    "anyOf": [
        { "type": "number", "minimum": 0, "maximum": 1 },
        { "type": "string", "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*%$" }
    ]
});
schema_of!(Cost, "Cost", {
    "description": "What an hour costs, such as 0.75.",
    "type": "number",
    "minimum": 0,
    "maximum": 1_000_000
});
schema_of!(UnavailableValue, "Unavailable", {
    "description": "Sessions that may be down at once: a number from 1, or a percentage of the declared sessions such as \"10%\", rounded down and at least one.",
    "anyOf": [
        { "type": "integer", "minimum": 1 },
        { "type": "string", "pattern": "^\\s*0*([1-9][0-9]?|100)\\s*%\\s*$" },
    ],
});
schema_of!(Starts, "Starts", {
    "description": "Starts in ten minutes: a number, or \"auto\". \"auto\" allows the number of sessions, plus that number again for each tmux server lost in this time, plus ten.",
    "anyOf": [
        { "type": "integer", "minimum": 1, "maximum": 4_294_967_295_u32 },
        { "type": "string", "const": "auto" }
    ]
});
schema_of!(MarkerValue, "Marker", {
    "description": "A text that a line of output contains, or the fields of a line of JSON.",
    "anyOf": [
        { "type": "string", "minLength": 1 },
        {
            "type": "object",
            "properties": {
                "json": {
                    "description": "Field names and the values they must have.",
                    "type": "object",
                    "minProperties": 1
                }
            },
            "required": ["json"],
            "additionalProperties": false
        }
    ]
});
