//! Where a clause ends: what separates a message from talk about it.
//!
//! `Weekly limit reached · resets 7pm` ends a clause after `reached`. `Rate limit exceeded handling
//! is tested` does not end one after `exceeded`.

/// Whether a clause ends right after `phrase`, which begins as a whole word within the first
/// `within` bytes of `text`.
pub(super) fn ends_after(text: &str, phrase: &str, within: usize) -> bool {
    text.match_indices(phrase)
        .take_while(|(at, _)| *at <= within)
        .any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let rest = text.get(at + phrase.len()..).unwrap_or_default();
            !before.is_some_and(char::is_alphanumeric) && ends_at(rest)
        })
}

/// Whether a clause ends before `rest`: by punctuation, or by words that a client adds to a
/// message.
pub(super) fn ends_at(rest: &str) -> bool {
    const AFTER_COMMA: [&str; 3] = [", try", ", reset", ", please"];
    const ADDED: [&str; 9] = [
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
    let ends_by_mark = rest.is_empty()
        || rest.starts_with(['.', '!', ';', ':', ')', ']', '|'])
        || rest.starts_with("  ");
    if ends_by_mark {
        return true;
    }
    let Some(next) = rest.strip_prefix(' ') else {
        return AFTER_COMMA.into_iter().any(|words| rest.starts_with(words));
    };
    next.is_empty()
        || next.starts_with(['·', '∙', '•', '—', '–', '-', '|', '(', '⋅'])
        || ADDED.into_iter().any(|words| next.starts_with(words))
}
