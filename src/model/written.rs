//! How the model is written to files and read from them.
//!
//! The model's types derive their written form. A field with its default is left out, and a missing
//! field gets its default. If a field was renamed, its old name is an alias. So every older file is
//! still read.

use crate::model::SortedMap;
use serde::de::{DeserializeOwned, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;

/// Writes a type as the text of its `Display`, and reads it with its `FromStr`.
macro_rules! written_as_text {
    ($name:ident, $expecting:literal) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                d.deserialize_str(Text)
            }
        }
    };
}
pub(super) use written_as_text;

/// Writes a period as its number of milliseconds. For `#[serde(with = "millis")]`.
pub(super) mod millis {
    use crate::model::Period;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands over a reference"
    )]
    pub(in super::super) fn serialize<S: Serializer>(
        period: &Period,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.serialize_u64(period.millis())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Period, D::Error> {
        u64::deserialize(d).map(Period::from_millis)
    }
}

/// Reads a value from bytes that hold JSON.
///
/// gtctl reads all JSON as a text, also what it has as bytes or as a [`Value`]. serde compiles the
/// code of each type anew for each kind of input, and that is much code.
///
/// # Errors
/// The bytes are no UTF-8, no JSON, or not of this form.
pub(crate) fn from_bytes<'j, T: Deserialize<'j>>(json: &'j [u8]) -> Result<T, serde_json::Error> {
    let text = std::str::from_utf8(json).map_err(serde_json::Error::custom)?;
    serde_json::from_str(text)
}

/// Reads a value from JSON that was read before its form was known. See [`from_bytes`].
///
/// # Errors
/// It is not of this form.
pub(crate) fn from_value<T: DeserializeOwned>(json: &Value) -> Result<T, serde_json::Error> {
    serde_json::from_str(&json.to_string())
}

/// Whether a field can be left out of the file.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a map of at most `MOST` entries. Further entries are skipped and use no memory.
///
/// # Errors
/// Fails if it is no map, or if one of the first `MOST` entries is malformed.
pub(crate) fn bounded_map<'de, const MOST: usize, K, V, D>(
    d: D,
) -> Result<SortedMap<K, V>, D::Error>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    d.deserialize_map(Bounded::<MOST, K, V>(PhantomData))
}

struct Bounded<const MOST: usize, K, V>(PhantomData<(K, V)>);

impl<'de, const MOST: usize, K, V> Visitor<'de> for Bounded<MOST, K, V>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    type Value = SortedMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = SortedMap::new();
        while map.len() < MOST {
            let Some((key, value)) = entries.next_entry()? else {
                return Ok(map);
            };
            map.insert(key, value);
        }
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(map)
    }
}
