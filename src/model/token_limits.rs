//! How many tokens one run of an agent may use, and how those that it uses are counted.

use super::bounds::keep_newest;
use super::written::is_default;
use super::{ConversationId, Incarnation, TokenUsage};
use serde::{Deserialize, Serialize};

/// The limits on the tokens of one run. Both are off by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenLimits {
    /// Once one run has used so many tokens, it is restarted, or expired if it is a task.
    pub max_tokens: Option<u64>,
    /// Once so much of its context is in use, it is restarted, or expired if it is a task.
    pub max_context: Option<ContextLimit>,
}

impl TokenLimits {
    /// What a run has used and what it may, where it has reached that.
    #[must_use]
    pub fn reached_tokens(&self, run: &Incarnation) -> Option<(u64, u64)> {
        let (used, limit) = (run.tokens.total()?, self.max_tokens?);
        (used >= limit).then_some((used, limit))
    }

    /// How much of its context a run uses and how much it may, in the unit of the limit, where it
    /// has reached that.
    #[must_use]
    pub fn reached_context(&self, run: &Incarnation) -> Option<(u64, ContextLimit)> {
        let limit = self.max_context?;
        let used = limit.used_of(&run.told_usage()?)?;
        (used >= limit.number()).then_some((used, limit))
    }
}

/// How much of an agent's context may be in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextLimit {
    /// So many percent of it, from 1 to 100. It applies where the client tells how large its context
    /// is.
    Percent(u64),
    /// So many tokens.
    Tokens(u64),
}

impl ContextLimit {
    /// How much is in use, in the unit of this limit. None where the client does not tell.
    ///
    /// ```
    /// use gtctl::model::{ContextLimit, TokenUsage};
    /// let usage = TokenUsage { context: 50, window: Some(200), ..TokenUsage::default() };
    /// assert_eq!(ContextLimit::Percent(80).used_of(&usage), Some(25));
    /// assert_eq!(ContextLimit::Tokens(80).used_of(&usage), Some(50));
    /// ```
    #[must_use]
    pub fn used_of(self, usage: &TokenUsage) -> Option<u64> {
        match self {
            Self::Percent(_) => usage.context_percent(),
            Self::Tokens(_) => Some(usage.context),
        }
    }

    /// The limit as a number, in its own unit.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::Percent(number) | Self::Tokens(number) => number,
        }
    }
}

/// Reads a number of tokens such as `160k`, `2M` or `500000`. Units are powers of 1000.
///
/// ```
/// use gtctl::model::parse_tokens;
/// assert_eq!(parse_tokens("160k"), Some(160_000));
/// assert_eq!(parse_tokens("2 M"), Some(2_000_000));
/// assert_eq!(parse_tokens("1.5M"), None);
/// ```
#[must_use]
pub fn parse_tokens(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let factor = match unit.trim() {
        "" => 1,
        "k" | "K" => 1000,
        "m" | "M" => 1_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// The tokens that one run has used, in all its conversations.
///
/// Its client counts for a conversation. So what a resumed one had used before does not count here,
/// and one that is begun within the run, with `/clear` say, counts on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UsedTokens {
    /// Whether the run was begun with a new conversation. Where that is not known, the first count
    /// of its first conversation is taken for earlier ones.
    #[serde(skip_serializing_if = "is_default")]
    pub begun_fresh: bool,
    /// Tokens of conversations that are not listed any more.
    #[serde(skip_serializing_if = "is_default")]
    pub unlisted: u64,
    /// Its conversations, the newest last, at most [`UsedTokens::MAX_LISTED`].
    #[serde(skip_serializing_if = "is_default")]
    pub listed: Vec<ConversationTokens>,
}

/// The tokens of one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationTokens {
    /// The conversation.
    pub id: ConversationId,
    /// What it had used before this run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub before: u64,
    /// What it has used in all.
    pub total: u64,
}

impl UsedTokens {
    /// So many conversations are listed. Going back to an earlier one counts it anew.
    pub const MAX_LISTED: usize = 8;

    /// The tokens of this run. None where its client has told none.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        let used = self.listed.iter().map(ConversationTokens::used);
        let total = used.fold(self.unlisted, u64::saturating_add);
        (!self.listed.is_empty()).then_some(total)
    }

    /// Takes in what a conversation has used in all. A count only grows.
    pub fn count(&mut self, id: &ConversationId, total: u64) {
        if let Some(known) = self.listed.iter_mut().find(|known| known.id == *id) {
            known.total = known.total.max(total);
            return;
        }
        let is_former = self.listed.is_empty() && !self.begun_fresh;
        self.listed.push(ConversationTokens {
            id: id.clone(),
            before: if is_former { total } else { 0 },
            total,
        });
        self.bound();
    }

    /// Whether both list the same conversations, so that only their counts may differ.
    #[must_use]
    pub fn lists_the_same(&self, other: &Self) -> bool {
        let ids = |of: &Self| -> Vec<ConversationId> {
            of.listed.iter().map(|one| one.id.clone()).collect()
        };
        self.begun_fresh == other.begun_fresh && ids(self) == ids(other)
    }

    pub(super) fn bound(&mut self) {
        let excess = self.listed.len().saturating_sub(Self::MAX_LISTED);
        let oldest = self.listed.iter().take(excess);
        let used = oldest.map(ConversationTokens::used);
        self.unlisted = used.fold(self.unlisted, u64::saturating_add);
        keep_newest(&mut self.listed, Self::MAX_LISTED);
    }
}

impl ConversationTokens {
    /// What it has used in this run.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.total.saturating_sub(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ConversationId {
        text.parse().unwrap()
    }

    fn counted(begun_fresh: bool, counts: &[(&str, u64)]) -> UsedTokens {
        let mut used = UsedTokens {
            begun_fresh,
            ..UsedTokens::default()
        };
        for (conversation, total) in counts {
            used.count(&id(conversation), *total);
        }
        used
    }

    #[test]
    fn a_run_counts_its_own_tokens_over_all_its_conversations() {
        type Case = (bool, &'static [(&'static str, u64)], Option<u64>);
        let cases: [Case; 7] = [
            (true, &[], None),
            (true, &[("a-1", 900)], Some(900)),
            (false, &[("a-1", 900)], Some(0)),
            (false, &[("a-1", 900), ("a-1", 950)], Some(50)),
            (true, &[("a-1", 900), ("a-1", 300)], Some(900)),
            (false, &[("a-1", 900), ("a-1", 950), ("b-1", 30)], Some(80)),
            (true, &[("a-1", 900), ("b-1", 30), ("a-1", 901)], Some(931)),
        ];
        for (begun_fresh, counts, total) in cases {
            assert_eq!(counted(begun_fresh, counts).total(), total, "{counts:?}");
        }
    }

    #[test]
    fn the_written_form_stays_as_it_is() {
        let used = counted(false, &[("a-1", 900), ("a-1", 950)]);
        let text = r#"{"listed":[{"id":"a-1","before":900,"total":950}]}"#;
        assert_eq!(serde_json::to_string(&used).unwrap(), text);
        assert_eq!(serde_json::from_str::<UsedTokens>(text).unwrap(), used);
    }

    #[test]
    fn what_is_not_listed_any_more_still_counts() {
        let names: Vec<String> = (0..20).map(|nth| format!("c-{nth}")).collect();
        let counts: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 10)).collect();
        let used = counted(true, &counts);
        assert_eq!(used.listed.len(), UsedTokens::MAX_LISTED);
        assert_eq!(used.total(), Some(200));
    }
}
