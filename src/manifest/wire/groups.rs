//! Values that name several sessions, rigs or hosts: entries of `after`, `rigs` and `host`.

use super::values::{Positive, pack};
use super::words::When;
#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
#[cfg(test)]
use std::borrow::Cow;
use std::fmt;

/// An entry of `after`: a session's name, or
/// `{ session = "db", when = "ready", within = "2m" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The full name of the session to wait for; `role:NAME` for all sessions of a role; or a
    /// pattern with `*` and `?` for all that match.
    pub session: String,
    /// How far that session must be. `None` for the default.
    pub when: Option<When>,
    /// After how long gtctl reports the wait. `None` for never.
    pub within: Option<Positive>,
}

/// The rigs of a `[[session]]` that makes a session for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RigList {
    /// Every rig of the root.
    All,
    /// These.
    Named(Vec<String>),
}

/// The hosts that may run a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostValue {
    /// The name of a host, or `any`.
    Name(String),
    /// Each host with this label.
    Label(String),
}

/// The hosts with a label.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "HostLabel"))]
struct HostLabel {
    /// The label, one of those that a host gives itself.
    #[cfg_attr(test, schemars(required))]
    label: Option<String>,
}

impl<'de> Deserialize<'de> for HostValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = HostValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a host, \"any\", or { label = \"gpu\" }")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<HostValue, E> {
                Ok(HostValue::Name(name.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HostValue, A::Error> {
                let map = serde::de::value::MapAccessDeserializer::new(map);
                let HostLabel { label } = HostLabel::deserialize(map)?;
                let label = label.ok_or_else(|| {
                    let help = "write host = { label = \"gpu\" }";
                    A::Error::custom(pack("wrong-value", "it has no label", help))
                })?;
                Ok(HostValue::Label(label))
            }
        }
        d.deserialize_any(Either)
    }
}

#[cfg(test)]
impl JsonSchema for HostValue {
    fn schema_name() -> Cow<'static, str> {
        "HostValue".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<HostLabel>();
        json_schema!({
            "description": "The name of a host, `any` for each host, or a table with a label that the host must have.",
            "anyOf": [{ "type": "string" }, table]
        })
    }
}

impl<'de> Deserialize<'de> for RigList {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RigList;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rigs or \"all\"")
            }
            fn visit_str<E: Error>(self, word: &str) -> Result<RigList, E> {
                if word == "all" {
                    return Ok(RigList::All);
                }
                let message = "the only word here is \"all\"";
                let help = "write rigs = \"all\", or a list such as rigs = [\"shop\"]";
                Err(E::custom(pack("wrong-value", message, help)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<RigList, A::Error> {
                let list = serde::de::value::SeqAccessDeserializer::new(list);
                Vec::deserialize(list).map(RigList::Named)
            }
        }
        d.deserialize_any(Either)
    }
}

#[cfg(test)]
impl JsonSchema for RigList {
    fn schema_name() -> Cow<'static, str> {
        "RigList".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list of rigs, or \"all\" for every rig in the root's `mayor/rigs.json`.",
            "anyOf": [
                { "type": "array", "items": { "type": "string" } },
                { "type": "string", "const": "all" }
            ]
        })
    }
}

/// A session to wait for, and how far it must be.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "AfterTable"))]
struct AfterTable {
    /// The full name of the session to wait for; `role:NAME` for all sessions of a role; or a
    /// pattern with `*` and `?` for all that match.
    #[cfg_attr(test, schemars(required))]
    session: Option<String>,
    /// How far that session must be. Default: `ready`; for a task `completed`.
    when: Option<When>,
    /// After how long gtctl reports the wait. The wait continues, because gtctl never starts
    /// sessions in a wrong order. Default: never.
    within: Option<Positive>,
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = After;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a session's name or { session = \"db\", when = \"ready\", within = \"2m\" }",
                )
            }
            fn visit_str<E: Error>(self, session: &str) -> Result<After, E> {
                Ok(After {
                    session: session.to_owned(),
                    when: None,
                    within: None,
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<After, A::Error> {
                let AfterTable {
                    session,
                    when,
                    within,
                } = AfterTable::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let session = session.ok_or_else(|| {
                    A::Error::custom(pack(
                        "wrong-value",
                        "it names no session",
                        "write { session = \"db\" }",
                    ))
                })?;
                Ok(After {
                    session,
                    when,
                    within,
                })
            }
        }
        d.deserialize_any(Either)
    }
}

#[cfg(test)]
impl JsonSchema for After {
    fn schema_name() -> Cow<'static, str> {
        "After".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<AfterTable>();
        json_schema!({
            "description": "The full name of a session, `role:NAME` for all sessions of a role, or a pattern with `*` and `?`; or a table that also says how far these sessions must be.",
            "anyOf": [{ "type": "string" }, table]
        })
    }
}
