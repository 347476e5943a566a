//! The types of limits on tokens: `max_tokens` and `max_context`.

use super::values::{is_off, pack, schema_of};
use crate::model::{ContextLimit, parse_tokens};
#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
#[cfg(test)]
use std::borrow::Cow;
use std::fmt;

/// A number of tokens, such as `"2M"` or 500000. `None` for `"off"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLimit(pub Option<u64>);

/// A share of the context such as `"80%"`, or a number of tokens such as `"160k"`. `None` for
/// `"off"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextShare(pub Option<ContextLimit>);

impl<'de> Deserialize<'de> for TokenLimit {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        const HELP: &str = "write a whole number, or one with k or M, such as \"2M\"";
        struct Either;
        impl Visitor<'_> for Either {
            type Value = TokenLimit;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of tokens such as \"2M\", or \"off\"")
            }
            fn visit_i64<E: Error>(self, tokens: i64) -> Result<TokenLimit, E> {
                above_zero(u64::try_from(tokens).ok(), HELP).map(|tokens| TokenLimit(Some(tokens)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<TokenLimit, E> {
                if is_off(text) {
                    return Ok(TokenLimit(None));
                }
                above_zero(parse_tokens(text), HELP).map(|tokens| TokenLimit(Some(tokens)))
            }
        }
        d.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for ContextShare {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        const HELP: &str =
            "write a percentage from 1% to 100% such as \"80%\", or tokens such as \"160k\"";
        struct Either;
        impl Visitor<'_> for Either {
            type Value = ContextShare;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percentage such as \"80%\", tokens such as \"160k\", or \"off\"")
            }
            fn visit_i64<E: Error>(self, tokens: i64) -> Result<ContextShare, E> {
                let tokens = above_zero(u64::try_from(tokens).ok(), HELP)?;
                Ok(ContextShare(Some(ContextLimit::Tokens(tokens))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<ContextShare, E> {
                if is_off(text) {
                    return Ok(ContextShare(None));
                }
                let Some(percent) = text.trim().strip_suffix('%') else {
                    let tokens = above_zero(parse_tokens(text), HELP)?;
                    return Ok(ContextShare(Some(ContextLimit::Tokens(tokens))));
                };
                let percent = above_zero(percent.trim().parse().ok(), HELP)?;
                if percent > 100 {
                    let message = "a context is never more than 100% full";
                    return Err(E::custom(pack("bad-tokens", message, HELP)));
                }
                Ok(ContextShare(Some(ContextLimit::Percent(percent))))
            }
        }
        d.deserialize_any(Either)
    }
}

fn above_zero<E: Error>(number: Option<u64>, help: &str) -> Result<u64, E> {
    match number {
        None => Err(E::custom(pack(
            "bad-tokens",
            "not a number of tokens",
            help,
        ))),
        Some(0) => Err(E::custom(pack("zero-limit", "a limit of zero", help))),
        Some(number) => Ok(number),
    }
}

schema_of!(TokenLimit, "TokenLimit", {
    "description": "A number of tokens such as 500000, \"160k\" or \"2M\"; or \"off\".",
    "anyOf": [
        { "type": "integer", "minimum": 1 },
        { "type": "string", "pattern": "^(off|never|\\s*[0-9]+\\s*[kKmM]?\\s*)$" }
    ]
});
schema_of!(ContextShare, "ContextLimit", {
    "description": "A percentage of the context such as \"80%\", a number of tokens such as \"160k\", or \"off\".",
    "anyOf": [
        { "type": "integer", "minimum": 1 },
        { "type": "string", "pattern": "^(off|never|\\s*[0-9]+\\s*[kKmM%]?\\s*)$" }
    ]
});
