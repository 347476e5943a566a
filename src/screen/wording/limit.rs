//! Sentences that say that a usage limit is reached or that the account has no money left.

use super::clause;

/// How many bytes may stand between the verb and the noun: `hit your [monthly included API usage]
/// limit`.
pub(super) const MAX_BETWEEN: usize = 60;
/// How many words may stand before the noun of `weekly usage limit reached`.
const MAX_KINDS: usize = 6;

/// The nouns for what can be used up.
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

/// Whether a part of a line says that a limit is reached. `is_answer` as in
/// [`super::blocker`].
pub(super) fn is_reached(part: &str, is_answer: bool) -> bool {
    let is_certain = you_hit_limit(part) || limit_is_reached(part) || would_exceed_limit(part);
    // An agent's answer may begin like these.
    let is_likely = || group_hit_limit(part) || has_no_credit(part);
    is_certain || (!is_answer && is_likely())
}

/// `You've hit your weekly limit · …`
fn you_hit_limit(part: &str) -> bool {
    let predicate = ["you've ", "you have ", "you "]
        .into_iter()
        .find_map(|you| part.strip_prefix(you));
    predicate.is_some_and(hits_limit)
}

/// `Your organization has reached its monthly usage limit.`
fn group_hit_limit(part: &str) -> bool {
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
    let sentence = ["your ", "this ", "the "]
        .into_iter()
        .find_map(|whose| part.strip_prefix(whose));
    let halves = sentence.and_then(|sentence| {
        sentence
            .split_once(" has ")
            .or_else(|| sentence.split_once(" have "))
    });
    let is_group = |subject: &str| {
        subject.split_whitespace().count() <= 3
            && GROUPS.iter().any(|group| subject.contains(group))
    };
    halves.is_some_and(|(subject, predicate)| is_group(subject) && hits_limit(predicate))
}

/// Whether the sentence goes on after its subject like `hit your weekly limit` or `used up its
/// included usage`.
fn hits_limit(predicate: &str) -> bool {
    const USES_UP: [&str; 5] = [
        "used up ",
        "used all ",
        "run out of ",
        "ran out of ",
        "exhausted ",
    ];
    const HITS: [&str; 4] = ["hit ", "reached ", "exceeded ", "maxed out "];
    let after = |verbs: &[&str]| verbs.iter().find_map(|verb| predicate.strip_prefix(verb));
    let used_up = after(&USES_UP);
    let Some(object) = used_up.or_else(|| after(&HITS)) else {
        return false;
    };
    let has_article = ["your ", "its ", "the ", "all ", "of "]
        .into_iter()
        .any(|word| object.starts_with(word));
    let ends_with = |noun: &str| clause::ends_after(object, noun, MAX_BETWEEN);
    let is_limit = NOUNS.into_iter().any(ends_with) || (used_up.is_some() && ends_with("usage"));
    (has_article || object.starts_with("credits")) && is_limit
}

/// `Weekly usage limit reached · …`, `Quota exceeded.`
fn limit_is_reached(part: &str) -> bool {
    NOUNS.into_iter().any(|noun| {
        let halves = part.split_once(noun);
        halves.is_some_and(|(before, after)| noun_is_reached(noun, before, after))
    })
}

/// Whether the words around a noun make it a usage limit that is reached.
fn noun_is_reached(noun: &str, before: &str, after: &str) -> bool {
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
    const TALKING: [&str; 6] = ["when", "if", "after", "until", "no", "approaching"];
    let words: Vec<&str> = before.split_whitespace().collect();
    let is_compound = before.ends_with(|c: char| c.is_alphanumeric() || c == '-');
    let is_talk = words.iter().any(|word| TALKING.contains(word));
    if is_compound || is_talk {
        return false;
    }
    let state = without_verb(after.trim_start());
    let needs_no_kind = ["quota", "credits", "balance"].contains(&noun) && words.len() <= 3;
    let has_kind = words.len() <= MAX_KINDS && words.iter().any(|word| KINDS.contains(word));
    // Only a usage limit resets by itself: `Limit reached · resets 3pm`.
    let resets = words.is_empty() && state.contains("resets");
    (needs_no_kind || has_kind || resets)
        && STATES
            .into_iter()
            .any(|word| clause::ends_after(state, word, 0))
}

fn without_verb(text: &str) -> &str {
    ["has been ", "have been ", "is ", "are ", "was "]
        .into_iter()
        .find_map(|verb| text.strip_prefix(verb))
        .unwrap_or(text)
}

/// `This request would exceed your account's rate limit. Please try again later.`
fn would_exceed_limit(part: &str) -> bool {
    part.strip_prefix("this request would exceed ")
        .is_some_and(|object| clause::ends_after(object, "limit", MAX_BETWEEN))
}

/// `Your workspace is out of credits.`, `Insufficient balance`, `Credit balance too low`.
fn has_no_credit(part: &str) -> bool {
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
    BEGINS
        .iter()
        .any(|begin| clause::ends_after(part, begin, 0))
        || is_out_of_credit(part)
}

/// `You're out of extra usage · resets 7pm`
fn is_out_of_credit(part: &str) -> bool {
    /// How many bytes may stand before the noun.
    const WITHIN: usize = 12;
    const CREDITS: [&str; 7] = [
        "credits",
        "extra usage",
        "included usage",
        "usage",
        "quota",
        "tokens",
        "funds",
    ];
    let Some((before, object)) = part.split_once("out of ") else {
        return false;
    };
    let subject = before.trim_end();
    let is_own = subject.is_empty() || subject.starts_with("your ") || subject.starts_with("you");
    let has_verb = subject.is_empty()
        || ["'re", "are", "is", "run", "ran"]
            .iter()
            .any(|verb| subject.ends_with(verb));
    let is_short = subject.split_whitespace().count() <= 5;
    is_own
        && has_verb
        && is_short
        && CREDITS
            .iter()
            .any(|noun| clause::ends_after(object, noun, WITHIN))
}
