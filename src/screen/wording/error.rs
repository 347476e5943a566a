//! Errors with a label or in JSON: `API Error: 429 …`, `{"error":{"code":401}}`.

use super::Blocker;

/// How far from the beginning of an error its HTTP status is searched for, in bytes.
const STATUS_WITHIN: usize = 160;

/// Whether a line begins with a label by which clients mark an error. An agent's answer begins with
/// few of these labels.
pub(super) fn has_label(lower: &str, is_answer: bool) -> bool {
    const IN_ANSWERS: [&str; 10] = [
        "api error",
        "[api error",
        "llm provider error",
        "[provider.",
        "error: [provider.",
        "error: [auth.",
        "failed to authenticate",
        "unexpected status",
        "exceeded retry limit",
        "{\"type\":\"error\"",
    ];
    const OTHERS: [&str; 9] = [
        "error:",
        "error code",
        "error ",
        "http ",
        "{\"error\"",
        "[error",
        "litellm.",
        "apierror",
        "request failed",
    ];
    let begins_with = |labels: &[&str]| labels.iter().any(|label| lower.starts_with(label));
    begins_with(&IN_ANSWERS) || (!is_answer && begins_with(&OTHERS))
}

/// The blocker that an error names, by its words or its HTTP status.
///
/// The words of a limit win over those of sign-in: some providers answer `403 Forbidden` when a
/// quota is used up.
pub(super) fn blocker(lower: &str) -> Option<Blocker> {
    const LIMIT: [&str; 24] = [
        "usage limit",
        "rate limit",
        "rate_limit",
        "ratelimit",
        "quota",
        "resource_exhausted",
        "exhausted your",
        "insufficient balance",
        "insufficient_balance",
        "insufficient credit",
        "insufficient funds",
        "out of credit",
        "credit balance",
        "spend limit",
        "spending limit",
        "billing",
        "too many requests",
        "limit reached",
        "limit exceeded",
        "exceeded your",
        "使用上限",
        "限额",
        "配额",
        "余额不足",
    ];
    const AUTH: [&str; 18] = [
        "could not load credentials",
        "sso session",
        "security token included in the request is",
        "login_required",
        "unauthenticated",
        "unauthorized",
        "authentication_error",
        "authentication failed",
        "failed to authenticate",
        "invalid x-api-key",
        "invalid api key",
        "incorrect api key",
        "api key not valid",
        "api_key_invalid",
        "invalid authentication",
        "oauth token",
        "token has expired",
        "run /login",
    ];
    let has_any = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    let start = lower
        .get(..char_boundary(lower, STATUS_WITHIN))
        .unwrap_or(lower);
    if has_any(&LIMIT) || has_number(start, "429") || has_number(start, "402") {
        return Some(Blocker::Limit);
    }
    let is_auth = has_any(&AUTH) || has_number(start, "401") || has_number(start, "403");
    is_auth.then_some(Blocker::Auth)
}

/// The message of a JSON object that reports an error. The object may be cut off.
///
/// Without a message that names a blocker, it is the whole text. An object without an error gives
/// `None`.
pub(super) fn in_json(text: &str) -> Option<&str> {
    let is_error = text.contains("\"is_error\":true")
        || text.contains("\"is_error\": true")
        || text.contains("\"error\"");
    if !is_error {
        return None;
    }
    let message = ["\"result\":", "\"message\":"]
        .into_iter()
        .find_map(|key| string_after(text, key));
    message
        .filter(|message| super::blocker(message, false).is_some())
        .or(Some(text))
}

/// The JSON string after `key`, still escaped, up to its closing mark or the end of the text.
fn string_after<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let value = text.split_once(key)?.1.trim_start().strip_prefix('"')?;
    let is_escaped = |at: usize| {
        let before = value.get(..at);
        before.is_some_and(|before| before.ends_with('\\'))
    };
    let closing = value.match_indices('"').find(|(at, _)| !is_escaped(*at));
    value.get(..closing.map_or(value.len(), |(at, _)| at))
}

/// The last character boundary at or before `at` bytes.
fn char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Whether a number stands alone in the text, not within a word, a date or a version.
fn has_number(text: &str, number: &str) -> bool {
    let joins_before = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let joins_after = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.match_indices(number).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text
            .get(at + number.len()..)
            .and_then(|after| after.chars().next());
        !before.is_some_and(joins_before) && !after.is_some_and(joins_after)
    })
}
