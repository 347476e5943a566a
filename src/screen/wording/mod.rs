//! What a line of the client means in general words: a limit, a missing sign-in, or another try.
//!
//! The table of an agent holds its exact phrases. But clients reword their messages with every
//! version, and a provider behind a client has words of its own. So this module knows how such
//! sentences are built in English, and the error codes of HTTP and of the large providers.
//!
//! ```text
//!  You've hit your weekly limit · resets 7pm        limit
//!  Your session has expired. Please log in again.   sign_in
//!  API Error: 429 {"error":{"code":"1308"}}         error
//! ```
//!
//! Each form is anchored: it begins a line, begins a part of a footer, or follows the label of an
//! error. A clause must end after it. So talk about a limit says nothing here: `You've hit your
//! limit on retries in the fixture` goes on after the noun.

mod clause;
mod error;
mod limit;
mod sign_in;

/// What keeps a client from working, by its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocker {
    /// A usage limit is reached, or the account has no money left.
    Limit,
    /// The client is signed out.
    Auth,
}

/// The longest offer to wait for a limit, in bytes. A longer line is prose.
const MAX_OFFER: usize = 80;
/// The longest notice of another try, in bytes from its verb on.
const MAX_RETRY: usize = 120;

/// The blocker that a line names. `words` is the line without the marks before its words.
///
/// `is_answer` says that the line looks like an agent's answer. Then only forms count that no
/// answer begins with.
pub(super) fn blocker(words: &str, is_answer: bool) -> Option<Blocker> {
    let text = if words.starts_with('{') {
        error::in_json(words).unwrap_or_default()
    } else {
        words
    };
    let lower = lower(text);
    let lower = lower.trim();
    if switches_model(lower) || tries_again(lower) {
        return None;
    }
    if error::has_label(lower, is_answer)
        && let Some(blocker) = error::blocker(lower)
    {
        return Some(blocker);
    }
    // A footer sets its parts apart by blanks.
    let parts = || {
        lower
            .split("   ")
            .map(str::trim)
            .filter(|part| !part.is_empty())
    };
    if parts().any(|part| limit::is_reached(part, is_answer)) {
        return Some(Blocker::Limit);
    }
    let is_signed_out = !is_answer && parts().any(sign_in::is_missing);
    is_signed_out.then_some(Blocker::Auth)
}

/// The part of a line that is shown as the reason of a state: the message of a JSON error, or else
/// the whole line.
pub(super) fn shown(text: &str) -> &str {
    if text.starts_with('{') {
        error::in_json(text).unwrap_or(text)
    } else {
        text
    }
}

/// Whether a line is the answer of a dialog that offers to wait until a limit ends.
///
/// Example: `Stop and wait for limit to reset`.
pub(super) fn offers_to_wait(words: &str) -> bool {
    let lower = lower(words);
    let offer = lower.find("wait for").and_then(|at| lower.get(at..));
    let waits_for_reset = offer.is_some_and(|offer| offer.contains("reset"));
    let names_limit = lower.contains("limit") || lower.contains("quota");
    lower.len() <= MAX_OFFER && waits_for_reset && names_limit
}

/// Whether a client says that it tries again by itself. Such a notice has a number.
///
/// Examples: `retrying in 3s · attempt 4/10`, `Reconnecting... 2/5`.
pub(super) fn tries_again(words: &str) -> bool {
    let lower = lower(words);
    let verb = ["retrying", "reconnecting"]
        .into_iter()
        .filter_map(|verb| lower.find(verb))
        .min();
    let notice = verb.and_then(|at| lower.get(at..)).unwrap_or_default();
    notice.len() <= MAX_RETRY && notice.contains(|c: char| c.is_ascii_digit())
}

/// The text in small letters, with plain apostrophes and plain blanks.
fn lower(text: &str) -> String {
    let plain = |c: char| match c {
        '’' => '\'',
        '\u{a0}' | '\u{202f}' | '\u{2007}' => ' ',
        c => c.to_ascii_lowercase(),
    };
    text.chars().map(plain).collect()
}

/// Whether the client goes on with another model by itself. Then its limit stops nothing.
fn switches_model(lower: &str) -> bool {
    [
        "now using ",
        "switched to ",
        "falling back to ",
        "fell back to ",
        "continuing with ",
    ]
    .into_iter()
    .any(|switch| lower.contains(switch))
}

#[cfg(test)]
mod tests {
    use super::{Blocker, blocker, tries_again};

    #[test]
    fn limits_are_named_in_many_words() {
        for text in [
            "You've hit your limit · resets 7pm (UTC)",
            "You’ve hit your usage limit.",
            "You hit your session limit · resets 5:50pm",
            "You've reached your Fable limit",
            "You've reached your weekly (7-day) usage limit.",
            "You have exceeded your monthly included usage quota.",
            "You've hit your usage limit for GPT-6-Astra. Switch to another model now, or try again at 9:05 PM.",
            "You've hit your monthly spend limit.",
            "You've used all your included credits",
            "5-hour limit reached ∙ resets 3pm",
            "Opus weekly limit reached",
            "Claude AI usage limit reached|1764360000",
            "Your weekly usage limit has been reached.",
            "Monthly spending limit exceeded · raise it at example.com",
            "Quota exceeded. Check your plan and billing details.",
            "Your workspace is out of credits. Add credits to continue.",
            "You're out of extra usage · resets 7pm",
            "Credit balance too low · Add funds: https://example.com",
            "Insufficient balance",
            "API Error: 429 {\"error\":{\"code\":\"1308\",\"message\":\"已达到 5 小时的使用上限。\"}}",
            "API Error: Request rejected (429) · This request would exceed your account's rate limit.",
            "Failed to authenticate. API Error: 403 You've reached your weekly (7-day) usage limit.",
            "Error: [provider.auth_error] 403 You've reached your weekly usage limit. Your quota will reset later.",
            "LLM provider error: Error code: 429 - {'error': {}}",
            "Error: 402 Payment Required",
            "[API Error: {\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}]",
            "exceeded retry limit, last status: 429 Too Many Requests",
            "⏵⏵ bypass permissions on        You've hit your weekly limit · resets 7pm",
            "{\"type\":\"result\",\"is_error\":true,\"result\":\"You've hit your session limit · resets 3:30am\"}",
            "{\"error\":{\"code\":429,\"message\":\"No capacity\"}}",
            "This request would exceed your account's rate limit. Please try again later.",
            "You've used up your free usage for today · resets at midnight",
            "You've hit your session limit, resets 3pm",
            "You've hit your\u{a0}weekly limit\u{a0}· resets 3pm",
            "Limit reached · resets 3pm (Europe/Berlin) · /upgrade to Max",
            "Your organization has reached its monthly usage limit.",
            "Your team has hit its monthly spend limit · contact your admin",
            "Your workspace has reached its usage limit. Ask your workspace owner to increase it.",
            "You've reached your workspace spend cap. Ask an owner to raise it.",
            "You exceeded your current quota, please check your plan and billing details.",
            "Your credit balance is too low to access the API. Please go to Plans & Billing",
        ] {
            assert_eq!(blocker(text, false), Some(Blocker::Limit), "{text}");
        }
    }

    #[test]
    fn being_signed_out_is_named_in_many_words() {
        for text in [
            "Login expired · Please run /login",
            "Your session has expired. Please log in again.",
            "Invalid API key · Fix external API key",
            "API Error: 401 {\"type\":\"error\"}",
            "API Error: 403 {\"error\":{\"type\":\"forbidden\",\"message\":\"Request not allowed\"}}",
            "[API Error: {\"error\":{\"code\":401,\"status\":\"UNAUTHENTICATED\"}}]",
            "unexpected status 401 Unauthorized: invalid x-api-key, url: http://127.0.0.1/v1",
            "Error: [provider.auth_error] 401 invalid x-api-key",
            "You've been signed out. Run /login to continue.",
            "You are not logged in",
            "Missing API key · Run /login",
            "API key is missing. Pass it using the 'apiKey' parameter.",
            "Your account does not have access to Claude Code. Please run /login.",
            "This organization has been disabled.",
            "API Error: Could not load credentials from any providers",
            "The SSO session associated with this profile has expired or is otherwise invalid.",
            "Your session has ended. Please log in again.",
            "Your authentication token has been invalidated. Please try signing in again.",
            "Your access token could not be refreshed because your refresh token was revoked. Please log out.",
            "OAuth login required. Send /login to login.",
            "Token refresh failed: 400",
        ] {
            assert_eq!(blocker(text, false), Some(Blocker::Auth), "{text}");
        }
    }

    #[test]
    fn talk_of_limits_names_no_blocker() {
        for text in [
            "You've hit your limit on retries in the fixture, so I raised it",
            "You've used 95% of your weekly limit · resets 7pm",
            "When you've hit your usage limit, wait",
            "Approaching usage limit · resets at 7pm",
            "Approaching rate limits",
            "Context limit reached · /compact or /clear to continue",
            "Opus limit reached, now using Sonnet",
            "The line limit reached 400 in this file",
            "Rate limit exceeded handling is tested",
            "Quota exceeded, so I waited",
            "Adjust spend limit",
            "Please run /login if it asks",
            "API Error: 529 Overloaded. This is a server-side issue, usually temporary — try again in a moment.",
            "unexpected status 529 <unknown status code>: Overloaded, url: http://127.0.0.1:18999/v1/responses",
            "LLM provider error: Error code: 529 - {'error': {'message': 'Overloaded'}}",
            "No usage limit reached yet",
            "Your session has expired in the fixture, so the test signs in again",
            "Your organization has reached its goal",
            "This token has expired entries in it",
            "The account has been disabled by the migration",
            "Missing API key handling is tested",
            "The team has hit its limit on patience with this test",
            "Limit reached",
            "You've used up your budget estimate in the fixture",
            "{\"type\":\"result\",\"is_error\":false,\"result\":\"You've hit your session limit\"}",
        ] {
            assert_eq!(blocker(text, false), None, "{text}");
        }
        for text in [
            "Error: 401 in the log",
            "Please run /login",
            "Your workspace is out of credits.",
            "Your team has reached its usage limit.",
            "Your session has ended.",
        ] {
            assert_eq!(blocker(text, true), None, "{text}");
        }
    }

    #[test]
    fn a_retry_has_a_number() {
        for text in [
            "529 Overloaded · retrying in 3s · attempt 4/10",
            "Reconnecting to server… (9s)",
            "Server is busy, reconnecting 1/2 (1s • esc to interrupt)",
            "Retrying after rate limit · attempt 2/3 · <1s",
        ] {
            assert!(tries_again(text), "{text}");
        }
        assert!(!tries_again("Retrying is pointless here"));
    }
}
