//! What an agent has used of its model.

use super::written::is_default;
use serde::{Deserialize, Serialize};

/// The tokens of one conversation, as its client has written them down.
///
/// The four counts exclude each other. A conversation that was resumed goes on counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenUsage {
    /// Tokens that the model has read anew.
    pub input: u64,
    /// Tokens that the model has written.
    pub output: u64,
    /// Tokens that the model has read from its cache.
    #[serde(skip_serializing_if = "is_default")]
    pub cache_read: u64,
    /// Tokens that were put into the cache.
    #[serde(skip_serializing_if = "is_default")]
    pub cache_write: u64,
    /// The tokens of the last request with its answer: so much of the context is in use.
    #[serde(skip_serializing_if = "is_default")]
    pub context: u64,
    /// How many tokens the context may have, where the client tells. Only codex does.
    #[serde(skip_serializing_if = "is_default")]
    pub window: Option<u64>,
}

impl TokenUsage {
    /// All four counts together.
    #[must_use]
    pub fn total(&self) -> u64 {
        let counts = [self.input, self.output, self.cache_read, self.cache_write];
        counts.into_iter().fold(0, u64::saturating_add)
    }

    /// How much of its context is in use, in whole percent, rounded down. None where the client
    /// does not tell how large it is. Above 100 where the client says so.
    ///
    /// ```
    /// use gtctl::model::TokenUsage;
    /// let usage = TokenUsage { context: 50, window: Some(200), ..TokenUsage::default() };
    /// assert_eq!(usage.context_percent(), Some(25));
    /// ```
    #[must_use]
    pub fn context_percent(&self) -> Option<u64> {
        let window = self.window.filter(|window| *window > 0)?;
        let percent = u128::from(self.context) * 100 / u128::from(window);
        Some(u64::try_from(percent).unwrap_or(u64::MAX))
    }

    /// These counts and the other's.
    #[must_use]
    pub fn with(self, other: &Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// These counts without the other's.
    #[must_use]
    pub fn without(self, other: &Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    fn each(self, other: &Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            input: of(self.input, other.input),
            output: of(self.output, other.output),
            cache_read: of(self.cache_read, other.cache_read),
            cache_write: of(self.cache_write, other.cache_write),
            ..self
        }
    }
}
