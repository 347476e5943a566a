//! Sentences that say that the client is signed out.

use super::clause;
use super::limit::MAX_BETWEEN;

/// Whether a part of a line says that the client is signed out.
pub(super) fn is_missing(part: &str) -> bool {
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
    BEGINS
        .iter()
        .any(|begin| clause::ends_after(part, begin, 0))
        || you_are_signed_out(part)
        || access_has_ended(part)
}

/// `You've been signed out.`, `You are not logged in`.
fn you_are_signed_out(part: &str) -> bool {
    const SUBJECTS: [&str; 5] = [
        "you are ",
        "you're ",
        "you have been ",
        "you've been ",
        "you were ",
    ];
    const STATES: [&str; 4] = ["not logged in", "not signed in", "logged out", "signed out"];
    let predicate = SUBJECTS
        .into_iter()
        .find_map(|subject| part.strip_prefix(subject));
    predicate.is_some_and(|predicate| {
        STATES
            .iter()
            .any(|state| clause::ends_after(predicate, state, 0))
    })
}

/// `Your session has ended. Please log in again.`, `This organization has been disabled.`
fn access_has_ended(part: &str) -> bool {
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
    let Some(sentence) = ["your ", "this ", "the "]
        .into_iter()
        .find_map(|whose| part.strip_prefix(whose))
    else {
        return false;
    };
    if sentence.starts_with("account does not have access to ") {
        return true;
    }
    STATES.iter().any(|state| {
        let halves = sentence
            .split_once(state)
            .filter(|(subject, _)| subject.ends_with(' '));
        halves.is_some_and(|(subject, rest)| is_access(subject.trim_end()) && ends_sentence(rest))
    })
}

/// Whether the subject of a sentence is what gives access.
fn is_access(subject: &str) -> bool {
    const NOUNS: [&str; 12] = [
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
    let is_short = subject.split_whitespace().count() <= 3;
    // This subject is longer: `The SSO session associated with this profile has expired`.
    let is_sso = subject.starts_with("sso session ") && subject.len() <= MAX_BETWEEN;
    is_sso || (is_short && NOUNS.iter().any(|noun| subject.ends_with(noun)))
}

/// Whether the sentence ends before `rest`, or only gives a reason there.
fn ends_sentence(rest: &str) -> bool {
    let gives_reason = [" because ", " or is otherwise invalid"]
        .into_iter()
        .any(|reason| rest.starts_with(reason));
    gives_reason || clause::ends_at(rest)
}
