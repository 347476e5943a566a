//! The files of variables of a session: `env_file`.

use super::values::pack;
#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
#[cfg(test)]
use std::borrow::Cow;
use std::fmt;

/// The most files of one session.
const MOST: usize = 16;

/// The files of `env_file`, in order: one, or a list of at most 16.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvFiles {
    /// One that stands alone.
    One(EnvFileEntry),
    /// A list. It may be empty.
    List(Vec<EnvFileEntry>),
}

/// A file of variables: a path, or `{ path = "local.env", optional = true }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFileEntry {
    /// Its path. A template.
    pub path: String,
    /// Whether it may be missing.
    pub optional: bool,
}

impl From<&str> for EnvFileEntry {
    fn from(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            optional: false,
        }
    }
}

/// A file of variables that may be missing.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "EnvFileTable"))]
struct EnvFileTable {
    /// Its path; a relative one is relative to the manifest. A template.
    #[cfg_attr(test, schemars(required))]
    path: Option<String>,
    /// Whether it may be missing; then it is passed over. Default: false.
    optional: Option<bool>,
}

impl<'de> Deserialize<'de> for EnvFileEntry {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = EnvFileEntry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path or { path = \"local.env\", optional = true }")
            }
            fn visit_str<E: Error>(self, path: &str) -> Result<EnvFileEntry, E> {
                Ok(path.into())
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<EnvFileEntry, A::Error> {
                from_table(map)
            }
        }
        d.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for EnvFiles {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = EnvFiles;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, { path = \"local.env\", optional = true }, or a list of these")
            }
            fn visit_str<E: Error>(self, path: &str) -> Result<EnvFiles, E> {
                Ok(EnvFiles::One(path.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<EnvFiles, A::Error> {
                from_table(map).map(EnvFiles::One)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<EnvFiles, A::Error> {
                let list = serde::de::value::SeqAccessDeserializer::new(list);
                let files: Vec<EnvFileEntry> = Vec::deserialize(list)?;
                if files.len() <= MOST {
                    return Ok(EnvFiles::List(files));
                }
                let message = format!("{} files; a session can have {MOST}", files.len());
                let help = "put the variables of several files into one";
                Err(A::Error::custom(pack("wrong-value", &message, help)))
            }
        }
        d.deserialize_any(Any)
    }
}

fn from_table<'de, A: MapAccess<'de>>(map: A) -> Result<EnvFileEntry, A::Error> {
    let table = EnvFileTable::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
    let path = table.path.ok_or_else(|| {
        let help = "write { path = \"local.env\", optional = true }";
        A::Error::custom(pack("wrong-value", "it has no path", help))
    })?;
    Ok(EnvFileEntry {
        path,
        optional: table.optional.unwrap_or_default(),
    })
}

#[cfg(test)]
impl JsonSchema for EnvFileEntry {
    fn schema_name() -> Cow<'static, str> {
        "EnvFile".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<EnvFileTable>();
        json_schema!({
            "description": "The path of a file, or a table that also says whether it may be missing.",
            "anyOf": [{ "type": "string" }, table]
        })
    }
}

#[cfg(test)]
impl JsonSchema for EnvFiles {
    fn schema_name() -> Cow<'static, str> {
        "EnvFiles".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let file = generator.subschema_for::<EnvFileEntry>();
        json_schema!({
            "description": "A file of variables, or a list of them in order.",
            "anyOf": [file, { "type": "array", "items": file, "maxItems": MOST }]
        })
    }
}
