//! What the words of a client's own line say in general: at a limit, signed out, or trying again.
//!
//! The tables of an agent hold its exact phrases. Clients reword them with every version, and a
//! provider behind a client brings words of its own. So this knows how such sentences are built, in
//! English, and the codes of HTTP and of the large providers. Every form is anchored: at the start
//! of a line or of a part of a footer, or behind the label of an error. A sentence that only talks
//! about a limit goes on after the noun, and says nothing here.

/// What a line says of its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saying {
    /// A usage limit is reached, or the account has no means left.
    Limit,
    /// It is signed out.
    Auth,
}

/// So many bytes of an error are searched for the code of its answer.
const CODE_WITHIN: usize = 160;
/// So many bytes may stand between the verb and the noun:
/// `hit your [monthly included API usage] limit`.
const MAX_BETWEEN: usize = 60;
/// So many words may stand before the noun of `weekly usage limit reached`.
const MAX_KINDS: usize = 6;

/// What a line of the client's own says, by its words without marks. `answer`: it is set like an
/// agent's answer, so that only what no answer would begin with counts.
pub(super) fn saying(words: &str, answer: bool) -> Option<Saying> {
    let text = if words.starts_with('{') {
        error_in_json(words).unwrap_or_default()
    } else {
        words
    };
    let lower = lower(text);
    let lower = lower.trim();
    if goes_on_otherwise(lower) || tries_again(lower) {
        return None;
    }
    if let Some(error) = after_label(lower, answer)
        && let Some(saying) = of_error(error)
    {
        return Some(saying);
    }
    let parts = || {
        lower
            .split("   ")
            .map(str::trim)
            .filter(|part| !part.is_empty())
    };
    if parts()
        .any(|part| is_limit(part) || (!answer && (a_group_is_at_it(part) || has_no_means(part))))
    {
        return Some(Saying::Limit);
    }
    (!answer && parts().any(is_signed_out)).then_some(Saying::Auth)
}

/// The message of a JSON object that reports an error, or all of it where that has no message; it
/// may be cut off.
fn error_in_json(text: &str) -> Option<&str> {
    let is_error = text.contains("\"is_error\":true")
        || text.contains("\"is_error\": true")
        || text.contains("\"error\"");
    if !is_error {
        return None;
    }
    let message = ["\"result\":", "\"message\":"].into_iter().find_map(|key| {
        let value = text.split_once(key)?.1.trim_start().strip_prefix('"')?;
        let end = value.match_indices('"').find(|(at, _)| {
            !value
                .get(..*at)
                .is_some_and(|before| before.ends_with('\\'))
        });
        value.get(..end.map_or(value.len(), |(at, _)| at))
    });
    message
        .filter(|message| saying(message, false).is_some())
        .or(Some(text))
}

/// What of a line is shown as the reason of a state: of an object that reports an error its
/// message.
pub(super) fn shown(text: &str) -> &str {
    if text.starts_with('{') {
        error_in_json(text).unwrap_or(text)
    } else {
        text
    }
}

/// Whether an answer of a dialog is to wait for the end of a limit.
pub(super) fn offers_to_wait(words: &str) -> bool {
    let lower = lower(words);
    let wait = lower
        .find("wait for")
        .filter(|at| lower.get(*at..).is_some_and(|rest| rest.contains("reset")));
    lower.len() <= 80 && wait.is_some() && (lower.contains("limit") || lower.contains("quota"))
}

/// Whether a client says that it tries again by itself: `retrying in 3s · attempt 4/10`,
/// `Reconnecting... 2/5`.
pub(super) fn tries_again(words: &str) -> bool {
    let lower = lower(words);
    let begin = ["retrying", "reconnecting"]
        .into_iter()
        .filter_map(|word| lower.find(word))
        .min();
    let rest = begin.and_then(|at| lower.get(at..)).unwrap_or_default();
    rest.len() <= 120 && rest.contains(|c: char| c.is_ascii_digit())
}

/// Small letters, and one kind of apostrophe and of blank.
fn lower(text: &str) -> String {
    let plain = |c: char| match c {
        '’' => '\'',
        '\u{a0}' | '\u{202f}' | '\u{2007}' => ' ',
        c => c.to_ascii_lowercase(),
    };
    text.chars().map(plain).collect()
}

/// Whether the client itself goes on in another way: then its limit keeps nobody.
fn goes_on_otherwise(lower: &str) -> bool {
    [
        "now using ",
        "switched to ",
        "falling back to ",
        "fell back to ",
        "continuing with ",
    ]
    .into_iter()
    .any(|way| lower.contains(way))
}

/// What follows the label with which a client marks an error. An agent's answer begins with few of
/// them.
fn after_label(lower: &str, answer: bool) -> Option<&str> {
    const SURE: [&str; 10] = [
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
    let begins = |labels: &[&str]| labels.iter().any(|label| lower.starts_with(label));
    (begins(&SURE) || (!answer && begins(&OTHERS))).then_some(lower)
}

/// What an error says. The words of a limit outrank those of sign-in: some providers refuse a
/// used-up quota as forbidden.
fn of_error(lower: &str) -> Option<Saying> {
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
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let head = lower.get(..floor(lower, CODE_WITHIN)).unwrap_or(lower);
    if has(&LIMIT) || has_code(head, "429") || has_code(head, "402") {
        return Some(Saying::Limit);
    }
    (has(&AUTH) || has_code(head, "401") || has_code(head, "403")).then_some(Saying::Auth)
}

/// The largest place of at most `at` bytes between two characters.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Whether a number stands by itself.
fn has_code(text: &str, code: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.match_indices(code).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text
            .get(at + code.len()..)
            .and_then(|after| after.chars().next());
        !before.is_some_and(is_part)
            && !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-')
    })
}

/// `You've hit your weekly limit · …`, `Weekly usage limit reached · …`.
fn is_limit(part: &str) -> bool {
    you_are_at_it(part) || it_is_reached(part) || it_would_exceed(part)
}

/// The nouns of what is used up.
const NOUNS: [&str; 9] = [
    "limits",
    "limit",
    "quota",
    "allowance",
    "credits",
    "capacity",
    "budget",
    "balance",
    "cap",
];

fn you_are_at_it(part: &str) -> bool {
    let rest = ["you've ", "you have ", "you "]
        .into_iter()
        .find_map(|you| part.strip_prefix(you));
    rest.is_some_and(has_come_to_it)
}

/// `Your organization has reached its monthly usage limit.`
fn a_group_is_at_it(part: &str) -> bool {
    const GROUPS: [&str; 8] = [
        "organization",
        "organisation",
        "workspace",
        "team",
        "account",
        "plan",
        "project",
        "company",
    ];
    let rest = ["your ", "this ", "the "]
        .into_iter()
        .find_map(|whose| part.strip_prefix(whose));
    let rest = rest.and_then(|rest| {
        rest.split_once(" has ")
            .or_else(|| rest.split_once(" have "))
    });
    let is_group = |who: &str| {
        who.split_whitespace().count() <= 3 && GROUPS.iter().any(|group| who.contains(group))
    };
    rest.is_some_and(|(who, rest)| is_group(who) && has_come_to_it(rest))
}

/// `hit your weekly limit`, `used up its included usage`: the rest of a sentence after who it is
/// about.
fn has_come_to_it(rest: &str) -> bool {
    let after = |verbs: &[&str]| verbs.iter().find_map(|verb| rest.strip_prefix(verb));
    let used = after(&[
        "used up ",
        "used all ",
        "run out of ",
        "ran out of ",
        "exhausted ",
    ]);
    let Some(rest) = used.or_else(|| after(&["hit ", "reached ", "exceeded ", "maxed out "]))
    else {
        return false;
    };
    let whose = ["your ", "its ", "the ", "all ", "of "]
        .into_iter()
        .any(|word| rest.starts_with(word));
    let ends = |noun: &str| ends_clause_after(rest, noun, MAX_BETWEEN);
    let is_noun = NOUNS.into_iter().any(ends) || (used.is_some() && ends("usage"));
    (whose || rest.starts_with("credits")) && is_noun
}

fn it_is_reached(part: &str) -> bool {
    const STATES: [&str; 6] = [
        "reached",
        "exceeded",
        "exhausted",
        "hit",
        "used up",
        "depleted",
    ];
    const KINDS: [&str; 34] = [
        "usage",
        "rate",
        "session",
        "weekly",
        "monthly",
        "daily",
        "hourly",
        "5-hour",
        "5h",
        "7-day",
        "spend",
        "spending",
        "request",
        "requests",
        "token",
        "tokens",
        "plan",
        "account",
        "workspace",
        "organization",
        "team",
        "message",
        "model",
        "models",
        "opus",
        "sonnet",
        "haiku",
        "fable",
        "credit",
        "api",
        "free",
        "tier",
        "billing",
        "premium",
    ];
    NOUNS.into_iter().any(|noun| {
        let Some((before, after)) = part.split_once(noun) else {
            return false;
        };
        let own = ["quota", "credits", "balance"].contains(&noun);
        let kinds: Vec<&str> = before.split_whitespace().collect();
        let is_kind = |word: &&str| KINDS.contains(word);
        let named =
            (own && kinds.len() <= 3) || (kinds.len() <= MAX_KINDS && kinds.iter().any(is_kind));
        let glued = before.ends_with(|c: char| c.is_alphanumeric() || c == '-');
        let talks = kinds.iter().any(|word| {
            matches!(
                *word,
                "when" | "if" | "after" | "until" | "no" | "approaching"
            )
        });
        let after = after.trim_start();
        let after = ["has been ", "have been ", "is ", "are ", "was "]
            .into_iter()
            .find_map(|verb| after.strip_prefix(verb))
            .unwrap_or(after);
        let state = STATES
            .into_iter()
            .any(|state| ends_clause_after(after, state, 0));
        // Nothing but a limit of usage is reset by itself.
        let named = named || (kinds.is_empty() && after.contains("resets"));
        named && !glued && !talks && state
    })
}

/// `This request would exceed your account's rate limit. Please try again later.`
fn it_would_exceed(part: &str) -> bool {
    part.strip_prefix("this request would exceed ")
        .is_some_and(|rest| ends_clause_after(rest, "limit", MAX_BETWEEN))
}

/// `Your workspace is out of credits.`, `Insufficient balance`, `Credit balance too low`.
fn has_no_means(part: &str) -> bool {
    const BEGINS: [&str; 12] = [
        "your credit balance is too low",
        "insufficient balance",
        "insufficient credit",
        "insufficient quota",
        "insufficient funds",
        "credit balance is too low",
        "credit balance too low",
        "no credits left",
        "no credits remaining",
        "payment required",
        "membership expired",
        "your membership has expired",
    ];
    let out = part.split_once("out of ").filter(|(before, _)| {
        let before = before.trim_end();
        let whose = before.starts_with("your ") || before.starts_with("you") || before.is_empty();
        let is = before.is_empty()
            || ["'re", "are", "is", "run", "ran"]
                .iter()
                .any(|verb| before.ends_with(verb));
        whose && is && before.split_whitespace().count() <= 5
    });
    let nouns = [
        "credits",
        "extra usage",
        "included usage",
        "usage",
        "quota",
        "tokens",
        "funds",
    ];
    BEGINS.iter().any(|begin| ends_clause_after(part, begin, 0))
        || out.is_some_and(|(_, after)| nouns.iter().any(|noun| ends_clause_after(after, noun, 12)))
}

fn is_signed_out(part: &str) -> bool {
    const BEGINS: [&str; 30] = [
        "login expired",
        "login has expired",
        "login required",
        "oauth login required",
        "sign-in expired",
        "sign-in required",
        "please run /login",
        "please log in",
        "please log out and sign in",
        "please sign in",
        "please login",
        "not logged in",
        "not signed in",
        "session expired",
        "session has expired",
        "authentication failed",
        "authentication required",
        "authentication expired",
        "token refresh failed",
        "oauth token has expired",
        "invalid api key",
        "invalid x-api-key",
        "missing api key",
        "no api key found",
        "no api key provided",
        "no api key configured",
        "api key is missing",
        "api key not found",
        "could not load credentials from any provider",
        "could not load credentials from any providers",
    ];
    BEGINS.iter().any(|begin| ends_clause_after(part, begin, 0))
        || you_are_out(part)
        || access_is_gone(part)
}

/// `You've been signed out.`, `You are not logged in`.
fn you_are_out(part: &str) -> bool {
    let rest = [
        "you are ",
        "you're ",
        "you have been ",
        "you've been ",
        "you were ",
    ]
    .into_iter()
    .find_map(|you| part.strip_prefix(you));
    let states = ["not logged in", "not signed in", "logged out", "signed out"];
    rest.is_some_and(|rest| states.iter().any(|state| ends_clause_after(rest, state, 0)))
}

/// `Your session has ended. Please log in again.`, `This organization has been disabled.`
fn access_is_gone(part: &str) -> bool {
    const WHAT: [&str; 12] = [
        "session",
        "login",
        "sign-in",
        "token",
        "credentials",
        "credential",
        "api key",
        "account",
        "organization",
        "organisation",
        "workspace",
        "subscription",
    ];
    const STATES: [&str; 13] = [
        "has expired",
        "have expired",
        "expired",
        "has ended",
        "is invalid",
        "was revoked",
        "has been revoked",
        "has been invalidated",
        "has been disabled",
        "has been deactivated",
        "has been suspended",
        "could not be refreshed",
        "is disabled",
    ];
    let Some(rest) = ["your ", "this ", "the "]
        .into_iter()
        .find_map(|whose| part.strip_prefix(whose))
    else {
        return false;
    };
    if rest.starts_with("account does not have access to ") {
        return true;
    }
    STATES.iter().any(|state| {
        let Some((what, _)) = rest
            .split_once(state)
            .filter(|(what, _)| what.ends_with(' '))
        else {
            return false;
        };
        let what = what.trim_end();
        let is_it =
            what.split_whitespace().count() <= 3 && WHAT.iter().any(|noun| what.ends_with(noun));
        // What ends one's access also says so further on:
        // `The SSO session associated with … has expired`.
        let is_sso = what.starts_with("sso session ") && what.len() <= MAX_BETWEEN;
        let after = rest.get(what.len() + 1 + state.len()..).unwrap_or_default();
        let goes_on = [" because ", " or is otherwise invalid"]
            .into_iter()
            .any(|more| after.starts_with(more));
        (is_it || is_sso) && (goes_on || ends_clause(after))
    })
}

/// Whether `word` stands within the first bytes of `text`, whole, and a clause ends with it.
fn ends_clause_after(text: &str, word: &str, within: usize) -> bool {
    text.match_indices(word)
        .take_while(|(at, _)| *at <= within)
        .any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let rest = text.get(at + word.len()..).unwrap_or_default();
            !before.is_some_and(char::is_alphanumeric) && ends_clause(rest)
        })
}

/// Whether `rest` begins with the end of a clause, or with what a client adds to it.
fn ends_clause(rest: &str) -> bool {
    if rest.is_empty()
        || rest.starts_with(['.', '!', ';', ':', ')', ']', '|'])
        || rest.starts_with("  ")
    {
        return true;
    }
    let Some(rest) = rest.strip_prefix(' ') else {
        return [", try", ", reset", ", please"]
            .into_iter()
            .any(|word| rest.starts_with(word));
    };
    let adds = [
        "for ",
        "until ",
        "resets",
        "reset ",
        "this ",
        "to continue",
        "to login",
        "to access",
        "please ",
    ];
    rest.is_empty()
        || rest.starts_with(['·', '∙', '•', '—', '–', '-', '|', '(', '⋅'])
        || adds.iter().any(|word| rest.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::{Saying, saying, tries_again};

    #[test]
    fn limits_are_told_in_many_words() {
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
            assert_eq!(saying(text, false), Some(Saying::Limit), "{text}");
        }
    }

    #[test]
    fn being_signed_out_is_told_in_many_words() {
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
            assert_eq!(saying(text, false), Some(Saying::Auth), "{text}");
        }
    }

    #[test]
    fn talk_of_limits_says_nothing() {
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
            assert_eq!(saying(text, false), None, "{text}");
        }
        for text in [
            "Error: 401 in the log",
            "Please run /login",
            "Your workspace is out of credits.",
            "Your team has reached its usage limit.",
            "Your session has ended.",
        ] {
            assert_eq!(saying(text, true), None, "{text}");
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
