//! The types of values that are times of the day or of the week, and time zones.

use super::values::pack;
use crate::model::{CronFault, CronTimes, HoursFault, WeekHours, Zone};
#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
#[cfg(test)]
use std::borrow::Cow;
use std::fmt;

/// The hours in which a session runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hours {
    /// All of them.
    Always,
    /// These.
    Some(WeekHours),
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Hours;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("hours such as \"Mon-Fri 08:00-18:00\", or \"always\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Hours, E> {
                if text == "always" {
                    return Ok(Hours::Always);
                }
                let hours = text.parse().map_err(|fault: HoursFault| {
                    let help = "write days and times, such as \"Mon-Fri 08:00-12:00, 13:00-18:00\" or \"22:00-06:00\"; days are Mon, Tue, Wed, Thu, Fri, Sat and Sun";
                    E::custom(pack("bad-schedule", &fault.to_string(), help))
                })?;
                Ok(Hours::Some(hours))
            }
        }
        d.deserialize_str(Text)
    }
}

#[cfg(test)]
impl JsonSchema for Hours {
    fn schema_name() -> Cow<'static, str> {
        "Hours".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Days and times between commas, such as `Mon-Fri 08:00-12:00, 13:00-18:00`. Days apply to all ranges that follow, until other days come; without days a range is for every day. A range that ends at or before its begin ends on the next day. `always`: no such limit.",
            "examples": ["Mon-Fri 08:00-18:00", "22:00-06:00"]
        })
    }
}

/// Times in the form of cron.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronText(pub CronTimes);

impl<'de> Deserialize<'de> for CronText {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = CronText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("five fields of cron, such as \"0 9 * * 1-5\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<CronText, E> {
                let times = text.parse().map_err(|fault: CronFault| {
                    let help = "write minute, hour, day of the month, month and day of the week: \"0 9 * * 1-5\" is 09:00 from Monday to Friday";
                    E::custom(pack("bad-times", &fault.to_string(), help))
                })?;
                Ok(CronText(times))
            }
        }
        d.deserialize_str(Text)
    }
}

#[cfg(test)]
impl JsonSchema for CronText {
    fn schema_name() -> Cow<'static, str> {
        "CronText".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Five fields of cron: minute, hour, day of the month, month, day of the week.",
            "examples": ["0 9 * * 1-5", "*/30 * * * *"]
        })
    }
}

/// The name of a time zone, such as `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneName(pub Zone);

impl<'de> Deserialize<'de> for ZoneName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = ZoneName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time zone such as \"Europe/Berlin\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<ZoneName, E> {
                let zone = Zone::named(text).ok_or_else(|| {
                    let help = "write a name of the system's time zone database, such as \"Europe/Berlin\" or \"UTC\"";
                    E::custom(pack("unknown-timezone", "this time zone is not known here", help))
                })?;
                Ok(ZoneName(zone))
            }
        }
        d.deserialize_str(Text)
    }
}

#[cfg(test)]
impl JsonSchema for ZoneName {
    fn schema_name() -> Cow<'static, str> {
        "ZoneName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The name of a time zone in the system's database.",
            "examples": ["Europe/Berlin", "UTC"]
        })
    }
}
