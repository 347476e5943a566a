//! Values of the model that are written as text, in the form that they print and parse themselves.

use crate::model::{Fingerprint, Moment, SessionName};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::Display;
use std::str::FromStr;

/// A value in its own text form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        T::from_text(&text)
            .map(Text)
            .ok_or_else(|| serde::de::Error::custom("malformed text"))
    }
}

/// What can be read from its own text form.
pub(super) trait FromText: Sized {
    /// None when `text` is not of that form.
    fn from_text(text: &str) -> Option<Self>;
}

impl FromText for Moment {
    fn from_text(text: &str) -> Option<Self> {
        Self::from_str(text).ok()
    }
}

impl FromText for Fingerprint {
    fn from_text(text: &str) -> Option<Self> {
        Self::from_str(text).ok()
    }
}

impl FromText for SessionName {
    fn from_text(text: &str) -> Option<Self> {
        Self::new(text).ok()
    }
}
